//! Checks what the tokenizers crate assumes about a tokenizer.json, before the crate reads it.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{charsmap, pattern};
use crate::checkpoint::{VocabularyListener, read_tokenizer_json};

/// The most steps of a normalizer, pre-tokenizer, post-processor or decoder.
const STEPS: usize = 256;
/// The most pre-tokenizers that may each lengthen a text.
const SPELLERS: usize = 8;
/// The most special tokens around a text.
const MOST_SPECIAL_TOKENS: usize = 512;
/// The most bytes of an unknown piece, or of an affix that is added to every piece of a text.
const AFFIX: usize = 1024;
/// The most bytes of an added token.
const ADDED: usize = 4096;
/// The most bytes of a piece with a score, because each byte is a level of the crate's trie; and the most bytes of all
/// pieces.
const PIECE: usize = 1024;
const PIECES: usize = 32 << 20;
/// How many times its bytes a token may have when it is decoded.
const DECODED: usize = 1 << 16;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Option<Vec<Added>>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    model: Model,
}

#[derive(Deserialize)]
struct Added {
    content: String,
}

#[derive(Deserialize)]
struct Model {
    #[serde(default)]
    unk_token: Option<String>,
    #[serde(default)]
    continuing_subword_prefix: Option<String>,
    #[serde(default)]
    end_of_word_suffix: Option<String>,
}

/// Checks a tokenizer.json.
///
/// # Errors
/// The part and what is wrong with it.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let file: File = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    for token in file.added_tokens.iter().flatten() {
        if token.content.len() > ADDED {
            return Err(format!("an added token has {} bytes, expected at most {ADDED}", token.content.len()));
        }
    }
    let in_part = |part: &'static str| move |problem: String| format!("`{part}`: {problem}");
    steps(&file.normalizer).map_err(in_part("normalizer"))?;
    steps(&file.pre_tokenizer).map_err(in_part("pre_tokenizer"))?;
    let spellers = count(&file.pre_tokenizer, &["ByteLevel", "Metaspace"]);
    if spellers > SPELLERS {
        return Err(format!("`pre_tokenizer` has {spellers} steps that respell a text, expected at most {SPELLERS}"));
    }
    steps(&file.post_processor).map_err(in_part("post_processor"))?;
    objects(&file.post_processor, &mut |object| template(object)).map_err(in_part("post_processor"))?;
    steps(&file.decoder).map_err(in_part("decoder"))?;
    decoder(&file.decoder)?;
    let Model { unk_token, continuing_subword_prefix: prefix, end_of_word_suffix: suffix } = file.model;
    for (key, value) in
        [("unk_token", &unk_token), ("continuing_subword_prefix", &prefix), ("end_of_word_suffix", &suffix)]
    {
        let length = value.as_ref().map_or(0, String::len);
        if length > AFFIX {
            return Err(format!("`model`: `{key}` has {length} bytes, expected at most {AFFIX}"));
        }
    }
    let mut vocabulary = Vocabulary { prefix: prefix.unwrap_or_default(), ..Vocabulary::default() };
    read_tokenizer_json(bytes, &mut vocabulary).map_err(|error| error.to_string())?;
    vocabulary.problem()
}

/// Checks the values of any step.
fn steps(part: &Value) -> Result<(), String> {
    let mut found = 0;
    objects(part, &mut |object| {
        found += usize::from(object.contains_key("type"));
        if found > STEPS {
            return Err(format!("more than {STEPS} steps"));
        }
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        text("Regex").map_or(Ok(()), pattern::check)?;
        text("precompiled_charsmap").map_or(Ok(()), charsmap::check)?;
        if text("type") == Some("FixedLength") && object.get("length").and_then(Value::as_u64) == Some(0) {
            return Err("`length` is 0, expected at least 1".to_owned());
        }
        Ok(())
    })
}

fn count(part: &Value, kinds: &[&str]) -> usize {
    let mut found = 0;
    let counted = objects(part, &mut |object| {
        found += usize::from(object.get("type").and_then(Value::as_str).is_some_and(|kind| kinds.contains(&kind)));
        Ok(())
    });
    counted.map_or(usize::MAX, |()| found)
}

