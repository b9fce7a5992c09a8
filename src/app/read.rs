//! One value of an entry file at a time: a node to a Rust value, or what was expected instead.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::rc::Rc;

use super::entry::Value;
use super::id::{EntryId, is_name};
use super::nearest::nearest;
use super::values::display_duration;
use super::yaml::{Data, Node, Pair, Scalar, Style};
use crate::civil::{Duration, DurationFault};
use crate::process::parse_size;

/// Why a node is not what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) why: Why,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

/// What is said about a wrong node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// What the node must be: "`<field>` must be …, found …".
    MustBe(String),
    /// The whole message.
    Message(String),
}

impl Wrong {
    pub(crate) fn must_be(expected: impl Into<String>) -> Self {
        Self { why: Why::MustBe(expected.into()), hint: None }
    }

    pub(crate) fn message(message: impl Into<String>) -> Self {
        Self { why: Why::Message(message.into()), hint: None }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    fn maybe_hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

type Read<T> = Result<T, Wrong>;

fn scalar(node: &Node) -> Option<&Scalar> {
    match &node.data {
        Data::Scalar(scalar) => Some(scalar),
        Data::List(_) | Data::Map(_) => None,
    }
}

/// Text that is not empty.
pub(crate) fn text(node: &Node) -> Read<&str> {
    let wrong = Wrong::must_be("text");
    let scalar = scalar(node).ok_or_else(|| wrong.clone())?;
    match scalar.value() {
        Value::Str(text) if text.is_empty() => Err(Wrong::must_be("text that is not empty")),
        Value::Str(_) => Ok(&scalar.text),
        Value::Null => Err(wrong),
        _ => Err(wrong.hint(format!("put it in quotes: `\"{}\"`", scalar.text))),
    }
}

/// `true` or `false`.
pub(crate) fn boolean(node: &Node) -> Read<bool> {
    let wrong = Wrong::must_be("`true` or `false`");
    match scalar(node).map(|scalar| (scalar.value(), scalar.text.as_str())) {
        Some((Value::Bool(value), _)) => Ok(value),
        Some((_, "yes" | "Yes" | "on" | "On")) => Err(wrong.hint(did_you_mean("true"))),
        Some((_, "no" | "No" | "off" | "Off")) => Err(wrong.hint(did_you_mean("false"))),
        _ => Err(wrong),
    }
}

/// A whole number in a range.
pub(crate) fn whole<T>(range: RangeInclusive<T>) -> impl Fn(&Node) -> Read<T>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    move |node| {
        let value = scalar(node).map(Scalar::value);
        let number = match value {
            Some(Value::Int(n)) => T::try_from(n).ok().filter(|n| range.contains(n)),
            _ => None,
        };
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        number.ok_or_else(|| Wrong::must_be(expected).maybe_hint(unquote(node)))
    }
}

/// A number in a range.
pub(crate) fn number(range: RangeInclusive<f64>) -> impl Fn(&Node) -> Read<f64> {
    move |node| {
        #[expect(clippy::cast_precision_loss, reason = "factors are small numbers")]
        let number = match scalar(node).map(Scalar::value) {
            Some(Value::Int(n)) => Some(n as f64),
            Some(Value::Float(n)) => Some(n),
            _ => None,
        };
        let expected = match (range.start(), range.end()) {
            (min, &f64::MAX) => format!("a number of at least {min}"),
            (min, max) => format!("a number from {min} to {max}"),
        };
        let legal = number.filter(|n| range.contains(n));
        legal.ok_or_else(|| Wrong::must_be(expected).maybe_hint(unquote(node)))
    }
}

/// The hint for a number in quotes.
fn unquote(node: &Node) -> Option<String> {
    let scalar = scalar(node).filter(|scalar| scalar.style == Style::Quoted)?;
    let bare = Scalar { style: Style::Plain, ..scalar.clone() };
    let is_number = matches!(bare.value(), Value::Int(_) | Value::Float(_));
    is_number.then(|| "remove the quotes".to_owned())
}

/// A duration in a range, in nanoseconds, in quotes or not.
pub(crate) fn duration(range_ns: RangeInclusive<u64>) -> impl Fn(&Node) -> Read<u64> {
    move |node| {
        let wrong = Wrong::must_be("a duration such as `10s`");
        let text = node.text().ok_or_else(|| wrong.clone())?;
        let duration = Duration::read(text.as_bytes()).map_err(|fault| match fault {
            DurationFault::Invalid => wrong,
            DurationFault::MissingUnit => {
                wrong.hint(format!("add a unit: `{text}s` or `{text}ms`"))
            }
            DurationFault::UnknownUnit(_) => {
                wrong.hint("units are `ns`, `us`, `ms`, `s`, `m` and `h`")
            }
        })?;
        let [min, max] = [range_ns.start(), range_ns.end()].map(|ns| display_duration(*ns));
        let expected = match *range_ns.end() {
            DURATION_MAX_NS => format!("a duration of at least {min}"),
            _ => format!("a duration from {min} to {max}"),
        };
        let legal = u64::try_from(duration.nanoseconds()).ok().filter(|ns| range_ns.contains(ns));
        legal.ok_or_else(|| Wrong::must_be(expected))
    }
}

/// The longest duration, in nanoseconds.
pub(crate) const DURATION_MAX_NS: u64 = i64::MAX.unsigned_abs();

/// A size of at least one byte, in bytes.
pub(crate) fn size(node: &Node) -> Read<u64> {
    let wrong = Wrong::must_be("a size such as `64MB`");
    let text = node.text().ok_or_else(|| wrong.clone())?;
    match parse_size(text) {
        Some(0) => Err(Wrong::must_be("a size of at least 1 byte")),
        Some(bytes) => Ok(bytes),
        None if text.starts_with(|c: char| c.is_ascii_digit()) => {
            Err(wrong.hint("units are `KB`, `MB` and `GB`; a number without unit is bytes"))
        }
        None => Err(wrong),
    }
}

/// One of a few words.
pub(crate) fn one_of<T: Copy>(names: &'static [(&'static str, T)]) -> impl Fn(&Node) -> Read<T> {
    move |node| {
        let text = node.text();
        if let Some((_, value)) = names.iter().find(|(name, _)| Some(*name) == text) {
            return Ok(*value);
        }
        let words: Vec<String> = names.iter().map(|(name, _)| format!("`{name}`")).collect();
        let (last, others) = words.split_last().expect("every set of words has some");
        let meant = text.and_then(|text| nearest(text, names.iter().map(|(name, _)| *name)));
        let wrong = Wrong::must_be(format!("{} or {last}", others.join(", ")));
        Err(wrong.maybe_hint(meant.map(did_you_mean)))
    }
}

