//! The merged model as far as it is solved, for texts to run through.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::layers::Layers;
use crate::checkpoint::Checkpoint;
use crate::encoder::{TensorData, TensorSource};
use crate::kernel::{DType, SimdLevel, narrow};
use crate::learn::{Merged, Table};
use crate::merge::{self, Error, LayerSolver, Statistics, Take};
use crate::plan::{Plan, PlannedTensor, TensorOp};

/// The merged model as far as it is solved. Of its table of token embeddings it has only the rows of some tokens.
pub(super) struct MergedLayers {
    pub(super) outline: Checkpoint,
    others: Merged,
    solved: BTreeMap<String, Solved>,
    module: String,
}

/// A solved tensor in the output's format.
struct Solved {
    dtype: DType,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Leaves the solved tensors out of a merge.
struct Without<'a>(&'a BTreeSet<usize>);

impl LayerSolver for Without<'_> {
    fn tensors(&self) -> &BTreeSet<usize> {
        self.0
    }

    fn solve(&self, _: &merge::Options<'_>, _: &mut Take<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// What opening the folder of a merge would give.
pub(super) fn outline(plan: &Plan) -> Checkpoint {
    plan.outline(plan.models.get(plan.donor).map_or(Path::new(""), Checkpoint::path).to_path_buf())
}

impl MergedLayers {
    /// Merges all that is not solved.
    pub(super) fn new(
        plan: &Plan,
        layers: &Layers,
        rows: &[u32],
        table: Option<&str>,
        options: &merge::Options<'_>,
    ) -> Result<Self, Error> {
        let is_table = |tensor: &&PlannedTensor| {
            tensor.module == layers.module && table.is_some_and(|table| Layers::is_named(tensor, table))
        };
        let key = plan.tensors.iter().find(is_table).map(|tensor| (tensor.module.clone(), tensor.canonical.clone()));
        let table = key.map(|key| Table { key, rows: rows.to_vec() });
        let without = Without(&layers.tensors);
        let options = merge::Options { progress: &|_| {}, solver: Some(&without), ..*options };
        let others = Merged::with(plan, table.as_ref(), &mut Statistics::default(), options)?;
        Ok(Self { outline: outline(plan), others, solved: BTreeMap::new(), module: layers.module.clone() })
    }

    /// Adds a solved tensor, under the name by which an encoder asks for it.
    pub(super) fn add(&mut self, name: &str, tensor: &PlannedTensor, values: &[f64], level: SimdLevel) {
        let TensorOp::Merge { out_dtype, .. } = &tensor.op else { return };
        let mut bytes = vec![0; values.len() * out_dtype.size()];
        narrow(level, values, *out_dtype, &mut bytes);
        self.solved.insert(name.to_owned(), Solved { dtype: *out_dtype, shape: tensor.shape.clone(), bytes });
    }

    /// Forgets the solved tensors.
    pub(super) fn forget(&mut self) {
        self.solved.clear();
    }
}

impl TensorSource for MergedLayers {
    fn tensor(&self, module: &str, canonical: &str) -> Option<TensorData<'_>> {
        match self.solved.get(canonical).filter(|_| module == self.module) {
            Some(Solved { dtype, shape, bytes }) => {
                Some(TensorData { dtype: *dtype, shape: shape.clone(), bytes: Cow::Borrowed(bytes) })
            }
            None => self.others.tensor(module, canonical),
        }
    }
}
