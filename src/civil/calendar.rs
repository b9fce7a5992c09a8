//! Arithmetic of the proleptic Gregorian calendar, for every second an `i64` can count.
//!
//! # Concepts
//! * *Day number*: days since 1970-01-01. *Date*: year, month, day; there is a year 0.
//! * *Cycle*: 400 years, 146 097 days; after a cycle dates and weekdays repeat exactly.
//! * *Shifted year*: begins on 1 March, so that the leap day is the last of its year and the
//!   lengths of the months follow one linear formula.
//!
//! # Invariants
//! * I1: `date_of_day` and `day_of_date` are inverse to each other.
//! * I2: nothing overflows: days of an `i64` of seconds, plus or minus an offset of an `i32` of
//!   seconds, fit an `i64` thousands of times over; sums of unchecked parts are made in `i128`.
//!
//! # Sources
//! Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (the shifted year).

/// Seconds of a day; there are no leap seconds.
pub(crate) const DAY_S: i64 = 86_400;
/// Days of 400 years.
pub(crate) const CYCLE_DAYS: i64 = 146_097;

/// Days from 0000-03-01, where a cycle of shifted years begins, to 1970-01-01.
const CYCLE_START_TO_EPOCH: i64 = 719_468;
/// Days of four years with a leap day, and of a century without its own.
const FOUR_YEARS: i64 = 1_461;
const CENTURY: i64 = 36_524;

const DAYS_BEFORE_MONTH: [u16; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    /// Year; 0 is the year before 1.
    pub(crate) year: i64,
    /// Month, 1 to 12.
    pub(crate) month: u8,
    /// Day of the month, from 1.
    pub(crate) day: u8,
}

/// What calendar and clock show at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    /// Year; 0 is the year before 1.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 59.
    pub second: u8,
    /// Nanosecond, 0 to 999 999 999.
    pub nanosecond: u32,
    /// Day of the week, 0 is Sunday.
    pub weekday: u8,
    /// Day of the year, 1 to 366.
    pub year_day: u16,
}

/// Parts of a moment as a program gives them: any of them may be out of range and carries over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Year.
    pub year: i64,
    /// Month; 13 is January of the next year.
    pub month: i64,
    /// Day of the month; 0 is the last day of the month before.
    pub day: i64,
    /// Hour.
    pub hour: i64,
    /// Minute.
    pub minute: i64,
    /// Second.
    pub second: i64,
    /// Nanosecond.
    pub nanosecond: i64,
}

impl DateTime {
    /// What is shown at `unix` seconds and `nanosecond`, `offset_s` east of UTC.
    pub fn at(unix: i64, nanosecond: u32, offset_s: i32) -> Self {
        let second = unix.rem_euclid(DAY_S) + i64::from(offset_s);
        let day_number = unix.div_euclid(DAY_S) + second.div_euclid(DAY_S);
        let second = second.rem_euclid(DAY_S);
        let Date { year, month, day } = date_of_day(day_number);
        Self {
            year,
            month,
            day,
            hour: (second / 3_600) as u8,
            minute: (second / 60 % 60) as u8,
            second: (second % 60) as u8,
            nanosecond,
            weekday: (day_number + 4).rem_euclid(7) as u8, // 1970-01-01 was a Thursday
            year_day: year_day(year, month, day),
        }
    }

    /// The same moment as parts that can be moved.
    pub fn parts(&self) -> Parts {
        Parts {
            year: self.year,
            month: self.month.into(),
            day: self.day.into(),
            hour: self.hour.into(),
            minute: self.minute.into(),
            second: self.second.into(),
            nanosecond: self.nanosecond.into(),
        }
    }
}

impl Parts {
    /// Local seconds and the nanoseconds in the last of them, with everything carried over.
    pub fn local_seconds(&self) -> (i128, u32) {
        let day = day_of_date(self.year.into(), self.month.into(), self.day.into());
        let second = day * i128::from(DAY_S)
            + i128::from(self.hour) * 3_600
            + i128::from(self.minute) * 60
            + i128::from(self.second)
            + i128::from(self.nanosecond.div_euclid(1_000_000_000));
        (second, self.nanosecond.rem_euclid(1_000_000_000) as u32)
    }
}

/// The date of a day number.
pub(crate) fn date_of_day(day_number: i64) -> Date {
    let shifted = day_number + CYCLE_START_TO_EPOCH;
    let (cycle, day) = (shifted.div_euclid(CYCLE_DAYS), shifted.rem_euclid(CYCLE_DAYS));
    // Take out the leap days before `day`, so that all years have 365.
    let leap_days = day / (FOUR_YEARS - 1) - day / CENTURY + day / (CYCLE_DAYS - 1);
    let shifted_year = (day - leap_days) / 365;
    let day = day - (365 * shifted_year + shifted_year / 4 - shifted_year / 100);
    // Five months from March on have 153 days: 31, 30, 31, 30, 31.
    let shifted_month = (5 * day + 2) / 153;
    let day = day - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = shifted_year + cycle * 400 + i64::from(month <= 2);
    Date { year, month: month as u8, day: day as u8 }
}

