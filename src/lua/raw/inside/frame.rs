//! The values of the running function, read where they lie on the stack: a call of Lua takes ten
//! times as long, and each host function asks for several.

#![expect(unsafe_code, reason = "reads stacks of Lua; invariants V1 to V3 of the parent module")]

use std::ffi::c_int;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use super::check;
use super::layout::{RawSlot, RawState, RawUserdata, tag};
use super::{StringView, View, view};
use crate::lua::raw::Stack;
use crate::lua::raw::ffi::{LUA_REGISTRYINDEX, lua_State};
use crate::lua::raw::object::ObjectHeader;

/// Whether the mirrors of stacks are right (V1).
static IS_KNOWN: AtomicBool = AtomicBool::new(false);

/// Finds out, once, whether frames can be read; called before there is a VM.
pub(crate) fn learn() {
    static CHECKED: Once = Once::new();
    // Relaxed: who sees it late reads in the slower way.
    CHECKED.call_once(|| IS_KNOWN.store(check::frames_pass(), Ordering::Relaxed));
}

/// Where a value is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    Here(Slot<'a>),
    /// Above the top.
    Absent,
    /// In no slot of the frame, or frames cannot be read: Lua must be asked.
    Elsewhere,
}

/// A slot of the stack. It is good until the stack changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot<'a>(&'a RawSlot);

impl Stack {
    /// Where the value at `index` is.
    #[inline(always)]
    pub(crate) fn slot(&self, index: c_int) -> Place<'_> {
        if !IS_KNOWN.load(Ordering::Relaxed) || index <= LUA_REGISTRYINDEX {
            return Place::Elsewhere;
        }
        // SAFETY: V1, V2; indices are right, as S1 says.
        unsafe { RawState::slot(self.raw(), index) }
            .map_or(Place::Absent, |at| Place::Here(Slot(at)))
    }

    /// How many values the frame has; `None` when frames cannot be read.
    #[inline(always)]
    pub(crate) fn height(&self) -> Option<c_int> {
        // SAFETY: V1, V2.
        IS_KNOWN.load(Ordering::Relaxed).then(|| unsafe { RawState::height(self.raw()) })
    }
}

impl<'a> Slot<'a> {
    /// The number by which Lua's interface knows the type.
    #[inline(always)]
    pub(crate) fn type_number(self) -> c_int {
        c_int::from(self.0.tag & 0x0f)
    }

    #[inline(always)]
    pub(crate) fn view(self) -> View<'a> {
        // SAFETY: V1, V2.
        unsafe { view(self.0.tag, self.0.word) }
    }

    #[inline(always)]
    pub(crate) fn string(self) -> Option<StringView<'a>> {
        match self.view() {
            View::String(string) => Some(string),
            _ => None,
        }
    }

    /// The block of a full userdata.
    #[inline(always)]
    pub(crate) fn object(self) -> Option<*mut ObjectHeader> {
        // SAFETY: V1, V2: the tag tells what the word is.
        (self.0.tag == tag::USERDATA)
            .then(|| unsafe { RawUserdata::block(self.0.word.object.cast_mut().cast()) }.cast())
    }
}

impl RawState {
    /// The slot at `index` of the frame that runs; `None` above its top.
    ///
    /// # Safety
    /// V1, a live state, and not a pseudo-index.
    #[inline(always)]
    pub(super) unsafe fn slot<'a>(l: *mut lua_State, index: c_int) -> Option<&'a RawSlot> {
        // SAFETY: the caller's duty.
        unsafe {
            let state = &*l.cast::<RawState>();
            if index < 0 {
                return Some(&*state.top.offset(index as isize));
            }
            let slot = (*state.frame).function.offset(index as isize);
            (slot < state.top).then(|| &*slot)
        }
    }

    /// # Safety
    /// V1, and a live state.
    #[inline(always)]
    pub(super) unsafe fn height(l: *mut lua_State) -> c_int {
        // SAFETY: the caller's duty.
        unsafe {
            let state = &*l.cast::<RawState>();
            state.top.offset_from((*state.frame).function) as c_int - 1
        }
    }
}

impl RawUserdata {
    /// The memory of a userdata, behind its header and its values.
    ///
    /// # Safety
    /// V1, and a live userdata.
    #[inline(always)]
    pub(super) unsafe fn block(object: *mut RawUserdata) -> *mut u8 {
        // SAFETY: the caller's duty.
        unsafe {
            let n_values = usize::from((*object).n_values);
            let offset = if n_values == 0 {
                RawUserdata::BLOCK
            } else {
                RawUserdata::VALUES + n_values * size_of::<RawSlot>()
            };
            object.cast::<u8>().add(offset)
        }
    }
}
