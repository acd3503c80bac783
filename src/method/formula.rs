//! The formulas that the executor can compute. Each method uses one of them.

use super::{Arguments, MatrixUpdate, Regression, Sparsification};
use crate::kernel::Gram;

/// How the executor computes a method. The executor knows these formulas and no method.
#[derive(Debug)]
pub enum Formula {
    /// `out = Σ cᵢ·xᵢ`, with one coefficient for each model and tensor, or for each model and row or column.
    Combination(Combination),
    /// `out = base + λ·Σ mᵢ·wᵢ·(xᵢ − base) / divisor`, with a mask for each model and optional sign election.
    MaskedSum(fn(&Arguments) -> MaskedSum),
    /// `out = base + f(x₁ − base, x₂ − base, …)`, element by element, over all task vectors together.
    Joint(fn(&Arguments) -> Joint),
    /// `out = f(base, x)`, element by element.
    Pairwise(fn(&Arguments) -> Pairwise),
    /// `out = base + f(X₁ − base, X₂ − base, …)` with a function of whole matrices.
    Matrices(Matrices),
    /// The matrices of linear layers fitted to the inputs that they get from texts; other tensors `Σ cᵢ·xᵢ`.
    Regression(Regression),
}

/// An update that is computed from whole task matrices.
#[derive(Debug)]
pub struct Matrices {
    /// The update of a matrix of a layer.
    pub update: MatrixUpdate,
    /// For every other tensor, the coefficients of a sum of the task vectors.
    pub elsewhere: fn(&Arguments) -> Vec<f64>,
}

/// A weighted sum whose weights may depend on the Gram matrix of what is summed.
#[derive(Debug)]
pub struct Combination {
    /// The vectors that are summed.
    pub of: Vectors,
    /// The dot products that the coefficients need.
    pub dots: Dots,
    /// The coefficients, in the order of the inputs. With [`Base::Required`](super::Base::Required) and [`Vectors::Models`] the base is input 0.
    pub coefficients: fn(&Arguments, Option<&Gram>) -> Coefficients,
}

/// The vectors a combination sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// The tensors themselves.
    Models,
    /// The differences from the base, which is added back; the tensors themselves where a method with
    /// [`Base::Optional`](super::Base::Optional) has no base.
    TaskVectors,
}

/// The dot products that coefficients are computed from.
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
    /// The vectors whose dot products these arguments need, if any.
    pub fn along(self, arguments: &Arguments) -> Option<Along> {
        match self {
            Self::Unneeded => None,
            Self::Whole => Some(Along::Whole),
            Self::Chosen(along) => Some(along(arguments)),
        }
    }
}

/// The parts of a tensor that count as vectors. A tensor of one dimension is one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along {
    /// The whole tensor.
    Whole,
    /// Each run along the last dimension.
    Rows,
    /// Each run along the first dimension.
    Columns,
}

/// The result of a combination's coefficient function: one number for each input, or the reason why there is none.
pub type Coefficients = Result<Vec<f64>, String>;

/// The terms of a masked sum of task vectors, in the order of the models (the base not among them).
#[derive(Clone, Debug, PartialEq)]
pub struct MaskedSum {
    /// `wᵢ`, one for each model.
    pub weights: Vec<f64>,
    /// Which elements of each task vector are kept, one rule for each model.
    pub sparsifications: Vec<Sparsification>,
    /// Whether elements whose sign differs from that of the weighted sum are left out.
    pub elect: bool,
    /// Whether to divide by the sum of the weights that took part.
    pub normalize: bool,
    /// Whether each masked task vector is scaled back to the L1 norm it had before the mask.
    pub rescale: bool,
    /// `λ`, on the whole sum.
    pub lambda: f64,
}

/// A function of all task vectors at once, element by element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Joint {
    /// Elements above `epsilon` are averaged over the models that have them. Those of a single model are kept whole, times
    /// `1 + rate·clamp(ρ, 0, ceiling)`, where ρ is the ratio of the model's shared elements to those that it alone has.
    Overlap {
        /// Elements of a task vector count if their magnitude is above this.
        epsilon: f64,
        /// Factor on the reinforcement; 0 for none.
        rate: f64,
        /// Largest ρ.
        ceiling: f64,
    },
    /// Elements with the largest variance over the models and the elected sign, weighted by each task vector's mean square.
    Consensus {
        /// The share that is kept of the elements with any variance.
        share: f64,
    },
}

/// An element-wise function of the base and one model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pairwise {
    /// `w·x + (1 − w)·base` with `w = clamp(t / |base − x|, 0, 1)`.
    Swap {
        /// The distance below which the model's value is taken.
        t: f64,
    },
    /// `x` where `|x − base|`, times the divergence of the row's softmax from that of the base, is not below the median
    /// plus 1.5 times the interquartile range; `base` elsewhere.
    Fuse,
}
