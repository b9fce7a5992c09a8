//! The result of `gsub` while it grows.
//!
//! # Concepts
//! * **Tail**: the bytes that were added in this stretch, in memory that the calls on a thread use
//!   one after the other.
//! * **Block**: where the tail goes between two stretches, a [scratch block](Stack::push_scratch)
//!   in the frame.
//! * **Pieces**: strings in a table in the frame, each of them of some size.
//!
//! # Invariants
//! * **O1** The result so far is the pieces, the block and the tail, in this order.
//! * **O2** Tail and block are never longer than [`PIECE`] and what is added at once, which is
//!   less. What is longer becomes a piece of its own. So nothing large is allocated outside of the
//!   VM.
//! * **O3** A result that could not be held under the memory limit is given up before it is made.

use std::cell::Cell;
use std::ffi::c_int;
use std::mem;

use crate::lua::raw::{LuaType, Raise, Scratch, Stack};
use crate::lua::stdlib::long::join;

/// Slots of the frame. Below are the arguments.
const PIECES: c_int = 4;
const BLOCK: c_int = 5;

/// The tail becomes a piece when it has so many bytes. Tests have all kinds of pieces.
const PIECE: usize = if cfg!(any(test, fuzzing)) { 64 } else { 64 << 10 };
/// So many bytes that are added at once are a piece.
const LONG: usize = PIECE / 4;
/// Bytes of the smallest block; the next ones are larger.
const BLOCK_MIN: usize = if cfg!(any(test, fuzzing)) { 1 } else { 64 };

/// Words of the block that belong to the output. Others follow.
const BLOCK_LEN: usize = 0;
const N_PIECES: usize = 1;
const TOTAL: usize = 2;
/// The first word that is free for the user of an output.
const OTHER: usize = 3;

thread_local! {
    /// The memory of the next tail.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// See the module.
#[derive(Debug)]
pub(super) struct Output<'s> {
    stack: &'s Stack,
    tail: Vec<u8>,
    block_len: usize,
    n_pieces: usize,
    /// Bytes of the result without the tail.
    total: usize,
}

impl<'s> Output<'s> {
    pub(super) fn new(stack: &'s Stack) -> Output<'s> {
        Output { stack, tail: SPARE.take(), block_len: 0, n_pieces: 0, total: 0 }
    }

    /// Takes up what was parked in the frame. Gives the words of the block that are not its own.
    ///
    /// # Panics
    /// When nothing was.
    pub(super) fn load(&mut self) -> &'s [Cell<u64>] {
        let words = self.stack.scratch(BLOCK).expect("something was parked").words;
        let word = |n: usize| words[n].get() as usize;
        self.block_len = word(BLOCK_LEN);
        self.n_pieces = word(N_PIECES);
        self.total = word(TOTAL);
        &words[OTHER..]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0 && self.tail.is_empty()
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// `not enough memory` (O3).
    #[inline]
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), Raise> {
        if bytes.len() >= LONG {
            self.stack.push_bytes(bytes);
            return self.add_piece();
        }
        self.tail.extend_from_slice(bytes);
        if self.tail.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    /// Adds the string at `index`, which is `text`.
    ///
    /// # Errors
    /// As [`Output::add`].
    #[inline]
    pub(super) fn add_value(&mut self, index: c_int, text: &[u8]) -> Result<(), Raise> {
        if text.len() >= LONG {
            // No copy: the piece is the string.
            self.stack.push_value(index);
            return self.add_piece();
        }
        self.add(text)
    }

    /// Brings the output into the frame. Gives the words of the block that are not its own.
    pub(super) fn park(&mut self) -> Result<&'s [Cell<u64>], Raise> {
        let stack = self.stack;
        let mut block = match stack.scratch(BLOCK) {
            Some(block) => block,
            None => self.new_block((2 * self.tail.len()).clamp(BLOCK_MIN, PIECE)),
        };
        if self.tail.len() > block.bytes.len() - self.block_len {
            let larger = (2 * block.bytes.len()).clamp(BLOCK_MIN, PIECE);
            self.flush()?;
            block = self.new_block(larger);
        }
        self.move_tail(&block);
        block.words[BLOCK_LEN].set(self.block_len as u64);
        block.words[N_PIECES].set(self.n_pieces as u64);
        block.words[TOTAL].set(self.total as u64);
        Ok(&block.words[OTHER..])
    }

    /// Moves the tail to the block, which has room for it.
    fn move_tail(&mut self, block: &Scratch<'s>) {
        let free = &block.bytes[self.block_len..];
        free.iter().zip(&self.tail).for_each(|(cell, byte)| cell.set(*byte));
        self.block_len += self.tail.len();
        self.total += self.tail.len();
        self.tail.clear();
    }

    /// Replaces the block by an empty one.
    fn new_block(&self, n_bytes: usize) -> Scratch<'s> {
        self.stack.push_scratch(n_bytes);
        self.stack.replace(BLOCK);
        self.stack.scratch(BLOCK).expect("it was put there")
    }

    /// Makes pieces of what is in the block and of the tail.
    fn flush(&mut self) -> Result<(), Raise> {
        if self.block_len > 0 {
            self.stack.push_scratch_bytes(BLOCK, self.block_len);
            self.total -= self.block_len;
            self.block_len = 0;
            self.keep_piece()?;
        }
        if self.tail.is_empty() {
            return Ok(());
        }
        self.stack.push_bytes(&self.tail);
        self.tail.clear();
        self.keep_piece()
    }

    /// Adds the string on top, and pops it.
    fn add_piece(&mut self) -> Result<(), Raise> {
        let piece = self.stack.top();
        self.flush()?;
        self.stack.push_value(piece);
        self.keep_piece()?;
        self.stack.set_top(piece - 1);
        Ok(())
    }

    /// Makes the string on top the next piece, when nothing comes before it any more.
    fn keep_piece(&mut self) -> Result<(), Raise> {
        let stack = self.stack;
        let len = stack.bytes(-1).map_or(0, <[u8]>::len);
        self.total = self.total.saturating_add(len);
        if self.total > stack.universe().memory_limit() {
            return Err(Raise::out_of_memory());
        }
        if stack.kind(PIECES) != LuaType::Table {
            stack.new_table(4, 0);
            stack.replace(PIECES);
        }
        self.n_pieces += 1;
        stack.raw_set_int(PIECES, self.n_pieces as i64);
        Ok(())
    }

    /// Pushes the whole.
    ///
    /// # Errors
    /// As [`Output::add`].
    pub(super) fn finish(&mut self) -> Result<(), Raise> {
        let stack = self.stack;
        if self.n_pieces == 0 {
            if self.block_len == 0 {
                stack.push_bytes(&self.tail);
                return Ok(());
            }
            if let Some(block) = stack.scratch(BLOCK)
                && self.tail.len() <= block.bytes.len() - self.block_len
            {
                self.move_tail(&block);
                stack.push_scratch_bytes(BLOCK, self.block_len);
                return Ok(());
            }
        }
        self.flush()?;
        join(stack, PIECES, self.n_pieces)
    }
}

impl Drop for Output<'_> {
    fn drop(&mut self) {
        self.tail.clear();
        SPARE.set(mem::take(&mut self.tail));
    }
}
