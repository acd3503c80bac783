//! The description of a model that config.json gives, for any class.

use serde_json::Value;

use super::super::error::Error;
use super::super::tensor_names::Names;
use super::json::Json;
use super::rope::Rope;
use crate::kernel::{Activation, NormKind};

/// The properties of a model that its tensors do not show.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about the model")]
pub(in crate::encoder) struct Config {
    /// The names of its tensors.
    pub(in crate::encoder) names: &'static Names,
    pub(in crate::encoder) layers: usize,
    /// Number of heads of queries.
    pub(in crate::encoder) heads: usize,
    /// Number of heads of keys and values; a divisor of `heads`.
    pub(in crate::encoder) key_value_heads: usize,
    /// The width of a head; by default the model's width divided by `heads`.
    pub(in crate::encoder) size: Option<usize>,
    /// The factor on attention scores; by default one over the square root of the head's width.
    pub(in crate::encoder) scale: Option<f32>,
    pub(in crate::encoder) norm: NormStyle,
    pub(in crate::encoder) biases: Biases,
    pub(in crate::encoder) activation: Activation,
    /// The first row of the table of positions. Models without a table do not use it.
    pub(in crate::encoder) first: Position,
    /// The longest input, where there is no table of positions.
    pub(in crate::encoder) longest: usize,
    /// The kinds of attention.
    pub(in crate::encoder) patterns: Vec<Pattern>,
    /// The index of each layer's pattern.
    pub(in crate::encoder) layer_patterns: Vec<usize>,
    /// Whether there is a table of token types, where the class has one.
    pub(in crate::encoder) token_types: bool,
    /// Whether there is a table of positions, where the class has one.
    pub(in crate::encoder) position_table: bool,
    /// Whether the tables have a width of their own, where the class can project it to that of the layers.
    pub(in crate::encoder) projected: bool,
    /// The factor on token embeddings.
    pub(in crate::encoder) embedding_scale: Option<f32>,
    /// Whether the heads of values are normalised, without weights.
    pub(in crate::encoder) value_norms: bool,
    /// How scores depend on the distance between two tokens.
    pub(in crate::encoder) distance: Option<Distance>,
    /// Scores are bent towards this bound by a hyperbolic tangent.
    pub(in crate::encoder) score_cap: Option<f32>,
    /// Layers of a group that share one number in the names of tensors.
    pub(in crate::encoder) group: usize,
    /// The layer at each depth; layers that are shared stand at several.
    pub(in crate::encoder) order: Vec<usize>,
    /// The layers that have a short convolution instead of attention, and whether those have biases.
    pub(in crate::encoder) convolutions: (Vec<usize>, bool),
    /// Whether intermediate values overflow float16.
    pub(in crate::encoder) overflows: bool,
}

/// How the score of a query and a key depends on the distance between them.
#[derive(Clone, Copy, Debug)]
pub(in crate::encoder) enum Distance {
    /// A bias for each head and bucket of distances, from a table of `buckets` rows, half of them for keys behind the query's token;
    /// from `farthest` on all distances share one.
    Buckets { buckets: usize, farthest: usize },
    /// A bias in proportion to the distance, by slopes that follow from the number of heads (`ALiBi`).
    Linear,
    /// Disentangled attention: products with the vectors of relative positions.
    Disentangled(Disentangled),
}

/// Disentangled attention, as `deberta-v2` has it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of config.json")]
pub(in crate::encoder) struct Disentangled {
    /// Vectors of relative positions in each direction.
    pub(in crate::encoder) span: usize,
    /// The distance from which on all share the last vector, where distances are put in buckets.
    pub(in crate::encoder) farthest: Option<usize>,
    /// Whether queries meet the positions of keys.
    pub(in crate::encoder) content_to_position: bool,
    /// Whether keys meet the positions of queries.
    pub(in crate::encoder) position_to_content: bool,
    /// Whether positions are projected by the weights that tokens are.
    pub(in crate::encoder) shared: bool,
    /// Whether vectors of relative positions are normalised.
    pub(in crate::encoder) normalised: bool,
}

impl Config {
    /// Heads of keys and values, and the width of a head, in one kind of attention. `size` is the width elsewhere.
    pub(in crate::encoder) fn heads_of(&self, pattern: usize, size: usize) -> (usize, usize) {
        let own = self.patterns.get(pattern).and_then(|pattern| pattern.heads);
        own.unwrap_or((self.key_value_heads, size))
    }

