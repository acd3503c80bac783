//! The class of transformers that loads a tokenizer, and the parts of tokenizer.json that it replaces.
//!
//! Most classes of transformers 5 take the vocabulary and the merges of tokenizer.json and build the rest from what
//! `tokenizer_config.json` says and from defaults of their own; others load tokenizer.json as it is.

use serde_json::{Map, Value, json};

/// The pattern by which `Qwen2Tokenizer` splits words, whatever tokenizer.json says.
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Classes that do not use tokenizer.json, or replace parts that are unknown here.
const UNKNOWN: &[&str] = &[
    "Bartpho",
    "Barthez",
    "BertGeneration",
    "BertJapanese",
    "Bertweet",
    "BigBird",
    "BioGpt",
    "Blenderbot",
    "BlenderbotSmall",
    "ByT5",
    "CLIP",
    "CTRL",
    "Canine",
    "Clvp",
    "CodeGen",
    "CodeLlama",
    "Cohere",
    "Cpm",
    "CpmAnt",
    "Deberta",
    "Dia",
    "Esm",
    "Esmc",
    "FNet",
    "FSMT",
    "FastSpeech2Conformer",
    "Flaubert",
    "Funnel",
    "GPTNeoXJapanese",
    "GPTSw3",
    "Herbert",
    "Lasr",
    "LayoutLMv2",
    "LayoutLMv3",
    "LayoutXLM",
    "Luke",
    "M2M100",
    "MBart",
    "MBart50",
    "MLuke",
    "Marian",
    "MarkupLM",
    "Mgpstr",
    "MyT5",
    "Nllb",
    "Nougat",
    "OpenAIGPT",
    "PLBart",
    "Pegasus",
    "Perceiver",
    "Phobert",
    "Pop2Piano",
    "ProphetNet",
    "Qwen3_5",
    "Rag",
    "Reformer",
    "RemBert",
    "RoCBert",
    "RoFormer",
    "SeamlessM4T",
    "Siglip",
    "Siglip2",
    "Speech2Text",
    "SpeechT5",
    "Splinter",
    "Tapas",
    "Tipsv2",
    "Udop",
    "VideoPrism",
    "Vits",
    "Wav2Vec2CTC",
    "Wav2Vec2PhonemeCTC",
    "Whisper",
    "XGLM",
    "XLM",
    "XLNet",
];

/// How a tokenizer.json is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenizerClass {
    /// Unchanged.
    AsWritten,
    /// Unchanged except for the tokens around a text.
    ConvBert,
    Bert,
    MpNet,
    Roberta,
    XlmRoberta,
    Camembert,
    Albert,
    DebertaV2,
    T5,
    Llama,
    Qwen2,
    Gemma,
    Gpt2,
    GptNeoX,
    /// By a class that replaces parts that are unknown here.
    Unknown(String),
}

impl TokenizerClass {
    /// The class that transformers' `AutoTokenizer` chooses, without running code of the folder: `config` is
    /// `tokenizer_config.json`, `model` config.json, and `is_byte_level` says whether tokenizer.json is byte-level.
    pub(crate) fn of(
        config: &Map<String, Value>,
        model: &Map<String, Value>,
        is_byte_level: impl FnOnce() -> bool,
    ) -> Self {
        let kind = text(model, "model_type").unwrap_or_default();
        let registered = Self::registered(kind);
        let (own, of_model) = (text(config, "tokenizer_class"), text(model, "tokenizer_class"));
        let stated = own.or(of_model).map(stem);
        // The files of these models name wrong classes too often to be trusted.
        let is_misnamed = matches!(kind, "qwen2" | "modernbert");
        if let Some(stated) = stated.filter(|_| !has_code(config)) {
            if stated == "LlamaTokenizer" && kind != "mistral" && !is_misnamed && is_byte_level() {
                return Self::AsWritten;
            }
            if let Some((name, class)) = registered.clone()
                && name != stated
            {
                return match class {
                    Self::AsWritten => Self::AsWritten,
                    class if is_misnamed => class,
                    _ => Self::named(stated),
                };
            }
        }
        match (stated, registered) {
            (Some(stated), _) => Self::named(stated),
            (None, Some((_, class))) => class,
            (None, None) => Self::AsWritten,
        }
    }

