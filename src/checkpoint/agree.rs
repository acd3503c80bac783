//! Whether two checkpoints turn texts into embeddings in the same way.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::folder::Checkpoint;
use super::modules::Module;
use super::settings::Settings;
use crate::shown::Untrusted;

/// What two checkpoints can disagree about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mismatch {
    /// How token vectors become one vector.
    Pooling,
    /// Whether embeddings are normalised.
    Normalize,
    /// What is put in front of texts.
    Prompts,
    /// How embeddings are compared.
    Similarity,
    /// Where texts are cut.
    MaxLength,
    /// How texts become token numbers.
    Tokenizer,
    /// What the weights mean.
    Architecture,
    /// The chain of modules.
    Modules,
}

impl Mismatch {
    /// Every kind, in the order in which disagreements are listed.
    pub const ALL: [Self; 8] = [
        Self::Architecture,
        Self::Tokenizer,
        Self::Modules,
        Self::Pooling,
        Self::Normalize,
        Self::Prompts,
        Self::Similarity,
        Self::MaxLength,
    ];

    /// The word by which a user allows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pooling => "pooling",
            Self::Normalize => "normalize",
            Self::Prompts => "prompts",
            Self::Similarity => "similarity",
            Self::MaxLength => "max-length",
            Self::Tokenizer => "tokenizer",
            Self::Architecture => "architecture",
            Self::Modules => "modules",
        }
    }

    /// The kind whose [`Mismatch::name`] is `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What allowing it means, in one line.
    pub const fn doc(self) -> &'static str {
        match self {
            Self::Pooling => "merge models that pool token vectors in different ways",
            Self::Normalize => "merge models of which only some normalise their embeddings",
            Self::Prompts => "merge models that expect different prompts in front of queries and documents",
            Self::Similarity => "merge models whose embeddings are compared by different functions",
            Self::MaxLength => "merge models that cut texts at different lengths",
            Self::Tokenizer => {
                "merge models whose tokenizers differ; rows of the embedding may stand for different tokens"
            }
            Self::Architecture => "merge models whose config.json differs in values that change what weights mean",
            Self::Modules => "merge models that consist of different modules",
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing two checkpoints disagree about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Its kind, by which it can be allowed.
    pub kind: Mismatch,
    /// What it is: `pooling mode`.
    pub what: Untrusted,
    /// The first checkpoint's value.
    pub left: Untrusted,
    /// The second one's.
    pub right: Untrusted,
}

/// Everything two checkpoints disagree about, in the order of [`Mismatch::ALL`].
///
/// A plain Hugging Face folder says nothing about modules, pooling, normalisation, prompts, similarity and length, so it
/// disagrees with nobody about them.
pub fn disagreements(a: &Checkpoint, b: &Checkpoint) -> Vec<Disagreement> {
    let mut list = List::default();
    compare_all(&mut list, a, b, true);
    list.0
}

/// As [`disagreements`], but for their vocabularies, which are not read.
pub fn disagreements_besides_vocabulary(a: &Checkpoint, b: &Checkpoint) -> Vec<Disagreement> {
    let mut list = List::default();
    compare_all(&mut list, a, b, false);
    list.0.retain(|found| found.what != "vocabulary size");
    list.0
}

fn compare_all(list: &mut List, a: &Checkpoint, b: &Checkpoint, vocabulary: bool) {
    let (left, right) = (a.settings(), b.settings());
    for (what, one, other) in left.architecture.differences(&right.architecture) {
        list.push(Mismatch::Architecture, what, one, other);
    }
    compare_tokenizers(list, a, b, vocabulary);
    compare_modules(list, a, b);
    if a.is_sentence_transformers() && b.is_sentence_transformers() {
        compare_settings(list, left, right);
    }
}

#[derive(Default)]
struct List(Vec<Disagreement>);

impl List {
    fn push(&mut self, kind: Mismatch, what: &str, left: impl Into<String>, right: impl Into<String>) {
        self.0.push(Disagreement { kind, what: what.into(), left: left.into().into(), right: right.into().into() });
    }

    fn compare<T: PartialEq>(&mut self, kind: Mismatch, what: &str, values: (T, T), show: impl Fn(T) -> String) {
        let (left, right) = values;
        if left != right {
            self.push(kind, what, show(left), show(right));
        }
    }
}

fn compare_tokenizers(list: &mut List, a: &Checkpoint, b: &Checkpoint, vocabulary: bool) {
    if vocabulary && let Some(found) = a.tokenizer().difference(b.tokenizer()) {
        list.push(Mismatch::Tokenizer, &format!("tokenizer {}", found.what), found.left, found.right);
    }
    let lower = |checkpoint: &Checkpoint| checkpoint.settings().lower_case;
    // Lower-casing twice is lower-casing once.
    if lower(a) != lower(b) && !(a.tokenizer().lower_cases() && b.tokenizer().lower_cases()) {
        list.push(Mismatch::Tokenizer, "lower-casing of texts", lower(a).to_string(), lower(b).to_string());
    }
}

