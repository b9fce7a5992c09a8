//! Select among channels of fibers.

use super::*;

#[test]
fn select_takes_the_first_ready_case_in_order() {
    let (mut channels, empty) = with(Kind::Bounded(1));
    let first = channels.open(Kind::Bounded(1));
    let second = channels.open(Kind::Bounded(1));
    assert_eq!(channels.send(second, A, 2), SendOutcome::Sent);
    assert_eq!(channels.send(first, A, 1), SendOutcome::Sent);
    let mut cases = vec![Case::Receive(empty), Case::Receive(first), Case::Receive(second)];
    let expected = Completion::Received { case: 1, channel: first, value: Some(1) };
    assert_eq!(channels.select(A, &mut cases, false), SelectOutcome::Ready(expected));
    assert!(cases.is_empty());
}

#[test]
fn select_sends_into_a_buffer_with_room_and_discards_what_it_did_not_send() {
    let (mut channels, full) = with(Kind::Bounded(0));
    let room = channels.open(Kind::Bounded(1));
    let mut cases = vec![Case::Send(full, 1), Case::Send(room, 2), Case::Send(room, 3)];
    let expected = Completion::Sent { case: 1, channel: room };
    assert_eq!(channels.select(A, &mut cases, false), SelectOutcome::Ready(expected));
    assert_eq!(discarded(&mut channels), [1, 3]);
    assert_eq!(channels.receive(room, A), ReceiveOutcome::Value(2));
}

#[test]
fn a_select_that_pairs_at_once_queues_itself_then_its_partner() {
    let (mut channels, id) = with(Kind::Bounded(0));
    let other = channels.open(Kind::Bounded(0));
    let outcome = |channels: &mut Channels<u64>, case| {
        channels.select(B, &mut vec![Case::Receive(other), case], false)
    };
    receive_waits(&mut channels, A, id);
    assert_eq!(outcome(&mut channels, Case::Send(id, 6)), SelectOutcome::HandedOver);
    assert_eq!(wakes(&mut channels), [sent(B, 1, id), received(A, 0, id, 6)]);
    send_waits(&mut channels, A, id, 8);
    assert_eq!(outcome(&mut channels, Case::Receive(id)), SelectOutcome::HandedOver);
    assert_eq!(wakes(&mut channels), [received(B, 1, id, 8), sent(A, 0, id)]);
}

#[test]
fn a_receive_case_on_a_closed_channel_is_ready() {
    let (mut channels, id) = with(Kind::Bounded(0));
    assert_eq!(channels.close(id, A), CloseOutcome::Closed);
    let expected = Completion::Received { case: 0, channel: id, value: None };
    let outcome = channels.select(A, &mut vec![Case::Receive(id)], true);
    assert_eq!(outcome, SelectOutcome::Ready(expected));
}

#[test]
fn a_send_case_on_a_closed_or_fed_channel_is_never_ready() {
    let (mut channels, closed) = with(Kind::Bounded(1));
    let fed = channels.open(Kind::Fed);
    assert_eq!(channels.close(closed, A), CloseOutcome::Closed);
    let cases = [Case::Send(closed, 1), Case::Send(fed, 2)];
    assert_eq!(channels.select(A, &mut cases.to_vec(), true), SelectOutcome::Default);
    select_waits(&mut channels, A, &cases);
    assert_eq!(channels.waits_for(A).count(), 0);
    assert_eq!(discarded(&mut channels), [1, 2, 1, 2]);
}

#[test]
fn a_default_is_taken_only_if_no_case_is_ready() {
    let (mut channels, id) = with(Kind::Bounded(1));
    let mut cases = vec![Case::Receive(id)];
    assert_eq!(channels.select(A, &mut cases, true), SelectOutcome::Default);
    assert!(!channels.is_waiting(A));
    assert_eq!(channels.send(id, A, 3), SendOutcome::Sent);
    let expected = Completion::Received { case: 0, channel: id, value: Some(3) };
    let outcome = channels.select(A, &mut vec![Case::Receive(id)], true);
    assert_eq!(outcome, SelectOutcome::Ready(expected));
}

