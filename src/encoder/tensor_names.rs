//! The names of tensors in each class of models.

use super::source::Loader;

/// The canonical names of one class of model. A layer's names have the layer as a prefix.
#[derive(Debug)]
pub(super) struct Names {
    /// The table of token embeddings, under the names that files have for it.
    pub(super) token_embeddings: &'static [&'static str],
    /// The table of positions.
    pub(super) positions: Option<&'static str>,
    /// A table of token types; the first is added to every token.
    pub(super) token_types: Option<&'static str>,
    pub(super) embedding_norm: Option<&'static str>,
    /// From the width of these tables to that of the layers, where they differ.
    pub(super) projection: Option<Projection>,
    /// The prefix of a layer's number.
    pub(super) layers: &'static str,
    /// What stands between the number of a group and that of a layer in it, where layers are numbered so.
    pub(super) in_group: Option<&'static str>,
    /// Query, key and value projections, or one tensor with all of them.
    pub(super) qkv: &'static [&'static str],
    /// Norms of each head's query and key.
    pub(super) head_norms: Option<[&'static str; 2]>,
    /// A bias that depends on the distance between two tokens.
    pub(super) relative: Option<&'static str>,
    /// What some layers have instead of attention.
    pub(super) convolution: Option<ConvolutionNames>,
    /// The projection from the heads back to the model's width.
    pub(super) attention_output: &'static str,
    pub(super) attention_norms: Norms,
    /// The projection to the inner width.
    pub(super) up: Up,
    /// The projection back to the model's width.
    pub(super) down: &'static str,
    pub(super) feed_forward_norms: Norms,
    /// What the token embeddings add in each layer, behind the feed-forward network.
    pub(super) per_layer: Option<PerLayerNames>,
    /// A number that the vectors of tokens are multiplied by at the end of a layer.
    pub(super) layer_scale: Option<&'static str>,
    /// The norm after the last layer.
    pub(super) last_norm: Option<&'static str>,
    /// From the width of the layers to that of the result.
    pub(super) last_projection: Option<&'static str>,
}

/// The names of what the token embeddings add in each layer.
#[derive(Debug)]
pub(super) struct PerLayerNames {
    /// From token embeddings to the inputs of all layers, and their norm.
    pub(super) inputs: &'static str,
    pub(super) input_norm: &'static str,
    pub(super) gate: &'static str,
    pub(super) back: &'static str,
    pub(super) norm: &'static str,
}

/// A linear layer from the width of the tables to that of the layers.
#[derive(Debug)]
pub(super) struct Projection {
    pub(super) name: &'static str,
    pub(super) biased: bool,
    pub(super) side: Side,
}

/// Whether the projection stands in front of the norm of the embeddings or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    BeforeNorm,
    BehindNorm,
}

/// The names of a gated convolution: the linear layers in front and behind, and the convolution between them.
#[derive(Debug)]
pub(super) struct ConvolutionNames {
    pub(super) input: &'static str,
    pub(super) convolution: &'static str,
    pub(super) output: &'static str,
}

