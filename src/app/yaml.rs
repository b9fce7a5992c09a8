//! YAML text to a tree in which every node knows its place.
//!
//! Deserialising straight into structs stops at the first wrong field. Here the syntax comes first
//! and gives a tree; [`Fields`](super::fields::Fields) then reads the tree, adds a fault for each
//! thing that is wrong and goes on.
//!
//! # Concepts
//! - **node**: a scalar, a list or a mapping, with its [`Place`].
//! - **alias**: a second use of an anchored node. The node is shared, never copied.
//!
//! # Invariants
//! - I1: a tree counts at most [`NODES_MAX`] nodes, each alias counted as often as it is used, so
//!   walking a whole tree is bounded whatever the aliases say.
//! - I2: no node is nested deeper than [`DEPTH_MAX`], aliases followed, so recursion over a tree
//!   (and dropping one) is bounded.
//! - I3: no mapping has two keys of the same text.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};
use rustc_hash::FxHashMap;

use super::entry::Value;
use super::fault::{Fault, FileIdx, Place, quoted};

/// Nodes of one document, with aliases expanded.
const NODES_MAX: u64 = 1_000_000;

/// Levels of nesting, with aliases expanded.
const DEPTH_MAX: u32 = 100;

/// The tag `!`: a scalar so tagged is text.
const NON_SPECIFIC: (&str, &str) = ("", "!");

/// A node of a document.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) data: Data,
    /// Nodes of this tree, itself included, aliases expanded.
    n_nodes: u64,
    /// Levels of this tree, itself included, aliases followed.
    depth: u32,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    Scalar(Scalar),
    List(Vec<Rc<Node>>),
    Map(Vec<Pair>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) key: Rc<Node>,
    pub(crate) value: Rc<Node>,
}

/// Text, and whether it may stand for something else.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) style: Style,
}

/// How a scalar was written, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Bare: may be a number, a boolean or nothing.
    Plain,
    /// In quotes, folded, or tagged as text: always text.
    Quoted,
    /// A `|` block: always text, and its lines are lines of the file.
    Literal,
}

/// A YAML file after parsing.
#[derive(Debug)]
pub(crate) struct Document {
    /// The first document; `None` if the file is empty.
    pub(crate) root: Option<Rc<Node>>,
    /// What is legal YAML but wrong in a file that we read: duplicate keys, unknown tags, further
    /// documents.
    pub(crate) faults: Vec<Fault>,
}

impl Node {
    pub(crate) fn new(place: Place, data: Data) -> Self {
        let children: Vec<&Node> = match &data {
            Data::Scalar(_) => Vec::new(),
            Data::List(items) => items.iter().map(Rc::as_ref).collect(),
            Data::Map(pairs) => {
                pairs.iter().flat_map(|pair| [pair.key.as_ref(), pair.value.as_ref()]).collect()
            }
        };
        let n_nodes = children.iter().fold(1, |n: u64, child| n.saturating_add(child.n_nodes));
        let depth = children.iter().map(|child| child.depth).max().unwrap_or(0) + 1;
        Self { place, data, n_nodes, depth }
    }

    /// A scalar that was not read from a file of its own.
    pub(crate) fn scalar(place: Place, text: impl Into<String>, style: Style) -> Rc<Self> {
        Rc::new(Self::new(place, Data::Scalar(Scalar { text: text.into(), style })))
    }

    /// A mapping that was not read from a file of its own.
    pub(crate) fn map(
        place: Place,
        pairs: impl IntoIterator<Item = (&'static str, Rc<Self>)>,
    ) -> Rc<Self> {
        let pairs = pairs
            .into_iter()
            .map(|(key, value)| Pair { key: Self::scalar(place, key, Style::Plain), value })
            .collect();
        Rc::new(Self::new(place, Data::Map(pairs)))
    }

    /// A list that was not read from a file of its own.
    pub(crate) fn list(place: Place, items: impl IntoIterator<Item = Rc<Self>>) -> Rc<Self> {
        Rc::new(Self::new(place, Data::List(items.into_iter().collect())))
    }

    /// The text of a scalar, whatever it stands for.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(scalar) => Some(&scalar.text),
            Data::List(_) | Data::Map(_) => None,
        }
    }

    /// The value under a key, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Rc<Node>> {
        let Data::Map(pairs) = &self.data else { return None };
        pairs.iter().find(|pair| pair.key.text() == Some(key)).map(|pair| &pair.value)
    }

    /// The value under a key, to be changed in place.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Rc<Node>> {
        let Data::Map(pairs) = &mut self.data else { return None };
        pairs.iter_mut().find(|pair| pair.key.text() == Some(key)).map(|pair| &mut pair.value)
    }

    /// Whether nothing stands here.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.data, Data::Scalar(scalar) if scalar.value() == Value::Null)
    }

    /// What it is, in words for "…, found …".
    pub(crate) fn describe(&self) -> String {
        match &self.data {
            Data::List(_) => "a list".to_owned(),
            Data::Map(_) => "a mapping".to_owned(),
            Data::Scalar(scalar) => match scalar.value() {
                Value::Null => "nothing".to_owned(),
                Value::Int(_) | Value::Float(_) => format!("the number {}", quoted(&scalar.text)),
                Value::Str(_) if scalar.style != Style::Plain => {
                    format!("the text {}", quoted(&scalar.text))
                }
                _ => quoted(&scalar.text),
            },
        }
    }
}

