//! The values of config.json that a model's computation depends on, in one spelling, with the defaults of its class.

use serde_json::{Map, Value};

use super::class_config::{Config, HEADS, Stated, WIDTH, value_text};
use super::per_layer;
use super::rotary;

/// A value, with the keys that classes have for it.
struct Field {
    what: &'static str,
    keys: &'static [&'static str],
    /// The default of any class.
    absent: Option<&'static str>,
    /// Whether tensor shapes determine it, so that a file may omit it.
    is_shape: bool,
}

const fn field(what: &'static str, keys: &'static [&'static str]) -> Field {
    Field { what, keys, absent: None, is_shape: false }
}

const fn shape(what: &'static str, keys: &'static [&'static str]) -> Field {
    Field { what, keys, absent: None, is_shape: true }
}

const WINDOW: &[&str] = &["sliding_window", "local_attention"];
const MODEL_TYPE: &str = "model type";
/// The name of the size of a vocabulary.
pub(super) const VOCABULARY: &str = "vocabulary size";

/// The fields, in the order in which disagreements are listed. The number of layers is not among them, because slices
/// change it. Neither is the number of positions: a table has its shape, and rotary positions are unlimited.
static FIELDS: &[Field] = &[
    shape(MODEL_TYPE, &["model_type"]),
    shape("hidden size", WIDTH),
    shape("number of attention heads", HEADS),
    shape("number of key/value heads", &["num_key_value_heads", "num_kv_heads"]),
    shape("attention head size", &["head_dim"]),
    shape("intermediate size", &["intermediate_size", "hidden_dim", "n_inner", "d_ff"]),
    shape(VOCABULARY, &["vocab_size"]),
    shape("number of token types", &["type_vocab_size"]),
    shape("number of experts", &["num_experts", "num_local_experts", "n_routed_experts"]),
    Field { absent: Some("absolute"), ..field("kind of positions", &["position_embedding_type"]) },
    field("activation", &["hidden_act", "activation", "activation_function", "hidden_activation"]),
    field("layer norm epsilon", &["layer_norm_eps", "layer_norm_epsilon", "rms_norm_eps", "norm_eps", "norm_epsilon"]),
    field("attention window", WINDOW),
    Field { absent: Some("false"), ..field("decoder", &["is_decoder"]) },
    field("causal attention", &["is_causal"]),
    field("attention in both directions", &["use_bidirectional_attention"]),
    field("scale of attention scores", &["query_pre_attn_scalar"]),
    field("cap of attention scores", &["attn_logit_softcapping"]),
    field("number of relative positions", &["relative_attention_num_buckets"]),
];

/// Keys that mean the same in every unknown class.
const COMMON: [&str; 42] = [
    "alibi",
    "attention_bias",
    "attention_chunk_size",
    "attention_multiplier",
    "causal",
    "classifier_pooling",
    "embedding_multiplier",
    "final_logit_softcapping",
    "layer_norm_type",
    "logit_scale",
    "logits_scaling",
    "logn_attention_scale",
    "mlp_bias",
    "mlp_fc1_bias",
    "mlp_fc2_bias",
    "mup_embeddings_scale",
    "norm_bias",
    "norm_rel_ebd",
    "norm_topk_prob",
    "num_experts_per_tok",
    "parallel_block",
    "pos_att_type",
    "position_biased_input",
    "position_buckets",
    "prenorm",
    "qk_layernorm",
    "qkv_proj_bias",
    "relative_attention",
    "relative_attention_max_distance",
    "residual_multiplier",
    "rotary_emb_interleaved",
    "rotary_emb_scale_base",
    "rotary_scaling_factor",
    "scale_attn_by_inverse_layer_idx",
    "scale_attn_weights",
    "scale_emb",
    "scale_embedding",
    "share_att_key",
    "use_parallel_residual",
    "use_qk_norm",
    "use_rms_norm",
    "v_head_dim",
];

/// Keys that a class reads though its configuration in transformers has no default for them.
const UNDECLARED: [(&str, &[&str]); 1] =
    [("deberta-v2", &["max_relative_positions", "norm_rel_ebd", "position_buckets", "share_att_key"])];

/// Classes with bidirectional attention by default; others have causal attention.
const ENCODERS: [&str; 32] = [
    "albert",
    "bert",
    "big_bird",
    "camembert",
    "convbert",
    "data2vec-text",
    "deberta",
    "deberta-v2",
    "distilbert",
    "electra",
    "embedding_gemma2_text",
    "ernie",
    "esm",
    "eurobert",
    "fnet",
    "gte",
    "ibert",
    "jina_embeddings_v3",
    "longformer",
    "megatron-bert",
    "mobilebert",
    "modernbert",
    "mpnet",
    "new",
    "nomic_bert",
    "rembert",
    "roberta",
    "roberta-prelayernorm",
    "roformer",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
];

/// Classes whose position numbers start after the padding token's id.
const BEHIND_PADDING: [&str; 8] = [
    "camembert",
    "data2vec-text",
    "ibert",
    "longformer",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
];

impl Config<'_> {
    /// Every value that the computation depends on.
    pub(super) fn values(&self) -> Vec<Stated> {
        let mut found: Vec<Stated> = Vec::new();
        for field in FIELDS {
            found.extend(self.field(field));
            if field.what == "kind of positions" {
                found.extend(rotary::values(self));
            }
        }
        if BEHIND_PADDING.contains(&self.model_type) {
            let value = self.stated(&["pad_token_id"]).filter(|value| !value.is_null()).map_or("1".into(), value_text);
            found.push(Stated::new("padding token, behind which positions begin", Some(value)));
        }
        // The window size and the kinds of layers already say which layers have a window.
        let is_told = |key: &str| {
            matches!(key, "use_sliding_window" | "tie_word_embeddings")
                || FIELDS.iter().any(|field| field.keys.contains(&key))
                || rotary::is_told(key)
        };
        let own = self.class.into_iter().flat_map(Map::keys).map(String::as_str);
        let common = COMMON.iter().copied().filter(|_| !self.is_known());
        let undeclared =
            UNDECLARED.iter().filter(|(class, _)| *class == self.model_type).flat_map(|(_, keys)| *keys).copied();
        for key in own.chain(common).chain(undeclared).filter(|key| !is_told(key)) {
            if self.is_known() || self.stated(&[key]).is_some() {
                let is_usual = key == "scale_attn_weights" && self.value(&[key]).as_deref() == Some("true");
                found.push(Stated::new(format!("`{key}`"), self.value(&[key])).neutral_if(is_usual));
            }
        }
        found
    }

    fn field(&self, field: &Field) -> Option<Stated> {
        let stated = |value: Option<String>| Some(Stated::new(field.what, value));
        match field.what {
            "attention window" => return self.window().and_then(|value| stated(Some(value))),
            "causal attention" => {
                let own = self.stated(field.keys).filter(|value| !value.is_null()).map(value_text);
                let usual = (!ENCODERS.contains(&self.model_type)).to_string();
                let is_usual = own.as_deref().is_none_or(|own| own == usual);
                return Some(Stated::new(field.what, Some(own.unwrap_or(usual))).neutral_if(is_usual));
            }
            "activation" => {
                let value = self.value(field.keys).map(|name| activation(&name).to_owned());
                return value.and_then(|value| stated(Some(value)));
            }
            _ => {}
        }
        // A class ignores keys that it does not have.
        let reads = !self.is_known() || field.is_shape || field.absent.is_some() || self.default(field.keys).is_some();
        let value = self.value(field.keys).filter(|_| reads).or_else(|| field.absent.map(str::to_owned));
        let is_said = value.is_some() || self.default(field.keys).is_some();
        is_said.then(|| Stated::new(field.what, value).neutral_if(field.is_shape))
    }

    /// The window size of local attention.
    fn window(&self) -> Option<String> {
        if self.is_known() && self.default(WINDOW).is_none() {
            return None;
        }
        let uses = self.value(&["use_sliding_window"]);
        let kinds = per_layer::kinds(self.part);
        let attention = kinds.iter().find(|(what, _)| what == "kinds of attention" || what == "`layer_types`");
        let is_full = |kinds: &Vec<Value>| kinds.iter().all(|kind| kind == "full_attention");
        if uses.as_deref() == Some("false") || attention.is_some_and(|(_, kinds)| is_full(kinds)) {
            return Some("none".to_owned());
        }
        self.value(WINDOW)
    }
}

/// The usual name of an activation.
fn activation(name: &str) -> &str {
    match name {
        "gelu_pytorch_tanh" | "gelu_python_tanh" => "gelu_new",
        "gelu_python" | "geglu" => "gelu",
        "swish" | "swiglu" => "silu",
        name => name,
    }
}
