//! Durations as entry files write them.

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
    use crate::civil::Duration;
    use crate::process::{parse_size, size_text};

    let duration = |text: &str| Duration::parse(text.as_bytes()).map(|d| d.nanoseconds());
    if let Ok(ns) = duration(text).map(i64::unsigned_abs) {
        let again = duration(&display_duration(ns)).map(i64::unsigned_abs);
        assert!(again == Ok(ns) || ns > i64::MAX.unsigned_abs(), "{text}: {again:?}");
    }
    if let Some(bytes) = parse_size(text).filter(|_| !text.contains('.')) {
        let shown = size_text(bytes);
        let is_exact = bytes >= 1024 && !shown.contains('.');
        assert!(!is_exact || parse_size(&shown) == Some(bytes), "{text}: {shown}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::civil::Duration;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn displayed_durations_read_back(ns in 0..=i64::MAX) {
            let text = display_duration(ns.unsigned_abs());
            prop_assert_eq!(Duration::parse(text.as_bytes()), Ok(Duration::from_nanos(ns)));
        }

        #[test]
        #[cfg(not(loom))]
        fn any_text_is_no_value_or_reads_back(text in "\\PC{0,40}") {
            check_values(&text);
        }

        #[test]
        #[cfg(not(loom))]
        fn digits_and_units_are_no_value_or_read_back(
            text in "[-+]?([0-9]{0,30}[.]?[0-9]{0,30}(ns|us|ms|s|m|h|KB|GB)?){0,4}"
        ) {
            check_values(&text);
        }
    }
}
