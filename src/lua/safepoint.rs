//! Points in a long step of the runtime at which it looks up from its work: at the end of its
//! slice others go on elsewhere, and a kill ends the step, however much of it is left.
//!
//! # Concepts
//! * **Step**: a walk through a value of a program in one call of Rust. No hook of Lua reaches it,
//!   and it cannot be suspended: what it holds of the VM is good only while nothing else runs.
//! * **Stretch**: what a step does between two safepoints, a fraction of a millisecond of work,
//!   counted in bytes and not by a clock.
//!
//! # Invariants
//! * **P1** No Lua code of the process runs at a safepoint, and nothing in its VM changes: as in a
//!   hook, signals are taken in and no more. So what the step has seen stays as it was.
//! * **P2** After [`Stopped`] the universe knows it, and whether it is dying. The step gives up
//!   what it has begun, and what its callers give or raise does not matter: the trampoline of the
//!   host function, or the loop of the process, ends the process or raises `not enough memory`.
//! * **P3** A buffer that is written in a step does not get larger than the memory limit of its
//!   process. What is copied takes hardly more than the value itself, but a value can contain one
//!   string a million times.
//!
//! # Rejected
//! A pause between stretches, with the way through the value kept in the frame: values are copied
//! also where no frame is, at the start and the end of a process and when a wait is over, and each
//! caller would have to go on in the middle of what it does.

use super::cx::{Cx, TakenIn};
use super::raw::{Raise, Stack, Universe};

/// Bytes of a stretch.
pub(crate) const STRETCH: usize = 1 << 14;

/// From so many bytes on a buffer is not moved in one go.
pub(crate) const LARGE: usize = 1 << 20;

/// The step does not go on: the process is killed, or may not have so much memory (P2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped;

impl From<Stopped> for Raise {
    /// Never seen (P2).
    fn from(Stopped: Stopped) -> Raise {
        Raise::Plain("stopped".to_owned())
    }
}

/// Looks up for one step.
#[derive(Debug)]
pub(crate) struct Safepoints<'a> {
    /// `None`: there is nothing to look at.
    at: Option<(&'a Universe, &'a mut Cx)>,
    /// Bytes of work until the next look.
    left: usize,
    /// Bytes of a stretch.
    stretch: usize,
    /// Most bytes of a buffer; with more the step is stopped, and the caller knows why.
    most: usize,
}

impl<'a> Safepoints<'a> {
    /// Those of a step that the process behind `cx` makes in its VM.
    #[inline]
    pub(crate) fn new(stack: &'a Stack, cx: &'a mut Cx) -> Safepoints<'a> {
        Safepoints::with(Some((stack.universe(), cx)), STRETCH)
    }

    #[inline]
    fn with(at: Option<(&'a Universe, &'a mut Cx)>, stretch: usize) -> Safepoints<'a> {
        Safepoints { at, left: stretch, stretch, most: usize::MAX }
    }

    /// None: for values that are known to be small.
    pub(crate) fn none() -> Safepoints<'a> {
        Safepoints::with(None, STRETCH)
    }

    /// These, of a step whose buffer must not get larger than so many bytes, or not much.
    pub(crate) fn at_most(self, bytes: usize) -> Safepoints<'a> {
        Safepoints { most: bytes, ..self }
    }

    /// As [`Safepoints::new`], with a look after so many bytes.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn after_each(bytes: usize) -> Safepoints<'a> {
        Safepoints::with(None, bytes)
    }

    /// Bytes of a stretch.
    #[inline]
    pub(crate) fn stretch(&self) -> usize {
        self.stretch
    }

    /// So many bytes of work were done.
    #[inline(always)]
    pub(crate) fn pass(&mut self, bytes: usize) -> Result<(), Stopped> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => self.look(),
        }
    }

    /// Looks up.
    #[cold]
    #[inline(never)]
    pub(crate) fn look(&mut self) -> Result<(), Stopped> {
        self.left = self.stretch;
        let Some((universe, cx)) = &mut self.at else { return Ok(()) };
        if !universe.is_dying() && cx.look_up() == TakenIn::GoOn {
            return Ok(());
        }
        universe.set_dying();
        universe.stop_step();
        Err(Stopped)
    }

    /// Adds bytes, in stretches if they are many.
    pub(crate) fn extend(&mut self, bytes: &mut Vec<u8>, more: &[u8]) -> Result<(), Stopped> {
        self.reserve(bytes, more.len())?;
        for piece in more.chunks(STRETCH) {
            bytes.extend_from_slice(piece);
            self.pass(piece.len())?;
        }
        Ok(())
    }

    /// Sees to it that there is room for so many bytes more. What is large moves in stretches.
    pub(crate) fn reserve(&mut self, bytes: &mut Vec<u8>, more: usize) -> Result<(), Stopped> {
        if bytes.capacity() - bytes.len() >= more {
            return Ok(());
        }
        self.check_room(bytes.len() + more)?;
        if bytes.len() < LARGE {
            bytes.reserve(more);
            return Ok(());
        }
        let mut larger = Vec::with_capacity(2 * bytes.len() + more);
        for piece in bytes.chunks(STRETCH) {
            larger.extend_from_slice(piece);
            self.pass(piece.len())?;
        }
        *bytes = larger;
        Ok(())
    }

    /// Refuses a buffer of more bytes than there may be (P3).
    fn check_room(&self, bytes: usize) -> Result<(), Stopped> {
        if bytes > self.most {
            return Err(Stopped);
        }
        match &self.at {
            Some((universe, _)) if bytes > universe.memory_limit().max(LARGE) => {
                universe.stop_step();
                Err(Stopped)
            }
            _ => Ok(()),
        }
    }

    /// Pushes a string, in stretches if it is long.
    pub(crate) fn push_bytes(&mut self, stack: &Stack, text: &[u8]) -> Result<(), Stopped> {
        // A blank lets the collector go on, also where a step has stopped it.
        let in_stretches = text.len() >= LARGE && stack.is_collected();
        if !in_stretches || !stack.push_blank(text.len()) {
            // Also without room for it: the caller has to meet the limit as with a short one.
            stack.push_bytes(text);
            return Ok(());
        }
        for (n, piece) in text.chunks(STRETCH).enumerate() {
            stack.write_blank(-1, n * STRETCH, piece);
            self.pass(piece.len())?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests;
