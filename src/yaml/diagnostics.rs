//! Collects warnings and recoverable errors while a tree is read.
//!
//! A function that finds a fault returns it; a caller that can do without the value records the fault here and continues
//! with a placeholder. In this way one pass finds everything that is wrong. Faults that a placeholder or a variable without
//! a value would cause are not reported.

use super::diagnostic::{Checked, Diagnostic};
use super::error::{Error, Warning};
use super::locate::Part;
use super::path::{NodePath, Step};
use super::place::Place;
use super::text::YamlText;
use std::collections::{BTreeMap, BTreeSet};

/// The warnings and faults so far.
#[derive(Default)]
pub(crate) struct Diagnostics {
    warnings: Vec<(Option<NodePath>, String)>,
    seen: BTreeSet<String>,
    faults: Vec<Diagnostic>,
    /// Nodes whose value is unknown.
    unknown: BTreeSet<NodePath>,
    /// The variables without a value, and the first use of each.
    variables: BTreeMap<String, NodePath>,
    /// Whether a variable may lack a value.
    open: bool,
}

/// The most warnings, and the most faults, that are shown.
const MOST: usize = 20;
const MOST_FAULTS: usize = 50;

/// The most that are shown where each quotes a line of many thousand characters.
const MOST_OF_LONG_LINES: usize = 3;

/// The most unknown keys of one map that are reported one by one; more are one fault.
pub(crate) const MOST_UNKNOWN: usize = 1000;

impl Diagnostics {
    /// Starts a reading. With `open`, variables may lack a value.
    pub(crate) fn new(open: bool) -> Self {
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

    /// Records a fault, unless it is about a node whose value is unknown.
    pub(crate) fn fault(&mut self, fault: Diagnostic) {
        if !self.unknown.contains(fault.path()) {
            self.faults.push(fault);
        }
    }

    /// Returns what `read` returns, and records its fault.
    pub(crate) fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Checked<T>) -> Option<T> {
        match read(self) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.fault(fault);
                None
            }
        }
    }

    /// Records that the value of a node is unknown.
    pub(crate) fn unknown(&mut self, at: &NodePath) {
        self.unknown.insert(at.clone());
    }

    /// Records that a variable has no value, which is a fault unless variables may lack theirs.
    pub(crate) fn variable(&mut self, name: &str, fault: Diagnostic) {
        if !self.variables.contains_key(name) {
            self.variables.insert(name.to_owned(), fault.path().clone());
            if !self.open {
                self.fault(fault);
            }
        }
    }

    /// Whether the value of a node, or of a part of it, is unknown.
    pub(crate) fn is_unknown(&self, at: &NodePath) -> bool {
        self.unknown.range(at..).next().is_some_and(|found| found.0.starts_with(&at.0))
    }

    /// Whether there is no fault so far and every value is known.
    pub(crate) fn is_whole(&self) -> bool {
        self.faults.is_empty() && self.unknown.is_empty()
    }

    /// Whether a fault is about a key of this name or its value.
    pub(crate) fn blames(&self, key: &str) -> bool {
        let names = |step: &Step| matches!(step, Step::Key(name) if name == key);
        self.faults.iter().any(|fault| fault.path().0.iter().any(names))
    }

    /// The faults, with their places, in the order in which they were found.
    pub(crate) fn faults(&mut self, text: &YamlText<'_>) -> Vec<Error> {
        let faults = std::mem::take(&mut self.faults);
        let first_hand = faults.iter().any(|fault| !fault.follows);
        let shown = faults.into_iter().filter(|fault| !(fault.follows && first_hand));
        let most = if text.has_long_line() { MOST_OF_LONG_LINES } else { MOST_FAULTS };
        let mut errors: Vec<Error> = Vec::new();
        for error in text.errors(shown.take(most).collect()) {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        errors
    }

    /// The variables without a value, each with its first place.
    pub(crate) fn variables(&self, text: &YamlText<'_>) -> Vec<(String, Option<Place>)> {
        let spots: Vec<(&NodePath, Part)> = self.variables.values().map(|at| (at, Part::Value)).collect();
        self.variables.keys().cloned().zip(text.places(&spots)).collect()
    }

    /// The warnings, with their places.
    pub(crate) fn warnings(self, text: &YamlText<'_>) -> Vec<Warning> {
        let most = if text.has_long_line() { MOST_OF_LONG_LINES } else { MOST };
        let more = self.warnings.len().saturating_sub(most);
        let shown: Vec<_> = self.warnings.into_iter().take(most).collect();
        let spots: Vec<(&NodePath, Part)> =
            shown.iter().filter_map(|(at, _)| Some((at.as_ref()?, Part::Key))).collect();
        let mut places = text.places(&spots).into_iter();
        let shown: Vec<Warning> = shown
            .into_iter()
            .map(|(at, message)| Warning { message, place: at.and_then(|_| places.next().flatten()) })
            .collect();
        let rest = (more > 0).then(|| Warning::of_all(format!("{more} more warnings of these kinds")));
        shown.into_iter().chain(rest).collect()
    }
}
