//! An instant seen from a zone, and the arithmetic of instants.
//!
//! Instants cover every `i64` of seconds around 1970, about ±292 thousand million years. Results
//! that would lie outside stop at the end they passed: no wrapping, no panic.

use std::cmp::Ordering;
use std::fmt;

use super::calendar::{DateTime, Parts};
use super::duration::Duration;
use super::error::Error;
use super::rules::Observance;
use super::zone::{Zone, saturate};
use super::{format, layout, parse};

/// An instant with the zone in which it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    unix: i64,
    nanos: u32,
    zone: Zone,
}

const _: () = assert!(size_of::<Time>() <= 32 && !std::mem::needs_drop::<Time>());

const NANOS_PER_SECOND: i128 = 1_000_000_000;
/// Year 1, January 1, 00:00 UTC: the zero time, from which multiples are counted.
const ZERO_UNIX: i64 = -62_135_596_800;

impl Time {
    /// The zero time in UTC.
    pub const ZERO: Self = Self { unix: ZERO_UNIX, nanos: 0, zone: Zone::UTC };

    /// `sec` seconds and `nsec` nanoseconds, which may be any number, after 1970 began in UTC.
    pub fn from_unix(sec: i64, nsec: i64, zone: Zone) -> Self {
        Self::from_unix_nanos(i128::from(sec) * NANOS_PER_SECOND + i128::from(nsec), zone)
    }

    /// `nanos` nanoseconds after 1970 began in UTC.
    pub fn from_unix_nanos(nanos: i128, zone: Zone) -> Self {
        let subsec = nanos.rem_euclid(NANOS_PER_SECOND) as u32;
        Self::saturating(nanos.div_euclid(NANOS_PER_SECOND), subsec, zone)
    }

    /// The moment at which clocks of `zone` show `parts`.
    ///
    /// A moment they skip or show twice is resolved to one of the two offsets around the change.
    pub fn from_parts(parts: Parts, zone: Zone) -> Self {
        let (local, nanos) = parts.local_seconds();
        Self::saturating(zone.resolve(local), nanos, zone)
    }

    fn saturating(unix: i128, nanos: u32, zone: Zone) -> Self {
        match i64::try_from(unix) {
            Ok(unix) => Self { unix, nanos, zone },
            Err(_) if unix < 0 => Self { unix: i64::MIN, nanos: 0, zone },
            Err(_) => Self { unix: i64::MAX, nanos: 999_999_999, zone },
        }
    }

    /// Reads `text` as `layout` says; a text without zone is taken to be in `zone`.
    ///
    /// # Errors
    /// When the text does not have the form of the layout, or a part of it is out of range.
    pub fn parse(layout: &[u8], text: &[u8], zone: Zone) -> Result<Self, Error> {
        parse::parse(layout, text, zone)
    }

    /// The text of this time in the form of `layout`.
    pub fn format(&self, layout: &[u8]) -> Vec<u8> {
        format::format(self, layout)
    }

    /// Seconds since 1970, cut toward the past.
    pub fn unix(&self) -> i64 {
        self.unix
    }

    /// Nanoseconds since 1970; beyond 64 bits (years 1678 to 2262) the nearest number that fits.
    pub fn unix_nano(&self) -> i64 {
        saturate(self.unix_nanos())
    }

    /// Nanoseconds within the second, 0 to 999 999 999.
    pub fn subsec_nanos(&self) -> u32 {
        self.nanos
    }

    fn unix_nanos(&self) -> i128 {
        i128::from(self.unix) * NANOS_PER_SECOND + i128::from(self.nanos)
    }

    /// The zone in which this time is shown.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// The same instant, shown in `zone`.
    pub fn in_zone(&self, zone: Zone) -> Self {
        Self { zone, ..*self }
    }

    /// What calendar and clock of the zone show.
    pub fn date_time(&self) -> DateTime {
        DateTime::at(self.unix, self.nanos, self.zone.offset_at(self.unix))
    }

