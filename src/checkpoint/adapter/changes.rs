//! LoRA adapters as PEFT saves them, and their changes to a model's tensors.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::error::Error;
use super::super::json;
use super::super::model_path::{Links, ModelPath};
use super::super::weights::{Tensor, Weights};
use super::config::{CONFIG, Config};
use crate::kernel::{DType, Real, SimdLevel, widen};

const WEIGHTS: &str = "adapter_model.safetensors";
const PICKLE: &str = "adapter_model.bin";

/// A low-rank adapter (Hu et al. 2021, "LoRA"): W becomes W + scale·B·A for some of a model's tensors, and tensors that
/// PEFT saved whole (`modules_to_save`, biases) replace the model's own.
#[derive(Debug)]
pub struct Adapter {
    path: PathBuf,
    weights: Weights,
    /// The model it was trained on, as its configuration names it.
    base: Option<String>,
    changes: Vec<AdapterChange>,
}

/// An adapter's change to one tensor.
#[derive(Debug)]
pub struct AdapterChange {
    /// The canonical name of the model's tensor.
    pub target: String,
    /// Index of the adapter's tensor that replaces it.
    replaced: Option<usize>,
    /// The product that is added to it.
    pub product: Option<Product>,
}

/// `scale · left · right`.
#[derive(Debug, PartialEq)]
pub struct Product {
    /// Number of rows of `left` and of the model's tensor.
    pub rows: usize,
    /// Number of columns of `left` and of rows of `right`.
    pub rank: usize,
    /// Number of columns of `right` and of the model's tensor.
    pub columns: usize,
    /// `lora_alpha / r`, or `lora_alpha / √r` with `use_rslora`.
    pub scale: f64,
    left: Factor,
    right: Factor,
}

/// A matrix in row-major order. float32 represents every dtype except float64 exactly.
#[derive(Debug, PartialEq)]
enum Factor {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Product {
    /// Row `row` of the left factor.
    pub fn left<T: Real>(&self, row: usize) -> Vec<T> {
        self.left.numbers(row * self.rank..(row + 1) * self.rank)
    }

    /// The right factor.
    pub fn right<T: Real>(&self) -> Vec<T> {
        self.right.numbers(0..self.rank * self.columns)
    }
}

impl Factor {
    fn numbers<T: Real>(&self, range: std::ops::Range<usize>) -> Vec<T> {
        match self {
            Self::Single(values) => values.get(range).unwrap_or_default().iter().map(|x| T::of_f32(*x)).collect(),
            Self::Double(values) => values.get(range).unwrap_or_default().iter().map(|x| T::of(*x)).collect(),
        }
    }
}

impl Adapter {
    /// Opens an adapter's folder: reads its configuration and its tensors, which are small.
    ///
    /// # Errors
    /// A folder without an adapter, an adapter of another kind than LoRA, tensors that do not fit together.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Self::open_with(folder, Links::Inside)
    }

    /// Like [`Adapter::open`]; `links` says whether links out of the folder are followed.
    pub fn open_with(folder: &Path, links: Links) -> Result<Self, Error> {
        let folder = ModelPath::of(folder, links)?;
        let refused = |problem: String| Error::Adapted { path: folder.to_path_buf(), problem, hint: None };
        let config = json::read_config(&folder.join(CONFIG))?;
        let Some(config) = config else {
            return Err(refused(format!("is no adapter: it has no {CONFIG}")));
        };
        let path = folder.join(WEIGHTS);
        if !json::entry_exists(&path)? {
            let hint = "make a safetensors file of it first: `admix convert`".to_owned();
            if json::entry_exists(&folder.join(PICKLE))? {
                let problem = format!("holds its adapter in {PICKLE}, and not as safetensors");
                return Err(Error::Adapted { path: folder.to_path_buf(), problem, hint: Some(hint) });
            }
            return Err(refused(format!("has no {WEIGHTS}")));
        }
        let weights = Weights::open_file(&path)?;
        let base = config.get("base_model_name_or_path").and_then(Value::as_str).filter(|name| !name.is_empty());
        let base = base.map(str::to_owned);
        let config = Config::read(&config).map_err(refused)?;
        let changes = changes(&weights, &config).map_err(refused)?;
        Ok(Self { path: folder.to_path_buf(), weights, base, changes })
    }

    /// The folder as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The model it was trained on, as its configuration names it.
    pub fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    /// Its changes, tensor by tensor.
    pub fn changes(&self) -> &[AdapterChange] {
        &self.changes
    }

    /// The weights that it was read from.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The tensor that replaces the model's own.
    pub fn replacement(&self, change: &AdapterChange) -> Option<&Tensor> {
        self.weights.tensors().get(change.replaced?)
    }

