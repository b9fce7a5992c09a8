//! What a mailbox has to do when one call follows the other: a queue and a state. Runs operations,
//! read from bytes, on both and compares every answer.

use std::collections::VecDeque;

use super::{Drain, Mailbox, Pushed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Scheduled or running: there is an owner.
    Owned,
    Parked,
    Closed,
}

/// A mailbox, and all that should be true of it.
struct Run {
    mailbox: Mailbox<Box<u32>>,
    state: State,
    queued: VecDeque<u32>,
    /// Taken out, but not looked at yet.
    drain: Option<(Drain<Box<u32>>, VecDeque<u32>)>,
    n_pushed: u32,
}

/// Reads an operation from each byte and runs it.
///
/// # Panics
/// When mailbox and model disagree.
pub fn check_ops(data: &[u8]) {
    let mut run = Run {
        mailbox: Mailbox::new(),
        state: State::Owned,
        queued: VecDeque::new(),
        drain: None,
        n_pushed: 0,
    };
    for byte in data {
        run.apply(byte % 16);
        assert_eq!(run.mailbox.has_waiting(), !run.queued.is_empty());
        assert_eq!(run.mailbox.is_closed(), run.state == State::Closed);
    }
}

impl Run {
    fn apply(&mut self, op: u8) {
        match (op, self.state) {
            (0..=7, _) => self.push(),
            (8..=9, State::Parked) => self.claim(),
            // The rest is the owner's, and takes place when there is one.
            (_, State::Parked) => self.push(),
            (8..=9, _) => {
                self.drain = Some((self.mailbox.drain(), std::mem::take(&mut self.queued)))
            }
            (10..=12, _) => self.look(),
            (13, _) => self.drain = None,
            (14, State::Owned) => self.park(),
            (15, State::Owned) => self.close(),
            _ => {}
        }
    }

    fn push(&mut self) {
        let number = self.n_pushed;
        self.n_pushed += 1;
        let pushed = self.mailbox.push(Box::new(number));
        let expected = match self.state {
            State::Owned => Ok(Pushed::Queued),
            State::Parked => Ok(Pushed::MustWake),
            State::Closed => Err(Box::new(number)),
        };
        assert_eq!(pushed, expected);
        if pushed.is_ok() {
            self.state = State::Owned;
            self.queued.push_back(number);
        }
    }

    /// Takes one value out of the latest drain.
    fn look(&mut self) {
        if let Some((drain, left)) = &mut self.drain {
            assert_eq!(drain.next().map(|number| *number), left.pop_front());
        }
    }

    fn park(&mut self) {
        let is_parked = self.mailbox.park();
        assert_eq!(is_parked, self.queued.is_empty());
        if is_parked {
            self.state = State::Parked;
        }
    }

    fn claim(&mut self) {
        assert!(self.mailbox.claim());
        assert!(!self.mailbox.claim());
        self.state = State::Owned;
    }

    fn close(&mut self) {
        self.drain = Some((self.mailbox.close(), std::mem::take(&mut self.queued)));
        self.state = State::Closed;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn random_operations_agree_with_the_model(data in prop::collection::vec(any::<u8>(), 0..100)) {
            super::check_ops(&data);
        }
    }
}
