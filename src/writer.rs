//! Text for a stream that may block: queued as whole lines, in order, and written by one thread, so
//! that a slow reader never stops who writes.
//!
//! # Concepts
//! * **Room**: how many bytes may wait for the thread. Beyond it a line is told to wait for room
//!   (`is_full`), or is dropped (`offer`), or neither, if its like are few.
//!
//! # Invariants
//! * **O1** A line is appended under the lock as a whole, so lines are never mixed.
//! * **O2** Who found no room is told as soon as there is room again, in the order of asking.
//! * **O3** `flush` returns when everything that was appended before it is with the system, or the
//!   reader is gone, or its patience is over.
//! * **O4** Where lines were dropped, one line in their place says how many.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Told when there is room again.
pub(crate) type Ready = Box<dyn FnOnce() + Send>;

/// The line that stands for so many dropped ones.
pub(crate) type Told = fn(usize) -> String;

/// The end that text is given to.
pub struct Writer {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

struct Shared {
    /// Bytes that may wait for the thread.
    room: usize,
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
    /// How many lines were dropped behind `pending`, and who tells it.
    dropped: Option<(usize, Told)>,
    /// Bytes are taken out, but not with the system yet.
    writing: bool,
    /// The reader is gone: what is printed goes nowhere.
    broken: bool,
    closed: bool,
}

impl Writer {
    /// Starts the thread of that name that writes to `sink`, with room for so many bytes.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn new(
        name: &str,
        room: usize,
        sink: impl Write + Send + 'static,
    ) -> std::io::Result<Arc<Writer>> {
        let shared = Arc::new(Shared {
            room,
            state: Mutex::default(),
            work: Condvar::new(),
            idle: Condvar::new(),
        });
        let writer = shared.clone();
        thread::Builder::new().name(name.into()).spawn(move || writer.run(sink))?;
        Ok(Arc::new(Writer { shared }))
    }

    /// Appends a line, which ends in a newline, whether there is room or not.
    pub fn print(&self, line: &[u8]) {
        self.append(self.shared.lock(), line);
    }

    /// Appends a line if there is room, else drops it; `told` then says how many were dropped.
    pub(crate) fn offer(&self, line: &[u8], told: Told) {
        let mut state = self.shared.lock();
        if state.pending.len() > self.shared.room {
            let (n, _) = state.dropped.unwrap_or((0, told));
            state.dropped = Some((n + 1, told));
        } else {
            self.append(state, line);
        }
    }

    fn append(&self, mut state: MutexGuard<'_, State>, line: &[u8]) {
        if state.broken {
            return;
        }
        let was_empty = state.pending.is_empty();
        state.tell_dropped();
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
        let full = !state.broken && state.pending.len() > self.shared.room;
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

    /// Waits until everything appended so far is written; tells whether it is, or never will be.
    pub fn flush(&self, patience: Duration) -> bool {
        let is_busy = |state: &mut State| !state.is_idle();
        let state = self.shared.lock();
        let waited = self.shared.idle.wait_timeout_while(state, patience, is_busy);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_idle()
    }
}

/// Does not wait: the thread still writes what was printed, as long as the program runs.
impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_one();
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.broken || !self.writing && self.pending.is_empty()
    }

    /// O4.
    fn tell_dropped(&mut self) {
        if let Some((n, told)) = self.dropped.take() {
            self.pending.extend_from_slice(told(n).as_bytes());
        }
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
        state.tell_dropped();
        Some((std::mem::take(&mut state.pending), std::mem::take(&mut state.waiting)))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const ROOM: usize = 1024;

    /// Longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(60);

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
        let writer = Writer::new("test", ROOM, Slow(gate, written.clone())).unwrap();
        let line = vec![b'x'; ROOM + 1];
        writer.print(&line);
        let (tell, told) = mpsc::channel();
        // The first line may be taken out at once; with the writer stuck, the second one stays.
        writer.print(&line);
        while !writer.is_full(|| {
            let tell = tell.clone();
            Box::new(move || tell.send(()).unwrap())
        }) {
            writer.print(&line);
        }
        for _ in 0..10 {
            let _ = permit.send(());
        }
        told.recv().unwrap();
        assert!(writer.flush(PATIENCE));
        assert_eq!(written.lock().unwrap().len() % line.len(), 0);
    }

    #[test]
    fn lines_that_find_no_room_are_dropped_and_counted_in_their_place() {
        let (permit, gate) = mpsc::channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let writer = Writer::new("test", ROOM, Slow(gate, written.clone())).unwrap();
        let line = [vec![b'x'; ROOM], vec![b'\n']].concat();
        let told = |n| format!("dropped {n}\n");
        writer.print(&line);
        while writer.shared.lock().pending.len() == line.len() {
            thread::yield_now();
        }
        // The thread has the first line and is stuck with it.
        writer.offer(&line, told);
        for _ in 0..3 {
            writer.offer(b"dropped\n", told);
        }
        assert!(!writer.flush(Duration::ZERO));
        writer.print(b"few\n");
        writer.offer(b"dropped\n", told);
        drop((0..2).map(|_| permit.send(()).unwrap()).collect::<Vec<_>>());
        assert!(writer.flush(PATIENCE));
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text.replace(str::from_utf8(&line).unwrap(), "line\n"),
            "line\nline\ndropped 3\nfew\ndropped 1\n"
        );
    }

    #[test]
    fn a_closed_reader_swallows_what_is_printed() {
        let (permit, gate) = mpsc::channel::<()>();
        drop(permit);
        let writer = Writer::new("test", ROOM, Slow(gate, Arc::default())).unwrap();
        writer.print(b"lost\n");
        assert!(writer.flush(PATIENCE));
        writer.print(b"lost\n");
        assert!(writer.flush(PATIENCE));
        assert!(!writer.is_full(|| unreachable!()));
    }
}
