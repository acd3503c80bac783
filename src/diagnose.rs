//! What every error of the crate provides besides its message: a hint, a place and an exit code.

use crate::yaml::{self, Place};

/// The kind of a failure, which decides the exit code of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ExitClass {
    /// The system failed: a full disk, a file that cannot be written.
    Unexpected,
    /// The caller asked for something impossible: wrong arguments, a faulty recipe, an output that already exists.
    Usage,
    /// An input was refused: a checkpoint, a data set, a damaged study.
    Refused,
    /// Embeddings could not be computed.
    Evaluation,
    /// A study was made from other inputs.
    Mismatch,
    /// The caller ended the work.
    Interrupted,
}

impl ExitClass {
    /// The exit code of the program.
    pub const fn code(self) -> u8 {
        match self {
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Evaluation => 4,
            Self::Mismatch => 5,
            Self::Interrupted => 130,
        }
    }
}

/// An error with a hint, a place and an exit class. Every error type of the crate implements it.
///
/// Implementations list every variant, without a wildcard: a new variant does not compile until it has a class.
pub trait Diagnose: std::error::Error {
    /// What the user can do about it, one suggestion a line.
    fn hint(&self) -> Option<String>;

    /// Where in a recipe or sweep file it is.
    fn place(&self) -> Option<&Place> {
        None
    }

    /// The kind of failure.
    fn exit_class(&self) -> ExitClass;

    /// Every fault that the error stands for, in the order in which they are shown. An error is one fault unless it says
    /// otherwise.
    fn diagnoses(&self) -> Vec<Diagnosis> {
        vec![Diagnosis::of(self)]
    }
}

/// One fault or warning as it is shown: a sentence, its place and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// Whether the program goes on.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// Where in a recipe or sweep file it is.
    pub place: Option<Place>,
    /// What to do about it, one suggestion a line.
    pub hint: Option<String>,
}

/// Whether the program goes on after a [`Diagnosis`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It goes on, but what was found is probably not meant.
    Warning,
    /// It ends.
    Error(ExitClass),
}

impl Diagnosis {
    /// The error as one fault.
    pub fn of<E: Diagnose + ?Sized>(error: &E) -> Self {
        let severity = Severity::Error(error.exit_class());
        Self { severity, message: error.to_string(), place: error.place().cloned(), hint: error.hint() }
    }

    /// An error without a place.
    pub fn error(class: ExitClass, message: String) -> Self {
        Self { severity: Severity::Error(class), message, place: None, hint: None }
    }

    /// A warning.
    pub fn warning(message: String, place: Option<Place>, hint: Option<String>) -> Self {
        Self { severity: Severity::Warning, message, place, hint }
    }

    /// Whether the program goes on.
    pub fn is_warning(&self) -> bool {
        self.severity == Severity::Warning
    }

    /// The exit code that it asks for; 0 for a warning.
    pub fn code(&self) -> u8 {
        match self.severity {
            Severity::Warning => 0,
            Severity::Error(class) => class.code(),
        }
    }
}

impl Diagnose for yaml::Error {
    fn hint(&self) -> Option<String> {
        Self::hint(self).map(str::to_owned)
    }

    fn place(&self) -> Option<&Place> {
        Self::place(self)
    }

    fn exit_class(&self) -> ExitClass {
        ExitClass::Usage
    }

    fn diagnoses(&self) -> Vec<Diagnosis> {
        self.all().into_iter().map(Diagnosis::of).collect()
    }
}
