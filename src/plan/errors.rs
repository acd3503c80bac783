//! Everything that is wrong with a recipe's checkpoints.

use std::fmt::{self, Write as _};
use std::mem::{Discriminant, discriminant};

use super::Error;
use crate::diagnose::{Diagnose, Diagnosis, ExitClass};
use crate::recipe::Place;

/// All faults that were found. It is empty if the only fault is a recipe with placeholders.
#[derive(Debug)]
pub struct Errors(pub Vec<Error>);

/// How many errors of one sort are shown; a model of another size differs in every tensor.
const MOST: usize = 3;

impl Errors {
    /// The faults to show, at most a few of a sort, each with the number of further faults that it stands for.
    pub fn summary(&self) -> Vec<(&Error, usize)> {
        let mut counts: Vec<(Discriminant<Error>, usize)> = Vec::new();
        let mut summary: Vec<(&Error, usize)> = Vec::new();
        for fault in &self.0 {
            let sort = discriminant(fault);
            // Parameter values that conflict in one tensor conflict in others too, and are reported once.
            if let Some((_, more)) = summary.iter_mut().find(|(known, _)| known.has_the_values_of(fault)) {
                *more += 1;
                continue;
            }
            match counts.iter_mut().find(|(known, _)| *known == sort) {
                Some((_, count)) => *count += 1,
                None => counts.push((sort, 1)),
            }
            let count = counts.iter().find(|(known, _)| *known == sort).map_or(0, |(_, count)| *count);
            if count <= MOST {
                summary.push((fault, 0));
            } else if let Some((_, more)) = summary.iter_mut().rfind(|(known, _)| discriminant(*known) == sort) {
                *more += 1;
            }
        }
        summary
    }

    /// The fault that was found first.
    pub fn first(&self) -> Option<&Error> {
        self.0.first()
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first() {
            Some(first) => first.fmt(f),
            None => f.write_str("the recipe lacks values"),
        }
    }
}

impl std::error::Error for Errors {}

impl Diagnose for Errors {
    /// The hint of the first fault.
    fn hint(&self) -> Option<String> {
        self.first().and_then(Error::hint)
    }

    /// The place of the first fault in the recipe.
    fn place(&self) -> Option<&Place> {
        self.first().and_then(Error::place)
    }

    fn exit_class(&self) -> ExitClass {
        self.0.iter().map(Error::exit_class).max().unwrap_or(ExitClass::Usage)
    }

    /// Returns at most a few faults of each kind.
    fn diagnoses(&self) -> Vec<Diagnosis> {
        let mut found = Vec::new();
        for (error, more) in self.summary() {
            let mut diagnosis = Diagnosis::of(error);
            if more > 0 {
                let _ = write!(diagnosis.message, ", and {more} more of this sort");
            }
            found.push(diagnosis);
        }
        found
    }
}

impl From<Error> for Errors {
    fn from(fault: Error) -> Self {
        Self(vec![fault])
    }
}
