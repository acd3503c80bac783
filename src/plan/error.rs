//! Why a recipe and its checkpoints cannot be merged.

use std::path::PathBuf;

use crate::checkpoint;
use crate::recipe::Place;

/// A recipe that does not fit its checkpoints.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A model folder that is not there.
    #[error("no such model folder: `{path}`")]
    NoSuchModel {
        /// The name in the recipe.
        path: String,
        /// Its place in the recipe.
        place: Option<Box<Place>>,
        /// The recipe's folder, where it was searched too.
        beside: Option<PathBuf>,
        /// A document of the recipe with a similar name.
        near: Option<String>,
    },
    /// A model of the Hub that its cache on this machine does not have.
    #[error("{source}")]
    Hub {
        /// What is missing from the cache.
        source: checkpoint::Error,
        /// The place of the model in the recipe.
        place: Option<Box<Place>>,
    },
    /// An adapter on the merge of another document.
    #[error("the adapter `{adapter}` cannot be merged into the merge of the document `{stage}`")]
    AdapterOfStage {
        /// The document.
        stage: String,
        /// The adapter.
        adapter: String,
        /// Its place in the recipe.
        place: Option<Box<Place>>,
    },
    /// A document that others need and that changes its vocabulary.
    #[error("the document `{stage}` merges vocabularies, which only the document that is the result can")]
    VocabularyOfStage {
        /// The document.
        stage: String,
    },
    /// A document that others need and that texts would have to run through models for.
    #[error("the document `{stage}` merges by `{method}`, which only the document that is the result can")]
    TextsOfStage {
        /// The document.
        stage: String,
        /// Its method.
        method: &'static str,
    },
    /// Texts that are not there.
    #[error("there are no texts at `{}`", path.display())]
    NoSuchTexts {
        /// The path, as the recipe has it.
        path: PathBuf,
        /// Its place in the recipe.
        place: Option<Box<Place>>,
        /// The recipe's folder, where they were looked for, too.
        beside: Option<PathBuf>,
    },
    /// A checkpoint that cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// Two models that differ in pooling, prompts or other settings.
    #[error("the models disagree on {}: `{left}` has {}, `{right}` has {}", found.what, found.left, found.right)]
    Disagreement {
        /// What they disagree on, and both values.
        found: Box<checkpoint::Disagreement>,
        /// The donor.
        left: String,
        /// The other model.
        right: String,
    },
    /// A `settings_source` without pooling, prompts or other settings.
    #[error("`settings_source` names `{model}`, which does not say how it is used: it has no modules.json")]
    NoSettings {
        /// The model.
        model: String,
        /// The place in the recipe.
        place: Option<Box<Place>>,
    },
    /// Two models whose tensors differ in shape.
    #[error("tensor `{tensor}` has shape {left:?} in `{left_model}` and {right:?} in `{right_model}`")]
    Shape {
        /// The tensor.
        tensor: String,
        /// The first model.
        left_model: String,
        /// Its shape.
        left: Vec<usize>,
        /// The other model.
        right_model: String,
        /// Its shape.
        right: Vec<usize>,
    },
    /// Two models whose tensors differ in type, of which one is not floating-point.
    #[error("tensor `{tensor}` is {left} in `{left_model}` and {right} in `{right_model}`")]
    Kind {
        /// The tensor.
        tensor: String,
        /// The first model.
        left_model: String,
        /// Its type.
        left: String,
        /// The other model.
        right_model: String,
        /// Its type.
        right: String,
    },
    /// A floating-point tensor that one model lacks.
    #[error("tensor `{tensor}` is in `{present}` and not in `{absent}`")]
    MissingTensor {
        /// The tensor.
        tensor: String,
        /// A model that has it.
        present: String,
        /// A model that lacks it.
        absent: String,
    },
    /// A parameter that has no value for a tensor.
    #[error("parameter `{parameter}` has no value for tensor `{tensor}`{}", model.as_ref().map(|model| format!(" of `{model}`")).unwrap_or_default())]
    MissingParameter {
        /// The parameter.
        parameter: &'static str,
        /// The tensor.
        tensor: String,
        /// The model, for a per-model parameter.
        model: Option<String>,
    },
    /// Parameters that make no sense together.
    #[error("tensor `{tensor}`: {reason}")]
    Arguments {
        /// The tensor.
        tensor: String,
        /// The reason.
        reason: String,
        /// What to write instead.
        hint: Option<String>,
        /// The place of one of them in the recipe.
        place: Option<Box<Place>>,
    },
    /// Conditions on rows of a model whose tokens cannot be read.
    #[error("`rows` needs the tokens of `{model}`: {source}")]
    Tokens {
        /// The model that the tokenizer comes from.
        model: String,
        /// What is wrong with its tokenizer.
        source: checkpoint::Error,
        /// The first of the conditions.
        place: Option<Box<Place>>,
    },
    /// A layer range that a model does not have.
    #[error("layers {start} to {end} are asked of `{model}`, which has {layers}")]
    LayerRange {
        /// The model.
        model: String,
        /// The first layer asked for.
        start: usize,
        /// The layer after the last.
        end: usize,
        /// How many layers it has.
        layers: usize,
        /// The place of the range in the recipe.
        place: Option<Box<Place>>,
    },
    /// Slices of models with no or several stacks of layers.
    #[error("`{model}` has {stacks} and cannot be cut into slices")]
    Stacks {
        /// The model.
        model: String,
        /// "no layers", or the stacks' names.
        stacks: String,
    },
    /// A layer at a position where its class expects another kind.
    #[error(
        "layer {from} of `{model}` would be layer {layer} of the output, and config.json counts the {what}{}: there it would be of another kind",
        if key.is_empty() { String::new() } else { format!(" by `{key}`") }
    )]
    CountedLayers {
        /// The property that differs between layers.
        what: &'static str,
        /// The key of config.json; empty where the class has a fixed pattern.
        key: &'static str,
        /// The layer's number in the output.
        layer: usize,
        /// The model that it comes from.
        model: String,
        /// Its number in that model.
        from: usize,
    },
    /// Layers of different kinds that would be merged into one.
    #[error(
        "layer {left_layer} of `{left_model}` and layer {right_layer} of `{right_model}` differ in {what}: {left} and {right}"
    )]
    LayerKinds {
        /// The property that differs between layers.
        what: String,
        /// The first model.
        left_model: String,
        /// Its layer.
        left_layer: usize,
        /// Its value.
        left: String,
        /// The other model.
        right_model: String,
        /// Its layer.
        right_layer: usize,
        /// Its value.
        right: String,
    },
    /// A slice without the base, of a method that needs it.
    #[error("{method} needs the base model `{base}` among the sources of every slice")]
    SliceWithoutBase {
        /// The method.
        method: &'static str,
        /// The base model.
        base: String,
        /// The slice.
        place: Option<Box<Place>>,
    },
    /// A module with weights that one model lacks.
    #[error("`{present}` has the module `{module}` ({kind}) with weights, `{absent}` has not")]
    MissingModule {
        /// A model that has it.
        present: String,
        /// The module's folder.
        module: String,
        /// Its kind.
        kind: String,
        /// A model that lacks it.
        absent: String,
    },
    /// A model without a table of token embeddings.
    #[error("`{model}` has no table of token embeddings by any name that is known")]
    NoTokenTable {
        /// The model.
        model: String,
    },
    /// A token embedding table of another size than the first.
    #[error("tensor `{tensor}` of `{model}` has {found} rows, and its tokens {expected}")]
    TokenRows {
        /// The tensor.
        tensor: String,
        /// The model.
        model: String,
        /// Its rows.
        found: usize,
        /// The rows of the model's first table of token embeddings.
        expected: usize,
    },
    /// A token that texts can contain but that has no embedding.
    #[error("token {token:?} of `{model}` has number {id}, but its table of token embeddings has {rows} rows")]
    TokenWithoutRow {
        /// The token.
        token: String,
        /// Its number.
        id: u32,
        /// The model.
        model: String,
        /// The rows of its table.
        rows: usize,
    },
    /// Vocabularies that spell tokens in different ways.
    #[error("`{left}` has a {left_kind} vocabulary and `{right}` a {right_kind} one")]
    VocabularyKinds {
        /// The model whose tokenizer the output has.
        left: String,
        /// Its kind.
        left_kind: String,
        /// The other.
        right: String,
        /// Its kind.
        right_kind: String,
    },
    /// A rule for a token that cannot be followed.
    #[error("{message}")]
    TokenRule {
        /// The reason.
        message: String,
        /// What to write instead.
        hint: String,
        /// The rule.
        place: Option<Box<Place>>,
    },
    /// A rule that takes a row from a model that lacks the tensor.
    #[error("the row of token {token:?} is to come from `{model}`, which takes no part in tensor `{tensor}`")]
    TokenWithoutTensor {
        /// The token.
        token: String,
        /// The model.
        model: String,
        /// The tensor.
        tensor: String,
    },
    /// A tokenizer whose padding token would shift the model's position numbers.
    #[error(
        "`{tokenizer}` pads with token {pad}, and the positions of `{model}` begin behind its own padding token {own}"
    )]
    Padding {
        /// The model whose tokenizer the output would have.
        tokenizer: String,
        /// The number of its padding token.
        pad: u64,
        /// The model whose configuration the output has.
        model: String,
        /// The model's own padding token.
        own: u64,
    },
    /// A merge without tensors.
    #[error("the recipe's models have no tensors to merge")]
    Nothing,
}

impl Error {
    /// Whether it is about parameter values and not about the checkpoints.
    pub(super) fn is_of_values(&self) -> bool {
        matches!(self, Self::MissingParameter { .. } | Self::Arguments { .. } | Self::SliceWithoutBase { .. })
    }

    /// Whether both report the same parameter values, for two tensors.
    pub(super) fn has_the_values_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Arguments { reason, place, .. }, Self::Arguments { reason: of_other, place: at_other, .. }) => {
                reason == of_other && place == at_other
            }
            _ => false,
        }
    }
}
