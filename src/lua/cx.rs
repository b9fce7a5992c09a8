//! What the host functions of one process share: its place in the runtime and its Lua-side state.

use super::raw::Stack;

/// What taking in signals from a host function led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenIn {
    /// The program goes on.
    GoOn,
    /// The process is killed: no code of it may go on.
    Die,
}

/// The state behind every host function of one process.
#[derive(Debug, Default)]
pub(crate) struct Cx {}

impl Cx {
    /// Takes in the signals that wait for the process.
    pub(crate) fn take_in(&mut self, _stack: &Stack) -> TakenIn {
        TakenIn::GoOn
    }

    pub(crate) fn slice_is_over(&self) -> bool {
        false
    }

    pub(crate) fn count_reached(&self) -> bool {
        false
    }

    /// The slice is over, but the code cannot be suspended here.
    pub(crate) fn held_up(&mut self) {}
}
