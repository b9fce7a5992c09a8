//! Very many of everything. Each of these would take minutes if an operation took time by the number
//! of waiters.

use super::*;

const MANY: u32 = if cfg!(miri) { 100 } else { 100_000 };

#[test]
fn a_select_of_very_many_cases_costs_its_waiting_neighbours_nothing() {
    let mut channels = Channels::new();
    let ids: Vec<ChannelId> = (0..MANY).map(|_| channels.open(Kind::Bounded(0))).collect();
    for (fiber, &id) in (1..).map(FiberId).zip(&ids) {
        receive_waits(&mut channels, fiber, id);
    }
    let cases: Vec<Case<u64>> = ids.iter().map(|&id| Case::Receive(id)).collect();
    select_waits(&mut channels, A, &cases);
    let last = ids[MANY as usize - 1];
    let neighbour = FiberId(MANY);
    channels.forget(neighbour);
    assert_eq!(channels.send(last, neighbour, 1), SendOutcome::HandedOver);
    let expected = [sent(neighbour, 0, last), received(A, MANY - 1, last, 1)];
    assert_eq!(wakes(&mut channels), expected);
}

#[test]
fn very_many_waiters_of_one_channel_leave_in_any_order() {
    let (mut channels, id) = with(Kind::Bounded(0));
    for fiber in 0..MANY {
        select_waits_unchecked(&mut channels, FiberId(fiber), id);
    }
    for fiber in (0..MANY).filter(|fiber| fiber % 3 != 0) {
        channels.forget(FiberId(fiber));
    }
    assert_eq!(channels.close(id, FiberId(1)), CloseOutcome::WokeWaiters);
    let woken = wakes(&mut channels);
    assert_eq!(woken.len(), MANY.div_ceil(3) as usize + 1);
    assert!(
        woken.is_sorted_by_key(|(fiber, completion)| (*completion == Completion::Closed, *fiber))
    );
}

fn select_waits_unchecked(channels: &mut Channels<u64>, fiber: FiberId, id: ChannelId) {
    let outcome = channels.select(fiber, &mut vec![Case::Receive(id)], false);
    assert_eq!(outcome, SelectOutcome::MustWait);
}

#[test]
fn very_many_timers_of_one_batch_are_settled_in_order() {
    let mut channels = Channels::new();
    let ids: Vec<ChannelId> = (0..MANY).map(|_| channels.open(Kind::Fed)).collect();
    for (fiber, &id) in (0..).map(FiberId).zip(&ids) {
        receive_waits(&mut channels, fiber, id);
    }
    for (value, &id) in ids.iter().enumerate().rev() {
        assert_eq!(channels.feed_and_shut(id, value as u64), Ok(()));
    }
    let woken = wakes(&mut channels);
    assert!(woken.iter().map(|(fiber, _)| fiber.0).eq((0..MANY).rev()));
}

#[test]
fn tables_shrink_after_a_burst_though_one_fiber_waits_on() {
    let (mut channels, inbox) = with(Kind::Fed);
    let id = channels.open(Kind::Bounded(0));
    receive_waits(&mut channels, A, inbox);
    for fiber in 1..MANY {
        receive_waits(&mut channels, FiberId(fiber), id);
    }
    channels.free(id);
    assert_eq!(wakes(&mut channels).len(), MANY as usize - 1);
    assert!(channels.is_waiting(A));
    let (n_fibers, n_waiters) = channels.waiters.lens();
    assert!(n_fibers <= KEPT && n_waiters <= KEPT, "{n_fibers} fibers, {n_waiters} waiters");
}
