//! The merge of one document as a model of another: planned here, and computed when it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

use super::types::{Cost, Input, Plan, PlannedTensor, Stage, TensorOp};
use crate::checkpoint::{Checkpoint, Weights};
use crate::kernel::DType;

impl Stage {
    pub(super) fn new(name: String, plan: Plan) -> Self {
        let costs = plan.tensors.iter().map(|tensor| cost(&plan, tensor)).collect();
        let mut stage = Self { name, plan, tensors: Vec::new(), costs };
        let merge = stage.checkpoint();
        let place = |module: &str, name: &str| {
            let is = |tensor: &PlannedTensor| tensor.module == module && tensor.name == name;
            stage.plan.tensors.iter().position(is).unwrap_or_default()
        };
        stage.tensors = merge
            .parts()
            .iter()
            .map(|module| {
                let tensors = module.weights.iter().flat_map(Weights::tensors);
                tensors.map(|tensor| place(&module.folder, &tensor.name)).collect()
            })
            .collect();
        stage
    }

    /// The checkpoint that the document merges to, without the data of its tensors.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        self.plan.outline(PathBuf::from(&self.name))
    }

    /// The planned tensor of a tensor of [`Stage::checkpoint`].
    pub(super) fn tensor(&self, input: Input) -> usize {
        self.tensors.get(input.module).and_then(|tensors| tensors.get(input.tensor)).copied().unwrap_or_default()
    }

    /// Bytes that one pass over a planned tensor reads from files.
    pub(super) fn bytes_read(&self, tensor: usize) -> u64 {
        self.costs.get(tensor).map_or(0, |cost| cost.bytes)
    }

    /// The number of tiles in memory while one tile of a planned tensor is computed.
    pub(crate) fn tiles(&self, tensor: usize) -> u64 {
        self.costs.get(tensor).map_or(0, |cost| cost.tiles)
    }
}

fn cost(plan: &Plan, tensor: &PlannedTensor) -> Cost {
    let mut hasher = DefaultHasher::new();
    (plan.seed, &tensor.module, &tensor.canonical, &tensor.copy_of, &tensor.shape).hash(&mut hasher);
    let (mut bytes, mut tiles) = (0_u64, 2_u64);
    for input in tensor.op.inputs() {
        let source = plan.source(*input);
        bytes = bytes.saturating_add(source.bytes_read());
        tiles = tiles.saturating_add(2).saturating_add(source.tiles());
        (input, plan.fingerprint(*input)).hash(&mut hasher);
    }
    if let TensorOp::Merge { method, arguments, by_row, compute_dtype, out_dtype, .. } = &tensor.op {
        let rows = by_row.as_ref().map(|rows| (&rows.classes, &rows.class_of_group));
        (method.name, format!("{arguments:?} {rows:?}"), *compute_dtype == DType::F64, out_dtype.name())
            .hash(&mut hasher);
    }
    Cost { bytes, tiles, fingerprint: hasher.finish() }
}

impl Plan {
    /// The checkpoint that the merge results in, without the data of its tensors. Messages call it `path`.
    pub(crate) fn outline(&self, path: PathBuf) -> Checkpoint {
        let mut entries: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for tensor in &self.tensors {
            let entry = (tensor.name.clone(), tensor.dtype, tensor.shape.clone());
            entries.entry(tensor.module.as_str()).or_default().push(entry);
        }
        let mut weights: BTreeMap<String, Weights> =
            entries.into_iter().map(|(module, entries)| (module.to_owned(), Weights::planned(entries))).collect();
        self.models[self.donor].planned(&self.models[self.settings], path, self.config(), &mut weights)
    }

    /// A fingerprint that is equal for inputs that are computed from the same tensors in the same way; 0 for tensors of files.
    pub fn fingerprint(&self, input: Input) -> u64 {
        let stage = self.stages.get(input.model).and_then(Option::as_ref);
        stage.and_then(|stage| stage.costs.get(stage.tensor(input))).map_or(0, |cost| cost.fingerprint)
    }

    /// The plans of the documents that the merge needs, each once, in the order in which they are merged.
    pub fn all_stages(&self) -> Vec<&Stage> {
        let mut found: Vec<&Stage> = Vec::new();
        let mut seen = BTreeSet::new();
        self.collect_stages(&mut seen, &mut found);
        found
    }

    fn collect_stages<'a>(&'a self, seen: &mut BTreeSet<&'a str>, found: &mut Vec<&'a Stage>) {
        for stage in self.stages.iter().flatten() {
            if seen.insert(&stage.name) {
                stage.plan.collect_stages(seen, found);
                found.push(stage);
            }
        }
    }

    /// The checkpoint on disk that configuration and tokenizer come from, through all documents.
    pub fn origin_of_files(&self) -> &Checkpoint {
        match self.stages.get(self.donor).and_then(Option::as_ref) {
            Some(stage) => stage.plan.origin_of_files(),
            None => &self.models[self.donor],
        }
    }

    /// The models on disk of all documents, each once by its label.
    pub fn originals(&self) -> Vec<(&Plan, usize)> {
        let mut seen = BTreeSet::new();
        let stages = self.all_stages();
        let plans = stages.into_iter().map(|stage| &stage.plan).chain([self]);
        let models = plans.flat_map(|plan| (0..plan.models.len()).map(move |model| (plan, model)));
        let mut found: Vec<(&Plan, usize)> = models.filter(|(plan, model)| plan.stages[*model].is_none()).collect();
        found.retain(|(plan, model)| seen.insert(plan.label(*model)));
        found
    }
}
