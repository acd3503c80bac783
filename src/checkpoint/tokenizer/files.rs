//! The tokenizer's files, and whether two tokenizers give a text the same token ids.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::super::error::Error;
use super::super::json;
use super::super::map::Map;
use super::super::model_path::{Links, ModelPath};
use super::super::side_files;
use super::json::{Summary, read_json, read_lines, read_table};
use super::parts::hash;
use super::sentencepiece;

const FAST: &str = "tokenizer.json";
const LINES: &str = "vocab.txt";
const TABLE: &str = "vocab.json";
const MERGES: &str = "merges.txt";
/// Files of sentencepiece.
const PIECES: [&str; 4] = ["sentencepiece.bpe.model", "spiece.model", "tokenizer.model", "spm.model"];
/// Every file a tokenizer may consist of, best source first.
const FILES: &[&str] = &[FAST, PIECES[0], PIECES[1], PIECES[2], PIECES[3], LINES, TABLE, MERGES];
/// Number of bytes that are compared before their pages are released.
const STEP: usize = 1 << 20;
/// The most characters of a value in a message.
const SHOWN: usize = 120;

/// The files of a tokenizer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokenizer {
    /// The folder it is in.
    home: ModelPath,
    files: Vec<TokenizerFile>,
    /// A tokenizer.json in memory, which replaces the one in the folder.
    json: Option<Arc<[u8]>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct TokenizerFile {
    name: &'static str,
    path: ModelPath,
}

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

impl Tokenizer {
    /// Looks for the tokenizer's files in the folder of the main module.
    pub(crate) fn find(home: &ModelPath) -> Result<Self, Error> {
        let mut files = Vec::new();
        for &name in FILES {
            let path = home.join(name);
            if json::entry_exists(&path)? {
                path.open()?;
                files.push(TokenizerFile { name, path });
            }
        }
        Ok(Self { home: home.clone(), files, json: None })
    }

