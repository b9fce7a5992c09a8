//! Runs `moonlet` on small applications and watches what it writes while it runs.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Condvar, Mutex, Once};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Whatever a test waits for comes long before this, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// An application of files: paths and contents.
pub(crate) fn app(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (path, contents) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a path below the root")).expect("a folder");
        fs::write(path, contents).expect("a file");
    }
    dir
}

/// Starts `moonlet` in the folder of an application.
pub(crate) fn start(dir: &TempDir, args: &[&str]) -> Running {
    catch_hang_ups();
    let mut child = Command::new(snapbox::cmd::cargo_bin!("moonlet"))
        .args(args)
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let stdout = Lines::collect(child.stdout.take().expect("it is a pipe"));
    let stderr = Lines::collect(child.stderr.take().expect("it is a pipe"));
    Running { child, stdout, stderr, began: Instant::now() }
}

/// A SIGHUP that is ignored here, as under `nohup`, would be ignored by the command as well; one
/// that is caught here is not.
fn catch_hang_ups() {
    static CAUGHT: Once = Once::new();
    CAUGHT.call_once(|| {
        let hang_ups = Arc::new(AtomicUsize::new(0));
        signal_hook::flag::register_usize(signal_hook::consts::SIGHUP, hang_ups, 1)
            .expect("SIGHUP can be caught");
    });
}

/// Runs `moonlet` to its end.
pub(crate) fn run(dir: &TempDir, args: &[&str]) -> Finished {
    start(dir, args).finish()
}

/// Sends a signal to an OS process: `INT`, `TERM`.
pub(crate) fn signal(id: u32, name: &str) {
    let kill = format!("kill -{name} {id}");
    let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
    assert!(status.success(), "{kill}");
}

/// A running command; killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    began: Instant,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Running {
    /// Waits until a line of stdout starts with `text`; gives the line.
    #[track_caller]
    pub(crate) fn wait_stdout(&self, text: &str) -> String {
        self.stdout.wait_for(text)
    }

    /// As [`Running::wait_stdout`] for stderr.
    #[track_caller]
    pub(crate) fn wait_stderr(&self, text: &str) -> String {
        self.stderr.wait_for(text)
    }

    /// Sends a signal: `INT`, `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Finished {
        // Both pipes end with the command.
        let (stdout, stderr) = (self.stdout.rest(), self.stderr.rest());
        let code = self.child.wait().expect("it is a child").code();
        Finished { code, stdout, stderr, took: self.began.elapsed() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, most often.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Checks the whole of stdout.
    #[track_caller]
    pub(crate) fn stdout(self, text: &str) -> Self {
        assert_eq!(self.stdout, text, "{self:#?}");
        self
    }

    /// Checks for a part of stderr.
    #[track_caller]
    pub(crate) fn stderr_has(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in {self:#?}");
        self
    }
}

/// The lines of a pipe, as they come.
struct Lines {
    shared: Arc<(Mutex<Seen>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    fn collect(pipe: impl Read + Send + 'static) -> Self {
        let shared: Arc<(Mutex<Seen>, Condvar)> = Arc::default();
        let (mut pipe, seen) = (BufReader::new(pipe), Arc::clone(&shared));
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            while pipe.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
                let line = String::from_utf8_lossy(&bytes).into_owned();
                seen.0.lock().expect("no panic under it").lines.push(line);
                seen.1.notify_all();
                bytes.clear();
            }
            seen.0.lock().expect("no panic under it").ended = true;
            seen.1.notify_all();
        });
        Self { shared, reader: Some(reader) }
    }

    #[track_caller]
    fn wait_for(&self, text: &str) -> String {
        let (seen, changed) = &*self.shared;
        let find = |seen: &Seen| seen.lines.iter().find(|line| line.starts_with(text)).cloned();
        let seen = seen.lock().expect("no panic under it");
        let waits = |seen: &mut Seen| !seen.ended && find(seen).is_none();
        let (seen, _) = changed.wait_timeout_while(seen, PATIENCE, waits).expect("as above");
        let found = find(&seen).map(|line| line.trim_end().to_owned());
        let lines = seen.lines.concat();
        drop(seen);
        found.unwrap_or_else(|| panic!("no line starts with {text:?} in\n{lines}"))
    }

    #[track_caller]
    fn rest(&mut self) -> String {
        let (seen, changed) = &*self.shared;
        let seen = seen.lock().expect("no panic under it");
        let (seen, _) = changed
            .wait_timeout_while(seen, PATIENCE, |seen| !seen.ended)
            .expect("no panic under it");
        let (lines, ended) = (seen.lines.concat(), seen.ended);
        drop(seen);
        assert!(ended, "the command does not end; so far:\n{lines}");
        if let Some(reader) = self.reader.take() {
            reader.join().expect("it ended");
        }
        lines
    }
}
