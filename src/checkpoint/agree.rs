//! Compares how two checkpoints turn texts into embeddings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::folder::Checkpoint;
use super::json;
use super::late_interaction::{LateFormat, LateInteraction, QueryExpansion};
use super::modules::Module;
use super::settings::Settings;
use super::tokenizer_class::TokenizerClass;
use crate::escape::Untrusted;

/// What two checkpoints can disagree about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mismatch {
    /// How token vectors become one vector.
    Pooling,
    /// Whether embeddings are normalised.
    Normalize,
    /// The prompts in front of texts.
    Prompts,
    /// How embeddings are compared.
    Similarity,
    /// Where texts are cut.
    MaxLength,
    /// How texts become token numbers.
    Tokenizer,
    /// The architecture.
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

    /// The word for it in `--allow`.
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
    /// What differs, such as `pooling mode`.
    pub what: Untrusted,
    /// The first checkpoint's value.
    pub left: Untrusted,
    /// The second checkpoint's value.
    pub right: Untrusted,
}

/// Everything two checkpoints disagree about, in the order of [`Mismatch::ALL`].
///
/// A plain Hugging Face folder says nothing about modules, pooling, normalisation, prompts, similarity and length, so it
/// never disagrees about them.
pub fn disagreements(a: &Checkpoint, b: &Checkpoint) -> Vec<Disagreement> {
    let mut found = disagreements_of_weights(a, b, true);
    found.extend(disagreements_of_use(a, b));
    found
}

/// Everything about the meaning of weights that two checkpoints disagree about: architecture and tokenizer. Vocabularies
/// are read only where they matter.
fn disagreements_of_weights(a: &Checkpoint, b: &Checkpoint, vocabulary: bool) -> Vec<Disagreement> {
    let mut list = List::default();
    for found in a.settings().architecture.differences(&b.settings().architecture) {
        if vocabulary || found.what != "vocabulary size" {
            list.push(Mismatch::Architecture, &found.what, found.left, found.right);
        }
    }
    if vocabulary && let Some(found) = a.tokenizer().difference(b.tokenizer()) {
        list.push(Mismatch::Tokenizer, &format!("tokenizer {}", found.what), found.left, found.right);
    }
    if vocabulary {
        compare_tokenizer_settings(&mut list, a, b);
    }
    list.0
}

/// Compares how `tokenizer_config.json` changes tokenizer.json where one class loads both.
fn compare_tokenizer_settings(list: &mut List, a: &Checkpoint, b: &Checkpoint) {
    let parts = |checkpoint: &Checkpoint| {
        let tokenizer = checkpoint.tokenizer();
        tokenizer.json_file()?;
        let config = json::read_config(&tokenizer.home().join("tokenizer_config.json")).ok()?.unwrap_or_default();
        // The class loads byte-level files unchanged; the files themselves were compared before.
        let class = TokenizerClass::of(&config, checkpoint.config(), || true);
        let parts = class.parts(&config, &Value::Null)?;
        Some((class, parts))
    };
    let (Some((left, one)), Some((right, other))) = (parts(a), parts(b)) else { return };
    if left == right && one != other {
        let (left, right) = if one.normalizer == other.normalizer {
            (one.pre_tokenizer, other.pre_tokenizer)
        } else {
            (one.normalizer, other.normalizer)
        };
        list.push(Mismatch::Tokenizer, "tokenizer settings", left.to_string(), right.to_string());
    }
}

/// Everything about pooling, prompts, similarity and other settings that two checkpoints disagree about.
pub fn disagreements_of_use(a: &Checkpoint, b: &Checkpoint) -> Vec<Disagreement> {
    let mut list = List::default();
    let both = a.is_sentence_transformers() && b.is_sentence_transformers();
    if both {
        compare_lower_case(&mut list, a, b);
    }
    compare_modules(&mut list, a, b);
    if both {
        compare_settings(&mut list, a.settings(), b.settings());
    }
    if let (Some(one), Some(other)) = (&a.settings().late_interaction, &b.settings().late_interaction) {
        compare_late_interaction(&mut list, one, other);
    } else if both {
        let kind = |checkpoint: &Checkpoint| checkpoint.settings().late_interaction.is_some();
        list.compare(Mismatch::Modules, "kind of model", (kind(a), kind(b)), |late| {
            if late { "late interaction" } else { "no late interaction" }.to_owned()
        });
    }
    if let (Some(one), Some(other)) = (&a.settings().score_activation, &b.settings().score_activation) {
        list.compare(Mismatch::Similarity, "activation of scores", (one, other), |name| name.as_written().to_owned());
    }
    list.0
}

