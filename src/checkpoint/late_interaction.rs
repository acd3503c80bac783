//! How late-interaction models (ColBERT) turn a text into one vector a token, as PyLate, sentence-transformers and Stanford's
//! ColBERT write it down.

use serde_json::{Map, Value};

use super::error::Error;
use super::json;
use super::model_path::ModelPath;
use super::modules::Module;

/// The punctuation of ASCII, whose tokens of documents are left out unless the folder lists others.
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// The file with the settings of Stanford's ColBERT.
pub(super) const METADATA: &str = "artifact.metadata";

/// Settings that only PyLate writes.
const OF_PYLATE: &[&str] =
    &["query_prefix", "document_prefix", "do_query_expansion", "attend_to_expansion_tokens", "skiplist_words"];

/// The tool whose format a folder has, where formats differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateFormat {
    /// PyLate's `ColBERT`.
    PyLate,
    /// sentence-transformers' `MultiVectorEncoder`.
    MultiVectorEncoder,
    /// Stanford's ColBERT: the projection is a tensor beside the transformer's.
    Stanford,
}

/// Expansion tokens that fill short queries up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryExpansion {
    /// The number of tokens of a query that is filled up.
    pub length: u64,
    /// Whether longer queries are cut to it.
    pub is_fixed: bool,
    /// Whether other tokens attend to expansion tokens.
    pub attend: bool,
    /// The token; by default the tokenizer's mask token, else its end token.
    pub token: Option<String>,
}

/// The settings of a late-interaction model.
#[derive(Clone, Debug, PartialEq)]
pub struct LateInteraction {
    /// The format of the folder.
    pub format: LateFormat,
    /// The token behind the first token of each query.
    pub query_prefix: Option<String>,
    /// The token behind the first token of each document.
    pub document_prefix: Option<String>,
    /// The longest query in tokens.
    pub query_length: Option<u64>,
    /// The longest document in tokens.
    pub document_length: Option<u64>,
    /// How short queries are filled up.
    pub expansion: Option<QueryExpansion>,
    /// Words whose tokens get no vector.
    pub skiplist: Vec<String>,
    /// Whether that holds for queries and for documents.
    pub skips: [bool; 2],
    /// The only tokens of documents that get a vector, if there are any.
    pub kept: Vec<u64>,
    /// Whether expansion tokens get vectors even if no token attends to them.
    pub is_masked: bool,
    /// Whether vectors are normalised whatever modules the folder has.
    pub normalize: bool,
    /// Whether a score is divided by the number of the query's vectors.
    pub mean: bool,
    /// A setting that does not say what it should.
    pub(crate) invalid: Option<String>,
}

impl LateInteraction {
    /// Reads the settings of a folder; `None` for other models. `overall` is `config_sentence_transformers.json`,
    /// `transformer` the file of the transformer module's settings, `config` its config.json.
    pub(super) fn read(
        root: &ModelPath,
        [overall, transformer, config]: [&Map<String, Value>; 3],
        sentence_transformers: bool,
        modules: &[Module],
    ) -> Result<Option<Self>, Error> {
        let kind = overall.get("model_type").and_then(Value::as_str);
        let is_masked = modules.iter().any(|module| module.kind == "MultiVectorMask");
        Ok(match kind {
            Some("ColBERT") => Some(Self::of_pylate(overall)),
            Some("MultiVectorEncoder") => Some(Self::of_encoder(overall, transformer, modules)),
            None if sentence_transformers && OF_PYLATE.iter().any(|key| overall.contains_key(*key)) => {
                Some(Self::of_pylate(overall))
            }
            None if is_masked => Some(Self::of_encoder(overall, transformer, modules)),
            None if !sentence_transformers && is_stanford(config) => {
                Some(Self::of_stanford(&json::read_config(&root.join(METADATA))?.unwrap_or_default()))
            }
            _ => None,
        })
    }

