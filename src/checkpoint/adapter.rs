//! LoRA adapters as PEFT saves them: what they add to which tensor of a model.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::error::Error;
use super::json;
use super::model_path::{Links, ModelPath};
use super::weights::{Tensor, Weights};
use crate::kernel::{Float, Level, Real, widen};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
const PICKLE: &str = "adapter_model.bin";

/// A low-rank adapter (Hu et al. 2021, "LoRA"): W becomes W + scale·B·A for some of a model's tensors, and what PEFT saved
/// whole (`modules_to_save`, biases) takes the place of the model's own.
#[derive(Debug)]
pub struct Adapter {
    path: PathBuf,
    weights: Weights,
    /// The model it was trained on, as its configuration names it.
    base: Option<String>,
    changes: Vec<AdapterChange>,
}

/// What an adapter does to one tensor.
#[derive(Debug)]
pub struct AdapterChange {
    /// The canonical name of the model's tensor.
    pub target: String,
    /// Index of the adapter's tensor that takes its place.
    replaced: Option<usize>,
    /// What is added to it.
    pub product: Option<Product>,
}

/// `scale · left · right`.
#[derive(Debug)]
pub struct Product {
    /// Rows of `left`, the model's tensor's too.
    pub rows: usize,
    /// Columns of `left` and rows of `right`.
    pub rank: usize,
    /// Columns of `right`, the model's tensor's too.
    pub columns: usize,
    /// `lora_alpha / r`, or `lora_alpha / √r` with `use_rslora`.
    pub scale: f64,
    left: Factor,
    right: Factor,
}

/// A matrix in row-major order. float32 holds every format but float64.
#[derive(Debug)]
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

/// The settings that matter.
struct Config {
    rank: u64,
    alpha: f64,
    ranks: Vec<(String, f64)>,
    alphas: Vec<(String, f64)>,
    square_root: bool,
    transposed: bool,
    /// The ends of the modules' names; nothing where a pattern says which are adapted.
    targets: Option<Vec<String>>,
}

impl Adapter {
    /// Opens an adapter's folder: reads its configuration and its tensors, which are small.
    ///
    /// # Errors
    /// A folder without adapter, an adapter of another kind than LoRA, tensors that do not go together.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Self::open_with(folder, Links::Inside)
    }

    /// As [`Adapter::open`]; `links` says whether links out of the folder are followed.
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

    /// What it does, tensor by tensor.
    pub fn changes(&self) -> &[AdapterChange] {
        &self.changes
    }

    /// The weights it was read from.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The tensor that takes the place of the model's own.
    pub fn replacement(&self, change: &AdapterChange) -> Option<&Tensor> {
        self.weights.tensors().get(change.replaced?)
    }

    /// For each change the index of the model's tensor.
    ///
    /// # Errors
    /// A tensor that the model lacks, or has in another shape or as integers.
    pub fn fit(&self, model: &Path, weights: &Weights) -> Result<Vec<usize>, Error> {
        let refused = |problem: String| Error::Adapted { path: self.path.clone(), problem, hint: None };
        let place = |change: &AdapterChange| {
            let target = &change.target;
            let model = model.display();
            let found = weights.tensors().binary_search_by(|tensor| tensor.canonical.as_str().cmp(target));
            let Some((at, tensor)) = found.ok().and_then(|at| Some((at, weights.tensors().get(at)?))) else {
                return Err(refused(format!("changes the tensor `{target}`, which `{model}` has not")));
            };
            let product = change.product.as_ref().map(|product| vec![product.rows, product.columns]);
            let replaced = self.replacement(change).map(|tensor| tensor.shape.clone());
            if let Some(own) = product.into_iter().chain(replaced).find(|own| *own != tensor.shape) {
                let problem = format!(
                    "changes the tensor `{target}` in shape {own:?}, which in `{model}` has shape {:?}",
                    tensor.shape
                );
                return Err(refused(problem));
            }
            if tensor.float().is_none() {
                let dtype = tensor.dtype;
                return Err(refused(format!("changes the tensor `{target}`, which in `{model}` is {dtype:?}")));
            }
            Ok(at)
        };
        self.changes.iter().map(place).collect()
    }
}

