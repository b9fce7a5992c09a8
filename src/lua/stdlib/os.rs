//! `os`: the clock and the calendar, and nothing else of the system.

use super::catalog::stock;
use crate::civil::Zone;
use crate::civil::os_date::{DateTable, OsDate, os_date};
use crate::civil::os_time::{Field, TimeRequest, os_time};
use crate::lua::cx::Cx;
use crate::lua::raw::{LuaType, Outcome, Raise, Stack};

/// `os.clock()`: seconds since the runtime started.
pub(super) fn clock(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    stack.push_num(cx.launch.env.started.elapsed().as_secs_f64());
    Ok(Outcome::Return(1))
}

/// `os.difftime(t2, t1)`: the seconds between two times, as a float.
pub(super) fn difftime(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let (Some(t2), Some(t1)) = (stack.to_integer(1), stack.to_integer(2)) else {
        return Ok(Outcome::Nested(stock().difftime)); // raises
    };
    stack.push_num(t2 as f64 - t1 as f64);
    Ok(Outcome::Return(1))
}

/// Bytes of a format of `os.date`, at most: each two of them may become two dozen, in one step.
const FORMAT_MAX: usize = 4096;

/// `os.date([format [, time]])`.
pub(super) fn date(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    let unix = if stack.is_nil(2) { Some(now_s(cx)) } else { stack.to_integer(2) };
    let number = stack.number_text(1);
    let format = match (stack.bytes(1), &number) {
        (Some(format), _) => Some(format),
        (None, Some(number)) => Some(number.as_bytes()),
        (None, None) => stack.is_nil(1).then_some(b"%c".as_slice()),
    };
    let (Some(format), Some(unix)) = (format, unix) else {
        return Ok(Outcome::Nested(stock().date)); // raises
    };
    if format.len() > FORMAT_MAX {
        let got = format.len();
        let what = format!("format of at most {FORMAT_MAX} bytes expected, got {got} bytes");
        return Err(Raise::argument(stack, 1, &what));
    }
    match os_date(format, unix, Zone::LOCAL) {
        Ok(OsDate::Text(text)) => stack.push_bytes(text),
        Ok(OsDate::Table(date)) => {
            stack.new_table(0, 9);
            set_fields(stack, -1, &date);
        }
        Err(_) => return Ok(Outcome::Nested(stock().date)), // raises
    }
    Ok(Outcome::Return(1))
}

/// `os.time([table])`: unix seconds; the table's fields are put in order.
pub(super) fn time(stack: &Stack, cx: &mut Cx) -> Result<Outcome, Raise> {
    if stack.is_nil(1) {
        stack.push_int(now_s(cx));
        return Ok(Outcome::Return(1));
    }
    if stack.kind(1) != LuaType::Table {
        return Ok(Outcome::Nested(stock().time)); // raises
    }
    let field = |name| {
        let kind = stack.raw_get_field(1, name);
        let value = stack.to_integer(-1);
        stack.pop(1);
        match (kind, value) {
            (_, Some(value)) => Field::Integer(value),
            (LuaType::Nil, None) => Field::Missing,
            (_, None) => Field::Other,
        }
    };
    let request = TimeRequest {
        year: field("year"),
        month: field("month"),
        day: field("day"),
        hour: field("hour"),
        min: field("min"),
        sec: field("sec"),
        isdst: season(stack),
    };
    let (unix, date) =
        os_time(&request, Zone::LOCAL).map_err(|error| Raise::Message(error.to_string()))?;
    set_fields(stack, 1, &date);
    stack.push_int(unix);
    Ok(Outcome::Return(1))
}

/// The field `isdst` of the table at argument 1.
fn season(stack: &Stack) -> Option<bool> {
    let kind = stack.raw_get_field(1, "isdst");
    let is_dst = stack.truthy(-1);
    stack.pop(1);
    (kind != LuaType::Nil).then_some(is_dst)
}

fn set_fields(stack: &Stack, table: i32, date: &DateTable) {
    let table = stack.abs(table);
    let fields = [
        ("year", date.year),
        ("month", date.month),
        ("day", date.day),
        ("hour", date.hour),
        ("min", date.min),
        ("sec", date.sec),
        ("yday", date.yday),
        ("wday", date.wday),
    ];
    for (name, value) in fields {
        stack.push_int(value);
        stack.raw_set_field(table, name);
    }
    stack.push_bool(date.isdst);
    stack.raw_set_field(table, "isdst");
}

/// The wall clock in unix seconds.
fn now_s(cx: &Cx) -> i64 {
    let seconds = cx.step.get().worker.wall_ns().div_euclid(1_000_000_000);
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