    /// Offset, season and abbreviation of the zone at this instant.
    pub fn observance(&self) -> Observance {
        self.zone.observance_at(self.unix)
    }

    /// The time `duration` later.
    pub fn add(&self, duration: Duration) -> Self {
        let nanos = self.unix_nanos() + i128::from(duration.nanoseconds());
        Self::from_unix_nanos(nanos, self.zone)
    }

    /// How much later this is than `other`; past ±292 years the longest duration.
    pub fn sub(&self, other: &Self) -> Duration {
        Duration::saturating(self.unix_nanos() - other.unix_nanos())
    }

    /// The same clock time `years`, `months` and `days` later. A day that the month does not have
    /// carries over: one month after 31 January is 2 or 3 March.
    pub fn add_date(&self, years: i64, months: i64, days: i64) -> Self {
        let parts = self.date_time().parts();
        // Saturated years are out of range however far months and days lead back.
        let parts = Parts {
            year: parts.year.saturating_add(years),
            month: parts.month.saturating_add(months),
            day: parts.day.saturating_add(days),
            ..parts
        };
        Self::from_parts(parts, self.zone)
    }

    /// This time rounded to the nearest multiple of `step` after the zero time, halves up.
    /// A step that is not positive leaves it alone.
    pub fn round(&self, step: Duration) -> Self {
        let Some(past) = self.past_multiple_of(step) else { return *self };
        let step = i128::from(step.nanoseconds());
        let by = if past * 2 < step { -past } else { step - past };
        Self::from_unix_nanos(self.unix_nanos() + by, self.zone)
    }

    /// This time moved back to a multiple of `step` after the zero time.
    /// A step that is not positive leaves it alone.
    pub fn truncate(&self, step: Duration) -> Self {
        let Some(past) = self.past_multiple_of(step) else { return *self };
        Self::from_unix_nanos(self.unix_nanos() - past, self.zone)
    }

    /// Nanoseconds since the last multiple of a positive `step`.
    fn past_multiple_of(&self, step: Duration) -> Option<i128> {
        let since_zero = self.unix_nanos() - i128::from(ZERO_UNIX) * NANOS_PER_SECOND;
        (step > Duration::ZERO).then(|| since_zero.rem_euclid(step.nanoseconds().into()))
    }

    /// Which of two instants is the later one, whatever their zones.
    pub fn cmp_instant(&self, other: &Self) -> Ordering {
        (self.unix, self.nanos).cmp(&(other.unix, other.nanos))
    }

    /// Whether this is a later instant than `other`.
    pub fn after(&self, other: &Self) -> bool {
        self.cmp_instant(other).is_gt()
    }

    /// Whether this is an earlier instant than `other`.
    pub fn before(&self, other: &Self) -> bool {
        self.cmp_instant(other).is_lt()
    }

    /// Whether both are the same instant, whatever their zones.
    pub fn equal(&self, other: &Self) -> bool {
        self.cmp_instant(other).is_eq()
    }

    /// Whether this is the zero time: year 1, January 1, 00:00 UTC.
    pub fn is_zero(&self) -> bool {
        self.equal(&Self::ZERO)
    }
}

