//! The short way for what most messages are, one value without parts: no encoder is set up for it,
//! and no slot of the stack is used besides its own.

use std::ffi::c_int;

use super::format::{self, Data, Reader, Short, Token};
use crate::lua::raw::{Scalar, Stack};
use crate::lua::safepoint::LARGE;
use crate::process::Encoded;

/// Copies the value at `index` alone, if it is a scalar, and no long string.
#[inline(always)]
pub(super) fn encode(stack: &Stack, index: c_int) -> Option<Encoded> {
    let data = match stack.scalar(index)? {
        Scalar::String(text) if text.len() >= LARGE => return None,
        Scalar::String(text) => {
            let mut data = Data::with_capacity(format::string_size(text.len()));
            format::write_string(&mut data, text);
            data
        }
        scalar => {
            let mut short = Short::default();
            format::write_scalar(&mut short, scalar);
            short.finish()
        }
    };
    Some(Encoded { data, n_values: 1 })
}

/// Pushes the value if it is one scalar, no long string, and nothing else; else pushes nothing and
/// gives false.
#[inline(always)]
pub(super) fn decode(stack: &Stack, encoded: &Encoded) -> bool {
    if encoded.n_values != 1 {
        return false;
    }
    let mut reader = Reader::new(&encoded.data);
    match reader.token() {
        Ok(Token::Scalar(Scalar::String(text))) if text.len() >= LARGE => false,
        Ok(Token::Scalar(scalar)) if reader.is_at_end() => {
            stack.push_scalar(scalar);
            true
        }
        _ => false,
    }
}
