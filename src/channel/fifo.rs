//! A FIFO queue whose first value lives in place: a queue that never holds more than one value, as
//! that of a timer, never allocates.
//!
//! # Invariants
//! * **F1** `rest` is empty while `first` is `None`.

use std::collections::VecDeque;

use super::reduced_capacity;

/// See the module. Its memory shrinks as it drains.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Fifo<T> {
    first: Option<T>,
    rest: VecDeque<T>,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Fifo<T> {
    pub(crate) const fn new() -> Self {
        Self { first: None, rest: VecDeque::new() }
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// All values, the newest first.
    pub(crate) fn newest_first(&mut self) -> impl Iterator<Item = &mut T> {
        self.rest.iter_mut().rev().chain(&mut self.first)
    }

    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        if self.first.is_none() {
            self.first = Some(value);
        } else {
            self.rest.push_back(value);
        }
    }

    #[inline]
    pub(crate) fn push_front(&mut self, value: T) {
        if let Some(first) = self.first.replace(value) {
            self.rest.push_front(first);
        }
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        let popped = self.first.take()?;
        if let Some(next) = self.rest.pop_front() {
            self.first = Some(next);
            if let Some(capacity) = reduced_capacity(self.rest.len(), self.rest.capacity()) {
                self.rest.shrink_to(capacity);
            }
        }
        Some(popped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_leave_in_the_order_in_which_they_came() {
        let mut fifo = Fifo::new();
        for value in 0..5 {
            fifo.push(value);
        }
        assert_eq!(fifo.pop(), Some(0));
        fifo.push(5);
        fifo.push_front(6);
        assert_eq!(fifo.len(), 6);
        assert!(fifo.newest_first().map(|value| *value).eq([5, 4, 3, 2, 1, 6]));
        let rest: Vec<i32> = std::iter::from_fn(|| fifo.pop()).collect();
        assert_eq!(rest, [6, 1, 2, 3, 4, 5]);
        assert!(fifo.is_empty());
        fifo.push_front(7);
        assert_eq!(fifo.pop(), Some(7));
    }

    #[test]
    fn a_single_value_needs_no_allocation() {
        let mut fifo = Fifo::new();
        for value in 0..3 {
            fifo.push(value);
            assert_eq!(fifo.pop(), Some(value));
        }
        assert_eq!(fifo.rest.capacity(), 0);
    }

    #[test]
    fn memory_is_given_back_as_the_queue_drains() {
        let mut fifo: Fifo<u64> = Fifo::new();
        let many = if cfg!(miri) { 5_000 } else { 100_000 };
        for value in 0..many {
            fifo.push(value);
        }
        while fifo.len() > 1_000 {
            fifo.pop();
        }
        assert!(fifo.rest.capacity() < 8_000);
        while fifo.pop().is_some() {}
        assert!(fifo.rest.capacity() < 64);
    }
}
