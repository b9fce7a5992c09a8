//! Spans of time in nanoseconds: from text and numbers, to text and numbers.

use std::fmt;

use super::constants::{HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND};
use super::error::{Error, quoted};

/// A signed span of 64-bit nanoseconds, about ±292 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(i64);

/// The farthest that a sum of groups may get: the magnitude of `i64::MIN`.
const MAGNITUDE_MAX: u128 = i64::MIN.unsigned_abs() as u128;

/// Digits of a fraction that are looked at; even of an hour the next one is far below 1 ns.
const FRACTION_DIGITS_MAX: usize = 18;

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span, also the result of sums that would be longer.
    pub const MAX: Self = Self(i64::MAX);
    /// The longest span backwards.
    pub const MIN: Self = Self(i64::MIN);

    /// A span of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// A span of `nanos` nanoseconds, at most [`Duration::MAX`] and at least [`Duration::MIN`].
    pub(crate) fn saturating(nanos: i128) -> Self {
        Self(nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    /// A span of `nanos` nanoseconds, cut toward zero.
    ///
    /// # Errors
    /// When `nanos` is NaN, infinite or beyond 64 bits.
    pub fn from_f64(nanos: f64) -> Result<Self, Error> {
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        if (-LIMIT..LIMIT).contains(&nanos) {
            Ok(Self(nanos as i64))
        } else {
            let text = lua_text_of_huge(nanos);
            Err(Error::invalid(format!("time: invalid duration \"{text}\"")))
        }
    }

    /// Reads texts such as `1h30m`, `-1.5s` or `0`.
    ///
    /// # Errors
    /// When `text` is not a duration, lacks a unit, names an unknown one, or is beyond 64 bits.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        Self::read(text).map_err(|fault| fault.error(text))
    }

    /// As [`Self::parse`], with the bare reason of a refusal.
    pub(crate) fn read(text: &[u8]) -> Result<Self, Fault<'_>> {
        Self::parse_simple(text).map_or_else(|| Self::parse_groups(text), Ok)
    }

    /// Reads a whole number with one unit, as most texts are. `None` for any other text.
    #[inline]
    fn parse_simple(text: &[u8]) -> Option<Self> {
        let (mut number, mut rest) = (0_i64, text);
        while let [digit @ b'0'..=b'9', after @ ..] = rest {
            number = number.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
            rest = after;
        }
        if rest.len() == text.len() {
            return None;
        }
        number.checked_mul(unit_ns(rest)?).map(Self)
    }

    /// Kept out of [`Self::parse`], which it would slow down there.
    #[inline(never)]
    fn parse_groups(text: &[u8]) -> Result<Self, Fault<'_>> {
        let (is_negative, mut rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        if rest == b"0" {
            return Ok(Self::ZERO);
        }
        if rest.is_empty() {
            return Err(Fault::Invalid);
        }
        let mut magnitude: u128 = 0;
        while !rest.is_empty() {
            let (number, after) = Decimal::split_from(rest).ok_or(Fault::Invalid)?;
            let (unit_ns, after) = split_unit(after)?;
            magnitude += number.times(unit_ns);
            if magnitude > MAGNITUDE_MAX {
                return Err(Fault::Invalid);
            }
            rest = after;
        }
        let signed = if is_negative { -(magnitude as i128) } else { magnitude as i128 };
        i64::try_from(signed).map(Self).map_err(|_| Fault::Invalid)
    }

    /// The span in nanoseconds.
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// The span in microseconds, cut toward zero.
    pub const fn microseconds(self) -> i64 {
        self.0 / MICROSECOND
    }

    /// The span in milliseconds, cut toward zero.
    pub const fn milliseconds(self) -> i64 {
        self.0 / MILLISECOND
    }

    /// The span in seconds.
    pub fn seconds(self) -> f64 {
        self.in_units_of(SECOND)
    }

    /// The span in minutes.
    pub fn minutes(self) -> f64 {
        self.in_units_of(MINUTE)
    }

    /// The span in hours.
    pub fn hours(self) -> f64 {
        self.in_units_of(HOUR)
    }

    /// Whole units and the rest are converted apart: each fits a float exactly, or nearly so.
    fn in_units_of(self, unit_ns: i64) -> f64 {
        (self.0 / unit_ns) as f64 + (self.0 % unit_ns) as f64 / unit_ns as f64
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [us, ms, s, m, h] =
            [MICROSECOND, MILLISECOND, SECOND, MINUTE, HOUR].map(i64::unsigned_abs);
        let ns = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match ns {
            0 => f.write_str("0s"),
            _ if ns < us => write!(f, "{ns}ns"),
            _ if ns < ms => write_decimal(f, ns, us, "µs"),
            _ if ns < s => write_decimal(f, ns, ms, "ms"),
            _ => {
                if ns >= h {
                    write!(f, "{}h", ns / h)?;
                }
                if ns >= m {
                    write!(f, "{}m", ns % h / m)?;
                }
                write_decimal(f, ns % m, s, "s")
            }
        }
    }
}

