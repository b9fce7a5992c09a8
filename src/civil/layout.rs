//! Layouts: how the reference moment is written, split into elements and literal text.
//!
//! The reference moment is Monday, January 2, 2006, 15:04:05 in zone MST (−07:00). What is not an
//! element stands for itself.

/// Layout of RFC 3339.
pub const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
/// Layout of RFC 3339 with as many decimals as needed.
pub const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";
/// Layout of `tostring(time)` in Lua.
pub const TOSTRING: &str = "2006-01-02 15:04:05.999999999 -0700 MST";

/// A part of a layout that is replaced by a part of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    Year,
    YearOfCentury,
    Month(Pad),
    MonthName(Name),
    Day(Pad),
    YearDay(Pad),
    WeekdayName(Name),
    Hour24,
    Hour12(Pad),
    /// `PM`, or `pm` when lower case.
    Meridiem {
        is_lower: bool,
    },
    Minute(Pad),
    Second(Pad),
    Fraction(Fraction),
    Abbreviation,
    Offset(Offset),
}

/// How a number fills its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pad {
    None,
    Zero,
    Blank,
}

/// How much of a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// The first three letters.
    Short,
    Long,
}

/// Decimals of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fraction {
    /// `.` or `,`.
    pub(crate) separator: u8,
    /// How many digits at most.
    pub(crate) digits: usize,
    /// Whether trailing zeros, and the separator before nothing, are left out.
    pub(crate) is_trimmed: bool,
}

/// An offset in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offset {
    pub(crate) form: OffsetForm,
    /// Whether offset 0 is written `Z`.
    pub(crate) has_z: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OffsetForm {
    /// `-07:00`
    Colon,
    /// `-0700`
    Compact,
    /// `-07`
    Hours,
}

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(crate) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const fn offset(form: OffsetForm, has_z: bool) -> Element {
    Element::Offset(Offset { form, has_z })
}

/// Spellings of all elements but fractions. The first that fits wins: longer ones come before those
/// that they begin with.
const SPELLINGS: [(&[u8], Element); 29] = [
    (b"2006", Element::Year),
    (b"06", Element::YearOfCentury),
    (b"January", Element::MonthName(Name::Long)),
    (b"Jan", Element::MonthName(Name::Short)),
    (b"01", Element::Month(Pad::Zero)),
    (b"002", Element::YearDay(Pad::Zero)),
    (b"__2", Element::YearDay(Pad::Blank)),
    (b"02", Element::Day(Pad::Zero)),
    (b"_2", Element::Day(Pad::Blank)),
    (b"2", Element::Day(Pad::None)),
    (b"Monday", Element::WeekdayName(Name::Long)),
    (b"Mon", Element::WeekdayName(Name::Short)),
    (b"15", Element::Hour24),
    (b"1", Element::Month(Pad::None)),
    (b"03", Element::Hour12(Pad::Zero)),
    (b"3", Element::Hour12(Pad::None)),
    (b"PM", Element::Meridiem { is_lower: false }),
    (b"pm", Element::Meridiem { is_lower: true }),
    (b"04", Element::Minute(Pad::Zero)),
    (b"4", Element::Minute(Pad::None)),
    (b"05", Element::Second(Pad::Zero)),
    (b"5", Element::Second(Pad::None)),
    (b"MST", Element::Abbreviation),
    (b"-07:00", offset(OffsetForm::Colon, false)),
    (b"-0700", offset(OffsetForm::Compact, false)),
    (b"-07", offset(OffsetForm::Hours, false)),
    (b"Z07:00", offset(OffsetForm::Colon, true)),
    (b"Z0700", offset(OffsetForm::Compact, true)),
    (b"Z07", offset(OffsetForm::Hours, true)),
];

/// A piece of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'l> {
    /// Text that stands for itself, up to the next element.
    Literal(&'l [u8]),
    /// An element and how it is spelled.
    Element(Element, &'l [u8]),
}

/// The pieces of a layout from first to last.
#[derive(Clone, Debug)]
pub(crate) struct Tokens<'l> {
    rest: &'l [u8],
}

impl<'l> Tokens<'l> {
    pub(crate) fn new(layout: &'l [u8]) -> Self {
        Self { rest: layout }
    }

