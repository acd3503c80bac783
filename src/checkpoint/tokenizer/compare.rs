//! Compares two tokenizers by their files.

use std::collections::HashMap;
use std::path::Path;

use super::super::error::Error;
use super::super::map::Map;
use super::super::model_path::ModelPath;
use super::json::Summary;
use super::parts::hash;
use super::sentencepiece;
use super::tokenizer_file::{FAST, LINES, MERGES, TABLE, TokenizerFile, read_summary};

/// Number of bytes that are compared before their pages are released.
pub(super) const STEP: usize = 1 << 20;
/// The most characters of a value in a message.
const SHOWN: usize = 120;

/// The first difference between two tokenizers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizerDifference {
    /// What differs, such as `vocabulary size`.
    pub what: String,
    /// One side's value.
    pub left: String,
    /// The other side's.
    pub right: String,
}

pub(super) fn difference(what: &str, left: impl Into<String>, right: impl Into<String>) -> TokenizerDifference {
    let cut = |value: String| match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value,
    };
    TokenizerDifference { what: what.to_owned(), left: cut(left.into()), right: cut(right.into()) }
}

/// Compares two files of the same name.
pub(super) fn compare_files(left: &TokenizerFile, right: &TokenizerFile) -> Option<TokenizerDifference> {
    match same_bytes(&left.path, &right.path) {
        Ok(true) => None,
        Ok(false) if matches!(left.name, FAST | LINES | TABLE) => compare_parsed(left, right),
        Ok(false) if left.name == MERGES && same_merges(&left.path, &right.path).unwrap_or(false) => None,
        Ok(false) => Some(difference(left.name, size(&left.path), size(&right.path))),
        Err(error) => Some(difference(left.name, error.to_string(), "")),
    }
}

fn size(path: &Path) -> String {
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    format!("{bytes} bytes of other content")
}

/// Whether two files hold the same bytes.
pub(super) fn same_bytes(left: &ModelPath, right: &ModelPath) -> Result<bool, Error> {
    if left == right {
        return Ok(true);
    }
    let (left, right) = (left.map()?, right.map()?);
    if left.bytes().len() != right.bytes().len() {
        return Ok(false);
    }
    let mut start = 0;
    for (one, other) in left.bytes().chunks(STEP).zip(right.bytes().chunks(STEP)) {
        let range = start..start + one.len();
        if one != other {
            return Ok(false);
        }
        left.release(range.clone());
        right.release(range.clone());
        start = range.end;
    }
    Ok(true)
}

/// Whether two files list the same merges. The line with the version is ignored, because it differs between writers.
fn same_merges(left: &ModelPath, right: &ModelPath) -> Result<bool, Error> {
    fn merges(map: &Map) -> impl Iterator<Item = &[u8]> {
        let lines = map.bytes().split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        lines.filter(|line| !line.is_empty() && !line.starts_with(b"#version"))
    }
    let (left, right) = (left.map()?, right.map()?);
    Ok(merges(&left).eq(merges(&right)))
}

/// Compares the pieces of a sentencepiece model with the vocabulary of another file. Some classes shift ids by one, so a
/// constant shift of all pieces is accepted.
pub(super) fn compare_pieces(
    pieces: &TokenizerFile,
    other: &TokenizerFile,
    swapped: bool,
) -> Option<TokenizerDifference> {
    let said = |left: String, right: String| {
        let (left, right) = if swapped { (right, left) } else { (left, right) };
        Some(difference("vocabulary", left, right))
    };
    let mut numbers = HashMap::new();
    let read = read_summary(other, &mut |token, id| {
        numbers.insert(hash(token), id);
    });
    if let Err(problem) = read {
        return said("valid".to_owned(), problem);
    }
    let map = match pieces.path.map() {
        Ok(map) => map,
        Err(error) => return said(format!("cannot be read: {error}"), String::new()),
    };
    let Some(found) = sentencepiece::pieces(map.bytes()) else {
        return said("no sentencepiece model".to_owned(), "valid".to_owned());
    };
    let mut moved = None;
    for (place, piece) in found {
        let Some(number) = numbers.get(&hash(piece)) else {
            return said(format!("token {piece:?} is {place}"), format!("no token {piece:?}"));
        };
        let by = i128::from(*number) - i128::from(place);
        if *moved.get_or_insert(by) != by {
            return said(format!("token {piece:?} is {place}"), format!("token {piece:?} is {number}"));
        }
    }
    None
}

