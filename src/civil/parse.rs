//! Reads a time from a text in the form of a layout.
//!
//! More is accepted than is written: numbers without padding may have one or two digits, names any
//! case, a run of blanks in the layout any number of blanks, and seconds decimals the layout lacks.

use std::ops::RangeInclusive;

use super::calendar::{Parts, date_of_day, day_of_date, days_in_month, is_leap};
use super::error::{Error, quoted};
use super::format::spelled;
use super::instant::Time;
use super::layout::{Element, Fraction, MONTHS, Name, OffsetForm, Pad, Token, Tokens, WEEKDAYS};
use super::zone::{ShortName, Zone, saturate};

pub(super) fn parse(layout: &[u8], text: &[u8], zone: Zone) -> Result<Time, Error> {
    let bad_form = |rest: &[u8], element: &[u8]| {
        let [text, layout, rest, element] = [text, layout, rest, element].map(quoted);
        Error::invalid(format!("parsing time {text} as {layout}: cannot parse {rest} as {element}"))
    };
    let bad_value = |what: &str| Error::invalid(format!("parsing time {}: {what}", quoted(text)));

    let mut found = Found::default();
    let mut rest = text;
    let mut tokens = Tokens::new(layout);
    while let Some(token) = tokens.next() {
        match token {
            Token::Literal(literal) => {
                rest = skip(rest, literal).map_err(|rest| bad_form(rest, literal))?;
            }
            Token::Element(element, spelling) => {
                let before = rest;
                found.read(element, &mut rest).map_err(|fault| match fault {
                    Fault::Form => bad_form(before, spelling),
                    Fault::Value(what) => bad_value(what),
                })?;
                let is_second = matches!(element, Element::Second(_));
                if is_second && !matches!(tokens.peek_element(), Some(Element::Fraction(_))) {
                    found.read_any_fraction(&mut rest);
                }
            }
        }
    }
    if !rest.is_empty() {
        return Err(bad_value(&format!("extra text: {}", quoted(rest))));
    }
    found.into_time(zone).map_err(bad_value)
}

/// Why an element could not be read.
enum Fault {
    /// The text does not look like the element.
    Form,
    /// It does, but has an impossible value.
    Value(&'static str),
}

/// What the text said, part by part.
#[derive(Default)]
struct Found {
    year: u16,
    month: Option<u8>,
    day: Option<u8>,
    year_day: Option<u16>,
    hour: u8,
    is_pm: Option<bool>,
    minute: u8,
    second: u8,
    nanosecond: u32,
    is_utc: bool,
    offset_s: Option<i32>,
    abbreviation: Option<ShortName>,
}

impl Found {
    /// Reads `element` from the front of `rest`.
    fn read(&mut self, element: Element, rest: &mut &[u8]) -> Result<(), Fault> {
        match element {
            Element::Year => self.year = number(rest, 4..=4)?,
            Element::YearOfCentury => {
                let year = number(rest, 2..=2)?;
                self.year = if year >= 69 { 1_900 + year } else { 2_000 + year };
            }
            Element::Month(pad) => {
                let month = two_digits(rest, pad)?;
                self.month = Some(within(month, 1..=12, "month out of range")?);
            }
            Element::MonthName(name) => self.month = Some(1 + index_of(rest, &MONTHS, name)?),
            Element::WeekdayName(name) => _ = index_of(rest, &WEEKDAYS, name)?,
            // Whether a day exists is known once month and year are.
            Element::Day(pad) => self.day = Some(two_digits(rest, pad)?),
            Element::YearDay(pad) => {
                skip_blanks(rest, pad, 2);
                let min = if pad == Pad::Zero { 3 } else { 1 };
                self.year_day = Some(number(rest, min..=3)?);
            }
            Element::Hour24 => {
                let hour = two_digits(rest, Pad::None)?;
                self.hour = within(hour, 0..=23, "hour out of range")?;
            }
            Element::Hour12(pad) => {
                self.hour = within(two_digits(rest, pad)?, 0..=12, "hour out of range")?;
            }
            Element::Meridiem { is_lower } => self.is_pm = Some(meridiem(rest, is_lower)?),
            Element::Minute(pad) => {
                self.minute = within(two_digits(rest, pad)?, 0..=59, "minute out of range")?;
            }
            Element::Second(pad) => {
                self.second = within(two_digits(rest, pad)?, 0..=59, "second out of range")?;
            }
            Element::Fraction(Fraction { is_trimmed: true, .. }) => self.read_any_fraction(rest),
            Element::Fraction(Fraction { digits, .. }) => {
                self.nanosecond = fraction(rest, digits).ok_or(Fault::Form)?;
            }
            Element::Offset(offset) if offset.has_z && rest.first() == Some(&b'Z') => {
                *rest = &rest[1..];
                self.is_utc = true;
            }
            Element::Offset(offset) => self.offset_s = Some(offset_s(rest, offset.form)?),
            Element::Abbreviation => {
                let len = abbreviation_len(rest).ok_or(Fault::Form)?;
                let name = take(rest, len)?;
                match name {
                    b"UTC" => self.is_utc = true,
                    _ => self.abbreviation = Some(ShortName::new(name).ok_or(Fault::Form)?),
                }
            }
        }
        Ok(())
    }