/// Writes `ns` in units of `unit_ns`, a power of ten, with as many decimals as it needs.
fn write_decimal(f: &mut fmt::Formatter<'_>, ns: u64, unit_ns: u64, unit: &str) -> fmt::Result {
    let (whole, fraction) = (ns / unit_ns, ns % unit_ns);
    if fraction == 0 {
        return write!(f, "{whole}{unit}");
    }
    let width = unit_ns.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    write!(f, "{whole}.{}{unit}", digits.trim_end_matches('0'))
}

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault<'t> {
    /// It has another form, or is beyond 64 bits.
    Invalid,
    /// A number without unit.
    MissingUnit,
    /// A number with this unit, which does not exist.
    UnknownUnit(&'t [u8]),
}

impl Fault<'_> {
    #[cold]
    fn error(self, text: &[u8]) -> Error {
        let text = quoted(text);
        Error::invalid(match self {
            Fault::Invalid => format!("time: invalid duration {text}"),
            Fault::MissingUnit => format!("time: missing unit in duration {text}"),
            Fault::UnknownUnit(unit) => {
                format!("time: unknown unit {} in duration {text}", quoted(unit))
            }
        })
    }
}

/// A number as written in a text: `whole + fraction / scale`.
struct Decimal {
    whole: u64,
    fraction: u64,
    scale: u64,
}

impl Decimal {
    /// The number that `text` begins with and what follows it. `None`: there is none, or it is so
    /// large that no unit makes it a duration.
    fn split_from(text: &[u8]) -> Option<(Self, &[u8])> {
        let (whole_digits, mut rest) = split_digits(text);
        let mut fraction_digits: &[u8] = b"";
        if let [b'.', tail @ ..] = rest {
            (fraction_digits, rest) = split_digits(tail);
        }
        if whole_digits.is_empty() && fraction_digits.is_empty() {
            return None;
        }
        let seen = &fraction_digits[..fraction_digits.len().min(FRACTION_DIGITS_MAX)];
        let number = Self {
            whole: number_of(whole_digits)?,
            fraction: number_of(seen)?,
            scale: 10_u64.pow(seen.len() as u32),
        };
        Some((number, rest))
    }

    /// The number times `unit_ns`, cut down to whole nanoseconds.
    fn times(&self, unit_ns: i64) -> u128 {
        let unit_ns = u128::from(unit_ns.unsigned_abs());
        u128::from(self.whole) * unit_ns
            + u128::from(self.fraction) * unit_ns / u128::from(self.scale)
    }
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

/// The number that `digits` make, if a duration of that many nanoseconds exists.
fn number_of(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        (number <= i64::MIN.unsigned_abs()).then_some(number)
    })
}

/// The nanoseconds of a unit by its name, in which `µ` is U+00B5 or U+03BC.
fn unit_ns(name: &[u8]) -> Option<i64> {
    match name {
        b"s" => Some(SECOND),
        b"ms" => Some(MILLISECOND),
        b"m" => Some(MINUTE),
        b"h" => Some(HOUR),
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" => Some(MICROSECOND),
        b"ns" => Some(1),
        _ => None,
    }
}

/// The nanoseconds of the unit that `rest` begins with, and what follows it.
fn split_unit(rest: &[u8]) -> Result<(i64, &[u8]), Fault<'_>> {
    let is_unit = |byte: &&u8| **byte != b'.' && !byte.is_ascii_digit();
    let (name, after) = rest.split_at(rest.iter().take_while(is_unit).count());
    if name.is_empty() {
        return Err(Fault::MissingUnit);
    }
    unit_ns(name).map(|unit_ns| (unit_ns, after)).ok_or(Fault::UnknownUnit(name))
}

