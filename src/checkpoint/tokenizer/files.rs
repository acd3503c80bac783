//! The files of a tokenizer.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::super::error::Error;
use super::super::json;
use super::super::model_path::{Links, ModelPath};
use super::super::side_files;
use super::compare::{TokenizerDifference, compare_files, compare_parsed, compare_pieces, difference, same_bytes};
use super::json::Summary;
use super::tokenizer_file::{FAST, FILES, LINES, MERGES, PIECES, TABLE, TokenizerFile, read_summary};

/// The files of a tokenizer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokenizer {
    /// The folder it is in.
    home: ModelPath,
    files: Vec<TokenizerFile>,
    /// A tokenizer.json in memory, which replaces the one in the folder.
    json: Option<Arc<[u8]>>,
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

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
