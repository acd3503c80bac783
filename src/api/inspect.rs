//! What is in a model folder, and where two differ.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::checkpoint::{Checkpoint, Disagreement, Weights, disagreements, layer_of};
use crate::merge::{self, Difference};

/// Which tensors stand in one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// Those whose names differ in the layer alone.
    #[default]
    Name,
    /// Those of a layer.
    Layer,
    /// Each alone.
    Tensor,
}

impl Grouping {
    /// The grouping of a name: `name`, `layer` or `tensor`.
    pub fn from_name(name: &str) -> Option<Self> {
        [("name", Self::Name), ("layer", Self::Layer), ("tensor", Self::Tensor)]
            .into_iter()
            .find_map(|(known, grouping)| (known == name).then_some(grouping))
    }

    fn group(self, module: &str, canonical: &str) -> String {
        let name = match (self, layer_of(canonical)) {
            (Self::Name, Some(layer)) => layer.template,
            (Self::Layer, Some(layer)) => format!("{}.{}", layer.stack, layer.index),
            (Self::Layer, None) => canonical.split('.').next().unwrap_or(canonical).to_owned(),
            (Self::Name, None) | (Self::Tensor, _) => canonical.to_owned(),
        };
        if module.is_empty() { name } else { format!("{module}/{name}") }
    }
}

/// Tensors that are shown together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorGroup {
    /// The name.
    pub name: String,
    /// The number of tensors.
    pub tensors: usize,
    /// The number of their elements.
    pub parameters: u64,
    /// Their shapes, such as `768×768`.
    pub shapes: Vec<String>,
    /// Their formats.
    pub dtypes: Vec<String>,
}

/// What is in a model folder. Only headers and settings are read.
#[derive(Clone, Debug)]
pub struct Inspection<'a> {
    /// The folder.
    pub checkpoint: &'a Checkpoint,
    /// Its tensors, in the order of the files.
    pub groups: Vec<TensorGroup>,
    /// The number of elements of each format.
    pub dtypes: BTreeMap<String, u64>,
}

impl<'a> Inspection<'a> {
    /// Looks at the tensors of a folder.
    pub fn of(checkpoint: &'a Checkpoint, by: Grouping) -> Self {
        let mut groups: Vec<TensorGroup> = Vec::new();
        let mut index: BTreeMap<String, usize> = BTreeMap::new();
        let mut dtypes: BTreeMap<String, u64> = BTreeMap::new();
        for module in checkpoint.parts() {
            for tensor in module.weights.iter().flat_map(Weights::tensors) {
                let name = by.group(&module.folder, &tensor.canonical);
                let at = *index.entry(name.clone()).or_insert_with(|| {
                    groups.push(TensorGroup { name, ..TensorGroup::default() });
                    groups.len() - 1
                });
                let Some(group) = groups.get_mut(at) else { continue };
                group.tensors += 1;
                group.parameters += tensor.elements();
                let shape = tensor.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("×");
                let dtype = format!("{:?}", tensor.dtype);
                if !group.shapes.contains(&shape) {
                    group.shapes.push(shape);
                }
                *dtypes.entry(dtype.clone()).or_default() += tensor.elements();
                if !group.dtypes.contains(&dtype) {
                    group.dtypes.push(dtype);
                }
            }
        }
        Self { checkpoint, groups, dtypes }
    }

    /// The number of elements of all tensors.
    pub fn parameters(&self) -> u64 {
        self.groups.iter().map(|group| group.parameters).sum()
    }

