//! Where the numbers of an input come from.

use safetensors::Dtype;

use super::types::{Gathered, Input, Plan, Stage, TensorOp};
use crate::checkpoint::{Module, Product, Tensor, Weights};
use crate::kernel::DType;

/// What stands behind an [`Input`]: where its numbers come from, or what they are computed from.
///
/// This is the only place that knows. A planner makes inputs; the merge asks [`Plan::source`] for what stands behind
/// one and hands it, with a range of elements, to `merge::read`: `load` gives the elements as numbers, `copied_bytes` as
/// bytes, and `finish` gives their memory back. Statistics passes, the pass that computes the output and the search for
/// the input that is not finite know no other way to a tensor. A new kind of input is a variant here, with its format
/// and the bytes that a pass over it reads, and an arm in `merge/read/source.rs` that fills a buffer with a tile.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Source<'a> {
    /// A tensor as it lies in a checkpoint's file. Numbers of the right format are used where they lie.
    Stored {
        /// The weights that hold it.
        weights: &'a Weights,
        /// The tensor.
        tensor: &'a Tensor,
    },
    /// A table of tokens whose rows are brought to the order of the output's.
    Gathered {
        /// The plan that the tables' inputs are of.
        plan: &'a Plan,
        /// The table.
        table: &'a Gathered,
    },
    /// A tensor of a model with an adapter: `under + scale · left · right`, a tile at a time.
    Adapted {
        /// The model's own tensor, or the adapter's in its place.
        weights: &'a Weights,
        /// The tensor.
        tensor: &'a Tensor,
        /// What is added.
        product: &'a Product,
    },
    /// A tensor of the merge of another document, computed a tile at a time and rounded to that merge's format.
    StageTensor {
        /// The document.
        stage: &'a Stage,
        /// Index into its plan's tensors.
        tensor: usize,
    },
}

impl Source<'_> {
    /// The format of the numbers; nothing where they are not floating-point numbers.
    pub fn float(&self) -> Option<DType> {
        match self {
            Self::Stored { tensor, .. } | Self::Adapted { tensor, .. } => tensor.float(),
            Self::Gathered { plan, table } => plan.source(table.own()).float(),
            Self::StageTensor { stage, tensor } => match stage.plan.tensors[*tensor].op {
                TensorOp::Merge { out_dtype, .. } => Some(out_dtype),
                TensorOp::Copy { .. } => None,
            },
        }
    }

    /// The element type.
    pub fn dtype(&self) -> Dtype {
        match self {
            Self::Stored { tensor, .. } | Self::Adapted { tensor, .. } => tensor.dtype,
            Self::Gathered { plan, table } => plan.source(table.own()).dtype(),
            Self::StageTensor { stage, tensor } => stage.plan.tensors[*tensor].dtype,
        }
    }

    /// Bytes that one pass over the whole input reads from files.
    pub fn bytes_read(&self) -> u64 {
        match self {
            Self::Stored { tensor, .. } | Self::Adapted { tensor, .. } => tensor.byte_len() as u64,
            Self::Gathered { table, .. } => {
                let elements = table.gather.rows() as u64 * table.width as u64;
                elements * self.dtype().bitsize() as u64 / 8
            }
            Self::StageTensor { stage, tensor } => stage.bytes_read(*tensor),
        }
    }

    /// Tiles that are in memory while one of this is made.
    pub(crate) fn tiles(&self) -> u64 {
        match self {
            Self::Stored { .. } => 0,
            Self::Adapted { .. } => 2,
            Self::Gathered { plan, table } => 2 + plan.source(table.own()).tiles(),
            Self::StageTensor { stage, tensor } => stage.tiles(*tensor),
        }
    }
}

impl Plan {
    /// What stands behind an input.
    ///
    /// # Panics
    /// On an input that is not of this plan.
    pub fn source(&self, input: Input) -> Source<'_> {
        if let Some(table) = input.gathered.and_then(|index| self.gathered.get(index)) {
            return Source::Gathered { plan: self, table };
        }
        if let Some(stage) = self.stages.get(input.model).and_then(Option::as_deref) {
            return Source::StageTensor { stage, tensor: stage.tensor(input) };
        }
        let module: &Module = &self.models[input.model].modules()[input.module];
        #[expect(clippy::expect_used, reason = "inputs are only made for modules with weights")]
        let weights = module.weights.as_ref().expect("an input's module has weights");
        let tensor = &weights.tensors()[input.tensor];
        let adapted = self.adapters.get(input.model).and_then(Option::as_ref);
        let Some((adapted, change)) =
            adapted.and_then(|adapted| Some((adapted, adapted.change(input.module, input.tensor)?)))
        else {
            return Source::Stored { weights, tensor };
        };
        let (weights, tensor) = match adapted.adapter.replacement(change) {
            Some(tensor) => (adapted.adapter.weights(), tensor),
            None => (weights, tensor),
        };
        match &change.product {
            Some(product) => Source::Adapted { weights, tensor, product },
            None => Source::Stored { weights, tensor },
        }
    }
}