pub(super) fn compare_parsed(left: &TokenizerFile, right: &TokenizerFile) -> Option<TokenizerDifference> {
    let (one, other) = rayon::join(|| read_summary(left, &mut |_, _| {}), || read_summary(right, &mut |_, _| {}));
    match (one, other) {
        (Ok(one), Ok(other)) => compare_vocabularies(left, right, &one, &other).or_else(|| {
            // A vocab.txt says nothing about the rest.
            if left.name == right.name { compare_rest(&one, &other) } else { None }
        }),
        (one, other) => {
            let said = |result: Result<Summary, String>| result.err().unwrap_or_else(|| "valid".to_owned());
            Some(difference(left.name, said(one), said(other)))
        }
    }
}

fn compare_vocabularies(
    left: &TokenizerFile,
    right: &TokenizerFile,
    one: &Summary,
    other: &Summary,
) -> Option<TokenizerDifference> {
    if one.vocabulary.count != other.vocabulary.count {
        let tokens = |summary: &Summary| format!("{} tokens", summary.vocabulary.count);
        return Some(difference("vocabulary size", tokens(one), tokens(other)));
    }
    if one.vocabulary.hash != other.vocabulary.hash {
        let (one, other) = first_token(left, right).unwrap_or_default();
        return Some(difference("vocabulary", one, other));
    }
    None
}

/// The first token, in the order of the right file, that has another id on the left.
fn first_token(left: &TokenizerFile, right: &TokenizerFile) -> Option<(String, String)> {
    let mut numbers = HashMap::new();
    read_summary(left, &mut |token, id| {
        numbers.insert(hash(token), id);
    })
    .ok()?;
    let mut found = None;
    read_summary(right, &mut |token, id| {
        let number = numbers.get(&hash(token));
        if found.is_none() && number != Some(&id) {
            let one =
                number.map_or_else(|| format!("no token {token:?}"), |number| format!("token {token:?} is {number}"));
            found = Some((one, format!("token {token:?} is {id}")));
        }
    })
    .ok()?;
    found
}

fn compare_rest(one: &Summary, other: &Summary) -> Option<TokenizerDifference> {
    if let (Some(left), Some(right)) = (&one.model, &other.model)
        && left != right
    {
        return Some(difference("kind of model", left.as_str(), right.as_str()));
    }
    if one.added != other.added {
        let only = |a: &Summary, b: &Summary| match a.added.difference(&b.added).next() {
            Some((id, token)) => format!("token {token:?} is {id}"),
            None => format!("{} added tokens", a.added.len()),
        };
        return Some(difference("added tokens", only(one, other), only(other, one)));
    }
    if one.merges != other.merges {
        let merges = |summary: &Summary| format!("{} merges (hash {:016x})", summary.merges.count, summary.merges.hash);
        return Some(difference("merges", merges(one), merges(other)));
    }
    if one.scores != other.scores {
        let scores = |summary: &Summary| format!("scores with hash {:016x}", summary.scores);
        return Some(difference("piece scores", scores(one), scores(other)));
    }
    let shown = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
    [
        ("normalizer", &one.normalizer, &other.normalizer),
        ("pre-tokenizer", &one.pre_tokenizer, &other.pre_tokenizer),
        ("tokens around a text", &one.template, &other.template),
        ("model options", &one.options, &other.options),
    ]
    .into_iter()
    .find(|(_, left, right)| left != right)
    .map(|(what, left, right)| difference(what, shown(left), shown(right)))
}
