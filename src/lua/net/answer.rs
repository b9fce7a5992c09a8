//! How a call on a socket ends, as results that Lua gets: at once, or after it has waited.

use super::SocketId;
use super::fault::Fault;
use super::wire::Got;
use crate::lua::api::errors::push_failure;
use crate::lua::api::net::{push_conn, push_listener};
use crate::lua::fiber::Resumption;
use crate::lua::raw::{Outcome, Raise, Stack};
use crate::lua::transfer;

/// See the module.
#[derive(Debug)]
pub(crate) enum Answer {
    /// `nil`: the end of the stream.
    End,
    /// `true`.
    Done,
    /// A string.
    Bytes(Vec<u8>),
    /// A connection.
    Conn(SocketId),
    /// A listener.
    Listener(SocketId),
    /// `nil, err`.
    Failed(Fault),
    /// `nil, err`, of a write; the details tell how many bytes are with the system.
    WriteFailed(Fault, usize),
}

impl Answer {
    /// The failure of a call that, if it writes, has got so far.
    pub(super) fn failed(fault: Fault, written: Option<usize>) -> Answer {
        match written {
            None => Answer::Failed(fault),
            Some(written) => Answer::WriteFailed(fault, written),
        }
    }

    /// Pushes the results; gives how many.
    pub(super) fn push(self, stack: &Stack) -> i32 {
        match self {
            Answer::End => stack.push_nil(),
            Answer::Done => stack.push_bool(true),
            Answer::Bytes(bytes) => stack.push_bytes(bytes),
            Answer::Conn(id) => push_conn(stack, id),
            Answer::Listener(id) => push_listener(stack, id),
            Answer::Failed(fault) => {
                stack.push_nil();
                push_failure(stack, &fault);
                return 2;
            }
            Answer::WriteFailed(mut fault, written) => {
                stack.new_table(0, 1);
                stack.push_int(i64::try_from(written).unwrap_or(i64::MAX));
                stack.raw_set_field(-2, "written");
                fault.details = transfer::encode_small(stack, -1, "details").ok();
                stack.pop(1);
                return Answer::Failed(fault).push(stack);
            }
        }
        1
    }

    /// The results of the running call.
    pub(super) fn give(self, stack: &Stack) -> Result<Outcome, Raise> {
        Ok(Outcome::Return(self.push(stack)))
    }

    /// The results of a call that waits.
    pub(super) fn resumption(self) -> Resumption {
        Resumption::Push(Box::new(|stack, _| Ok(self.push(stack))))
    }
}

impl From<Result<Got<'_>, Fault>> for Answer {
    fn from(result: Result<Got<'_>, Fault>) -> Answer {
        match result {
            Ok(Got::Bytes(bytes)) => Answer::Bytes(bytes.to_vec()),
            Ok(Got::End) => Answer::End,
            Err(fault) => Answer::Failed(fault),
        }
    }
}