    /// The next element, whatever literal text comes before it.
    pub(crate) fn peek_element(&self) -> Option<Element> {
        self.clone().find_map(|token| match token {
            Token::Element(element, _) => Some(element),
            Token::Literal(_) => None,
        })
    }
}

impl<'l> Iterator for Tokens<'l> {
    type Item = Token<'l>;

    fn next(&mut self) -> Option<Token<'l>> {
        if self.rest.is_empty() {
            return None;
        }
        if let Some((element, len)) = element_at(self.rest) {
            let (spelling, rest) = self.rest.split_at(len);
            self.rest = rest;
            return Some(Token::Element(element, spelling));
        }
        let end = (1..self.rest.len())
            .find(|&at| element_at(&self.rest[at..]).is_some())
            .unwrap_or(self.rest.len());
        let (literal, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(Token::Literal(literal))
    }
}

/// The element that `layout` begins with and the length of its spelling.
fn element_at(layout: &[u8]) -> Option<(Element, usize)> {
    if let Some(found) = fraction_at(layout) {
        return Some(found);
    }
    let (spelling, element) =
        SPELLINGS.iter().find(|(spelling, _)| layout.starts_with(spelling))?;
    let after = &layout[spelling.len()..];
    let is_word_going_on = after.first().is_some_and(u8::is_ascii_lowercase);
    match element {
        // `Janet` and `Monty` are words, `_2006` is a year after an underscore.
        Element::MonthName(Name::Short) | Element::WeekdayName(Name::Short) if is_word_going_on => {
            None
        }
        Element::Day(Pad::Blank) if after.starts_with(b"006") => None,
        _ => Some((*element, spelling.len())),
    }
}

/// A separator and a run of zeros or of nines that no other digit follows.
fn fraction_at(layout: &[u8]) -> Option<(Element, usize)> {
    let (&separator, digits) = layout.split_first()?;
    let &first = digits.first()?;
    if !matches!(separator, b'.' | b',') || !matches!(first, b'0' | b'9') {
        return None;
    }
    let len = digits.iter().take_while(|&&digit| digit == first).count();
    if digits.get(len).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let fraction = Fraction { separator, digits: len, is_trimmed: first == b'9' };
    Some((Element::Fraction(fraction), len + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(layout: &str) -> Vec<String> {
        Tokens::new(layout.as_bytes())
            .map(|token| match token {
                Token::Literal(text) => format!("'{}'", String::from_utf8_lossy(text)),
                Token::Element(_, text) => String::from_utf8_lossy(text).into_owned(),
            })
            .collect()
    }

    #[test]
    fn every_spelling_is_one_element() {
        for (spelling, element) in SPELLINGS {
            let tokens: Vec<_> = Tokens::new(spelling).collect();
            assert_eq!(tokens, [Token::Element(element, spelling)]);
        }
    }

    #[test]
    fn the_longest_element_wins() {
        assert_eq!(split("20060102150405"), ["2006", "01", "02", "15", "04", "05"]);
        assert_eq!(split("2006-01-02T15:04:05Z07:00").len(), 12);
        assert_eq!(split("-070000"), ["-0700", "'00'"]);
        assert_eq!(split("__2"), ["__2"]);
        assert_eq!(split("_2006"), ["'_'", "2006"]);
        assert_eq!(split("x_2 2"), ["'x'", "_2", "' '", "2"]);
        assert_eq!(split("002"), ["002"]);
        assert_eq!(split("Z"), ["'Z'"]);
        assert_eq!(split("JanMonMST"), ["Jan", "Mon", "MST"]);
    }

    #[test]
    fn words_that_begin_like_elements_are_text() {
        assert_eq!(split("Janet Monty"), ["'Janet Monty'"]);
        assert_eq!(split("Jan Mon"), ["Jan", "' '", "Mon"]);
        assert_eq!(split(""), Vec::<String>::new());
    }

    #[test]
    fn a_fraction_is_a_run_of_one_digit() {
        assert_eq!(split("05.000"), ["05", ".000"]);
        assert_eq!(split("05,999"), ["05", ",999"]);
        assert_eq!(split(".0009"), ["'.0009'"]);
        assert_eq!(split(".02"), ["'.'", "02"]);
        assert_eq!(split("."), ["'.'"]);
    }
}
