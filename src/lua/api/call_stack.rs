//! The frames of a traceback as a table: what `errors.call_stack` gives.
//!
//! The text is the source, because it is what crosses between processes with an error. Its lines
//! are those of Lua's own traceback: `<source>:<line>: in <kind> '<name>'`.

use crate::lua::raw::Stack;

/// One line of a traceback.
#[derive(Debug, PartialEq, Eq)]
struct Frame<'a> {
    source: &'a [u8],
    line: Option<i64>,
    name: Option<&'a [u8]>,
    kind: &'a [u8],
}

const HEADER: &[u8] = b"stack traceback:";

/// Pushes `{ thread =, frames = … }`; false (nothing pushed) when `trace` has no traceback.
pub(super) fn push(stack: &Stack, trace: &[u8], thread: &str) -> bool {
    let mut lines = trace.split(|byte| *byte == b'\n').skip_while(|line| *line != HEADER);
    if lines.next().is_none() {
        return false;
    }
    stack.new_table(0, 2);
    stack.push_bytes(thread);
    stack.raw_set_field(-2, "thread");
    stack.new_table(8, 0);
    for (level, frame) in (1..).zip(lines.filter_map(parse)) {
        push_frame(stack, level, &frame);
        stack.raw_set_int(-2, level);
    }
    stack.raw_set_field(-2, "frames");
    true
}

fn push_frame(stack: &Stack, level: i64, frame: &Frame<'_>) {
    stack.new_table(0, 5);
    stack.push_int(level);
    stack.raw_set_field(-2, "level");
    stack.push_bytes(frame.source);
    stack.raw_set_field(-2, "source");
    if let Some(line) = frame.line {
        stack.push_int(line);
        stack.raw_set_field(-2, "line");
    }
    if let Some(name) = frame.name {
        stack.push_bytes(name);
        stack.raw_set_field(-2, "name");
    }
    stack.push_bytes(frame.kind);
    stack.raw_set_field(-2, "type");
}

/// A line of a traceback; `None` for lines that stand for no call (`(...tail calls...)`).
fn parse(line: &[u8]) -> Option<Frame<'_>> {
    let line = line.strip_prefix(b"\t")?;
    let split = line.windows(5).rposition(|part| part == b": in ")?;
    let (place, what) = (&line[..split], &line[split + 5..]);
    let (source, line) = place_parts(place);
    let quotes = (what.iter().position(|byte| *byte == b'\''), what.ends_with(b"'"));
    let (name, kind) = match quotes {
        (Some(open), true) => (Some(&what[open + 1..what.len() - 1]), what[..open].trim_ascii()),
        _ if what.starts_with(b"function <") => (None, &b"function"[..]),
        _ if what == b"main chunk" => (None, &b"main"[..]),
        _ => (None, &b""[..]),
    };
    Some(Frame { source, line, name, kind })
}

/// `<source>:<line>`; C functions have no line.
fn place_parts(place: &[u8]) -> (&[u8], Option<i64>) {
    let colon = place.iter().rposition(|byte| *byte == b':');
    let line = colon.and_then(|at| std::str::from_utf8(&place[at + 1..]).ok()?.parse().ok());
    match (colon, line) {
        (Some(at), Some(line)) => (&place[..at], Some(line)),
        _ => (place, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_traceback_become_frames() {
        let named = |source: &'static [u8], line, name, kind| {
            Some(Frame { source, line, name: Some(name), kind })
        };
        assert_eq!(
            parse(b"\tapp.workers:w:3: in local 'f'"),
            named(b"app.workers:w", Some(3), b"f", b"local")
        );
        assert_eq!(
            parse(b"\t[C]: in function 'error'"),
            named(b"[C]", None, b"error", b"function")
        );
        let main = Frame { source: b"a:b", line: Some(12), name: None, kind: b"main" };
        assert_eq!(parse(b"\ta:b:12: in main chunk"), Some(main));
        let unnamed = Frame { source: b"a:b", line: Some(2), name: None, kind: b"function" };
        assert_eq!(parse(b"\ta:b:2: in function <a:b:1>"), Some(unnamed));
        assert_eq!(parse(b"\t(...tail calls...)"), None);
    }
}
