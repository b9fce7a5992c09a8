//! The specification of channels as a program: vectors, scanned from front to back. It is slow and
//! easy to see through, and [`Channels`](super::Channels) must agree with it on every outcome.
//!
//! It keeps one list of waiting fibers, oldest first, and no other order. That this is enough shows
//! that the lists of each channel are nothing but a quick way to look into it.

mod ops;

use std::collections::VecDeque;

use super::{
    Case, ChannelId, CloseOutcome, Completion, FiberId, Kind, ReceiveOutcome, SelectOutcome,
    SendOutcome, Side, Wake,
};

pub use ops::check_ops;

#[derive(Clone)]
struct Channel {
    id: ChannelId,
    kind: Kind,
    closed: bool,
    buffer: VecDeque<u64>,
}

#[derive(Clone)]
struct Waiting {
    fiber: FiberId,
    /// Number and contents of each case that can complete, in priority order.
    cases: Vec<(u32, Case<u64>)>,
}

/// What the first ready case of a select found.
enum Found {
    Buffer,
    Partner(FiberId),
    Closed,
}

#[derive(Clone, Default)]
struct Model {
    channels: Vec<Channel>,
    waiting: Vec<Waiting>,
    wakes: VecDeque<Wake<u64>>,
    discarded: Vec<u64>,
    touched: Vec<ChannelId>,
}

