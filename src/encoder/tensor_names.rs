//! The names of tensors in each class of models.

/// The canonical names of one class of model. A layer's names have the layer as a prefix.
#[derive(Debug)]
pub(super) struct Names {
    /// The table of token embeddings.
    pub(super) token_embeddings: &'static str,
    /// The table of positions.
    pub(super) positions: Option<&'static str>,
    /// A table of token types; the first is added to every token.
    pub(super) token_types: Option<&'static str>,
    pub(super) embedding_norm: Option<&'static str>,
    /// The prefix of a layer's number.
    pub(super) layers: &'static str,
    /// Query, key and value projections, or one tensor with all of them.
    pub(super) qkv: &'static [&'static str],
    /// Norms of each head's query and key.
    pub(super) head_norms: Option<[&'static str; 2]>,
    /// A bias that depends on the distance between two tokens.
    pub(super) relative: Option<&'static str>,
    /// The projection from the heads back to the model's width.
    pub(super) attention_output: &'static str,
    pub(super) attention_norms: Norms,
    /// The projection to the inner width.
    pub(super) up: Up,
    /// The projection back to the model's width.
    pub(super) down: &'static str,
    pub(super) feed_forward_norms: Norms,
    /// The norm after the last layer.
    pub(super) last_norm: Option<&'static str>,
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
    token_embeddings: "embeddings.word_embeddings.weight",
    positions: Some("embeddings.position_embeddings.weight"),
    token_types: Some("embeddings.token_type_embeddings.weight"),
    embedding_norm: Some("embeddings.LayerNorm"),
    layers: "encoder.layer",
    qkv: &["attention.self.query", "attention.self.key", "attention.self.value"],
    head_norms: None,
    relative: None,
    attention_output: "attention.output.dense",
    attention_norms: after("attention.output.LayerNorm"),
    up: Up::Plain("intermediate.dense"),
    down: "output.dense",
    feed_forward_norms: after("output.LayerNorm"),
    last_norm: None,
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
    token_embeddings: "embeddings.tok_embeddings.weight",
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

const DECODER: Names = Names {
    token_embeddings: "embed_tokens.weight",
    positions: None,
    token_types: None,
    embedding_norm: None,
    layers: "layers",
    qkv: &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    head_norms: None,
    relative: None,
    attention_output: "self_attn.o_proj",
    attention_norms: before("input_layernorm"),
    up: Up::Gated("mlp.gate_proj", "mlp.up_proj"),
    down: "mlp.down_proj",
    feed_forward_norms: before("post_attention_layernorm"),
    last_norm: Some("norm"),
};

/// The norms of a head's query and key.
const HEAD_NORMS: Option<[&str; 2]> = Some(["self_attn.q_norm", "self_attn.k_norm"]);

pub(super) static LLAMA: Names = DECODER;

pub(super) static QWEN3: Names = Names { head_norms: HEAD_NORMS, ..DECODER };

pub(super) static GEMMA3: Names = Names {
    head_norms: HEAD_NORMS,
    attention_norms: Norms { within: Some("post_attention_layernorm"), ..before("input_layernorm") },
    feed_forward_norms: Norms { within: Some("post_feedforward_layernorm"), ..before("pre_feedforward_layernorm") },
    ..DECODER
};
