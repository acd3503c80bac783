//! The classes of models that admix encodes with.

/// The `model_type`s that can be encoded with.
pub const SUPPORTED: &[&str] = &[
    "bert",
    "xlm-roberta",
    "roberta",
    "camembert",
    "distilbert",
    "mpnet",
    "modernbert",
    "new",
    "gte",
    "nomic_bert",
    "qwen2",
    "qwen3",
    "mistral",
    "llama",
    "gemma3_text",
];
