//! Judges keys and parameters that admix does not know: a note is accepted with a warning, and what may be a setting is refused.
//!
//! mergekit ignores what it does not know. Real recipes carry notes, options of its command line and parameters of other
//! methods along, and run; misspelt and misplaced settings run too, without what they say. So what says nothing about
//! weights is accepted with a warning, and what may be a setting is a mistake: a name that is near a known one or has
//! a word of one, and any name with a number behind it.

use super::{INERT_PARAMETERS, LEVELS, MODEL, PATH, RECIPE, REFERENCE, SLICE, SOURCE, is_parameter};
use crate::method::{self, MergeMethod, Parameter};
use crate::nearest::nearest;
use crate::yaml::{KeyAdvice, KeyTable, Node, Status, number, quoted};

/// Keys that mergekit's users add to recipes, each with what replaces it here.
static NOTES: [(&str, &str); 54] = [
    ("allow_crimes", ""),
    ("allow_negative_weights", ""),
    ("async_write", ""),
    ("author", ""),
    ("authors", ""),
    ("clone_tensors", ""),
    ("comment", ""),
    ("comments", ""),
    ("copy_tokenizer", "the tokenizer is always copied"),
    ("cuda", ""),
    ("date", ""),
    ("description", ""),
    ("device", ""),
    ("gpu_rich", ""),
    ("hf_token", ""),
    ("language", ""),
    ("lazy_unpickle", ""),
    ("library_name", ""),
    ("license", ""),
    ("license_name", ""),
    ("lora_merge_cache", ""),
    ("lora_merge_dtype", ""),
    ("low_cpu_memory", ""),
    ("metadata", ""),
    ("model_card", ""),
    ("model_name", ""),
    ("multi_gpu", ""),
    ("note", ""),
    ("notes", ""),
    ("num_threads", "`--threads` sets it"),
    ("out_path", "the output folder is named on the command line"),
    ("out_shard_size", "`--shard-size` sets it"),
    ("output", "the output folder is named on the command line"),
    ("output_dir", "the output folder is named on the command line"),
    ("output_name", "the output folder is named on the command line"),
    ("output_path", "the output folder is named on the command line"),
    ("pipeline_tag", ""),
    ("quiet", ""),
    ("random_init", ""),
    ("random_seed", "`--seed` sets it"),
    ("read_to_gpu", ""),
    ("safe_serialization", ""),
    ("seed", "`--seed` sets it"),
    ("smooth", ""),
    ("tags", ""),
    ("title", ""),
    ("transformers_cache", ""),
    ("trust_remote_code", ""),
    ("url", ""),
    ("verbose", ""),
    ("verbosity", ""),
    ("version", ""),
    ("write_model_card", ""),
    ("write_threads", ""),
];

/// Prefixes of keys that define YAML anchors, as in other tools' files.
pub(super) const DEFINITIONS: [&str; 3] = ["x-", "_", "."];

/// Keys of notes on a single model or slice.
const NOTES_OF_ENTRIES: &str =
    "author comment comments description id label license name note notes role tags title url";

/// Words that may be part of a setting's name.
const WORDS: &str = "adapter adapters algorithm alpha base beta blend chat coefficient coefficients density drop dropout \
    dtype epsilon expert experts filter format gamma keep lambda layer layers lora merge merging method mode model models \
    module modules normalisation normalise normalization normalize param parameter parameters params precision ratio \
    rescale revision scale slice slices source sources sparsity strategy template token tokenizer tokens weight weights";

/// Other names of keys.
const RENAMED: [(&str, &str); 9] = [
    ("method", "merge_method"),
    ("merge", "merge_method"),
    ("base", "base_model"),
    ("torch_dtype", "dtype"),
    ("precision", "dtype"),
    ("output_dtype", "out_dtype"),
    ("path", "model"),
    ("name", "model"),
    ("params", "parameters"),
];

/// Advice about keys that no level has.
#[derive(Debug)]
pub(crate) struct Advice;

pub(crate) static ADVICE: Advice = Advice;

impl KeyAdvice for Advice {
    fn remark(&self, level: &'static KeyTable, entries: &[(String, Node)], key: &str, value: &Node) -> Option<String> {
        let is = |other: &KeyTable| std::ptr::eq(level, other);
        if is(&RECIPE) {
            // A key that defines anchors, as in other YAML files.
            if DEFINITIONS.iter().any(|begin| key.starts_with(begin)) {
                return Some(format!("{} has no effect but by its anchors", quoted(key)));
            }
            if INERT_PARAMETERS.contains(&key) {
                return Some(remark(key, ""));
            }
            if let Some((name, instead)) = NOTES.iter().find(|(name, _)| *name == key) {
                return Some(remark(name, instead));
            }
            let is_meant = level.meant(key).is_some() || self.moved(level, key).is_some();
            let is_note = !is_meant && !may_be_setting(key, value);
            return is_note.then(|| format!("{} is no key of a recipe and has no effect", quoted(key)));
        }
        // Where the entry lacks a required key, the unknown key was probably meant to be that one.
        let is_complete =
            || level.keys.iter().all(|known| !known.required || entries.iter().any(|(name, _)| name == known.name));
        let is_entry = is(&MODEL) || is(&SLICE) || is(&SOURCE);
        (is_entry && NOTES_OF_ENTRIES.split(' ').any(|note| note == key) && is_complete())
            .then(|| format!("`{key}` has no effect"))
    }

