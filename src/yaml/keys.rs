//! Tables of the keys that the maps of a file may have. Parsers, messages and JSON Schemas read them.

use super::message::and;
use super::tree::Node;
use crate::nearest::nearest;

/// A map in a file and the keys it may have.
#[derive(Debug)]
pub struct KeyTable {
    /// What messages call the map.
    pub name: &'static str,
    /// Where it stands in the file.
    pub at: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
    /// What is known of keys that it does not have.
    pub(crate) advice: &'static dyn KeyAdvice,
}

/// What a kind of file knows of keys that a level does not have.
pub(crate) trait KeyAdvice: std::fmt::Debug + Sync {
    /// Why such a key is accepted, as a warning says it; `None` for one that is a mistake.
    fn remark(&self, level: &'static KeyTable, entries: &[(String, Node)], key: &str, value: &Node) -> Option<String>;

    /// What to write instead, where more is known than the nearest key.
    fn moved(&self, level: &'static KeyTable, key: &str) -> Option<String>;

    /// The key of the level that is often called by this name.
    fn renamed(&self, level: &'static KeyTable, key: &str) -> Option<&'static str>;

    /// The keys that the level accepts without having them, each with what there is in its place.
    fn notes(&self, level: &KeyTable) -> Vec<(&'static str, String)>;
}

/// A key of a map.
#[derive(Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// One line: what it is for.
    pub doc: &'static str,
    /// Whether it is read.
    pub status: Status,
    /// What its value is.
    pub form: Form,
    /// Whether its level must have it.
    pub required: bool,
}

/// What the value of a key is, as the JSON Schema says it. The parser reads more spellings of some.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Anything.
    Any,
    /// A text.
    Text,
    /// A text, or a number that stands for itself.
    Name,
    /// A text that a regular expression matches.
    Like(&'static str),
    /// true or false.
    Flag,
    /// A number.
    Number,
    /// A whole number, at least this one.
    Whole(u32),
    /// One of some words.
    OneOf(fn() -> Vec<&'static str>),
    /// What a schema of its own says.
    Schema(fn() -> serde_json::Value),
    /// The map of a level.
    Map(&'static KeyTable),
    /// A list, possibly empty.
    List(&'static Form),
    /// A list, or one entry in its place.
    OneOrMore(&'static Form),
    /// A map of names that the user chooses, at least so many, with some that have a meaning of their own.
    Entries {
        /// The fewest.
        least: usize,
        /// The names with a meaning.
        known: &'static [(&'static str, Form)],
        /// The value of the others.
        other: &'static Form,
    },
    /// Any of these.
    Either(&'static [Form]),
    /// A definition of the schema, by its name.
    Defined(&'static str),
}

/// Whether a key is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is.
    Read,
    /// It is accepted with a warning: mergekit has it, and it changes nothing.
    NoEffect,
}

pub(crate) const fn read(name: &'static str, doc: &'static str) -> Key {
    Key { name, doc, status: Status::Read, form: Form::Any, required: false }
}

pub(crate) const fn without_effect(name: &'static str, doc: &'static str) -> Key {
    Key { status: Status::NoEffect, ..read(name, doc) }
}

impl Key {
    /// The key with the form of its value.
    pub(crate) const fn is(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// The key where its level cannot do without it.
    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

impl KeyTable {
    /// The key called `name`.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The keys that are read.
    pub(crate) fn known(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().filter(|key| key.status == Status::Read).map(|key| key.name)
    }

    /// What to write instead of a key that the level does not have.
    pub(super) fn hint(&'static self, key: &str) -> String {
        if let Some(moved) = self.advice.moved(self, key) {
            return moved;
        }
        if let Some(near) = self.nearest(key) {
            return format!("did you mean `{near}`?");
        }
        let keys: Vec<String> = self.known().map(|key| format!("`{key}`")).collect();
        format!("{} has {}", self.name, and(&keys))
    }

    /// The key that was probably meant by one that the level does not have.
    pub(crate) fn meant(&'static self, key: &str) -> Option<&'static str> {
        self.advice.renamed(self, key).or_else(|| self.nearest(key))
    }

    fn nearest(&self, key: &str) -> Option<&'static str> {
        nearest(key, self.keys.iter().map(|key| key.name))
    }

    /// What to write instead of a text where the level's map is wanted.
    pub(super) fn hint_for_text(&self) -> Option<String> {
        self.key("model").map(|_| "write the folder after a key: `model: …`".to_owned())
    }
}
