//! Reads every token of a tokenizer with its id.

use std::collections::HashMap;
use std::fmt;

use super::super::files::Tokenizer;
use super::super::json::{AddedToken, Listener, Summary, read_json};
use crate::checkpoint::error::Error;
use crate::checkpoint::model_path::ModelPath;

/// The largest plausible token id; the largest vocabularies have about a million tokens.
const MOST: u64 = 1 << 24;

/// The tokens of a tokenizer, those of its model and added ones, each with its id.
///
/// Texts are stored one after another; a token takes about 12 bytes besides its text.
#[derive(Debug)]
pub struct Vocabulary {
    text: String,
    /// Sorted by text.
    entries: Vec<Entry>,
    kind: VocabularyKind,
    added: Vec<AddedToken>,
    /// The number of tokens of the model itself.
    model_size: u32,
    /// Ids of added tokens that are not in the model.
    outside: Vec<u32>,
    treatment: [(&'static str, String); 4],
    path: ModelPath,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    end: u32,
    id: u32,
}

/// The kind of a tokenizer's model, which decides how texts are split and how the vocabulary spells tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VocabularyKind {
    /// The longest token that matches; tokens inside a word begin with `##`.
    WordPiece,
    /// The most probable split into scored pieces.
    Unigram,
    /// Merges of bytes, which are written as letters.
    ByteLevelBpe,
    /// Merges of characters.
    Bpe,
    /// Any other.
    Other,
}

impl fmt::Display for VocabularyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WordPiece => "WordPiece",
            Self::Unigram => "unigram",
            Self::ByteLevelBpe => "byte-level BPE",
            Self::Bpe => "BPE",
            Self::Other => "unknown",
        })
    }
}

impl VocabularyKind {
    fn of(summary: &Summary) -> Self {
        let bytes = summary.pre_tokenizer.contains("\"ByteLevel\"") || summary.normalizer.contains("\"ByteLevel\"");
        match summary.model.as_deref() {
            Some("WordPiece") => Self::WordPiece,
            Some("Unigram") => Self::Unigram,
            Some("BPE") if bytes => Self::ByteLevelBpe,
            Some("BPE") => Self::Bpe,
            // Older files do not name their model.
            None if summary.merges.count > 0 => {
                if bytes {
                    Self::ByteLevelBpe
                } else {
                    Self::Bpe
                }
            }
            None if summary.scores != 0 => Self::Unigram,
            _ => Self::Other,
        }
    }
}

impl Vocabulary {
    /// Reads the tokens of a tokenizer's tokenizer.json, as a stream.
    ///
    /// # Errors
    /// A tokenizer without one, a file that cannot be read, implausibly large token ids.
    pub fn read(tokenizer: &Tokenizer) -> Result<Self, Error> {
        let Some(path) = tokenizer.json_file() else {
            let name = |file: &std::path::Path| file.file_name().map(|name| name.to_string_lossy().into_owned());
            let found = tokenizer.files().filter_map(name).collect();
            return Err(Error::NoTokenizerJson { path: tokenizer.home().to_path_buf(), found });
        };
        let map = path.map()?;
        let mut list = List::default();
        let summary =
            read_json(map.bytes(), &mut list).map_err(|source| Error::Json { path: path.to_path_buf(), source })?;
        list.finish(&summary, path)
    }

    /// The number of tokens.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of rows that a table of the tokens needs: the largest id plus one.
    pub fn rows(&self) -> usize {
        self.entries.iter().map(|entry| entry.id as usize + 1).max().unwrap_or(0)
    }

    /// The id of a token.
    pub fn number(&self, token: &str) -> Option<u32> {
        let at = self.entries.binary_search_by(|entry| self.text_of(entry).cmp(token)).ok()?;
        self.entries.get(at).map(|entry| entry.id)
    }

    /// Every token with its id, in the order of ids.
    pub fn tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        let mut order: Vec<&Entry> = self.entries.iter().collect();
        order.sort_by_key(|entry| entry.id);
        order.into_iter().map(|entry| (self.text_of(entry), entry.id))
    }

    /// The kind of its model.
    pub fn kind(&self) -> VocabularyKind {
        self.kind
    }

    /// The tokenizer.json.
    pub fn path(&self) -> &ModelPath {
        &self.path
    }

    /// Whether a token is special, so that no text contains it.
    pub fn is_special(&self, token: &str) -> bool {
        self.added.iter().any(|added| added.special && added.content == token)
    }

    /// The added tokens, in the order of the file.
    pub(crate) fn added(&self) -> &[AddedToken] {
        &self.added
    }

    /// Added tokens that are not in the model, in the order of ids.
    pub(super) fn outside(&self) -> impl Iterator<Item = &AddedToken> {
        let of = |number: &u32| self.added.iter().find(|token| token.id == u64::from(*number));
        self.outside.iter().filter_map(of)
    }

    /// The number of tokens of the model itself, without added ones that are not in it.
    pub(super) fn model_size(&self) -> u32 {
        self.model_size
    }

    /// Other differences that change the tokens of a text: the name, the own value and the other's.
    pub fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'static str, &'a str, &'a str)> {
        let pairs = self.treatment.iter().zip(&other.treatment);
        pairs.filter(|(one, other)| one.1 != other.1).map(|(one, other)| (one.0, one.1.as_str(), other.1.as_str()))
    }

    fn text_of(&self, entry: &Entry) -> &str {
        of(&self.text, entry)
    }
}