    /// Reads a fraction of any number of digits if there is one.
    fn read_any_fraction(&mut self, rest: &mut &[u8]) {
        let digits = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 0
            && let Some(nanos) = fraction(rest, digits)
        {
            self.nanosecond = nanos;
        }
    }

    fn into_time(self, zone: Zone) -> Result<Time, &'static str> {
        let (month, day) = self.month_and_day()?;
        let parts = Parts {
            year: self.year.into(),
            month: month.into(),
            day: day.into(),
            hour: self.hour24().into(),
            minute: self.minute.into(),
            second: self.second.into(),
            nanosecond: self.nanosecond.into(),
        };
        if self.is_utc {
            return Ok(Time::from_parts(parts, Zone::UTC));
        }
        let (local, _) = parts.local_seconds();
        let at_offset = |offset_s: i32, zone| {
            let unix = saturate(local - i128::from(offset_s));
            Time::from_unix(unix, self.nanosecond.into(), zone)
        };
        Ok(match (self.offset_s, self.abbreviation) {
            (Some(offset_s), name) => {
                // The zone is taken where it agrees with the text: it knows more than an offset.
                let time = at_offset(offset_s, zone);
                let seen = time.observance();
                let agrees = seen.offset_s == offset_s
                    && name.is_none_or(|name| *name.as_bytes() == *seen.abbreviation);
                match name {
                    _ if agrees => time,
                    Some(name) => time.in_zone(Zone::fixed_short(name, offset_s)),
                    None => time.in_zone(Zone::offset(offset_s)),
                }
            }
            (None, Some(name)) => match zone.offset_of(name.as_bytes(), local) {
                Some(offset_s) => at_offset(offset_s, zone),
                // Nobody can know what it means here; the clock time is kept with the name.
                None => at_offset(0, Zone::fixed_short(name, 0)),
            },
            (None, None) => Time::from_parts(parts, zone),
        })
    }

    fn hour24(&self) -> u8 {
        match self.is_pm {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        }
    }

    fn month_and_day(&self) -> Result<(u8, u8), &'static str> {
        let year = i64::from(self.year);
        let Some(year_day) = self.year_day else {
            let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
            let exists = (1..=days_in_month(year, month)).contains(&day);
            return if exists { Ok((month, day)) } else { Err("day out of range") };
        };
        if !(1..=365 + u16::from(is_leap(year))).contains(&year_day) {
            return Err("day-of-year out of range");
        }
        let date = date_of_day(day_of_date(year.into(), 1, year_day.into()) as i64);
        if self.month.is_some_and(|month| month != date.month) {
            return Err("day-of-year does not match month");
        }
        if self.day.is_some_and(|day| day != date.day) {
            return Err("day-of-year does not match day");
        }
        Ok((date.month, date.day))
    }
}

/// What follows literal text of a layout in `text`. `Err`: where the two part.
fn skip<'t>(mut text: &'t [u8], mut literal: &[u8]) -> Result<&'t [u8], &'t [u8]> {
    while let Some((&expected, after)) = literal.split_first() {
        match text.split_first() {
            // A run of blanks stands for any run of blanks, and at the end for none.
            None | Some((b' ', _)) if expected == b' ' => {
                (literal, text) = (trim_blanks(literal), trim_blanks(text));
            }
            Some((&byte, rest)) if byte == expected => (literal, text) = (after, rest),
            _ => return Err(text),
        }
    }
    Ok(text)
}