/// Checks that a template names existing tokens, with as many ids as tokens, and the text once.
fn template(object: &Map<String, Value>) -> Result<(), String> {
    let Some(single) = object.get("single").and_then(Value::as_array) else { return Ok(()) };
    let tokens = object.get("special_tokens").and_then(Value::as_object);
    let list = |token: &Value, key: &str| token.get(key).and_then(Value::as_array).map_or(0, Vec::len);
    let (mut texts, mut special) = (0, 0);
    for piece in single {
        if let Some(id) = piece.get("SpecialToken").and_then(|token| token.get("id")).and_then(Value::as_str) {
            let token = tokens.and_then(|tokens| tokens.get(id));
            let token = token.ok_or_else(|| format!("`single` has the token {id:?}, which `special_tokens` lacks"))?;
            let (ids, names) = (list(token, "ids"), list(token, "tokens"));
            if ids != names {
                return Err(format!("the special token {id:?} has {ids} `ids` and {names} `tokens`"));
            }
            special += ids;
        } else if let Some(id) = piece.get("Sequence").and_then(|text| text.get("id")) {
            if id.as_str() != Some("A") {
                return Err(format!("`single` has the text {id}, expected \"A\""));
            }
            texts += 1;
        }
    }
    if texts > 1 {
        return Err(format!("`single` has the text {texts} times, expected once"));
    }
    if special > MOST_SPECIAL_TOKENS {
        return Err(format!("`single` has {special} special tokens, expected at most {MOST_SPECIAL_TOKENS}"));
    }
    Ok(())
}

/// Checks that tokens stay about as long as they are when they are decoded.
fn decoder(part: &Value) -> Result<(), String> {
    let mut times = 1_usize;
    objects(part, &mut |object| {
        let longest = object.values().filter_map(Value::as_str).map(str::len).max().unwrap_or(0);
        if object.get("type").and_then(Value::as_str) == Some("Replace") {
            times = times.saturating_mul(longest.max(1));
        }
        Ok(())
    })?;
    if times > DECODED {
        return Err(format!("`decoder`: its steps may make a text {times} times as long"));
    }
    Ok(())
}

type Check<'c> = dyn FnMut(&Map<String, Value>) -> Result<(), String> + 'c;

/// Calls `check` with every object in a value. The JSON reader limits their depth.
fn objects(value: &Value, check: &mut Check<'_>) -> Result<(), String> {
    match value {
        Value::Array(values) => values.iter().try_for_each(|value| objects(value, check)),
        Value::Object(object) => {
            check(object)?;
            object.values().try_for_each(|value| objects(value, check))
        }
        _ => Ok(()),
    }
}

#[derive(Default)]
struct Vocabulary {
    prefix: String,
    /// The longest token in bytes, including results of merges.
    longest: usize,
    merged: usize,
    /// Bytes of all pieces with scores.
    pieces: usize,
    wrong: Option<String>,
}

impl VocabularyListener for Vocabulary {
    fn token(&mut self, token: &str, id: u64, score: Option<f64>) {
        self.longest = self.longest.max(token.len());
        if score.is_some() {
            self.pieces += token.len();
        }
        let wrong = || match score {
            Some(score) if !(score as f32).is_finite() => Some(format!("piece {id} has the score {score}")),
            Some(_) if token.len() > PIECE => {
                Some(format!("piece {id} has {} bytes, expected at most {PIECE}", token.len()))
            }
            _ if u32::try_from(id).is_err() => Some(format!("the token {token:?} has number {id}")),
            _ => None,
        };
        if self.wrong.is_none() {
            self.wrong = wrong();
        }
    }

    fn merge(&mut self, left: &str, right: &str) {
        let prefix = &self.prefix;
        match right.strip_prefix(prefix.as_str()) {
            Some(rest) => self.merged = self.merged.max(left.len() + rest.len()),
            None if self.wrong.is_none() => {
                self.wrong =
                    Some(format!("the merge of {left:?} and {right:?} lacks `continuing_subword_prefix` {prefix:?}"));
            }
            None => {}
        }
    }
}

impl Vocabulary {
    fn problem(self) -> Result<(), String> {
        let wrong = self.wrong.or_else(|| {
            let (longest, merged, pieces) = (self.longest, self.merged, self.pieces);
            let merge = || format!("a merge makes a token of {merged} bytes, but the longest token has {longest}");
            let many = || format!("the pieces have {pieces} bytes, expected at most {PIECES}");
            (merged > longest).then(merge).or_else(|| (pieces > PIECES).then(many))
        });
        wrong.map_or(Ok(()), |problem| Err(format!("`model`: {problem}")))
    }
}
