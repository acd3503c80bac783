//! What a merge method declares. The recipe parser, the planner, the executor and the help all read this.

use super::{Arguments, Formula, Parameter};

/// A merge method: its name, its documentation, what it needs and how it is computed.
#[derive(Debug)]
pub struct MergeMethod {
    /// The name recipes use, after `merge_method:`.
    pub name: &'static str,
    /// What the method does, in one line.
    pub summary: &'static str,
    /// The formula as text, in the notation of the method's source.
    pub equation: &'static str,
    /// The paper or tool the formula is from.
    pub origin: &'static str,
    /// When to take this method rather than another.
    pub when: &'static str,
    /// Whether the method has a base model.
    pub base: Base,
    /// How many models it merges, without the base where that is apart.
    pub models: Count,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// What must hold between parameter values, beyond the range of each.
    pub check: Option<Check>,
    /// The formula that the executor computes.
    pub formula: Formula,
}

/// A check of a tensor's parameter values.
pub type Check = fn(&Arguments) -> Result<(), ArgumentError>;

/// Parameter values that do not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentError {
    /// The parameters to change, the likeliest first.
    pub parameters: &'static [&'static str],
    /// The index of the model, for per-model parameters.
    pub model: Option<usize>,
    /// What is wrong, with the values.
    pub reason: String,
    /// What to write instead.
    pub hint: String,
}

impl MergeMethod {
    /// Whether texts run through the models to find it.
    pub fn needs_texts(&self) -> bool {
        matches!(self.formula, Formula::Regression(_))
    }

    /// The parameter called `name`, if the method has it.
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}

/// The part the base model plays in a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Required and apart from the models: task vectors are differences from it. It needs no per-model parameters.
    Required,
    /// Like [`Base::Required`] where a recipe names one. Without a base the tensors themselves are merged.
    Optional,
    /// A base that a recipe names is one more model, with the same parameters as the others.
    Member,
}

impl Base {
    /// Whether a base that a recipe names is apart from the models.
    pub fn is_apart(self) -> bool {
        self != Self::Member
    }
}

/// How many models a method takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Exactly this many.
    Exactly(usize),
    /// This many or more.
    AtLeast(usize),
}

impl Count {
    /// Whether `n` models are the right number.
    pub fn accepts(self, n: usize) -> bool {
        match self {
            Self::Exactly(count) => n == count,
            Self::AtLeast(count) => n >= count,
        }
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exactly(n) => write!(f, "exactly {n}"),
            Self::AtLeast(n) => write!(f, "at least {n}"),
        }
    }
}
