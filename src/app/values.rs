//! Durations and sizes as people write them: text to nanoseconds and bytes.

/// What is wrong with a duration text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DurationError {
    /// It is no duration, or out of the range of 64-bit nanoseconds.
    Invalid,
    /// A number without unit.
    MissingUnit,
    /// A number with a unit that does not exist.
    UnknownUnit(String),
}

/// Reads a duration such as `1h30m`, `1.5s` or `-2m`: optional sign, then groups of a decimal
/// number and a unit. Digits beyond the nanosecond are cut. A bare `0` is legal.
///
/// # Errors
/// See [`DurationError`].
pub fn parse_duration(text: &str) -> Result<i64, DurationError> {
    let unsigned = text.strip_prefix(['-', '+']);
    let mut rest = unsigned.unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(DurationError::Invalid);
    }
    let mut total_ns: i128 = 0;
    while !rest.is_empty() {
        let (group_ns, tail) = parse_group(rest)?;
        total_ns += group_ns;
        // Checked in every turn, so that no number of groups can overflow the sum.
        if total_ns > -i128::from(i64::MIN) {
            return Err(DurationError::Invalid);
        }
        rest = tail;
    }
    if text.starts_with('-') {
        total_ns = -total_ns;
    }
    i64::try_from(total_ns).map_err(|_| DurationError::Invalid)
}

/// Reads one number with its unit from the front of `text`: nanoseconds, and what follows.
fn parse_group(text: &str) -> Result<(i128, &str), DurationError> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), split_digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::Invalid);
    }
    let unit_len = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_len);
    let unit_ns = unit_ns(unit)?;
    let whole: i128 = match whole {
        "" => 0,
        digits => digits.parse::<u64>().map_err(|_| DurationError::Invalid)?.into(),
    };
    // 18 digits are more than any unit has nanoseconds: the product stays far below 128 bits.
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10_i128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    let fraction: i128 = fraction.parse().unwrap_or(0);
    Ok((whole * unit_ns + fraction * unit_ns / scale, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn unit_ns(unit: &str) -> Result<i128, DurationError> {
    Ok(match unit {
        "ns" => 1,
        // Micro sign and Greek small mu look alike; both are typed.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        "" => return Err(DurationError::MissingUnit),
        other => return Err(DurationError::UnknownUnit(other.to_owned())),
    })
}

/// Reads a size: a number of bytes, or a decimal number with `KB`, `MB`, `GB`, `KiB`, `MiB` or
/// `GiB`, all of them powers of 1024. `None` if it is neither or does not fit 64 bits.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let (whole, rest) = split_digits(text);
    let (fraction, unit) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() || (rest.starts_with('.') && fraction.is_empty()) {
        return None;
    }
    let unit: u128 = match unit {
        "" if fraction.is_empty() => 1,
        "KB" | "KiB" => 1 << 10,
        "MB" | "MiB" => 1 << 20,
        "GB" | "GiB" => 1 << 30,
        _ => return None,
    };
    let whole = u128::from(whole.parse::<u64>().ok()?);
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    let fraction: u128 = fraction.parse().unwrap_or(0);
    u64::try_from(whole * unit + fraction * unit / scale).ok()
}

/// A duration as a person would write it, in the largest unit that divides it: `1500ms`, `2m`.
pub(crate) fn display_duration(ns: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
    ];
    if ns == 0 {
        return "0s".to_owned();
    }
    let (unit_ns, unit) =
        UNITS.into_iter().find(|(unit_ns, _)| ns.is_multiple_of(*unit_ns)).unwrap_or((1, "ns"));
    format!("{}{unit}", ns / unit_ns)
}

/// Checks that a text which is a duration or a size is the same when it is written and read again.
///
/// # Panics
/// When it is another one.
#[cfg(any(test, fuzzing))]
#[cfg(not(loom))]
pub fn check_values(text: &str) {
    if let Ok(ns) = parse_duration(text).map(i64::unsigned_abs) {
        let again = parse_duration(&display_duration(ns)).map(i64::unsigned_abs);
        assert!(again == Ok(ns) || ns > i64::MAX.unsigned_abs(), "{text}: {again:?}");
    }
    if let Some(bytes) = parse_size(text).filter(|_| !text.contains('.')) {
        // Programs read sizes, too.
        assert_eq!(crate::process::parse_size(text), Some(bytes), "{text}");
        let shown = crate::process::size_text(bytes);
        let is_exact = bytes >= 1024 && !shown.contains('.');
        assert!(!is_exact || parse_size(&shown) == Some(bytes), "{text}: {shown}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_add_up_their_groups() {
        for (text, ns) in [
            ("0", 0),
            ("-0", 0),
            ("5ns", 5),
            ("1us", 1_000),
            ("1µs", 1_000),
            ("1μs", 1_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("-1.5s", -1_500_000_000),
            ("+2ms", 2_000_000),
            ("1.9999999999999999999999ns", 1),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert_eq!(parse_duration(text), Ok(ns), "{text}");
        }
    }

    #[test]
    fn bad_durations_say_what_is_wrong() {
        for text in ["", "abc", "-", "+", ".", ".s", " 1s", "é", "9223372036854775808ns", "--1s"] {
            assert_eq!(parse_duration(text), Err(DurationError::Invalid), "{text}");
        }
        assert_eq!(parse_duration("10"), Err(DurationError::MissingUnit));
        assert_eq!(parse_duration("1s10"), Err(DurationError::MissingUnit));
        assert_eq!(parse_duration("1d"), Err(DurationError::UnknownUnit("d".into())));
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, bytes) in
            [("0", 0), ("17", 17), ("64MB", 64 << 20), ("64MiB", 64 << 20), ("1.5KB", 1536)]
        {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in ["", "MB", "1.5", "1.MB", "-1", "64 MB", "64mb", "99999999999GB", "1TB", "1e3"]
        {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn displayed_durations_read_back(ns in 0..=i64::MAX) {
            prop_assert_eq!(parse_duration(&display_duration(ns.unsigned_abs())), Ok(ns));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = parse_duration(&text);
            let _ = parse_size(&text);
        }

        #[test]
        fn no_digits_and_units_panic(text in "[-+]?([0-9]{0,30}[.]?[0-9]{0,30}(ns|us|ms|s|m|h|KB|GB)?){0,4}") {
            let _ = parse_duration(&text);
            let _ = parse_size(&text);
        }
    }
}