    /// The tokenizer in a folder, or in that of its transformer.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Self::open_with(folder, Links::Inside)
    }

    /// Like [`Tokenizer::open`]; `links` says whether links out of the folder are followed.
    pub fn open_with(folder: &Path, links: Links) -> Result<Self, Error> {
        let folder = &ModelPath::of(folder, links)?;
        let places =
            if json::entry_exists(&folder.join(FAST))? { None } else { super::super::modules::read_places(folder)? };
        let transformer = places.unwrap_or_default().into_iter().find(|place| place.kind.ends_with("Transformer"));
        let found = Self::find(&transformer.map_or_else(|| folder.clone(), |place| folder.join(place.folder)))?;
        // Reported before the merge, and not when the files are copied.
        found.file_names()?.iter().try_for_each(|name| found.home.join(name).check())?;
        Ok(found)
    }

    /// The names of the files in its folder that a loader reads for the tokenizer, sorted.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn file_names(&self) -> Result<Vec<String>, Error> {
        let mut names = side_files::entries(&self.home)?;
        names.retain(|name| Self::is_file(name) && self.home.join(name).is_file());
        names.sort();
        Ok(names)
    }

    /// Whether a file of that name is read for the tokenizer.
    pub fn is_file(name: &str) -> bool {
        let ends = |end: &str| name.len() > end.len() && name.ends_with(end);
        side_files::is_side_file(name, false)
            && (matches!(
                name,
                "special_tokens_map.json" | "added_tokens.json" | "merges.txt" | "bpe.codes" | "tekken.json"
            ) || (name.starts_with("tokenizer") && ends(".json"))
                || name.starts_with("vocab.")
                || name.starts_with("chat_template.")
                || [".model", ".spm", ".tiktoken"].iter().any(|end| ends(end)))
    }

    /// Whether two tokenizers have tokenizer.json files of the same bytes.
    pub fn has_same_json(&self, other: &Self) -> bool {
        match (self.json_file(), other.json_file()) {
            (Some(left), Some(right)) => same_bytes(left, right).unwrap_or(false),
            _ => false,
        }
    }

    /// The tokenizer with another tokenizer.json, which is in memory only.
    #[must_use]
    pub(crate) fn with_json(mut self, json: Vec<u8>) -> Self {
        self.json = Some(json.into());
        self
    }

    /// The folder it is in, where its `tokenizer_config.json` is too.
    pub fn home(&self) -> &ModelPath {
        &self.home
    }

    /// The path of its tokenizer.json, if it has one.
    pub fn json_file(&self) -> Option<&ModelPath> {
        self.get(FAST).map(|file| &file.path)
    }

    /// The bytes of its tokenizer.json.
    ///
    /// # Errors
    /// Errors of the system; not found if there is none.
    pub(crate) fn json(&self) -> Result<Cow<'_, [u8]>, Error> {
        match (&self.json, self.json_file()) {
            (Some(json), _) => Ok(Cow::Borrowed(json)),
            (None, Some(path)) => path.read(u64::MAX).map(Cow::Owned),
            (None, None) => Err(Error::io(&self.home.join(FAST), std::io::ErrorKind::NotFound.into())),
        }
    }

    /// Its files.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| &*file.path)
    }

    /// Whether there is no tokenizer.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The first difference that changes the tokens of a text, or their ids.
    ///
    /// Equal files are found by comparing bytes; otherwise both tokenizer.json files are read as streams.
    pub fn difference(&self, other: &Self) -> Option<TokenizerDifference> {
        if self.is_empty() && other.is_empty() {
            return None;
        }
        if let Some((left, right)) = self.shared(other) {
            // A vocab.json is only half of what decides the tokens.
            let merges = (left.name == TABLE).then(|| Some((self.get(MERGES)?, other.get(MERGES)?))).flatten();
            return compare_files(left, right).or_else(|| merges.and_then(|(left, right)| compare_files(left, right)));
        }
        match (self.comparable_file(), other.comparable_file()) {
            (Some(left), Some(right)) if PIECES.contains(&left.name) => compare_pieces(left, right, false),
            (Some(left), Some(right)) if PIECES.contains(&right.name) => compare_pieces(right, left, true),
            (Some(left), Some(right)) => compare_parsed(left, right),
            _ => Some(difference("files", self.names(), other.names())),
        }
    }

    /// Calls `on_token` with every token of its model and its id.
    pub(super) fn read_tokens(&self, on_token: &mut dyn FnMut(&str, u64)) -> Result<Summary, Error> {
        let Some(file) = self.vocabulary_file() else {
            let found = self.files.iter().map(|file| file.name.to_owned()).collect();
            return Err(Error::NoTokenizerJson { path: self.home.to_path_buf(), found });
        };
        read_summary(file, on_token).map_err(|problem| self.refused(problem))
    }

    /// An error about its vocabulary.
    pub(super) fn refused(&self, problem: String) -> Error {
        let path = self.vocabulary_file().map(|file| file.path.to_path_buf()).unwrap_or_default();
        Error::Vocabulary { path, problem }
    }

    /// Whether the tokenizer lower-cases by itself.
    pub(crate) fn lower_cases(&self) -> bool {
        let summary = self.get(FAST).and_then(|file| read_summary(file, &mut |_, _| {}).ok());
        summary.is_some_and(|summary| {
            summary.normalizer.contains("\"lowercase\":true") || summary.normalizer.contains("\"type\":\"Lowercase\"")
        })
    }

    fn get(&self, name: &str) -> Option<&TokenizerFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// The best file that both have.
    fn shared<'a>(&'a self, other: &'a Self) -> Option<(&'a TokenizerFile, &'a TokenizerFile)> {
        self.files.iter().find_map(|file| Some((file, other.get(file.name)?)))
    }

    /// A file whose vocabulary can be read.
    fn vocabulary_file(&self) -> Option<&TokenizerFile> {
        self.get(FAST).or_else(|| self.get(LINES))
    }

    /// A file whose tokens can be compared with those of other files.
    fn comparable_file(&self) -> Option<&TokenizerFile> {
        let pieces = || PIECES.iter().find_map(|name| self.get(name));
        self.vocabulary_file().or_else(pieces).or_else(|| self.get(TABLE))
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.files.iter().map(|file| file.name).collect();
        if names.is_empty() { "no tokenizer".to_owned() } else { names.join(", ") }
    }
}

fn difference(what: &str, left: impl Into<String>, right: impl Into<String>) -> TokenizerDifference {
    let cut = |value: String| match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value,
    };
    TokenizerDifference { what: what.to_owned(), left: cut(left.into()), right: cut(right.into()) }
}

/// Compares two files of the same name.
fn compare_files(left: &TokenizerFile, right: &TokenizerFile) -> Option<TokenizerDifference> {
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
fn same_bytes(left: &ModelPath, right: &ModelPath) -> Result<bool, Error> {
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
fn compare_pieces(pieces: &TokenizerFile, other: &TokenizerFile, swapped: bool) -> Option<TokenizerDifference> {
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

/// Reads a tokenizer.json, a vocab.txt or a vocab.json.
fn read_summary(file: &TokenizerFile, on_token: &mut dyn FnMut(&str, u64)) -> Result<Summary, String> {
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

fn compare_parsed(left: &TokenizerFile, right: &TokenizerFile) -> Option<TokenizerDifference> {
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

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
