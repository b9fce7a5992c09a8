//! The coroutines that a process runs side by side, and the order in which they run.
//!
//! # Concepts
//! * **Fiber**: the main program or a coroutine of `coroutine.spawn`, together with the coroutines
//!   that it resumed: a stack of `lua_State`s, of which the top one runs. A wait stops the whole
//!   fiber.
//! * **Resumption**: what the top coroutine gets when the fiber goes on.
//!
//! # Invariants
//! * **F1** At most one fiber runs; a runnable one is in the queue exactly once; one that waits is
//!   named by exactly one of: a channel wait, a timer, an operation, a socket.
//! * **F2** Every coroutine in a fiber's stack above its base carries the tag `Active`, and no
//!   other does.

use slab::Slab;
use smallvec::{SmallVec, smallvec};

use super::cx::Cx;
use super::raw::ffi::lua_State;
use super::raw::{Raise, Stack};
use super::value::Value;
use crate::channel::{Completion, FiberId, Fifo};

/// How the coroutine above was entered, so that its end or yield can be handed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// The fiber's own coroutine.
    Base,
    /// By `coroutine.resume`: gets `true, values` or `false, error`.
    Resume,
    /// By a function of `coroutine.wrap`: gets the values, errors are raised.
    Wrap,
}

/// Pushes results; gives how many.
pub(crate) type Push = dyn FnOnce(&Stack, &mut Cx) -> Result<i32, Raise> + Send;

/// What a suspended coroutine gets when it goes on.
pub(crate) enum Resumption {
    /// Starts, or goes on where a hook interrupted it: its stack is not touched.
    Continue {
        /// Arguments that are on its stack already.
        n_args: i32,
    },
    /// The result of a channel operation.
    Channel(Completion<Value>),
    /// Results that are pushed by a function; an error is raised in the coroutine.
    Push(Box<Push>),
}

impl std::fmt::Debug for Resumption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Resumption::Continue { n_args } => write!(f, "Continue({n_args})"),
            Resumption::Channel(completion) => write!(f, "Channel({completion:?})"),
            Resumption::Push(_) => f.write_str("Push"),
        }
    }
}

/// A fiber.
#[derive(Debug)]
pub(crate) struct Fiber {
    /// Coroutines from the base to the one that runs.
    pub(crate) stack: SmallVec<[(*mut lua_State, Entered); 1]>,
    pub(crate) resumption: Option<Resumption>,
    /// The call that it waits in, else what it does, for reports.
    pub(crate) waits_in: &'static str,
}

impl Fiber {
    pub(crate) fn top(&self) -> *mut lua_State {
        self.stack.last().expect("a fiber has its base").0
    }
}

/// All fibers of a process. Number 0 is the main program.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Fibers {
    running: Option<FiberId>,
    runnable: Fifo<FiberId>,
    /// The main program, in place: most processes have no other fiber.
    main: Option<Fiber>,
    /// Number `n` is at `n - 1`.
    spawned: Slab<Fiber>,
}

impl Fibers {
    /// A new fiber whose function and arguments are on the stack of `base`. It is not queued yet.
    /// The first one is the main program.
    pub(crate) fn add(&mut self, base: *mut lua_State, n_args: i32) -> FiberId {
        let fiber = Fiber {
            stack: smallvec![(base, Entered::Base)],
            resumption: Some(Resumption::Continue { n_args }),
            waits_in: "start",
        };
        if self.main.is_none() {
            self.main = Some(fiber);
            return FiberId(0);
        }
        let index = self.spawned.insert(fiber) + 1;
        FiberId(u32::try_from(index).expect("fibers are limited by memory, far below 2^32"))
    }

    fn find(&mut self, id: FiberId) -> Option<&mut Fiber> {
        match id.0 {
            0 => self.main.as_mut(),
            n => self.spawned.get_mut(n as usize - 1),
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: FiberId) -> &mut Fiber {
        self.find(id).expect("F1: a fiber lives while it runs or waits")
    }

    /// A spawned fiber has ended.
    pub(crate) fn remove(&mut self, id: FiberId) {
        self.spawned.remove(id.0 as usize - 1);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.main.is_some()) + self.spawned.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Fiber> {
        self.main.iter().chain(self.spawned.iter().map(|(_, fiber)| fiber))
    }

    /// The fiber that runs.
    pub(crate) fn running(&self) -> FiberId {
        self.running.expect("F1: host functions run in a fiber")
    }

    pub(crate) fn set_running(&mut self, id: Option<FiberId>) {
        self.running = id;
    }

    /// Queues a fiber behind all others.
    pub(crate) fn queue(&mut self, id: FiberId) {
        self.runnable.push(id);
    }

    /// Queues a fiber before all others.
    pub(crate) fn queue_first(&mut self, id: FiberId) {
        self.runnable.push_front(id);
    }

    /// Makes a waiting fiber runnable. One that has ended meanwhile is left alone.
    pub(crate) fn wake(&mut self, id: FiberId, resumption: Resumption) {
        let Some(fiber) = self.find(id) else { return };
        debug_assert!(fiber.resumption.is_none(), "F1: a waiting fiber has no resumption");
        fiber.resumption = Some(resumption);
        self.queue(id);
    }

    pub(crate) fn next(&mut self) -> Option<FiberId> {
        self.runnable.pop()
    }
}