impl Model {
    fn channel(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|channel| channel.id == id)
    }

    /// A channel that somebody waits on, or that has just been seen.
    fn live(&mut self, id: ChannelId) -> &mut Channel {
        self.channel(id).expect("the channel was not freed")
    }

    fn is_fed(&mut self, id: ChannelId) -> bool {
        self.channel(id).is_some_and(|channel| !matches!(channel.kind, Kind::Bounded(_)))
    }

    fn is_closed(&mut self, id: ChannelId) -> bool {
        self.channel(id).is_none_or(|channel| channel.closed)
    }

    fn has_room(&mut self, id: ChannelId) -> bool {
        self.channel(id).is_some_and(|channel| match channel.kind {
            Kind::Bounded(limit) | Kind::Lossy(limit) => channel.buffer.len() < limit as usize,
            Kind::Fed => true,
        })
    }

    fn is_waiting(&self, fiber: FiberId) -> bool {
        self.waiting.iter().any(|waiting| waiting.fiber == fiber)
    }

    /// The fiber that has waited longest on this side of the channel.
    fn first_waiter(&self, id: ChannelId, side: Side) -> Option<FiberId> {
        let waits =
            |waiting: &&Waiting| waiting.cases.iter().any(|(_, case)| place(case) == (id, side));
        self.waiting.iter().find(waits).map(|waiting| waiting.fiber)
    }

    /// Ends the wait of a fiber with its first case on that side of the channel. Returns the number
    /// of the case, and the value that it sends.
    fn complete(&mut self, fiber: FiberId, id: ChannelId, side: Side) -> (u32, Option<u64>) {
        let mut cases = self.withdraw(fiber).cases;
        let at =
            cases.iter().position(|(_, case)| place(case) == (id, side)).expect("it waits here");
        let (number, completed) = cases.remove(at);
        self.discarded.extend(cases.iter().filter_map(|(_, case)| offered(case)));
        (number, offered(&completed))
    }

    fn withdraw(&mut self, fiber: FiberId) -> Waiting {
        let at = self.waiting.iter().position(|waiting| waiting.fiber == fiber);
        self.waiting.remove(at.expect("the fiber waits"))
    }

    fn wake(&mut self, fiber: FiberId, completion: Completion<u64>) {
        self.wakes.push_back(Wake { fiber, completion });
    }

    /// Whoever waits longest chooses first, by its own priority.
    fn settle(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        let mut served = Vec::new();
        let oldest_first: Vec<_> =
            self.waiting.iter().map(|waiting| (waiting.fiber, waiting.cases.clone())).collect();
        for (fiber, cases) in oldest_first {
            let ready = cases.into_iter().find_map(|(case, contents)| match contents {
                Case::Receive(id) => {
                    let channel = self.live(id);
                    (channel.closed || !channel.buffer.is_empty()).then_some((case, id))
                }
                Case::Send(..) => None,
            });
            let Some((case, channel)) = ready else { continue };
            self.complete(fiber, channel, Side::Receive);
            let value = self.live(channel).buffer.pop_front();
            let rank = touched.iter().position(|&id| id == channel).expect("I1");
            let completion = Completion::Received { case, channel, value };
            served.push((rank, Wake { fiber, completion }));
        }
        served.sort_by_key(|&(rank, _)| rank);
        self.wakes.extend(served.into_iter().map(|(_, wake)| wake));
    }

    fn readiness(&mut self, case: &Case<u64>) -> Option<Found> {
        match *case {
            Case::Receive(id) => {
                if self.channel(id).is_some_and(|channel| !channel.buffer.is_empty()) {
                    Some(Found::Buffer)
                } else if let Some(sender) = self.first_waiter(id, Side::Send) {
                    Some(Found::Partner(sender))
                } else {
                    self.is_closed(id).then_some(Found::Closed)
                }
            }
            Case::Send(id, _) => {
                if self.is_closed(id) || self.is_fed(id) {
                    None
                } else if let Some(receiver) = self.first_waiter(id, Side::Receive) {
                    Some(Found::Partner(receiver))
                } else {
                    self.has_room(id).then_some(Found::Buffer)
                }
            }
        }
    }

    /// Every operation that may wait is a select; a plain one has one case and no default.
    fn select(
        &mut self,
        fiber: FiberId,
        cases: Vec<Case<u64>>,
        default: bool,
    ) -> SelectOutcome<u64> {
        self.settle();
        let ready =
            cases.iter().enumerate().find_map(|(at, case)| Some((at, self.readiness(case)?)));
        let Some((chosen, found)) = ready else {
            if default {
                self.discard_but(None, &cases);
                return SelectOutcome::Default;
            }
            self.wait(fiber, cases);
            return SelectOutcome::MustWait;
        };
        let contents = cases[chosen];
        self.discard_but(Some(chosen), &cases);
        let case = chosen as u32;
        match (contents, found) {
            (Case::Receive(channel), Found::Partner(sender)) => {
                let (other, value) = self.complete(sender, channel, Side::Send);
                self.wake(fiber, Completion::Received { case, channel, value });
                self.wake(sender, Completion::Sent { case: other, channel });
                SelectOutcome::HandedOver
            }
            (Case::Receive(channel), Found::Buffer) => {
                let value = self.live(channel).buffer.pop_front();
                if let Some(sender) = self.first_waiter(channel, Side::Send) {
                    let (case, moved) = self.complete(sender, channel, Side::Send);
                    self.live(channel).buffer.extend(moved);
                    self.wake(sender, Completion::Sent { case, channel });
                }
                SelectOutcome::Ready(Completion::Received { case, channel, value })
            }
            (Case::Receive(channel), Found::Closed) => {
                SelectOutcome::Ready(Completion::Received { case, channel, value: None })
            }
            (Case::Send(channel, value), Found::Partner(receiver)) => {
                let (other, _) = self.complete(receiver, channel, Side::Receive);
                self.wake(fiber, Completion::Sent { case, channel });
                let value = Some(value);
                self.wake(receiver, Completion::Received { case: other, channel, value });
                SelectOutcome::HandedOver
            }
            (Case::Send(channel, value), _) => {
                self.live(channel).buffer.push_back(value);
                SelectOutcome::Ready(Completion::Sent { case, channel })
            }
        }
    }

    fn discard_but(&mut self, chosen: Option<usize>, cases: &[Case<u64>]) {
        let others = cases.iter().enumerate().filter(|&(at, _)| Some(at) != chosen);
        self.discarded.extend(others.filter_map(|(_, case)| offered(case)));
    }

    fn wait(&mut self, fiber: FiberId, cases: Vec<Case<u64>>) {
        let mut waiting = Waiting { fiber, cases: Vec::new() };
        for (number, case) in (0..).zip(cases) {
            match case {
                Case::Send(id, value) if self.is_closed(id) || self.is_fed(id) => {
                    self.discarded.push(value);
                }
                _ => waiting.cases.push((number, case)),
            }
        }
        self.waiting.push(waiting);
    }

    fn send(&mut self, id: ChannelId, fiber: FiberId, value: u64) -> SendOutcome<u64> {
        if self.is_fed(id) {
            self.settle();
            return SendOutcome::ReceiveOnly(value);
        }
        if self.is_closed(id) {
            self.settle();
            return SendOutcome::Closed(value);
        }
        match self.select(fiber, vec![Case::Send(id, value)], false) {
            SelectOutcome::Ready(_) => SendOutcome::Sent,
            SelectOutcome::HandedOver => SendOutcome::HandedOver,
            _ => SendOutcome::MustWait,
        }
    }

    fn receive(&mut self, id: ChannelId, fiber: FiberId) -> ReceiveOutcome<u64> {
        match self.select(fiber, vec![Case::Receive(id)], false) {
            SelectOutcome::Ready(Completion::Received { value: Some(value), .. }) => {
                ReceiveOutcome::Value(value)
            }
            SelectOutcome::Ready(_) => ReceiveOutcome::Closed,
            SelectOutcome::HandedOver => ReceiveOutcome::HandedOver,
            _ => ReceiveOutcome::MustWait,
        }
    }

    fn close(&mut self, id: ChannelId, fiber: FiberId) -> CloseOutcome {
        self.settle();
        if self.is_fed(id) {
            return CloseOutcome::ReceiveOnly;
        }
        if self.is_closed(id) || !self.wake_all(id) {
            return CloseOutcome::Closed;
        }
        self.wake(fiber, Completion::Closed);
        CloseOutcome::WokeWaiters
    }

    fn wake_all(&mut self, channel: ChannelId) -> bool {
        self.live(channel).closed = true;
        let mut woke = false;
        while let Some(sender) = self.first_waiter(channel, Side::Send) {
            let (case, value) = self.complete(sender, channel, Side::Send);
            self.discarded.extend(value);
            self.wake(sender, Completion::SendClosed { case, channel });
            woke = true;
        }
        while let Some(receiver) = self.first_waiter(channel, Side::Receive) {
            let (case, _) = self.complete(receiver, channel, Side::Receive);
            self.wake(receiver, Completion::Received { case, channel, value: None });
            woke = true;
        }
        woke
    }

    fn free(&mut self, id: ChannelId) {
        self.settle();
        if self.channel(id).is_some() {
            self.wake_all(id);
            let at = self.channels.iter().position(|channel| channel.id == id).expect("seen above");
            self.discarded.extend(self.channels.remove(at).buffer);
        }
    }

    fn feed(&mut self, id: ChannelId, value: u64) -> Result<(), u64> {
        if self.is_closed(id) || !self.is_fed(id) || !self.has_room(id) {
            return Err(value);
        }
        self.live(id).buffer.push_back(value);
        self.touched.push(id);
        Ok(())
    }

    fn shut(&mut self, id: ChannelId) {
        if self.is_fed(id) && !self.is_closed(id) {
            self.live(id).closed = true;
            self.touched.push(id);
        }
    }

    fn take_back(&mut self, id: ChannelId) -> Option<u64> {
        self.settle();
        if self.is_fed(id) { self.channel(id)?.buffer.pop_front() } else { None }
    }

    fn forget(&mut self, fiber: FiberId) {
        self.settle();
        self.waiting.retain(|waiting| {
            let forgotten = waiting.fiber == fiber;
            let cases = waiting.cases.iter().filter(|_| forgotten);
            self.discarded.extend(cases.filter_map(|(_, case)| offered(case)));
            !forgotten
        });
    }

    fn waits_for(&self, fiber: FiberId) -> Vec<(ChannelId, Side)> {
        let waiting = self.waiting.iter().filter(|waiting| waiting.fiber == fiber);
        waiting.flat_map(|waiting| &waiting.cases).map(|(_, case)| place(case)).collect()
    }
}

/// Where a case waits.
fn place(case: &Case<u64>) -> (ChannelId, Side) {
    match *case {
        Case::Receive(id) => (id, Side::Receive),
        Case::Send(id, _) => (id, Side::Send),
    }
}

/// What a case sends.
fn offered(case: &Case<u64>) -> Option<u64> {
    match *case {
        Case::Receive(_) => None,
        Case::Send(_, value) => Some(value),
    }
}
