//! How a process takes in what waits in its mailbox.

use super::body::{Event, Sink, Step};
use super::exit::Failure;
use super::signal::{Cancel, ExitNotice, Grace, Letter, LinkNotice, Signal};
use crate::mailbox::Drain;

/// The timer token of the kill deadline; all others belong to the body.
const GRACE_TOKEN: u64 = u64::MAX;

/// After so many messages at a time it is asked whether the slice is over.
const MANY: u32 = 1 << 12;

/// What taking in signals led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum TakenIn {
    /// Nothing waited.
    Nothing,
    /// The sink got something, or the state changed.
    Some,
    /// The process is killed: no code of it may go on.
    Killed,
}

impl Step<'_> {
    /// Takes in every signal that waits, in order.
    #[inline]
    pub fn take_in<S: Sink>(&mut self, sink: &mut S) -> TakenIn {
        if self.state.is_killed() {
            return TakenIn::Killed;
        }
        if !self.process.has_signals() {
            return TakenIn::Nothing;
        }
        let mut signals = self.process.mailbox.drain();
        let mut n_messages: u32 = 0;
        while let Some(signal) = signals.next_parcel() {
            match Letter::of(signal) {
                Ok(letter) => {
                    sink.message(letter);
                    n_messages = n_messages.wrapping_add(1);
                    if n_messages.is_multiple_of(MANY) && self.preemption.is_expired() {
                        // All of them are taken in, and that may take long: others go on elsewhere.
                        self.worker.hand_over();
                    }
                }
                Err(other) => {
                    self.take_other(other.into_inner(), sink);
                    if self.state.is_killed() {
                        self.keep_rest(signals);
                        return TakenIn::Killed;
                    }
                }
            }
        }
        TakenIn::Some
    }

    /// What came behind a kill is kept for the end to answer.
    fn keep_rest(&mut self, signals: Drain<Signal>) {
        self.state.rare_mut().left.extend(signals);
    }

    #[inline(never)]
    fn take_other(&mut self, signal: Signal, sink: &mut dyn Sink) {
        match signal {
            Signal::Message(_) => unreachable!("messages are letters"),
            Signal::Exit(notice) => self.take_exit(&notice, sink),
            Signal::LinkDown(notice) => self.take_link_down(&notice, sink),
            Signal::Cancel(cancel) => self.take_cancel(cancel, sink),
            Signal::Kill(failure) => self.state.kill(*failure),
            Signal::Monitor(watcher) => {
                self.state.watchers.insert(watcher.key(), watcher);
            }
            Signal::Demonitor(key) => {
                self.state.watchers.remove(&key);
            }
            Signal::Link(peer, link) => self.state.rare_mut().links.add(peer, link),
            Signal::Unlink(peer, link) => self.state.rare_mut().links.remove(peer, &link),
            Signal::Timer { token: GRACE_TOKEN, .. } => self.pass_deadline(),
            Signal::Timer { token, at_ns } => sink.timer(token, at_ns),
            Signal::Io { token, ready } => sink.io(token, ready),
            Signal::Reply { id, result } => sink.reply(id, result),
            Signal::Done { id, result } => sink.done(id, result),
        }
    }

    fn take_exit(&mut self, notice: &ExitNotice, sink: &mut dyn Sink) {
        if self.state.remove_watch(notice.monitor).is_some() {
            sink.watched_exit(notice.monitor, notice.from, &notice.exit);
            return;
        }
        // One that was removed meanwhile, or made again, is not this one.
        let known = self.state.monitor_of(notice.from.serial());
        if known == Some(notice.monitor) {
            self.state.remove_monitor(notice.from.serial());
            let exit = notice.exit.clone();
            sink.event(Event::Exit { from: notice.from, at_ns: notice.at_ns, exit });
        }
    }

    fn take_link_down(&mut self, notice: &LinkNotice, sink: &mut dyn Sink) {
        if !notice.link.is_active() {
            return;
        }
        // All records of the pair fall together: one failure is one LINK_DOWN.
        self.state.rare_mut().links.cut(notice.from);
        notice.link.cut();
        if self.state.trap_links {
            let exit = notice.exit.clone();
            sink.event(Event::LinkDown { from: notice.from, at_ns: notice.at_ns, exit });
        } else {
            self.state.kill(Failure::linked());
        }
    }

    fn take_cancel(&mut self, mut cancel: Box<Cancel>, sink: &mut dyn Sink) {
        if let Some(grace) = cancel.grace.take() {
            if grace.failure.is_some() {
                self.tighten(grace.clone());
            } else {
                cancel.grace = Some(grace);
            }
        }
        if let Some(grace) = self.state.grace()
            && cancel.grace.as_ref().is_none_or(|told| grace.at_ns < told.at_ns)
        {
            cancel.grace = Some(grace.clone());
        }
        if !self.state.is_killed() {
            sink.event(Event::Cancel { cancel });
        }
    }

    /// The earliest deadline wins; one that is due kills now.
    fn tighten(&mut self, grace: Grace) {
        if self.state.grace().is_some_and(|old| old.at_ns <= grace.at_ns) {
            return;
        }
        let timer = self.worker.insert_timer(self.process, GRACE_TOKEN, grace.at_ns);
        if let Some((_, old)) = self.state.rare_mut().grace.replace((grace, timer)) {
            self.worker.cancel_timer(old);
        }
    }

    fn pass_deadline(&mut self) {
        let due = self.state.grace().is_some_and(|grace| grace.at_ns <= self.worker.now_ns());
        if due && let Some((grace, _)) = self.state.rare_mut().grace.take() {
            self.state.kill(grace.failure.unwrap_or_else(Failure::terminated));
        }
    }
}
