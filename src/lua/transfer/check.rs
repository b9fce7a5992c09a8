//! The laws that fuzzing holds the copying of values to.

use std::ffi::c_int;
use std::ops::Range;

use super::encode::{Encoder, Strictness};
use super::{
    Malformed, NotCopied, Table, Value, decode_first, decode_value, decode_values,
    encode_arguments, encode_at, scalar,
};
use crate::lua::api::testing::TestVm;
use crate::lua::raw::Stack;
use crate::lua::safepoint::Safepoints;
use crate::process::Encoded;

/// Any bytes decode to as many values as they claim, which cross and stay what they are, or they
/// are refused.
///
/// # Panics
/// When they do something else.
pub fn check_bytes(data: &[u8]) {
    let Some((n_values, data)) = data.split_first() else { return };
    TestVm::new().with(|stack| check_encoding(stack, data, u32::from(*n_values % 4)));
}

/// Safepoints after every few bytes.
pub(super) fn often<'a>() -> Safepoints<'a> {
    Safepoints::after_each(3)
}

/// As [`super::encode`].
pub(super) fn encode(stack: &Stack, indices: Range<c_int>) -> Result<Encoded, NotCopied> {
    let only = (indices.len() == 1).then_some(indices.start);
    let short = only.and_then(|index| scalar::encode(stack, index));
    short.map_or_else(|| encode_arguments(stack, indices, &mut often()), Ok)
}

pub(super) fn check_encoding(stack: &Stack, data: &[u8], n_values: u32) {
    let top = stack.top();
    let encoded = Encoded { data: data.iter().copied().collect(), n_values };
    match decode_values(stack, &encoded, &mut often()) {
        Ok(()) => {
            assert_eq!(stack.top() - top, n_values as c_int);
            let indices = top + 1..stack.top() + 1;
            let again = encode(stack, indices.clone()).expect("what was decoded can cross");
            check_general_way(stack, indices, &again);
            (top + 1..=stack.top()).for_each(|index| check_crossing(stack, index));
        }
        Err(Malformed) => assert_eq!(stack.top(), top),
    }
    stack.set_top(top);
}

/// The encoder for all values writes what was written of the values at `indices`, however that was
/// done (F1).
pub(super) fn check_general_way(stack: &Stack, indices: Range<c_int>, encoded: &Encoded) {
    let safepoints = &mut often();
    let mut encoder = Encoder::new(stack, Strictness::Refuse, safepoints);
    for index in indices {
        encoder.root(index, || unreachable!("it was written before")).expect("as before");
    }
    assert_eq!(encoder.finish().0, encoded.data);
}

/// A value that has crossed is what it was.
fn check_crossing(stack: &Stack, index: c_int) {
    let top = stack.top();
    let sent = encode_at(stack, index, "value", &mut often()).expect("what was decoded can cross");
    decode_first(stack, &sent, &mut often());
    assert_eq!(stack.top(), top + 1);
    let sent_again =
        encode_at(stack, -1, "value", &mut often()).expect("what has crossed can cross");
    stack.set_top(top);
    let (before, after) = (decode_value(&sent), decode_value(&sent_again));
    assert!(are_alike(&before, &after), "{before:?} arrives as {after:?}");
}

/// Equal, as far as values outside of a VM tell. Which of two references to a table is the second
/// one, and so opaque, depends on the order of the fields, which is free.
fn are_alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Opaque, _) | (_, Value::Opaque) => true,
        (Value::Float(a), Value::Float(b)) => {
            a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
        }
        (Value::Table(a), Value::Table(b)) => {
            let (a, b) = (entries(a), entries(b));
            let matches = |(key, a): &(Value, &Value)| {
                let counterpart = b.iter().find(|(other, _)| other == key);
                counterpart.is_some_and(|(_, b)| are_alike(a, b))
            };
            a.len() == b.len() && a.iter().filter(|(key, _)| is_plain(key)).all(matches)
        }
        _ => a == b,
    }
}

fn is_plain(key: &Value) -> bool {
    !matches!(key, Value::Table(_) | Value::Opaque)
}

/// All of a table, however much of it is in the list.
fn entries(table: &Table) -> Vec<(Value, &Value)> {
    let list = (1..).map(Value::Integer).zip(&table.list);
    list.chain(table.fields.iter().map(|(key, value)| (key.clone(), value))).collect()
}
