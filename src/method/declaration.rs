//! What a merge method declares of itself. The recipe parser, the planner, the executor and the help all read this.

use super::Arguments;
use crate::kernel::Gram;

/// A merge method: its name, its documentation, what it needs and how it is computed.
#[derive(Debug)]
pub struct Declaration {
    /// The name recipes use, after `merge_method:`.
    pub name: &'static str,
    /// One line: what the method does.
    pub summary: &'static str,
    /// The formula, in the notation of the method's source.
    pub formula: &'static str,
    /// The paper or tool the formula is from.
    pub origin: &'static str,
    /// Whether the method has a base model.
    pub base: Base,
    /// How many models it merges, the base not counted where [`Base::Required`].
    pub models: Count,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// How the executor computes it.
    pub shape: Shape,
}

impl Declaration {
    /// The parameter called `name`, if the method has it.
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}

/// The part the base model plays in a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Required, and apart from the models: task vectors are taken from it. It needs no per-model parameters.
    Required,
    /// A named base is one more model like the others, with the same parameters.
    Member,
}

/// How many models a method takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Exactly so many.
    Exactly(usize),
    /// So many or more.
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

/// One parameter of a method.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The key under `parameters:`.
    pub name: &'static str,
    /// Whether each model has its own value.
    pub scope: Scope,
    /// Type and range.
    pub kind: Kind,
    /// The value when the recipe gives none; `None` when the recipe must give one.
    pub default: Option<super::Value>,
    /// One sentence on what it does.
    pub doc: &'static str,
}

/// Who a parameter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One value a tensor; read from the slice and the recipe, not from a model.
    Shared,
    /// One value a tensor and model.
    PerModel,
}

/// Type and range of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A finite number between the two bounds, both included; an infinite bound is none.
    Number {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// true or false.
    Flag,
    /// A key of mergekit's that changes nothing here; it is accepted with a warning.
    Ignored,
}

/// How the executor computes a method. It knows these shapes and no method.
#[derive(Debug)]
pub enum Shape {
    /// `out = Σ cᵢ·xᵢ`, one coefficient a model and tensor.
    Combination(Combination),
    /// `out = base + λ·Σ mᵢ·wᵢ·(xᵢ − base) / divisor`, with a mask a model and an optional election of signs.
    MaskedSum(fn(&Arguments) -> MaskedSum),
    /// `out = f(base, x)`, element by element.
    Pairwise(fn(&Arguments) -> Pairwise),
}

/// A weighted sum whose weights may depend on the Gram matrix of what is summed.
#[derive(Debug)]
pub struct Combination {
    /// What is summed.
    pub of: Vectors,
    /// Whether the coefficients need the Gram matrix of `of`; it costs a pass over the tensors.
    pub gram: bool,
    /// The coefficients, in the order of the inputs. With [`Base::Required`] and [`Vectors::Models`] the base is input 0.
    pub coefficients: fn(&Arguments, Option<&Gram>) -> Coefficients,
}

/// The vectors a combination sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// The tensors themselves.
    Models,
    /// The differences from the base, which is added back.
    TaskVectors,
}

/// The result of a combination's coefficient function: one number an input, or the reason there is none.
pub type Coefficients = Result<Vec<f64>, String>;

/// The terms of a masked sum of task vectors, in the order of the models (the base not among them).
#[derive(Clone, Debug, PartialEq)]
pub struct MaskedSum {
    /// `wᵢ`, one a model.
    pub weights: Vec<f64>,
    /// Which elements of each task vector stay.
    pub keep: Vec<Keep>,
    /// Whether elements whose sign differs from that of the weighted sum are left out.
    pub elect: bool,
    /// Whether to divide by the sum of the weights that took part.
    pub normalize: bool,
    /// Whether each masked task vector is scaled back to the L1 norm it had before the mask.
    pub rescale: bool,
    /// `λ`, on the whole sum.
    pub lambda: f64,
}

/// Which elements of a task vector stay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keep {
    /// All of them.
    All,
    /// The `max(1, floor(density·n))` of largest magnitude (none for density 0); among equals those of lower index.
    Largest {
        /// The share that stays, in 0..1.
        density: f64,
    },
}

impl Keep {
    /// How many of `n` elements stay.
    pub fn count(self, n: u64) -> u64 {
        match self {
            Self::All => n,
            Self::Largest { density } if density <= 0.0 => 0,
            // Products such as 0.3 · 10 are taken in f64, as Python takes them.
            #[expect(clippy::cast_sign_loss, reason = "the density is positive here")]
            Self::Largest { density } => ((density * n as f64).floor() as u64).clamp(1, n.max(1)),
        }
    }
}

/// An element-wise function of the base and one model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pairwise {
    /// `w·x + (1 − w)·base` with `w = clamp(t / |base − x|, 0, 1)`.
    Swap {
        /// The distance below which the model's value is taken whole.
        t: f64,
    },
}