/// The text of `tostring` in Lua, with names of zones that are no UTF-8 made readable.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.format(layout::TOSTRING.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_assume, proptest};

    use super::*;
    use crate::civil::calendar::days_in_month;
    use crate::civil::constants::{HOUR, SECOND};

    fn utc(year: i64, month: i64, day: i64, hour: i64, minute: i64) -> Time {
        let parts = Parts { year, month, day, hour, minute, second: 0, nanosecond: 0 };
        Time::from_parts(parts, Zone::UTC)
    }

    fn text(time: Time) -> String {
        time.to_string()
    }

    #[test]
    fn parts_out_of_range_carry_over() {
        let parts = Parts {
            year: 2023,
            month: 13,
            day: 32,
            hour: 25,
            minute: 61,
            second: -1,
            nanosecond: -1,
        };
        let time = Time::from_parts(parts, Zone::UTC);
        assert_eq!(text(time), "2024-02-02 02:00:58.999999999 +0000 UTC");
    }

    #[test]
    fn nanoseconds_of_any_size_carry_into_seconds() {
        let time = Time::from_unix(1, -1, Zone::UTC);
        assert_eq!((time.unix(), time.date_time().nanosecond), (0, 999_999_999));
        let time = Time::from_unix(0, 2_500_000_000, Zone::UTC);
        assert_eq!((time.unix(), time.unix_nano()), (2, 2_500_000_000));
    }

    #[test]
    fn the_ends_of_time_hold() {
        let last = Time::from_unix(i64::MAX, i64::MAX, Zone::UTC);
        let first = Time::from_unix(i64::MIN, i64::MIN, Zone::UTC);
        assert_eq!((last.unix(), first.unix()), (i64::MAX, i64::MIN));
        assert!(last.add(Duration::MAX).equal(&last));
        assert!(first.add(Duration::MIN).equal(&first));
        assert_eq!(last.sub(&first), Duration::MAX);
        assert_eq!(first.sub(&last), Duration::MIN);
        assert_eq!((last.unix_nano(), first.unix_nano()), (i64::MAX, i64::MIN));
        assert_eq!(text(last), "292277026596-12-04 15:30:07.999999999 +0000 UTC");
        assert_eq!(text(first), "-292277022657-01-27 08:29:52 +0000 UTC");
        assert!(last.add_date(i64::MAX, i64::MAX, i64::MAX).equal(&last));
        assert!(first.add_date(i64::MIN, i64::MIN, i64::MIN).equal(&first));
        assert!(utc(i64::MAX, 1, 1, 0, 0).equal(&last));
        let ny = Zone::load(b"America/New_York").unwrap();
        assert!(last.in_zone(ny).date_time().year > 292_277_026_000);
    }

    #[test]
    fn a_month_after_the_31st_carries_over() {
        assert_eq!(text(utc(2023, 1, 31, 5, 6).add_date(0, 1, 0)), "2023-03-03 05:06:00 +0000 UTC");
        assert_eq!(text(utc(2024, 1, 31, 5, 6).add_date(0, 1, 0)), "2024-03-02 05:06:00 +0000 UTC");
        assert_eq!(text(utc(2024, 2, 29, 0, 0).add_date(1, 0, 0)), "2025-03-01 00:00:00 +0000 UTC");
        assert_eq!(
            text(utc(2024, 1, 1, 0, 0).add_date(0, -1, -1)),
            "2023-11-30 00:00:00 +0000 UTC"
        );
    }

    #[test]
    fn a_day_is_a_calendar_day_where_clocks_change() {
        let ny = Zone::load(b"America/New_York").unwrap();
        let parts = utc(2024, 3, 9, 12, 0).date_time().parts();
        let noon = Time::from_parts(parts, ny);
        let next = noon.add_date(0, 0, 1);
        assert_eq!(text(next), "2024-03-10 12:00:00 -0400 EDT");
        assert_eq!(next.sub(&noon), Duration::from_nanos(23 * HOUR));
    }

    #[test]
    fn zones_do_not_matter_for_comparison() {
        let time = Time::from_unix(0, 0, Zone::UTC);
        let same = time.in_zone(Zone::fixed(b"EST", -18_000).unwrap());
        assert!(time.equal(&same) && !time.after(&same) && !time.before(&same));
        assert_eq!(text(same), "1969-12-31 19:00:00 -0500 EST");
        assert!(time.before(&Time::from_unix(0, 1, Zone::UTC)));
        assert!(Time::from_unix(-1, 0, Zone::UTC).before(&time));
    }

    #[test]
    fn the_zero_time_is_the_first_of_year_one() {
        assert!(utc(1, 1, 1, 0, 0).is_zero());
        assert!(utc(1, 1, 1, 0, 0).in_zone(Zone::offset(60)).is_zero());
        assert!(!Time::from_unix(0, 0, Zone::UTC).is_zero());
        assert_eq!(Time::ZERO.date_time().weekday, 1);
    }

    #[test]
    fn multiples_are_counted_from_the_zero_time() {
        let time = Time::from_unix(1_700_000_000, 500_000_000, Zone::UTC); // a Tuesday, 22:13:20.5
        let nanos = Duration::from_nanos;
        assert_eq!(time.truncate(nanos(SECOND)).unix_nano(), 1_700_000_000 * SECOND);
        assert_eq!(time.round(nanos(SECOND)).unix_nano(), 1_700_000_001 * SECOND);
        assert_eq!(text(time.truncate(nanos(24 * HOUR))), "2023-11-14 00:00:00 +0000 UTC");
        assert_eq!(text(time.round(nanos(24 * HOUR))), "2023-11-15 00:00:00 +0000 UTC");
        // A week is counted from a Monday.
        assert_eq!(text(time.truncate(nanos(7 * 24 * HOUR))), "2023-11-13 00:00:00 +0000 UTC");
        for step in [0, -1, i64::MIN] {
            assert!(
                time.round(nanos(step)).equal(&time) && time.truncate(nanos(step)).equal(&time)
            );
        }
        let before_zero = utc(0, 12, 31, 23, 59);
        assert_eq!(text(before_zero.truncate(nanos(HOUR))), "0000-12-31 23:00:00 +0000 UTC");
    }

    proptest! {
        #[test]
        fn add_and_sub_undo_each_other(sec in any::<i32>(), ns in any::<i64>(), by in any::<i64>()) {
            let time = Time::from_unix(sec.into(), ns, Zone::UTC);
            let duration = Duration::from_nanos(by);
            prop_assert_eq!(time.add(duration).sub(&time), duration);
        }

        #[test]
        fn rounding_goes_to_the_nearest_multiple(
            sec in any::<i64>(), ns in 0_i64..1_000_000_000, step in 1..i64::MAX,
        ) {
            prop_assume!(sec.checked_abs().is_some_and(|s| s < i64::MAX - (1 << 34)));
            let time = Time::from_unix(sec, ns, Zone::UTC);
            let step = Duration::from_nanos(step);
            let (low, near) = (time.truncate(step), time.round(step));
            prop_assert!(!low.after(&time) && time.sub(&low) < step);
            prop_assert!(low.truncate(step).equal(&low) && low.round(step).equal(&low));
            let high = low.add(step);
            let expected = if time.sub(&low) >= high.sub(&time) { high } else { low };
            prop_assert!(near.equal(&expected));
        }

        #[test]
        fn adding_dates_agrees_with_counting(
            sec in -100_000_000_000_i64..100_000_000_000,
            years in -300_i64..300, months in -100_i64..100, days in -1_000_i64..1_000,
        ) {
            let time = Time::from_unix(sec, 0, Zone::UTC);
            let (mut year, mut month) = (time.date_time().year + years, i64::from(time.date_time().month));
            for _ in 0..months.abs() {
                month += months.signum();
                if month == 0 { (year, month) = (year - 1, 12) }
                if month == 13 { (year, month) = (year + 1, 1) }
            }
            // Count the days of the month up to the old day, which may lead into the next month.
            let mut day = i64::from(time.date_time().day);
            if day > i64::from(days_in_month(year, month as u8)) {
                day -= i64::from(days_in_month(year, month as u8));
                month += 1;
                prop_assert!(month <= 12, "december has 31 days");
            }
            let clock = sec.rem_euclid(86_400);
            let expected = utc(year, month, day, 0, 0)
                .add(Duration::from_nanos((days * 86_400 + clock) * SECOND));
            prop_assert!(time.add_date(years, months, days).equal(&expected));
        }
    }
}
