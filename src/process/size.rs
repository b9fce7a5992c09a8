//! Sizes in bytes as texts: `64MB`. The units are powers of 1024.

const UNITS: [(&str, &str, u64); 3] =
    [("GB", "GiB", 1 << 30), ("MB", "MiB", 1 << 20), ("KB", "KiB", 1 << 10)];

/// The bytes of a text such as `64MB`, `1.5KiB` or `4096`; `None` when it is none, or out of range.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) || (unit == 1 && number.contains('.')) {
        return None;
    }
    // Exact: so many digits are more than any unit has bytes.
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let (whole, unit) = (u128::from(whole.parse::<u64>().ok()?), u128::from(unit));
    let fraction: u128 = fraction.parse().ok()?;
    u64::try_from(whole * unit + fraction * unit / scale).ok()
}

/// The number in front, and the bytes of its unit.
fn split_unit(text: &str) -> (&str, u64) {
    let number_of = |(short, long, unit): &(&str, &str, u64)| {
        let number = text.strip_suffix(short).or_else(|| text.strip_suffix(long));
        number.map(|number| (number, *unit))
    };
    UNITS.iter().find_map(number_of).unwrap_or((text, 1))
}

/// A size as messages write it: `64MB`, `1.5KB`, `100B`.
pub fn size_text(bytes: u64) -> String {
    let exact = UNITS.iter().find(|(_, _, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    if let Some((name, _, unit)) = exact {
        return format!("{}{name}", bytes / unit);
    }
    match UNITS.iter().find(|(_, _, unit)| bytes >= *unit) {
        Some((name, _, unit)) => format!("{:.1}{name}", bytes as f64 / *unit as f64),
        None => format!("{bytes}B"),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("1.5KB", 1536),
            ("64MB", 64 << 20),
            ("64MiB", 64 << 20),
            ("1.000000000000000000000000001KB", 1024),
            ("17179869183.999999999GB", u64::MAX - 1),
        ] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in [
            "",
            "MB",
            "1.5",
            "1.MB",
            ".5MB",
            "-1",
            "+1",
            "64 MB",
            " 64MB",
            "64mb",
            "99999999999GB",
            "1TB",
            "1e3",
            "1e3KB",
            "infGB",
            "1.2.3KB",
        ] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    #[test]
    fn a_size_reads_as_it_was_written() {
        assert_eq!(size_text(64 << 20), "64MB");
        assert_eq!(size_text(1536), "1.5KB");
        assert_eq!(size_text(100), "100B");
    }
}
