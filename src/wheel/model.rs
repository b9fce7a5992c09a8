//! What a wheel has to do, said in the plainest way: a sorted list. Runs operations on both and
//! compares every answer; the operations come from proptest or, as bytes, from a fuzzer.
//!
//! # Panics
//! Whenever wheel and model disagree.

use std::collections::BTreeSet;

use super::{Key, Wheel};

/// The span of the lowest level, within which `next_ns` is exact.
const NEAR_NS: u64 = 64 << 16;

/// One call on a wheel.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// Insert an entry.
    Insert(Time),
    /// Cancel by the key of an earlier insertion, counted modulo their number; live or not.
    Cancel(u16),
    /// Cancel by a key made from a number.
    Forge(u64),
    /// Advance to a time, which may be before the present one.
    Advance(Time),
    /// Advance to what `next_ns` says, if anything.
    AdvanceToNext,
    /// Ask when to advance next.
    Next,
}

/// A time, relative to what the run has seen, so that interesting ones are not rare.
#[derive(Clone, Copy, Debug)]
pub enum Time {
    /// So long after the present, up to the last time there is.
    After(u64),
    /// So long before the present, down to zero.
    Before(u64),
    /// The deadline of the latest insertion.
    Same,
    /// So long before the last time there is.
    Last(u64),
}

/// Decodes operations from bytes and runs them.
pub fn check_ops(data: &[u8]) {
    check(std::iter::from_fn({
        let mut data = data;
        move || decode(&mut data)
    }));
}

/// Runs operations on a new wheel and on the model.
pub fn check(ops: impl IntoIterator<Item = Op>) {
    let mut run = Run::new();
    for op in ops {
        run.apply(op);
    }
    run.drain();
}

/// The next operation; `None` when the bytes do not suffice for one.
fn decode(data: &mut &[u8]) -> Option<Op> {
    let [op, operands @ ..] = *data else { return None };
    *data = operands;
    Some(match op % 8 {
        0..=2 => Op::Insert(decode_time(data)?),
        3 => Op::Cancel(u16::from_le_bytes(take(data)?)),
        4 => Op::Forge(u64::from_le_bytes(take(data)?)),
        5 => Op::Advance(decode_time(data)?),
        6 => Op::AdvanceToNext,
        _ => Op::Next,
    })
}

/// Times are 16 bits shifted by up to 63, so that every level of the wheel is as likely as another.
fn decode_time(data: &mut &[u8]) -> Option<Time> {
    let [kind, shift, low, high] = take(data)?;
    let span_ns = u64::from(u16::from_le_bytes([low, high])) << (shift % 64);
    Some(match kind % 8 {
        0..=4 => Time::After(span_ns),
        5 => Time::Before(span_ns),
        6 => Time::Same,
        _ => Time::Last(span_ns),
    })
}

fn take<const N: usize>(data: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = data.split_first_chunk()?;
    *data = rest;
    Some(*taken)
}

/// A wheel, and all that should be true of it.
struct Run {
    wheel: Wheel<usize>,
    /// Deadline and insertion number of what is pending, in order of expiry.
    pending: Vec<(u64, usize)>,
    /// By insertion number.
    keys: Vec<Key>,
    /// All keys ever given out, as numbers.
    seen: BTreeSet<u64>,
    now_ns: u64,
    latest_at_ns: u64,
}

impl Run {
    fn new() -> Self {
        let now_ns = 1 << 40;
        Self {
            wheel: Wheel::new(now_ns),
            pending: Vec::new(),
            keys: Vec::new(),
            seen: BTreeSet::new(),
            now_ns,
            latest_at_ns: now_ns,
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Insert(at) => self.insert(self.resolve(at)),
            Op::Cancel(nth) if self.keys.is_empty() => _ = nth,
            Op::Cancel(nth) => self.cancel(self.keys[usize::from(nth) % self.keys.len()]),
            Op::Forge(bits) => self.cancel(Key::from(bits)),
            Op::Advance(to) => self.advance(self.resolve(to)),
            Op::AdvanceToNext => _ = self.wheel.next_ns().map(|next_ns| self.advance(next_ns)),
            Op::Next => self.check_next(),
        }
        assert_eq!(self.wheel.len(), self.pending.len());
        assert_eq!(self.wheel.is_empty(), self.pending.is_empty());
    }

    fn resolve(&self, time: Time) -> u64 {
        match time {
            Time::After(span_ns) => self.now_ns.saturating_add(span_ns),
            Time::Before(span_ns) => self.now_ns.saturating_sub(span_ns),
            Time::Same => self.latest_at_ns,
            Time::Last(span_ns) => u64::MAX - span_ns,
        }
    }

    fn insert(&mut self, at_ns: u64) {
        let number = self.keys.len();
        let key = self.wheel.insert(at_ns, number);
        assert!(self.seen.insert(u64::from(key)), "a key came twice");
        self.keys.push(key);
        let entry = (at_ns, number);
        self.pending.insert(self.pending.partition_point(|other| *other < entry), entry);
        self.latest_at_ns = at_ns;
    }

    fn cancel(&mut self, key: Key) {
        let place = self.pending.iter().position(|&(_, number)| self.keys[number] == key);
        let expected = place.map(|place| self.pending.remove(place).1);
        assert_eq!(self.wheel.cancel(key), expected);
    }

    fn advance(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
        let mut expired = Vec::new();
        self.wheel.advance(now_ns, &mut expired);
        let n_due = self.pending.partition_point(|&(at_ns, _)| at_ns <= now_ns);
        let due: Vec<_> = self.pending.drain(..n_due).collect();
        let expired: Vec<_> = expired.iter().map(|entry| (entry.at_ns, entry.value)).collect();
        assert_eq!(expired, due);
    }

    fn check_next(&self) {
        let earliest_ns = self.pending.first().map(|&(at_ns, _)| at_ns);
        let next_ns = self.wheel.next_ns();
        assert_eq!(next_ns.is_some(), earliest_ns.is_some());
        assert!(next_ns <= earliest_ns, "would oversleep");
        if earliest_ns.is_some_and(|at_ns| at_ns / NEAR_NS <= self.now_ns / NEAR_NS) {
            assert_eq!(next_ns, earliest_ns, "the earliest is near");
        }
    }

    /// Who sleeps until `next_ns` again and again gets everything, at its very time.
    fn drain(&mut self) {
        while let Some(next_ns) = self.wheel.next_ns() {
            self.check_next();
            self.advance(next_ns);
            assert!(self.wheel.next_ns().is_none_or(|after_ns| after_ns > next_ns), "stuck");
        }
        assert!(self.pending.is_empty());
    }
}
