//! Tables of the keys that the maps of a file may have. Parsers, messages and JSON Schemas read them.

use super::message::and;
use super::tree::Node;
use crate::nearest::nearest;

/// A map in a file and the keys it may have.
#[derive(Debug)]
pub struct KeyTable {
    /// What messages call the map.
    pub name: &'static str,
    /// Its position in the file.
    pub at: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
    /// Advice about keys that it does not have.
    pub(crate) advice: &'static dyn KeyAdvice,
}

/// Advice of a kind of file about keys that a level does not have.
pub(crate) trait KeyAdvice: std::fmt::Debug + Sync {
    /// The warning for an unknown key that is accepted; `None` for one that is a mistake.
    fn remark(&self, level: &'static KeyTable, entries: &[(String, Node)], key: &str, value: &Node) -> Option<String>;

    /// A hint that knows more than the nearest key.
    fn moved(&self, level: &'static KeyTable, key: &str) -> Option<String>;

    /// The key of the level that is often called by this name.
    fn renamed(&self, level: &'static KeyTable, key: &str) -> Option<&'static str>;

    /// The unknown keys that the level accepts, each with what replaces it.
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
    /// The form of its value.
    pub form: Form,
    /// Whether its level must have it.
    pub required: bool,
}

/// The form of a key's value, as in the JSON Schema. The parser reads more spellings of some.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Anything.
    Any,
    /// A text.
    Text,
    /// A text, or a number that is read as one.
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
    /// A form with a schema of its own.
    Schema(fn() -> serde_json::Value),
    /// The map of a level.
    Map(&'static KeyTable),
    /// A list, possibly empty.
    List(&'static Form),
    /// A list, or one entry in its place.
    OneOrMore(&'static Form),
    /// A map of names that the user chooses, of which some have a meaning of their own.
    Entries {
        /// The fewest entries.
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
    /// It is read.
    Read,
    /// It is accepted with a warning: mergekit has it, and it has no effect here.
    NoEffect,
}

pub(crate) const fn read(name: &'static str, doc: &'static str) -> Key {
    Key { name, doc, status: Status::Read, form: Form::Any, required: false }
}

pub(crate) const fn without_effect(name: &'static str, doc: &'static str) -> Key {
    Key { status: Status::NoEffect, ..read(name, doc) }
}

impl Key {
    /// Sets the form of its value.
    pub(crate) const fn is(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// Marks the key as required.
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

    /// The hint for an unknown key.
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

    /// The key that an unknown one probably meant.
    pub(crate) fn meant(&'static self, key: &str) -> Option<&'static str> {
        self.advice.renamed(self, key).or_else(|| self.nearest(key))
    }

    fn nearest(&self, key: &str) -> Option<&'static str> {
        nearest(key, self.keys.iter().map(|key| key.name))
    }

    /// The hint for a text in place of the level's map.
    pub(super) fn hint_for_text(&self) -> Option<String> {
        self.key("model").map(|_| "write the folder after a key: `model: …`".to_owned())
    }
}
