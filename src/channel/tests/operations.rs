//! Send, receive and close, plain ones; and fibers that end.

use super::*;

#[test]
fn send_to_a_waiting_receiver_queues_the_sender_then_the_receiver() {
    for kind in [Kind::Bounded(0), Kind::Bounded(2)] {
        let (mut channels, id) = with(kind);
        receive_waits(&mut channels, A, id);
        assert_eq!(channels.send(id, B, 7), SendOutcome::HandedOver);
        assert_eq!(wakes(&mut channels), [sent(B, 0, id), received(A, 0, id, 7)]);
    }
}

#[test]
fn receive_from_a_waiting_sender_queues_the_receiver_then_the_sender() {
    let (mut channels, id) = with(Kind::Bounded(0));
    send_waits(&mut channels, A, id, 7);
    assert_eq!(channels.receive(id, B), ReceiveOutcome::HandedOver);
    assert_eq!(wakes(&mut channels), [received(B, 0, id, 7), sent(A, 0, id)]);
}

#[test]
fn send_with_room_stores_the_value_and_goes_on() {
    let (mut channels, id) = with(Kind::Bounded(2));
    assert_eq!(channels.send(id, A, 1), SendOutcome::Sent);
    assert_eq!(channels.send(id, A, 2), SendOutcome::Sent);
    send_waits(&mut channels, A, id, 3);
    assert_eq!(wakes(&mut channels), []);
}

#[test]
fn buffered_receive_moves_the_first_waiting_sender_up() {
    let (mut channels, id) = with(Kind::Bounded(1));
    assert_eq!(channels.send(id, A, 1), SendOutcome::Sent);
    send_waits(&mut channels, A, id, 2);
    send_waits(&mut channels, B, id, 3);
    assert_eq!(channels.receive(id, C), ReceiveOutcome::Value(1));
    assert_eq!(wakes(&mut channels), [sent(A, 0, id)]);
    assert_eq!(channels.receive(id, C), ReceiveOutcome::Value(2));
    assert_eq!(wakes(&mut channels), [sent(B, 0, id)]);
    assert_eq!(channels.receive(id, C), ReceiveOutcome::Value(3));
    receive_waits(&mut channels, C, id);
}

#[test]
fn waiting_senders_are_served_first_come_first_served() {
    let (mut channels, id) = with(Kind::Bounded(0));
    send_waits(&mut channels, B, id, 1);
    select_waits(&mut channels, A, &[Case::Send(id, 2)]);
    send_waits(&mut channels, C, id, 3);
    for (sender, value) in [(B, 1), (A, 2), (C, 3)] {
        assert_eq!(channels.receive(id, D), ReceiveOutcome::HandedOver);
        assert_eq!(wakes(&mut channels), [received(D, 0, id, value), sent(sender, 0, id)]);
    }
}

#[test]
fn waiting_receivers_plain_and_in_selects_are_served_first_come_first_served() {
    let (mut channels, id) = with(Kind::Bounded(0));
    let other = channels.open(Kind::Bounded(0));
    receive_waits(&mut channels, C, id);
    select_waits(&mut channels, A, &[Case::Receive(other), Case::Receive(id)]);
    receive_waits(&mut channels, B, id);
    for (receiver, case) in [(C, 0), (A, 1), (B, 0)] {
        assert_eq!(channels.send(id, D, 5), SendOutcome::HandedOver);
        assert_eq!(wakes(&mut channels), [sent(D, 0, id), received(receiver, case, id, 5)]);
    }
}

#[test]
fn values_leave_a_channel_in_the_order_in_which_they_were_sent() {
    let (mut channels, id) = with(Kind::Bounded(100));
    for value in 0..100 {
        assert_eq!(channels.send(id, A, value), SendOutcome::Sent);
    }
    for value in 0..100 {
        assert_eq!(channels.receive(id, B), ReceiveOutcome::Value(value));
    }
}

#[test]
fn the_largest_capacity_reserves_nothing() {
    let (mut channels, id) = with(Kind::Bounded(i32::MAX as u32));
    assert_eq!(channels.send(id, A, 1), SendOutcome::Sent);
    assert_eq!(channels.receive(id, A), ReceiveOutcome::Value(1));
}

// Close

