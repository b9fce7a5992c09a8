//! The fields of one mapping: each is asked for by name, and what nobody asked for is unknown.

use std::rc::Rc;

use super::fault::{Fault, Faults, Place, quoted};
use super::nearest::nearest;
use super::read::{self, Why, Wrong, did_you_mean};
use super::yaml::{Data, Node, Pair};

/// A mapping that is being read.
///
/// The names asked for are the known ones, so there is no second list of fields to keep in step.
/// Ends with [`finish`](Self::finish).
pub(crate) struct Fields<'a> {
    /// What has these fields, for "in …".
    of: &'a str,
    /// The fields on the way here, each with a dot behind it.
    path: String,
    /// Where a missing field is reported.
    place: Place,
    pairs: &'a [Pair],
    known: Vec<&'static str>,
    faults: &'a Faults,
}

impl<'a> Fields<'a> {
    /// Reads a mapping; anything else is a fault. `of` is what has the fields.
    pub(crate) fn new(node: &'a Node, of: &'a str, faults: &'a Faults) -> Option<Self> {
        let Data::Map(pairs) = &node.data else {
            let found = node.describe();
            faults.add(Fault::new(node.place, format!("{of} must be a mapping, found {found}")));
            return None;
        };
        Some(Self { of, path: String::new(), place: node.place, pairs, known: Vec::new(), faults })
    }

    /// The same fields, as those of something else that stands at `place`.
    pub(crate) fn of(self, of: &'a str, place: Place) -> Self {
        Self { of, place, path: String::new(), ..self }
    }

    /// The value of a field, whatever it is.
    pub(crate) fn node(&mut self, name: &'static str) -> Option<&'a Node> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        let pair = self.pairs.iter().find(|pair| pair.key.text() == Some(name))?;
        Some(&pair.value)
    }

    /// The value of an optional field; a wrong one is a fault.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Node) -> Result<T, Wrong>,
    ) -> Option<T> {
        let node = self.node(name)?;
        let what = format!("`{}{name}`", self.path);
        self.check(&what, node, read)
    }

    /// The value of a field that must be there.
    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Node) -> Result<T, Wrong>,
    ) -> Option<T> {
        if !self.has(name) {
            self.known.push(name);
            let message = format!("missing field `{}{name}` in {}", self.path, self.of);
            self.faults.add(Fault::new(self.place, message));
            return None;
        }
        self.optional(name, read)
    }

    /// The items of an optional list, none if it is missing.
    pub(crate) fn items(&mut self, name: &'static str) -> &'a [Rc<Node>] {
        self.optional(name, read::list).unwrap_or_default()
    }

    /// The fields of an optional mapping inside this one.
    pub(crate) fn section(&mut self, name: &'static str) -> Option<Self> {
        let node = self.node(name)?;
        let path = format!("{}{name}", self.path);
        let pairs = self.check(&format!("`{path}`"), node, read::map)?;
        Some(Self { path: path + ".", place: node.place, pairs, known: Vec::new(), ..*self })
    }

    /// Reads a node of this mapping; `what` it is comes before "must be …".
    pub(crate) fn check<T>(
        &self,
        what: &str,
        node: &'a Node,
        read: impl FnOnce(&'a Node) -> Result<T, Wrong>,
    ) -> Option<T> {
        let report = |Wrong { why, hint }| {
            let message = match why {
                Why::MustBe(expected) => {
                    format!("{what} must be {expected}, found {}", node.describe())
                }
                Why::Message(message) => message,
            };
            self.faults.add(Fault::new(node.place, message).maybe_hint(hint));
        };
        read(node).map_err(report).ok()
    }

    /// Whether a field is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|pair| pair.key.text() == Some(name))
    }

    /// Adds a fault of another kind.
    pub(crate) fn fault(&self, fault: Fault) {
        self.faults.add(fault);
    }

    /// Makes every field that nobody asked for a fault.
    pub(crate) fn finish(self) {
        for name in self.unknown() {
            let known = || {
                let names: Vec<String> =
                    self.known.iter().map(|name| format!("`{name}`")).collect();
                format!("known fields are {}", names.join(", "))
            };
            let text = name.text().unwrap_or_default();
            let meant = nearest(text, self.known.iter().copied());
            self.report_unknown(name, meant.map_or_else(known, did_you_mean));
        }
    }

    /// Like [`finish`](Self::finish), where something else than a misspelt name is likely.
    pub(crate) fn finish_with_hint(self, hint: &str) {
        for name in self.unknown() {
            self.report_unknown(name, hint.to_owned());
        }
    }

    fn unknown(&self) -> impl Iterator<Item = &'a Node> {
        let is_known = |key: &Node| key.text().is_some_and(|name| self.known.contains(&name));
        self.pairs.iter().map(|pair| &*pair.key).filter(move |key| !is_known(key))
    }

    fn report_unknown(&self, key: &Node, hint: String) {
        let name = match key.text() {
            Some(name) => quoted(&format!("{}{name}", self.path)),
            None => key.describe(),
        };
        let message = format!("unknown field {name} in {}", self.of);
        self.faults.add(Fault::new(key.place, message).hint(hint));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fault::Files;
    use crate::app::yaml;

    /// Reads `{a: text, b: {c: text}}` and returns what was found wrong.
    fn faults(text: &str) -> Vec<String> {
        let mut files = Files::default();
        let file = files.add("t.yaml", text.as_bytes());
        let root = yaml::parse(file, text).expect("valid YAML").root.expect("a node");
        let faults = Faults::default();
        if let Some(mut fields) = Fields::new(&root, "a thing", &faults) {
            fields.required("a", read::text);
            if let Some(mut section) = fields.section("b") {
                section.optional("c", read::text);
                section.finish();
            }
            fields.finish();
        }
        let report = faults.into_report(&files);
        let show = |d: &crate::app::Diagnostic| {
            let hint = d.hint.as_deref().unwrap_or("");
            format!("{}:{}: {} [{hint}]", d.line, d.col, d.message)
        };
        report.diagnostics().iter().map(show).collect()
    }

    #[test]
    fn known_fields_of_the_right_kind_are_no_fault() {
        assert_eq!(faults("a: x\nb: {c: y}\n"), [""; 0]);
    }

    #[test]
    fn every_wrong_field_is_reported() {
        assert_eq!(
            faults("b: {c: 1, d: 2}\nx: 3\n"),
            [
                "1:1: missing field `a` in a thing []",
                "1:8: `b.c` must be text, found the number `1` [put it in quotes: `\"1\"`]",
                "1:11: unknown field `b.d` in a thing [known fields are `c`]",
                "2:1: unknown field `x` in a thing [known fields are `a`, `b`]",
            ]
        );
    }

    #[test]
    fn what_is_no_mapping_is_a_fault() {
        assert_eq!(faults("[]"), ["1:1: a thing must be a mapping, found a list []"]);
        assert_eq!(faults("a: x\nb: 1"), ["2:4: `b` must be a mapping, found the number `1` []"]);
        assert_eq!(
            faults("a: x\n[1]: 2"),
            ["2:1: unknown field a list in a thing [known fields are `a`, `b`]"]
        );
    }
}
