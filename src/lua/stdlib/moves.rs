//! `table.insert`, `table.remove` and `table.move` of any number of elements.
//!
//! All three move a range of elements, from its end that comes first. Where no function is called
//! stock `table.move` moves piece after piece; else each element is read and written through
//! continuations. Small cases without metamethods are stock Lua's from the start.
//!
//! # Invariants
//! * **M1** What is left to move are `LEFT` elements from key `FIRST` of `SOURCE` on, to those from
//!   key `TO` of `TARGET` on.
//! * **M2** Between two steps the frame has `HEIGHT` slots.

use std::ffi::c_int;

use super::access::{self, get, has_metafield, is_known_to_lack, is_quiet, set, to_length};
use super::catalog::stock;
use super::slots::{int, integer_or, keep_top, set_int};
use crate::lua::cx::Cx;
use crate::lua::raw::{Came, HostFn, LuaType, Outcome, Raise, Stack, continuation, guarded, lacks};

const SOURCE: c_int = 1;
const FIRST: c_int = 2;
const LEFT: c_int = 3;
const TO: c_int = 4;
const TARGET: c_int = 5;
const JOB: c_int = 6;
/// What is inserted, what was removed.
const VALUE: c_int = 7;
const HEIGHT: c_int = 7;

/// Stock Lua moves so many elements in some ten microseconds.
const PIECE: i64 = 1000;

/// What the elements are moved for, and so in which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    /// Backward, then the value is stored in front of them.
    Insert,
    /// Forward, then the element behind them is removed.
    Remove,
    MoveForward,
    MoveBackward,
}

impl Job {
    const ALL: [Job; 4] = [Job::Insert, Job::Remove, Job::MoveForward, Job::MoveBackward];

    fn of(stack: &Stack) -> Job {
        Job::ALL[int(stack, JOB) as usize]
    }

    fn is_forward(self) -> bool {
        matches!(self, Job::Remove | Job::MoveForward)
    }
}

/// `table.insert(t, [pos,] value)`.
pub(super) const INSERT: HostFn = guarded!(pure inserts_long, insert, (stock().insert));
/// `table.remove(t [, pos])`.
pub(super) const REMOVE: HostFn = guarded!(pure removes_long, remove, (stock().remove));
/// `table.move(a1, f, e, t [, a2])`.
pub(super) const MOVE: HostFn = guarded!(pure moves_long, move_range, (stock().move_range));

fn inserts_long(stack: &Stack) -> bool {
    if stack.top() == 2 && is_known_to_lack(stack, 1, lacks::LEN | lacks::NEWINDEX) {
        return false;
    }
    stack.kind(1) == LuaType::Table // else it raises
        && (!is_quiet(stack, 1) || stack.top() == 3 && is_far_from_end(stack))
}

fn removes_long(stack: &Stack) -> bool {
    // The last element of a table is there, so that no metamethod is asked for it.
    if stack.top() == 1 && is_known_to_lack(stack, 1, lacks::LEN) && stack.raw_len(1) > 0 {
        return false;
    }
    stack.kind(1) == LuaType::Table // else it raises
        && (!is_quiet(stack, 1) || stack.top() > 1 && is_far_from_end(stack))
}

/// Whether there are many elements behind the position, the second argument.
fn is_far_from_end(stack: &Stack) -> bool {
    let len = stack.raw_len(1);
    len > PIECE as usize
        && stack.to_integer(2).is_some_and(|at| at.saturating_add(PIECE) < len as i64)
}

fn moves_long(stack: &Stack) -> bool {
    let target = target(stack);
    let ([Some(first), Some(last), Some(_)], LuaType::Table, LuaType::Table) =
        ([2, 3, 4].map(|index| stack.to_integer(index)), stack.kind(1), stack.kind(target))
    else {
        return false; // raises
    };
    last >= first
        && (last.saturating_sub(first) >= PIECE
            || !is_quiet(stack, 1)
            || target != 1 && !is_quiet(stack, target)
            || may_be_equal(stack, 1, target))
}

/// The argument of `table.move` that is moved to.
fn target(stack: &Stack) -> c_int {
    if stack.is_nil(5) { 1 } else { 5 }
}

