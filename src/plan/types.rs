//! The plan of a merge.

use std::path::Path;
use std::sync::{Arc, Mutex};

use safetensors::Dtype;
use serde_json::{Map, Value};

use super::adapted::Adapted;
use super::non_layer_tensors::{NonLayerSlices, is_table};
use super::options::Allow;
use super::vocabulary::{Alignment, ByRow, Gather};
use crate::checkpoint::torch::Checksum;
use crate::checkpoint::{Checkpoint, layer_of};
use crate::kernel::DType;
use crate::method::{Arguments, MergeMethod};
use crate::recipe::Recipe;

/// Everything that a merge will do.
#[derive(Debug)]
pub struct Plan {
    /// The recipe that it was built from.
    pub recipe: Recipe,
    /// The checkpoints, in the order in which the recipe first names them.
    pub models: Vec<Checkpoint>,
    /// For each checkpoint, the adapter that is merged into it first.
    pub adapters: Vec<Option<Adapted>>,
    /// For each checkpoint, the document whose merge it is.
    pub stages: Vec<Option<Arc<Stage>>>,
    /// The index of the checkpoint that configuration, tokenizer and the spelling of tensor names come from.
    pub donor: usize,
    /// The index of the checkpoint that modules, pooling, prompts, similarity and the maximum sequence length come from. It
    /// is the donor if that has them and the recipe names no other.
    pub settings: usize,
    /// The output tensors, in the order of their places in the output.
    pub tensors: Vec<PlannedTensor>,
    /// The weight files of the output.
    pub files: Vec<PlannedFile>,
    /// Where each layer's configuration comes from, when the recipe is made of slices.
    pub layers: Option<Vec<LayerSource>>,
    /// The donor's configuration, adapted to the layers of the output, when the recipe is made of slices.
    pub(super) layer_config: Option<Map<String, Value>>,
    /// Which slices the tensors outside of the layers come from, when the recipe is made of slices.
    pub non_layer: Option<NonLayerSlices>,
    /// The vocabulary of the output, where the recipe merges different ones.
    pub alignment: Option<Alignment>,
    /// The chat template of the output, where it is not the one in its tokenizer's folder.
    pub chat_template: Option<String>,
    /// Token tables whose rows are put into one order.
    pub gathered: Vec<Gathered>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// The seed of methods that draw at random.
    pub seed: u64,
    /// The differences and faults that the user accepts.
    pub allow: Allow,
}

/// A named document of a recipe and its plan.
#[derive(Debug)]
pub struct Stage {
    /// The document's name.
    pub name: String,
    /// Its plan.
    pub plan: Plan,
    /// For each module of the merge and each of its tensors, as a checkpoint lists them, the index of the planned tensor.
    pub(super) tensors: Vec<Vec<usize>>,
    /// The cost of one pass over each planned tensor, and its fingerprint.
    pub(super) costs: Vec<Cost>,
}

/// What one pass over a planned tensor costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// Bytes read from files.
    pub(super) bytes: u64,
    /// Tiles in memory at once.
    pub(super) tiles: u64,
    /// A fingerprint of what the tensor is computed from, and how.
    pub(super) fingerprint: u64,
}

/// The origin of an output layer: a layer of the first source of its slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerSource {
    /// Index into [`Plan::models`].
    pub model: usize,
    /// The layer's index in that model.
    pub layer: usize,
}

/// One output tensor.
#[derive(Clone, Debug)]
pub struct PlannedTensor {
    /// The module's folder: empty for the transformer.
    pub module: String,
    /// The name in the output file.
    pub name: String,
    /// The name without a wrapper's prefix, the key by which inputs were matched.
    pub canonical: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its format in the output.
    pub dtype: Dtype,
    /// Number of elements.
    pub elements: u64,
    /// Index into [`Plan::files`].
    pub file: usize,
    /// Where its data begins in the file, in bytes.
    pub offset: u64,
    /// How it is computed.
    pub op: TensorOp,
    /// The canonical name of the tensor that it is a tied copy of.
    pub copy_of: Option<String>,
}

impl PlannedTensor {
    /// The name with the module's folder before it.
    pub fn label(&self) -> String {
        if self.module.is_empty() { self.name.clone() } else { format!("{}/{}", self.module, self.name) }
    }

    /// Size in the output, in bytes.
    pub fn byte_len(&self) -> u64 {
        self.elements * (self.dtype.bitsize() as u64) / 8
    }

    /// Whether it is a matrix that maps vectors to vectors: one of a layer or of a module behind the transformer, and no table.
    pub fn is_layer_matrix(&self) -> bool {
        let is_behind = !self.module.is_empty() && matches!(self.canonical.as_str(), "linear.weight" | "weight");
        let is_inside = is_behind || layer_of(&self.canonical).is_some();
        let is_matrix = matches!(self.shape.as_slice(), [rows, columns] if *rows > 1 && *columns > 1);
        is_inside && is_matrix && !self.canonical.split('.').any(is_table)
    }
}

