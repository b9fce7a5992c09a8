#![expect(unsafe_code, reason = "a signal handler, and the call that raises its signal")]
//! The end of a slice: how the watching thread asks the turn that runs on a worker to give way, at
//! no cost for the turns that nobody asks.
//!
//! # Concepts
//! * **Turn number**: counts up when a turn begins and when it ends, so it is odd while one runs.
//! * **Target**: what the running task wants to be armed, an interpreter for instance; published
//!   around every stretch that can be armed.
//! * **Arm function**: makes the target give way soon. It is called by a signal handler on the
//!   worker's own thread, between any two of its instructions.
//!
//! # Protocol
//! ```text
//! watcher                                  worker
//! E1 sees turn n (odd) for too long        V1 publish(target)
//! E2 expired := n                          V2 runs the target
//! E3 pthread_kill(worker, SIGURG)          H1 handler: turn = expired? target there? arm it
//! E4 still turn n after a while: to E3     V3 clear(), before the target dies
//! ```
//!
//! # Invariants
//! * E1: a request names its turn, so it never ends another one, however late it comes.
//! * E2: a signal is sent only to a thread that is inside [`Attached`].
//! * E3: the handler touches one cell of the thread, three atomics and the arm function. All of it
//!   is async-signal-safe, and it changes no `errno`.
//! * E4: a target is published only while it may be armed; `clear` comes before its end.
//!
//! A request that finds no target (V1 is yet to come, or the worker is in host code) is not lost:
//! E4 repeats it, and [`Preemption::is_expired`] stays true until the turn ends.
//!
//! # Ordering
//! Handler and worker are one thread; a compiler fence orders what they do. `turn` and `expired`
//! are compared, and guard no other memory, so they are Relaxed.
//!
//! # Mode
//! ThreadSanitizer holds signals back, and the simulator must not depend on time. There the target
//! counts its instructions instead and asks at each count: [`Mode::Count`].

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, compiler_fence};
use std::sync::{Mutex, MutexGuard, OnceLock};

use super::clock;

/// Makes a target give way soon. Async-signal-safe; called on the thread that runs the target.
pub type Arm = unsafe fn(*mut c_void);

/// How a running target learns that its slice is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A signal interrupts the worker and arms the target. Costs nothing until it happens.
    Signal,
    /// The target counts: after each stretch of this many instructions (not 0) it asks
    /// [`Preemption::count_reached`].
    Count(u32),
}

/// What costs least. ThreadSanitizer keeps signals back for too long, so programs count under it.
impl Default for Mode {
    fn default() -> Self {
        if cfg!(tsan) { Mode::Count(20_000) } else { Mode::Signal }
    }
}

/// The signal that ends slices: ignored by default, so a stray one does no harm.
const SIGNAL: c_int = libc::SIGURG;

/// What `expired` names until the first request.
const NO_TURN: u64 = u64::MAX;

thread_local! {
    /// The preemption of the worker that runs on this thread, for the handler. Null elsewhere.
    static CURRENT: Cell<*const Preemption> = const { Cell::new(ptr::null()) };
}

/// Where the end of the slice of one worker's turn is asked for. See the module.
#[derive(Debug)]
pub struct Preemption {
    /// Written by the worker.
    turn: AtomicU64,
    /// The turn that has to end; written by the watcher.
    expired: AtomicU64,
    /// The last turn that could not be made to end for long; written by the watcher.
    blocked: AtomicU64,
    /// Written by the worker; null when nothing can be armed.
    target: AtomicPtr<c_void>,
    arm: Option<Arm>,
    /// Instructions of [`Mode::Count`], 0 for [`Mode::Signal`]. Written by the worker.
    count: AtomicU32,
    /// Whether reaching the count ends the slice, whatever the time.
    ends_at_count: AtomicBool,
    /// The thread to signal; none before and after the worker's life (E2).
    thread: Mutex<Option<libc::pthread_t>>,
}