impl Config {
    fn read(config: &Map<String, Value>) -> Result<Self, String> {
        let kind = config.get("peft_type").and_then(Value::as_str).unwrap_or("LORA");
        if kind != "LORA" {
            return Err(format!("is a {kind} adapter; only LORA adapters are merged"));
        }
        let is_set = |key: &str| match config.get(key) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Array(list)) => !list.is_empty(),
            Some(Value::Object(map)) => !map.is_empty(),
            Some(_) => true,
        };
        // These change what is computed.
        let unsupported = [
            ("use_dora", "DoRA"),
            ("use_qalora", "QALoRA"),
            ("use_bdlora", "block-diagonal LoRA"),
            ("lora_bias", "a bias of the adapter's own"),
            ("layer_replication", "repeated layers"),
            ("target_parameters", "adapted parameters outside of layers"),
            ("trainable_token_indices", "single trained tokens"),
            ("alora_invocation_tokens", "activation by tokens"),
            ("arrow_config", "a router between adapters"),
        ];
        if let Some((key, what)) = unsupported.iter().find(|(key, _)| is_set(key)) {
            return Err(format!("uses {what} (`{key}`), which cannot be merged"));
        }
        let rank = config.get("r").and_then(Value::as_u64).filter(|rank| *rank > 0);
        let rank = rank.ok_or_else(|| format!("has no rank: `r` in {CONFIG} is {}", shown(config.get("r"))))?;
        let alpha = config.get("lora_alpha").and_then(Value::as_f64);
        let alpha = alpha.ok_or_else(|| format!("has no `lora_alpha` in {CONFIG}"))?;
        let pattern = |key: &str| -> Result<Vec<(String, f64)>, String> {
            let Some(Value::Object(map)) = config.get(key) else { return Ok(Vec::new()) };
            let entry = |(name, value): (&String, &Value)| {
                let literal = name.trim_start_matches('^').trim_end_matches('$');
                if !literal.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
                    return Err(format!("has `{name}` in `{key}`; only names of modules are read there, no patterns"));
                }
                let value = value.as_f64().filter(|value| *value > 0.0);
                let value = value.ok_or_else(|| format!("has no number above 0 for `{name}` in `{key}`"))?;
                Ok((literal.to_owned(), value))
            };
            map.iter().map(entry).collect()
        };
        let targets = match config.get("target_modules") {
            Some(Value::Array(list)) => {
                Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>())
            }
            _ => None,
        };
        Ok(Self {
            rank,
            alpha,
            ranks: pattern("rank_pattern")?,
            alphas: pattern("alpha_pattern")?,
            square_root: is_set("use_rslora"),
            transposed: is_set("fan_in_fan_out"),
            targets,
        })
    }

    /// The rank and the factor of a module.
    fn of(&self, module: &str) -> (f64, f64) {
        let find = |patterns: &[(String, f64)]| {
            patterns.iter().find(|(name, _)| ends_with(module, name)).map(|(_, value)| *value)
        };
        let rank = find(&self.ranks).unwrap_or(self.rank as f64);
        let alpha = find(&self.alphas).unwrap_or(self.alpha);
        (rank, if self.square_root { alpha / rank.sqrt() } else { alpha / rank })
    }
}

/// Whether a module's name is `end`, or ends in it after a dot.
fn ends_with(module: &str, end: &str) -> bool {
    module.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "missing".to_owned(), Value::to_string)
}

/// The parts of a module's product.
#[derive(Default)]
struct Parts {
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
            parts.embedding |= embedding;
            *(if second { &mut parts.second } else { &mut parts.first }) = Some(index);
        } else if name.contains(".lora_") || name.contains("lora_magnitude") {
            return Err(format!("holds the tensor `{shown}`, which is no part of a plain LoRA adapter"));
        } else {
            // PEFT saves the base layer of an adapted embedding with it.
            let target = name.replace(".base_layer.", ".").replace(".modules_to_save.default.", ".");
            let change = AdapterChange { target: target.clone(), replaced: Some(index), product: None };
            changes.insert(target, change);
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
        if config.targets.as_ref().is_some_and(|targets| !targets.iter().any(|end| is_target(&module, end))) {
            outside.insert(module.clone());
        }
        let target = format!("{module}.weight");
        let product = product(weights, config, &module, [first, second], parts.embedding)?;
        let replaced = changes.remove(&target).and_then(|known| known.replaced);
        changes.insert(target.clone(), AdapterChange { target, replaced, product: Some(product) });
    }
    if let Some(module) = outside.first() {
        return Err(format!("adapts `{module}`, which `target_modules` in {CONFIG} does not name"));
    }
    Ok(changes.into_values().collect())
}

/// Targets are written as the model's class names its modules, wrappers included.
fn is_target(module: &str, end: &str) -> bool {
    ends_with(module, end) || ends_with(module, super::names::split_wrapper(end).1)
}

fn product(
    weights: &Weights,
    config: &Config,
    module: &str,
    [first, second]: [usize; 2],
    embedding: bool,
) -> Result<Product, String> {
    let (rank, scale) = config.of(module);
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
    let (left, right, rows, columns) = if embedding || config.transposed {
        (transposed(weights, a), transposed(weights, b), inputs, outputs)
    } else {
        (factor(weights, b), factor(weights, a), outputs, inputs)
    };
    Ok(Product { rows, rank: a_rank, columns, scale, left, right })
}

fn factor(weights: &Weights, tensor: &Tensor) -> Factor {
    let (float, bytes) = (tensor.float().unwrap_or(Float::F32), weights.bytes(tensor));
    let elements = bytes.len() / float.size();
    if float == Float::F64 {
        let mut values = vec![0.0_f64; elements];
        widen(Level::best(), bytes, float, &mut values);
        Factor::Double(values)
    } else {
        let mut values = vec![0.0_f32; elements];
        widen(Level::best(), bytes, float, &mut values);
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
