//! The kinds of files that a tokenizer consists of, and their summaries.

use super::super::model_path::ModelPath;
use super::json::{Summary, read_json, read_lines, read_table};

pub(super) const FAST: &str = "tokenizer.json";
pub(super) const LINES: &str = "vocab.txt";
pub(super) const TABLE: &str = "vocab.json";
pub(super) const MERGES: &str = "merges.txt";
/// Files of sentencepiece.
pub(super) const PIECES: [&str; 4] = ["sentencepiece.bpe.model", "spiece.model", "tokenizer.model", "spm.model"];
/// Every file a tokenizer may consist of, best source first.
pub(super) const FILES: &[&str] = &[FAST, PIECES[0], PIECES[1], PIECES[2], PIECES[3], LINES, TABLE, MERGES];

/// A file of a tokenizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenizerFile {
    pub(super) name: &'static str,
    pub(super) path: ModelPath,
}

/// Reads a tokenizer.json, a vocab.txt or a vocab.json.
pub(super) fn read_summary(file: &TokenizerFile, on_token: &mut dyn FnMut(&str, u64)) -> Result<Summary, String> {
    let map = file.path.map().map_err(|error| format!("cannot be read: {error}"))?;
    if file.name == LINES {
        return Ok(read_lines(map.bytes(), &mut |token: &str, id| on_token(token, id)));
    }
    if file.name == TABLE {
        let read = read_table(map.bytes(), &mut |token: &str, id| on_token(token, id));
        return read.map_err(|error| format!("not valid: {error}"));
    }
    read_json(map.bytes(), &mut |token: &str, id| on_token(token, id)).map_err(|error| format!("not valid: {error}"))
}
