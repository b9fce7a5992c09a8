//! Kills, put to the test: programs that do all they can to live on, made of random pieces.
//!
//! # Law
//! Wherever a program is when its deadline passes, it ends within a few turns.

use super::program;
use super::sim::{Simulated, body};
use crate::process::Limits;

/// What a byte counts, in virtual time: the last program is killed after 2.5 ms, some thousand
/// turns.
const KILL_UNIT_NS: u64 = 10_000;

/// Little, since a program at its limit collects its garbage all the time, and virtual time does
/// not count that.
const MEMORY_BYTES: u64 = 256 << 10;

/// Turns that a killed program may still take: one to notice, and what it is woken for.
const TURNS_AFTER_KILL: usize = 50;

/// Pieces within each other.
const DEPTH_MAX: usize = 6;

/// Pieces of a program; `S` stands for further pieces, `N` for a number.
const PIECES: [&str; 30] = [
    "while true do S end",
    "for _ = 1, N do S end",
    "repeat S until false",
    "(function() ::again:: S goto again end)()",
    "pcall(function() S end)",
    "pcall(error) S",
    "xpcall(function() S error('x') end, function(e) S return e end)",
    "xpcall(function() S error('x') end, function(e) xpcall(error, function() S end) S end)",
    "coroutine.wrap(function() S end)()",
    "coroutine.wrap(function() S coroutine.yield() S end)()",
    "do local co = coroutine.create(function() S coroutine.yield() S end) coroutine.resume(co) coroutine.resume(co) end",
    "do local co = coroutine.create(function() local c <close> = setmetatable({}, { __close = function() S end }) coroutine.yield() end) coroutine.resume(co) coroutine.close(co) end",
    "do local c <close> = setmetatable({}, { __close = function() S end }) S end",
    "do local c <close> = setmetatable({}, { __close = function() S error('y') end }) error('x') end",
    "('abc'):gsub('.', function() S end)",
    "('abc'):gsub('.', setmetatable({}, { __index = function() S end }))",
    "for _ in ('abc'):gmatch('.') do S end",
    "table.sort({ 3, 1, 2, 5 }, function(a, b) S return a < b end)",
    "do local t = setmetatable({}, { __index = function() S end }) local _ = t.x end",
    "do local t = setmetatable({}, { __lt = function() S end, __concat = function() S end }) local _ = t < t, t .. t end",
    "setmetatable({}, { __gc = function() while true do end end }) collectgarbage()",
    "load('local f = ... f()')(function() S end)",
    "coroutine.spawn(function() S end)",
    "time.sleep('1ms') S",
    "do local t = setmetatable({}, { __len = function() S return 3 end, __index = function() S end }) local _ = #t, table.concat(t) end",
    "error(setmetatable({}, { __tostring = function() S return 'e' end }))",
    "tostring(setmetatable({}, { __tostring = function() S return 'e' end }))",
    "process.send(process.pid(), 'm', N) S",
    "do local t = {} for n = 1, 1e5 do t[n] = {} end S end",
    "local s = 'x' for _ = 1, 40 do s = s .. s end S",
];

/// A program from bytes: how it is made, and when it is killed.
struct Maker<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl Maker<'_> {
    fn next(&mut self) -> usize {
        self.bytes.next().copied().unwrap_or_default().into()
    }

    /// Some pieces, one behind the other.
    fn pieces(&mut self, depth: usize) -> String {
        if depth == DEPTH_MAX {
            return String::new();
        }
        (0..self.next() % 3).map(|_| self.piece(depth)).collect()
    }

    fn piece(&mut self, depth: usize) -> String {
        let piece = PIECES[self.next() % PIECES.len()];
        let mut made = "do ".to_owned();
        for part in piece.split_inclusive(['S', 'N']) {
            match part.strip_suffix('S') {
                Some(before) => made += &(before.to_owned() + &self.pieces(depth + 1)),
                None => made += &part.replace('N', &self.next().to_string()),
            }
        }
        made + " end "
    }
}

/// Makes a program of `data`, kills it, and sees it end.
///
/// # Panics
/// When the law is broken; the text has the program.
pub fn check_kill(data: &[u8]) {
    let mut maker = Maker { bytes: data.iter() };
    let seed = maker.next() as u64;
    let after_ns = (1 + maker.next() as u64) * KILL_UNIT_NS;
    let source = format!("return {{ main = function() {}end }}", maker.pieces(0));
    let limits = Limits { memory_bytes: Some(MEMORY_BYTES), ..Limits::default() };
    let process = Simulated::new(seed, body(program(&source), limits), limits);
    process.run_to_kill(after_ns);
    assert!(process.run(TURNS_AFTER_KILL).is_some(), "lives on after a kill:\n{source}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_piece_is_a_program() {
        for n in 0..PIECES.len() as u8 {
            let bytes = [n, 0, 0, 0, 0, 0, 0];
            let mut maker = Maker { bytes: bytes.iter() };
            let source = maker.piece(0);
            super::super::program(&format!("return {{ main = function() {source}end }}"));
        }
    }

    proptest! {
        #[test]
        fn a_kill_ends_every_program(data in prop::collection::vec(any::<u8>(), 0..60)) {
            check_kill(&data);
        }
    }
}
