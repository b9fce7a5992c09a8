//! The laws of layouts, checked on arbitrary bytes; called by a fuzz target and by a property test.

use super::instant::Time;
use super::os_date::os_date;
use super::zone::Zone;

/// Checks, with everything chosen by `data`:
/// * formatting, parsing and `os.date` take any layout, text and instant;
/// * what a complete layout writes, it reads back as the same instant with the same offset.
///
/// # Panics
/// When a law is broken.
pub fn check_layout(data: &[u8]) {
    let mut choices = Choices { data };
    any_layout_is_taken(&mut choices);
    complete_layout_reads_back(&mut choices);
}

/// Bytes that decide; zeros when they run out.
struct Choices<'d> {
    data: &'d [u8],
}

impl<'d> Choices<'d> {
    fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    fn bytes(&mut self, len: usize) -> &'d [u8] {
        let (taken, rest) = self.data.split_at(len.min(self.data.len()));
        self.data = rest;
        taken
    }

    fn integer(&mut self) -> i64 {
        self.bytes(8).iter().fold(0, |number, byte| number << 8 | i64::from(*byte))
    }

    fn one_of<T: Copy>(&mut self, options: &[T]) -> T {
        options[usize::from(self.byte()) % options.len()]
    }
}

fn any_layout_is_taken(choices: &mut Choices<'_>) {
    let named = [&b"Europe/Berlin"[..], b"America/New_York", b"Pacific/Apia", b"Africa/Monrovia"]
        .map(|name| Zone::load(name).unwrap_or(Zone::UTC));
    let fixed = Zone::offset(choices.integer() as i32);
    let zone = choices.one_of(&[Zone::UTC, fixed, named[0], named[1], named[2], named[3]]);
    let time = Time::from_unix(choices.integer(), choices.integer(), zone);
    let layout_len = choices.byte().into();
    let layout = choices.bytes(layout_len);
    let text = choices.bytes(layout_len / 2);

    let written = time.format(layout);
    for text in [text, &written] {
        if let Ok(read) = Time::parse(layout, text, zone) {
            read.format(layout);
        }
    }
    // An error, too, is a legal answer to any format.
    let _ = os_date(layout, time.unix(), zone);
}

/// Elements that say all of a time together, each in its spellings.
const COMPLETE: [&[&str]; 7] = [
    &["2006"],
    &["01", "1", "Jan", "January"],
    &["02", "_2", "2"],
    &["15", "3PM", "03 pm"],
    &["04", "4"],
    &["05.000000000", "5,999999999", "05,000000000", "5.999999999999"],
    &["-0700", "-07:00", "Z0700", "Z07:00"],
];
/// Elements that repeat what others say.
const REDUNDANT: [&str; 4] = ["Mon", "Monday", "002", "__2"];
const SEPARATORS: [&str; 6] = [" ", "/", "|", " at ", "   ", "é"];

fn complete_layout_reads_back(choices: &mut Choices<'_>) {
    let mut groups: Vec<&[&str]> = COMPLETE.into();
    let mut layout = String::new();
    while !groups.is_empty() {
        let group = groups.swap_remove(usize::from(choices.byte()) % groups.len());
        layout += choices.one_of(group);
        layout += choices.one_of(&SEPARATORS);
        if choices.byte().is_multiple_of(8) {
            layout += choices.one_of(&REDUNDANT);
            layout += choices.one_of(&SEPARATORS);
        }
    }
    // Years 1 to 9998 have four digits at every offset of up to a day.
    let unix = choices.integer().rem_euclid(9_998 * 365 * 86_400) + Time::ZERO.unix();
    let offset_s = choices.integer().rem_euclid(49 * 60) as i32 * 60 - 24 * 3_600;
    let time =
        Time::from_unix(unix, choices.integer().rem_euclid(1_000_000_000), Zone::offset(offset_s));

    let text = time.format(layout.as_bytes());
    let shown = String::from_utf8_lossy(&text);
    match Time::parse(layout.as_bytes(), &text, Zone::UTC) {
        Ok(read) => {
            assert!(read.equal(&time), "`{shown}` in `{layout}` reads as {read}, not {time}");
            assert_eq!(read.observance().offset_s, offset_s, "`{shown}` in `{layout}`");
        }
        Err(error) => panic!("what was written is not read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, prop, proptest};

    use super::check_layout;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn layouts_keep_their_laws(data in prop::collection::vec(any::<u8>(), 0..400)) {
            check_layout(&data);
        }
    }
}
