//! `-o NS:ENTRY:FIELD=VALUE`: replaces one field of an entry for one run.
//!
//! A replacement happens in the tree, before anything is checked. So it obeys the rules of YAML
//! files, and what is wrong with it is reported like them, at its place in the option.

use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

use super::DEFAULT_HOST;
use super::decode::EntryFile;
use super::fault::{Fault, Faults, FileIdx, Files, Place, quoted};
use super::id::EntryId;
use super::nearest::nearest_id;
use super::read::did_you_mean;
use super::yaml::{self, Data, Node, Pair, Style};

/// One `-o` option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The whole text of the option.
    text: String,
    entry: EntryId,
    /// The field, and what it is nested in, outermost first.
    path: Vec<String>,
    value: String,
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}={}", self.entry, self.path.join("."), self.value)
    }
}

impl FromStr for Override {
    type Err = String;

    /// Reads `NS:ENTRY:FIELD=VALUE`.
    fn from_str(text: &str) -> Result<Self, String> {
        /// No field is nested this deep.
        const PATH_MAX: usize = 8;
        let form = || "expected NS:ENTRY:FIELD=VALUE".to_owned();
        let (field, value) = text.split_once('=').ok_or_else(form)?;
        let (entry, path) = field.rsplit_once(':').ok_or_else(form)?;
        let entry = EntryId::parse(entry)
            .ok_or_else(|| format!("{} is not an entry id such as `app:worker`", quoted(entry)))?;
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) || path.len() > PATH_MAX {
            return Err(format!(
                "{} is not a field such as `host.workers`",
                quoted(&path.join("."))
            ));
        }
        Ok(Self { text: text.to_owned(), entry, path, value: value.to_owned() })
    }
}

impl Override {
    /// The place of the characters from `start` on, `len` of them.
    fn place(file: FileIdx, start: usize, len: usize) -> Place {
        let to_u32 = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { file, line: 1, col: to_u32(start + 1), len: to_u32(len) }
    }

    /// The value as a node, if it is a YAML scalar.
    fn value(&self, file: FileIdx, faults: &Faults) -> Option<Rc<Node>> {
        let len = self.value.chars().count();
        let place = Self::place(file, self.text.chars().count() - len, len);
        let root = match yaml::parse(file, &self.value) {
            Ok(document) if document.faults.is_empty() => document.root,
            _ => return Self::no_scalar(place, faults),
        };
        match root.as_deref().map(|node| &node.data) {
            None => Some(Node::scalar(place, "", Style::Plain)),
            Some(Data::Scalar(scalar)) => Some(Node::scalar(place, &scalar.text, scalar.style)),
            Some(Data::List(_) | Data::Map(_)) => Self::no_scalar(place, faults),
        }
    }

    fn no_scalar(place: Place, faults: &Faults) -> Option<Rc<Node>> {
        let fault = Fault::new(place, "the value must be a YAML scalar");
        faults.add(fault.hint("put it in quotes if it is text"));
        None
    }

    /// Replaces the field below `node`, making the mappings on the way if they are missing.
    fn replace(&self, node: &mut Rc<Node>, value: Rc<Node>, file: FileIdx) -> Result<(), Fault> {
        let mut col = self.entry.as_str().len() + 1;
        let mut node = node;
        for (depth, name) in self.path.iter().enumerate() {
            let place = Self::place(file, col, name.chars().count());
            col += name.chars().count() + 1;
            if node.is_null() {
                *node = Node::map(place, []);
            }
            let Data::Map(pairs) = &mut Rc::make_mut(node).data else {
                let parent = self.path[..depth].join(".");
                return Err(Fault::new(place, format!("{} has no fields", quoted(&parent))));
            };
            let key = Node::scalar(place, name, Style::Plain);
            let at = pairs.iter().position(|pair| pair.key.text() == Some(name));
            let at = at.unwrap_or_else(|| {
                let value = Node::scalar(place, "", Style::Plain);
                pairs.push(Pair { key: Rc::clone(&key), value });
                pairs.len() - 1
            });
            pairs[at].key = key;
            node = &mut pairs[at].value;
        }
        *node = value;
        Ok(())
    }
}

/// Applies all options, in their order, to the entry files.
pub(crate) fn apply(
    overrides: &[Override],
    entry_files: &mut Vec<EntryFile>,
    files: &mut Files,
    faults: &Faults,
) {
    for option in overrides {
        let file = files.add("-o", option.text.as_bytes());
        let id_place = Override::place(file, 0, option.entry.as_str().len());
        let Some(value) = option.value(file, faults) else { continue };
        if option.path == ["name"] {
            faults.add(Fault::new(id_place, "the name of an entry cannot be replaced"));
            continue;
        }
        declare_default_host(&option.entry, id_place, entry_files);
        let Some(entry) = entry_files.iter_mut().find_map(|file| find(file, &option.entry)) else {
            faults.add(no_entry(&option.entry, id_place, entry_files));
            continue;
        };
        // The fields of an entry stand under `data`, if it has that.
        let is_own = matches!(option.path[0].as_str(), "kind" | "meta" | "data");
        let target = match entry.get("data") {
            Some(_) if !is_own => Rc::make_mut(entry).get_mut("data").expect("it was just found"),
            _ => entry,
        };
        if let Err(fault) = option.replace(target, value, file) {
            faults.add(fault);
        }
    }
}

/// The entry of that id in a file, to be changed in place.
fn find<'f>(file: &'f mut EntryFile, id: &EntryId) -> Option<&'f mut Rc<Node>> {
    if file.root.get("namespace")?.text() != Some(id.namespace()) {
        return None;
    }
    let entries = Rc::make_mut(&mut file.root).get_mut("entries")?;
    let Data::List(entries) = &mut Rc::make_mut(entries).data else { return None };
    entries
        .iter_mut()
        .find(|entry| entry.get("name").and_then(|name| name.text()) == Some(id.name()))
}

