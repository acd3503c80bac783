//! A tokenizer.json made from the files that older folders have instead: vocab.txt, a sentencepiece model, or vocab.json with
//! merges.txt. Only vocabularies are taken from them; the class of the tokenizer makes the other parts.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::tokenizer_class::{TokenizerClass, special_token};
use super::files::Tokenizer;
use super::sentencepiece::{self, Kind, Model};

/// The longest file that is read.
const LONGEST: u64 = 512 << 20;

/// A tokenizer.json, and what the file it was made from says besides.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) json: Vec<u8>,
    /// Keys that count as if `tokenizer_config.json` had them.
    pub(crate) config: Map<String, Value>,
}

#[derive(Serialize)]
struct Json<'a> {
    version: &'static str,
    added_tokens: [(); 0],
    normalizer: Option<Precompiled>,
    model: Vocabulary<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Vocabulary<'a> {
    WordPiece {
        unk_token: &'a str,
        continuing_subword_prefix: &'static str,
        max_input_chars_per_word: u64,
        vocab: BTreeMap<&'a str, u32>,
    },
    Unigram {
        unk_id: usize,
        vocab: Vec<(&'a str, f64)>,
    },
    #[serde(rename = "BPE")]
    Bpe {
        vocab: Value,
        merges: Vec<[&'a str; 2]>,
    },
}

#[derive(Serialize)]
#[serde(tag = "type")]
struct Precompiled {
    precompiled_charsmap: String,
}

impl Tokenizer {
    /// Makes a tokenizer.json for a class out of older files; nothing where the folder lacks those that the class reads.
    ///
    /// # Errors
    /// What is wrong with a file, and its name.
    pub(crate) fn build(
        &self,
        class: &TokenizerClass,
        config: &Map<String, Value>,
    ) -> Result<Option<Built>, (&'static str, String)> {
        let read = |name: &'static str| {
            let has = self.files().any(|file| file.file_name().is_some_and(|found| found == name));
            let bytes = has.then(|| self.home().join(name).read(LONGEST)).transpose();
            bytes.map_err(|error| (name, error.to_string()))
        };
        let Some(name) = class.vocabulary_file() else { return Ok(None) };
        let Some(bytes) = read(name)? else { return Ok(None) };
        let built = match name {
            "vocab.txt" => word_pieces(&bytes, class, config),
            "vocab.json" => match read("merges.txt")? {
                Some(merges) => byte_pairs(&bytes, &merges),
                None => return Ok(None),
            },
            _ => unigrams(&bytes, class, config),
        };
        built.map(Some).map_err(|problem| (name, problem))
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {error}"))
}

fn written(model: Vocabulary<'_>, charsmap: &[u8], config: Map<String, Value>) -> Result<Built, String> {
    let normalizer = (!charsmap.is_empty()).then(|| Precompiled { precompiled_charsmap: base64(charsmap) });
    let json = Json { version: "1.0", added_tokens: [], normalizer, model };
    Ok(Built { json: serde_json::to_vec(&json).map_err(|error| error.to_string())?, config })
}

/// A token a line. Where two are the same the last counts.
fn word_pieces(bytes: &[u8], class: &TokenizerClass, config: &Map<String, Value>) -> Result<Built, String> {
    let mut vocab = BTreeMap::new();
    for (number, line) in text(bytes)?.lines().enumerate() {
        let number = u32::try_from(number).map_err(|error| error.to_string())?;
        vocab.insert(line.trim_end(), number);
    }
    let unk_token = special_token(class, config, "unk_token").unwrap_or("[UNK]");
    let model =
        Vocabulary::WordPiece { unk_token, continuing_subword_prefix: "##", max_input_chars_per_word: 100, vocab };
    written(model, &[], Map::new())
}

/// A table of tokens, and the pairs that are joined, the most urgent first.
fn byte_pairs(table: &[u8], merges: &[u8]) -> Result<Built, String> {
    let vocab: Value = serde_json::from_slice(table).map_err(|error| error.to_string())?;
    let lines = text(merges)?.lines().filter(|line| !line.is_empty() && !line.starts_with("#version"));
    let pair = |line| {
        let mut parts = str::split(line, ' ');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(left), Some(right), None) => Ok([left, right]),
            _ => Err(format!("merges.txt has the line {line:?}, expected two tokens")),
        }
    };
    let merges = lines.map(pair).collect::<Result<Vec<_>, String>>()?;
    written(Vocabulary::Bpe { vocab, merges }, &[], Map::new())
}

