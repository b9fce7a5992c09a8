//! The `time` module: the clock, dates, durations, timers.

mod dates;
mod duration;
mod location;
mod moment;
mod waiting;

pub(crate) use duration::{Span, duration_arg, duration_text, push_duration};
pub(crate) use location::{Location, push_location};
pub(crate) use moment::{Moment, push_time, push_wall_time};
#[cfg(test)]
pub(crate) use waiting::TimerChannel;
pub(crate) use waiting::push_timer;

use super::module::{Member, Module};
use crate::civil::{Zone, constants};
use crate::lua::raw::host;

/// The module.
#[derive(Debug)]
pub(crate) struct TimeModule;

impl Module for TimeModule {
    const NAME: &'static str = "time";
    const MEMBERS: &'static [(&'static str, Member)] = &ALL;
}

const OWN: [(&str, Member); 13] = [
    ("now", Member::Function(host!(poll dates::now))),
    ("sleep", Member::Function(host!(poll waiting::sleep))),
    ("after", Member::Function(host!(poll waiting::after))),
    ("timer", Member::Function(host!(poll waiting::timer))),
    ("ticker", Member::Function(host!(poll waiting::ticker))),
    ("date", Member::Function(host!(poll dates::date))),
    ("unix", Member::Function(host!(poll dates::unix))),
    ("parse", Member::Function(host!(poll dates::parse))),
    ("parse_duration", Member::Function(host!(poll duration::parse_duration))),
    ("load_location", Member::Function(host!(poll location::load_location))),
    ("fixed_zone", Member::Function(host!(poll location::fixed_zone))),
    ("utc", Member::Value(|stack| push_location(stack, Zone::UTC))),
    ("localtz", Member::Value(|stack| push_location(stack, Zone::LOCAL))),
];

const N_OWN: usize = OWN.len();
const N_NUMBERS: usize = constants::NUMBERS.len();
const N_ALL: usize = N_OWN + N_NUMBERS + constants::LAYOUTS.len();

/// The members of this folder, then the constants.
const ALL: [(&str, Member); N_ALL] = {
    let mut all = [("", Member::Integer(0)); N_ALL];
    let mut at = 0;
    while at < N_ALL {
        all[at] = if at < N_OWN {
            OWN[at]
        } else if at < N_OWN + N_NUMBERS {
            let (name, value) = constants::NUMBERS[at - N_OWN];
            (name, Member::Integer(value))
        } else {
            let (name, layout) = constants::LAYOUTS[at - N_OWN - N_NUMBERS];
            (name, Member::Text(layout))
        };
        at += 1;
    }
    all
};
