//! Standard output of all processes: whole lines, in order, written by one thread, so that a slow
//! reader makes the printing process wait and never its worker.
//!
//! # Invariants
//! * **O1** A line is appended under the lock as a whole, so lines are never mixed.
//! * **O2** Who found no room is told as soon as there is room again, in the order of asking.
//! * **O3** `flush` returns when everything that was appended before it is with the system, or the
//!   reader is gone.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Bytes that may wait for the writing thread before printing processes wait.
const ROOM: usize = 256 * 1024;

/// Told when there is room again.
pub(crate) type Ready = Box<dyn FnOnce() + Send>;

/// The end that processes print to.
pub struct Output {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

struct Shared {
    state: Mutex<State>,
    /// Signalled when there is something to write, or the end.
    work: Condvar,
    /// Signalled when everything is written.
    idle: Condvar,
}

#[derive(Default)]
struct State {
    pending: Vec<u8>,
    waiting: VecDeque<Ready>,
    /// Bytes are taken out, but not with the system yet.
    writing: bool,
    /// The reader is gone: what is printed goes nowhere.
    broken: bool,
    closed: bool,
}

impl Output {
    /// Starts the thread that writes to `sink`.
    pub fn new(sink: impl Write + Send + 'static) -> std::io::Result<Arc<Output>> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            idle: Condvar::new(),
        });
        let writer = shared.clone();
        thread::Builder::new().name("stdout".into()).spawn(move || writer.run(sink))?;
        Ok(Arc::new(Output { shared }))
    }

    /// Appends a line, which ends in a newline.
    pub fn print(&self, line: &[u8]) {
        let mut state = self.shared.lock();
        if state.broken {
            return;
        }
        let was_empty = state.pending.is_empty();
        state.pending.extend_from_slice(line);
        drop(state);
        if was_empty {
            self.shared.work.notify_one();
        }
    }

    /// Whether a process that printed has to wait before it goes on; if so, `ready` is called when
    /// there is room again.
    pub(crate) fn is_full(&self, ready: impl FnOnce() -> Ready) -> bool {
        let mut state = self.shared.lock();
        let full = !state.broken && state.pending.len() > ROOM;
        if full {
            let ready = ready();
            state.waiting.push_back(ready);
        }
        full
    }

    /// Whether everything printed so far is written, or nobody reads any more. Nobody waits for
    /// room then.
    pub fn is_idle(&self) -> bool {
        self.shared.lock().is_idle()
    }

    /// Waits until everything printed so far is written.
    pub fn flush(&self) {
        let mut state = self.shared.lock();
        while !state.is_idle() {
            state = self.shared.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Does not wait: the thread still writes what was printed, as long as the program runs.
impl Drop for Output {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_one();
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.broken || !self.writing && self.pending.is_empty()
    }
}

impl Shared {
    /// The state is valid between any two statements, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut sink: impl Write) {
        while let Some((bytes, ready)) = self.next() {
            // O2: there is room as soon as the bytes are taken out.
            ready.into_iter().for_each(|ready| ready());
            let result = sink.write_all(&bytes).and_then(|()| sink.flush());
            let mut state = self.lock();
            state.writing = false;
            state.broken |= result.is_err();
            if state.broken {
                state.pending.clear();
                let waiting = std::mem::take(&mut state.waiting);
                drop(state);
                waiting.into_iter().for_each(|ready| ready());
            }
            self.idle.notify_all();
        }
    }

    /// What is to be written next; `None` at the end.
    fn next(&self) -> Option<(Vec<u8>, VecDeque<Ready>)> {
        let mut state = self.lock();
        while state.pending.is_empty() {
            if state.closed {
                return None;
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.writing = true;
        Some((std::mem::take(&mut state.pending), std::mem::take(&mut state.waiting)))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    struct Slow(mpsc::Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.recv().map_err(std::io::Error::other)?;
            self.1.lock().expect("nothing panics under it").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_slow_reader_makes_printers_wait_until_there_is_room() {
        let (permit, gate) = mpsc::channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let output = Output::new(Slow(gate, written.clone())).unwrap();
        let line = vec![b'x'; ROOM + 1];
        output.print(&line);
        let (tell, told) = mpsc::channel();
        // The first line may be taken out at once; with the writer stuck, the second one stays.
        output.print(&line);
        while !output.is_full(|| {
            let tell = tell.clone();
            Box::new(move || tell.send(()).unwrap())
        }) {
            output.print(&line);
        }
        for _ in 0..10 {
            let _ = permit.send(());
        }
        told.recv().unwrap();
        output.flush();
        assert_eq!(written.lock().unwrap().len() % line.len(), 0);
    }

    #[test]
    fn a_closed_reader_swallows_what_is_printed() {
        let (permit, gate) = mpsc::channel::<()>();
        drop(permit);
        let output = Output::new(Slow(gate, Arc::default())).unwrap();
        output.print(b"lost\n");
        output.flush();
        output.print(b"lost\n");
        output.flush();
        assert!(!output.is_full(|| unreachable!()));
    }
}
