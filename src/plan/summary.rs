//! A summary of a plan for people and programs, which groups tensors that are treated alike.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::non_layer_tensors::NonLayerSlices;
use super::soup::SoupSummary;
use super::texts::TextsSummary;
use super::types::{Input, Plan, PlannedTensor, Stage, TensorOp};
use super::vocabulary::RowCounts;
use crate::checkpoint::layer_of;
use crate::method::{Arguments, Value};

/// What a merge will do.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The recipe's method.
    pub method: &'static str,
    /// The documents that the merge needs, each with a plan of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
    /// What `sources` chose, where the recipe has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<SoupSummary>,
    /// The texts that run through each model, where the method needs some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<TextsSummary>,
    /// The models, as folders.
    pub models: Vec<String>,
    /// The model that configuration and tokenizer come from.
    pub donor: String,
    /// The model that pooling, prompts and other settings come from; `None` where the output is a plain folder.
    pub settings: Option<String>,
    /// Which slices the tensors outside of the layers come from, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside: Option<NonLayerSlices>,
    /// The output's vocabulary, where different ones are merged.
    pub vocabulary: Option<VocabularySummary>,
    /// The output's tensors, grouped.
    pub groups: Vec<Group>,
    /// Number of output tensors.
    pub tensors: usize,
    /// Number of elements of the output's tensors.
    pub parameters: u64,
    /// Bytes of tensor data of the inputs.
    pub bytes_read: u64,
    /// Bytes of the output's weight files.
    pub bytes_written: u64,
    /// The output's weight files.
    pub files: Vec<String>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// How the vocabularies of the models are merged.
#[derive(Debug, Serialize)]
pub struct VocabularySummary {
    /// The folder that the tokenizer comes from.
    pub tokenizer: String,
    /// The output's tokens.
    pub tokens: usize,
    /// The number of tokens that are added to the tokenizer.
    pub appended: usize,
    /// Rows of the output's tables of tokens.
    pub rows: usize,
    /// How rows are computed; `None` where all models have the same tokens.
    pub made: Option<RowCounts>,
}

/// A named document of the recipe.
#[derive(Debug, Serialize)]
pub struct Document {
    /// Its name.
    pub name: String,
    /// What its merge will do.
    #[serde(flatten)]
    pub summary: Summary,
}

/// Tensors whose names differ only in the layer's number.
#[derive(Debug, Serialize)]
pub struct Group {
    /// The name, with `{}` for the number of the layer.
    pub template: String,
    /// How many tensors there are.
    pub count: usize,
    /// Their shapes; several only where layers differ.
    pub shapes: Vec<Vec<usize>>,
    /// Their format in the output.
    pub dtype: String,
    /// The method, or `copy`.
    pub method: &'static str,
    /// The models that they are merged from, the base first.
    pub sources: Vec<String>,
    /// Resolved parameters: one value where all tensors share it, else the first and the last.
    #[serde(serialize_with = "in_order")]
    pub parameters: Vec<(String, Vec<String>)>,
    /// The parameters that differ between the rows of a vocabulary tensor.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowGroup>,
}

/// Rows of a vocabulary tensor that are treated alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowGroup {
    /// What they are: a script, `special`, `none` or `others`.
    pub name: String,
    /// How many there are.
    pub count: usize,
    /// Resolved parameters that not all rows share.
    #[serde(serialize_with = "pairs")]
    pub parameters: Vec<(String, String)>,
}

impl Plan {
    /// Summarises the plan, including the documents that it needs.
    pub fn summary(&self) -> Summary {
        let document = |stage: &Stage| Document { name: stage.name.clone(), summary: stage.plan.own_summary() };
        let documents = self.all_stages().into_iter().map(document).collect();
        Summary { documents, ..self.own_summary() }
    }