/// Whether a metamethod decides if the two tables are equal.
fn may_be_equal(stack: &Stack, a: c_int, b: c_int) -> bool {
    !stack.raw_equal(a, b) && [a, b].iter().any(|table| has_metafield(stack, *table, "__eq"))
}

fn insert(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    if stack.top() == 3 && stack.to_integer(2).is_none() {
        return Ok(Outcome::Nested(stock().insert)); // raises
    }
    match access::length(stack, 1, continuation!(insert_counted)) {
        Ok(len) => insert_into(stack, len),
        Err(call) => Ok(call),
    }
}

fn insert_counted(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    let len = to_length(stack)?;
    insert_into(stack, len)
}

/// Moves the elements from the position on away from there.
fn insert_into(stack: &Stack, len: i64) -> Result<Outcome, Raise> {
    let behind = len.wrapping_add(1);
    let at = match stack.top() {
        2 => behind,
        3 => stack.to_integer(2).unwrap_or(0),
        _ => {
            return Err(Raise::Message("wrong number of arguments to 'insert'".to_owned()));
        }
    };
    if stack.top() == 3 && at.wrapping_sub(1) as u64 >= behind as u64 {
        return Err(Raise::argument(stack, 2, "position out of bounds"));
    }
    let left = if behind > at { behind.saturating_sub(at) } else { 0 };
    let value = stack.top();
    begin(stack, Job::Insert, [at, left, at.wrapping_add(1)], 1, value)
}

fn remove(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    if integer_or(stack, 2, 0).is_none() {
        return Ok(Outcome::Nested(stock().remove)); // raises
    }
    stack.set_top(2);
    match access::length(stack, 1, continuation!(remove_counted)) {
        Ok(len) => remove_from(stack, len),
        Err(call) => Ok(call),
    }
}

fn remove_counted(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    let len = to_length(stack)?;
    remove_from(stack, len)
}

/// Reads the element that is removed; those behind it move to its place.
fn remove_from(stack: &Stack, len: i64) -> Result<Outcome, Raise> {
    let at = integer_or(stack, 2, len).unwrap_or(0);
    if at != len && at.wrapping_sub(1) as u64 > len as u64 {
        return Err(Raise::argument(stack, 2, "position out of bounds"));
    }
    let left = if len > at { len.saturating_sub(at) } else { 0 };
    arrange(stack, Job::Remove, [at.wrapping_add(1), left, at], 1, 2);
    match get(stack, SOURCE, at, continuation!(removed)) {
        Ok(()) => keep_removed(stack),
        Err(call) => Ok(call),
    }
}

fn removed(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    keep_removed(stack)
}

fn keep_removed(stack: &Stack) -> Result<Outcome, Raise> {
    stack.replace(VALUE);
    advance(stack)
}

fn move_range(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let target = target(stack);
    let [first, last, to] = [2, 3, 4].map(|index| stack.to_integer(index).unwrap_or(0));
    let fits = first > 0 || last < i64::MAX + first;
    let n = last.wrapping_sub(first).wrapping_add(1);
    if !fits || to > i64::MAX - n + 1 {
        return Ok(Outcome::Nested(stock().move_range)); // raises
    }
    let overlaps = to > first && to <= last;
    let job =
        if overlaps && stack.raw_equal(1, target) { Job::MoveBackward } else { Job::MoveForward };
    let asks = overlaps && may_be_equal(stack, 1, target);
    arrange(stack, job, [first, n, to], target, 1);
    if asks {
        let event = "__eq";
        let owner = if has_metafield(stack, SOURCE, event) { SOURCE } else { TARGET };
        access::push_metafield(stack, owner, event);
        stack.push_value(SOURCE);
        stack.push_value(TARGET);
        return Ok(Outcome::Call { n_args: 2, n_results: 1, then: continuation!(compared) });
    }
    advance(stack)
}

/// Whether source and target are equal is on top.
fn compared(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    let job = if stack.truthy(-1) { Job::MoveBackward } else { Job::MoveForward };
    set_int(stack, JOB, job as i64);
    advance(stack)
}