/// The hint for a misspelt name.
pub(crate) fn did_you_mean(name: impl AsRef<str>) -> String {
    format!("did you mean `{}`?", name.as_ref())
}

/// A namespace, or the name of an entry.
pub(crate) fn name(node: &Node) -> Read<&str> {
    let text = text(node)?;
    let rule =
        "names consist of letters, digits, `_`, `-` and `.`, and start with a letter, digit or `_`";
    if is_name(text) { Ok(text) } else { Err(Wrong::must_be("a name").hint(rule)) }
}

/// The id of an entry: a full one, or a bare name in `namespace`.
pub(crate) fn entry_id(namespace: &str) -> impl Fn(&Node) -> Read<EntryId> {
    move |node| {
        let id = text(node).ok().and_then(|text| EntryId::resolve(text, namespace));
        id.ok_or_else(|| Wrong::must_be("an entry id such as `app:worker`"))
    }
}

/// A list.
pub(crate) fn list(node: &Node) -> Read<&[Rc<Node>]> {
    match &node.data {
        Data::List(items) => Ok(items),
        Data::Scalar(_) | Data::Map(_) => Err(Wrong::must_be("a list")),
    }
}

/// A mapping.
pub(crate) fn map(node: &Node) -> Read<&[Pair]> {
    match &node.data {
        Data::Map(pairs) => Ok(pairs),
        Data::Scalar(_) | Data::List(_) => Err(Wrong::must_be("a mapping")),
    }
}