/// The index of the checkpoint whose settings a merge has: the donor, or if that is a plain folder, the first one that is
/// not.
pub fn used_among(models: &[&Checkpoint], donor: usize) -> usize {
    let says = |model: &usize| models.get(*model).is_some_and(|model| model.is_sentence_transformers());
    std::iter::once(donor).chain(0..models.len()).find(says).unwrap_or(donor)
}

/// Something that two of several checkpoints disagree about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisagreementAmong {
    /// The index of the one whose value a merge would have.
    pub left: usize,
    /// The index of the other one.
    pub right: usize,
    /// Whether it is about settings such as pooling, and not about the meaning of weights.
    pub is_of_use: bool,
    /// What it is.
    pub found: Disagreement,
}

/// Everything that the checkpoints of a merge disagree about: with the donor in the meaning of weights, and with `used` in
/// settings. `is_base` says whether the donor is their base and not just the first of them.
pub fn disagreements_among(
    models: &[&Checkpoint],
    donor: usize,
    is_base: bool,
    used: usize,
    vocabulary: bool,
) -> Vec<DisagreementAmong> {
    let mut list = Vec::new();
    let (Some(base), Some(usage)) = (models.get(donor), models.get(used)) else { return list };
    for (right, other) in models.iter().enumerate() {
        let mut add = |left: usize, is_of_use: bool, found: Vec<Disagreement>| {
            list.extend(found.into_iter().map(|found| DisagreementAmong { left, right, is_of_use, found }));
        };
        if right != donor {
            add(donor, false, disagreements_of_weights(base, other, vocabulary));
        }
        // A plain folder disagrees about nothing that it lacks, except for modules of the base.
        if right != used && ((used == donor && is_base) || other.is_sentence_transformers()) {
            add(used, true, disagreements_of_use(usage, other));
        }
    }
    list
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

fn compare_lower_case(list: &mut List, a: &Checkpoint, b: &Checkpoint) {
    let lower = |checkpoint: &Checkpoint| checkpoint.settings().lower_case;
    // Lower-casing is idempotent.
    if lower(a) != lower(b) && !(a.tokenizer().lower_cases() && b.tokenizer().lower_cases()) {
        list.push(Mismatch::Tokenizer, "lower-casing of texts", lower(a).to_string(), lower(b).to_string());
    }
}

/// Compares the modules that are not covered by settings. A plain folder disagrees only with modules that have weights.
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
    let heads = a.heads().iter().filter_map(|head| {
        let other = b.heads().iter().find(|other| other.folder == head.folder)?;
        Some(((head.folder.clone(), describe(head).1), describe(other)))
    });
    for ((kind, one), (_, other)) in left.into_iter().zip(right).chain(heads) {
        for (key, value) in &one {
            if let Some(found) = other.get(key).filter(|&found| found != value) {
                list.push(Mismatch::Modules, &format!("{key} of module {kind}"), value.as_str(), found.as_str());
            }
        }
    }
}

/// Pooling and normalisation are compared as settings; dropout has no effect outside of training.
fn is_step(module: &Module) -> bool {
    !matches!(module.kind.as_str(), "Pooling" | "Normalize" | "Dropout")
}