impl Scalar {
    /// What the scalar stands for, by the core schema of YAML 1.2.
    pub(crate) fn value(&self) -> Value {
        if self.style != Style::Plain {
            return Value::Str(self.text.clone());
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Value::Null,
            "true" | "True" | "TRUE" => Value::Bool(true),
            "false" | "False" | "FALSE" => Value::Bool(false),
            ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
            text => number(text).unwrap_or_else(|| Value::Str(text.to_owned())),
        }
    }
}

/// Reads a number of the core schema. A whole number beyond 64 bits becomes a float, as in Lua.
fn number(text: &str) -> Option<Value> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let legal = digits.chars().all(|c| c.is_digit(radix));
            return i64::from_str_radix(digits, radix).ok().filter(|_| legal).map(Value::Int);
        }
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        let negative = text.starts_with('-');
        return Some(Value::Float(if negative { f64::NEG_INFINITY } else { f64::INFINITY }));
    }
    // Rust also reads words such as `infinity`, which are text in YAML.
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+');
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || !unsigned.chars().all(numeric)
    {
        return None;
    }
    text.parse().map(Value::Int).or_else(|_| text.parse().map(Value::Float)).ok()
}

/// Parses the text of a file.
///
/// # Errors
/// The first place where it is no YAML, or where it is too large.
pub(crate) fn parse(file: FileIdx, text: &str) -> Result<Document, Fault> {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    let mut builder = Builder::new(file);
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| syntax_fault(file, text, &error))?;
        builder.event(event, &span)?;
    }
    Ok(Document { root: builder.root, faults: builder.faults })
}

fn syntax_fault(file: FileIdx, text: &str, error: &ScanError) -> Fault {
    let mark = error.marker();
    let line = text.lines().nth(mark.line().saturating_sub(1)).unwrap_or_default();
    let n_spaces = line.chars().take_while(|c| *c == ' ').count();
    let is_tab_indent = line[n_spaces..].starts_with('\t');
    let col = if is_tab_indent { n_spaces } else { mark.col() } + 1;
    let place = Place { file, line: to_u32(mark.line()), col: to_u32(col), len: 1 };
    let fault = Fault::new(place, format!("invalid YAML: {}", error.info()));
    if is_tab_indent { fault.hint("indent with spaces: YAML allows no tabs there") } else { fault }
}

fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Builds the tree of the first document out of parser events.
struct Builder {
    file: FileIdx,
    /// The collections that are open, outermost first.
    open: Vec<Open>,
    /// Finished nodes by the number of their anchor.
    anchors: FxHashMap<usize, Rc<Node>>,
    n_nodes: u64,
    n_documents: usize,
    root: Option<Rc<Node>>,
    faults: Vec<Fault>,
}

/// A collection whose end has not come.
struct Open {
    place: Place,
    anchor: usize,
    children: Children,
}

enum Children {
    List(Vec<Rc<Node>>),
    /// The pairs so far, and a key that waits for its value.
    Map(Vec<Pair>, Option<Rc<Node>>),
}

