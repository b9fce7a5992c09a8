//! The short way for what most messages are, one value without parts: no encoder is set up for it,
//! and no slot of the stack is used besides its own.

use std::ffi::c_int;

use super::format::{self, Bytes, Reader, Short, Token};
use crate::lua::raw::{Scalar, Stack};
use crate::process::Encoded;

/// Copies the value at `index` alone, if it is a scalar.
#[inline(always)]
pub(super) fn encode(stack: &Stack, index: c_int) -> Option<Encoded> {
    let scalar = stack.scalar(index)?;
    if let Scalar::String(text) = scalar
        && text.len() > Short::STRING_MAX
    {
        let mut data = Bytes::with_capacity(text.len() + format::STRING_HEAD_MAX);
        format::write_string(&mut data, text);
        return Some(Encoded { data: data.into(), n_values: 1 });
    }
    let mut short = Short::new();
    format::write_scalar(&mut short, scalar);
    Some(Encoded { data: short.finish(), n_values: 1 })
}

/// Pushes the value if it is one scalar and nothing else; else pushes nothing and gives false.
#[inline(always)]
pub(super) fn decode(stack: &Stack, encoded: &Encoded) -> bool {
    if encoded.n_values != 1 {
        return false;
    }
    let mut reader = Reader::new(&encoded.data);
    match reader.token() {
        Ok(Token::Scalar(scalar)) if reader.is_at_end() => {
            stack.push_scalar(scalar);
            true
        }
        _ => false,
    }
}