impl Names {
    /// The name of the table of token embeddings: the first that is there.
    pub(super) fn token_table(&self, loader: &Loader<'_>) -> &'static str {
        let found = self.token_embeddings.iter().find(|name| loader.has(name));
        found.or(self.token_embeddings.first()).copied().unwrap_or_default()
    }

    /// What stands in front of the names of a layer's tensors, where so many layers make a group.
    pub(super) fn layer(&self, layer: usize, group: usize) -> String {
        match self.in_group {
            Some(inner) => format!("{}.{}.{inner}.{}", self.layers, layer / group, layer % group),
            None => format!("{}.{layer}", self.layers),
        }
    }
}

/// The names of the norms of a sublayer: attention, or the feed-forward network.
#[derive(Debug)]
pub(super) struct Norms {
    /// The norm before the sublayer.
    pub(super) before: Option<&'static str>,
    /// The norm of the sublayer's output, before it is added to the input.
    pub(super) within: Option<&'static str>,
    /// The norm after the sum.
    pub(super) after: Option<&'static str>,
    /// Whether the first layer has no norm before the sublayer.
    pub(super) bare_start: bool,
}

/// The first of the two linear layers inside a layer.
#[derive(Debug)]
pub(super) enum Up {
    /// `activation(x·W)`
    Plain(&'static str),
    /// `activation(x·G) · (x·U)`, as two tensors, G and U.
    Gated(&'static str, &'static str),
    /// The same as one tensor, with the rows of G first.
    GateFirst(&'static str),
    /// The same as one tensor, with the rows of U first.
    GateLast(&'static str),
}

const fn after(name: &'static str) -> Norms {
    Norms { before: None, within: None, after: Some(name), bare_start: false }
}

const fn before(name: &'static str) -> Norms {
    Norms { before: Some(name), within: None, after: None, bare_start: false }
}

pub(super) static BERT: Names = NAMES_OF_BERT;

const NAMES_OF_BERT: Names = Names {
    token_embeddings: &["embeddings.word_embeddings.weight"],
    positions: Some("embeddings.position_embeddings.weight"),
    token_types: Some("embeddings.token_type_embeddings.weight"),
    embedding_norm: Some("embeddings.LayerNorm"),
    projection: None,
    layers: "encoder.layer",
    in_group: None,
    qkv: &["attention.self.query", "attention.self.key", "attention.self.value"],
    head_norms: None,
    relative: None,
    convolution: None,
    attention_output: "attention.output.dense",
    attention_norms: after("attention.output.LayerNorm"),
    up: Up::Plain("intermediate.dense"),
    down: "output.dense",
    feed_forward_norms: after("output.LayerNorm"),
    per_layer: None,
    layer_scale: None,
    last_norm: None,
    last_projection: None,
};

pub(super) static JINA2: Names = Names {
    positions: None,
    up: Up::GateFirst("mlp.gated_layers"),
    down: "mlp.wo",
    feed_forward_norms: after("mlp.layernorm"),
    ..NAMES_OF_BERT
};

pub(super) static ELECTRA: Names = Names {
    projection: Some(Projection { name: "embeddings_project", biased: true, side: Side::BehindNorm }),
    ..NAMES_OF_BERT
};

pub(super) static DEBERTA: Names = Names {
    projection: Some(Projection { name: "embeddings.embed_proj", biased: false, side: Side::BeforeNorm }),
    qkv: &["attention.self.query_proj", "attention.self.key_proj", "attention.self.value_proj"],
    ..NAMES_OF_BERT
};

pub(super) static ALBERT: Names = Names {
    projection: Some(Projection { name: "encoder.embedding_hidden_mapping_in", biased: true, side: Side::BehindNorm }),
    layers: "encoder.albert_layer_groups",
    in_group: Some("albert_layers"),
    qkv: &["attention.query", "attention.key", "attention.value"],
    attention_output: "attention.dense",
    attention_norms: after("attention.LayerNorm"),
    up: Up::Plain("ffn"),
    down: "ffn_output",
    feed_forward_norms: after("full_layer_layer_norm"),
    ..NAMES_OF_BERT
};

pub(super) static DISTILBERT: Names = Names {
    token_types: None,
    layers: "transformer.layer",
    qkv: &["attention.q_lin", "attention.k_lin", "attention.v_lin"],
    attention_output: "attention.out_lin",
    attention_norms: after("sa_layer_norm"),
    up: Up::Plain("ffn.lin1"),
    down: "ffn.lin2",
    feed_forward_norms: after("output_layer_norm"),
    ..NAMES_OF_BERT
};

pub(super) static MPNET: Names = Names {
    token_types: None,
    qkv: &["attention.attn.q", "attention.attn.k", "attention.attn.v"],
    relative: Some("encoder.relative_attention_bias.weight"),
    attention_output: "attention.attn.o",
    attention_norms: after("attention.LayerNorm"),
    ..NAMES_OF_BERT
};

pub(super) static MODERNBERT: Names = Names {
    token_embeddings: &["embeddings.tok_embeddings.weight"],
    positions: None,
    token_types: None,
    embedding_norm: Some("embeddings.norm"),
    layers: "layers",
    qkv: &["attn.Wqkv"],
    attention_output: "attn.Wo",
    attention_norms: Norms { bare_start: true, ..before("attn_norm") },
    up: Up::GateFirst("mlp.Wi"),
    down: "mlp.Wo",
    feed_forward_norms: before("mlp_norm"),
    last_norm: Some("final_norm"),
    ..NAMES_OF_BERT
};

pub(super) static GTE: Names = Names {
    positions: None,
    qkv: &["attention.qkv_proj"],
    attention_output: "attention.o_proj",
    attention_norms: after("attn_ln"),
    up: Up::GateLast("mlp.up_gate_proj"),
    down: "mlp.down_proj",
    feed_forward_norms: after("mlp_ln"),
    ..NAMES_OF_BERT
};

pub(super) static NOMIC: Names = Names {
    positions: None,
    embedding_norm: Some("emb_ln"),
    layers: "encoder.layers",
    qkv: &["attn.Wqkv"],
    attention_output: "attn.out_proj",
    attention_norms: after("norm1"),
    up: Up::Gated("mlp.fc12", "mlp.fc11"),
    down: "mlp.fc2",
    feed_forward_norms: after("norm2"),
    ..NAMES_OF_BERT
};

pub(super) static JINA3: Names = Names {
    positions: None,
    embedding_norm: Some("emb_ln"),
    layers: "encoder.layers",
    qkv: &["mixer.Wqkv"],
    attention_output: "mixer.out_proj",
    attention_norms: after("norm1"),
    up: Up::Plain("mlp.fc1"),
    down: "mlp.fc2",
    feed_forward_norms: after("norm2"),
    ..NAMES_OF_BERT
};

const NAMES_OF_T5: Names = Names {
    token_embeddings: &["shared.weight", "encoder.embed_tokens.weight"],
    layers: "encoder.block",
    qkv: &["layer.0.SelfAttention.q", "layer.0.SelfAttention.k", "layer.0.SelfAttention.v"],
    relative: Some("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"),
    attention_output: "layer.0.SelfAttention.o",
    attention_norms: before("layer.0.layer_norm"),
    up: Up::Plain("layer.1.DenseReluDense.wi"),
    down: "layer.1.DenseReluDense.wo",
    feed_forward_norms: before("layer.1.layer_norm"),
    last_norm: Some("encoder.final_layer_norm"),
    ..DECODER
};

pub(super) static T5: Names = NAMES_OF_T5;

pub(super) static GATED_T5: Names =
    Names { up: Up::Gated("layer.1.DenseReluDense.wi_0", "layer.1.DenseReluDense.wi_1"), ..NAMES_OF_T5 };

pub(super) static LFM2: Names = Names {
    head_norms: Some(["self_attn.q_layernorm", "self_attn.k_layernorm"]),
    convolution: Some(ConvolutionNames { input: "conv.in_proj", convolution: "conv.conv", output: "conv.out_proj" }),
    attention_output: "self_attn.out_proj",
    attention_norms: before("operator_norm"),
    up: Up::Gated("feed_forward.w1", "feed_forward.w3"),
    down: "feed_forward.w2",
    feed_forward_norms: before("ffn_norm"),
    last_norm: Some("embedding_norm"),
    ..DECODER
};

const DECODER: Names = Names {
    token_embeddings: &["embed_tokens.weight"],
    positions: None,
    token_types: None,
    embedding_norm: None,
    projection: None,
    layers: "layers",
    in_group: None,
    qkv: &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    head_norms: None,
    relative: None,
    convolution: None,
    attention_output: "self_attn.o_proj",
    attention_norms: before("input_layernorm"),
    up: Up::Gated("mlp.gate_proj", "mlp.up_proj"),
    down: "mlp.down_proj",
    feed_forward_norms: before("post_attention_layernorm"),
    per_layer: None,
    layer_scale: None,
    last_norm: Some("norm"),
    last_projection: None,
};

/// The norms of a head's query and key.
const HEAD_NORMS: Option<[&str; 2]> = Some(["self_attn.q_norm", "self_attn.k_norm"]);

pub(super) static LLAMA: Names = DECODER;

/// A table alone, as sentence-transformers and model2vec write it.
pub(super) static STATIC: Names =
    Names { token_embeddings: &["embedding.weight", "embeddings"], last_norm: None, ..DECODER };

pub(super) static QWEN3: Names = Names { head_norms: HEAD_NORMS, ..DECODER };

pub(super) static GEMMA3: Names = Names { head_norms: HEAD_NORMS, ..NAMES_OF_GEMMA2 };

pub(super) static EMBEDDING_GEMMA2: Names = Names {
    head_norms: HEAD_NORMS,
    per_layer: Some(PerLayerNames {
        inputs: "ple.per_layer_model_projection",
        input_norm: "ple.per_layer_projection_norm",
        gate: "ple_block.per_layer_input_gate",
        back: "ple_block.per_layer_projection",
        norm: "ple_block.post_per_layer_input_norm",
    }),
    layer_scale: Some("layer_scalar"),
    last_projection: Some("embedding_projection"),
    ..NAMES_OF_GEMMA2
};

pub(super) static GEMMA2: Names = NAMES_OF_GEMMA2;

const NAMES_OF_GEMMA2: Names = Names {
    attention_norms: Norms { within: Some("post_attention_layernorm"), ..before("input_layernorm") },
    feed_forward_norms: Norms { within: Some("post_feedforward_layernorm"), ..before("pre_feedforward_layernorm") },
    ..DECODER
};