/// A module's kind and the values of its configuration. The transformer's are compared as architecture.
fn describe(module: &Module) -> (String, BTreeMap<String, String>) {
    if module.is_transformer() {
        return ("Transformer".to_owned(), BTreeMap::new());
    }
    let value = |value: &Value| match value {
        // Activations are written as Python class paths, which change between versions.
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
    let late = left.late_interaction.as_ref().zip(right.late_interaction.as_ref());
    if late.is_none() {
        list.compare(Mismatch::Similarity, "similarity", (&left.similarity, &right.similarity), |name| {
            name.as_written().to_owned()
        });
    }
    list.compare(Mismatch::Similarity, "cut of embeddings", (left.truncate_dim, right.truncate_dim), number);
    let entries = (left.max_active_dims, right.max_active_dims);
    list.compare(Mismatch::Similarity, "entries of a sparse embedding", entries, number);
    // PyLate writes there whatever it tokenised last.
    if late.is_some_and(|(left, right)| [left, right].iter().any(|late| late.format == LateFormat::PyLate)) {
        return;
    }
    list.compare(Mismatch::MaxLength, "longest input", (left.max_seq_length, right.max_seq_length), number);
    if late.is_some() {
        return;
    }
    let (left, right) = (&left.transformer, &right.transformer);
    list.compare(Mismatch::MaxLength, "longest query", (left.query_length, right.query_length), number);
    list.compare(Mismatch::MaxLength, "longest document", (left.document_length, right.document_length), number);
}

/// Compares which tokens of a text get a vector, and how vectors make a score.
fn compare_late_interaction(list: &mut List, left: &LateInteraction, right: &LateInteraction) {
    let text = |value: &Option<String>| value.as_ref().map_or_else(|| "none".to_owned(), |value| format!("{value:?}"));
    let number = |value: Option<u64>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    let yes = |value: bool| value.to_string();
    list.compare(Mismatch::Prompts, "token in front of queries", (&left.query_prefix, &right.query_prefix), text);
    list.compare(
        Mismatch::Prompts,
        "token in front of documents",
        (&left.document_prefix, &right.document_prefix),
        text,
    );
    list.compare(Mismatch::MaxLength, "longest query", (left.query_length, right.query_length), number);
    list.compare(Mismatch::MaxLength, "longest document", (left.document_length, right.document_length), number);
    let shown = |expansion: &Option<QueryExpansion>| {
        expansion.as_ref().map_or_else(
            || "none".to_owned(),
            |QueryExpansion { length, is_fixed, attend, token }| {
                let token = token.as_ref().map_or_else(String::new, |token| format!(" by {token:?}"));
                let (cut, attended) =
                    (if *is_fixed { "" } else { " at least" }, if *attend { ", attended to" } else { "" });
                format!("to{cut} {length} tokens{token}{attended}")
            },
        )
    };
    list.compare(Mismatch::Pooling, "expansion of queries", (&left.expansion, &right.expansion), shown);
    let skipped = |found: &LateInteraction| {
        if found.skiplist.is_empty() { "none".to_owned() } else { found.skiplist.join(" ") }
    };
    let set = |found: &LateInteraction| found.skiplist.iter().cloned().collect::<BTreeSet<String>>();
    if set(left) != set(right) {
        list.push(Mismatch::Pooling, "skiplist", skipped(left), skipped(right));
    } else if !left.skiplist.is_empty() {
        list.compare(Mismatch::Pooling, "skipping in queries", (left.skips[0], right.skips[0]), yes);
        list.compare(Mismatch::Pooling, "skipping in documents", (left.skips[1], right.skips[1]), yes);
    }
    let kept = |kept: &Vec<u64>| format!("{kept:?}");
    list.compare(Mismatch::Pooling, "list of tokens that are kept", (&left.kept, &right.kept), kept);
    list.compare(Mismatch::Similarity, "division by the number of a query's vectors", (left.mean, right.mean), yes);
}

/// Whether either model has prompts, so that it matters whether their tokens are pooled.
fn prompted(left: &Settings, right: &Settings) -> bool {
    !left.prompts.is_empty() || !right.prompts.is_empty()
}

fn compare_prompts(list: &mut List, left: &Settings, right: &Settings) {
    let (one, other) = (left.prompts_in_use(), right.prompts_in_use());
    let names: BTreeSet<&str> = one.keys().chain(other.keys()).copied().collect();
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
