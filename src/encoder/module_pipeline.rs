//! The modules after the transformer: pooling, `Dense`, `LayerNorm` and `Normalize`.

use std::path::Path;

use candle_core::{D, Tensor};
use serde_json::{Map, Value};

use super::batch::Batch;
use super::config::NormStyle;
use super::error::Error;
use super::layers::linear::Linear;
use super::layers::norm::Norm;
use super::options::Options;
use super::pooling::{Mode, Pooling};
use super::source::{Loader, TensorSource};
use super::sparse_auto_encoder;
use super::static_embedding::{KIND, is_static};
use crate::checkpoint::{Checkpoint, LateFormat, LateInteraction, ModelKind, Module};
use crate::kernel::{Activation, DType};

/// The modules after the transformer, which are always computed in float32.
#[derive(Debug)]
pub(super) struct ModulePipeline {
    pooling: Pooling,
    /// Whether a prompt's tokens are pooled too.
    include_prompt: bool,
    steps: Vec<Step>,
    /// The width of the pooled vector.
    pooled: usize,
    /// The dimensions of an embedding before truncation.
    pub(super) dimension: usize,
}

/// A step behind pooling.
#[derive(Debug)]
pub(super) enum Step {
    Dense { layer: Linear, activation: Activation, residual: Residual },
    Norm(Norm),
    Normalize,
}

/// The residual that is added to the output of a Dense module.
#[derive(Debug)]
pub(super) enum Residual {
    None,
    Input,
    Projected(Linear),
}

impl ModulePipeline {
    /// Loads the modules after a transformer of width `width`.
    pub(super) fn load(
        checkpoint: &Checkpoint,
        source: &dyn TensorSource,
        options: &Options,
        device: &candle_core::Device,
        width: usize,
    ) -> Result<Self, Error> {
        check_modules(checkpoint, options.pooling.is_some())?;
        let settings = checkpoint.settings();
        let stated = settings.pooling.as_deref().map(str::parse::<Pooling>).transpose();
        let pooling = match &options.pooling {
            Some(pooling) => pooling.clone(),
            // The mean is what the module itself takes.
            None if is_static(checkpoint) => Pooling::of(Mode::Mean),
            None => stated?.unwrap_or_else(|| Pooling::of(unstated(checkpoint))),
        };
        let pooled = width * pooling.factor();
        let mut pipeline =
            Self { pooling, include_prompt: settings.include_prompt, steps: Vec::new(), pooled, dimension: pooled };
        for module in checkpoint.modules() {
            let path = checkpoint.path().join(&module.folder);
            // In half precision only the transformer is computed so.
            let dtype = options.dtype.filter(|_| device.is_cpu()).unwrap_or(DType::F32);
            let exact = options.exact_products;
            let loader = Loader { source, module: &module.folder, path, device, dtype, in_place: false, exact };
            pipeline.push(module, &loader)?;
        }
        Ok(pipeline)
    }

    /// Loads the modules that a late-interaction model applies to the vector of each token.
    pub(super) fn of_tokens(
        checkpoint: &Checkpoint,
        loader: &Loader<'_>,
        width: usize,
        late: &LateInteraction,
    ) -> Result<Self, Error> {
        let mut pipeline = Self::of_steps(Pooling::of(Mode::Cls), Vec::new(), width, width);
        let is_pylate = late.format == LateFormat::PyLate;
        for module in checkpoint.modules() {
            let path = checkpoint.path().join(&module.folder);
            let input = module.config.get("module_input_name").and_then(Value::as_str);
            match (module.kind.as_str(), input) {
                // Unlike others, this module takes what a text has one of, and here a text has none.
                ("Normalize", None | Some("sentence_embedding")) => continue,
                ("Normalize" | "LayerNorm", _) if is_pylate => continue,
                ("Dense", _) if is_pylate => {}
                ("Dense", None) | (_, Some("token_embeddings")) => {}
                ("Dense" | "LayerNorm", found) => {
                    let found = found.unwrap_or("sentence_embedding");
                    let problem = format!("`module_input_name` is {found:?}, expected \"token_embeddings\"");
                    return Err(Error::setting(&path.join("config.json"), problem));
                }
                _ => {}
            }
            pipeline.push(module, &Loader { module: &module.folder, path, ..*loader })?;
        }
        if late.normalize {
            pipeline.steps.push(Step::Normalize);
        }
        Ok(pipeline)
    }

