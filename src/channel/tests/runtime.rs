//! Channels that the runtime feeds: mailbox, events, timers.

use super::*;

#[test]
fn fibers_cannot_send_on_a_fed_channel_nor_close_it() {
    let (mut channels, id) = with(Kind::Fed);
    assert_eq!(channels.send(id, A, 1), SendOutcome::ReceiveOnly(1));
    assert_eq!(channels.close(id, A), CloseOutcome::ReceiveOnly);
    channels.shut(id);
    assert_eq!(channels.send(id, A, 1), SendOutcome::ReceiveOnly(1));
    assert_eq!(channels.close(id, A), CloseOutcome::ReceiveOnly);
}

#[test]
fn the_runtime_cannot_feed_shut_or_empty_a_channel_of_fibers() {
    let (mut channels, id) = with(Kind::Bounded(3));
    assert_eq!(channels.feed(id, 1), Err(1));
    assert_eq!(channels.send(id, A, 2), SendOutcome::Sent);
    channels.shut(id);
    assert_eq!(channels.take_back(id), None);
    assert_eq!(channels.send(id, A, 3), SendOutcome::Sent);
}

#[test]
fn fed_values_wait_in_order_until_they_are_received() {
    let (mut channels, id) = with(Kind::Fed);
    for value in 0..3 {
        assert_eq!(channels.feed(id, value), Ok(()));
    }
    for value in 0..3 {
        assert_eq!(channels.receive(id, A), ReceiveOutcome::Value(value));
    }
    receive_waits(&mut channels, A, id);
}

#[test]
fn fed_values_go_to_waiting_fibers_first_come_first_served() {
    let (mut channels, id) = with(Kind::Fed);
    receive_waits(&mut channels, B, id);
    select_waits(&mut channels, A, &[Case::Receive(id)]);
    receive_waits(&mut channels, C, id);
    assert_eq!(channels.feed(id, 1), Ok(()));
    assert_eq!(channels.feed(id, 2), Ok(()));
    assert_eq!(wakes(&mut channels), [received(B, 0, id, 1), received(A, 0, id, 2)]);
    assert!(channels.is_waiting(C));
}

#[test]
fn a_fiber_that_runs_does_not_overtake_those_that_wait_for_what_was_fed() {
    let (mut channels, id) = with(Kind::Fed);
    receive_waits(&mut channels, A, id);
    assert_eq!(channels.feed(id, 1), Ok(()));
    receive_waits(&mut channels, B, id);
    assert_eq!(wakes(&mut channels), [received(A, 0, id, 1)]);
}

#[test]
fn a_message_of_the_batch_wins_over_a_timer_later_in_the_select() {
    for message_first in [true, false] {
        let (mut channels, inbox) = with(Kind::Fed);
        let timer = channels.open(Kind::Fed);
        select_waits(&mut channels, A, &[Case::Receive(inbox), Case::Receive(timer)]);
        if message_first {
            assert_eq!(channels.feed(inbox, 1), Ok(()));
        }
        assert_eq!(channels.feed_and_shut(timer, 2), Ok(()));
        if !message_first {
            assert_eq!(channels.feed(inbox, 1), Ok(()));
        }
        assert_eq!(wakes(&mut channels), [received(A, 0, inbox, 1)]);
        assert_eq!(channels.receive(timer, A), ReceiveOutcome::Value(2));
        assert_eq!(channels.receive(timer, A), ReceiveOutcome::Closed);
    }
}

#[test]
fn who_gets_what_of_a_batch_does_not_depend_on_its_order() {
    for values_first in [true, false] {
        let (mut channels, high) = with(Kind::Fed);
        let low = channels.open(Kind::Fed);
        receive_waits(&mut channels, A, high);
        select_waits(&mut channels, B, &[Case::Receive(high), Case::Receive(low)]);
        receive_waits(&mut channels, C, low);
        let order = if values_first { [high, high, low] } else { [low, high, high] };
        for id in order {
            assert_eq!(channels.feed(id, 5), Ok(()));
        }
        let mut expected =
            vec![received(A, 0, high, 5), received(B, 0, high, 5), received(C, 0, low, 5)];
        if !values_first {
            expected.rotate_right(1);
        }
        assert_eq!(wakes(&mut channels), expected);
    }
}

#[test]
fn a_select_behind_another_fiber_takes_its_second_choice() {
    let (mut channels, high) = with(Kind::Fed);
    let low = channels.open(Kind::Fed);
    receive_waits(&mut channels, A, high);
    select_waits(&mut channels, B, &[Case::Receive(high), Case::Receive(low)]);
    assert_eq!(channels.feed(low, 2), Ok(()));
    assert_eq!(channels.feed(high, 1), Ok(()));
    assert_eq!(wakes(&mut channels), [received(B, 1, low, 2), received(A, 0, high, 1)]);
}

#[test]
fn fibers_that_wait_for_timers_run_in_the_order_of_their_due_times() {
    let mut channels = Channels::new();
    let timers: Vec<ChannelId> = (0..3).map(|_| channels.open(Kind::Fed)).collect();
    for (fiber, &timer) in [A, B, C].iter().zip(&timers) {
        receive_waits(&mut channels, *fiber, timer);
    }
    for due in [1, 2, 0] {
        assert_eq!(channels.feed_and_shut(timers[due], due as u64), Ok(()));
    }
    let expected =
        [received(B, 0, timers[1], 1), received(C, 0, timers[2], 2), received(A, 0, timers[0], 0)];
    assert_eq!(wakes(&mut channels), expected);
}

#[test]
fn shut_gives_the_buffer_to_those_that_wait_and_the_end_to_the_rest() {
    let (mut channels, id) = with(Kind::Fed);
    receive_waits(&mut channels, A, id);
    receive_waits(&mut channels, B, id);
    assert_eq!(channels.feed_and_shut(id, 1), Ok(()));
    assert_eq!(wakes(&mut channels), [received(A, 0, id, 1), received(B, 0, id, None)]);
    assert_eq!(channels.feed(id, 2), Err(2));
}

#[test]
fn a_lossy_channel_refuses_what_exceeds_its_limit() {
    let (mut channels, id) = with(Kind::Lossy(2));
    assert_eq!([1, 2, 3].map(|value| channels.feed(id, value)), [Ok(()), Ok(()), Err(3)]);
    assert_eq!(channels.receive(id, A), ReceiveOutcome::Value(1));
    assert_eq!(channels.feed(id, 4), Ok(()));
}

#[test]
fn undelivered_values_can_be_taken_back_but_not_those_of_waiting_fibers() {
    let (mut channels, id) = with(Kind::Fed);
    receive_waits(&mut channels, A, id);
    for value in 1..=3 {
        assert_eq!(channels.feed(id, value), Ok(()));
    }
    channels.shut(id);
    let taken: Vec<u64> = std::iter::from_fn(|| channels.take_back(id)).collect();
    assert_eq!(taken, [2, 3]);
    assert_eq!(wakes(&mut channels), [received(A, 0, id, 1)]);
    assert_eq!(channels.receive(id, A), ReceiveOutcome::Closed);
}