impl Builder {
    fn new(file: FileIdx) -> Self {
        Self {
            file,
            open: Vec::new(),
            anchors: FxHashMap::default(),
            n_nodes: 0,
            n_documents: 0,
            root: None,
            faults: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Fault> {
        let place = self.place(span);
        if matches!(event, Event::DocumentStart(..)) {
            self.n_documents += 1;
            if self.n_documents == 2 {
                self.faults.push(Fault::new(place, "a second document in one file"));
            }
        }
        // Further documents are only checked for their syntax.
        if self.n_documents > 1 {
            return Ok(());
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = self.style(style, tag, span);
                let scalar = Data::Scalar(Scalar { text: text.into_owned(), style });
                self.finish(Node::new(place, scalar), anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag, span);
                self.open.push(Open { place, anchor, children: Children::List(Vec::new()) });
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag, span);
                self.open.push(Open { place, anchor, children: Children::Map(Vec::new(), None) });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => {
                    let n_nodes = node.n_nodes;
                    self.attach(node, place, n_nodes)
                }
                None => Err(Fault::new(place, "invalid YAML: an alias inside its own anchor")),
            },
            // Stream and document marks carry no nodes; anchors, comments and unresolved aliases
            // are not asked for.
            _ => Ok(()),
        }
    }

    fn place(&self, span: &Span) -> Place {
        Place {
            file: self.file,
            line: to_u32(span.start.line()),
            col: to_u32(span.start.col() + 1),
            len: to_u32(span.len()),
        }
    }

    fn style(&mut self, style: ScalarStyle, tag: Option<Cow<'_, Tag>>, span: &Span) -> Style {
        let is_text =
            |tag: &Cow<'_, Tag>| tag.is_yaml_core_schema_tag("str") || tag.parts() == NON_SPECIFIC;
        let is_tagged_text = tag.as_ref().is_some_and(is_text);
        if !is_tagged_text {
            self.check_tag(tag, span);
        }
        match style {
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Plain if !is_tagged_text => Style::Plain,
            _ => Style::Quoted,
        }
    }

    /// Tags of the core schema are redundant; others would need somebody who knows them.
    fn check_tag(&mut self, tag: Option<Cow<'_, Tag>>, span: &Span) {
        if let Some(tag) =
            tag.filter(|tag| !tag.is_yaml_core_schema() && tag.parts() != NON_SPECIFIC)
        {
            let place = self.place(&span.tag_span().unwrap_or(*span));
            let message = format!("unknown tag {}", quoted(&tag.original()));
            self.faults.push(Fault::new(place, message).hint("remove it"));
        }
    }

    /// Ends the innermost open collection.
    fn close(&mut self) -> Result<(), Fault> {
        let Some(Open { place, anchor, children }) = self.open.pop() else { return Ok(()) };
        let data = match children {
            Children::List(items) => Data::List(items),
            Children::Map(pairs, _) => Data::Map(self.without_duplicates(pairs)),
        };
        self.finish(Node::new(place, data), anchor)
    }