    fn of_pylate(overall: &Map<String, Value>) -> Self {
        let mut found = Self::plain(LateFormat::PyLate);
        let prefix = |key: &str, default: &str| {
            let prefix = text(overall, key).unwrap_or(default);
            (!prefix.is_empty()).then(|| prefix.to_owned())
        };
        found.query_prefix = prefix("query_prefix", "[Q] ");
        found.document_prefix = prefix("document_prefix", "[D] ");
        let length = found.number(overall, "query_length").unwrap_or(32);
        found.query_length = Some(length);
        found.document_length = Some(found.number(overall, "document_length").unwrap_or(180));
        if flag(overall, "do_query_expansion") != Some(false) {
            let attend = flag(overall, "attend_to_expansion_tokens").unwrap_or(false);
            found.expansion = Some(QueryExpansion { length, is_fixed: true, attend, token: None });
        }
        found.skiplist = words(overall, "skiplist_words").unwrap_or_else(punctuation);
        found
    }

    fn of_stanford(metadata: &Map<String, Value>) -> Self {
        let mut found = Self::plain(LateFormat::Stanford);
        let prefix = |key: &str, default: &str| text(metadata, key).unwrap_or(default).to_owned();
        found.query_prefix = Some(prefix("query_token_id", "[unused0]"));
        found.document_prefix = Some(prefix("doc_token_id", "[unused1]"));
        let length = found.number(metadata, "query_maxlen").unwrap_or(32);
        found.query_length = Some(length);
        found.document_length = Some(found.number(metadata, "doc_maxlen").unwrap_or(180));
        let attend = flag(metadata, "attend_to_mask_tokens").unwrap_or(false);
        found.expansion = Some(QueryExpansion { length, is_fixed: true, attend, token: None });
        if flag(metadata, "mask_punctuation") != Some(false) {
            found.skiplist = punctuation();
        }
        found
    }

    fn of_encoder(overall: &Map<String, Value>, transformer: &Map<String, Value>, modules: &[Module]) -> Self {
        let mut found = Self::plain(LateFormat::MultiVectorEncoder);
        found.normalize = false;
        found.query_length = found.number(transformer, "query_length");
        found.document_length = found.number(transformer, "document_length");
        if let Some(value) = transformer.get("query_expansion").filter(|value| !value.is_null()) {
            found.expansion = expansion(value);
            if found.expansion.is_none() {
                found.invalid = Some(format!("`query_expansion` is {value}, which is no query expansion"));
            }
        }
        match text(overall, "similarity_fn_name") {
            Some("meanmaxsim") => found.mean = true,
            None | Some("maxsim") => {}
            Some(other) => {
                found.invalid = Some(format!("`similarity_fn_name` is {other:?}, expected maxsim or meanmaxsim"));
            }
        }
        let mask = modules.iter().find(|module| module.kind == "MultiVectorMask").map(|module| &module.config);
        found.is_masked = mask.is_some();
        if let Some(mask) = mask {
            found.skiplist = words(mask, "skiplist_words").unwrap_or_default();
            if let Some(tasks) = words(mask, "skiplist_tasks") {
                found.skips = ["query", "document"].map(|task| tasks.iter().any(|found| found == task));
            }
            let kept = mask.get("keep_only_token_ids").and_then(Value::as_array);
            found.kept = kept.into_iter().flatten().filter_map(Value::as_u64).collect();
        }
        found
    }

    fn plain(format: LateFormat) -> Self {
        Self {
            format,
            query_prefix: None,
            document_prefix: None,
            query_length: None,
            document_length: None,
            expansion: None,
            skiplist: Vec::new(),
            skips: [false, true],
            kept: Vec::new(),
            is_masked: true,
            normalize: true,
            mean: false,
            invalid: None,
        }
    }

    /// A length in tokens, if there is one.
    fn number(&mut self, config: &Map<String, Value>, key: &str) -> Option<u64> {
        let value = config.get(key).filter(|value| !value.is_null())?;
        let length = value.as_u64().filter(|length| *length > 0);
        if length.is_none() {
            self.invalid = Some(format!("`{key}` is {value}, expected a number of tokens"));
        }
        length
    }
}

