//! What `os.time` of Lua makes of a table: the seconds its fields mean, and the fields put in
//! order.

use super::calendar::{DateTime, Parts};
use super::error::Error;
use super::os_date::{DateTable, fits_c, table};
use super::zone::{Zone, saturate};

/// A field of the table as Lua finds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Field {
    /// No such field.
    #[default]
    Missing,
    /// An integer, or something that converts to one.
    Integer(i64),
    /// Anything else.
    Other,
}

/// The fields that `os.time` reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRequest {
    /// Year; must be there.
    pub year: Field,
    /// Month; must be there.
    pub month: Field,
    /// Day; must be there.
    pub day: Field,
    /// Hour, 12 if missing.
    pub hour: Field,
    /// Minute, 0 if missing.
    pub min: Field,
    /// Second, 0 if missing.
    pub sec: Field,
    /// Whether the fields are in daylight saving time; unknown if missing.
    pub isdst: Option<bool>,
}

/// Unix seconds of the fields in `zone`, and the fields as Lua writes them back, with everything
/// that was out of range carried over.
///
/// With `isdst` given the fields are taken in that season's offset, even where clocks show the
/// other.
///
/// # Errors
/// When a field is missing, not an integer or beyond C's 32 bits, or the result is.
pub fn os_time(request: &TimeRequest, zone: Zone) -> Result<(i64, DateTable), Error> {
    let parts = Parts {
        year: read("year", request.year, None, 1_900)?,
        month: read("month", request.month, None, 1)?,
        day: read("day", request.day, None, 0)?,
        hour: read("hour", request.hour, Some(12), 0)?,
        minute: read("min", request.min, Some(0), 0)?,
        second: read("sec", request.sec, Some(0), 0)?,
        nanosecond: 0,
    };
    let (local, _) = parts.local_seconds();
    // Fields of 32 bits are far from the ends of 64-bit seconds.
    let mut unix = saturate(zone.resolve(local));
    let mut seen = zone.observance_at(unix);
    // In a gap the offset that was taken is not the one that is seen.
    let of_season = |isdst| match isdst == seen.is_dst {
        true => Some(seen.offset_s),
        false => zone.offset_of_season(unix, isdst),
    };
    if let Some(offset_s) = request.isdst.and_then(of_season) {
        unix = saturate(local - i128::from(offset_s));
        seen = zone.observance_at(unix);
    }
    let shown = DateTime::at(unix, 0, seen.offset_s);
    if !fits_c(shown.year) {
        return Err(Error::invalid("time result cannot be represented in this installation"));
    }
    Ok((unix, table(&shown, seen.is_dst)))
}