    /// The class of a model type whose files name none.
    fn registered(kind: &str) -> Option<(&'static str, Self)> {
        Some(match kind {
            "bert" | "distilbert" | "electra" | "nomic_bert" => ("BertTokenizer", Self::Bert),
            "roberta" => ("RobertaTokenizer", Self::Roberta),
            "xlm-roberta" | "gte" | "jina_embeddings_v3" => ("XLMRobertaTokenizer", Self::XlmRoberta),
            "camembert" => ("CamembertTokenizer", Self::Camembert),
            "albert" => ("AlbertTokenizer", Self::Albert),
            "deberta-v2" => ("DebertaV2Tokenizer", Self::DebertaV2),
            "t5" | "mt5" => ("T5Tokenizer", Self::T5),
            "mpnet" => ("MPNetTokenizer", Self::MpNet),
            "qwen2" | "qwen3" => ("Qwen2Tokenizer", Self::Qwen2),
            "gemma" | "gemma2" | "gemma3" | "gemma3_text" => ("GemmaTokenizer", Self::Gemma),
            "gpt2" => ("GPT2Tokenizer", Self::Gpt2),
            "gpt_neox" => ("GPTNeoXTokenizer", Self::GptNeoX),
            "modernbert" | "mistral" => ("TokenizersBackend", Self::AsWritten),
            _ => return None,
        })
    }

    fn named(name: &str) -> Self {
        match name {
            "BertTokenizer"
            | "DistilBertTokenizer"
            | "ElectraTokenizer"
            | "LayoutLMTokenizer"
            | "LxmertTokenizer"
            | "MobileBertTokenizer"
            | "SqueezeBertTokenizer"
            | "DPRContextEncoderTokenizer"
            | "DPRQuestionEncoderTokenizer"
            | "DPRReaderTokenizer" => Self::Bert,
            "ConvBertTokenizer" => Self::ConvBert,
            "MPNetTokenizer" => Self::MpNet,
            "RobertaTokenizer" | "BartTokenizer" | "LEDTokenizer" | "LongformerTokenizer" | "MvpTokenizer" => {
                Self::Roberta
            }
            "XLMRobertaTokenizer" => Self::XlmRoberta,
            "CamembertTokenizer" => Self::Camembert,
            "AlbertTokenizer" => Self::Albert,
            "DebertaV2Tokenizer" => Self::DebertaV2,
            "T5Tokenizer" => Self::T5,
            "LlamaTokenizer" => Self::Llama,
            "Qwen2Tokenizer" => Self::Qwen2,
            "GemmaTokenizer" => Self::Gemma,
            "GPT2Tokenizer" => Self::Gpt2,
            "GPTNeoXTokenizer" => Self::GptNeoX,
            _ if name.strip_suffix("Tokenizer").is_some_and(|kind| UNKNOWN.contains(&kind)) => {
                Self::Unknown(name.to_owned())
            }
            _ => Self::AsWritten,
        }
    }

    /// The default of a special token, by its key in `tokenizer_config.json`.
    pub(crate) fn default_token(&self, key: &str) -> Option<&'static str> {
        let tokens: [&str; 7] = match self {
            Self::Bert | Self::ConvBert => ["", "", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"],
            Self::MpNet => ["<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>"],
            Self::Roberta | Self::XlmRoberta | Self::Camembert => {
                ["<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"]
            }
            Self::Albert => ["[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"],
            Self::DebertaV2 => ["[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"],
            Self::T5 => ["", "</s>", "<unk>", "", "<pad>", "", ""],
            Self::Llama => ["<s>", "</s>", "<unk>", "", "", "", ""],
            Self::Qwen2 => ["", "<|endoftext|>", "<|endoftext|>", "", "<|endoftext|>", "", ""],
            Self::Gemma => ["<bos>", "<eos>", "<unk>", "", "<pad>", "", "<mask>"],
            Self::Gpt2 => ["<|endoftext|>", "<|endoftext|>", "<|endoftext|>", "", "", "", ""],
            Self::GptNeoX => ["<|endoftext|>", "<|endoftext|>", "<|endoftext|>", "", "<|padding|>", "", ""],
            Self::AsWritten | Self::Unknown(_) => [""; 7],
        };
        let place = TOKEN_KEYS.iter().position(|known| *known == key)?;
        tokens.get(place).copied().filter(|token| !token.is_empty())
    }

