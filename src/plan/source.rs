//! The sources of an input's numbers.

use safetensors::Dtype;

use super::types::{Gathered, Input, Plan, Stage, TensorOp};
use crate::checkpoint::{Module, Product, Tensor, Weights};
use crate::kernel::DType;

/// The source of an [`Input`]: where its numbers are stored, or what they are computed from.
///
/// The planner creates inputs. The merge asks [`Plan::source`] for the source of an input and passes it, with a range of
/// elements, to `merge::read`: `load` returns the elements as numbers, `copied_bytes` as bytes, and `finish` releases their
/// memory. All passes of a merge read tensors in this way. To add a kind of input, add a variant here, with its dtype and
/// the bytes that a pass reads, and an arm in `merge/read/source.rs` that fills a buffer with a tile.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Source<'a> {
    /// A tensor in a checkpoint's file. Numbers of the right dtype are used in place.
    Stored {
        /// The weights that hold it.
        weights: &'a Weights,
        /// The tensor.
        tensor: &'a Tensor,
    },
    /// A token table whose rows are put into the output's order.
    Gathered {
        /// The plan that has the tables' inputs.
        plan: &'a Plan,
        /// The table.
        table: &'a Gathered,
    },
    /// A tensor of a model with an adapter: `under + scale · left · right`, a tile at a time.
    Adapted {
        /// The model's own tensor, or the one that the adapter replaces it with.
        weights: &'a Weights,
        /// The tensor.
        tensor: &'a Tensor,
        /// The product that is added.
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
    /// The dtype of the numbers; `None` if they are not floating-point.
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

    /// The number of tiles in memory while one tile of this source is computed.
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
    /// The number of elements of an input.
    pub fn elements(&self, input: Input) -> usize {
        let size = (self.source(input).dtype().bitsize() / 8).max(1);
        match self.source(input) {
            Source::Stored { tensor, .. } | Source::Adapted { tensor, .. } => tensor.byte_len() / size,
            Source::Gathered { table, .. } => table.gather.rows() * table.width,
            Source::StageTensor { stage, tensor } => stage.plan.tensors[tensor].elements as usize,
        }
    }

    /// The source of an input.
    ///
    /// # Panics
    /// If the input does not belong to this plan.
    pub fn source(&self, input: Input) -> Source<'_> {
        if let Some(table) = input.gathered.and_then(|index| self.gathered.get(index)) {
            return Source::Gathered { plan: self, table };
        }
        if let Some(stage) = self.stages.get(input.model).and_then(Option::as_deref) {
            return Source::StageTensor { stage, tensor: stage.tensor(input) };
        }
        let module: &Module = &self.models[input.model].parts()[input.module];
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
