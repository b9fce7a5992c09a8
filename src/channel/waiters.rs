//! Who waits for what: one waiter for each case a suspended fiber waits on.
//!
//! A waiter is a link of two lists. The list of its channel and side is doubly linked, so that a
//! select which completes elsewhere leaves it in constant time, from the middle as well. The list
//! of its fiber holds the cases of one select in priority order; a plain operation is a select of
//! one case.
//!
//! # Invariants
//! * **W1** A waiter is in exactly one list of a channel (that of its channel and side) and one of
//!   a fiber. Both end together, for all cases of the fiber at once.
//! * **W2** A list of a channel is ordered by the time at which its fibers began to wait, and for
//!   the cases of one fiber by priority.

use super::slab::{NONE, Slab};
use super::{ChannelId, FiberId, KEPT, reduced_capacity};

/// The two things one can wait for on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Somebody who takes the value, or room for it.
    Send,
    /// A value, or the end of the channel.
    Receive,
}

/// One case that a fiber waits on.
#[derive(Debug)]
pub(super) struct Waiter<V> {
    pub(super) fiber: FiberId,
    /// Position in the cases of the select; 0 for a plain operation.
    pub(super) case: u32,
    pub(super) channel: ChannelId,
    pub(super) side: Side,
    /// What a sender offers, until it is taken; `None` in a receiver.
    pub(super) value: Option<V>,
    next_case: u32,
    prev: u32,
    next: u32,
}

/// Ends of the list of waiters on one side of a channel.
#[derive(Debug)]
pub(super) struct List {
    first: u32,
    last: u32,
}

impl List {
    pub(super) const fn new() -> Self {
        Self { first: NONE, last: NONE }
    }

    /// The waiter whose turn it is.
    pub(super) fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first == NONE
    }
}

/// What a fiber waits on.
#[derive(Clone, Copy, Debug)]
struct Wait {
    /// When the wait began, on the clock of [`Waiters`]; 0 while the fiber does not wait.
    since: u64,
    first_case: u32,
    last_case: u32,
}

impl Wait {
    const IDLE: Self = Self { since: 0, first_case: NONE, last_case: NONE };
}

/// All waits of a process.
#[derive(Debug)]
pub(super) struct Waiters<V> {
    nodes: Slab<Waiter<V>, 0>,
    /// Indexed by fiber; fibers beyond the end do not wait.
    waits: Vec<Wait>,
    /// Counts the waits that have begun.
    clock: u64,
    /// How many idle fibers may be cut from the end of `waits`. Each wait earns some, so that
    /// growing and cutting the table costs constant time per wait, whatever the ids of the fibers.
    cuts_earned: usize,
}

impl<V> Waiters<V> {
    pub(super) fn new() -> Self {
        Self { nodes: Slab::new(), waits: Vec::new(), clock: 0, cuts_earned: 0 }
    }

    pub(super) fn is_waiting(&self, fiber: FiberId) -> bool {
        self.waits.get(fiber.0 as usize).is_some_and(|wait| wait.since != 0)
    }

    /// When the fiber began to wait. Waits that began earlier have smaller numbers.
    pub(super) fn since(&self, fiber: FiberId) -> u64 {
        self.waits[fiber.0 as usize].since
    }

    pub(super) fn get(&self, index: u32) -> &Waiter<V> {
        &self.nodes[index]
    }

    /// Whether a waiter is case 0 of its fiber, which waits on no other.
    pub(super) fn is_alone(&self, index: u32) -> bool {
        let waiter = &self.nodes[index];
        waiter.case == 0
            && waiter.next_case == NONE
            && self.waits[waiter.fiber.0 as usize].first_case == index
    }

    /// The cases that the fiber waits on, in priority order.
    pub(super) fn cases(&self, fiber: FiberId) -> impl Iterator<Item = &Waiter<V>> {
        let first = self.waits.get(fiber.0 as usize).map_or(NONE, |wait| wait.first_case);
        std::iter::successors(self.nodes.get(first), |waiter| self.nodes.get(waiter.next_case))
    }

    /// Notes that the fiber waits, so far on nothing.
    #[inline]
    pub(super) fn begin(&mut self, fiber: FiberId) {
        let index = fiber.0 as usize;
        if index >= self.waits.len() {
            self.waits.resize(index + 1, Wait::IDLE);
        }
        self.clock += 1;
        self.waits[index].since = self.clock;
    }

