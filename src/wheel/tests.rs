//! The laws of the wheel, one by one, and against the model.

use proptest::collection::vec;
use proptest::prelude::*;

use super::model::{Op, Time, check, check_ops};
use super::*;

const TICK_NS: u64 = 1 << 16;
const SECOND_NS: u64 = 1_000_000_000;
/// Operations of a case.
const OPS: usize = if cfg!(miri) { 40 } else { 300 };

/// What an advance expires, as pairs of deadline and value.
fn advance<T>(wheel: &mut Wheel<T>, now_ns: u64) -> Vec<(u64, T)> {
    let mut expired = Vec::new();
    wheel.advance(now_ns, &mut expired);
    expired.into_iter().map(|entry| (entry.at_ns, entry.value)).collect()
}

#[test]
fn a_timer_fires_at_its_nanosecond_and_not_before() {
    for at_ns in [1, TICK_NS - 1, TICK_NS, TICK_NS + 1, 3 * SECOND_NS + 7, u64::MAX] {
        let mut wheel = Wheel::new(0);
        wheel.insert(at_ns, ());
        assert_eq!(advance(&mut wheel, at_ns - 1), []);
        assert_eq!(advance(&mut wheel, at_ns), [(at_ns, ())]);
        assert!(wheel.is_empty());
    }
}

#[test]
fn expired_timers_fire_in_deadline_order() {
    let mut wheel = Wheel::new(0);
    let deadlines = [5 * SECOND_NS, 3, 70 * TICK_NS, 1, TICK_NS, 3600 * SECOND_NS, 2, 0];
    for at_ns in deadlines {
        wheel.insert(at_ns, at_ns);
    }
    let mut sorted = deadlines.to_vec();
    sorted.sort_unstable();
    let fired: Vec<_> = advance(&mut wheel, u64::MAX).into_iter().map(|(_, value)| value).collect();
    assert_eq!(fired, sorted);
}

#[test]
fn timers_of_one_deadline_fire_in_insertion_order_from_every_level() {
    for digit in 0..LEVELS as u32 {
        let at_ns = TICK_NS << (6 * digit);
        let mut wheel = Wheel::new(0);
        for value in 0..100 {
            wheel.insert(at_ns, value);
            // Some of them are moved to a lower level before the others are inserted.
            assert_eq!(advance(&mut wheel, at_ns / 100 * value), []);
        }
        let fired = advance(&mut wheel, at_ns);
        assert_eq!(fired, (0..100).map(|value| (at_ns, value)).collect::<Vec<_>>());
    }
}

#[test]
fn a_timer_in_the_past_fires_at_the_next_advance_before_all_others() {
    let mut wheel = Wheel::new(10 * SECOND_NS);
    wheel.insert(10 * SECOND_NS, "present");
    wheel.insert(2, "past");
    wheel.insert(1, "further past");
    assert_eq!(wheel.next_ns(), Some(1));
    let fired = advance(&mut wheel, 10 * SECOND_NS);
    assert_eq!(fired, [(1, "further past"), (2, "past"), (10 * SECOND_NS, "present")]);
}

#[test]
fn a_clock_that_goes_back_fires_nothing_early() {
    let mut wheel = Wheel::new(SECOND_NS);
    wheel.insert(500, "past");
    wheel.insert(SECOND_NS + 1, "soon");
    assert_eq!(advance(&mut wheel, 499), []);
    assert_eq!(advance(&mut wheel, 500), [(500, "past")]);
    assert_eq!(advance(&mut wheel, SECOND_NS + 1), [(SECOND_NS + 1, "soon")]);
}

#[test]
fn a_cancelled_timer_gives_its_value_back_once_and_does_not_fire() {
    let mut wheel = Wheel::new(0);
    let key = wheel.insert(5, 'a');
    wheel.insert(5, 'b');
    assert_eq!(wheel.cancel(key), Some('a'));
    assert_eq!(wheel.cancel(key), None);
    assert_eq!(wheel.len(), 1);
    assert_eq!(advance(&mut wheel, 5), [(5, 'b')]);
}

#[test]
fn the_key_of_a_fired_timer_does_not_cancel_the_one_in_its_room() {
    let mut wheel = Wheel::new(0);
    let fired = wheel.insert(1, 'a');
    advance(&mut wheel, 1);
    wheel.insert(2, 'b');
    assert_eq!(wheel.cancel(fired), None);
    assert_eq!(advance(&mut wheel, 2), [(2, 'b')]);
}