    /// The index of the model's tensor for each change; `None` for an output head that the model ties to its token
    /// embeddings and therefore does not store.
    ///
    /// # Errors
    /// A tensor that the model lacks, or has in another shape or as integers.
    pub fn fit(&self, model: &Path, weights: &Weights) -> Result<Vec<Option<usize>>, Error> {
        let refused = |problem: String| Error::Adapted { path: self.path.clone(), problem, hint: None };
        let place = |change: &AdapterChange| {
            let target = &change.target;
            let model = model.display();
            let found = weights.tensors().binary_search_by(|tensor| tensor.canonical.as_str().cmp(target));
            let Some((at, tensor)) = found.ok().and_then(|at| Some((at, weights.tensors().get(at)?))) else {
                if is_output_head(target) {
                    return Ok(None);
                }
                return Err(refused(format!("changes the tensor `{target}`, which `{model}` has not")));
            };
            let product = change.product.as_ref().map(|product| vec![product.rows, product.columns]);
            let replaced = self.replacement(change).map(|tensor| tensor.shape.clone());
            if let Some(own) = product.into_iter().chain(replaced).find(|own| *own != tensor.shape) {
                let problem = format!(
                    "changes the tensor `{target}` in shape {own:?}, which in `{model}` has shape {:?}",
                    tensor.shape
                );
                let hint = same_but_rows(&own, &tensor.shape).then(|| {
                    "tokens were added before it was trained: give the model as many rows first, with \
                     resize_token_embeddings, and save it with the adapter's tokenizer"
                        .to_owned()
                });
                return Err(Error::Adapted { path: self.path.clone(), problem, hint });
            }
            if tensor.float().is_none() {
                let dtype = tensor.dtype;
                return Err(refused(format!("changes the tensor `{target}`, which in `{model}` is {dtype:?}")));
            }
            Ok(Some(at))
        };
        self.changes.iter().map(place).collect()
    }

    /// Whether the adapter has the same change for another tensor, as for a tied head, which is saved twice.
    pub(crate) fn is_repeated(&self, change: &AdapterChange) -> bool {
        let same_product = |other: &AdapterChange| other.target != change.target && other.product == change.product;
        match (&change.product, self.replacement(change)) {
            (Some(_), _) => self.changes.iter().any(same_product),
            (None, Some(own)) => self.weights.tensors().iter().any(|other| {
                let same_form = other.name != own.name && other.shape == own.shape && other.dtype == own.dtype;
                same_form && self.weights.bytes(other) == self.weights.bytes(own)
            }),
            (None, None) => true,
        }
    }
}

/// Whether a tensor belongs to a head that scores each token, which models with tied embeddings do not save.
fn is_output_head(canonical: &str) -> bool {
    ["lm_head.", "cls.predictions.decoder.", "vocab_projector.", "embed_out.", "generator_lm_head."]
        .iter()
        .any(|head| canonical.starts_with(head))
}

fn same_but_rows(left: &[usize], right: &[usize]) -> bool {
    left.len() == right.len() && left.get(1..) == right.get(1..)
}

/// The parts of a module's product.
#[derive(Default)]
struct Parts {
    /// The module's name in the model that was trained.
    trained: String,
    first: Option<usize>,
    second: Option<usize>,
    embedding: bool,
}

fn changes(weights: &Weights, config: &Config) -> Result<Vec<AdapterChange>, String> {
    let mut modules: BTreeMap<String, Parts> = BTreeMap::new();
    let mut changes: BTreeMap<String, AdapterChange> = BTreeMap::new();
    for (index, tensor) in weights.tensors().iter().enumerate() {
        let name = tensor.canonical.as_str();
        let kinds = [
            (".lora_A.weight", false, false),
            (".lora_B.weight", true, false),
            (".lora_embedding_A", false, true),
            (".lora_embedding_B", true, true),
        ];
        let found = kinds
            .iter()
            .find_map(|(end, second, embedding)| name.strip_suffix(*end).map(|module| (module, *second, *embedding)));
        let shown = &tensor.name;
        if tensor.float().is_none() {
            return Err(format!("holds the tensor `{shown}` as {:?}, which is no floating-point format", tensor.dtype));
        }
        if let Some((module, second, embedding)) = found {
            let [_, _] = tensor.shape[..] else {
                return Err(format!(
                    "holds the tensor `{shown}` of shape {:?}; only matrices are merged",
                    tensor.shape
                ));
            };
            let parts = modules.entry(module.to_owned()).or_default();
            trained_name(&tensor.name, name.len() - module.len()).clone_into(&mut parts.trained);
            parts.embedding |= embedding;
            *(if second { &mut parts.second } else { &mut parts.first }) = Some(index);
        } else if name.contains(".lora_") || name.contains("lora_magnitude") {
            return Err(format!("holds the tensor `{shown}`, which is no part of a plain LoRA adapter"));
        } else {
            // PEFT saves the base layer of an adapted embedding with it.
            let name = name.replace(".base_layer.", ".");
            let Some(target) = saved_whole(&name) else { continue };
            let change = AdapterChange { target: target.clone(), replaced: Some(index), product: None };
            if target == name {
                changes.insert(target, change);
            } else {
                changes.entry(target).or_insert(change);
            }
        }
    }
    if modules.is_empty() && changes.is_empty() {
        return Err("holds no tensors of an adapter".to_owned());
    }
    let mut outside = BTreeSet::new();
    for (module, parts) in modules {
        let (Some(first), Some(second)) = (parts.first, parts.second) else {
            let (there, absent) = if parts.first.is_some() { ("A", "B") } else { ("B", "A") };
            return Err(format!("has `{module}` with `lora_{there}` and without `lora_{absent}`"));
        };
        // A head tied to adapted embeddings is adapted with them.
        if !config.targets(&module) && !is_output_head(&format!("{module}.")) {
            outside.insert(module.clone());
        }
        let target = format!("{module}.weight");
        let product = product(weights, config, &module, &parts, [first, second])?;
        let replaced = changes.remove(&target).and_then(|known| known.replaced);
        changes.insert(target.clone(), AdapterChange { target, replaced, product: Some(product) });
    }
    if let Some(module) = outside.first() {
        return Err(format!("adapts `{module}`, which `target_modules` in {CONFIG} does not name"));
    }
    Ok(changes.into_values().collect())
}

