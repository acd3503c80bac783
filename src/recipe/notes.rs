//! What is found while a tree is read: warnings, and the faults that the reading goes on behind.
//!
//! A reader that meets a fault returns it, and whoever can do without what was read keeps it here and goes on with a
//! stand-in. One reading so finds everything that is wrong. What a stand-in or a variable without a value would cause is not
//! reported.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{Checked, Error, Fault};
use super::locate::{self, Part};
use super::parse::placed;
use super::types::{NodePath, Origin, Place, Step};

/// The warnings and faults so far.
#[derive(Default)]
pub(crate) struct Notes {
    warnings: Vec<(Option<NodePath>, String)>,
    seen: BTreeSet<String>,
    faults: Vec<Fault>,
    /// Nodes whose value is not known.
    unknown: BTreeSet<NodePath>,
    /// The variables that have no value, and where each is named first.
    variables: BTreeMap<String, NodePath>,
    /// Whether a variable may lack a value.
    open: bool,
}

/// Something that is accepted and probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// One sentence.
    pub message: String,
    /// Where it is, if it is at one place.
    pub place: Option<Place>,
}

impl Warning {
    /// One that is about no single place.
    pub(super) fn of_all(message: String) -> Self {
        Self { message, place: None }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Some(place) => write!(f, "line {}: {}", place.line, self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Warnings that are written out, and faults; a place costs a pass over the text.
const MOST: usize = 20;
const MOST_FAULTS: usize = 50;

impl Notes {
    /// Notes of a reading in which variables may lack a value, if `open`.
    pub(super) fn new(open: bool) -> Self {
        Self { open, ..Self::default() }
    }

    /// Adds a warning about a key.
    pub(crate) fn warn(&mut self, at: &NodePath, message: String) {
        self.add(Some(at), message);
    }

    /// Adds a warning, unless it was given already.
    pub(crate) fn add(&mut self, at: Option<&NodePath>, message: String) {
        if self.seen.insert(message.clone()) {
            self.warnings.push((at.cloned(), message));
        }
    }

    /// Keeps a fault. One about a node whose value is not known is no fault.
    pub(crate) fn fault(&mut self, fault: Fault) {
        if !self.unknown.contains(fault.path()) {
            self.faults.push(fault);
        }
    }

    /// What `read` gives; its fault is kept.
    pub(crate) fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Checked<T>) -> Option<T> {
        match read(self) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.fault(fault);
                None
            }
        }
    }

    /// Notes that the value of a node is not known.
    pub(super) fn unknown(&mut self, at: &NodePath) {
        self.unknown.insert(at.clone());
    }

    /// Notes that a variable has no value: a fault, unless variables may lack theirs.
    pub(super) fn variable(&mut self, name: &str, fault: Fault) {
        if !self.variables.contains_key(name) {
            self.variables.insert(name.to_owned(), fault.path().clone());
            if !self.open {
                self.fault(fault);
            }
        }
    }

    /// Whether the value of a node, or of a part of it, is not known.
    pub(super) fn is_unknown(&self, at: &NodePath) -> bool {
        self.unknown.range(at..).next().is_some_and(|found| found.0.starts_with(&at.0))
    }

    /// Whether nothing is wrong so far and every value is known.
    pub(super) fn is_whole(&self) -> bool {
        self.faults.is_empty() && self.unknown.is_empty()
    }

    /// Whether a fault is about a key of this name or what stands behind it.
    pub(super) fn blames(&self, key: &str) -> bool {
        let names = |step: &Step| matches!(step, Step::Key(name) if name == key);
        self.faults.iter().any(|fault| fault.path().0.iter().any(names))
    }

    /// The faults, with their places, in the order in which they were found.
    pub(super) fn faults(&mut self, source: &Origin) -> Vec<Error> {
        let faults = std::mem::take(&mut self.faults);
        let first_hand = faults.iter().any(|fault| !fault.follows);
        let shown = faults.into_iter().filter(|fault| !(fault.follows && first_hand));
        let mut errors: Vec<Error> = Vec::new();
        for error in shown.take(MOST_FAULTS).map(|fault| placed(fault, source)) {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        errors
    }

    /// The variables without a value, each with its first place.
    pub(super) fn variables(&self, source: &Origin) -> Vec<(String, Option<Place>)> {
        let place = |at| locate::place(&source.text, &source.name, at, Part::Value);
        self.variables.iter().map(|(name, at)| (name.clone(), place(at))).collect()
    }

    /// The warnings, with their places.
    pub(super) fn warnings(self, source: &Origin) -> Vec<Warning> {
        let more = self.warnings.len().saturating_sub(MOST);
        let place = |at: &NodePath| locate::place(&source.text, &source.name, at, Part::Key);
        let shown = self.warnings.into_iter().take(MOST);
        let shown = shown.map(|(at, message)| Warning { message, place: at.as_ref().and_then(place) });
        let rest = (more > 0).then(|| Warning::of_all(format!("{more} more warnings of these kinds")));
        shown.chain(rest).collect()
    }
}
