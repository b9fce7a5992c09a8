//! Writes a time in the form of a layout.

use std::iter;

use super::calendar::DateTime;
use super::instant::Time;
use super::layout::{
    Element, Fraction, MONTHS, Name, Offset, OffsetForm, Pad, Token, Tokens, WEEKDAYS,
};
use super::rules::Observance;

pub(super) fn format(time: &Time, layout: &[u8]) -> Vec<u8> {
    let seen = time.observance();
    let shown = DateTime::at(time.unix(), time.subsec_nanos(), seen.offset_s);
    let mut out = Vec::with_capacity(layout.len() + 8);
    for token in Tokens::new(layout) {
        match token {
            Token::Literal(text) => out.extend_from_slice(text),
            Token::Element(element, _) => push_element(&mut out, element, &shown, &seen),
        }
    }
    out
}

fn push_element(out: &mut Vec<u8>, element: Element, shown: &DateTime, seen: &Observance) {
    match element {
        Element::Year => push_year(out, shown.year, 4),
        Element::YearOfCentury => push_number(out, shown.year.abs() % 100, 2, Pad::Zero),
        Element::Month(pad) => push_number(out, shown.month, 2, pad),
        Element::MonthName(name) => push_name(out, MONTHS[usize::from(shown.month) - 1], name),
        Element::Day(pad) => push_number(out, shown.day, 2, pad),
        Element::YearDay(pad) => push_number(out, shown.year_day, 3, pad),
        Element::WeekdayName(name) => push_name(out, WEEKDAYS[usize::from(shown.weekday)], name),
        Element::Hour24 => push_number(out, shown.hour, 2, Pad::Zero),
        Element::Hour12(pad) => push_number(out, hour12(shown.hour), 2, pad),
        Element::Meridiem { is_lower } => {
            let text = if shown.hour < 12 { *b"AM" } else { *b"PM" };
            out.extend(if is_lower { text.map(|c| c.to_ascii_lowercase()) } else { text });
        }
        Element::Minute(pad) => push_number(out, shown.minute, 2, pad),
        Element::Second(pad) => push_number(out, shown.second, 2, pad),
        Element::Fraction(fraction) => push_fraction(out, shown.nanosecond, fraction),
        Element::Abbreviation if seen.abbreviation.is_empty() => {
            // Nothing better is known than the offset.
            push_offset(out, seen.offset_s, OffsetForm::Compact);
        }
        Element::Abbreviation => out.extend_from_slice(&seen.abbreviation),
        Element::Offset(Offset { has_z: true, .. }) if seen.offset_s == 0 => out.push(b'Z'),
        Element::Offset(Offset { form, .. }) => push_offset(out, seen.offset_s, form),
    }
}

/// The hour on a dial: 12, 1, 2 … 11.
pub(super) fn hour12(hour: u8) -> u8 {
    (hour + 11) % 12 + 1
}

/// Writes `number`, which is not negative, in a field of `width`.
pub(super) fn push_number(out: &mut Vec<u8>, number: impl Into<i64>, width: usize, pad: Pad) {
    let mut number = number.into();
    let digits = number.max(1).ilog10() as usize + 1;
    let blanks = width.saturating_sub(digits);
    match pad {
        Pad::None => {}
        Pad::Zero => out.extend(iter::repeat_n(b'0', blanks)),
        Pad::Blank => out.extend(iter::repeat_n(b' ', blanks)),
    }
    let start = out.len();
    out.resize(start + digits, b'0');
    for place in out[start..].iter_mut().rev() {
        *place += (number % 10) as u8;
        number /= 10;
    }
}

/// Writes a year with at least `width` digits, after a sign if there is one.
pub(super) fn push_year(out: &mut Vec<u8>, year: i64, width: usize) {
    if year < 0 {
        out.push(b'-');
    }
    push_number(out, year.abs(), width, Pad::Zero); // years of an `i64` of seconds are far from its ends
}

pub(super) fn push_name(out: &mut Vec<u8>, long: &str, name: Name) {
    out.extend_from_slice(spelled(long, name).as_bytes());
}

/// The letters of the name `long` that are written.
pub(super) fn spelled(long: &str, name: Name) -> &str {
    match name {
        Name::Short => &long[..3],
        Name::Long => long,
    }
}

fn push_fraction(out: &mut Vec<u8>, nanos: u32, fraction: Fraction) {
    let start = out.len();
    out.push(fraction.separator);
    push_number(out, nanos, 9, Pad::Zero);
    out.truncate(start + 1 + fraction.digits.min(9));
    if fraction.is_trimmed {
        while out.last() == Some(&b'0') {
            out.pop();
        }
        if out.len() == start + 1 {
            out.pop();
        }
    }
}