    fn moved(&self, level: &'static KeyTable, key: &str) -> Option<String> {
        let is = |other: &KeyTable| std::ptr::eq(level, other);
        if is(&REFERENCE) && PATH.key(key).is_some() {
            return Some("write it as `{model: {path: …}}`".into());
        }
        if let Some(new) = new_name(level, key) {
            return Some(format!("did you mean `{new}`?"));
        }
        if key == "revision" && (is(&MODEL) || is(&SOURCE)) {
            return Some("write it behind the model, as `model: org/name@revision`".into());
        }
        if key == "layer_range" && (is(&MODEL) || is(&RECIPE) || is(&SLICE)) {
            return Some(
                "layer ranges go with `slices`: `slices: [{sources: [{model: …, layer_range: [0, 12]}]}]`".into(),
            );
        }
        if is(&SLICE) && matches!(key, "model" | "models") {
            return Some("the models of a slice stand under `sources:`".into());
        }
        if level.key("parameters").is_some() && (is_parameter(key) || INERT_PARAMETERS.contains(&key)) {
            return Some(format!("put it under `parameters:`, as `parameters: {{{key}: …}}`"));
        }
        let home = LEVELS.iter().find(|level| level.key(key).is_some_and(|key| key.status == Status::Read))?;
        Some(format!("`{key}` is a key of {}", home.at))
    }

    fn renamed(&self, level: &'static KeyTable, key: &str) -> Option<&'static str> {
        if std::ptr::eq(level, &raw const SLICE) && matches!(key, "model" | "models") {
            return Some("sources");
        }
        new_name(level, key)
    }

    fn notes(&self, level: &KeyTable) -> Vec<(&'static str, String)> {
        let is = |other: &KeyTable| std::ptr::eq(level, other);
        let said =
            |instead: &str| if instead.is_empty() { "no effect".to_owned() } else { format!("no effect: {instead}") };
        if is(&RECIPE) {
            let inert = INERT_PARAMETERS.iter().map(|name| (*name, said("")));
            return NOTES.iter().map(|(name, instead)| (*name, said(instead))).chain(inert).collect();
        }
        let has_notes = is(&MODEL) || is(&SLICE) || is(&SOURCE);
        NOTES_OF_ENTRIES.split(' ').filter(|_| has_notes).map(|name| (name, said(""))).collect()
    }
}

/// The name here of a key that other tools call differently, if the level has it.
fn new_name(level: &KeyTable, key: &str) -> Option<&'static str> {
    RENAMED.iter().find(|(old, new)| *old == key && level.key(new).is_some()).map(|(_, new)| *new)
}

/// The warning for a parameter that the method does not have and that is accepted all the same; `None` for one that is a
/// mistake.
pub(in crate::recipe) fn remark_on_parameter(name: &str, node: &Node, method: &MergeMethod) -> Option<String> {
    if is_parameter(name) {
        let alike = |own: &&Parameter| own.name.starts_with(name) || name.starts_with(own.name);
        // Many names begin with `t`.
        let alike = method.parameters.iter().filter(|own| own.name.len() > 1).find(alike);
        let own = alike.map_or_else(String::new, |own| format!("; its own is `{}`", own.name));
        return Some(format!("`{name}` has no effect with `{}`{own}", method.name));
    }
    if let Some((name, instead)) = NOTES.iter().find(|(known, _)| *known == name) {
        return Some(remark(name, instead));
    }
    let is_meant = near_parameter(name).is_some() || RECIPE.key(name).is_some() || RECIPE.meant(name).is_some();
    let is_note = !is_meant && !may_be_setting(name, node);
    is_note.then(|| format!("no method has a parameter {}, and it has no effect", quoted(name)))
}

/// The parameter of any method that is nearest to a name.
pub(in crate::recipe) fn near_parameter(name: &str) -> Option<&'static str> {
    nearest(name, method::METHODS.iter().flat_map(|method| method.parameters).map(|parameter| parameter.name))
}

fn remark(name: &str, instead: &str) -> String {
    if instead.is_empty() { format!("`{name}` has no effect") } else { format!("`{name}` has no effect: {instead}") }
}

/// Whether a name or its value could be a setting of the merge.
fn may_be_setting(name: &str, value: &Node) -> bool {
    let lower = name.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.any(|word| word.len() == 1 || WORDS.split(' ').any(|known| known == word)) || has_number(value)
}

/// Whether a value is a number or holds one.
fn has_number(value: &Node) -> bool {
    match value {
        Node::Null | Node::Flag(_) => false,
        Node::Number(_) => true,
        Node::Text(text) => text.contains("${") || number(value).is_ok(),
        Node::List(entries) => entries.iter().any(has_number),
        Node::Map(entries) => entries.iter().any(|(_, value)| has_number(value)),
    }
}