/// The day number of a date, of which month and day may be out of range.
pub(crate) fn day_of_date(year: i128, month: i128, day: i128) -> i128 {
    let year = year + (month - 1).div_euclid(12);
    // March is month 0 of the shifted year; January and February belong to the year before.
    let shifted_month = (month - 3).rem_euclid(12);
    let shifted_year = if shifted_month >= 10 { year - 1 } else { year };
    let (cycle, of_cycle) = (shifted_year.div_euclid(400), shifted_year.rem_euclid(400));
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_cycle = of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + day_of_year;
    cycle * i128::from(CYCLE_DAYS) + day_of_cycle - i128::from(CYCLE_START_TO_EPOCH)
}

/// Whether `year` has a 29 February.
pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of `month`, 1 to 12, in `year`.
pub(crate) fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The day of the year, from 1, of a date in range.
pub(crate) fn year_day(year: i64, month: u8, day: u8) -> u16 {
    let leap_day = u16::from(month > 2 && is_leap(year));
    DAYS_BEFORE_MONTH[usize::from(month) - 1] + leap_day + u16::from(day)
}

#[cfg(test)]
mod tests {
    use jiff::civil;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn day_number(year: i64, month: i64, day: i64) -> i64 {
        day_of_date(year.into(), month.into(), day.into()) as i64
    }

    #[test]
    fn known_days_have_their_numbers() {
        for (date, number) in [
            ((1970, 1, 1), 0),
            ((1969, 12, 31), -1),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((1, 1, 1), -719_162),
            ((0, 3, 1), -719_468),
            ((0, 1, 1), -719_528),
        ] {
            let (year, month, day) = date;
            assert_eq!(day_number(year, month, day), number);
            assert_eq!(date_of_day(number), Date { year, month: month as u8, day: day as u8 });
        }
    }

    #[test]
    fn every_day_of_a_cycle_follows_the_one_before() {
        let mut expected = Date { year: 1999, month: 12, day: 31 };
        let start = day_number(1999, 12, 31);
        for number in start..start + CYCLE_DAYS + 400 {
            assert_eq!(date_of_day(number), expected);
            assert_eq!(
                day_number(expected.year, expected.month.into(), expected.day.into()),
                number
            );
            expected = if expected.day < days_in_month(expected.year, expected.month) {
                Date { day: expected.day + 1, ..expected }
            } else if expected.month < 12 {
                Date { month: expected.month + 1, day: 1, ..expected }
            } else {
                Date { year: expected.year + 1, month: 1, day: 1 }
            };
        }
    }

    #[test]
    fn parts_out_of_range_carry_over() {
        assert_eq!(day_number(2023, 13, 1), day_number(2024, 1, 1));
        assert_eq!(day_number(2023, 0, 1), day_number(2022, 12, 1));
        assert_eq!(day_number(2023, -11, 1), day_number(2022, 1, 1));
        assert_eq!(day_number(2024, 3, 0), day_number(2024, 2, 29));
        assert_eq!(day_number(2023, 10, 32), day_number(2023, 11, 1));
    }

    #[test]
    fn the_ends_of_the_range_are_dates() {
        for unix in [i64::MIN, i64::MAX] {
            for offset in [i32::MIN, 0, i32::MAX] {
                let shown = DateTime::at(unix, 0, offset);
                let (local, _) = shown.parts().local_seconds();
                assert_eq!(local, i128::from(unix) + i128::from(offset));
            }
        }
        assert_eq!(DateTime::at(i64::MAX, 0, 0).year, 292_277_026_596);
    }

    #[test]
    fn the_most_extreme_parts_do_not_overflow() {
        for value in [i64::MIN, i64::MAX] {
            let parts = Parts {
                year: value,
                month: value,
                day: value,
                hour: value,
                minute: value,
                second: value,
                nanosecond: value,
            };
            assert_eq!(parts.local_seconds().0 > 0, value > 0);
        }
    }

    proptest! {
        #[test]
        fn dates_agree_with_jiff(unix in -377_705_023_201_i64..=253_402_207_200) {
            let ours = DateTime::at(unix, 0, 0);
            let theirs = jiff::tz::Offset::UTC
                .to_datetime(jiff::Timestamp::from_second(unix).unwrap());
            prop_assert_eq!(ours.year, i64::from(theirs.year()));
            prop_assert_eq!(
                (ours.month, ours.day, ours.hour, ours.minute, ours.second),
                (
                    theirs.month() as u8, theirs.day() as u8, theirs.hour() as u8,
                    theirs.minute() as u8, theirs.second() as u8,
                )
            );
            prop_assert_eq!(ours.weekday, theirs.weekday().to_sunday_zero_offset() as u8);
            prop_assert_eq!(ours.year_day, theirs.day_of_year() as u16);
            prop_assert_eq!(
                days_in_month(ours.year, ours.month),
                civil::date(theirs.year(), theirs.month(), 1).days_in_month() as u8
            );
        }

        #[test]
        fn every_instant_shows_parts_that_lead_back(unix in any::<i64>(), offset in any::<i32>()) {
            let (local, nanos) = DateTime::at(unix, 7, offset).parts().local_seconds();
            prop_assert_eq!(local, i128::from(unix) + i128::from(offset));
            prop_assert!(nanos == 7);
        }
    }
}
