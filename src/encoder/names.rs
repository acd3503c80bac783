//! What the classes of BERT-like models call their tensors.

/// The canonical names of one class of model. In a layer's names the layer stands in front.
#[derive(Debug)]
pub(super) struct Names {
    /// The `model_type`s that use them.
    pub(super) types: &'static [&'static str],
    /// What stands before a layer's number.
    pub(super) layers: &'static str,
    pub(super) query: &'static str,
    pub(super) key: &'static str,
    pub(super) value: &'static str,
    /// From the heads back to the width of the model.
    pub(super) joined: &'static str,
    pub(super) joined_norm: &'static str,
    /// To the inner width and back.
    pub(super) up: &'static str,
    pub(super) down: &'static str,
    pub(super) down_norm: &'static str,
    /// A table of token types is added to every token.
    pub(super) token_types: bool,
    /// A bias by the distance between two tokens.
    pub(super) relative: Option<&'static str>,
    /// How the first position is found.
    pub(super) first: First,
}

/// Where positions start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// At row 0 of the table.
    Zero,
    /// Behind the row of the padding token, which config.json names.
    Padding,
    /// Behind row 1, whatever config.json says.
    One,
}

pub(super) const WORDS: &str = "embeddings.word_embeddings.weight";
pub(super) const POSITIONS: &str = "embeddings.position_embeddings.weight";
pub(super) const TYPES: &str = "embeddings.token_type_embeddings.weight";
pub(super) const EMBEDDING_NORM: &str = "embeddings.LayerNorm";

const BERT: Names = Names {
    types: &["bert"],
    layers: "encoder.layer",
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    joined: "attention.output.dense",
    joined_norm: "attention.output.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    down_norm: "output.LayerNorm",
    token_types: true,
    relative: None,
    first: First::Zero,
};

const ROBERTA: Names = Names { types: &["xlm-roberta", "roberta", "camembert"], first: First::Padding, ..BERT };

const DISTILBERT: Names = Names {
    types: &["distilbert"],
    layers: "transformer.layer",
    query: "attention.q_lin",
    key: "attention.k_lin",
    value: "attention.v_lin",
    joined: "attention.out_lin",
    joined_norm: "sa_layer_norm",
    up: "ffn.lin1",
    down: "ffn.lin2",
    down_norm: "output_layer_norm",
    token_types: false,
    relative: None,
    first: First::Zero,
};

const MPNET: Names = Names {
    types: &["mpnet"],
    query: "attention.attn.q",
    key: "attention.attn.k",
    value: "attention.attn.v",
    joined: "attention.attn.o",
    joined_norm: "attention.LayerNorm",
    token_types: false,
    relative: Some("encoder.relative_attention_bias.weight"),
    first: First::One,
    ..BERT
};

/// Every class.
pub(super) static CLASSES: &[Names] = &[BERT, ROBERTA, DISTILBERT, MPNET];