#[test]
fn a_closed_channel_gives_its_buffer_then_its_end_for_ever() {
    let (mut channels, id) = with(Kind::Bounded(2));
    assert_eq!(channels.send(id, A, 1), SendOutcome::Sent);
    assert_eq!(channels.send(id, A, 2), SendOutcome::Sent);
    assert_eq!(channels.close(id, A), CloseOutcome::Closed);
    assert_eq!(channels.receive(id, A), ReceiveOutcome::Value(1));
    assert_eq!(channels.receive(id, A), ReceiveOutcome::Value(2));
    assert_eq!(channels.receive(id, A), ReceiveOutcome::Closed);
    assert_eq!(channels.receive(id, A), ReceiveOutcome::Closed);
}

#[test]
fn send_on_a_closed_channel_gives_the_value_back() {
    for kind in [Kind::Bounded(0), Kind::Bounded(1)] {
        let (mut channels, id) = with(kind);
        assert_eq!(channels.close(id, A), CloseOutcome::Closed);
        assert_eq!(channels.send(id, A, 9), SendOutcome::Closed(9));
    }
}

#[test]
fn close_ends_every_waiting_receiver_and_queues_the_closer_last() {
    let (mut channels, id) = with(Kind::Bounded(3));
    receive_waits(&mut channels, B, id);
    select_waits(&mut channels, A, &[Case::Receive(id)]);
    assert_eq!(channels.close(id, C), CloseOutcome::WokeWaiters);
    let expected = [received(B, 0, id, None), received(A, 0, id, None), (C, Completion::Closed)];
    assert_eq!(wakes(&mut channels), expected);
}

#[test]
fn close_fails_every_waiting_send_and_drops_the_values_but_not_the_buffer() {
    let (mut channels, id) = with(Kind::Bounded(1));
    assert_eq!(channels.send(id, A, 1), SendOutcome::Sent);
    send_waits(&mut channels, B, id, 2);
    send_waits(&mut channels, A, id, 3);
    assert_eq!(channels.close(id, C), CloseOutcome::WokeWaiters);
    let expected = [send_closed(B, 0, id), send_closed(A, 0, id), (C, Completion::Closed)];
    assert_eq!(wakes(&mut channels), expected);
    assert_eq!(discarded(&mut channels), [2, 3]);
    assert_eq!(channels.receive(id, A), ReceiveOutcome::Value(1));
    assert_eq!(channels.receive(id, A), ReceiveOutcome::Closed);
}

#[test]
fn close_wakes_a_select_that_waits_on_both_sides_as_a_sender_once() {
    let (mut channels, id) = with(Kind::Bounded(0));
    select_waits(&mut channels, A, &[Case::Receive(id), Case::Send(id, 5)]);
    assert_eq!(channels.close(id, B), CloseOutcome::WokeWaiters);
    assert_eq!(wakes(&mut channels), [send_closed(A, 1, id), (B, Completion::Closed)]);
    assert_eq!(discarded(&mut channels), [5]);
}

#[test]
fn close_of_a_closed_channel_has_no_effect() {
    let (mut channels, id) = with(Kind::Bounded(0));
    assert_eq!(channels.close(id, A), CloseOutcome::Closed);
    assert_eq!(channels.close(id, A), CloseOutcome::Closed);
    assert_eq!(wakes(&mut channels), []);
}

#[test]
fn a_freed_channel_behaves_as_closed_and_its_name_is_not_taken_over() {
    let (mut channels, id) = with(Kind::Bounded(2));
    assert_eq!(channels.send(id, A, 4), SendOutcome::Sent);
    channels.free(id);
    assert_eq!(discarded(&mut channels), [4]);
    let next = channels.open(Kind::Bounded(2));
    assert_ne!(id, next);
    assert_eq!(channels.send(id, A, 1), SendOutcome::Closed(1));
    assert_eq!(channels.receive(id, A), ReceiveOutcome::Closed);
    assert_eq!(channels.close(id, A), CloseOutcome::Closed);
    assert_eq!(channels.feed(id, 1), Err(1));
    channels.shut(id);
    channels.free(id);
    receive_waits(&mut channels, A, next);
    channels.free(next);
    assert_eq!(wakes(&mut channels), [received(A, 0, next, None)]);
}

#[test]
fn a_forgotten_fiber_leaves_no_trace() {
    let (mut channels, id) = with(Kind::Bounded(0));
    let other = channels.open(Kind::Bounded(0));
    select_waits(&mut channels, A, &[Case::Send(id, 1), Case::Receive(other)]);
    let waits: Vec<_> = channels.waits_for(A).collect();
    assert_eq!(waits, [(id, Side::Send), (other, Side::Receive)]);
    channels.forget(A);
    channels.forget(B);
    assert_eq!(discarded(&mut channels), [1]);
    receive_waits(&mut channels, B, id);
    send_waits(&mut channels, C, other, 1);
    assert_eq!(wakes(&mut channels), []);
}