/// Makes the frame that M1 and M2 describe of the arguments, and begins. The source is the first
/// argument; `value` is where the value is.
fn begin(
    stack: &Stack,
    job: Job,
    range: [i64; 3],
    target: c_int,
    value: c_int,
) -> Result<Outcome, Raise> {
    arrange(stack, job, range, target, value);
    advance(stack)
}

fn arrange(stack: &Stack, job: Job, range: [i64; 3], target: c_int, value: c_int) {
    stack.push_value(1);
    for number in range {
        stack.push_int(number);
    }
    stack.push_value(target);
    stack.push_int(job as i64);
    stack.push_value(value);
    keep_top(stack, HEIGHT);
}

fn go_on(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    advance(stack)
}

/// Moves a piece, or an element.
fn advance(stack: &Stack) -> Result<Outcome, Raise> {
    stack.set_top(HEIGHT);
    let left = int(stack, LEFT);
    if left == 0 {
        return finish(stack);
    }
    if is_quiet(stack, SOURCE) && is_quiet(stack, TARGET) && !may_be_equal(stack, SOURCE, TARGET) {
        return Ok(move_piece(stack, left.min(PIECE)));
    }
    let ahead = next_ahead(stack, 1);
    let from = int(stack, FIRST).wrapping_add(ahead);
    match get(stack, SOURCE, from, continuation!(read)) {
        Ok(()) => write(stack),
        Err(call) => Ok(call),
    }
}

/// How far from the beginning of the range the next `n` elements are.
fn next_ahead(stack: &Stack, n: i64) -> i64 {
    if Job::of(stack).is_forward() { 0 } else { int(stack, LEFT) - n }
}

fn move_piece(stack: &Stack, n: i64) -> Outcome {
    let ahead = next_ahead(stack, n);
    let first = int(stack, FIRST).wrapping_add(ahead);
    stack.push_fn(stock().move_range);
    stack.push_value(SOURCE);
    stack.push_int(first);
    stack.push_int(first.wrapping_add(n - 1));
    stack.push_int(int(stack, TO).wrapping_add(ahead));
    stack.push_value(TARGET);
    take_off(stack, n);
    Outcome::Call { n_args: 5, n_results: 0, then: continuation!(moved) }
}

fn moved(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    if int(stack, LEFT) == 0 { finish(stack) } else { Ok(Outcome::Pause(continuation!(go_on))) }
}

fn read(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    write(stack)
}

/// The next element is on top.
fn write(stack: &Stack) -> Result<Outcome, Raise> {
    let to = int(stack, TO).wrapping_add(next_ahead(stack, 1));
    Ok(set(stack, TARGET, to, continuation!(written)))
}

fn written(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    take_off(stack, 1);
    if int(stack, LEFT) % PIECE == PIECE - 1 {
        return Ok(Outcome::Pause(continuation!(go_on)));
    }
    advance(stack)
}

/// The next `n` elements are moved.
fn take_off(stack: &Stack, n: i64) {
    set_int(stack, LEFT, int(stack, LEFT) - n);
    if Job::of(stack).is_forward() {
        set_int(stack, FIRST, int(stack, FIRST).wrapping_add(n));
        set_int(stack, TO, int(stack, TO).wrapping_add(n));
    }
}

fn finish(stack: &Stack) -> Result<Outcome, Raise> {
    match Job::of(stack) {
        Job::Insert => {
            stack.push_value(VALUE);
            Ok(set(stack, TARGET, int(stack, FIRST), continuation!(inserted)))
        }
        Job::Remove => {
            stack.push_nil();
            Ok(set(stack, TARGET, int(stack, TO), continuation!(shortened)))
        }
        Job::MoveForward | Job::MoveBackward => {
            stack.push_value(TARGET);
            Ok(Outcome::Return(1))
        }
    }
}

fn inserted(_: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    Ok(Outcome::Return(0))
}

fn shortened(stack: &Stack, _: &mut Cx, _: Came) -> Result<Outcome, Raise> {
    stack.push_value(VALUE);
    Ok(Outcome::Return(1))
}