#[test]
fn next_is_exact_when_the_earliest_is_near() {
    let mut wheel = Wheel::new(0);
    assert_eq!(wheel.next_ns(), None);
    let first = wheel.insert(TICK_NS + 1, ());
    wheel.insert(TICK_NS + 3, ());
    let second = wheel.insert(TICK_NS + 2, ());
    assert_eq!(wheel.next_ns(), Some(TICK_NS + 1));
    wheel.cancel(first);
    assert_eq!(wheel.next_ns(), Some(TICK_NS + 2));
    wheel.cancel(second);
    assert_eq!(wheel.next_ns(), Some(TICK_NS + 3));
    advance(&mut wheel, TICK_NS + 3);
    assert_eq!(wheel.next_ns(), None);
}

#[test]
fn a_sleeper_wakes_at_most_once_a_level_for_nothing() {
    let mut wheel = Wheel::new(0);
    wheel.insert(u64::MAX, ());
    let mut n_wakes = 0;
    while let Some(next_ns) = wheel.next_ns() {
        advance(&mut wheel, next_ns);
        n_wakes += 1;
    }
    assert_eq!(n_wakes, LEVELS);
}

#[test]
fn a_cancelled_far_timer_does_not_wake_the_sleeper() {
    let mut wheel = Wheel::new(0);
    let near = wheel.insert(SECOND_NS, ());
    wheel.insert(3600 * SECOND_NS, ());
    wheel.cancel(near);
    assert!(wheel.next_ns() > Some(3000 * SECOND_NS));
}

#[test]
fn a_burst_within_one_millisecond_fires_in_order() {
    const N: u64 = if cfg!(miri) { 100 } else { 100_000 };
    let mut wheel = Wheel::new(0);
    for value in 0..N {
        wheel.insert(60 * SECOND_NS + value * 7919 % 1_000_000, value);
    }
    let fired = advance(&mut wheel, 61 * SECOND_NS);
    assert_eq!(fired.len() as u64, N);
    assert!(fired.is_sorted_by_key(|(at_ns, _)| *at_ns));
    assert!(wheel.due.capacity() <= DUE_KEPT, "scratch of a burst is given back");
}

#[test]
fn pending_values_are_dropped_with_the_wheel() {
    let value = std::sync::Arc::new(());
    let mut wheel = Wheel::new(0);
    for at_ns in 0..10 {
        wheel.insert(at_ns * SECOND_NS, std::sync::Arc::clone(&value));
    }
    drop(wheel);
    assert_eq!(std::sync::Arc::strong_count(&value), 1);
}

/// Spans of every size, and their neighbours.
fn span() -> impl Strategy<Value = u64> {
    prop_oneof![
        0_u64..200,
        (0_u64..64, 0_u64..4).prop_map(|(shift, low)| (1 << shift) - 1 + low),
        (any::<u64>(), 0_u32..64).prop_map(|(bits, shift)| bits >> shift),
    ]
}

fn time() -> impl Strategy<Value = Time> {
    prop_oneof![
        6 => span().prop_map(Time::After),
        1 => span().prop_map(Time::Before),
        1 => Just(Time::Same),
        1 => span().prop_map(Time::Last),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => time().prop_map(Op::Insert),
        4 => any::<u16>().prop_map(Op::Cancel),
        1 => any::<u64>().prop_map(Op::Forge),
        1 => (0_u64..40, 0_u64..4).prop_map(|(index, generation)| Op::Forge(generation << 32 | index)),
        3 => time().prop_map(Op::Advance),
        3 => Just(Op::AdvanceToNext),
        3 => Just(Op::Next),
    ]
}

/// All within the two lowest levels, where slots are shared and entries go down a level.
fn near_op() -> impl Strategy<Value = Op> {
    let span = 0_u64..128 * TICK_NS;
    prop_oneof![
        8 => span.clone().prop_map(|span_ns| Op::Insert(Time::After(span_ns))),
        2 => Just(Op::Insert(Time::Same)),
        4 => any::<u16>().prop_map(Op::Cancel),
        2 => span.prop_map(|span_ns| Op::Advance(Time::After(span_ns / 16))),
        3 => Just(Op::AdvanceToNext),
        3 => Just(Op::Next),
    ]
}

proptest! {
    #[test]
    fn a_wheel_does_what_a_sorted_list_does(ops in vec(op(), 0..OPS)) {
        check(ops);
    }

    #[test]
    fn a_crowded_wheel_does_what_a_sorted_list_does(ops in vec(near_op(), 0..2 * OPS)) {
        check(ops);
    }

    #[test]
    fn bytes_of_any_kind_are_operations(data in vec(any::<u8>(), 0..3 * OPS)) {
        check_ops(&data);
    }
}
