//! Runs operations that are decoded from bytes on [`Channels`] and on the [`Model`], and compares:
//! for property tests and fuzzing.

use std::collections::VecDeque;

use super::{Channel, Model};
use crate::channel::{
    Case, ChannelId, Channels, Completion, FiberId, Kind, ReceiveOutcome, SelectOutcome,
    SendOutcome,
};

/// Reads bytes as operations, and runs them on both sides.
struct Run<'a> {
    data: std::slice::Iter<'a, u8>,
    real: Channels<u64>,
    model: Model,
    ids: Vec<ChannelId>,
    /// Values passed in; they are numbered from 0.
    made: u64,
    /// Values that came out, by number (I5).
    seen: Vec<bool>,
    /// Fibers with a wake that has not been drained.
    runnable: Vec<FiberId>,
}

const N_FIBERS: u8 = 6;
const N_IDS: usize = 6;
const KINDS: [Kind; 6] = [
    Kind::Bounded(0),
    Kind::Bounded(0),
    Kind::Bounded(1),
    Kind::Bounded(2),
    Kind::Fed,
    Kind::Lossy(1),
];

/// Runs the operations that `data` stands for, and compares [`Channels`] with the specification
/// after each.
///
/// # Panics
/// When they differ.
pub fn check_ops(data: &[u8]) {
    let mut run = Run {
        data: data.iter(),
        real: Channels::new(),
        model: Model::default(),
        ids: Vec::new(),
        made: 0,
        seen: Vec::new(),
        runnable: Vec::new(),
    };
    for kind in [Kind::Bounded(0), Kind::Bounded(1), Kind::Fed, Kind::Fed] {
        run.open(kind, usize::MAX);
    }
    while let Some(&operation) = run.data.next() {
        run.step(operation);
        run.real.check();
    }
    run.finish();
}