    fn own_summary(&self) -> Summary {
        let mut groups: Vec<(Key, Group)> = Vec::new();
        let mut index: BTreeMap<Key, usize> = BTreeMap::new();
        let mut sorted: Vec<&PlannedTensor> = self.tensors.iter().collect();
        sorted.sort_by_cached_key(|tensor| match layer_of(&tensor.canonical) {
            Some(layer) => (tensor.module.clone(), layer.stack, layer.index, tensor.canonical.clone()),
            None => (tensor.module.clone(), tensor.canonical.clone(), 0, String::new()),
        });
        for tensor in sorted {
            let key = self.key(tensor);
            let at = *index.entry(key.clone()).or_insert_with(|| {
                groups.push((key.clone(), empty(&key)));
                groups.len() - 1
            });
            let group = &mut groups[at].1;
            group.count += 1;
            if !group.shapes.contains(&tensor.shape) {
                group.shapes.push(tensor.shape.clone());
            }
            let (shared, rows) = self.values(tensor);
            if !rows.is_empty() {
                group.rows = rows;
            }
            for (name, value) in shared {
                let at = group.parameters.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                    group.parameters.push((name, Vec::new()));
                    group.parameters.len() - 1
                });
                let values = &mut group.parameters[at].1;
                if values.last() != Some(&value) {
                    values.push(value);
                }
            }
        }
        Summary {
            method: self.recipe.method.name,
            documents: Vec::new(),
            sources: self.soup(),
            texts: self.texts(),
            models: self.labels(),
            donor: self.label(self.donor),
            settings: self.is_sentence_transformers().then(|| self.label(self.settings)),
            outside: self.non_layer.clone().filter(|_| self.recipe.slices.len() > 1),
            vocabulary: self.alignment.as_ref().map(|alignment| VocabularySummary {
                tokenizer: match alignment.tokenizer_of {
                    Some(model) => self.models[model].name(),
                    None => alignment.vocabulary.tokenizer().home().display().to_string(),
                },
                tokens: alignment.vocabulary.len(),
                appended: alignment.vocabulary.appended().len(),
                rows: alignment.rows,
                made: self.gathered.first().map(|gathered| gathered.gather.counts()),
            }),
            groups: groups.into_iter().map(|(_, group)| group).collect(),
            tensors: self.tensors.len(),
            parameters: self.tensors.iter().map(|tensor| tensor.elements).sum(),
            bytes_read: self.bytes_read(),
            bytes_written: self.bytes_written(),
            files: self.files.iter().map(|file| file.relative.clone()).collect(),
            warnings: self.warnings.clone(),
        }
    }

    fn key(&self, tensor: &PlannedTensor) -> Key {
        let template = layer_of(&tensor.canonical).map_or_else(|| tensor.canonical.clone(), |layer| layer.template);
        let template = if tensor.module.is_empty() { template } else { format!("{}/{template}", tensor.module) };
        let method = match &tensor.op {
            TensorOp::Copy { .. } => "copy",
            TensorOp::Merge { method, .. } => method.name,
        };
        let sources = tensor.op.inputs().iter().map(|input| self.name(input.model)).collect();
        let dtype = match &tensor.op {
            TensorOp::Merge { out_dtype, .. } => out_dtype.name().to_owned(),
            TensorOp::Copy { .. } => format!("{:?}", tensor.dtype),
        };
        (template, method, sources, dtype)
    }

    fn name(&self, model: usize) -> String {
        self.label(model)
    }

    /// The parameters that all rows of a tensor share, and those that differ.
    fn values(&self, tensor: &PlannedTensor) -> (Vec<(String, String)>, Vec<RowGroup>) {
        let TensorOp::Merge { arguments, inputs, by_row, .. } = &tensor.op else { return (Vec::new(), Vec::new()) };
        let mut shared = self.named(arguments, inputs);
        let Some(by_row) = by_row else { return (shared, Vec::new()) };
        let mut rows: Vec<RowGroup> = by_row
            .classes
            .iter()
            .map(|class| {
                let parameters = self.named(&class.arguments, inputs);
                RowGroup { name: class.name.clone(), count: class.rows, parameters }
            })
            .collect();
        shared.retain(|value| rows.iter().all(|group| group.parameters.contains(value)));
        for group in &mut rows {
            group.parameters.retain(|value| !shared.contains(value));
        }
        (shared, rows)
    }

    /// Arguments by name; per-model arguments have the model's name too.
    fn named(&self, arguments: &Arguments, inputs: &[Input]) -> Vec<(String, String)> {
        let apart = inputs.len() - arguments.models.len();
        // The last part of a path is enough where no two paths share it.
        let short = |model: usize| {
            let last =
                |model: usize| self.name(model).rsplit('/').next().map(str::to_owned).filter(|name| !name.is_empty());
            let unique = (0..self.models.len()).filter(|other| last(*other) == last(model)).count() == 1;
            last(model).filter(|_| unique).unwrap_or_else(|| self.name(model))
        };
        let show = |value: &Value| match value {
            Value::Number(x) => format!("{}", (x * 1e6).round() / 1e6),
            Value::Flag(flag) => flag.to_string(),
        };
        let shared = arguments.shared.iter().map(|(name, value)| ((*name).to_owned(), show(value)));
        let own = arguments.models.iter().zip(&inputs[apart..]).flat_map(|(values, input)| {
            values.iter().map(|(name, value)| (format!("{name}[{}]", short(input.model)), show(value)))
        });
        shared.chain(own).collect()
    }
}

/// The key of a group: template, method, sources, dtype.
type Key = (String, &'static str, Vec<String>, String);

fn empty(key: &Key) -> Group {
    let (template, method, sources, dtype) = key.clone();
    Group { template, count: 0, shapes: Vec::new(), dtype, method, sources, parameters: Vec::new(), rows: Vec::new() }
}

/// Serialises entries as a map, in their order.
fn pairs<S: Serializer>(entries: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(name, value)| (name, value)))
}

/// Serialises entries as a map, in their order.
fn in_order<S: Serializer>(entries: &[(String, Vec<String>)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(name, values)| (name, values)))
}