    /// Adds a case to the wait of a fiber: it goes to the end of `list`, which belongs to `channel`
    /// and `side`.
    #[inline]
    pub(super) fn enrol(
        &mut self,
        (fiber, case): (FiberId, u32),
        (channel, side): (ChannelId, Side),
        value: Option<V>,
        list: &mut List,
    ) {
        let prev = list.last;
        let index = self.nodes.insert(Waiter {
            fiber,
            case,
            channel,
            side,
            value,
            next_case: NONE,
            prev,
            next: NONE,
        });
        match prev {
            NONE => list.first = index,
            _ => self.nodes[prev].next = index,
        }
        list.last = index;

        let wait = &mut self.waits[fiber.0 as usize];
        let before = std::mem::replace(&mut wait.last_case, index);
        match before {
            NONE => wait.first_case = index,
            _ => self.nodes[before].next_case = index,
        }
    }

    /// Notes that the fiber no longer waits. The caller [`Self::remove`]s the returned case and
    /// those after it.
    #[inline]
    pub(super) fn end(&mut self, fiber: FiberId) -> Option<u32> {
        let wait = std::mem::replace(&mut self.waits[fiber.0 as usize], Wait::IDLE);
        self.cuts_earned += 2;
        if self.waits.len() > KEPT {
            self.cut_end();
        }
        (wait.first_case != NONE).then_some(wait.first_case)
    }

    /// Takes what a sender offers; its wait is to be ended.
    pub(super) fn take_value(&mut self, sender: u32) -> V {
        self.nodes[sender].value.take().expect("a sender has a value until its wait ends")
    }

    /// Takes a case out of `list`, the list of its channel and side. Returns what it still offers,
    /// and the next case of its fiber.
    #[inline]
    pub(super) fn remove(&mut self, index: u32, list: &mut List) -> (Option<V>, Option<u32>) {
        let Waiter { value, next_case, prev, next, .. } = self.nodes.remove(index);
        match prev {
            NONE => list.first = next,
            _ => self.nodes[prev].next = next,
        }
        match next {
            NONE => list.last = prev,
            _ => self.nodes[next].prev = prev,
        }
        (value, (next_case != NONE).then_some(next_case))
    }

    /// Cuts fibers that do not wait from the end of the table.
    fn cut_end(&mut self) {
        while self.cuts_earned > 0
            && self.waits.len() > KEPT
            && self.waits.pop_if(|wait| wait.since == 0).is_some()
        {
            self.cuts_earned -= 1;
        }
        if let Some(capacity) = reduced_capacity(self.waits.len(), self.waits.capacity()) {
            self.waits.shrink_to(capacity);
        }
    }
}

#[cfg(any(test, fuzzing))]
impl<V> Waiters<V> {
    /// The waiters of a list, from first to last.
    pub(super) fn in_list<'a>(&'a self, list: &List) -> impl Iterator<Item = &'a Waiter<V>> {
        let first = self.nodes.get(list.first);
        std::iter::successors(first, |waiter| self.nodes.get(waiter.next))
    }

    /// Asserts what of W1 and W2 can be seen without the channels; `enrolled` is the number of
    /// waiters in the lists of all channels.
    pub(super) fn check(&self, enrolled: usize) {
        self.nodes.check();
        assert_eq!(self.nodes.iter().count(), enrolled, "W1: waiters outside of all channels");
        let fibers = (0..self.waits.len() as u32).map(FiberId);
        let of_fibers = fibers.map(|fiber| {
            assert!(self.cases(fiber).all(|waiter| waiter.fiber == fiber), "W1");
            assert!(self.cases(fiber).is_sorted_by_key(|waiter| waiter.case), "W2");
            self.cases(fiber).count()
        });
        assert_eq!(of_fibers.sum::<usize>(), enrolled, "W1: waiters outside of all fibers");
    }

    /// Asserts that a list is what it should be: all of W1 and W2.
    pub(super) fn check_list(&self, list: &List, channel: ChannelId, side: Side) -> usize {
        let order = |waiter: &Waiter<V>| (self.since(waiter.fiber), waiter.case);
        assert!(self.in_list(list).all(|waiter| self.is_waiting(waiter.fiber)), "W1");
        assert!(self.in_list(list).all(|waiter| (waiter.channel, waiter.side) == (channel, side)));
        assert!(self.in_list(list).all(|waiter| waiter.value.is_some() == (side == Side::Send)));
        assert!(self.in_list(list).is_sorted_by_key(order), "W2");
        self.in_list(list).count()
    }

    /// Lengths of the table of fibers and of the slab of waiters.
    #[cfg(test)]
    pub(super) fn lens(&self) -> (usize, usize) {
        (self.waits.len(), self.nodes.len())
    }
}