/// The pieces of a sentencepiece model, as the class numbers them.
fn unigrams(bytes: &[u8], class: &TokenizerClass, config: &Map<String, Value>) -> Result<Built, String> {
    let model = sentencepiece::read(bytes).ok_or("it is no sentencepiece model")?;
    if !model.is_unigram {
        return Err("its pieces are not those of a unigram model".to_owned());
    }
    let named = |key: &str, usual: &'static str| special_token(class, config, key).unwrap_or(usual);
    let extra = extra_ids(config);
    let pieces = |from: usize| model.pieces.iter().skip(from).map(|piece| (piece.text, f64::from(piece.score)));
    let mut vocab: Vec<(&str, f64)> = Vec::with_capacity(model.pieces.len() + 8);
    match class {
        TokenizerClass::XlmRoberta => {
            let first = [("bos_token", "<s>"), ("pad_token", "<pad>"), ("eos_token", "</s>"), ("unk_token", "<unk>")];
            vocab.extend(first.map(|(key, usual)| (named(key, usual), 0.0)));
            vocab.extend(pieces(3));
            vocab.push((named("mask_token", "<mask>"), 0.0));
        }
        TokenizerClass::Camembert => {
            vocab.extend([("<s>NOTUSED", 0.0), (named("pad_token", "<pad>"), 0.0), ("</s>NOTUSED", 0.0)]);
            vocab.extend([(named("unk_token", "<unk>"), 0.0), ("<unk>NOTUSED", -100.0)]);
            vocab.extend(pieces(1));
            vocab.push((named("mask_token", "<mask>"), 0.0));
        }
        TokenizerClass::T5 => {
            vocab.extend(pieces(0));
            vocab.extend(extra.iter().rev().map(|token| (token.as_str(), 0.0)));
        }
        _ => vocab.extend(pieces(0)),
    }
    let written_model = Vocabulary::Unigram { unk_id: 0, vocab };
    written(written_model, model.charsmap, said_besides(&model))
}

/// The number of the piece for what is unknown, and the pieces that are looked for before the model sees a text.
fn said_besides(model: &Model<'_>) -> Map<String, Value> {
    let added = model.pieces.iter().filter(|piece| matches!(piece.kind, Kind::Control | Kind::UserDefined));
    let token = |piece: &sentencepiece::Piece<'_>| json!({"content": piece.text, "normalized": false, "special": piece.kind == Kind::Control});
    let mut config = Map::new();
    config.insert("unk_id".to_owned(), model.unknown.into());
    config.insert("additional_special_tokens".to_owned(), added.map(token).collect());
    config
}

/// The tokens of T5 that stand for what was taken out of a text.
pub(crate) fn extra_ids(config: &Map<String, Value>) -> Vec<String> {
    /// More than any tokenizer has.
    const MOST: u64 = 1 << 12;
    let count = config.get("extra_ids").and_then(Value::as_u64).unwrap_or(100).min(MOST);
    (0..count).map(|number| format!("<extra_id_{number}>")).collect()
}

/// Base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * at) & 63) as usize).copied().unwrap_or(b'=');
            out.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_written() {
        for (bytes, text) in [("", ""), ("M", "TQ=="), ("Ma", "TWE="), ("Man", "TWFu"), ("Man\u{ff}", "TWFuw78=")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
