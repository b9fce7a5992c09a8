//! A time zone as a small value: UTC, the machine's, a named one of the database, or a fixed
//! offset.

use smallvec::SmallVec;

use super::error::Error;
use super::rules::{Observance, Rules};
use super::zone_table::{self, NamedZone, Offsets};

/// A time zone. Equal zones give equal offsets and names; `Local` is equal to itself only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Utc,
    Local,
    /// A fixed offset with a short name, as texts of times bring them in at will: kept in the
    /// value, so that hostile texts do not fill the table of names.
    Fixed {
        name: ShortName,
        offset_s: i32,
    },
    Named(&'static NamedZone),
}

/// Where the offsets of a zone come from.
enum Law {
    Fixed(i32),
    Rules(&'static Rules),
}

/// Up to eight bytes, which is what the longest abbreviation in a text of a time has: `GMT+0003`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShortName {
    len: u8,
    bytes: [u8; Self::LEN_MAX],
}

impl ShortName {
    const LEN_MAX: usize = 8;
    const EMPTY: Self = Self { len: 0, bytes: [0; Self::LEN_MAX] };

    pub(crate) fn new(name: &[u8]) -> Option<Self> {
        let mut short = Self::EMPTY;
        short.bytes.get_mut(..name.len())?.copy_from_slice(name);
        short.len = name.len() as u8;
        Some(short)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl Zone {
    /// Coordinated universal time, `UTC`.
    pub const UTC: Self = Self(Kind::Utc);
    /// The zone of the machine, `Local`.
    pub const LOCAL: Self = Self(Kind::Local);

    /// The zone of the built-in IANA database called `name`. `UTC` and `Local` are known too.
    ///
    /// # Errors
    /// Invalid when `name` is empty, not found when the database has no such zone.
    pub fn load(name: &[u8]) -> Result<Self, Error> {
        match name {
            b"" => return Err(Error::invalid("empty location name")),
            b"UTC" => return Ok(Self::UTC),
            b"Local" => return Ok(Self::LOCAL),
            _ => {}
        }
        let zone = std::str::from_utf8(name).ok().and_then(zone_table::load);
        zone.map(|zone| Self(Kind::Named(zone))).ok_or_else(|| {
            let name = String::from_utf8_lossy(name);
            Error::not_found(format!("unknown time zone {name}"))
        })
    }

    /// A zone that is always `seconds_east` of UTC, with `name` also as its abbreviation.
    ///
    /// # Errors
    /// When the offset is beyond 32 bits, or the name is longer than eight bytes and too long to be
    /// kept for ever or one too many.
    pub fn fixed(name: &[u8], seconds_east: i64) -> Result<Self, Error> {
        let offset_s = i32::try_from(seconds_east).map_err(|_| {
            Error::invalid(format!("zone offset must fit 32 bits, got `{seconds_east}`"))
        })?;
        match ShortName::new(name) {
            Some(name) => Ok(Self::fixed_short(name, offset_s)),
            None => zone_table::fixed(name, offset_s).map(|zone| Self(Kind::Named(zone))),
        }
    }

    pub(crate) const fn fixed_short(name: ShortName, offset_s: i32) -> Self {
        Self(Kind::Fixed { name, offset_s })
    }

    /// A zone with an offset but no name, printed as its offset.
    pub const fn offset(offset_s: i32) -> Self {
        Self::fixed_short(ShortName::EMPTY, offset_s)
    }

    /// The name: `UTC`, `Local`, that of the database, or that given to [`Zone::fixed`].
    pub fn name(&self) -> &[u8] {
        match &self.0 {
            Kind::Utc => b"UTC",
            Kind::Local => b"Local",
            Kind::Fixed { name, .. } => name.as_bytes(),
            Kind::Named(zone) => &zone.name,
        }
    }

    /// Seconds east of UTC at `unix` seconds.
    pub fn offset_at(self, unix: i64) -> i32 {
        match self.law() {
            Law::Fixed(offset_s) => offset_s,
            Law::Rules(rules) => rules.offset_at(unix),
        }
    }

    /// Offset, season and abbreviation at `unix` seconds.
    pub fn observance_at(self, unix: i64) -> Observance {
        match self.law() {
            Law::Fixed(offset_s) => {
                let abbreviation = SmallVec::from_slice(self.name());
                Observance { offset_s, is_dst: false, abbreviation }
            }
            Law::Rules(rules) => rules.observance_at(unix),
        }
    }

    /// The unix seconds at which clocks of the zone show `local` seconds.
    ///
    /// The offset is guessed as if `local` were in UTC, then looked up again at the instant that
    /// follows from the guess. So a moment shown twice is one of the two, and a moment skipped is
    /// moved by the length of the gap, with one of the two offsets around it. Which one, depends on
    /// which side of Greenwich the zone lies: in New York 02:30 in the gap of spring is 01:30 EST,
    /// in Berlin it is 03:30 CEST.
    pub(crate) fn resolve(self, local: i128) -> i128 {
        match self.law() {
            Law::Fixed(offset_s) => local - i128::from(offset_s),
            Law::Rules(rules) => {
                let guess = rules.offset_at(saturate(local));
                let offset_s = rules.offset_at(saturate(local - i128::from(guess)));
                local - i128::from(offset_s)
            }
        }
    }

    /// The offset that `abbreviation` has in this zone when its clocks show `local` seconds.
    pub(crate) fn offset_of(self, abbreviation: &[u8], local: i128) -> Option<i32> {
        match self.law() {
            Law::Fixed(offset_s) => (self.name() == abbreviation).then_some(offset_s),
            Law::Rules(rules) => rules.offset_of(abbreviation, saturate(local)),
        }
    }

    /// The offset of the season nearest to `unix` that has (or has not) daylight saving time.
    pub(crate) fn offset_of_season(self, unix: i64, is_dst: bool) -> Option<i32> {
        match self.law() {
            Law::Fixed(_) => None,
            Law::Rules(rules) => rules.offset_of_season(unix, is_dst),
        }
    }

    fn law(self) -> Law {
        match self.0 {
            Kind::Utc => Law::Fixed(0),
            Kind::Local => Law::Rules(zone_table::local()),
            Kind::Fixed { offset_s, .. } => Law::Fixed(offset_s),
            Kind::Named(NamedZone { offsets: Offsets::Fixed(offset_s), .. }) => {
                Law::Fixed(*offset_s)
            }
            Kind::Named(NamedZone { offsets: Offsets::Rules(rules), .. }) => Law::Rules(rules),
        }
    }
}

/// First byte of a zone in bytes.
mod code {
    pub(super) const UTC: u8 = 0;
    pub(super) const LOCAL: u8 = 1;
    /// Offset in four bytes, little-endian; name.
    pub(super) const FIXED: u8 = 2;
    /// Name in the database.
    pub(super) const NAMED: u8 = 3;
}

impl Zone {
    /// The zone in bytes, for [`Zone::from_bytes`] in the same run of the program.
    pub(crate) fn to_bytes(self) -> SmallVec<[u8; 16]> {
        let mut bytes = SmallVec::new();
        match &self.0 {
            Kind::Utc => bytes.push(code::UTC),
            Kind::Local => bytes.push(code::LOCAL),
            Kind::Fixed { offset_s, .. }
            | Kind::Named(NamedZone { offsets: Offsets::Fixed(offset_s), .. }) => {
                bytes.push(code::FIXED);
                bytes.extend_from_slice(&offset_s.to_le_bytes());
                bytes.extend_from_slice(self.name());
            }
            Kind::Named(NamedZone { name, .. }) => {
                bytes.push(code::NAMED);
                bytes.extend_from_slice(name);
            }
        }
        bytes
    }

    /// The zone that was written, or `None` for other bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&code::UTC, []) => Some(Self::UTC),
            (&code::LOCAL, []) => Some(Self::LOCAL),
            (&code::FIXED, rest) => {
                let (offset_s, name) = rest.split_first_chunk()?;
                Self::fixed(name, i32::from_le_bytes(*offset_s).into()).ok()
            }
            (&code::NAMED, name) => Self::load(name).ok(),
            _ => None,
        }
    }
}