/// Any value, as data for Lua.
pub(crate) fn value(node: &Node) -> Read<Value> {
    let pair = |Pair { key, value: node }: &Pair| match key.text() {
        Some(text) => Ok((text.to_owned(), value(node)?)),
        None => Err(Wrong::must_be("data whose keys are text")),
    };
    Ok(match &node.data {
        Data::Scalar(scalar) => scalar.value(),
        Data::List(items) => {
            Value::List(items.iter().map(|node| value(node)).collect::<Read<_>>()?)
        }
        Data::Map(pairs) => Value::Map(pairs.iter().map(pair).collect::<Read<_>>()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fault::Files;
    use crate::app::yaml;

    /// Reads a YAML text: the value, or the whole sentence that would be reported.
    fn reading<T>(text: &str, read: impl Fn(&Node) -> Read<T>) -> Result<T, String> {
        let file = Files::default().add("t.yaml", text.as_bytes());
        let root = yaml::parse(file, text).expect("valid YAML").root.expect("a node");
        read(&root).map_err(|Wrong { why, hint }| {
            let why = match why {
                Why::MustBe(expected) => format!("{expected}, found {}", root.describe()),
                Why::Message(message) => message,
            };
            hint.map_or(why.clone(), |hint| format!("{why} ({hint})"))
        })
    }

    fn wrong<T: std::fmt::Debug>(text: &str, read: impl Fn(&Node) -> Read<T>) -> String {
        reading(text, read).expect_err(text)
    }

    #[test]
    fn whole_numbers_are_in_range_and_not_in_quotes() {
        let read = || whole::<u64>(1..=8);
        assert_eq!(reading("8", read()), Ok(8));
        let expected = "a whole number from 1 to 8";
        assert_eq!(wrong("9", read()), format!("{expected}, found the number `9`"));
        assert_eq!(wrong("-1", read()), format!("{expected}, found the number `-1`"));
        assert_eq!(wrong("1.5", read()), format!("{expected}, found the number `1.5`"));
        assert_eq!(wrong("four", read()), format!("{expected}, found `four`"));
        assert_eq!(wrong("[4]", read()), format!("{expected}, found a list"));
        assert_eq!(
            wrong("'4'", read()),
            format!("{expected}, found the text `4` (remove the quotes)")
        );
    }

    #[test]
    fn durations_need_a_unit_and_stay_in_range() {
        let any = || duration(0..=DURATION_MAX_NS);
        assert_eq!(reading("1m30s", any()), Ok(90_000_000_000));
        assert_eq!(reading("'10s'", any()), Ok(10_000_000_000));
        assert_eq!(reading("0", any()), Ok(0));
        assert_eq!(
            wrong("10", any()),
            "a duration such as `10s`, found the number `10` (add a unit: `10s` or `10ms`)"
        );
        assert_eq!(
            wrong("1d", any()),
            "a duration such as `10s`, found `1d` (units are `ns`, `us`, `ms`, `s`, `m` and `h`)"
        );
        for text in ["9223372036854775808ns", "abc5", "s"] {
            let found = format!("a duration such as `10s`, found `{text}`");
            assert_eq!(wrong(text, any()), found, "no unit would mend it");
        }
        assert_eq!(wrong("-1s", any()), "a duration of at least 0s, found `-1s`");
        assert_eq!(
            wrong("1s", duration(100_000..=100_000_000)),
            "a duration from 100us to 100ms, found `1s`"
        );
    }

    #[test]
    fn sizes_are_at_least_a_byte() {
        assert_eq!(reading("64MB", size), Ok(64 << 20));
        assert_eq!(reading("4096", size), Ok(4096));
        assert_eq!(wrong("0", size), "a size of at least 1 byte, found the number `0`");
        assert!(wrong("64 mb", size).contains("units are `KB`"));
        assert_eq!(wrong("much", size), "a size such as `64MB`, found `much`");
    }

    #[test]
    fn booleans_are_two_words_only() {
        assert_eq!(reading("true", boolean), Ok(true));
        assert_eq!(wrong("yes", boolean), "`true` or `false`, found `yes` (did you mean `true`?)");
        assert_eq!(wrong("'true'", boolean), "`true` or `false`, found the text `true`");
    }

    #[test]
    fn text_is_not_guessed_from_numbers() {
        assert_eq!(reading("main", |node| text(node).map(str::to_owned)), Ok("main".into()));
        assert_eq!(
            wrong("5", |node| text(node).map(str::to_owned)),
            "text, found the number `5` (put it in quotes: `\"5\"`)"
        );
        assert_eq!(wrong("~", |node| text(node).map(str::to_owned)), "text, found nothing");
    }

    #[test]
    fn words_of_a_set_are_all_named() {
        const NAMES: [(&str, u8); 3] = [("debug", 0), ("info", 1), ("warn", 2)];
        assert_eq!(reading("info", one_of(&NAMES)), Ok(1));
        assert_eq!(
            wrong("wran", one_of(&NAMES)),
            "`debug`, `info` or `warn`, found `wran` (did you mean `warn`?)"
        );
    }

    #[test]
    fn any_data_becomes_a_value() {
        let list = Value::List(vec![Value::Int(1), Value::Null]);
        assert_eq!(
            reading("{a: [1, ~], 2: x}", value),
            Ok(Value::Map(vec![("a".into(), list), ("2".into(), Value::Str("x".into()))]))
        );
        assert!(wrong("{[1]: 2}", value).starts_with("data whose keys are text"));
    }
}