/// The value of a field, which C stores in 32 bits counted from `base`.
fn read(name: &str, field: Field, default: Option<i64>, base: i64) -> Result<i64, Error> {
    match (field, default) {
        (Field::Integer(value), _) => {
            let fits = value.checked_sub(base).is_some_and(|value| i32::try_from(value).is_ok());
            let out_of_bound = || Error::invalid(format!("field '{name}' is out-of-bound"));
            if fits { Ok(value) } else { Err(out_of_bound()) }
        }
        (Field::Other, _) => Err(Error::invalid(format!("field '{name}' is not an integer"))),
        (Field::Missing, Some(default)) => Ok(default),
        (Field::Missing, None) => {
            Err(Error::invalid(format!("field '{name}' missing in date table")))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;
    use crate::civil::os_date::{OsDate, os_date};

    fn request(fields: [i64; 6]) -> TimeRequest {
        let [year, month, day, hour, min, sec] = fields.map(Field::Integer);
        TimeRequest { year, month, day, hour, min, sec, isdst: None }
    }

    fn berlin() -> Zone {
        Zone::load(b"Europe/Berlin").unwrap()
    }

    fn message(request: TimeRequest) -> String {
        os_time(&request, Zone::UTC).unwrap_err().to_string()
    }

    #[test]
    fn fields_out_of_range_are_carried_over_and_written_back() {
        let (unix, table) = os_time(&request([2023, 14, 31, 25, -1, 3_600]), Zone::UTC).unwrap();
        assert_eq!(Ok(OsDate::Table(table)), os_date(b"!*t", unix, Zone::UTC));
        assert_eq!(
            (table.year, table.month, table.day, table.hour, table.min, table.sec),
            (2024, 3, 3, 1, 59, 0)
        );
    }

    #[test]
    fn missing_fields_have_defaults_or_are_named() {
        let whole = request([2024, 1, 2, 0, 0, 0]);
        let noon =
            TimeRequest { hour: Field::Missing, min: Field::Missing, sec: Field::Missing, ..whole };
        assert_eq!(os_time(&noon, Zone::UTC).unwrap().0, 1_704_196_800);
        let missing = Field::Missing;
        assert_eq!(
            message(TimeRequest { day: missing, ..whole }),
            "field 'day' missing in date table"
        );
        assert_eq!(message(TimeRequest::default()), "field 'year' missing in date table");
        assert_eq!(
            message(TimeRequest { month: Field::Other, ..whole }),
            "field 'month' is not an integer"
        );
        assert_eq!(
            message(TimeRequest { sec: Field::Other, ..whole }),
            "field 'sec' is not an integer"
        );
    }

    #[test]
    fn fields_must_fit_c() {
        let (min, max) = (i64::from(i32::MIN), i64::from(i32::MAX));
        for (name, fields) in [
            ("year", [max + 1_901, 1, 1, 0, 0, 0]),
            ("year", [i64::MIN, 1, 1, 0, 0, 0]),
            ("month", [2024, max + 2, 1, 0, 0, 0]),
            ("day", [2024, 1, min - 1, 0, 0, 0]),
            ("min", [2024, 1, 1, 0, i64::MAX, 0]),
        ] {
            assert_eq!(message(request(fields)), format!("field '{name}' is out-of-bound"));
        }
        assert!(os_time(&request([max + 1_900, 12, 31, 0, 0, 0]), Zone::UTC).is_ok());
        assert_eq!(
            message(request([max + 1_900, 12, 32, 0, 0, 0])),
            "time result cannot be represented in this installation"
        );
    }

    #[test]
    fn isdst_picks_the_season() {
        let at = |fields, isdst| {
            let (unix, table) =
                os_time(&TimeRequest { isdst, ..request(fields) }, berlin()).unwrap();
            (unix, table.hour, table.isdst)
        };
        let noon = [2024, 7, 1, 12, 0, 0];
        assert_eq!(at(noon, None), (1_719_828_000, 12, true));
        assert_eq!(at(noon, Some(true)), (1_719_828_000, 12, true));
        assert_eq!(at(noon, Some(false)), (1_719_831_600, 13, true));
        let noon = [2024, 1, 1, 12, 0, 0];
        assert_eq!(at(noon, None), (1_704_106_800, 12, false));
        assert_eq!(at(noon, Some(true)), (1_704_103_200, 11, false));
        // Of an hour shown twice both can be named.
        let twice = [2024, 10, 27, 2, 30, 0];
        assert_eq!(at(twice, Some(true)), (1_729_989_000, 2, true));
        assert_eq!(at(twice, Some(false)), (1_729_992_600, 2, false));
        // An hour that is skipped is before the gap by one season, behind it by the other.
        let skipped = [2024, 3, 31, 2, 30, 0];
        assert_eq!(at(skipped, None), (1_711_848_600, 3, true));
        assert_eq!(at(skipped, Some(true)), (1_711_845_000, 1, false));
        assert_eq!(at(skipped, Some(false)), (1_711_848_600, 3, true));
    }

    #[test]
    fn a_zone_without_seasons_ignores_isdst() {
        let fields = TimeRequest { isdst: Some(true), ..request([2024, 7, 1, 12, 0, 0]) };
        assert_eq!(os_time(&fields, Zone::UTC).unwrap().0, 1_719_835_200);
    }

    proptest! {
        #[test]
        fn a_table_of_os_date_gives_its_seconds_back(unix in -60_000_000_000_i64..100_000_000_000) {
            let Ok(OsDate::Table(t)) = os_date(b"*t", unix, berlin()) else { unreachable!() };
            let fields = request([t.year, t.month, t.day, t.hour, t.min, t.sec]);
            let fields = TimeRequest { isdst: Some(t.isdst), ..fields };
            prop_assert_eq!(os_time(&fields, berlin()), Ok((unix, t)));
        }

        #[test]
        fn any_fields_are_taken_or_refused(fields in any::<[i64; 6]>(), small in any::<[i32; 6]>()) {
            let _ = os_time(&request(fields), berlin());
            let _ = os_time(&TimeRequest { isdst: Some(true), ..request(small.map(i64::from)) }, berlin());
        }
    }
}
