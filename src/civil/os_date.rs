//! What `os.date` of Lua gives: a text by the conversions of C99 `strftime`, or a table of fields.
//!
//! The locale is always `C`, in which the modifiers `E` and `O` change nothing.

use super::calendar::{DateTime, is_leap};
use super::error::Error;
use super::format::{hour12, push_name, push_number, push_offset, push_year};
use super::layout::{MONTHS, Name, OffsetForm, Pad, WEEKDAYS};
use super::rules::Observance;
use super::zone::Zone;

/// The result of [`os_date`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OsDate {
    /// A formatted text.
    Text(Vec<u8>),
    /// The fields asked for by `*t`.
    Table(DateTable),
}

/// The fields of a date table of Lua.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTable {
    /// Year.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: i64,
    /// Day of the month, from 1.
    pub day: i64,
    /// Hour, 0 to 23.
    pub hour: i64,
    /// Minute, 0 to 59.
    pub min: i64,
    /// Second, 0 to 59.
    pub sec: i64,
    /// Day of the year, from 1.
    pub yday: i64,
    /// Day of the week, 1 is Sunday.
    pub wday: i64,
    /// Whether this is daylight saving time.
    pub isdst: bool,
}

const PLAIN: &[u8] = b"aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%";
const AFTER_E: &[u8] = b"cCxXyY";
const AFTER_O: &[u8] = b"deHImMSuUVwWy";

/// The date of `unix` seconds in `local`, or in UTC if `format` begins with `!`.
///
/// # Errors
/// When `format` has a conversion that C99 does not know (Lua reports it as a bad argument 1), or
/// the year does not fit C's 32 bits.
pub fn os_date(format: &[u8], unix: i64, local: Zone) -> Result<OsDate, Error> {
    let (format, seen) = match format {
        // C's `gmtime` names the zone so.
        [b'!', rest @ ..] => (rest, Zone::fixed(b"GMT", 0)?.observance_at(unix)),
        _ => (format, local.observance_at(unix)),
    };
    let shown = DateTime::at(unix, 0, seen.offset_s);
    if !fits_c(shown.year) {
        return Err(Error::invalid("date result cannot be represented in this installation"));
    }
    if format == b"*t" {
        return Ok(OsDate::Table(table(&shown, seen.is_dst)));
    }
    let mut out = Vec::with_capacity(format.len() * 2);
    push(&mut out, format, &shown, &seen)?;
    Ok(OsDate::Text(out))
}

/// Whether C, which counts years from 1900 in 32 bits, can represent `year`.
pub(super) fn fits_c(year: i64) -> bool {
    i32::try_from(year - 1_900).is_ok()
}

pub(super) fn table(shown: &DateTime, isdst: bool) -> DateTable {
    DateTable {
        year: shown.year,
        month: shown.month.into(),
        day: shown.day.into(),
        hour: shown.hour.into(),
        min: shown.minute.into(),
        sec: shown.second.into(),
        yday: shown.year_day.into(),
        wday: i64::from(shown.weekday) + 1,
        isdst,
    }
}

fn push(
    out: &mut Vec<u8>,
    mut format: &[u8],
    shown: &DateTime,
    seen: &Observance,
) -> Result<(), Error> {
    while let Some((&byte, rest)) = format.split_first() {
        format = rest;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (conversion, rest) = match *rest {
            [c, ref rest @ ..] if PLAIN.contains(&c) => (c, rest),
            [b'E', c, ref rest @ ..] if AFTER_E.contains(&c) => (c, rest),
            [b'O', c, ref rest @ ..] if AFTER_O.contains(&c) => (c, rest),
            _ => {
                let rest = String::from_utf8_lossy(rest);
                return Err(Error::invalid(format!("invalid conversion specifier '%{rest}'")));
            }
        };
        format = rest;
        match composite(conversion) {
            Some(parts) => push(out, parts, shown, seen)?,
            None => push_conversion(out, conversion, shown, seen),
        }
    }
    Ok(())
}

/// The conversions that a conversion is short for.
fn composite(conversion: u8) -> Option<&'static [u8]> {
    match conversion {
        b'c' => Some(b"%a %b %e %H:%M:%S %Y"),
        b'D' | b'x' => Some(b"%m/%d/%y"),
        b'F' => Some(b"%Y-%m-%d"),
        b'r' => Some(b"%I:%M:%S %p"),
        b'R' => Some(b"%H:%M"),
        b'T' | b'X' => Some(b"%H:%M:%S"),
        _ => None,
    }
}