fn trim_blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|&&byte| byte == b' ').count()..]
}

fn take<'t>(rest: &mut &'t [u8], len: usize) -> Result<&'t [u8], Fault> {
    let (taken, after) = rest.split_at_checked(len).ok_or(Fault::Form)?;
    *rest = after;
    Ok(taken)
}

/// A number of as many digits as there are within `widths`, of which four at most.
fn number(rest: &mut &[u8], widths: RangeInclusive<usize>) -> Result<u16, Fault> {
    let digits = rest.iter().take(*widths.end()).take_while(|byte| byte.is_ascii_digit()).count();
    if digits < *widths.start() {
        return Err(Fault::Form);
    }
    let digits = take(rest, digits)?;
    Ok(digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
}

/// A number of two digits, or also of one where the field is not filled with zeros.
fn two_digits(rest: &mut &[u8], pad: Pad) -> Result<u8, Fault> {
    skip_blanks(rest, pad, 1);
    let min = if pad == Pad::Zero { 2 } else { 1 };
    number(rest, min..=2).map(|number| number as u8)
}

/// Skips at most `max` blanks where a field is filled with them.
fn skip_blanks(rest: &mut &[u8], pad: Pad, max: usize) {
    if pad == Pad::Blank {
        let blanks = rest.iter().take(max).take_while(|&&byte| byte == b' ').count();
        *rest = &rest[blanks..];
    }
}

fn within(number: u8, range: RangeInclusive<u8>, what: &'static str) -> Result<u8, Fault> {
    if range.contains(&number) { Ok(number) } else { Err(Fault::Value(what)) }
}

/// The index of the name that `rest` begins with, in any case.
fn index_of(rest: &mut &[u8], names: &[&str], form: Name) -> Result<u8, Fault> {
    let names = names.iter().map(|long| spelled(long, form).as_bytes());
    for (name, index) in names.zip(0..) {
        if rest.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name)) {
            take(rest, name.len())?;
            return Ok(index);
        }
    }
    Err(Fault::Form)
}

fn meridiem(rest: &mut &[u8], is_lower: bool) -> Result<bool, Fault> {
    match (take(rest, 2)?, is_lower) {
        (b"AM", false) | (b"am", true) => Ok(false),
        (b"PM", false) | (b"pm", true) => Ok(true),
        _ => Err(Fault::Form),
    }
}

/// Nanoseconds of a separator and `digits` decimals; those past the ninth are dropped.
fn fraction(rest: &mut &[u8], digits: usize) -> Option<u32> {
    let (separator, after) = rest.split_first()?;
    let (decimals, after) = after.split_at_checked(digits)?;
    if !matches!(separator, b'.' | b',') || !decimals.iter().all(u8::is_ascii_digit) {
        return None;
    }
    *rest = after;
    let decimals = decimals.iter().chain(std::iter::repeat(&b'0')).take(9);
    Some(decimals.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0')))
}

/// Seconds of an offset in numbers. 24 hours and 60 minutes pass: some people write them.
fn offset_s(rest: &mut &[u8], form: OffsetForm) -> Result<i32, Fault> {
    let sign = take(rest, 1)?;
    let hours = number(rest, 2..=2)?;
    if form == OffsetForm::Colon && take(rest, 1)? != b":" {
        return Err(Fault::Form);
    }
    let minutes = if form == OffsetForm::Hours { 0 } else { number(rest, 2..=2)? };
    if hours > 24 {
        return Err(Fault::Value("time zone offset hour out of range"));
    }
    if minutes > 60 {
        return Err(Fault::Value("time zone offset minute out of range"));
    }
    let seconds = (i32::from(hours) * 60 + i32::from(minutes)) * 60;
    match sign {
        b"+" => Ok(seconds),
        b"-" => Ok(-seconds),
        _ => Err(Fault::Form),
    }
}

/// The length of the zone abbreviation that `text` begins with: three capitals, four or five that
/// end in `T`, a few names that break this rule, or a signed number of hours, which some zones have
/// for a name and which may follow `GMT`.
fn abbreviation_len(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") || text.starts_with(b"WITA") {
        return Some(4);
    }
    if text.starts_with(b"UTC") {
        return Some(3);
    }
    if let Some(after) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_hours_len(after).unwrap_or(0));
    }
    if matches!(text.first(), Some(b'+' | b'-')) {
        return signed_hours_len(text);
    }
    let capitals = text.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    match capitals {
        3 => Some(3),
        4 | 5 if text[capitals - 1] == b'T' => Some(capitals),
        _ => None,
    }
}