/// `number`, which is NaN, infinite or at least 2^63, the way Lua prints it: with 15 significant
/// digits, or 17 where 15 would read back as another number.
fn lua_text_of_huge(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let short = format!("{number:.14e}");
    let exact = if short.parse() == Ok(number) { short } else { format!("{number:.16e}") };
    let (mantissa, exponent) = exact.split_once('e').unwrap_or((&exact, "0"));
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    format!("{mantissa}e+{exponent}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, prop, prop_assert_eq, proptest};

    use super::*;

    fn nanos(text: &str) -> Result<i64, String> {
        Duration::parse(text.as_bytes()).map(Duration::nanoseconds).map_err(|e| e.to_string())
    }

    #[test]
    fn text_is_read_in_every_unit() {
        let table = [
            ("0", 0),
            ("-0", 0),
            ("+0", 0),
            ("0s", 0),
            ("1ns", 1),
            ("1us", 1_000),
            ("1\u{b5}s", 1_000),
            ("1\u{3bc}s", 1_000),
            ("1ms", 1_000_000),
            ("5s", 5 * SECOND),
            ("2m", 2 * MINUTE),
            ("-2m", -2 * MINUTE),
            ("1h", HOUR),
            ("1h30m", HOUR + 30 * MINUTE),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("5.s", 5 * SECOND),
            ("+5s", 5 * SECOND),
            ("-1.5h1ns", -(HOUR + HOUR / 2 + 1)),
            ("1m1m", 2 * MINUTE),
            ("+2ms", 2_000_000),
            ("1.9999999999999999999999ns", 1),
            ("0.3333333333333333333h", 1_200_000_000_000 - 1),
            ("0.100000000000000000000h", 360_000_000_000),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("9223372036.854775807s", i64::MAX),
        ];
        for (text, expected) in table {
            assert_eq!(nanos(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn bad_text_is_refused_with_its_reason() {
        let invalid = [
            "",
            "abc",
            "-",
            "+",
            ".",
            ".s",
            "-.s",
            "+-1s",
            "--1s",
            " 1s",
            "9223372036854775808ns",
            "-9223372036854775809ns",
            "3000000h",
            "99999999999999999999d",
            "9223372036854775809",
        ];
        for text in invalid {
            assert_eq!(nanos(text), Err(format!("time: invalid duration \"{text}\"")));
        }
        let table = [
            ("10", "time: missing unit in duration \"10\""),
            ("1.5", "time: missing unit in duration \"1.5\""),
            ("1s5", "time: missing unit in duration \"1s5\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            ("1S", "time: unknown unit \"S\" in duration \"1S\""),
            ("1h-30m", "time: unknown unit \"h-\" in duration \"1h-30m\""),
            ("1 s", "time: unknown unit \" s\" in duration \"1 s\""),
            ("1s ms", "time: unknown unit \"s ms\" in duration \"1s ms\""),
            ("é", "time: invalid duration \"\\xc3\\xa9\""),
        ];
        for (text, message) in table {
            assert_eq!(nanos(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn numbers_are_cut_toward_zero_within_64_bits() {
        let nanos = |number| {
            Duration::from_f64(number).map(Duration::nanoseconds).map_err(|e| e.to_string())
        };
        assert_eq!(nanos(1.9), Ok(1));
        assert_eq!(nanos(-1.9), Ok(-1));
        assert_eq!(nanos(-9_223_372_036_854_775_808.0), Ok(i64::MIN));
        for (number, text) in [
            (f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (1e300, "1e+300"),
            (-1e19, "-1e+19"),
            (9_223_372_036_854_775_808.0, "9.2233720368547758e+18"),
        ] {
            assert_eq!(nanos(number), Err(format!("time: invalid duration \"{text}\"")));
        }
    }

    #[test]
    fn text_goes_from_the_largest_unit_needed_down_to_seconds() {
        let table = [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (1_500_000, "1.5ms"),
            (100 * MILLISECOND, "100ms"),
            (1_500 * MILLISECOND, "1.5s"),
            (HOUR + 30 * MINUTE + 45 * SECOND, "1h30m45s"),
            (-2 * MINUTE, "-2m0s"),
            (HOUR, "1h0m0s"),
            (5 * MINUTE + 1, "5m0.000000001s"),
            (i64::MAX, "2562047h47m16.854775807s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ];
        for (ns, text) in table {
            assert_eq!(Duration::from_nanos(ns).to_string(), text);
        }
    }

    #[test]
    fn units_are_integers_below_the_second_and_floats_above() {
        let duration = Duration::from_nanos(-5_400 * SECOND - 1_999);
        assert_eq!(duration.microseconds(), -5_400_000_001);
        assert_eq!(duration.milliseconds(), -5_400_000);
        let duration = Duration::from_nanos(5_400 * SECOND);
        assert_eq!(
            (duration.seconds(), duration.minutes(), duration.hours()),
            (5_400.0, 90.0, 1.5)
        );
        assert_eq!(Duration::from_nanos(100 * MILLISECOND).seconds(), 0.1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn text_of_a_duration_reads_back(ns in any::<i64>()) {
            let duration = Duration::from_nanos(ns);
            prop_assert_eq!(Duration::parse(duration.to_string().as_bytes()), Ok(duration));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+]?([0-9]{0,22}[.]?[0-9]{0,30}(ns|us|ms|s|m|h|x)?){0,4}") {
            let _ = Duration::parse(text.as_bytes());
        }

        #[test]
        fn groups_add_up(groups in prop::collection::vec((0_u32..1_000, 0_usize..8), 1..5)) {
            let units = [
                ("ns", 1),
                ("us", MICROSECOND),
                ("\u{b5}s", MICROSECOND),
                ("\u{3bc}s", MICROSECOND),
                ("ms", MILLISECOND),
                ("s", SECOND),
                ("m", MINUTE),
                ("h", HOUR),
            ];
            let text: String = groups.iter().map(|&(n, i)| format!("{n}{}", units[i].0)).collect();
            let sum: i64 = groups.iter().map(|&(n, i)| i64::from(n) * units[i].1).sum();
            prop_assert_eq!(Duration::parse(text.as_bytes()), Ok(Duration::from_nanos(sum)));
        }

        #[test]
        fn a_text_that_is_read_in_one_go_means_the_same_as_by_its_groups(text in "[0-9]{1,20}(ns|us|ms|s|m|h)") {
            if let Some(duration) = Duration::parse_simple(text.as_bytes()) {
                prop_assert_eq!(Duration::parse_groups(text.as_bytes()), Ok(duration));
            }
        }
    }
}
