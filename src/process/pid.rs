//! Process identifiers: a serial number that is never given out twice in a run, and the host.

use std::fmt;

use smallvec::SmallVec;

/// The lowest bits of a serial are the slot in the process table, the rest counts the slot's uses.
pub(crate) const SLOT_BITS: u32 = 24;
pub(crate) const GENERATION_BITS: u32 = 36;
const _: () = assert!(SLOT_BITS + GENERATION_BITS <= 64);

/// Numbers are written with so many hexadecimal digits at least.
const DIGITS_MIN: u32 = 5;

/// The number in a PID. Zero is never given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(u64);

impl Serial {
    pub(crate) fn new(slot: u32, generation: u64) -> Serial {
        debug_assert!(slot < 1 << SLOT_BITS && generation < 1 << GENERATION_BITS);
        Serial(generation << SLOT_BITS | u64::from(slot))
    }

    /// A number that [`Serial::get`] gave.
    pub(crate) fn from_raw(number: u64) -> Serial {
        Serial(number)
    }

    pub(crate) fn slot(self) -> usize {
        (self.0 & ((1 << SLOT_BITS) - 1)) as usize
    }

    pub(crate) fn generation(self) -> u64 {
        self.0 >> SLOT_BITS
    }

    /// The number itself.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// Names one process of this run, dead or alive. Its text is `{<host id>|0x<number>}`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pid {
    serial: Serial,
    host: &'static str,
}

impl Pid {
    pub(crate) fn new(serial: Serial, host: &'static str) -> Pid {
        Pid { serial, host }
    }

    /// The number of the process.
    pub fn serial(self) -> Serial {
        self.serial
    }

    /// The id of the host that the process lives on.
    pub fn host(self) -> &'static str {
        self.host
    }

    /// Its text, for programs.
    pub(crate) fn text(self) -> SmallVec<[u8; 48]> {
        const END: usize = 16 + 1;
        let mut number = *b"0000000000000000}";
        let (mut start, mut rest) = (END - 1, self.serial.0);
        while rest != 0 {
            start -= 1;
            number[start] = b"0123456789abcdef"[rest as usize & 15];
            rest >>= 4;
        }
        let number = &number[start.min(END - 1 - DIGITS_MIN as usize)..];
        let mut text = SmallVec::with_capacity(1 + self.host.len() + 3 + number.len());
        text.push(b'{');
        text.extend_from_slice(self.host.as_bytes());
        text.extend_from_slice(b"|0x");
        text.extend_from_slice(number);
        text
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether a destination text is meant as a PID: such text is never looked up as a name.
pub fn has_pid_form(text: &[u8]) -> bool {
    text.len() >= 2 && text[0] == b'{' && text[text.len() - 1] == b'}' && text.contains(&b'|')
}

/// Host id and serial of a text in PID form; `None` when it is malformed inside.
pub(crate) fn parse(text: &[u8]) -> Option<(&[u8], Serial)> {
    let [b'{', inner @ .., b'}'] = text else { return None };
    // From the right: the number is short, and what is before it is compared as a whole.
    let (mut start, mut serial, mut shift) = (inner.len(), 0, 0);
    while start > 0 {
        let digit = DIGITS[usize::from(inner[start - 1])];
        if digit == NO_DIGIT {
            break;
        }
        if shift == u64::BITS {
            return None;
        }
        serial |= u64::from(digit) << shift;
        shift += 4;
        start -= 1;
    }
    let host = inner[..start].strip_suffix(b"|0x")?;
    // One spelling a PID: lower case, padded to five digits and no further.
    let n_digits = shift / 4;
    let is_padded = n_digits == DIGITS_MIN || n_digits > DIGITS_MIN && serial >> (shift - 4) != 0;
    is_padded.then_some((host, Serial(serial)))
}

const NO_DIGIT: u8 = u8::MAX;

/// What each byte stands for as a hexadecimal digit of lower case.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_text_of_a_pid_parses_to_itself(slot in 0u32..1 << 24, generation in 0u64..1 << 36) {
            let pid = Pid::new(Serial::new(slot, generation), "app:processes");
            let text = pid.to_string();
            prop_assert_eq!(parse(text.as_bytes()), Some((&b"app:processes"[..], pid.serial())));
            prop_assert_eq!((pid.serial().slot(), pid.serial().generation()), (slot as usize, generation));
        }

        #[test]
        fn any_bytes_parse_or_fail_without_panic(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&text);
        }
    }

    #[test]
    fn small_numbers_are_padded_to_five_digits() {
        assert_eq!(Pid::new(Serial::new(4, 0), "app:h").to_string(), "{app:h|0x00004}");
        for other in
            ["{app:h|0x4}", "{app:h|0x000004}", "{app:h|0X00004}", "{app:h|4}", "{app:h|0x}"]
        {
            assert_eq!(parse(other.as_bytes()), None, "{other}");
        }
    }
}
