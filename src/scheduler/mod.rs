//! The M:N scheduler: runs any number of tasks, turn by turn, on a few threads.
//!
//! It knows neither processes nor Lua. What it runs is a [`Task`]; what a task gets to see of it is
//! a [`Context`]. [`ThreadPool`] is the real thing, [`sim::SimPool`] the same face over virtual
//! time and a seed.
//!
//! # Concepts
//! * **Worker**: a thread with a queue, a LIFO slot, a timer wheel and a reactor of its own.
//! * **Turn**: one call of [`Task::run`]. **Slice**: how long a turn may last.
//! * **Injector**: the queue of the pool, for tasks that come from no worker of it.
//! * **Search**: looking for work in the queues of others. **Park**: sleep in one's reactor.
//! * **Watcher**: the thread that ends turns which outlive their slice (`sysmon`).
//!
//! ```text
//!   other threads ──inject──▶ injector ──┐               watcher
//!                                        ▼                  │ attention, SIGURG
//!     ┌─ worker 0 ─────────────┐   ┌─ worker 1 ─────────────▼┐
//!     │ LIFO slot ─▶ turn      │   │ LIFO slot ─▶ turn       │
//!     │ queue ─────▶           │──▶│ queue ─────▶            │   half of a queue per steal
//!     │ wheel, reactor         │   │ wheel, reactor          │
//!     └────────────────────────┘   └─────────────────────────┘
//! ```
//!
//! # Invariants
//! * T1: a task is in at most one place: a slot, a queue, the injector, or the hands of the worker
//!   that runs it. The task's state word sees to it; the scheduler only moves references.
//! * T2: once [`Task::run`] has returned `Parked`, its worker only drops its reference.
//! * T3: work is visible in a queue before anybody is told of it (`idle` I2).
//! * T4: no worker blocks while it could see work (`idle` I3), and nobody is told of work more
//!   often than needed: while one worker searches, no other is woken.
//! * T5: a timer never fires early, and each fires or is cancelled once (`timers`).
//! * T6: a request to end a turn ends no other one (`preempt` E1).
//! * T7: no panic leaves a turn. The layer above catches it; one that gets here aborts the runtime.
//! * T8: the reactor of a living worker can wait.
//! * T9: after a shutdown the pool holds no task: those in queues, wheels and reactors are dropped,
//!   and those that come later are too.
//! * T10: no lock of the scheduler is held while a task is called or dropped.
//! * T11: when all workers sleep, no thread of the pool wakes up before something happens; but for
//!   putting tasks to rest that have just been parked for long, and for the last rounds of a
//!   survey, which both come to an end (`resting`, `survey`).
//!
//! # The way of a wake-up
//! 1. Somebody turns a task's state from parked to runnable and calls [`Context::wake`].
//! 2. On a worker of the task's pool the task takes the LIFO slot. Whom it displaces goes to the
//!    queue, and since there is more than one thing to do now, a sleeper is claimed and unparked.
//!    Anywhere else the task goes to the injector, and a sleeper is claimed too.
//! 3. The claimed worker leaves its reactor, counted as searching. It takes what it finds; if no
//!    other worker searches, it claims the next sleeper first, so that a burst of work wakes as
//!    many workers as it needs, one after the other.
//! 4. A worker that finds nothing announces its sleep, looks through all queues once more, and
//!    blocks in its reactor until its next timer, I/O or an unpark.
//!
//! Each step is told by the file that does it: `worker`, `idle`, `park`, `sysmon`, and the
//! end of it all by `pool`.
//!
//! # A turn that cannot end
//! It is asked to, in vain, while it calls [`Context::hand_over`]: its worker's timers, I/O and
//! tasks go on. After a while the watcher starts another worker in place of its own (`staff`).
//!
//! # Fairness
//! The queue is first in, first out, but for tasks that have never run, of which the newest come
//! first, and now and then the oldest (`run_queue` Q1, Q2). The slot gives way to the queue after a
//! few runs in a row (`lifo` L1). Every few dozen turns, and about once in a slice, a worker serves
//! its timers, its I/O and the injector before anything of its own (`worker`). So whatever is
//! runnable runs after a bounded number of turns, each of about a slice.
//!
//! # Rejected
//! * One global queue: its lock or its cache line is touched by every worker at every turn.
//! * A spinning worker that waits for work: idle costs nothing here, and unparking one costs a few
//!   microseconds once per burst.
//! * A limit of the worker's own queue, with the rest in the injector: what one worker has in
//!   abundance goes to others by and by, record by record, and every record crosses twice.
//! * A clock read per turn to find overruns: two per message hop, when the hop takes less.
//! * A poller thread for I/O and timers: each event would cross a thread before its task runs.

pub mod sim;

mod clock;
#[cfg(test)]
#[cfg(not(loom))]
mod fake;
mod idle;
mod injector;
mod lifo;
#[cfg(test)]
#[cfg(loom)]
mod models;
mod park;
mod pool;
mod preempt;
mod resting;
mod rng;
mod run_queue;
mod shared;
mod staff;
mod stats;
mod survey;
mod sysmon;
mod task;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;
mod timers;
mod worker;

pub use clock::monotonic_ns;
pub use pool::{PoolConfig, STACK_BYTES_MIN, ThreadPool, WORKERS_MAX};
pub use preempt::{Arm, Mode, Preemption};
pub use stats::{PoolStats, WatcherStats, WorkerStats};
pub use survey::Survey;
pub use task::{Context, IoId, Patience, Pool, Readiness, Task, TimerId, Turn};

/// Ends the runtime: `invariant` of this layer does not hold, so nothing that it does can be
/// trusted any more. The target of the record says that nothing follows it.
#[cold]
fn broken(invariant: &str, found: &dyn std::fmt::Display) -> ! {
    tracing::error!(target: "fatal", "broken scheduler invariant {invariant}: {found}");
    std::process::abort()
}