impl Run<'_> {
    fn byte(&mut self) -> u8 {
        self.data.next().copied().unwrap_or(0)
    }

    fn id(&mut self) -> ChannelId {
        let at = self.byte() as usize % self.ids.len();
        self.ids[at]
    }

    /// A fiber that can operate now.
    fn idle_fiber(&mut self) -> Option<FiberId> {
        let first = self.byte();
        (0..N_FIBERS)
            .map(|offset| FiberId(u32::from((first % N_FIBERS + offset) % N_FIBERS)))
            .find(|fiber| !self.model.is_waiting(*fiber) && !self.runnable.contains(fiber))
    }

    fn value(&mut self) -> u64 {
        self.seen.push(false);
        self.made += 1;
        self.made - 1
    }

    /// Notes that a value came out.
    fn out(&mut self, value: u64) {
        let seen = std::mem::replace(&mut self.seen[value as usize], true);
        assert!(!seen, "I5: value {value} came out twice");
    }

    fn open(&mut self, kind: Kind, replaced: usize) {
        let id = self.real.open(kind);
        let buffer = VecDeque::new();
        self.model.channels.push(Channel { id, kind, closed: false, buffer });
        if self.ids.len() < N_IDS {
            self.ids.push(id);
        } else {
            // Whoever has no name is never freed by name, so it goes now.
            let old = std::mem::replace(&mut self.ids[replaced % N_IDS], id);
            self.free(old);
        }
    }

    fn free(&mut self, id: ChannelId) {
        self.real.free(id);
        self.model.free(id);
        self.note_runnable();
    }

    fn step(&mut self, operation: u8) {
        match operation % 16 {
            0 => {
                let (kind, replaced) = (self.byte(), self.byte());
                self.open(KINDS[kind as usize % KINDS.len()], replaced as usize);
            }
            1 => {
                let id = self.id();
                self.free(id);
            }
            2..=4 => self.send(),
            5..=7 => self.receive(),
            8 => self.close(),
            9 | 10 => self.select(),
            11 | 12 => {
                let (id, value) = (self.id(), self.value());
                let result = self.real.feed(id, value);
                assert_eq!(result, self.model.feed(id, value));
                if let Err(value) = result {
                    self.out(value);
                }
            }
            13 => {
                let (id, value) = (self.id(), self.value());
                let result = self.real.feed_and_shut(id, value);
                assert_eq!(result, self.model.feed(id, value));
                match result {
                    Ok(()) => self.model.shut(id),
                    Err(value) => self.out(value),
                }
            }
            14 => self.rarely(),
            _ => self.drain(),
        }
        self.compare_waits();
    }

    fn send(&mut self) {
        let Some(fiber) = self.idle_fiber() else { return };
        let (id, value) = (self.id(), self.value());
        let outcome = self.real.send(id, fiber, value);
        assert_eq!(outcome, self.model.send(id, fiber, value));
        if let SendOutcome::Closed(value) | SendOutcome::ReceiveOnly(value) = outcome {
            self.out(value);
        }
        self.note_runnable();
    }

    fn receive(&mut self) {
        let Some(fiber) = self.idle_fiber() else { return };
        let id = self.id();
        let outcome = self.real.receive(id, fiber);
        assert_eq!(outcome, self.model.receive(id, fiber));
        if let ReceiveOutcome::Value(value) = outcome {
            self.out(value);
        }
        self.note_runnable();
    }

    fn close(&mut self) {
        let Some(fiber) = self.idle_fiber() else { return };
        let id = self.id();
        assert_eq!(self.real.close(id, fiber), self.model.close(id, fiber));
        self.note_runnable();
    }

    fn select(&mut self) {
        let Some(fiber) = self.idle_fiber() else { return };
        let shape = self.byte();
        let (n_cases, default) = (shape % 5, shape >= 192);
        let mut cases = Vec::new();
        for _ in 0..n_cases {
            let sends = self.byte() % 2 == 1;
            let id = self.id();
            cases.push(if sends { Case::Send(id, self.value()) } else { Case::Receive(id) });
        }
        let expected = self.model.select(fiber, cases.clone(), default);
        let outcome = self.real.select(fiber, &mut cases, default);
        assert_eq!(outcome, expected);
        assert!(cases.is_empty());
        if let SelectOutcome::Ready(Completion::Received { value: Some(value), .. }) = outcome {
            self.out(value);
        }
        self.note_runnable();
    }

    fn rarely(&mut self) {
        match self.byte() % 3 {
            0 => {
                let fiber = FiberId(u32::from(self.byte() % N_FIBERS));
                self.real.forget(fiber);
                self.model.forget(fiber);
                self.note_runnable();
            }
            1 => {
                let id = self.id();
                let taken = self.real.take_back(id);
                assert_eq!(taken, self.model.take_back(id));
                taken.into_iter().for_each(|value| self.out(value));
                self.note_runnable();
            }
            _ => {
                let id = self.id();
                self.real.shut(id);
                self.model.shut(id);
            }
        }
    }

    /// After an operation that may have queued wakes: their fibers cannot operate until drained.
    fn note_runnable(&mut self) {
        self.runnable = self.model.wakes.iter().map(|wake| wake.fiber).collect();
    }

    fn drain(&mut self) {
        self.model.settle();
        while let Some(wake) = self.real.next_wake() {
            assert_eq!(Some(&wake), self.model.wakes.pop_front().as_ref());
            if let Completion::Received { value: Some(value), .. } = wake.completion {
                self.out(value);
            }
        }
        assert!(self.model.wakes.is_empty());
        self.note_runnable();
        self.drain_discarded();
    }

    fn drain_discarded(&mut self) {
        let mut discarded = Vec::new();
        while let Some(value) = self.real.next_discarded() {
            self.out(value);
            discarded.push(value);
        }
        discarded.sort_unstable();
        self.model.discarded.sort_unstable();
        assert_eq!(discarded, std::mem::take(&mut self.model.discarded));
    }

    /// A wait may end before its batch is settled, if that will end it anyway.
    fn compare_waits(&self) {
        let mut settled = self.model.clone();
        settled.settle();
        for fiber in (0..u32::from(N_FIBERS)).map(FiberId) {
            let model = if self.real.is_waiting(fiber) { &self.model } else { &settled };
            assert_eq!(self.real.is_waiting(fiber), model.is_waiting(fiber));
            assert!(self.real.waits_for(fiber).eq(model.waits_for(fiber)));
        }
    }

    /// Frees everything, and asserts I5 for all values.
    fn finish(mut self) {
        self.drain();
        for id in self.ids.clone() {
            self.free(id);
        }
        for fiber in (0..u32::from(N_FIBERS)).map(FiberId) {
            self.real.forget(fiber);
            self.model.forget(fiber);
        }
        self.drain();
        self.real.check();
        assert!(self.seen.iter().all(|&seen| seen), "I5: a value was lost");
    }
}