/// How an output tensor is computed.
#[derive(Clone, Debug)]
pub enum TensorOp {
    /// Copies the bytes, which must be equal in all sources.
    Copy {
        /// The tensors that hold them.
        sources: Vec<Input>,
    },
    /// Merges the inputs.
    Merge {
        /// The method.
        method: &'static MergeMethod,
        /// The inputs: the base first where the method sets it apart, then the models in recipe order.
        inputs: Vec<Input>,
        /// The method's parameters for this tensor, or for most of its rows where they differ by row.
        arguments: Arguments,
        /// The parameters of its rows, where they differ. Statistics of the whole tensor do not depend on them.
        by_row: Option<ByRow>,
        /// The dtype that it is computed in: float32 or float64.
        compute_dtype: DType,
        /// The format the result is rounded to.
        out_dtype: DType,
    },
}

impl TensorOp {
    /// The tensors that are read.
    pub fn inputs(&self) -> &[Input] {
        match self {
            Self::Copy { sources } => sources,
            Self::Merge { inputs, .. } => inputs,
        }
    }
}

/// A tensor of one of the plan's checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Input {
    /// Index into [`Plan::models`].
    pub model: usize,
    /// Index into the checkpoint's modules.
    pub module: usize,
    /// Index into the module's tensors.
    pub tensor: usize,
    /// Index into [`Plan::gathered`], for a token table whose rows are put into another order.
    pub gathered: Option<usize>,
}

/// A token table whose rows are put into the output's order.
#[derive(Debug)]
pub struct Gathered {
    /// The tables that rows come from, this one among them.
    pub tables: Vec<Input>,
    /// Its index among them.
    pub of: usize,
    /// The row of each token in each table.
    pub gather: Arc<Gather>,
    /// Elements of a row.
    pub width: usize,
    /// The mean of its rows, once it is known.
    pub padding: MeanRow,
}

impl Gathered {
    /// The table in its own order.
    pub(super) fn own(&self) -> Input {
        let unknown = Input { model: 0, module: 0, tensor: 0, gathered: None };
        self.tables.get(self.of).copied().unwrap_or(unknown)
    }
}

/// The mean over the rows of a table, computed when it is first needed.
#[derive(Debug, Default)]
pub struct MeanRow(pub(crate) Mutex<Option<Vec<f64>>>);

/// A weight file of the output.
#[derive(Debug)]
pub struct PlannedFile {
    /// Its path inside the output folder.
    pub relative: String,
    /// The folder of the module or head whose weights it has.
    pub module: String,
    /// Everything besides the tensors' data, each piece with its offset: the header of a safetensors file, for example.
    pub pieces: Vec<(u64, Vec<u8>)>,
    /// Checksums to write when the data is there.
    pub(crate) checksums: Vec<Checksum>,
    /// Its size in bytes, header included.
    pub size: u64,
}

impl Plan {
    /// The name of a model in messages and tables: its folder, and its adapter's.
    pub fn label(&self, model: usize) -> String {
        let name = self.models[model].name();
        match self.adapters.get(model).and_then(Option::as_ref) {
            Some(adapted) => format!("{name}+{}", adapted.adapter.path().display()),
            None => name,
        }
    }

    /// [`Plan::label`] of every model.
    pub fn labels(&self) -> Vec<String> {
        (0..self.models.len()).map(|model| self.label(model)).collect()
    }

    /// Every folder that the merge reads: models and adapters of all documents.
    pub fn folders(&self) -> Vec<&Path> {
        let mut folders = Vec::new();
        for (plan, model) in self.originals() {
            folders.push(plan.models[model].path());
            folders.extend(plan.adapters[model].as_ref().map(|adapted| adapted.adapter.path()));
        }
        folders
    }

    /// Bytes of tensor data that one pass over all inputs reads.
    pub fn bytes_read(&self) -> u64 {
        self.tensors.iter().flat_map(|tensor| tensor.op.inputs()).map(|input| self.source(*input).bytes_read()).sum()
    }

    /// Bytes of the output's weight files.
    pub fn bytes_written(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// The dtype of most of the output's bytes; `None` if it has no floating-point numbers.
    pub fn dtype(&self) -> Option<DType> {
        let bytes = |float: DType| -> u64 {
            let is =
                |tensor: &&PlannedTensor| matches!(tensor.op, TensorOp::Merge { out_dtype, .. } if out_dtype == float);
            self.tensors.iter().filter(is).map(PlannedTensor::byte_len).sum()
        };
        DType::ALL.into_iter().max_by_key(|float| bytes(*float)).filter(|float| bytes(*float) > 0)
    }

    /// The folder on disk that pooling, prompts and other settings come from: a model's, or its adapter's.
    pub fn origin_of_settings(&self) -> &Path {
        self.models[self.settings].usage_path()
    }

    /// Whether the output is a sentence-transformers folder.
    pub fn is_sentence_transformers(&self) -> bool {
        self.models[self.settings].is_sentence_transformers()
    }
}