    /// The parts that the class replaces. `normalizer` is that of tokenizer.json.
    pub(crate) fn parts(&self, config: &Map<String, Value>, normalizer: &Value) -> Option<Parts> {
        let flag = |key: &str, default: bool| config.get(key).and_then(Value::as_bool).unwrap_or(default);
        let metaspace = |scheme: &str, split: bool| json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split});
        let byte_level = |prefix: bool, regex: bool| json!({"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": true, "use_regex": regex});
        let parts = match self {
            Self::AsWritten | Self::ConvBert | Self::Unknown(_) => return None,
            Self::Bert | Self::MpNet => Parts {
                normalizer: json!({
                    "type": "BertNormalizer",
                    "clean_text": true,
                    "handle_chinese_chars": flag("tokenize_chinese_chars", true),
                    "strip_accents": config.get("strip_accents").and_then(Value::as_bool),
                    "lowercase": flag("do_lower_case", true),
                }),
                pre_tokenizer: json!({"type": "BertPreTokenizer"}),
            },
            Self::Roberta | Self::Gpt2 => {
                Parts { normalizer: Value::Null, pre_tokenizer: byte_level(flag("add_prefix_space", false), true) }
            }
            Self::GptNeoX => Parts {
                normalizer: json!({"type": "NFC"}),
                pre_tokenizer: byte_level(flag("add_prefix_space", false), true),
            },
            Self::XlmRoberta | Self::Camembert => {
                // Unlike other classes these read null as false.
                let is_null = config.get("add_prefix_space").is_some_and(Value::is_null);
                let scheme = if flag("add_prefix_space", !is_null) { "always" } else { "never" };
                let steps = [json!({"type": "WhitespaceSplit"}), metaspace(scheme, true)];
                Parts {
                    normalizer: precompiled(normalizer).cloned().unwrap_or_default(),
                    pre_tokenizer: json!({"type": "Sequence", "pretokenizers": steps}),
                }
            }
            Self::Albert => {
                let scheme = if flag("add_prefix_space", true) { "always" } else { "never" };
                let replace = |quotes: &str| json!({"type": "Replace", "pattern": {"String": quotes}, "content": "\""});
                let mut steps = vec![replace("``"), replace("''")];
                if !flag("keep_accents", false) {
                    steps.extend([json!({"type": "NFKD"}), json!({"type": "StripAccents"})]);
                }
                if flag("do_lower_case", true) {
                    steps.push(json!({"type": "Lowercase"}));
                }
                steps.extend(precompiled(normalizer).cloned());
                Parts {
                    normalizer: json!({"type": "Sequence", "normalizers": steps}),
                    pre_tokenizer: json!({"type": "Sequence", "pretokenizers": [json!({"type": "WhitespaceSplit"}), metaspace(scheme, true)]}),
                }
            }
            Self::DebertaV2 => {
                let scheme = if flag("add_prefix_space", true) { "always" } else { "first" };
                let spaces = json!({"type": "Replace", "pattern": {"Regex": r"\s{2,}|[\n\r\t]"}, "content": " "});
                let strip = json!({"type": "Strip", "strip_left": false, "strip_right": true});
                let lower = flag("do_lower_case", false).then(|| json!({"type": "Lowercase"}));
                let steps: Vec<Value> = lower.into_iter().chain([spaces, json!({"type": "NFC"}), strip]).collect();
                let split =
                    flag("split_by_punct", false).then(|| json!({"type": "Punctuation", "behavior": "Isolated"}));
                let cuts: Vec<Value> = split.into_iter().chain([metaspace(scheme, true)]).collect();
                Parts {
                    normalizer: json!({"type": "Sequence", "normalizers": steps}),
                    pre_tokenizer: json!({"type": "Sequence", "pretokenizers": cuts}),
                }
            }
            Self::T5 => Parts {
                normalizer: precompiled(normalizer).cloned().unwrap_or_default(),
                pre_tokenizer: json!({"type": "Sequence", "pretokenizers": [json!({"type": "WhitespaceSplit"}), metaspace("always", true)]}),
            },
            Self::Llama => {
                let scheme = match (flag("add_prefix_space", true), flag("legacy", false)) {
                    (false, _) => "never",
                    (true, true) => "always",
                    (true, false) => "first",
                };
                Parts { normalizer: Value::Null, pre_tokenizer: metaspace(scheme, false) }
            }
            Self::Qwen2 => {
                let split =
                    json!({"type": "Split", "pattern": {"Regex": QWEN2}, "behavior": "Isolated", "invert": false});
                let steps = [split, byte_level(flag("add_prefix_space", false), false)];
                Parts {
                    normalizer: json!({"type": "NFC"}),
                    pre_tokenizer: json!({"type": "Sequence", "pretokenizers": steps}),
                }
            }
            Self::Gemma => Parts {
                normalizer: json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"}),
                pre_tokenizer: json!({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false}),
            },
        };
        Some(parts)
    }

    /// The special tokens that it puts around a text whatever tokenizer.json says, first and last, by their keys. `is_built` says
    /// that there was no tokenizer.json.
    pub(crate) fn start_and_end_tokens(&self, is_built: bool) -> Option<[Option<&'static str>; 2]> {
        match self {
            Self::Albert if is_built => Some([Some("cls_token"), Some("sep_token")]),
            Self::T5 => Some([None, Some("eos_token")]),
            Self::Bert | Self::ConvBert | Self::MpNet | Self::Roberta | Self::DebertaV2 => {
                Some([Some("cls_token"), Some("sep_token")])
            }
            Self::XlmRoberta | Self::Camembert => Some([Some("bos_token"), Some("eos_token")]),
            Self::GptNeoX => Some([None, None]),
            _ => None,
        }
    }

    /// The kind of tokenizer model that the class builds from the vocabulary.
    pub(crate) fn model(&self) -> Option<&'static str> {
        match self {
            Self::AsWritten | Self::ConvBert | Self::Unknown(_) => None,
            Self::Bert | Self::MpNet => Some("WordPiece"),
            Self::XlmRoberta | Self::Camembert | Self::Albert | Self::DebertaV2 | Self::T5 => Some("Unigram"),
            _ => Some("BPE"),
        }
    }

    /// The file with the vocabulary that folders have where they have no tokenizer.json.
    pub(crate) fn vocabulary_file(&self) -> Option<&'static str> {
        match self {
            Self::Bert | Self::MpNet => Some("vocab.txt"),
            Self::XlmRoberta | Self::Camembert => Some("sentencepiece.bpe.model"),
            Self::Albert | Self::T5 => Some("spiece.model"),
            Self::DebertaV2 => Some("spm.model"),
            Self::Roberta | Self::Gpt2 | Self::Qwen2 => Some("vocab.json"),
            _ => None,
        }
    }
}

