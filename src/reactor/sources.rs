//! The values of registered sources, by tokens that are never used twice.

use mio::Token;
use rustc_hash::FxHashMap;

const _: () = assert!(usize::BITS == 64, "tokens must not run out");

pub(super) struct Sources<T> {
    values: FxHashMap<usize, T>,
    next_token: usize,
}

impl<T> Sources<T> {
    /// Hands out tokens from `first_token` on.
    pub(super) fn new(first_token: usize) -> Self {
        Self { values: FxHashMap::default(), next_token: first_token }
    }

    pub(super) fn insert(&mut self, value: T) -> Token {
        let token = self.next_token;
        self.next_token += 1;
        self.values.insert(token, value);
        Token(token)
    }

    pub(super) fn get(&self, token: Token) -> Option<&T> {
        self.values.get(&token.0)
    }

    pub(super) fn remove(&mut self, token: Token) -> Option<T> {
        self.values.remove(&token.0)
    }

    pub(super) fn take_all(&mut self) -> FxHashMap<usize, T> {
        std::mem::take(&mut self.values)
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_used_again_when_its_source_is_gone() {
        let mut sources = Sources::new(2);
        let gone = sources.insert('a');
        assert_eq!(sources.remove(gone), Some('a'));
        let other = sources.insert('b');
        assert_ne!(gone, other);
        assert_eq!(sources.get(gone), None);
        assert_eq!(sources.get(other), Some(&'b'));
        assert_eq!(sources.len(), 1);
    }
}
