//! The YAML document as a tree.
//!
//! The tree is read within a memory budget, because aliases can repeat nodes exponentially.

use super::mask;
use super::message::quoted;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, Visitor};

/// A node of the document. Keys are texts, whatever they look like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// The most memory of a tree in bytes, roughly: the largest text fits, an exploding one does not.
const BUDGET: usize = 32 << 20;

/// Bytes counted for a node besides its text.
const NODE: usize = 32;

impl Node {
    /// The value of a key, where the node is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Whether the node is empty: null, or an empty list or map.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::List(entries) => entries.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            _ => false,
        }
    }
}

impl fmt::Display for Node {
    /// Describes the node as messages do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("nothing"),
            Self::Flag(flag) => write!(f, "`{flag}`"),
            Self::Number(number) if number.is_nan() => f.write_str("`.nan`"),
            Self::Number(number) if number.is_infinite() => {
                f.write_str(if *number > 0.0 { "`.inf`" } else { "`-.inf`" })
            }
            Self::Number(number) if *number == 0.0 || (1e-5..1e15).contains(&number.abs()) => write!(f, "`{number}`"),
            Self::Number(number) => write!(f, "`{number:e}`"),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::List(_) => f.write_str("a list"),
            Self::Map(_) => f.write_str("a map"),
        }
    }
}

/// Why a text has no tree, and the line and column, from 1, where it went wrong.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) message: String,
    pub(super) at: Option<(usize, usize)>,
}

/// Reads the first document of a masked text, merge keys left as they are.
pub(super) fn read(masked: &str, what: &'static str) -> Result<Node, Unreadable> {
    let reading = Reading { budget: &Cell::new(BUDGET), refusal: &RefCell::default(), what };
    let Some(document) = serde_yaml::Deserializer::from_str(masked).next() else { return Ok(Node::Null) };
    reading.deserialize(document).map_err(|error| {
        let message = reading.refusal.take().unwrap_or_else(|| syntax(&error.to_string(), what));
        Unreadable { message, at: error.location().map(|location| (location.line(), location.column())) }
    })
}

/// The YAML reader's message, without its places.
fn syntax(message: &str, what: &str) -> String {
    if message.contains("expected a key") {
        return "a key must be a text, not a list or a map".into();
    }
    if message.contains("recursion limit") {
        return too_deep(what);
    }
    if message.contains("repetition limit") {
        return repeats_too_much(what);
    }
    let mut out = String::new();
    let mut rest = message;
    while let Some(start) = rest.find(" at line ").or_else(|| rest.find(" at position ")) {
        let (before, found) = rest.split_at(start);
        out.push_str(before);
        rest = found.find(',').and_then(|end| found.get(end..)).unwrap_or_default();
    }
    out.push_str(rest);
    // The reader names the path to the node by its keys, as they are written.
    let shown = mask::unmask(&out).replace(char::is_control, " ");
    format!("the {what} is not valid YAML: {shown}")
}

fn repeats_too_much(what: &str) -> String {
    format!("the aliases of the {what} repeat too much")
}

fn too_deep(what: &str) -> String {
    format!("the {what} nests more than 128 levels deep")
}

/// The most brackets that may be open at once, including those in strings and comments. No recipe of 128 levels has as
/// many.
const MOST_OPEN: usize = 512;

/// The most lines that may be directives (`%TAG`, `%YAML`).
const MOST_DIRECTIVES: usize = 64;

/// Finds where a text would take minutes to read, and why: the YAML reader visits every open bracket again for every token,
/// and every directive for every other one. The offset excludes a byte order mark.
pub(super) fn too_slow(text: &str, what: &str) -> Option<(usize, String)> {
    let (mut open, mut directives) = (0_usize, 0_usize);
    let mut previous = '\n';
    for (offset, c) in mask::without_mark(text).char_indices() {
        match c {
            '[' | '{' => open += 1,
            ']' | '}' => open = open.saturating_sub(1),
            '%' if matches!(previous, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}') => directives += 1,
            _ => {}
        }
        if open > MOST_OPEN {
            return Some((offset, too_deep(what)));
        }
        if directives > MOST_DIRECTIVES {
            return Some((offset, format!("the {what} has more than {MOST_DIRECTIVES} directives (`%`)")));
        }
        previous = c;
    }
    None
}

/// The number of documents in a masked text, counted up to two.
pub(super) fn documents(masked: &str) -> usize {
    serde_yaml::Deserializer::from_str(masked).take(2).count()
}

#[derive(Clone, Copy)]
struct Reading<'a> {
    budget: &'a Cell<usize>,
    /// The message of an error of this module, which the YAML reader would wrap.
    refusal: &'a RefCell<Option<String>>,
    /// What messages call the file.
    what: &'static str,
}

impl Reading<'_> {
    fn spend<E: serde::de::Error>(self, text: usize) -> Result<(), E> {
        let left = self.budget.get().checked_sub(text.saturating_add(NODE));
        self.budget.set(left.ok_or_else(|| self.refuse(repeats_too_much(self.what)))?);
        Ok(())
    }

    fn refuse<E: serde::de::Error>(self, message: String) -> E {
        *self.refusal.borrow_mut() = Some(message);
        E::custom("refused")
    }

    fn node<E: serde::de::Error>(self, node: Node) -> Result<Node, E> {
        self.spend(0)?;
        Ok(node)
    }
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar, a list or a map")
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Node, E> {
        self.node(Node::Flag(flag))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Node, E> {
        self.node(Node::Number(number as f64))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Node, E> {
        self.node(Node::Number(number as f64))
    }

    fn visit_i128<E: serde::de::Error>(self, number: i128) -> Result<Node, E> {
        self.node(Node::Number(number as f64))
    }

    fn visit_u128<E: serde::de::Error>(self, number: u128) -> Result<Node, E> {
        self.node(Node::Number(number as f64))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Node, E> {
        self.node(Node::Number(number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Node, E> {
        self.spend(text.len())?;
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Node, E> {
        self.node(Node::Null)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Node, E> {
        self.node(Node::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        self.spend(0)?;
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element_seed(self)? {
            list.push(entry);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        self.spend(0)?;
        let mut map = Vec::new();
        let mut seen = BTreeSet::new();
        while let Some(key) = entries.next_key_seed(Key { reading: self, seen: &mut seen })? {
            map.push((key, entries.next_value_seed(self)?));
        }
        Ok(Node::Map(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Node, A::Error> {
        let (tag, _) = data.variant::<String>()?;
        Err(self.refuse(format!("the tag {} means nothing in a {}", quoted(&tag), self.what)))
    }
}

/// Reads a key and refuses one that its map has already.
struct Key<'a> {
    reading: Reading<'a>,
    seen: &'a mut BTreeSet<String>,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<String, E> {
        self.reading.spend(key.len().saturating_mul(2))?;
        let key = mask::unmask(key);
        if self.seen.insert(key.clone()) {
            return Ok(key);
        }
        Err(self.reading.refuse(format!("the key {} stands here twice", quoted(&key))))
    }
}