/// The keys of special tokens, in the order in which they are added.
pub(crate) const TOKEN_KEYS: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// Parts of a tokenizer, as tokenizer.json writes them; null for none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parts {
    pub(crate) normalizer: Value,
    pub(crate) pre_tokenizer: Value,
}

/// The text of a special token, which is a string or an object with it. `None` if the key is null or missing and the class
/// has no default.
pub(crate) fn special_token<'a>(class: &TokenizerClass, config: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    match config.get(key) {
        None => class.default_token(key),
        Some(token) => token.as_str().or_else(|| token.get("content")?.as_str()),
    }
}

/// Whether the tokenizer's code is in the folder.
pub(crate) fn has_code(config: &Map<String, Value>) -> bool {
    match config.get("auto_map") {
        Some(Value::Array(_)) => true,
        Some(Value::Object(map)) => map.get("AutoTokenizer").is_some_and(|code| !code.is_null()),
        _ => false,
    }
}

/// The name of a class without the suffix `Fast` of older versions.
fn stem(name: &str) -> &str {
    name.strip_suffix("Fast").unwrap_or(name)
}

/// The character map of sentencepiece in a normalizer.
fn precompiled(normalizer: &Value) -> Option<&Value> {
    let is_map = |step: &&Value| step.get("type").and_then(Value::as_str) == Some("Precompiled");
    match normalizer.get("normalizers").and_then(Value::as_array) {
        Some(steps) => steps.iter().find(is_map),
        None => Some(normalizer).filter(is_map),
    }
}

fn text<'a>(config: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    config.get(key)?.as_str()
}
