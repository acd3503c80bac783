//! Chooses the slice that tensors outside of the layers come from.

use serde::Serialize;
use serde_json::Value;

use crate::checkpoint::{Checkpoint, layer_of};

/// Classes for which mergekit 0.1.5 lists the tensors before the layers and those after them. For any other class it treats
/// all tensors outside of the layers alike.
const LISTED: [&str; 55] = [
    "AfmoeForCausalLM",
    "ApertusForCausalLM",
    "ArceeForCausalLM",
    "BaichuanForCausalLM",
    "BertForMaskedLM",
    "BertForMultipleChoice",
    "BertForSequenceClassification",
    "BertForTokenClassification",
    "BertModel",
    "ChatGLMModel",
    "Cohere2ForCausalLM",
    "CohereForCausalLM",
    "DistilBertForMaskedLM",
    "DistilBertForSequenceClassification",
    "DistilBertForTokenClassification",
    "DistilBertModel",
    "ExaoneForCausalLM",
    "FalconForCausalLM",
    "GPT2ForSequenceClassification",
    "GPT2LMHeadModel",
    "GPTBigCodeForCausalLM",
    "GPTNeoXForCausalLM",
    "Gemma2ForCausalLM",
    "Gemma3ForCausalLM",
    "GemmaForCausalLM",
    "Glm4ForCausalLM",
    "Glm4MoeForCausalLM",
    "GraniteForCausalLM",
    "GraniteMoeHybridForCausalLM",
    "InternLM2ForCausalLM",
    "JAISLMHeadModel",
    "LLaMaForCausalLM",
    "Lfm2ForCausalLM",
    "LlamaForCausalLM",
    "LlamaForSequenceClassification",
    "MambaForCausalLM",
    "MistralForCausalLM",
    "MixFormerSequentialForCausalLM",
    "MixtralForCausalLM",
    "Olmo2ForCausalLM",
    "Phi3ForCausalLM",
    "Phi3SmallForCausalLM",
    "PhiForCausalLM",
    "QWenLMHeadModel",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
    "Qwen3MoeForCausalLM",
    "RobertaForMaskedLM",
    "RobertaForSequenceClassification",
    "RobertaForTokenClassification",
    "RobertaModel",
    "SolarForCausalLM",
    "StableLMEpochForCausalLM",
    "StableLmForCausalLM",
    "Starcoder2ForCausalLM",
];

/// Which slices the tensors outside of the layers come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NonLayerSlices {
    /// Whether tensors after the layers come from the last slice. Tensors before the layers always come from the first one.
    pub behind_from_last: bool,
    /// The class that decides this.
    pub class: Option<String>,
}

impl NonLayerSlices {
    /// Follows mergekit: tensors after the layers come from the last slice if it lists every model's class.
    pub(super) fn of(models: &[Checkpoint]) -> Self {
        let classes = || models.iter().map(class);
        let unlisted = classes().find(|class| !class.is_some_and(|class| LISTED.binary_search(&class).is_ok()));
        let class = unlisted.unwrap_or_else(|| classes().next().flatten());
        Self { behind_from_last: unlisted.is_none(), class: class.map(str::to_owned) }
    }
}

/// The class that a configuration names, if it names one.
fn class(checkpoint: &Checkpoint) -> Option<&str> {
    match checkpoint.config().get("architectures").and_then(Value::as_array).map(Vec::as_slice) {
        Some([Value::String(class)]) => Some(class),
        _ => None,
    }
}

/// Whether a tensor comes before the layers, by its name: token and position embeddings with their norms and projections.
pub(super) fn is_in_front(canonical: &str) -> bool {
    layer_of(canonical).is_none() && canonical.split('.').any(|part| part != "embed_out" && is_embedding(part))
}

/// Whether a part of a name says that a tensor is a table, whose rows are looked up.
pub(super) fn is_table(part: &str) -> bool {
    is_embedding(part) || part == "relative_attention_bias"
}

fn is_embedding(part: &str) -> bool {
    part.starts_with("embed")
        || part.starts_with("rotary")
        || part.ends_with("_embeddings")
        || ["embd", "wte", "wpe", "relative_pe", "position_ids"].contains(&part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_front_of_the_layers_is_known_by_name() {
        for name in [
            "embeddings.word_embeddings.weight",
            "embeddings.LayerNorm.bias",
            "embeddings.position_ids",
            "embed_tokens.weight",
            "tok_embeddings.weight",
            "wte.weight",
            "embd.wte.weight",
            "embed_in.weight",
            "backbone.embeddings.weight",
            "embedding_norm.weight",
            "rotary_pos_emb.inv_freq",
        ] {
            assert!(is_in_front(name), "{name}");
        }
        for name in [
            "norm.weight",
            "ln_f.bias",
            "lm_head.weight",
            "embed_out.weight",
            "pooler.dense.weight",
            "score.weight",
            "cls.predictions.bias",
            "classifier.out_proj.weight",
            "backbone.norm_f.weight",
            "vocab_layer_norm.weight",
            "output.weight",
            "layers.0.embed.weight",
        ] {
            assert!(!is_in_front(name), "{name}");
        }
    }

    #[test]
    fn classes_are_sorted() {
        assert!(LISTED.is_sorted());
    }
}
