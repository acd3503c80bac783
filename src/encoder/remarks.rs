//! Refuses unsupported settings, and warns of ignored ones.

use serde_json::Value;

use super::error::Error;
use super::module_pipeline::unstated;
use super::options::Options;
use super::pooling::Mode;
use super::static_embedding::is_static;
use super::tokenize::configuration;
use crate::checkpoint::{Checkpoint, ModelKind, has_code};

/// Checks that the transformer's settings are supported.
pub(super) fn check(checkpoint: &Checkpoint, options: &Options) -> Result<(), Error> {
    let transformer = &checkpoint.settings().transformer;
    let file = checkpoint.usage_folder().join("sentence_bert_config.json");
    if transformer.is_message {
        let problem = "`modality_config` has `message`: every text goes through the tokenizer's chat template, which admix \
                       does not apply; expected `text` alone";
        return Err(Error::setting(&file, problem));
    }
    if transformer.classifies || transformer.continues {
        let task = if transformer.classifies { "sequence-classification" } else { "text-generation" };
        let problem = format!("`transformer_task` is \"{task}\": a reranker, which has no embeddings");
        return Err(Error::setting(&file, problem));
    }
    if let Some(found) = transformer.unknown.first() {
        return Err(Error::setting(&file, format!("{found}, which admix does not follow")));
    }
    let is_plain = !checkpoint.is_sentence_transformers() && options.pooling.is_none();
    if is_plain && checkpoint.tokenizer().chat_template().ok().flatten().is_some() {
        let problem = "it has a chat template and no modules.json, so that sentence-transformers puts every text through the \
                       template, which admix does not apply; `--pooling` takes texts as they are";
        return Err(Error::setting(checkpoint.path(), problem));
    }
    Ok(())
}

/// Warnings about settings that are not used as the files may suggest.
pub(super) fn warnings(checkpoint: &Checkpoint, options: &Options) -> Vec<String> {
    let path = checkpoint.path().display();
    let config = checkpoint.config();
    let mut warnings = Vec::new();
    if let Some(file) = checkpoint.saved_by_torch().next() {
        let file = file.file_name().unwrap_or_default().to_string_lossy();
        warnings.push(format!(
            "`{path}` has weights in {file}, read as torch saved them; `admix convert` writes them as safetensors"
        ));
    }
    if is_static(checkpoint) {
        return warnings;
    }
    let is_pooled = !matches!(checkpoint.settings().kind, ModelKind::Sparse | ModelKind::LateInteraction);
    if is_pooled && options.pooling.is_none() && checkpoint.settings().pooling.is_none() {
        let class = config.get("architectures").and_then(|classes| classes.get(0)?.as_str()).unwrap_or_default();
        let what = match class {
            class if class.ends_with("ForSequenceClassification") => {
                " and is a classifier or reranker (`admix score --rerank` scores it as one)"
            }
            class if class.ends_with("ForMaskedLM") => " and is a masked language model",
            _ => "",
        };
        let taken = match unstated(checkpoint) {
            Mode::LastToken => "the last token's vector is taken",
            _ => "the mean of its tokens' vectors is taken",
        };
        warnings.push(format!("`{path}` does not say how token vectors become one{what}: {taken}"));
    }
    let Ok(tokenizer) = configuration(checkpoint) else { return warnings };
    let on = |key: &str| tokenizer.get(key).and_then(Value::as_bool) == Some(true);
    for key in ["add_bos_token", "add_eos_token"] {
        if on(key) && !options.padded {
            let said = format!(
                "`{path}`: `{key}` of tokenizer_config.json is left out, as by transformers 5: what stands around a text is tokenizer.json's"
            );
            warnings.extend((!is_in_post_processor(checkpoint, key, &tokenizer)).then_some(said));
        }
    }
    if has_code(&tokenizer) {
        warnings.push(format!("`{path}`: the tokenizer has code of its own (`auto_map`), which is not run"));
    }
    let code = config.get("auto_map").and_then(|map| map.get("AutoModel")?.as_str()).unwrap_or_default();
    let is_usual = ["NewModel", "NomicBertModel", "LlamaBidirectionalModel"].iter().any(|class| code.ends_with(class));
    if !code.is_empty() && !is_usual {
        let kind = checkpoint.settings().architecture.model_type.clone().unwrap_or_default();
        warnings.push(format!(
            "`{path}`: config.json names code of its own (`auto_map`: {code:?}), which is not run; it is computed as `{kind}`"
        ));
    }
    warnings
}

/// Whether tokenizer.json itself adds this special token to texts.
fn is_in_post_processor(checkpoint: &Checkpoint, key: &str, config: &serde_json::Map<String, Value>) -> bool {
    let token = config.get(key.trim_start_matches("add_"));
    let token = token.and_then(|token| token.as_str().or_else(|| token.get("content")?.as_str()));
    let bytes = checkpoint.tokenizer().json().unwrap_or_default();
    let json: PostProcessor = serde_json::from_slice(&bytes).unwrap_or_default();
    token.is_some_and(|token| json.post_processor.to_string().contains(&Value::from(token).to_string()))
}

#[derive(Default, serde::Deserialize)]
struct PostProcessor {
    #[serde(default)]
    post_processor: Value,
}