/// Compares the modules that are not settings of their own. A plain folder disagrees only with modules that have weights.
fn compare_modules(list: &mut List, a: &Checkpoint, b: &Checkpoint) {
    let both = a.is_sentence_transformers() && b.is_sentence_transformers();
    let relevant = |checkpoint: &'_ Checkpoint| -> Vec<(String, BTreeMap<String, String>)> {
        let modules = checkpoint.modules().iter();
        modules.filter(|module| if both { is_step(module) } else { module.weights.is_some() }).map(describe).collect()
    };
    let (left, right) = (relevant(a), relevant(b));
    let kinds = |modules: &[(String, _)]| modules.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>().join(", ");
    if kinds(&left) != kinds(&right) {
        list.push(Mismatch::Modules, "modules", kinds(&left), kinds(&right));
        return;
    }
    for ((kind, one), (_, other)) in left.iter().zip(&right) {
        for (key, value) in one {
            if let Some(found) = other.get(key).filter(|&found| found != value) {
                list.push(Mismatch::Modules, &format!("{key} of module {kind}"), value.as_str(), found.as_str());
            }
        }
    }
}

/// Pooling and normalisation are compared as settings; dropout does nothing outside training.
fn is_step(module: &Module) -> bool {
    !matches!(module.kind.as_str(), "Pooling" | "Normalize" | "Dropout")
}

/// A module's kind and the values of its configuration; the transformer's are the architecture's.
fn describe(module: &Module) -> (String, BTreeMap<String, String>) {
    if module.is_transformer() {
        return ("Transformer".to_owned(), BTreeMap::new());
    }
    let value = |value: &Value| match value {
        // Activations are written as Python class paths, which move from version to version.
        Value::String(text) => text.rsplit('.').next().unwrap_or_default().to_owned(),
        value => value.to_string(),
    };
    let mut values: BTreeMap<String, String> = module
        .config
        .iter()
        .filter(|(_, found)| !found.is_null())
        .map(|(key, found)| (key.clone(), value(found)))
        .collect();
    if module.kind == "Dense" {
        values.entry("bias".to_owned()).or_insert_with(|| "true".to_owned());
        values.entry("activation_function".to_owned()).or_insert_with(|| "Tanh".to_owned());
    }
    (module.kind.clone(), values)
}

fn compare_settings(list: &mut List, left: &Settings, right: &Settings) {
    let text = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    let number = |value: Option<u64>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    list.compare(Mismatch::Pooling, "pooling mode", (left.pooling.clone(), right.pooling.clone()), text);
    if left.pooling.is_some() && right.pooling.is_some() && prompted(left, right) {
        let values = (left.include_prompt, right.include_prompt);
        list.compare(Mismatch::Pooling, "pooling of the prompt's tokens", values, |value| value.to_string());
    }
    list.compare(Mismatch::Normalize, "normalisation", (left.normalize, right.normalize), |value| value.to_string());
    compare_prompts(list, left, right);
    list.compare(Mismatch::Similarity, "similarity", (&left.similarity, &right.similarity), |name| {
        name.as_written().to_owned()
    });
    list.compare(Mismatch::Similarity, "cut of embeddings", (left.truncate_dim, right.truncate_dim), number);
    list.compare(Mismatch::MaxLength, "longest input", (left.max_seq_length, right.max_seq_length), number);
}

/// Whether either model has prompts whose tokens could be pooled or not.
fn prompted(left: &Settings, right: &Settings) -> bool {
    !left.prompts.is_empty() || !right.prompts.is_empty()
}

fn compare_prompts(list: &mut List, left: &Settings, right: &Settings) {
    let (one, other) = (left.prompts_in_use(), right.prompts_in_use());
    let names: std::collections::BTreeSet<&str> = one.keys().chain(other.keys()).copied().collect();
    let shown = |prompt: Option<&str>| prompt.map_or_else(|| "none".to_owned(), |prompt| format!("{prompt:?}"));
    for name in names {
        list.compare(
            Mismatch::Prompts,
            &format!("prompt `{name}`"),
            (one.get(name).copied(), other.get(name).copied()),
            shown,
        );
    }
    let prompt =
        |settings: &Settings| settings.default_prompt.as_ref().and_then(|name| settings.prompts.get(name)).cloned();
    let shown = |prompt: Option<String>| prompt.map_or_else(|| "none".to_owned(), |prompt| format!("{prompt:?}"));
    list.compare(Mismatch::Prompts, "default prompt", (prompt(left), prompt(right)), shown);
}

#[cfg(test)]
#[path = "agree_tests.rs"]
mod tests;
