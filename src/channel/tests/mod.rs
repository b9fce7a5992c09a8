//! The laws of channels: each test is a row of the tables in the specification of channels, select,
//! the mailbox or timers.

mod operations;
mod random;
mod runtime;
mod scale;
mod select;

use super::*;

const A: FiberId = FiberId(0);
const B: FiberId = FiberId(1);
const C: FiberId = FiberId(2);
const D: FiberId = FiberId(3);

/// A `Channels` may move to another worker together with its process.
const fn assert_send<T: Send>() {}
const _: () = assert_send::<Channels<u64>>();

type Got = (FiberId, Completion<u64>);

/// All wakes that are queued.
fn wakes(channels: &mut Channels<u64>) -> Vec<Got> {
    let wakes: Vec<Got> = std::iter::from_fn(|| channels.next_wake())
        .map(|wake| (wake.fiber, wake.completion))
        .collect();
    channels.check();
    wakes
}

fn discarded(channels: &mut Channels<u64>) -> Vec<u64> {
    std::iter::from_fn(|| channels.next_discarded()).collect()
}

fn received(fiber: FiberId, case: u32, channel: ChannelId, value: impl Into<Option<u64>>) -> Got {
    (fiber, Completion::Received { case, channel, value: value.into() })
}

fn sent(fiber: FiberId, case: u32, channel: ChannelId) -> Got {
    (fiber, Completion::Sent { case, channel })
}

fn send_closed(fiber: FiberId, case: u32, channel: ChannelId) -> Got {
    (fiber, Completion::SendClosed { case, channel })
}

/// One channel, and the set it is in.
fn with(kind: Kind) -> (Channels<u64>, ChannelId) {
    let mut channels = Channels::new();
    let id = channels.open(kind);
    (channels, id)
}

/// Selects, and expects to wait.
fn select_waits(channels: &mut Channels<u64>, fiber: FiberId, cases: &[Case<u64>]) {
    let outcome = channels.select(fiber, &mut cases.to_vec(), false);
    assert_eq!(outcome, SelectOutcome::MustWait);
    assert!(channels.is_waiting(fiber));
    channels.check();
}

fn receive_waits(channels: &mut Channels<u64>, fiber: FiberId, id: ChannelId) {
    assert_eq!(channels.receive(id, fiber), ReceiveOutcome::MustWait);
}

fn send_waits(channels: &mut Channels<u64>, fiber: FiberId, id: ChannelId, value: u64) {
    assert_eq!(channels.send(id, fiber, value), SendOutcome::MustWait);
}
