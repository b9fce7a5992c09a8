//! Offsets of a zone of the IANA database (or of the system) at every instant, past jiff's range
//! too.
//!
//! # Invariants
//! * I1: after the last change of the law that the database knows, a zone follows a yearly rule.
//!   That rule depends on dates and weekdays only, so it repeats every 400 years: an instant after
//!   jiff's range has the observance of the same moment whole cycles earlier.
//! * I2: before the first change a zone keeps one offset: an instant before jiff's range has the
//!   observance of the first instant within.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use smallvec::SmallVec;

use super::calendar::{CYCLE_DAYS, DAY_S};

/// What a zone observes at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observance {
    /// Seconds east of UTC.
    pub offset_s: i32,
    /// Whether this is daylight saving time.
    pub is_dst: bool,
    /// Abbreviation such as `CET`; empty for an offset without a name.
    pub abbreviation: SmallVec<[u8; 16]>,
}

/// A jiff zone and the abbreviations it ever used.
#[derive(Debug)]
pub(crate) struct Rules {
    zone: TimeZone,
    abbreviations: Vec<(Box<[u8]>, i32)>,
}

const CYCLE_S: i64 = CYCLE_DAYS * DAY_S;

/// 1700 and 2040: all laws of the database begin after the one, and the yearly rules hold at the
/// other.
const LAWS_FROM: i64 = -8_520_336_000;
const LAWS_UNTIL: i64 = 2_208_988_800;

/// Changes of the clock that are looked at in each direction for the nearest other season; every
/// zone with seasons has two a year, most laws in between leave the season alone.
const SEASON_CHANGES_MAX: usize = 16;

impl Rules {
    pub(crate) fn new(zone: TimeZone) -> Self {
        let first = zone.to_offset_info(Timestamp::MIN);
        let mut abbreviations =
            vec![(first.abbreviation().as_bytes().into(), first.offset().seconds())];
        let changes = zone
            .following(timestamp(LAWS_FROM))
            .take_while(|change| change.timestamp().as_second() < LAWS_UNTIL);
        for change in changes {
            let entry: (Box<[u8]>, i32) =
                (change.abbreviation().as_bytes().into(), change.offset().seconds());
            if !abbreviations.contains(&entry) {
                abbreviations.push(entry);
            }
        }
        Self { zone, abbreviations }
    }

    pub(crate) fn offset_at(&self, unix: i64) -> i32 {
        self.zone.to_offset(timestamp(unix)).seconds()
    }

    pub(crate) fn observance_at(&self, unix: i64) -> Observance {
        let info = self.zone.to_offset_info(timestamp(unix));
        Observance {
            offset_s: info.offset().seconds(),
            is_dst: info.dst().is_dst(),
            abbreviation: SmallVec::from_slice(info.abbreviation().as_bytes()),
        }
    }

    /// The offset that `abbreviation` stands for when clocks show `local` seconds: the one in force
    /// then, or else the first that ever had this name.
    pub(crate) fn offset_of(&self, abbreviation: &[u8], local: i64) -> Option<i32> {
        let offsets = || {
            self.abbreviations
                .iter()
                .filter(|(name, _)| **name == *abbreviation)
                .map(|&(_, offset_s)| offset_s)
        };
        let is_in_force = |offset_s: &i32| {
            let at = local.saturating_sub(i64::from(*offset_s));
            *self.observance_at(at).abbreviation == *abbreviation
        };
        offsets().find(is_in_force).or_else(|| offsets().next())
    }

    /// The offset of the season nearest to `unix` that has (or has not) daylight saving time.
    pub(crate) fn offset_of_season(&self, unix: i64, is_dst: bool) -> Option<i32> {
        let at = timestamp(unix);
        let next = self
            .zone
            .following(at)
            .take(SEASON_CHANGES_MAX)
            .find(|change| change.dst().is_dst() == is_dst)
            .map(|change| (change.timestamp().as_second() - at.as_second(), change.offset()));
        // A season before `at` ends where the change after its own begins.
        let mut end = at;
        let mut past = None;
        for change in self.zone.preceding(at).take(SEASON_CHANGES_MAX) {
            if change.dst().is_dst() == is_dst {
                past = Some((at.as_second() - end.as_second(), change.offset()));
                break;
            }
            end = change.timestamp();
        }
        let nearest = next.into_iter().chain(past).min_by_key(|&(distance_s, _)| distance_s);
        nearest.map(|(_, offset)| offset.seconds())
    }
}

/// The instant of jiff's range with the same observance as `unix` seconds (I1, I2).
fn timestamp(unix: i64) -> Timestamp {
    let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    let unix = match unix {
        _ if unix > last => last - CYCLE_S + (unix - last) % CYCLE_S,
        _ => unix.max(first),
    };
    Timestamp::from_second(unix).expect("moved into the range just before")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> Rules {
        Rules::new(TimeZone::get("Europe/Berlin").unwrap())
    }

    #[test]
    fn seasons_go_on_after_the_range_of_the_database() {
        let rules = berlin();
        let july_2024 = 1_720_000_000;
        for cycles in [0, 1, 19, 20, 21, 1_000, 700_000_000] {
            let july = rules.observance_at(july_2024 + cycles * CYCLE_S);
            assert_eq!((july.offset_s, &*july.abbreviation), (7_200, &b"CEST"[..]), "{cycles}");
            let january = rules.observance_at(july_2024 - 180 * DAY_S + cycles * CYCLE_S);
            assert_eq!((january.offset_s, &*january.abbreviation), (3_600, &b"CET"[..]));
        }
        rules.offset_at(i64::MAX);
    }

    #[test]
    fn the_far_past_has_local_mean_time() {
        let rules = berlin();
        for unix in [i64::MIN, -377_705_023_202, -10_000_000_000] {
            assert_eq!(rules.offset_at(unix), 53 * 60 + 28);
            assert_eq!(&*rules.observance_at(unix).abbreviation, b"LMT");
        }
    }

    #[test]
    fn an_abbreviation_means_what_was_in_force_then() {
        let rules = berlin();
        let january = 1_705_000_000;
        assert_eq!(rules.offset_of(b"CET", january), Some(3_600));
        assert_eq!(rules.offset_of(b"CEST", january), Some(7_200));
        assert_eq!(rules.offset_of(b"PST", january), None);
        assert_eq!(rules.offset_of(b"CET", i64::MIN), Some(3_600));
    }

    #[test]
    fn the_other_season_is_looked_for_on_both_sides() {
        let rules = berlin();
        assert_eq!(rules.offset_of_season(1_705_000_000, true), Some(7_200));
        assert_eq!(rules.offset_of_season(1_720_000_000, false), Some(3_600));
        let utc = Rules::new(TimeZone::UTC);
        assert_eq!(utc.offset_of_season(0, true), None);
    }
}