fn push_conversion(out: &mut Vec<u8>, conversion: u8, shown: &DateTime, seen: &Observance) {
    let month = MONTHS[usize::from(shown.month) - 1];
    let weekday = WEEKDAYS[usize::from(shown.weekday)];
    match conversion {
        b'a' => push_name(out, weekday, Name::Short),
        b'A' => push_name(out, weekday, Name::Long),
        b'b' | b'h' => push_name(out, month, Name::Short),
        b'B' => push_name(out, month, Name::Long),
        b'C' => push_year(out, shown.year.div_euclid(100), 2),
        b'd' => push_number(out, shown.day, 2, Pad::Zero),
        b'e' => push_number(out, shown.day, 2, Pad::Blank),
        b'g' => push_number(out, iso_week(shown).0.rem_euclid(100), 2, Pad::Zero),
        b'G' => push_year(out, iso_week(shown).0, 1),
        b'H' => push_number(out, shown.hour, 2, Pad::Zero),
        b'I' => push_number(out, hour12(shown.hour), 2, Pad::Zero),
        b'j' => push_number(out, shown.year_day, 3, Pad::Zero),
        b'm' => push_number(out, shown.month, 2, Pad::Zero),
        b'M' => push_number(out, shown.minute, 2, Pad::Zero),
        b'n' => out.push(b'\n'),
        b'p' => out.extend_from_slice(if shown.hour < 12 { b"AM" } else { b"PM" }),
        b'S' => push_number(out, shown.second, 2, Pad::Zero),
        b't' => out.push(b'\t'),
        b'u' => push_number(out, iso_weekday(shown), 1, Pad::None),
        b'U' => push_number(out, week(shown, shown.weekday), 2, Pad::Zero),
        b'V' => push_number(out, iso_week(shown).1, 2, Pad::Zero),
        b'w' => push_number(out, shown.weekday, 1, Pad::None),
        b'W' => push_number(out, week(shown, iso_weekday(shown) - 1), 2, Pad::Zero),
        b'y' => push_number(out, shown.year.rem_euclid(100), 2, Pad::Zero),
        b'Y' => push_year(out, shown.year, 1),
        b'z' => push_offset(out, seen.offset_s, OffsetForm::Compact),
        b'Z' => out.extend_from_slice(&seen.abbreviation),
        _ => out.push(conversion), // `%%`
    }
}

/// Monday is 1, Sunday is 7.
fn iso_weekday(shown: &DateTime) -> u8 {
    (shown.weekday + 6) % 7 + 1
}

/// The week of the year, `weekday` days after its first day; days before the first whole week are
/// in week 0.
fn week(shown: &DateTime, weekday: u8) -> u16 {
    (shown.year_day + 6 - u16::from(weekday)) / 7
}

