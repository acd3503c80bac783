//! The settings of sentence-transformers' transformer module: lengths, and how the tokenizer and the model are loaded and
//! called.

use serde_json::{Map, Value};

/// Settings of loading and calling that do not change embeddings.
const HARMLESS: &[&str] = &[
    "attn_implementation",
    "add_pooling_layer",
    "cache_dir",
    "clean_up_tokenization_spaces",
    "code_revision",
    "device_map",
    "dtype",
    "local_files_only",
    "low_cpu_mem_usage",
    "pad_to_multiple_of",
    "padding",
    "return_attention_mask",
    "return_tensors",
    "return_token_type_ids",
    "revision",
    "token",
    "torch_dtype",
    "trust_remote_code",
    "unpad_inputs",
    "use_auth_token",
    "use_cache",
    "use_fast",
    "use_memory_efficient_attention",
    "use_safetensors",
    "verbose",
];
/// Settings of the tokenizer that are read at any level.
const TOKENIZER: &[&str] = &[
    "add_prefix_space",
    "do_lower_case",
    "legacy",
    "model_max_length",
    "padding_side",
    "split_special_tokens",
    "strip_accents",
    "tokenize_chinese_chars",
    "truncation_side",
];

/// The settings of a transformer module, without the maximum length and lower-casing.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "settings of a file, each with its own key")]
pub struct TransformerSettings {
    /// The longest query in tokens, where it differs from other texts.
    pub query_length: Option<u64>,
    /// The longest document in tokens.
    pub document_length: Option<u64>,
    /// Settings that override `tokenizer_config.json`.
    pub(crate) tokenizer: Map<String, Value>,
    /// Settings that override config.json.
    pub(crate) model: Map<String, Value>,
    /// Whether texts are truncated.
    pub(crate) truncates: bool,
    /// Settings that are not supported, with their values.
    pub(crate) unknown: Vec<String>,
    /// Whether the model classifies a text or a pair of texts, as rerankers do.
    pub(crate) classifies: bool,
    /// Whether the model scores the tokens that may stand at each place, as masked language models do.
    pub(crate) fills_masks: bool,
    /// How queries are filled up with expansion tokens, which is for late-interaction models.
    pub(crate) query_expansion: Option<Value>,
    /// Whether every text goes through the tokenizer's chat template.
    pub(crate) is_message: bool,
    /// Whether the model continues texts, and a reranker reads its logits.
    pub(crate) continues: bool,
    /// Whether a message's content is a list of parts, and not a text.
    pub(crate) structured: Option<bool>,
    /// Arguments of the chat template.
    pub(crate) template: Map<String, Value>,
}

impl TransformerSettings {
    /// Reads the file. Returns its settings, and the maximum length for all texts if it states one.
    pub(super) fn read(file: &Map<String, Value>) -> (Self, Option<u64>) {
        let mut found = Self {
            query_length: number(file, "query_length"),
            document_length: number(file, "document_length"),
            truncates: true,
            ..Self::default()
        };
        found.loading(file);
        let length = found.calling(file);
        if length.is_some() {
            // Arguments of a call apply to every text.
            (found.query_length, found.document_length) = (length, length);
        }
        found.outputs(file);
        let stated = number(&found.tokenizer, "model_max_length").or_else(|| number(file, "max_seq_length"));
        (found, length.or(stated))
    }

    fn loading(&mut self, file: &Map<String, Value>) {
        for (older, newer) in
            [("tokenizer_args", "processor_kwargs"), ("model_args", "model_kwargs"), ("config_args", "config_kwargs")]
        {
            // The older name wins if both exist.
            let key = if file.contains_key(older) { older } else { newer };
            for (name, value) in file.get(key).and_then(Value::as_object).into_iter().flatten() {
                if HARMLESS.contains(&name.as_str()) {
                    continue;
                }
                if newer != "processor_kwargs" {
                    self.model.insert(name.clone(), value.clone());
                } else if TOKENIZER.contains(&name.as_str()) || (name.ends_with("_token") && !name.starts_with("add_"))
                {
                    self.tokenizer.insert(name.clone(), value.clone());
                } else {
                    self.unknown.push(format!("`{key}.{name}` is {value}"));
                }
            }
        }
    }

    /// Reads how the tokenizer is called. Returns the maximum length among the arguments.
    fn calling(&mut self, file: &Map<String, Value>) -> Option<u64> {
        let calls = file.get("processing_kwargs").and_then(Value::as_object);
        let mut length = None;
        if let Some(template) = calls.and_then(|calls| calls.get("chat_template")?.as_object()) {
            self.template.clone_from(template);
        }
        // Arguments of `common` win.
        for part in ["text", "common"] {
            for (name, value) in calls.and_then(|calls| calls.get(part)?.as_object()).into_iter().flatten() {
                match name.as_str() {
                    "max_length" if value.is_u64() => length = value.as_u64(),
                    "truncation" => {
                        self.truncates =
                            !matches!(value.as_str(), Some("do_not_truncate")) && *value != Value::Bool(false);
                    }
                    "add_special_tokens" if *value == Value::Bool(true) => {}
                    "padding_side" => {
                        self.tokenizer.insert(name.clone(), value.clone());
                    }
                    name if HARMLESS.contains(&name) => {}
                    _ => self.unknown.push(format!("`processing_kwargs.{part}.{name}` is {value}")),
                }
            }
        }
        length
    }

    /// Reads which of the model's outputs is used.
    fn outputs(&mut self, file: &Map<String, Value>) {
        let stated = file.get("transformer_task").and_then(Value::as_str);
        self.classifies = stated == Some("sequence-classification");
        self.fills_masks = stated == Some("fill-mask");
        self.continues = stated == Some("text-generation");
        let (task, output, value) = match stated {
            Some("sequence-classification") => ("sequence-classification", "scores", "logits"),
            Some("fill-mask") => ("fill-mask", "token_embeddings", "logits"),
            Some("text-generation") => ("text-generation", "causal_logits", "logits"),
            _ => ("feature-extraction", "token_embeddings", "last_hidden_state"),
        };
        let expected = [("transformer_task", task), ("module_output_name", output)];
        for (key, expected) in expected {
            if let Some(value) = file.get(key).filter(|value| !value.is_null() && value.as_str() != Some(expected)) {
                self.unknown.push(format!("`{key}` is {value}"));
            }
        }
        self.query_expansion = file.get("query_expansion").filter(|value| !value.is_null()).cloned();
        let Some(modalities) = file.get("modality_config").and_then(Value::as_object) else { return };
        let message = modalities.get("message");
        self.is_message = message.is_some();
        self.structured = message
            .and_then(|message| message.get("format")?.as_str())
            .filter(|format| *format != "auto")
            .map(|format| format == "structured");
        let Some(text) = modalities.get("text") else {
            if !self.is_message {
                self.unknown.push("`modality_config` has no `text`".to_owned());
            }
            return;
        };
        for (key, expected) in [("method", "forward"), ("method_output_name", value)] {
            if let Some(value) = text.get(key).filter(|value| value.as_str() != Some(expected)) {
                self.unknown.push(format!("`modality_config.text.{key}` is {value}"));
            }
        }
    }
}

fn number(config: &Map<String, Value>, key: &str) -> Option<u64> {
    let value = config.get(key)?;
    // Tokenizers without a limit carry 1e30.
    value.as_u64().or_else(|| value.as_f64().filter(|length| *length > 1e18).map(|_| u64::MAX))
}
