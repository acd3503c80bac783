//! Model classes that can be encoded with.

/// The supported values of `model_type`.
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
