//! Sizes in bytes as texts: `64MB`. The units are powers of 1024.

const UNITS: [(&str, &str, u64); 3] =
    [("GB", "GiB", 1 << 30), ("MB", "MiB", 1 << 20), ("KB", "KiB", 1 << 10)];

/// The bytes of a text such as `64MB`, `1.5KiB` or `4096`; `None` when it is none, or out of range.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    for (short, long, unit) in UNITS {
        if let Some(number) = text.strip_suffix(short).or_else(|| text.strip_suffix(long)) {
            return scaled(number.trim_end(), unit);
        }
    }
    text.parse().ok()
}

fn scaled(number: &str, unit: u64) -> Option<u64> {
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit);
    }
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let size = number.parse::<f64>().ok().filter(|_| plain)? * unit as f64;
    (size < u64::MAX as f64).then_some(size as u64)
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
        assert_eq!(parse_size("64MB"), Some(64 << 20));
        assert_eq!(parse_size("64 MiB"), Some(64 << 20));
        assert_eq!(parse_size("1.5KB"), Some(1536));
        assert_eq!(parse_size("4096"), Some(4096));
        for bad in ["", "MB", "-1", "1e3KB", "infGB", "99999999999GB", "1TB"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_size_reads_as_it_was_written() {
        assert_eq!(size_text(64 << 20), "64MB");
        assert_eq!(size_text(1536), "1.5KB");
        assert_eq!(size_text(100), "100B");
    }
}
