//! Values outside of any VM: what a Rust program gives to processes and gets from them.

use super::format::{self, Bytes, Malformed, Reader, Token};
use super::keys;
use crate::lua::raw::Scalar;
use crate::process::Encoded;

/// How deep tables are followed. Deeper ones, which recursion would not bear, become opaque.
const DEPTH_MAX: usize = 100;

/// A plain value, as Lua code sees it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// `nil`.
    #[default]
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// A number of subtype integer.
    Integer(i64),
    /// A number of subtype float.
    Float(f64),
    /// A string: any bytes.
    String(Vec<u8>),
    /// A table.
    Table(Table),
    /// A value that has no form here, such as an error object, a time, or a table that was met
    /// before or lies too deep. Sent to a process, it is nil there.
    Opaque,
}

/// The content of a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// The values of the keys 1, 2, 3 and so on. The first nil ends what Lua sees.
    pub list: Vec<Value>,
    /// Other keys with their values, in no order. Pairs with nil or NaN as key are not sent.
    pub fields: Vec<(Value, Value)>,
}

impl Value {
    /// The text of a string, if it is one and UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    fn is_nil(&self) -> bool {
        matches!(self, Self::Nil | Self::Opaque)
    }

    fn is_key(&self) -> bool {
        !self.is_nil() && !matches!(self, Self::Float(number) if number.is_nan())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.as_bytes().to_vec())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value.into_bytes())
    }
}

/// Copies values for a process.
pub(crate) fn encode_values(values: &[Value]) -> Encoded {
    let mut data = Bytes::new();
    values.iter().for_each(|value| write(&mut data, value));
    let n_values = u32::try_from(values.len()).expect("a slice of values this long has no memory");
    Encoded { data: data.into(), n_values }
}

/// Reads the first value that a process gave; nil if there is none.
pub(crate) fn decode_value(encoded: &Encoded) -> Value {
    if encoded.n_values == 0 {
        return Value::Nil;
    }
    Source::new(&encoded.data).value(0).unwrap_or(Value::Opaque)
}

fn write(out: &mut Bytes, value: &Value) {
    match value {
        Value::Nil | Value::Opaque => out.push(format::NIL),
        Value::Bool(false) => out.push(format::FALSE),
        Value::Bool(true) => out.push(format::TRUE),
        Value::Integer(value) => format::write_integer(out, *value),
        Value::Float(value) => format::write_float(out, *value),
        Value::String(value) => format::write_string(out, value),
        Value::Table(table) => write_table(out, table),
    }
}

fn write_table(out: &mut Bytes, Table { list, fields }: &Table) {
    let list = &list[..list.iter().position(Value::is_nil).unwrap_or(list.len())];
    let fields = fields.iter().filter(|(key, value)| key.is_key() && !value.is_nil());
    out.push(format::TABLE);
    out.push(format::hash_class(fields.clone().count()));
    format::write_varint(out, list.len() as u64);
    list.iter().for_each(|value| write(out, value));
    out.push(format::NIL);
    for (key, value) in fields {
        write(out, key);
        write(out, value);
    }
    out.push(format::NIL);
}

/// An encoding that is being read.
struct Source<'a> {
    reader: Reader<'a>,
    /// The remembered keys (see `keys.rs`), when there are any.
    keys: Option<Vec<&'a [u8]>>,
    n_keys: usize,
}