#[test]
fn a_select_without_cases_takes_the_default_or_waits_for_ever() {
    let mut channels = Channels::new();
    assert_eq!(channels.select(A, &mut Vec::new(), true), SelectOutcome::Default);
    select_waits(&mut channels, A, &[]);
    channels.forget(A);
    assert!(!channels.is_waiting(A));
}

#[test]
fn a_select_never_pairs_with_itself() {
    let (mut channels, id) = with(Kind::Bounded(0));
    select_waits(&mut channels, A, &[Case::Send(id, 1), Case::Receive(id)]);
    select_waits(&mut channels, C, &[]);
    assert_eq!(channels.send(id, B, 2), SendOutcome::HandedOver);
    assert_eq!(wakes(&mut channels), [sent(B, 0, id), received(A, 1, id, 2)]);
    assert_eq!(discarded(&mut channels), [1]);
    receive_waits(&mut channels, B, id);
}

#[test]
fn two_selects_that_both_send_and_receive_pair_with_each_other() {
    let (mut channels, id) = with(Kind::Bounded(0));
    select_waits(&mut channels, A, &[Case::Send(id, 1), Case::Receive(id)]);
    let mut cases = vec![Case::Send(id, 2), Case::Receive(id)];
    assert_eq!(channels.select(B, &mut cases, false), SelectOutcome::HandedOver);
    assert_eq!(wakes(&mut channels), [sent(B, 0, id), received(A, 1, id, 2)]);
}

#[test]
fn of_several_cases_on_one_channel_the_first_is_taken() {
    let (mut channels, id) = with(Kind::Bounded(0));
    select_waits(&mut channels, A, &[Case::Receive(id), Case::Receive(id)]);
    assert_eq!(channels.send(id, B, 1), SendOutcome::HandedOver);
    assert_eq!(wakes(&mut channels), [sent(B, 0, id), received(A, 0, id, 1)]);
    select_waits(&mut channels, A, &[Case::Send(id, 3), Case::Send(id, 4)]);
    assert_eq!(channels.receive(id, B), ReceiveOutcome::HandedOver);
    assert_eq!(wakes(&mut channels), [received(B, 0, id, 3), sent(A, 0, id)]);
    assert_eq!(discarded(&mut channels), [4]);
}

#[test]
fn cases_that_did_not_complete_are_withdrawn_without_trace() {
    let (mut channels, first) = with(Kind::Bounded(0));
    let second = channels.open(Kind::Bounded(0));
    let third = channels.open(Kind::Bounded(0));
    receive_waits(&mut channels, C, second);
    select_waits(
        &mut channels,
        A,
        &[Case::Send(first, 1), Case::Receive(second), Case::Send(third, 3)],
    );
    receive_waits(&mut channels, D, second);
    assert_eq!(channels.receive(third, B), ReceiveOutcome::HandedOver);
    assert_eq!(wakes(&mut channels), [received(B, 0, third, 3), sent(A, 2, third)]);
    assert_eq!(discarded(&mut channels), [1]);
    for receiver in [C, D] {
        assert_eq!(channels.send(second, B, 2), SendOutcome::HandedOver);
        assert_eq!(wakes(&mut channels), [sent(B, 0, second), received(receiver, 0, second, 2)]);
    }
    receive_waits(&mut channels, B, first);
}

#[test]
fn a_select_is_told_when_the_channel_of_a_send_case_is_closed() {
    let (mut channels, id) = with(Kind::Bounded(0));
    let other = channels.open(Kind::Bounded(0));
    select_waits(
        &mut channels,
        A,
        &[Case::Receive(other), Case::Send(id, 2), Case::Send(other, 3)],
    );
    assert_eq!(channels.close(id, B), CloseOutcome::WokeWaiters);
    assert_eq!(wakes(&mut channels), [send_closed(A, 1, id), (B, Completion::Closed)]);
    assert_eq!(discarded(&mut channels), [2, 3]);
}