    /// A model in the order of BERT with a table of positions, from which readers depart.
    pub(super) fn new(names: &'static Names, layers: usize, heads: usize, norm: NormStyle) -> Self {
        Self {
            names,
            layers,
            heads,
            key_value_heads: heads,
            size: None,
            scale: None,
            norm,
            biases: Biases::ALL,
            activation: Activation::Gelu,
            first: Position::default(),
            longest: usize::MAX,
            patterns: vec![Pattern::default()],
            layer_patterns: vec![GLOBAL; layers],
            token_types: true,
            position_table: true,
            projected: false,
            embedding_scale: None,
            value_norms: false,
            distance: None,
            score_cap: None,
            group: 1,
            order: (0..layers).collect(),
            convolutions: (Vec::new(), false),
            overflows: false,
        }
    }
}

/// The normalisation of a model.
#[derive(Clone, Copy, Debug)]
pub(in crate::encoder) struct NormStyle {
    pub(in crate::encoder) kind: NormKind,
    pub(in crate::encoder) epsilon: f32,
    /// Whether norms have biases.
    pub(in crate::encoder) shifted: bool,
    /// The offset that is added to stored weights.
    pub(in crate::encoder) offset: f32,
}

/// Which linear layers have biases.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a tensor that is there or not")]
pub(in crate::encoder) struct Biases {
    /// Query, key and value.
    pub(in crate::encoder) qkv: bool,
    /// The projection from the heads back to the model's width.
    pub(in crate::encoder) attention_output: bool,
    pub(in crate::encoder) up: bool,
    pub(in crate::encoder) down: bool,
}

/// Which tokens attend to which.
#[derive(Clone, Debug, Default)]
pub(in crate::encoder) struct Pattern {
    /// Tokens attend only to themselves and to earlier tokens.
    pub(in crate::encoder) causal: bool,
    /// Tokens attend only to tokens at most this far away.
    pub(in crate::encoder) window: Option<usize>,
    /// The rotation of queries and keys by their positions.
    pub(in crate::encoder) rope: Option<Rope>,
    /// Heads of keys and values and the width of a head, where they are not those of the model.
    pub(in crate::encoder) heads: Option<(usize, usize)>,
}

/// The row of the first position, and the token without a position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::encoder) struct Position {
    pub(in crate::encoder) start: u32,
    /// Tokens with this id are not counted and use the row of the same number.
    pub(in crate::encoder) padding: Option<u32>,
}

impl NormStyle {
    /// Layer normalisation with biases.
    pub(in crate::encoder) fn layer(epsilon: f32) -> Self {
        Self { kind: NormKind::Layer, epsilon, shifted: true, offset: 0.0 }
    }

    /// Division by the root mean square.
    pub(in crate::encoder) fn rms(epsilon: f32) -> Self {
        Self { kind: NormKind::Rms, epsilon, shifted: false, offset: 0.0 }
    }
}

impl Biases {
    /// All of them.
    pub(in crate::encoder) const ALL: Self = Self { qkv: true, attention_output: true, up: true, down: true };
    /// None of them.
    pub(in crate::encoder) const NONE: Self = Self { qkv: false, attention_output: false, up: false, down: false };
}

/// The pattern of layers of the type `full_attention`, where a model has two.
pub(super) const GLOBAL: usize = 0;
/// The pattern of layers of the type `sliding_attention`.
pub(super) const LOCAL: usize = 1;

/// The pattern of each layer, from `layer_types`, or from the layer's number if the file has no such list.
pub(super) fn layer_patterns(json: Json<'_>, layers: usize, of: impl Fn(usize) -> usize) -> Result<Vec<usize>, Error> {
    let Some(value) = json.find(&["layer_types"]) else { return Ok((0..layers).map(of).collect()) };
    let types = value.as_array().filter(|types| types.len() >= layers);
    let types = types.ok_or_else(|| json.refuse(format!("`layer_types` does not list {layers} layers")))?;
    let pattern = |kind: &Value| match kind.as_str() {
        Some("full_attention") => Ok(GLOBAL),
        Some("sliding_attention") => Ok(LOCAL),
        _ => Err(json.found("layer_types", kind, "full_attention or sliding_attention")),
    };
    types.iter().take(layers).map(pattern).collect()
}

/// The width of a head: `head_dim`, or the model's width divided by the number of heads. It must be even, because halves of
/// a head are rotated.
pub(super) fn head_size(json: Json<'_>, heads: usize) -> Result<usize, Error> {
    let size = if let Some(size) = json.number_if(&["head_dim"])? {
        size
    } else {
        let width = json.number(&["hidden_size", "n_embd"])?;
        if width % heads != 0 {
            let problem = format!("`num_attention_heads` is {heads}, which does not divide the width {width}");
            return Err(json.refuse(problem));
        }
        width / heads
    };
    if size % 2 == 0 {
        Ok(size)
    } else {
        Err(json.refuse(format!("heads have {size} numbers, expected an even number")))
    }
}