/// Whether config.json is that of a model of Stanford's ColBERT.
fn is_stanford(config: &Map<String, Value>) -> bool {
    let classes = config.get("architectures").and_then(Value::as_array);
    classes.is_some_and(|classes| classes.iter().any(|class| class.as_str() == Some("HF_ColBERT")))
}

/// Reads a query expansion of sentence-transformers.
fn expansion(value: &Value) -> Option<QueryExpansion> {
    let config = value.as_object()?;
    if config.keys().any(|key| !matches!(key.as_str(), "strategy" | "attend" | "token" | "length")) {
        return None;
    }
    let is_fixed = match text(config, "strategy")? {
        "fixed" => true,
        "min" => false,
        _ => return None,
    };
    let attend = config.get("attend").map_or(Some(false), Value::as_bool)?;
    let length = config.get("length")?.as_u64().filter(|length| *length > 0)?;
    Some(QueryExpansion { length, is_fixed, attend, token: text(config, "token").map(str::to_owned) })
}

fn punctuation() -> Vec<String> {
    PUNCTUATION.chars().map(String::from).collect()
}

/// A word or a list of words.
fn words(config: &Map<String, Value>, key: &str) -> Option<Vec<String>> {
    match config.get(key)? {
        Value::String(word) => Some(vec![word.clone()]),
        Value::Array(words) => Some(words.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => None,
    }
}

fn flag(config: &Map<String, Value>, key: &str) -> Option<bool> {
    config.get(key)?.as_bool()
}

fn text<'a>(config: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    config.get(key)?.as_str()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn map(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_pylate_does_not_write_has_its_defaults() {
        let found = LateInteraction::of_pylate(&map(r#"{"model_type":"ColBERT","document_prefix":""}"#));
        assert_eq!((found.query_prefix.as_deref(), found.document_prefix), (Some("[Q] "), None));
        assert_eq!((found.query_length, found.document_length), (Some(32), Some(180)));
        assert_eq!(found.expansion.map(|expansion| (expansion.length, expansion.attend)), Some((32, false)));
        assert_eq!(found.skiplist.len(), 32);
        let found = LateInteraction::of_pylate(&map(
            r#"{"query_length":48,"do_query_expansion":false,"skiplist_words":[".",","],"attend_to_expansion_tokens":true}"#,
        ));
        assert_eq!((found.query_length, found.expansion, found.skiplist.len()), (Some(48), None, 2));
    }

    #[test]
    fn metadata_of_stanford_names_prefixes_and_lengths() {
        let found = LateInteraction::of_stanford(&map(
            r#"{"query_token_id":"[unused0]","query_maxlen":29,"doc_maxlen":220,"attend_to_mask_tokens":true,"mask_punctuation":false}"#,
        ));
        assert_eq!(
            (found.query_prefix.as_deref(), found.document_prefix.as_deref()),
            (Some("[unused0]"), Some("[unused1]"))
        );
        assert_eq!((found.query_length, found.document_length), (Some(29), Some(220)));
        assert!(found.expansion.unwrap().attend && found.skiplist.is_empty());
    }

    #[test]
    fn expansions_that_are_not_understood_are_told() {
        let read = |transformer: &str| LateInteraction::of_encoder(&Map::new(), &map(transformer), &[]);
        let found =
            read(r#"{"query_expansion":{"strategy":"min","attend":false,"token":null,"length":8},"query_length":40}"#);
        assert_eq!(found.expansion, Some(QueryExpansion { length: 8, is_fixed: false, attend: false, token: None }));
        assert_eq!((found.query_length, found.invalid), (Some(40), None));
        for expansion in [
            r#"{"strategy":"most","length":8}"#,
            r#"{"strategy":"min"}"#,
            r#"{"strategy":"min","length":8,"x":1}"#,
            "32",
        ] {
            assert!(read(&format!(r#"{{"query_expansion":{expansion}}}"#)).invalid.is_some(), "{expansion}");
        }
    }
}
