//! Kinds of models, as sentence-transformers tells them apart.

use std::fmt;

use serde_json::{Map, Value};

use super::modules::Module;

/// What a model makes of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// One dense vector for each text.
    Dense,
    /// A weight for each token of the vocabulary, most of them zero.
    Sparse,
    /// One vector for each token of a text.
    LateInteraction,
    /// One score for a pair of texts.
    Reranker,
}

/// Modules that only sparse retrievers have.
const SPARSE: &[&str] = &["SpladePooling", "SparseAutoEncoder", "SparseStaticEmbedding", "IDF"];

impl ModelKind {
    /// The kind of a model with these modules, of which `main` has its config.json. `overall` is
    /// `config_sentence_transformers.json`, and `late` whether the folder has settings of a late-interaction model.
    pub(super) fn of(overall: &Map<String, Value>, modules: &[Module], main: &Map<String, Value>, late: bool) -> Self {
        if late {
            return Self::LateInteraction;
        }
        match overall.get("model_type").and_then(Value::as_str) {
            Some("SparseEncoder") => return Self::Sparse,
            Some("CrossEncoder") => return Self::Reranker,
            Some("SentenceTransformer") => return Self::Dense,
            _ => {}
        }
        let has = |kinds: &[&str]| modules.iter().any(|module| kinds.contains(&module.kind.as_str()));
        let classes = main.get("architectures").and_then(Value::as_array).into_iter().flatten();
        if has(SPARSE) {
            Self::Sparse
        } else if classes.filter_map(Value::as_str).any(|class| class.ends_with("ForSequenceClassification")) {
            Self::Reranker
        } else {
            Self::Dense
        }
    }

    /// What it is, for people.
    pub const fn described(self) -> &'static str {
        match self {
            Self::Dense => "dense retriever",
            Self::Sparse => "sparse retriever",
            Self::LateInteraction => "late-interaction retriever",
            Self::Reranker => "reranker",
        }
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Sparse => "sparse",
            Self::LateInteraction => "late-interaction",
            Self::Reranker => "reranker",
        }
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
