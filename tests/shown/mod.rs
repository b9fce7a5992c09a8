//! What documents show: their fenced blocks, and the commands in them, run for real.
//!
//! # Concepts
//! * **Block**: the lines between two fences, with the words behind the opening fence.
//! * **Shown output**: the block right behind that of a command. Marked `any order`, its lines are
//!   compared as a set.

use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Whatever a document shows ends long before this, unless it never does.
const PATIENCE: Duration = Duration::from_secs(60);

/// A fenced block of a document.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// The words behind the opening fence: `lua,fragment`.
    pub(crate) info: String,
    pub(crate) text: String,
    /// Where the text begins, from 1.
    pub(crate) line: usize,
}

/// The fenced blocks of a Markdown text.
pub(crate) fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (idx, line) in markdown.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                let info = info.trim().to_owned();
                open = Some(Block { info, text: String::new(), line: idx + 2 });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed: {open:?}");
    blocks
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a shell command in a folder. It finds `moonlet` where this build has put it.
#[track_caller]
pub(crate) fn sh(command: &str, dir: &Path) -> Output {
    let moonlet = snapbox::cmd::cargo_bin!("moonlet");
    let bin_dir = moonlet.parent().expect("it is in a folder").display().to_string();
    let path = std::env::var("PATH").map_or(bin_dir.clone(), |path| format!("{bin_dir}:{path}"));
    let child = Command::new("sh")
        .args(["-c", command])
        .current_dir(dir)
        .env("PATH", path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    finish(child).unwrap_or_else(|| panic!("`{command}` does not end"))
}

/// Waits for the end of a command; kills one that does not come to it, and gives none.
fn finish(mut child: Child) -> Option<Output> {
    let stdout = collect(child.stdout.take().expect("it is a pipe"));
    let stderr = collect(child.stderr.take().expect("it is a pipe"));
    let texts =
        stdout.recv_timeout(PATIENCE).and_then(|out| Ok((out, stderr.recv_timeout(PATIENCE)?)));
    if texts.is_err() {
        // It may have ended by itself meanwhile.
        let _ = child.kill();
    }
    let code = child.wait().expect("it is a child").code();
    texts.ok().map(|(stdout, stderr)| Output { code, stdout, stderr })
}

/// All that comes out of a pipe, when it is closed.
fn collect(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = send.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receive
}

/// Compares what a command printed with the block that shows it; gives what is wrong.
pub(crate) fn difference(shown: &Block, printed: &str) -> Option<String> {
    let in_order = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if shown.info.contains("any order") {
            lines.sort();
        }
        lines
    };
    let (expected, found) = (in_order(&shown.text), in_order(printed));
    (expected != found).then(|| {
        let mut text = String::from("it shows\n");
        expected.iter().for_each(|line| writeln!(text, "  {line}").expect("memory"));
        text.push_str("and prints\n");
        found.iter().for_each(|line| writeln!(text, "  {line}").expect("memory"));
        text
    })
}

/// Runs `check` on each item, several at a time, and fails with all that they complain of.
#[track_caller]
pub(crate) fn check_all<T: Sync>(items: &[T], check: impl Fn(&T) -> Vec<String> + Sync) {
    const THREADS: usize = 4;
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let mut faults = Vec::new();
        while let Some(item) = items.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            faults.extend(check(item));
        }
        faults
    };
    let faults: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