    /// Loads the projection that Stanford's ColBERT has beside the transformer. Vectors are normalised behind it.
    pub(super) fn of_projection(loader: &Loader<'_>, width: usize) -> Result<Self, Error> {
        let (outputs, _) = loader.dimensions("linear.weight")?;
        let layer = Linear::load(loader, "linear", width, outputs, false)?;
        let dense = Step::Dense { layer, activation: Activation::Identity, residual: Residual::None };
        Ok(Self::of_steps(Pooling::of(Mode::Cls), vec![dense, Step::Normalize], width, outputs))
    }

    /// Some steps behind a pooling, of which the last has `dimension` outputs.
    pub(super) fn of_steps(pooling: Pooling, steps: Vec<Step>, width: usize, dimension: usize) -> Self {
        let pooled = width * pooling.factor();
        Self { pooling, include_prompt: true, steps, pooled, dimension }
    }

    fn push(&mut self, module: &Module, loader: &Loader<'_>) -> Result<(), Error> {
        match module.kind.as_str() {
            "Dense" => {
                let step = self.dense(&module.config, loader)?;
                self.steps.push(step);
            }
            "LayerNorm" => {
                self.steps.push(Step::Norm(Norm::load(loader, "norm", self.dimension, NormStyle::layer(1e-5))?));
            }
            "Normalize" => self.steps.push(Step::Normalize),
            _ => {}
        }
        Ok(())
    }

    fn dense(&mut self, config: &Map<String, Value>, loader: &Loader<'_>) -> Result<Step, Error> {
        let path = loader.path.join("config.json");
        let size = |key: &str| {
            let value = config.get(key).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
            value
                .filter(|size| *size > 0)
                .ok_or_else(|| Error::setting(&path, format!("`{key}` is missing or no size")))
        };
        let (inputs, outputs) = (size("in_features")?, size("out_features")?);
        if inputs != self.dimension {
            let problem = format!("`in_features` is {inputs}, but the vector in front of it has {}", self.dimension);
            return Err(Error::setting(&path, problem));
        }
        let flag = |key: &str, default| config.get(key).and_then(Value::as_bool).unwrap_or(default);
        let residual = match (flag("use_residual", false), inputs == outputs) {
            (false, _) => Residual::None,
            (true, true) => Residual::Input,
            (true, false) => Residual::Projected(Linear::load(loader, "residual", inputs, outputs, false)?),
        };
        self.dimension = outputs;
        Ok(Step::Dense {
            layer: Linear::load(loader, "linear", inputs, outputs, flag("bias", true))?,
            activation: dense_activation(&path, config)?,
            residual,
        })
    }

    /// Computes one embedding for each text from its token vectors.
    pub(super) fn forward(&self, hidden: &Tensor, batch: &Batch, prompt: usize) -> Result<Tensor, Error> {
        let skip = if self.include_prompt { 0 } else { prompt };
        self.finish(self.pooling.forward(hidden, batch, skip)?)
    }

    /// The embedding of a text without tokens, repeated for `texts` texts.
    pub(super) fn empty(&self, texts: usize, device: &candle_core::Device) -> Result<Tensor, Error> {
        self.finish(Tensor::zeros((texts, self.pooled), candle_core::DType::F32, device)?)
    }

    /// Applies the steps to each row.
    pub(super) fn finish(&self, mut x: Tensor) -> Result<Tensor, Error> {
        for step in &self.steps {
            x = match step {
                Step::Normalize => normalize(&x)?,
                Step::Norm(norm) => norm.forward(&x)?,
                Step::Dense { layer, activation, residual } => {
                    let out = layer.forward(&x, *activation)?;
                    match residual {
                        Residual::None => out,
                        Residual::Input => (out + &x)?,
                        Residual::Projected(layer) => (out + layer.forward(&x, Activation::Identity)?)?,
                    }
                }
            };
        }
        Ok(x)
    }
}