    /// Everything, for programs.
    pub fn to_json(&self) -> Value {
        let checkpoint = self.checkpoint;
        let settings = checkpoint.settings();
        let architecture = &settings.architecture;
        let group = |group: &TensorGroup| {
            json!({
                "name": group.name,
                "tensors": group.tensors,
                "shapes": group.shapes,
                "dtypes": group.dtypes,
                "parameters": group.parameters,
            })
        };
        json!({
            "folder": checkpoint.path().display().to_string(),
            "hub": checkpoint.snapshot().map(|snapshot| json!({"name": snapshot.name, "commit": snapshot.commit})),
            "kind": settings.kind.name(),
            "architecture": architecture.model_type,
            "layers": architecture.layers,
            "hidden_size": architecture.hidden_size,
            "vocab_size": architecture.vocab_size,
            "parameters": self.parameters(),
            "bytes": checkpoint.weight_bytes(),
            "modules": checkpoint.modules().iter().map(|module| json!({"folder": module.folder, "kind": module.kind})).collect::<Vec<_>>(),
            "heads": checkpoint.heads().iter().map(|head| head.folder.as_str()).collect::<Vec<_>>(),
            "sentence_transformers": checkpoint.is_sentence_transformers(),
            "pooling": settings.pooling,
            "normalize": settings.normalize,
            "similarity": settings.similarity,
            "prompts": settings.prompts,
            "max_seq_length": settings.max_seq_length,
            "late_interaction": settings.late_interaction.as_ref().map(|late| json!({
                "query_prefix": late.query_prefix,
                "document_prefix": late.document_prefix,
                "query_length": late.query_length,
                "document_length": late.document_length,
                "expansion_length": late.expansion.as_ref().map(|expansion| expansion.length),
                "skiplist": late.skiplist,
            })),
            "tokenizer": checkpoint.tokenizer().files().map(|path| path.display().to_string()).collect::<Vec<_>>(),
            "groups": self.groups.iter().map(group).collect::<Vec<_>>(),
        })
    }
}

/// Where two model folders differ.
#[derive(Clone, Debug)]
pub struct Differences {
    /// The differences of tensors that both have, in groups; the last one is of all tensors.
    pub groups: Vec<(String, Difference)>,
    /// The settings that they disagree on.
    pub disagreements: Vec<Disagreement>,
    /// Tensors that only the first has.
    pub only_left: Vec<String>,
    /// Tensors that only the second has.
    pub only_right: Vec<String>,
    folders: [String; 2],
}

impl Differences {
    /// Compares all tensors of two folders.
    ///
    /// # Errors
    /// Cancellation, or a file that can no longer be read.
    pub fn of(
        left: &Checkpoint,
        right: &Checkpoint,
        by: Grouping,
        options: merge::Options<'_>,
    ) -> Result<Self, merge::Error> {
        let differences = merge::compare(left, right, options)?;
        let mut groups: Vec<(String, Difference)> = Vec::new();
        let mut index: BTreeMap<String, usize> = BTreeMap::new();
        let mut whole = Difference::default();
        for difference in &differences {
            whole.add(difference);
            let name = by.group(&difference.module, &difference.name);
            let at = *index.entry(name.clone()).or_insert_with(|| {
                groups.push((name, Difference::default()));
                groups.len() - 1
            });
            if let Some((_, sum)) = groups.get_mut(at) {
                sum.add(difference);
            }
        }
        groups.push(("all".to_owned(), whole));
        Ok(Self {
            groups,
            disagreements: disagreements(left, right),
            only_left: only_in(left, right, &differences),
            only_right: only_in(right, left, &differences),
            folders: [left, right].map(|model| model.path().display().to_string()),
        })
    }

    /// Everything, for programs.
    pub fn to_json(&self) -> Value {
        let group = |(name, sums): &(String, Difference)| {
            json!({
                "name": name,
                "parameters": sums.elements,
                "cosine": finite(sums.cosine()),
                "relative_norm": finite(sums.relative_norm()),
                "equal_share": sums.equal_share(),
            })
        };
        let disagreement = |found: &Disagreement| json!({"kind": found.kind.name(), "what": found.what, "left": found.left, "right": found.right});
        json!({
            "left": self.folders[0],
            "right": self.folders[1],
            "disagreements": self.disagreements.iter().map(disagreement).collect::<Vec<_>>(),
            "only_left": self.only_left,
            "only_right": self.only_right,
            "groups": self.groups.iter().map(group).collect::<Vec<_>>(),
        })
    }
}

/// The tensors of `one` that were not compared because `other` has none of that name and shape, or because they are no
/// floating-point numbers and `other` lacks them.
fn only_in(one: &Checkpoint, other: &Checkpoint, compared: &[Difference]) -> Vec<String> {
    let mut names = Vec::new();
    for module in one.parts() {
        for tensor in module.weights.iter().flat_map(Weights::tensors) {
            let seen = compared.iter().any(|difference| difference.name == tensor.canonical);
            let there = other
                .parts()
                .iter()
                .filter_map(|module| module.weights.as_ref())
                .any(|weights| weights.get(&tensor.canonical).is_some_and(|twin| twin.shape == tensor.shape));
            if !seen && !there {
                names.push(if module.folder.is_empty() {
                    tensor.name.clone()
                } else {
                    format!("{}/{}", module.folder, tensor.name)
                });
            }
        }
    }
    names
}

fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}