/// Year and week of ISO 8601: weeks begin on Monday and belong to the year that has their Thursday.
fn iso_week(shown: &DateTime) -> (i64, u16) {
    let days_of = |year| 365 + i32::from(is_leap(year));
    let thursday = i32::from(shown.year_day) + 4 - i32::from(iso_weekday(shown));
    let (year, thursday) = if thursday < 1 {
        (shown.year - 1, thursday + days_of(shown.year - 1))
    } else if thursday > days_of(shown.year) {
        (shown.year + 1, thursday - days_of(shown.year))
    } else {
        (shown.year, thursday)
    };
    (year, (thursday as u16 - 1) / 7 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;
    use crate::civil::{Parts, Time};

    fn unix(year: i64, month: i64, day: i64, hour: i64) -> i64 {
        let parts = Parts { year, month, day, hour, minute: 4, second: 5, nanosecond: 0 };
        Time::from_parts(parts, Zone::UTC).unix()
    }

    fn date_in(format: &str, unix: i64, zone: Zone) -> String {
        match os_date(format.as_bytes(), unix, zone) {
            Ok(OsDate::Text(text)) => String::from_utf8(text).unwrap(),
            Ok(OsDate::Table(table)) => format!("{table:?}"),
            Err(error) => error.to_string(),
        }
    }

    fn date(format: &str, unix: i64) -> String {
        date_in(&format!("!{format}"), unix, Zone::LOCAL)
    }

    #[test]
    fn every_conversion_of_c99_is_known() {
        let table = [
            ("%a %A %b %B %h", "Sat Saturday Feb February Feb"),
            ("%c", "Sat Feb  3 16:04:05 2024"),
            ("%C %y %Y %g %G", "20 24 2024 24 2024"),
            ("%d %e %j", "03  3 034"),
            ("%D %F %x", "02/03/24 2024-02-03 02/03/24"),
            ("%H %I %M %S %p", "16 04 04 05 PM"),
            ("%r %R %T %X", "04:04:05 PM 16:04 16:04:05 16:04:05"),
            ("%u %w %U %W %V", "6 6 04 05 05"),
            ("%m%n%t%%", "02\n\t%"),
            ("%z %Z", "+0000 GMT"),
            ("%Ec|%EC|%Ex|%EX|%Ey|%EY", "Sat Feb  3 16:04:05 2024|20|02/03/24|16:04:05|24|2024"),
            ("%Od%Oe%OH%OI%Om%OM%OS%Ou%OU%OV%Ow%OW%Oy", "03 316040204056040560524"),
            ("", ""),
            ("no conversion µ", "no conversion µ"),
        ];
        for (format, expected) in table {
            assert_eq!(date(format, unix(2024, 2, 3, 16)), expected, "{format}");
        }
        for plain in PLAIN {
            assert!(os_date(&[b'%', *plain], 0, Zone::UTC).is_ok());
        }
    }

    #[test]
    fn other_conversions_are_refused_with_the_rest_of_the_format() {
        let table = [
            ("%", "%"),
            ("%Q", "%Q"),
            ("ok %d %Efoo", "%Efoo"),
            ("%E", "%E"),
            ("%O%", "%O%"),
            ("%Ea", "%Ea"),
            ("%OY", "%OY"),
            ("%k", "%k"),
            ("%é", "%é"),
            ("%s", "%s"),
        ];
        for (format, named) in table {
            assert_eq!(date(format, 0), format!("invalid conversion specifier '{named}'"));
        }
    }

    #[test]
    fn star_t_gives_a_table() {
        let unix = unix(2024, 7, 7, 22);
        let berlin = Zone::load(b"Europe/Berlin").unwrap();
        let expected = DateTable {
            year: 2024,
            month: 7,
            day: 8,
            hour: 0,
            min: 4,
            sec: 5,
            yday: 190,
            wday: 2,
            isdst: true,
        };
        assert_eq!(os_date(b"*t", unix, berlin), Ok(OsDate::Table(expected)));
        let expected = DateTable { day: 7, hour: 22, yday: 189, wday: 1, isdst: false, ..expected };
        assert_eq!(os_date(b"!*t", unix, berlin), Ok(OsDate::Table(expected)));
        assert_eq!(date("*tx", unix), "*tx");
        assert_eq!(date_in("%H %z %Z", unix, berlin), "00 +0200 CEST");
    }

    #[test]
    fn years_must_fit_c() {
        let message = "date result cannot be represented in this installation";
        assert_eq!(date("%Y", i64::MAX), message);
        assert_eq!(date("*t", i64::MIN), message);
        assert_eq!(date("%Y", unix(2_147_485_547, 12, 31, 0)), "2147485547");
        assert_eq!(date("%Y", unix(2_147_485_548, 1, 1, 0)), message);
        assert_eq!(date("%C %y %Y", unix(-5, 1, 1, 0)), "-01 95 -5");
    }

    #[test]
    fn iso_weeks_belong_to_the_year_of_their_thursday() {
        for ((year, month, day), expected) in [
            ((2021, 1, 3), "2020-53"),
            ((2021, 1, 4), "2021-01"),
            ((2024, 12, 30), "2025-01"),
            ((2026, 12, 31), "2026-53"),
            ((2000, 1, 1), "1999-52"),
        ] {
            assert_eq!(date("%G-%V", unix(year, month, day, 0)), expected);
        }
    }

    proptest! {
        #[test]
        fn conversions_agree_with_jiff(unix in -30_000_000_000_i64..253_000_000_000) {
            let day = jiff::Timestamp::from_second(unix).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
            let format = "%a %A %b %B %C %d %D %e %F %g %G %H %I %j %m %M %p %S %T %u %U %V %w %W %y %Y";
            prop_assert_eq!(date(format, unix), day.strftime(format).to_string());
        }

        #[test]
        fn any_format_is_written_or_refused(
            format in any::<Vec<u8>>(), conversion in any::<[u8; 3]>(), unix in any::<i64>(),
        ) {
            let _ = os_date(&format, unix, Zone::UTC);
            let _ = os_date(&[b"%", conversion.as_slice()].concat(), unix, Zone::UTC);
        }
    }
}