    /// Keeps the first pair of each key (I3).
    fn without_duplicates(&mut self, pairs: Vec<Pair>) -> Vec<Pair> {
        let mut firsts: FxHashMap<String, Place> = FxHashMap::default();
        let mut kept = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let Some(key) = pair.key.text() else {
                kept.push(pair);
                continue;
            };
            match firsts.entry(key.to_owned()) {
                Entry::Vacant(entry) => {
                    entry.insert(pair.key.place);
                    kept.push(pair);
                }
                Entry::Occupied(first) => {
                    let message = format!("duplicate key {}", quoted(key));
                    self.faults
                        .push(Fault::new(pair.key.place, message).see("it is also", *first.get()));
                }
            }
        }
        kept
    }

    /// Takes in a finished node, under its anchor if it has one.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        let (place, node) = (node.place, Rc::new(node));
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        // Its children were counted when they were attached.
        self.attach(node, place, 1)
    }

    /// Hangs a node into the innermost open collection, or makes it the root. `n_nodes` is what it
    /// adds to the size of the tree.
    fn attach(&mut self, node: Rc<Node>, place: Place, n_nodes: u64) -> Result<(), Fault> {
        self.n_nodes = self.n_nodes.saturating_add(n_nodes);
        if self.n_nodes > NODES_MAX {
            let message = format!("more than {NODES_MAX} values, aliases expanded");
            return Err(Fault::new(place, message));
        }
        if to_u32(self.open.len()).saturating_add(node.depth) > DEPTH_MAX {
            let message = format!("nested deeper than {DEPTH_MAX} levels, aliases expanded");
            return Err(Fault::new(place, message));
        }
        match self.open.last_mut().map(|open| &mut open.children) {
            None => self.root = Some(node),
            Some(Children::List(items)) => items.push(node),
            Some(Children::Map(pairs, key)) => match key.take() {
                None => *key = Some(node),
                Some(key) => pairs.push(Pair { key, value: node }),
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fault::{Faults, Files};
    use proptest::prelude::*;

    fn parsed(text: &str) -> Document {
        parse(Files::default().add("t.yaml", text.as_bytes()), text).expect("valid YAML")
    }

    fn fault(text: &str) -> String {
        let mut files = Files::default();
        let file = files.add("t.yaml", text.as_bytes());
        let faults = Faults::default();
        match parse(file, text) {
            Ok(document) => document.faults.into_iter().for_each(|fault| faults.add(fault)),
            Err(fault) => faults.add(fault),
        }
        let report = faults.into_report(&files);
        let show = |d: &crate::app::Diagnostic| format!("{}:{}: {}", d.line, d.col, d.message);
        report.diagnostics().iter().map(show).collect::<Vec<_>>().join("; ")
    }

    fn value(text: &str) -> Value {
        match &parsed(text).root.expect("a node").data {
            Data::Scalar(scalar) => scalar.value(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        assert_eq!(value("~"), Value::Null);
        assert_eq!(value("true"), Value::Bool(true));
        assert_eq!(value("yes"), Value::Str("yes".into()));
        assert_eq!(value("-12"), Value::Int(-12));
        assert_eq!(value("0x1F"), Value::Int(31));
        assert_eq!(value("0o17"), Value::Int(15));
        assert_eq!(value("1.5e3"), Value::Float(1500.0));
        assert_eq!(value("-.inf"), Value::Float(f64::NEG_INFINITY));
        assert_eq!(value("9223372036854775808"), Value::Float(9_223_372_036_854_775_808.0));
        for text in ["infinity", "nan", "1h", "64MB", "1.2.3", "e5", "0x", "0x-1", "-x", "."] {
            assert_eq!(value(text), Value::Str(text.into()));
        }
    }

    #[test]
    fn quotes_and_the_text_tag_make_text() {
        for text in ["'5'", "\"5\"", "!!str 5", "! 5"] {
            assert_eq!(value(text), Value::Str("5".into()), "{text}");
        }
    }

    #[test]
    fn every_node_knows_its_place() {
        let root = parsed("a:\n  b: [x, öäü]\n").root.unwrap();
        let list = root.get("a").unwrap().get("b").unwrap();
        let Data::List(items) = &list.data else { panic!("{list:?}") };
        let place = |node: &Node| (node.place.line, node.place.col, node.place.len);
        assert_eq!(place(list), (2, 6, 1));
        assert_eq!(place(&items[1]), (2, 10, 3));
    }

    #[test]
    fn duplicate_keys_keep_the_first_and_are_all_faults() {
        let document = parsed("a: 1\nb: 2\na: 3\na: 4\n");
        assert_eq!(document.root.unwrap().get("a").unwrap().text(), Some("1"));
        assert_eq!(document.faults.len(), 2);
        assert_eq!(fault("a: 1\na: 2\n"), "2:1: duplicate key `a`");
    }

    #[test]
    fn faults_of_form_have_their_place() {
        assert_eq!(fault("a: !Ref b\n"), "1:4: unknown tag `!Ref`");
        assert_eq!(fault("a: 1\n---\nb: 2\n---\n"), "2:1: a second document in one file");
        assert!(fault("a: [1\n").contains("invalid YAML: "));
        assert!(fault("a: *b\n").starts_with("1:4: invalid YAML: "));
        assert_eq!(fault("a: &b [*b]\n"), "1:8: invalid YAML: an alias inside its own anchor");
    }

    #[test]
    fn aliases_share_their_node() {
        let root = parsed("a: &x {k: v}\nb: *x\n").root.unwrap();
        assert!(Rc::ptr_eq(root.get("a").unwrap(), root.get("b").unwrap()));
    }

    #[test]
    fn a_billion_laughs_is_refused_at_once() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..20 {
            let aliases = vec![format!("*a{}", n - 1); 10].join(", ");
            text += &format!("a{n}: &a{n} [{aliases}]\n");
        }
        assert!(fault(&text).contains("more than 1000000 values"), "{}", fault(&text));
    }

    #[test]
    fn nesting_is_bounded_also_through_aliases() {
        assert!(fault(&"[".repeat(100_000)).contains("invalid YAML"));
        assert!(fault(&("[".repeat(101) + &"]".repeat(101))).contains("nested deeper"));
        let mut text = "- &a0 x\n".to_owned();
        for n in 1..200_000 {
            text += &format!("- &a{n} [*a{}]\n", n - 1);
        }
        assert!(fault(&text).contains("nested deeper than 100 levels"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-:{}\\[\\],&*!|>'\"%@` \t\r\na-c0-9#?~<.é]{0,80}") {
            let _ = fault(&text);
        }
    }
}
