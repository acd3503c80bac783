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
    /// When to take this method rather than another.
    pub when: &'static str,
    /// Whether the method has a base model.
    pub base: Base,
    /// How many models it merges, the base not counted where it is apart.
    pub models: Count,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// What must hold between parameter values, beyond the range of each.
    pub check: Option<Check>,
    /// How the executor computes it.
    pub shape: Shape,
}

/// A check of a tensor's parameter values.
pub type Check = fn(&Arguments) -> Result<(), Complaint>;

/// Parameter values that do not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The parameters to change, the likeliest first.
    pub parameters: &'static [&'static str],
    /// Whose values they are, for per-model parameters: an index among the models.
    pub model: Option<usize>,
    /// What is wrong, with the values.
    pub reason: String,
    /// What to write instead.
    pub hint: String,
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
    /// As [`Base::Required`] where a recipe names one. Without a base the tensors themselves are merged.
    Optional,
    /// A named base is one more model like the others, with the same parameters.
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
    /// Whether the rows of a tensor may have values of their own; they may where nothing that is found of a whole tensor
    /// depends on the value.
    pub by_row: bool,
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
    /// A whole number between the two bounds, both included. Between the entries of a gradient it is rounded down.
    Whole {
        /// Smallest value.
        min: u32,
        /// Largest value.
        max: u32,
    },
    /// true or false.
    Flag,
    /// A key of mergekit's that changes nothing here; it is accepted with a warning.
    Ignored,
}

/// How the executor computes a method. It knows these shapes and no method.
#[derive(Debug)]
pub enum Shape {
    /// `out = Σ cᵢ·xᵢ`, one coefficient a model and tensor, or a model and row or column.
    Combination(Combination),
    /// `out = base + λ·Σ mᵢ·wᵢ·(xᵢ − base) / divisor`, with a mask a model and an optional election of signs.
    MaskedSum(fn(&Arguments) -> MaskedSum),
    /// `out = base + f(x₁ − base, x₂ − base, …)`, element by element, all task vectors looked at together.
    Joint(fn(&Arguments) -> Joint),
    /// `out = f(base, x)`, element by element.
    Pairwise(fn(&Arguments) -> Pairwise),
}

/// A weighted sum whose weights may depend on the Gram matrix of what is summed.
#[derive(Debug)]
pub struct Combination {
    /// What is summed.
    pub of: Vectors,
    /// Of what the coefficients need the dot products.
    pub dots: Dots,
    /// The coefficients, in the order of the inputs. With [`Base::Required`] and [`Vectors::Models`] the base is input 0.
    pub coefficients: fn(&Arguments, Option<&Gram>) -> Coefficients,
}

/// The vectors a combination sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// The tensors themselves.
    Models,
    /// The differences from the base, which is added back; the tensors themselves where a method with
    /// [`Base::Optional`] has no base.
    TaskVectors,
}

/// The dot products that coefficients are made of.
#[derive(Clone, Copy, Debug)]
pub enum Dots {
    /// None: the coefficients depend on parameters only.
    Unneeded,
    /// Those of whole tensors; they cost a pass over the inputs.
    Whole,
    /// Those of whole tensors, rows or columns, as a parameter says.
    Chosen(fn(&Arguments) -> Along),
}

impl Dots {
    /// Of what the dot products are needed with these arguments, if at all.
    pub fn along(self, arguments: &Arguments) -> Option<Along> {
        match self {
            Self::Unneeded => None,
            Self::Whole => Some(Along::Whole),
            Self::Chosen(along) => Some(along(arguments)),
        }
    }
}

/// The parts of a tensor that are vectors of their own. A tensor of one dimension is one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along {
    /// The whole tensor.
    Whole,
    /// Each run along the last dimension.
    Rows,
    /// Each run along the first dimension.
    Columns,
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

/// Which elements of a task vector stay. Elements are ranked by magnitude, the largest first, among equals those of lower
/// index first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keep {
    /// All of them.
    All,
    /// The first `max(1, floor(density·n))` of the ranking, none for density 0.
    Largest {
        /// The share that stays, in 0..1.
        density: f64,
    },
    /// The `floor(density·n)` behind the first `floor(gamma·n)` of the ranking, or the last ones where fewer follow.
    Middle {
        /// The share that stays, in 0..1.
        density: f64,
        /// The share of the largest that is dropped.
        gamma: f64,
    },
    /// Each with the same probability.
    Random {
        /// The probability, in 0..1.
        density: f64,
    },
    /// Each with a probability that rises with its rank in its row, from `density − epsilon` for the smallest to
    /// `density + epsilon` for the largest.
    RandomByRank {
        /// The mean probability, in 0..1.
        density: f64,
        /// Half the spread.
        epsilon: f64,
    },
}

impl Keep {
    /// What stays of `n` elements by rank: how many of the largest are passed over, and how many stay then.
    #[expect(clippy::cast_sign_loss, reason = "shares are not negative")]
    pub fn window(self, n: u64) -> (u64, u64) {
        // Products such as 0.3 · 10 are taken in f64, as Python takes them.
        let share = |share: f64| (share * n as f64).floor() as u64;
        match self {
            Self::Largest { density } if density <= 0.0 => (0, 0),
            Self::Largest { density } => (0, share(density).clamp(1, n.max(1))),
            Self::Middle { density, gamma } => {
                let keep = share(density).min(n);
                (share(gamma).min(n - keep), keep)
            }
            Self::All | Self::Random { .. } | Self::RandomByRank { .. } => (0, n),
        }
    }

    /// Whether what stays is drawn at random.
    pub fn is_random(self) -> bool {
        matches!(self, Self::Random { .. } | Self::RandomByRank { .. })
    }
}

/// A function of all task vectors at once, element by element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Joint {
    /// Elements above `epsilon` are averaged over the models that have them; those of one model alone stay whole, times
    /// `1 + rate·clamp(ρ, 0, ceiling)`, ρ being how many elements the model shares for each that it has alone.
    Overlap {
        /// Magnitude from which on (not included) an element of a task vector counts.
        epsilon: f64,
        /// Factor on the reinforcement; 0 for none.
        rate: f64,
        /// Largest ρ.
        ceiling: f64,
    },
    /// Elements of largest variance over the models, of the elected sign, weighted by each task vector's mean square.
    Consensus {
        /// The share of the elements with any variance that stays.
        share: f64,
    },
}

/// An element-wise function of the base and one model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pairwise {
    /// `w·x + (1 − w)·base` with `w = clamp(t / |base − x|, 0, 1)`.
    Swap {
        /// The distance below which the model's value is taken whole.
        t: f64,
    },
    /// `x` where `|x − base|`, times the divergence of the row's softmax from that of the base, is not below the median
    /// plus 1.5 times the distance of the quartiles; `base` elsewhere.
    Fuse,
}