impl Preemption {
    /// For a worker that calls `arm` when its slice is over.
    pub(super) fn new(mode: Mode, arm: Option<Arm>) -> Self {
        let count = match mode {
            Mode::Signal => 0,
            Mode::Count(count) => count.max(1),
        };
        Self {
            turn: AtomicU64::new(0),
            expired: AtomicU64::new(NO_TURN),
            blocked: AtomicU64::new(NO_TURN),
            target: AtomicPtr::new(ptr::null_mut()),
            arm,
            count: AtomicU32::new(count),
            ends_at_count: AtomicBool::new(false),
            thread: Mutex::new(None),
        }
    }

    /// Offers `target` to be armed when the slice ends. Must be cleared, or replaced, before it
    /// ends or leaves this thread.
    pub fn publish(&self, target: *mut c_void) {
        compiler_fence(Ordering::SeqCst);
        self.target.store(target, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
    }

    /// Takes the target back (E4).
    pub fn clear(&self) {
        self.publish(ptr::null_mut());
    }

    /// Whether the current turn was asked to end.
    pub fn is_expired(&self) -> bool {
        self.expired.load(Ordering::Relaxed) == self.turn.load(Ordering::Relaxed)
    }

    /// Whether the current turn was asked to end, and has computed for long since then: it is in a
    /// call that cannot be interrupted.
    pub fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed) == self.turn.load(Ordering::Relaxed)
    }

    /// For targets that count, each time that the count of [`Mode::Count`] is reached: whether the
    /// turn has to end now.
    pub fn count_reached(&self) -> bool {
        if self.ends_at_count.load(Ordering::Relaxed) {
            self.expire(self.turn.load(Ordering::Relaxed));
        }
        self.is_expired()
    }

    /// How this worker's targets learn that their slice is over. In the simulator the count
    /// differs from turn to turn.
    pub fn mode(&self) -> Mode {
        match self.count.load(Ordering::Relaxed) {
            0 => Mode::Signal,
            count => Mode::Count(count),
        }
    }

    /// Worker only: a turn begins.
    pub(super) fn begin_turn(&self) {
        self.step_turn();
    }

    /// Worker only: the turn is over.
    pub(super) fn end_turn(&self) {
        self.step_turn();
    }

    fn step_turn(&self) {
        // One writer, so no read-modify-write is needed.
        self.turn.store(self.turn.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Simulator only: the next turn ends after `count` instructions.
    pub(super) fn set_budget(&self, count: u32) {
        self.count.store(count.max(1), Ordering::Relaxed);
        self.ends_at_count.store(true, Ordering::Relaxed);
    }

    /// The number of the turn that runs, if one does.
    pub(super) fn running_turn(&self) -> Option<u64> {
        let turn = self.turn.load(Ordering::Relaxed);
        (turn % 2 == 1).then_some(turn)
    }

    /// Asks `turn` to end; nothing happens if another one runs by now (E1).
    pub(super) fn expire(&self, turn: u64) {
        self.expired.store(turn, Ordering::Relaxed);
    }

    /// Says that `turn` does not answer.
    pub(super) fn block(&self, turn: u64) {
        self.blocked.store(turn, Ordering::Relaxed);
    }

    /// The processor time that the worker's thread has used, in nanoseconds, where that can be
    /// told.
    pub(super) fn thread_cpu_ns(&self) -> Option<u64> {
        // The lock is held over the calls (E2).
        let thread = self.thread();
        (*thread).and_then(clock::thread_cpu_ns)
    }

    /// Worker only: asks the turn that runs here to end, and arms its target at once. A signal that
    /// comes meanwhile arms it in the same way once more.
    #[cold]
    pub(super) fn give_way(&self) {
        self.expire(self.turn.load(Ordering::Relaxed));
        if self.mode() == Mode::Signal {
            self.deliver();
        }
    }

    /// Interrupts the worker, so that it arms its target if its turn was asked to end.
    pub(super) fn signal(&self) {
        if self.mode() != Mode::Signal {
            return;
        }
        // The lock is held over the call, so the thread cannot end before it (E2).
        if let Some(thread) = *self.thread() {
            // SAFETY: E2: `thread` is alive, `Attached` takes it out under this lock before it
            // ends.
            unsafe { libc::pthread_kill(thread, SIGNAL) };
        }
    }

    /// H1. Runs in the signal handler, or on behalf of the worker itself.
    fn deliver(&self) {
        let target = self.target.load(Ordering::Relaxed);
        if let (Some(arm), false, true) = (self.arm, target.is_null(), self.is_expired()) {
            // SAFETY: E4: the target is published by this thread, so it lives and runs here; the
            // pool was told by whoever set `arm` that it is async-signal-safe.
            unsafe { arm(target) };
        }
    }

    fn thread(&self) -> MutexGuard<'_, Option<libc::pthread_t>> {
        self.thread.lock().expect("nothing panics under this lock")
    }
}