/// `seconds`, or the end of the range nearest to it.
pub(crate) fn saturate(seconds: i128) -> i64 {
    seconds.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::civil::Parts;

    fn load(name: &str) -> Zone {
        Zone::load(name.as_bytes()).unwrap()
    }

    fn at(zone: Zone, (year, month, day, hour, minute): (i64, i64, i64, i64, i64)) -> i128 {
        let parts = Parts { year, month, day, hour, minute, second: 0, nanosecond: 0 };
        zone.resolve(parts.local_seconds().0)
    }

    #[test]
    fn names_are_kept_as_given() {
        assert_eq!(Zone::UTC.name(), b"UTC");
        assert_eq!(Zone::LOCAL.name(), b"Local");
        assert_eq!(load("America/New_York").name(), b"America/New_York");
        assert_eq!(Zone::fixed(b"EST", -18_000).unwrap().name(), b"EST");
        assert_eq!(Zone::fixed(b"a rather long name", 1).unwrap().name(), b"a rather long name");
        assert_eq!(Zone::offset(3_600).name(), b"");
    }

    #[test]
    fn unknown_names_are_refused() {
        let error = |name: &[u8]| Zone::load(name).unwrap_err();
        assert_eq!(error(b"").to_string(), "empty location name");
        assert!(!error(b"").is_not_found());
        for name in ["Mars/Olympus", "america/new_york", "utc", "Etc/Unknown", "../UTC", "a\0"] {
            assert_eq!(error(name.as_bytes()).to_string(), format!("unknown time zone {name}"));
            assert!(error(name.as_bytes()).is_not_found());
        }
        assert!(error(b"\xff").is_not_found());
        assert!(Zone::fixed(b"X", i64::MAX).is_err());
        assert!(Zone::fixed(&[b'x'; 256], 0).is_err());
    }

    #[test]
    fn equal_names_give_equal_zones() {
        assert_eq!(load("Europe/Paris"), load("Europe/Paris"));
        assert_ne!(load("Europe/Paris"), load("Europe/Berlin"));
        assert_eq!(load("UTC"), Zone::UTC);
        assert_eq!(load("Local"), Zone::LOCAL);
        assert_eq!(Zone::fixed(b"EST", 0), Zone::fixed(b"EST", 0));
        assert_ne!(Zone::fixed(b"EST", 0), Zone::fixed(b"EST", 1));
    }

    #[test]
    fn zones_come_back_from_their_bytes() {
        let long = Zone::fixed(b"a rather long name", -1).unwrap();
        let utc_by_name = Zone::fixed(b"UTC", 60).unwrap();
        for zone in
            [Zone::UTC, Zone::LOCAL, Zone::offset(90), load("Asia/Tokyo"), long, utc_by_name]
        {
            assert_eq!(Zone::from_bytes(&zone.to_bytes()), Some(zone));
        }
        for bytes in [&b""[..], b"\0x", b"\x02abc", b"\x03Mars/Olympus", b"\x04"] {
            assert_eq!(Zone::from_bytes(bytes), None);
        }
    }

    #[test]
    fn offsets_follow_the_law_of_the_place() {
        let new_york = load("America/New_York");
        let seen = |unix| {
            let observance = new_york.observance_at(unix);
            let name = String::from_utf8(observance.abbreviation.to_vec()).unwrap();
            (observance.offset_s, name, observance.is_dst)
        };
        assert_eq!(seen(1_720_000_000), (-14_400, "EDT".to_owned(), true));
        assert_eq!(seen(1_705_000_000), (-18_000, "EST".to_owned(), false));
        assert_eq!(seen(-3_000_000_000), (-17_762, "LMT".to_owned(), false));
        assert_eq!(&*Zone::UTC.observance_at(0).abbreviation, b"UTC");
        assert_eq!(&*Zone::fixed(b"EST", 5).unwrap().observance_at(0).abbreviation, b"EST");
    }

    #[test]
    fn a_skipped_moment_is_moved_by_the_gap() {
        // 06:30 UTC is 01:30 EST; 01:30 UTC is 03:30 CEST.
        assert_eq!(
            at(load("America/New_York"), (2024, 3, 10, 2, 30)),
            at(Zone::UTC, (2024, 3, 10, 6, 30))
        );
        assert_eq!(
            at(load("Europe/Berlin"), (2024, 3, 31, 2, 30)),
            at(Zone::UTC, (2024, 3, 31, 1, 30))
        );
    }

    #[test]
    fn a_repeated_moment_is_one_of_the_two() {
        // New York: the first 01:30, still EDT. Berlin: the second 02:30, CET already.
        assert_eq!(
            at(load("America/New_York"), (2024, 11, 3, 1, 30)),
            at(Zone::UTC, (2024, 11, 3, 5, 30))
        );
        assert_eq!(
            at(load("Europe/Berlin"), (2024, 10, 27, 2, 30)),
            at(Zone::UTC, (2024, 10, 27, 1, 30))
        );
    }

    proptest! {
        #[test]
        fn resolving_what_is_shown_leads_back_except_near_changes(unix in any::<i64>()) {
            for zone in [load("Europe/Berlin"), load("Australia/Lord_Howe"), Zone::UTC, Zone::LOCAL] {
                let offset = zone.offset_at(unix);
                let is_near_change = [-90_000, 90_000]
                    .iter()
                    .any(|&by| zone.offset_at(unix.saturating_add(by)) != offset);
                let back = zone.resolve(i128::from(unix) + i128::from(offset));
                prop_assert!(is_near_change || back == i128::from(unix));
                prop_assert_eq!(zone.observance_at(unix).offset_s, offset);
            }
        }
    }
}
