//! Entry ids: `namespace:name`, the address under which everything in an application is known.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The id of an entry, `namespace:name`.
///
/// Both parts consist of ASCII letters, digits, `_`, `-` and `.`, and start with a letter, digit
/// or `_`. Cheap to clone; ordered as text; found in maps by `&str`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(Arc<str>);

impl EntryId {
    /// The id made of a namespace and a name, if both are legal.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Option<Self> {
        (is_name(namespace) && is_name(name)).then(|| Self(format!("{namespace}:{name}").into()))
    }

    /// Reads a full id, `namespace:name`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = text.split_once(':')?;
        Self::new(namespace, name)
    }

    /// Reads a reference: a full id, or a bare name that `namespace` completes.
    #[must_use]
    pub fn resolve(text: &str, namespace: &str) -> Option<Self> {
        if text.contains(':') { Self::parse(text) } else { Self::new(namespace, text) }
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the colon.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0.split_once(':').map_or("", |(namespace, _)| namespace)
    }

    /// The part after the colon.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or(&*self.0, |(_, name)| name)
    }
}

impl Borrow<str> for EntryId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `text` can be a namespace or the name of an entry.
pub(crate) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_start_with_letter_digit_or_underscore() {
        for good in ["app", "app.workers", "_x", "9lives", "a-b.c_d"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "-a", ".a", "a b", "a:b", "ä", "a/b", "a\n"] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn bare_names_are_completed_with_the_namespace() {
        let resolve = |text| EntryId::resolve(text, "app").map(|id| id.to_string());
        assert_eq!(resolve("worker").as_deref(), Some("app:worker"));
        assert_eq!(resolve("other:worker").as_deref(), Some("other:worker"));
        assert_eq!(resolve("a:b:c"), None);
        assert_eq!(resolve(":b"), None);
        assert_eq!(resolve("a:"), None);
    }

    #[test]
    fn the_colon_divides_namespace_and_name() {
        let id = EntryId::parse("app.x:y.z").unwrap();
        assert_eq!((id.namespace(), id.name()), ("app.x", "y.z"));
    }
}