/// Writes an offset; seconds of it are dropped.
pub(super) fn push_offset(out: &mut Vec<u8>, offset_s: i32, form: OffsetForm) {
    let minutes = offset_s / 60;
    out.push(if minutes < 0 { b'-' } else { b'+' });
    let minutes = minutes.abs();
    push_number(out, minutes / 60, 2, Pad::Zero);
    if form == OffsetForm::Colon {
        out.push(b':');
    }
    if form != OffsetForm::Hours {
        push_number(out, minutes % 60, 2, Pad::Zero);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::civil::constants::LAYOUTS;
    use crate::civil::{Parts, Zone};

    fn time(zone: Zone) -> Time {
        let parts = Parts {
            year: 2024,
            month: 2,
            day: 3,
            hour: 16,
            minute: 5,
            second: 6,
            nanosecond: 78_900_000,
        };
        Time::from_parts(parts, zone)
    }

    fn text(time: &Time, layout: &str) -> String {
        String::from_utf8(time.format(layout.as_bytes())).unwrap()
    }

    #[test]
    fn every_named_layout_looks_as_its_name_says() {
        let mst = Zone::fixed(b"MST", -25_200).unwrap();
        let table = [
            "2024-02-03T16:05:06-07:00",
            "2024-02-03T16:05:06.0789-07:00",
            "03 Feb 24 16:05 MST",
            "03 Feb 24 16:05 -0700",
            "Saturday, 03-Feb-24 16:05:06 MST",
            "Sat, 03 Feb 2024 16:05:06 MST",
            "Sat, 03 Feb 2024 16:05:06 -0700",
            "4:05PM",
            "Feb  3 16:05:06",
            "Feb  3 16:05:06.078",
            "Feb  3 16:05:06.078900",
            "Feb  3 16:05:06.078900000",
            "2024-02-03 16:05:06",
            "2024-02-03",
            "16:05:06",
        ];
        for ((name, layout), expected) in LAYOUTS.iter().zip(table) {
            assert_eq!(text(&time(mst), layout), expected, "{name}");
        }
    }

    #[test]
    fn every_element_is_written() {
        let time = time(Zone::UTC);
        let table = [
            ("2006 06", "2024 24"),
            ("01 1 Jan January", "02 2 Feb February"),
            ("02 _2 2", "03  3 3"),
            ("002 __2", "034  34"),
            ("Mon Monday", "Sat Saturday"),
            ("15 03 3 PM pm", "16 04 4 PM pm"),
            ("04 4 05 5", "05 5 06 6"),
            (".0 .000 ,00000", ".0 .078 ,07890"),
            (".9 .99 .999999 ,999999999", " .07 .0789 ,0789"),
            (".00000000000", ".078900000"),
            ("MST", "UTC"),
            ("-0700 -07:00 -07", "+0000 +00:00 +00"),
            ("Z0700 Z07:00 Z07", "Z Z Z"),
            ("at 7 o'clock", "at 7 o'clock"),
            ("", ""),
        ];
        for (layout, expected) in table {
            assert_eq!(text(&time, layout), expected, "{layout}");
        }
    }

    #[test]
    fn offsets_have_sign_hours_and_minutes() {
        let time = time(Zone::offset(-12_600));
        assert_eq!(text(&time, "-0700 -07:00 -07"), "-0330 -03:30 -03");
        assert_eq!(text(&time, "Z0700 Z07:00 Z07 MST"), "-0330 -03:30 -03 -0330");
        let time = time.in_zone(Zone::offset(i32::MIN));
        assert_eq!(text(&time, "-07:00"), "-596523:14");
    }

    #[test]
    fn noon_is_twelve_pm_and_midnight_twelve_am() {
        let at = |hour: i64| Time::from_unix(hour * 3_600, 0, Zone::UTC);
        assert_eq!(text(&at(0), "3pm"), "12am");
        assert_eq!(text(&at(11), "03PM"), "11AM");
        assert_eq!(text(&at(12), "3PM"), "12PM");
        assert_eq!(text(&at(13), "03pm"), "01pm");
    }

    #[test]
    fn years_out_of_four_digits_stay_readable() {
        let year = |year: i64| {
            let parts = Parts { year, ..time(Zone::UTC).date_time().parts() };
            text(&Time::from_parts(parts, Zone::UTC), "2006|06")
        };
        assert_eq!(year(5), "0005|05");
        assert_eq!(year(-5), "-0005|05");
        assert_eq!(year(12_345), "12345|45");
    }

    #[test]
    fn tostring_shows_offset_and_zone() {
        let shown = |zone| time(zone).to_string();
        assert_eq!(shown(Zone::UTC), "2024-02-03 16:05:06.0789 +0000 UTC");
        assert_eq!(shown(Zone::offset(3_600)), "2024-02-03 16:05:06.0789 +0100 +0100");
        let berlin = Zone::load(b"Europe/Berlin").unwrap();
        assert_eq!(shown(berlin), "2024-02-03 16:05:06.0789 +0100 CET");
    }
}
