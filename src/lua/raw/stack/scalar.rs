//! Values without parts, read and pushed with as few calls of Lua as there can be.

#![expect(unsafe_code, reason = "calls that read and push values; invariant S1")]

use std::ffi::c_int;

use super::Stack;
use crate::lua::raw::ffi;
use crate::lua::raw::inside::View;
use crate::lua::raw::inside::frame::Place;

/// A value that holds no other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Nil,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    String(&'a [u8]),
}

impl Stack {
    /// The value at `index` (nil where there is none); `None` when it is no scalar.
    ///
    /// The bytes of a string live as [`Stack::bytes`] says.
    #[inline]
    pub(crate) fn scalar(&self, index: c_int) -> Option<Scalar<'_>> {
        match self.slot(index) {
            Place::Here(slot) => match slot.view() {
                View::Scalar(scalar) => Some(scalar),
                View::String(string) => Some(Scalar::String(string.bytes())),
                View::Table(_) | View::Other => None,
            },
            Place::Absent => Some(Scalar::Nil),
            Place::Elsewhere => self.scalar_elsewhere(index),
        }
    }

    fn scalar_elsewhere(&self, index: c_int) -> Option<Scalar<'_>> {
        // SAFETY: S1; the type is asked first, so that no call converts a value.
        unsafe {
            // Integers first: they are the most.
            if ffi::lua_isinteger(self.l, index) != 0 {
                let value = ffi::lua_tointegerx(self.l, index, std::ptr::null_mut());
                return Some(Scalar::Integer(value));
            }
            Some(match ffi::lua_type(self.l, index) {
                ffi::LUA_TNUMBER => {
                    Scalar::Float(ffi::lua_tonumberx(self.l, index, std::ptr::null_mut()))
                }
                ffi::LUA_TSTRING => {
                    let mut len = 0;
                    let data = ffi::lua_tolstring(self.l, index, &mut len);
                    Scalar::String(std::slice::from_raw_parts(data.cast(), len))
                }
                ffi::LUA_TBOOLEAN => Scalar::Boolean(ffi::lua_toboolean(self.l, index) != 0),
                ffi::LUA_TNIL | ffi::LUA_TNONE => Scalar::Nil,
                _ => return None,
            })
        }
    }

    /// Pushes a scalar.
    #[inline]
    pub(crate) fn push_scalar(&self, scalar: Scalar<'_>) {
        match scalar {
            Scalar::Nil => self.push_nil(),
            Scalar::Boolean(value) => self.push_bool(value),
            Scalar::Integer(value) => self.push_int(value),
            Scalar::Float(value) => self.push_num(value),
            Scalar::String(value) => self.push_bytes(value),
        }
    }
}