/// The length of a sign and up to four digits with a value up to 23 that `text` begins with.
fn signed_hours_len(text: &[u8]) -> Option<usize> {
    let (b'+' | b'-', mut rest) = text.split_first()? else { return None };
    let hours = number(&mut rest, 1..=4).ok()?;
    let is_over = !rest.first().is_some_and(u8::is_ascii_digit);
    (hours <= 23 && is_over).then_some(text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::civil::constants::LAYOUTS;
    use crate::civil::layout::{RFC3339, RFC3339_NANO};

    fn read(layout: &str, text: &str) -> String {
        match parse(layout.as_bytes(), text.as_bytes(), Zone::UTC) {
            Ok(time) => time.to_string(),
            Err(error) => error.to_string(),
        }
    }

    fn named(name: &str) -> &'static str {
        LAYOUTS.iter().find(|(key, _)| *key == name).unwrap().1
    }

    #[test]
    fn every_named_layout_reads() {
        let table = [
            ("RFC3339", "2024-02-03T16:05:06-07:00", "2024-02-03 16:05:06 -0700 -0700"),
            ("RFC3339", "2024-02-03T16:05:06Z", "2024-02-03 16:05:06 +0000 UTC"),
            ("RFC3339NANO", "2024-02-03T16:05:06.0789Z", "2024-02-03 16:05:06.0789 +0000 UTC"),
            ("RFC822", "03 Feb 24 16:05 MST", "2024-02-03 16:05:00 +0000 MST"),
            ("RFC822Z", "03 Feb 69 16:05 -0700", "1969-02-03 16:05:00 -0700 -0700"),
            ("RFC850", "Saturday, 03-Feb-68 16:05:06 UTC", "2068-02-03 16:05:06 +0000 UTC"),
            ("RFC1123", "Sat, 03 Feb 2024 16:05:06 GMT", "2024-02-03 16:05:06 +0000 GMT"),
            ("RFC1123Z", "Sat, 03 Feb 2024 16:05:06 +0530", "2024-02-03 16:05:06 +0530 +0530"),
            ("KITCHEN", "4:05PM", "0000-01-01 16:05:00 +0000 UTC"),
            ("STAMP", "Feb  3 16:05:06", "0000-02-03 16:05:06 +0000 UTC"),
            ("STAMP_MILLI", "Feb 13 16:05:06.078", "0000-02-13 16:05:06.078 +0000 UTC"),
            ("DATE_TIME", "2024-02-29 16:05:06", "2024-02-29 16:05:06 +0000 UTC"),
            ("DATE_ONLY", "2024-02-03", "2024-02-03 00:00:00 +0000 UTC"),
            ("TIME_ONLY", "16:05:06", "0000-01-01 16:05:06 +0000 UTC"),
        ];
        for (name, text, expected) in table {
            assert_eq!(read(named(name), text), expected, "{name}");
        }
    }

    #[test]
    fn a_text_that_does_not_fit_says_where_and_why() {
        let table = [
            ("2006-01-02", "hello", r#""hello" as "2006""#),
            ("2006-01-02", "", r#""" as "2006""#),
            ("2006-01-02", "2024", r#""" as "-""#),
            ("2006-01-02", "2024/01/02", r#""/01/02" as "-""#),
            ("2006-01-02", "2024-1-02", r#""1-02" as "01""#),
            ("2006-01-02", "2024-Jan-02", r#""Jan-02" as "01""#),
            (RFC3339, "2024-01-02", r#""" as "T""#),
            (RFC3339, "2024-01-02T03:04:05", r#""" as "Z07:00""#),
            (RFC3339, "2024-01-02T03:04:05+0100", r#""+0100" as "Z07:00""#),
            (RFC3339, "2024-01-02T03:04:05*01:00", r#""*01:00" as "Z07:00""#),
            ("at 15h", "at h", r#""h" as "15""#),
            ("on 2", "om 2", r#""m 2" as "on ""#),
            ("3PM", "3pm", r#""pm" as "PM""#),
            ("Mon", "Foo", r#""Foo" as "Mon""#),
            ("January", "Jan", r#""Jan" as "January""#),
            ("05.000", "06.12", r#"".12" as ".000""#),
            ("05.000", "06.1x2", r#"".1x2" as ".000""#),
            ("MST", "abc", r#""abc" as "MST""#),
            ("MST", "ABCD", r#""ABCD" as "MST""#),
            ("MST", "ABCDEF", r#""ABCDEF" as "MST""#),
            ("MST", "+0530", r#""+0530" as "MST""#),
            ("2006", "é", r#""\xc3\xa9" as "2006""#),
        ];
        for (layout, text, expected) in table {
            let [quoted_text, quoted_layout] = [text, layout].map(|s| quoted(s.as_bytes()));
            assert_eq!(
                read(layout, text),
                format!("parsing time {quoted_text} as {quoted_layout}: cannot parse {expected}")
            );
        }
    }

    #[test]
    fn impossible_values_are_named() {
        let table = [
            ("2006-01-02", "2024-13-01", "month out of range"),
            ("2006-01-02", "2024-00-01", "month out of range"),
            ("2006-01-02", "2024-01-32", "day out of range"),
            ("2006-01-02", "2024-01-00", "day out of range"),
            ("2006-01-02", "2023-02-29", "day out of range"),
            ("15:04:05", "24:00:00", "hour out of range"),
            ("3:04PM", "13:00PM", "hour out of range"),
            ("15:04:05", "23:60:00", "minute out of range"),
            ("15:04:05", "23:59:60", "second out of range"),
            ("-07:00", "+25:00", "time zone offset hour out of range"),
            ("-0700", "+2461", "time zone offset minute out of range"),
            ("2006 002", "2023 366", "day-of-year out of range"),
            ("2006 002", "2024 000", "day-of-year out of range"),
            ("2006-01 002", "2024-01 060", "day-of-year does not match month"),
            ("2006-01-02 002", "2024-02-28 060", "day-of-year does not match day"),
            ("2006", "2024x", r#"extra text: "x""#),
            ("", "x", r#"extra text: "x""#),
            ("2006-01-02", "2024-02-03 ", r#"extra text: " ""#),
        ];
        for (layout, text, expected) in table {
            assert_eq!(read(layout, text), format!("parsing time \"{text}\": {expected}"));
        }
    }

    #[test]
    fn more_is_read_than_is_written() {
        let table = [
            ("15:04:05", "1:02:03", "0000-01-01 01:02:03 +0000 UTC"),
            ("15:04:05", "01:02:03.5", "0000-01-01 01:02:03.5 +0000 UTC"),
            ("15:04:05", "01:02:03,12345678999", "0000-01-01 01:02:03.123456789 +0000 UTC"),
            ("15:04:05.999", "01:02:03", "0000-01-01 01:02:03 +0000 UTC"),
            ("15:04:05.999", "01:02:03.123456", "0000-01-01 01:02:03.123456 +0000 UTC"),
            ("5.000s", "3,250s", "0000-01-01 00:00:03.25 +0000 UTC"),
            ("January 2", "fEBRUARY 3", "0000-02-03 00:00:00 +0000 UTC"),
            ("Mon Jan", "TUE feb", "0000-02-01 00:00:00 +0000 UTC"),
            ("Jan 2", "Feb     3", "0000-02-03 00:00:00 +0000 UTC"),
            ("Jan   2", "Feb 3", "0000-02-03 00:00:00 +0000 UTC"),
            ("Jan ", "Feb", "0000-02-01 00:00:00 +0000 UTC"),
            ("_2", "3", "0000-01-03 00:00:00 +0000 UTC"),
            ("2006 __2", "2024  60", "2024-02-29 00:00:00 +0000 UTC"),
            ("2006 002", "2024 366", "2024-12-31 00:00:00 +0000 UTC"),
            ("3PM", "12PM", "0000-01-01 12:00:00 +0000 UTC"),
            ("3pm", "12am", "0000-01-01 00:00:00 +0000 UTC"),
            ("", "", "0000-01-01 00:00:00 +0000 UTC"),
        ];
        for (layout, text, expected) in table {
            assert_eq!(read(layout, text), expected, "{layout} {text}");
        }
    }

    #[test]
    fn the_zone_comes_from_the_text_where_it_can() {
        let berlin = Zone::load(b"Europe/Berlin").unwrap();
        let read = |layout: &str, text: &str| {
            let time = parse(layout.as_bytes(), text.as_bytes(), berlin).unwrap();
            (time.to_string(), String::from_utf8(time.zone().name().to_vec()).unwrap())
        };
        let table = [
            ("2006-01-02", "2024-07-01", "2024-07-01 00:00:00 +0200 CEST", "Europe/Berlin"),
            ("2006-01-02Z07", "2024-07-01+02", "2024-07-01 00:00:00 +0200 CEST", "Europe/Berlin"),
            ("2006-01-02Z07", "2024-07-01+01", "2024-07-01 00:00:00 +0100 +0100", ""),
            ("2006-01-02Z07", "2024-07-01Z", "2024-07-01 00:00:00 +0000 UTC", "UTC"),
            (
                "2006-01-02 MST",
                "2024-07-01 CEST",
                "2024-07-01 00:00:00 +0200 CEST",
                "Europe/Berlin",
            ),
            ("2006-01-02 MST", "2024-07-01 CET", "2024-07-01 01:00:00 +0200 CEST", "Europe/Berlin"),
            ("2006-01-02 MST", "2024-07-01 PDT", "2024-07-01 00:00:00 +0000 PDT", "PDT"),
            ("2006-01-02 MST", "2024-07-01 UTC", "2024-07-01 00:00:00 +0000 UTC", "UTC"),
            ("2006-01-02 MST", "2024-07-01 GMT-8", "2024-07-01 00:00:00 +0000 GMT-8", "GMT-8"),
            ("2006-01-02 MST", "2024-07-01 WITA", "2024-07-01 00:00:00 +0000 WITA", "WITA"),
            (
                "2006-01-02 MST",
                "2024-07-01 GMT+0008",
                "2024-07-01 00:00:00 +0000 GMT+0008",
                "GMT+0008",
            ),
            ("2006-01-02 MST", "2024-07-01 +0000", "2024-07-01 00:00:00 +0000 +0000", "+0000"),
            ("2006-01-02 MST", "2024-07-01 -03", "2024-07-01 00:00:00 +0000 -03", "-03"),
            (
                "2006-01-02 -0700 MST",
                "2024-07-01 +0300 EEST",
                "2024-07-01 00:00:00 +0300 EEST",
                "EEST",
            ),
            (
                "2006-01-02 -0700 MST",
                "2024-07-01 +0200 CEST",
                "2024-07-01 00:00:00 +0200 CEST",
                "Europe/Berlin",
            ),
        ];
        for (layout, text, expected, zone) in table {
            assert_eq!(read(layout, text), (expected.to_owned(), zone.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn rfc3339_reads_back(
            unix in -62_167_219_200_i64 + 90_000..253_402_300_800 - 90_000,
            ns in 0_i64..1_000_000_000,
            minutes in -24 * 60_i32..24 * 60,
        ) {
            let time = Time::from_unix(unix, ns, Zone::offset(minutes * 60));
            let text = time.format(RFC3339_NANO.as_bytes());
            let back = parse(RFC3339_NANO.as_bytes(), &text, Zone::UTC).unwrap();
            prop_assert!(back.equal(&time));
            prop_assert_eq!(back.observance().offset_s, minutes * 60);
            // The layout without fraction reads it too.
            prop_assert!(parse(RFC3339.as_bytes(), &text, Zone::UTC).unwrap().equal(&time));
        }

        #[test]
        fn names_and_offsets_of_a_place_read_back(unix in -2_000_000_000_i64..100_000_000_000) {
            let zone = Zone::load(b"America/New_York").unwrap();
            let time = Time::from_unix(unix, 0, zone);
            for layout in ["Monday January _2 2006 3:04:05pm MST", "2006 __2 15:04:05 -0700 MST"] {
                let text = time.format(layout.as_bytes());
                let back = parse(layout.as_bytes(), &text, zone).unwrap();
                prop_assert!(back.equal(&time));
                prop_assert_eq!(back.zone(), zone);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(layout in any::<Vec<u8>>(), text in any::<Vec<u8>>()) {
            let _ = parse(&layout, &text, Zone::UTC);
        }
    }
}
