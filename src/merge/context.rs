//! What every pass and every step of a merge needs.

use std::ops::Range;

use super::buffers::Scratch;
use super::{Error, Options};
use crate::kernel::DType;
use crate::plan::{Input, Plan, PlannedTensor, Stage};

/// The plan of one document, and what is needed to run it.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) plan: &'a Plan,
    /// The document's name; empty for the result.
    pub(super) document: &'a str,
    /// Reads tensors of the documents that this one is merged from.
    pub(super) stages: &'a dyn StageReader,
    pub(super) options: &'a Options<'a>,
}

impl<'a> Context<'a> {
    /// One of the plan's tensors.
    pub(super) fn tensor(&self, index: usize) -> &'a PlannedTensor {
        &self.plan.tensors[index]
    }

    /// The inputs of one of the plan's tensors.
    pub(super) fn inputs(&self, index: usize) -> &'a [Input] {
        self.plan.tensors[index].op.inputs()
    }

    /// The name of a tensor in messages.
    pub(super) fn title(&self, index: usize) -> String {
        let label = self.plan.tensors[index].label();
        if self.document.is_empty() { label } else { format!("{label}` of the document `{}", self.document) }
    }
}

/// Reads tensors of other documents' merges, which are computed on demand.
pub(super) trait StageReader: Sync {
    /// Computes elements `range` of a tensor of `stage`. Returns their bytes as the merge's folder would have them, with
    /// their dtype.
    fn read<'b>(
        &self,
        stage: &Stage,
        tensor: usize,
        range: Range<usize>,
        scratch: &'b mut Scratch,
        options: &Options<'_>,
    ) -> Result<(&'b [u8], DType), Error>;
}