/// The default pooling of a folder without one. Decoders pool the last token, because only it has seen the whole text.
pub(super) fn unstated(checkpoint: &Checkpoint) -> Mode {
    let config = checkpoint.config();
    let class = config.get("architectures").and_then(Value::as_array).and_then(|classes| classes.first());
    let continues = class.and_then(Value::as_str).is_some_and(|class| class.ends_with("ForCausalLM"));
    let causal = config.get("is_causal").and_then(Value::as_bool) != Some(false);
    if continues && causal && !checkpoint.is_sentence_transformers() { Mode::LastToken } else { Mode::Mean }
}

pub(super) fn normalize(x: &Tensor) -> Result<Tensor, candle_core::Error> {
    let length = x.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?.maximum(1e-12)?;
    x.broadcast_div(&length)
}

fn dense_activation(path: &Path, config: &Map<String, Value>) -> Result<Activation, Error> {
    let Some(value) = config.get("activation_function").filter(|value| !value.is_null()) else {
        return Ok(Activation::Tanh);
    };
    torch_activation(value.as_str().unwrap_or_default()).ok_or_else(|| {
        let expected = "torch's Tanh, Identity, ReLU, GELU, SiLU or Sigmoid";
        Error::setting(path, format!("`activation_function` is {value}, expected {expected}"))
    })
}

/// The activation of a class of torch, such as `torch.nn.modules.activation.Tanh`.
pub(super) fn torch_activation(class: &str) -> Option<Activation> {
    Some(match class.rsplit('.').next().unwrap_or_default() {
        "Tanh" => Activation::Tanh,
        "Identity" => Activation::Identity,
        "ReLU" => Activation::Relu,
        "GELU" => Activation::Gelu,
        "SiLU" => Activation::Silu,
        "Sigmoid" => Activation::Sigmoid,
        _ => return None,
    })
}

/// Checks that the modules result in one dense vector for each text.
fn check_modules(checkpoint: &Checkpoint, pooling_given: bool) -> Result<(), Error> {
    let refused =
        |kind: &str, what| Err(Error::Module { path: checkpoint.path().to_owned(), kind: kind.to_owned(), what });
    let modules = checkpoint.modules();
    let mut pooled = pooling_given || !checkpoint.is_sentence_transformers();
    for (index, module) in modules.iter().enumerate() {
        let over_tokens = module.config.get("module_input_name").and_then(Value::as_str) == Some("token_embeddings");
        match module.kind.as_str() {
            "Transformer" if index == 0 => {}
            KIND if index == 0 => pooled = true,
            "Pooling" => pooled = true,
            "Dense"
                if over_tokens || !modules.iter().any(|module| matches!(module.kind.as_str(), "Pooling" | KIND)) =>
            {
                return refused("Dense", "a late-interaction model with one vector a token");
            }
            "Dense" | "LayerNorm" | "Normalize" if pooled => {}
            "Dense" | "LayerNorm" | "Normalize" => return Err(Error::NoPooling { path: checkpoint.path().to_owned() }),
            "Dropout" => {}
            sparse_auto_encoder::KIND if pooled && checkpoint.settings().kind == ModelKind::Sparse => {}
            kind => return refused(kind, described(kind)),
        }
    }
    if pooled { Ok(()) } else { Err(Error::NoPooling { path: checkpoint.path().to_owned() }) }
}

/// The kind of model that has such a module.
pub(super) fn described(kind: &str) -> &'static str {
    match kind {
        "MultiVectorMask" | "TokenPooling" | "ColBERT" => "a late-interaction model with one vector a token",
        "SpladePooling" | "MLMTransformer" | "SparseAutoEncoder" | "SparseStaticEmbedding" | "IDF" => "a sparse model",
        "Router" | "Asym" => "a model that chooses between several",
        "WordEmbeddings" | "BoW" => "a model without a transformer",
        _ => "a model with this module",
    }
}