/// The implicit host has no entry to replace fields of: an option for it declares it.
fn declare_default_host(id: &EntryId, place: Place, entry_files: &mut Vec<EntryFile>) {
    let is_host =
        |entry: &Rc<Node>| entry.get("kind").and_then(|kind| kind.text()) == Some("process.host");
    if id.as_str() != DEFAULT_HOST || entry_files.iter().flat_map(entries).any(is_host) {
        return;
    }
    let text = |text: &str| Node::scalar(place, text, Style::Plain);
    let entry = Node::map(place, [("name", text(id.name())), ("kind", text("process.host"))]);
    let entries = Node::list(place, [entry]);
    let root = Node::map(place, [("namespace", text(id.namespace())), ("entries", entries)]);
    entry_files.push(EntryFile { name: "-o".to_owned(), root });
}

fn entries(file: &EntryFile) -> &[Rc<Node>] {
    match file.root.get("entries").map(|entries| &entries.data) {
        Some(Data::List(entries)) => entries,
        _ => &[],
    }
}

fn no_entry(id: &EntryId, place: Place, entry_files: &[EntryFile]) -> Fault {
    let mut ids = Vec::new();
    for file in entry_files {
        let namespace = file.root.get("namespace").and_then(|node| node.text());
        for entry in entries(file) {
            let name = entry.get("name").and_then(|node| node.text());
            ids.extend(namespace.zip(name).and_then(|(scope, name)| EntryId::new(scope, name)));
        }
    }
    let meant = nearest_id(id, &ids).map(did_you_mean);
    Fault::new(place, format!("no entry `{id}`")).maybe_hint(meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
namespace: app
entries:
  - {name: a, kind: process.host, host: {workers: 2}}
  - {name: b, kind: process.lua, data: {method: main}}
";

    /// Applies options to `FILE`: a way to look up what became of it, and the faults.
    fn applied(options: &[&str], id: &str, path: &[&str]) -> (Option<String>, Vec<String>) {
        let mut files = Files::default();
        let file = files.add("t.yaml", FILE.as_bytes());
        let root = yaml::parse(file, FILE).unwrap().root.unwrap();
        let mut entry_files = vec![EntryFile { name: "t.yaml".into(), root }];
        let options: Vec<Override> = options.iter().map(|text| text.parse().unwrap()).collect();
        let faults = Faults::default();
        apply(&options, &mut entry_files, &mut files, &faults);
        let id = EntryId::parse(id).unwrap();
        let entry = entry_files.iter_mut().find_map(|file| find(file, &id)).cloned();
        let step = |node: Option<Rc<Node>>, key: &&str| node?.get(key).cloned();
        let value = path.iter().fold(entry, step);
        let report = faults.into_report(&files);
        let show = |d: &crate::app::Diagnostic| format!("{}:{}: {}", d.file, d.col, d.message);
        (
            value.and_then(|node| node.text().map(str::to_owned)),
            report.diagnostics().iter().map(show).collect(),
        )
    }

    #[test]
    fn a_field_is_replaced_or_added() {
        let replaced = applied(&["app:a:host.workers=4"], "app:a", &["host", "workers"]);
        assert_eq!(replaced, (Some("4".into()), vec![]));
        let added = applied(&["app:a:lifecycle.startup=x"], "app:a", &["lifecycle", "startup"]);
        assert_eq!(added, (Some("x".into()), vec![]));
    }

    #[test]
    fn later_options_win() {
        let options = ["app:a:host.workers=4", "app:a:host.workers=5"];
        assert_eq!(applied(&options, "app:a", &["host", "workers"]).0.as_deref(), Some("5"));
    }

    #[test]
    fn fields_under_data_are_replaced_there() {
        let (value, faults) = applied(&["app:b:method=run"], "app:b", &["data", "method"]);
        assert_eq!((value.as_deref(), faults.len()), (Some("run"), 0));
    }

    #[test]
    fn an_option_for_the_implicit_host_declares_it_only_without_other_hosts() {
        let (_, faults) = applied(&["app:processes:host.workers=4"], "app:a", &[]);
        assert_eq!(faults, ["-o:1: no entry `app:processes`"]);
    }

    #[test]
    fn faults_stand_at_their_place_in_the_option() {
        let faults = |option| applied(&[option], "app:a", &[]).1;
        assert_eq!(faults("app:c:method=x"), ["-o:1: no entry `app:c`"]);
        assert_eq!(faults("app:a:kind.x=1"), ["-o:12: `kind` has no fields"]);
        assert_eq!(faults("app:a:host=[1]"), ["-o:12: the value must be a YAML scalar"]);
        assert_eq!(faults("app:a:host='x"), ["-o:12: the value must be a YAML scalar"]);
        assert_eq!(faults("app:a:name=x"), ["-o:1: the name of an entry cannot be replaced"]);
    }

    #[test]
    fn the_form_is_checked_first() {
        let error = |text: &str| text.parse::<Override>().unwrap_err();
        assert_eq!(error("app:a:method"), "expected NS:ENTRY:FIELD=VALUE");
        assert_eq!(error("method=x"), "expected NS:ENTRY:FIELD=VALUE");
        assert_eq!(error("app:method=x"), "`app` is not an entry id such as `app:worker`");
        assert_eq!(error("app:a:=x"), "`` is not a field such as `host.workers`");
        assert!("app:a:source=return {a = 1}".parse::<Override>().is_ok());
    }
}