impl<'a> Source<'a> {
    fn new(data: &'a [u8]) -> Source<'a> {
        let (data, keys) = match data.split_first() {
            Some((&format::KEYS, data)) => (data, Some(Vec::with_capacity(keys::ROOM))),
            _ => (data, None),
        };
        Source { reader: Reader::new(data), keys, n_keys: 0 }
    }

    /// Reads one value. What cannot be told here is an error, so that the whole becomes opaque, but
    /// for those inside of a table that can be skipped.
    fn value(&mut self, depth: usize) -> Result<Value, Malformed> {
        let token = self.reader.token()?;
        self.with_token(token, depth)
    }

    /// As [`Source::value`], in the place of a key.
    fn key(&mut self, depth: usize) -> Result<Value, Malformed> {
        let token = self.reader.token()?;
        match token {
            Token::Tag(tag @ format::KEY..=format::KEY_LAST) => {
                let place = usize::from(tag - format::KEY);
                let keys = self.keys.as_ref().ok_or(Malformed)?;
                Ok(Value::String(keys.get(place).ok_or(Malformed)?.to_vec()))
            }
            Token::Scalar(Scalar::String(text)) => {
                self.remember(text);
                Ok(Value::String(text.to_vec()))
            }
            token => self.with_token(token, depth),
        }
    }

    fn remember(&mut self, text: &'a [u8]) {
        let Some(keys) = &mut self.keys else { return };
        match keys.get_mut(self.n_keys % keys::ROOM) {
            Some(key) => *key = text,
            None => keys.push(text),
        }
        self.n_keys += 1;
    }

    fn with_token(&mut self, token: Token<'a>, depth: usize) -> Result<Value, Malformed> {
        let reader = &mut self.reader;
        Ok(match token {
            Token::Scalar(Scalar::Nil) => Value::Nil,
            Token::Scalar(Scalar::Boolean(value)) => Value::Bool(value),
            Token::Scalar(Scalar::Integer(value)) => Value::Integer(value),
            Token::Scalar(Scalar::Float(value)) => Value::Float(value),
            Token::Scalar(Scalar::String(value)) => Value::String(value.to_vec()),
            Token::Tag(format::SAME) => {
                reader.varint()?;
                Value::Opaque
            }
            Token::Tag(format::PLAIN) => {
                reader.varint()?;
                reader.bytes()?;
                Value::Opaque
            }
            Token::Tag(format::ERROR) => {
                reader.byte()?;
                for _ in 0..3 {
                    reader.bytes()?;
                }
                self.value(depth + 1)?;
                Value::Opaque
            }
            Token::Tag(_) => Value::Table(self.table(depth + 1)?),
        })
    }

    fn table(&mut self, depth: usize) -> Result<Table, Malformed> {
        if depth > DEPTH_MAX {
            return Err(Malformed);
        }
        self.reader.byte()?;
        self.reader.varint()?;
        let mut table = Table::default();
        loop {
            match self.value(depth)? {
                Value::Nil => break,
                value => table.list.push(value),
            }
        }
        loop {
            match self.key(depth)? {
                Value::Nil => return Ok(table),
                key => table.fields.push((key, self.value(depth)?)),
            }
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Integer),
            (-1e9_f64..1e9).prop_map(Value::Float),
            prop::collection::vec(any::<u8>(), 0..100).prop_map(Value::String),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        key().prop_recursive(4, 64, 8, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..8);
            let fields = prop::collection::vec((key(), inner), 0..8);
            (list, fields).prop_map(|(list, fields)| Value::Table(Table { list, fields }))
        })
    }

    proptest! {
        #[test]
        fn a_value_is_read_as_it_was_written(value in value()) {
            let encoded = encode_values(&[value.clone(), Value::Nil]);
            prop_assert_eq!(encoded.n_values, 2);
            prop_assert_eq!(decode_value(&encoded), value);
        }

        #[test]
        fn any_bytes_give_some_value(data in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_value(&Encoded { data: data.into(), n_values: 1 });
        }
    }

    #[test]
    fn a_list_ends_at_its_first_nil_and_pairs_without_a_key_are_left_out() {
        let list = vec![Value::Integer(1), Value::Nil, Value::Integer(3)];
        let fields = vec![
            (Value::Nil, Value::Bool(true)),
            (Value::Float(f64::NAN), Value::Bool(true)),
            (Value::from("a"), Value::Nil),
            (Value::from("b"), Value::from("c")),
        ];
        let encoded = encode_values(&[Value::Table(Table { list, fields })]);
        let expected = Table {
            list: vec![Value::Integer(1)],
            fields: vec![(Value::from("b"), Value::from("c"))],
        };
        assert_eq!(decode_value(&encoded), Value::Table(expected));
    }

    #[test]
    fn tables_that_lie_too_deep_are_opaque() {
        let mut value = Value::Nil;
        for _ in 0..=DEPTH_MAX {
            value = Value::Table(Table { list: vec![value], fields: Vec::new() });
        }
        assert_eq!(decode_value(&encode_values(&[value])), Value::Opaque);
    }
}