fn of<'a>(text: &'a str, entry: &Entry) -> &'a str {
    text.get(entry.start as usize..entry.end as usize).unwrap_or_default()
}

/// Collects tokens while the file is read.
#[derive(Default)]
struct List {
    text: String,
    entries: Vec<Entry>,
    too_large: Option<(String, u64)>,
}

impl List {
    fn add(&mut self, token: &str, id: u64) {
        let start = u32::try_from(self.text.len());
        self.text.push_str(token);
        let end = u32::try_from(self.text.len());
        match (start, end, u32::try_from(id)) {
            (Ok(start), Ok(end), Ok(id)) if u64::from(id) < MOST => self.entries.push(Entry { start, end, id }),
            _ => {
                self.too_large.get_or_insert_with(|| (token.to_owned(), id));
            }
        }
    }

    fn finish(mut self, summary: &Summary, path: &ModelPath) -> Result<Vocabulary, Error> {
        let refused = |problem: String| Error::Vocabulary { path: path.to_path_buf(), problem };
        let model_size = self.entries.len() as u32;
        // Ids of added tokens: those in the model have its ids, and loaders count on for the others, whatever the file
        // says.
        let mut numbers: HashMap<&str, Option<u64>> = HashMap::new();
        numbers.extend(summary.added_tokens.iter().map(|token| (token.content.as_str(), None)));
        for entry in &self.entries {
            if let Some(number) = numbers.get_mut(of(&self.text, entry)) {
                *number = Some(u64::from(entry.id));
            }
        }
        let mut next = u64::from(model_size);
        let mut outside = Vec::new();
        let mut added = summary.added_tokens.clone();
        for token in &mut added {
            let number = numbers.get_mut(token.content.as_str());
            let known = number.as_ref().and_then(|number| **number);
            if known.is_none() {
                outside.push(next as u32);
            }
            token.id = known.unwrap_or(next);
            next = next.max(token.id + 1);
            if let Some(number) = number {
                *number = Some(token.id);
            }
        }
        for token in &added {
            self.add(&token.content, token.id);
        }
        let treatment = [
            ("normalizer", summary.normalizer.clone()),
            ("pre-tokenizer", summary.pre_tokenizer.clone()),
            ("tokens around a text", summary.template.clone()),
            ("model options", summary.options.clone()),
        ];
        let kind = VocabularyKind::of(summary);
        if let Some((token, id)) = self.too_large {
            return Err(refused(format!("token {token:?} has number {id}, expected one below {MOST}")));
        }
        let Self { text, mut entries, .. } = self;
        // Of duplicate tokens the added one comes later and has the same id.
        entries.sort_by(|a, b| of(&text, a).cmp(of(&text, b)));
        entries.dedup_by(|later, first| of(&text, later) == of(&text, first));
        if entries.is_empty() {
            return Err(refused("it has no tokens".to_owned()));
        }
        Ok(Vocabulary { entries, kind, added, model_size, outside, treatment, path: path.clone(), text })
    }
}

impl Listener for List {
    fn token(&mut self, token: &str, id: u64, _: Option<f64>) {
        self.add(token, id);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vocabulary, Error> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tokenizer.json"), json).unwrap();
        Vocabulary::read(&Tokenizer::open(folder.path()).unwrap())
    }

    #[test]
    fn added_tokens_are_numbered_as_loaders_do() {
        let added = r#"[{"id":9,"content":"x"},{"id":1,"content":"b","special":true},{"id":3,"content":"y"}]"#;
        let json = format!(r#"{{"added_tokens":{added},"model":{{"type":"WordPiece","vocab":{{"b":1,"a":0}}}}}}"#);
        let vocabulary = read(&json).unwrap();
        let tokens: Vec<(&str, u32)> = vocabulary.tokens().collect();
        assert_eq!(tokens, [("a", 0), ("b", 1), ("x", 2), ("y", 3)]);
        assert_eq!(vocabulary.outside().map(|token| token.content.as_str()).collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!((vocabulary.number("x"), vocabulary.number("z")), (Some(2), None));
        assert!(vocabulary.is_special("b") && !vocabulary.is_special("x"));
    }

    #[test]
    fn kinds_are_told_apart() {
        for (model, kind) in [
            (r#"{"type":"WordPiece","vocab":{"a":0}}"#, VocabularyKind::WordPiece),
            (r#"{"type":"Unigram","vocab":[["a",-1.5]]}"#, VocabularyKind::Unigram),
            (r#"{"vocab":[["a",-1.5]]}"#, VocabularyKind::Unigram),
            (r#"{"type":"BPE","vocab":{"a":0},"merges":[]}"#, VocabularyKind::Bpe),
            (r#"{"type":"WordLevel","vocab":{"a":0}}"#, VocabularyKind::Other),
        ] {
            let found = read(&format!(r#"{{"model":{model}}}"#)).unwrap();
            assert_eq!((found.kind(), found.len()), (kind, 1), "{model}");
        }
        let bytes = r#"{"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#;
        assert_eq!(read(bytes).unwrap().kind(), VocabularyKind::ByteLevelBpe);
    }

    #[test]
    fn vocabularies_that_cannot_be_are_refused() {
        for json in [
            "",
            "{}",
            r#"{"model":{"vocab":{}}}"#,
            r#"{"model":{"vocab":{"a":16777216}}}"#,
            r#"{"model":{"vocab":{"a":18446744073709551615}}}"#,
            r#"{"model":{"vocab":{"a":-1}}}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