/// The tensor that one saved whole replaces. If the embeddings have more rows than the base, PEFT saves them three times:
/// under their own name, under `modules_to_save`, and under `original_module` as they were before training.
fn saved_whole(name: &str) -> Option<String> {
    if name.contains(".original_module.") {
        return None;
    }
    Some(name.replace(".modules_to_save.default.", ".").replace(".modules_to_save.", "."))
}

/// The name of a module in the model that was trained, without the prefixes and suffixes of PEFT.
fn trained_name(tensor: &str, end: usize) -> &str {
    let module = tensor.get(..tensor.len() - end).unwrap_or(tensor);
    module.strip_prefix("base_model.model.").unwrap_or(module)
}

fn product(
    weights: &Weights,
    config: &Config,
    module: &str,
    parts: &Parts,
    [first, second]: [usize; 2],
) -> Result<Product, String> {
    let (rank, scale) = config.of(&parts.trained)?;
    let (Some(a), Some(b)) = (weights.tensors().get(first), weights.tensors().get(second)) else {
        return Err(format!("has no factors of `{module}`"));
    };
    let ([a_rank, inputs], [outputs, b_rank]) = (&a.shape[..], &b.shape[..]) else {
        return Err(format!("has no matrices for `{module}`"));
    };
    let (a_rank, inputs, outputs, b_rank) = (*a_rank, *inputs, *outputs, *b_rank);
    if [a_rank, b_rank].iter().any(|found| (*found as f64 - rank).abs() > f64::EPSILON) {
        return Err(format!(
            "has `{module}` with rank {rank} in {CONFIG}, and `lora_A` of shape {:?} and `lora_B` of shape {:?}",
            a.shape, b.shape
        ));
    }
    let (left, right, rows, columns) = if parts.embedding || config.transposed {
        (transposed(weights, a), transposed(weights, b), inputs, outputs)
    } else {
        (factor(weights, b), factor(weights, a), outputs, inputs)
    };
    Ok(Product { rows, rank: a_rank, columns, scale, left, right })
}

fn factor(weights: &Weights, tensor: &Tensor) -> Factor {
    let (float, bytes) = (tensor.float().unwrap_or(DType::F32), weights.bytes(tensor));
    let elements = bytes.len() / float.size();
    if float == DType::F64 {
        let mut values = vec![0.0_f64; elements];
        widen(SimdLevel::best(), bytes, float, &mut values);
        Factor::Double(values)
    } else {
        let mut values = vec![0.0_f32; elements];
        widen(SimdLevel::best(), bytes, float, &mut values);
        Factor::Single(values)
    }
}

fn transposed(weights: &Weights, tensor: &Tensor) -> Factor {
    let [rows, columns] = tensor.shape[..] else { return Factor::Single(Vec::new()) };
    match factor(weights, tensor) {
        Factor::Single(values) => Factor::Single(turned(&values, rows, columns)),
        Factor::Double(values) => Factor::Double(turned(&values, rows, columns)),
    }
}

fn turned<T: Copy>(values: &[T], rows: usize, columns: usize) -> Vec<T> {
    let at = |index: usize| (index % rows.max(1)) * columns + index / rows.max(1);
    (0..values.len()).filter_map(|index| values.get(at(index)).copied()).collect()
}