/// While it lives, the thread that made it can be signalled for a [`Preemption`].
pub(super) struct Attached<'a> {
    preemption: &'a Preemption,
}

impl<'a> Attached<'a> {
    pub(super) fn new(preemption: &'a Preemption) -> Self {
        CURRENT.set(ptr::from_ref(preemption));
        unblock_signal();
        // SAFETY: the call has no preconditions.
        *preemption.thread() = Some(unsafe { libc::pthread_self() });
        Self { preemption }
    }
}

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        *self.preemption.thread() = None;
        // A signal that is still on its way finds no preemption.
        CURRENT.set(ptr::null());
        compiler_fence(Ordering::SeqCst);
    }
}

/// Sets up the handler, once for the whole OS process.
pub(super) fn install_handler() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| {
        let handler: extern "C" fn(c_int) = on_signal;
        // SAFETY: all zeroes is a valid sigaction: no flags, an empty mask.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as libc::sighandler_t;
        // RESTART: system calls go on after it. ONSTACK: it may run on the alternate stack.
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        // SAFETY: `action` is initialized and its handler is async-signal-safe (E3).
        match unsafe { libc::sigaction(SIGNAL, &raw const action, ptr::null_mut()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL)),
        }
    });
    installed.map_err(io::Error::from_raw_os_error)
}

/// Lets the signal through on this thread, whatever the thread that made it had blocked.
fn unblock_signal() {
    // SAFETY: all zeroes is a valid signal set, and the calls only read and write it. They fail for
    // numbers that are no signals, and this one is.
    unsafe {
        let mut signals: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut signals);
        libc::sigaddset(&raw mut signals, SIGNAL);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const signals, ptr::null_mut());
    }
}

extern "C" fn on_signal(_signal: c_int) {
    let current = CURRENT.get();
    // SAFETY: not null only within `Attached` of this very thread, which borrows the preemption.
    if let Some(preemption) = unsafe { current.as_ref() } {
        preemption.deliver();
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, Preemption};

    #[test]
    fn a_request_ends_only_the_turn_that_it_names() {
        let preemption = Preemption::new(Mode::Count(10), None);
        preemption.begin_turn();
        let first = preemption.running_turn().expect("a turn runs");
        preemption.end_turn();
        assert_eq!(preemption.running_turn(), None);
        preemption.begin_turn();
        preemption.expire(first);
        assert!(!preemption.is_expired());
        preemption.expire(preemption.running_turn().expect("a turn runs"));
        assert!(preemption.is_expired());
    }

    #[test]
    fn a_budget_ends_the_turn_when_its_count_is_reached() {
        let preemption = Preemption::new(Mode::Count(1), None);
        preemption.set_budget(7);
        preemption.begin_turn();
        assert_eq!(preemption.mode(), Mode::Count(7));
        assert!(!preemption.is_expired());
        assert!(preemption.count_reached());
        assert!(preemption.is_expired());
    }
}
