//! The signals that end a run: SIGINT, SIGTERM, and SIGHUP when the terminal goes away.
//!
//! The first one begins the shutdown and decides the exit code. Another SIGINT or SIGTERM ends it
//! at once. Another SIGHUP does not: a terminal that goes away sends it through the system and
//! through the shell, and nobody is in a hurry then. Where it is ignored from the start, as under
//! `nohup`, it stays so.

#![expect(unsafe_code, reason = "a system call on a plain struct of our own")]

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::exit::Exit;
use crate::Stopper;

/// The thread that watches for signals.
#[derive(Debug)]
pub(super) struct Watch {
    /// 0 for none.
    first: Arc<AtomicI32>,
    signals: Handle,
}

impl Watch {
    /// Starts it; what it is told goes to `stopper`.
    pub(super) fn start(stopper: Stopper) -> io::Result<Self> {
        let hang_up = (!is_ignored(SIGHUP)).then_some(SIGHUP);
        let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(hang_up))?;
        let handle = signals.handle();
        let first = Arc::new(AtomicI32::new(0));
        let seen = Arc::clone(&first);
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                let is_first =
                    seen.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed).is_ok();
                if is_first {
                    stopper.shut_down();
                } else if signal != SIGHUP {
                    stopper.kill_all();
                }
            }
        })?;
        Ok(Self { first, signals: handle })
    }

    /// What the first signal makes of the exit code.
    pub(super) fn first(&self) -> Option<Exit> {
        match self.first.load(Ordering::Relaxed) {
            SIGHUP => Some(Exit::HungUp),
            SIGINT => Some(Exit::Interrupted),
            SIGTERM => Some(Exit::Terminated),
            _ => None,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.signals.close();
    }
}

/// Whether whoever started this OS process had it ignore `signal`.
fn is_ignored(signal: c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call only fills `action`, and all zeros are a valid one.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}
