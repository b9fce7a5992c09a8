//! Operations that a fiber waits for and that others complete: exec, call, work outside of the
//! workers.

use rustc_hash::FxHashMap;

use super::api::errors::push_failure;
use super::cx::Cx;
use super::fiber::Resumption;
use super::raw::{Outcome, Raise};
use super::timers::Token;
use super::transfer;
use crate::channel::FiberId;
use crate::process::{Encoded, Exit, Failure, Pid, kind};

/// What completes an operation, and how its result is made.
#[derive(Debug)]
pub(crate) enum Operation {
    /// `process.exec`: the end of the child.
    Exec,
    /// `process.call`: the answer, or the end of the target.
    Call {
        /// The watch on the target, ended with the call.
        watch: u64,
        /// As the program wrote it, for the message of a time-out.
        timeout_text: String,
    },
    /// Work on another thread, or room on standard output.
    Outside,
}

#[derive(Debug)]
struct Pending {
    fiber: FiberId,
    operation: Operation,
    timeout: Option<Token>,
}

/// The pending operations of a process, by number.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    pending: FxHashMap<u64, Pending>,
    /// Watch → call.
    calls: FxHashMap<u64, u64>,
    next: u64,
}

impl Operations {
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Nobody waits any more. No number is given out again.
    pub(crate) fn forget_all(&mut self) {
        self.pending.clear();
        self.calls.clear();
    }

    /// A number for the next operation. Numbers of operations and of watches do not mix: an exec is
    /// known by the number of its watch, everything else by one from here.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// Execs are told apart from other operations by this bit of their number.
const EXEC: u64 = 1 << 63;

impl Cx {
    /// The running fiber waits for the end of the process that `watch` is on.
    pub(crate) fn wait_exec(&mut self, watch: u64) -> Result<Outcome, Raise> {
        self.begin(EXEC | watch, Operation::Exec, None);
        Ok(self.wait("exec"))
    }

    /// The running fiber waits for the answer to call `id`.
    pub(crate) fn wait_call(
        &mut self,
        id: u64,
        watch: u64,
        timeout: Token,
        timeout_text: String,
    ) -> Result<Outcome, Raise> {
        self.operations.calls.insert(watch, id);
        self.begin(id, Operation::Call { watch, timeout_text }, Some(timeout));
        Ok(self.wait("call"))
    }

    /// The running fiber waits until `id` is done elsewhere.
    pub(crate) fn wait_outside(&mut self, id: u64, what: &'static str) -> Outcome {
        self.begin(id, Operation::Outside, None);
        self.wait(what)
    }

    fn begin(&mut self, id: u64, operation: Operation, timeout: Option<Token>) {
        let fiber = self.fibers.running();
        self.operations.pending.insert(id, Pending { fiber, operation, timeout });
    }

    /// Takes a finished operation out, and everything that was tied to it.
    fn complete(&mut self, id: u64) -> Option<(FiberId, Operation)> {
        let pending = self.operations.pending.remove(&id)?;
        if let Some(timeout) = pending.timeout {
            self.stop_timer(timeout);
        }
        if let Operation::Call { watch, .. } = &pending.operation {
            self.operations.calls.remove(watch);
            self.step.get().unwatch(*watch);
        }
        Some((pending.fiber, pending.operation))
    }

    pub(crate) fn operation_replied(&mut self, id: u64, result: Result<Encoded, Box<Failure>>) {
        if let Some((fiber, _)) = self.complete(id) {
            self.fibers.wake(fiber, push_result(result));
        }
    }

    pub(crate) fn operation_done(&mut self, id: u64, result: Box<dyn std::any::Any + Send>) {
        let Some((fiber, _)) = self.complete(id) else { return };
        let resumption = match result.downcast::<Resumption>() {
            Ok(resumption) => *resumption,
            Err(_) => Resumption::Continue { n_args: 0 },
        };
        self.fibers.wake(fiber, resumption);
    }

    /// A process ended that was watched for an exec or a call.
    pub(crate) fn operation_watched(&mut self, watch: u64, from: Pid, exit: &Exit) {
        if let Some((fiber, _)) = self.complete(EXEC | watch) {
            let result = match &exit.error {
                Some(error) => Err(Box::new(error.clone())),
                None => Ok(exit.value.clone().unwrap_or_default()),
            };
            self.fibers.wake(fiber, push_result(result));
        } else if let Some(id) = self.operations.calls.get(&watch).copied()
            && let Some((fiber, _)) = self.complete(id)
        {
            let text = format!("process ended before replying: {from}");
            let failure = Failure::new(kind::UNAVAILABLE, text).with_retryable(true);
            self.fibers.wake(fiber, push_result(Err(Box::new(failure))));
        }
    }

    /// The time-out of an operation passed.
    pub(crate) fn give_up(&mut self, id: u64) {
        let Some((fiber, operation)) = self.complete(id) else { return };
        let Operation::Call { timeout_text, .. } = operation else { return };
        let text = format!("no reply within {timeout_text}");
        let failure = Failure::new(kind::TIMEOUT, text).with_retryable(false);
        self.fibers.wake(fiber, push_result(Err(Box::new(failure))));
    }
}

/// `value` or `nil, err`.
fn push_result(result: Result<Encoded, Box<Failure>>) -> Resumption {
    Resumption::Push(Box::new(move |stack, cx| {
        match result {
            Ok(value) => transfer::decode_one(stack, cx, &value),
            Err(failure) => {
                stack.push_nil();
                push_failure(stack, &failure);
                return Ok(2);
            }
        }
        Ok(1)
    }))
}
