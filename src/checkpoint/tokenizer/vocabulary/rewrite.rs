//! Writes the tokenizer's files with appended tokens: entries are added, and the rest of each file stays as it was written.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::ops::Range;

use serde_json::{Value, json};

use super::super::files::Tokenizer;
use super::super::json::{AddedToken, Listener, read_json};
use super::json_text::{end_of, member, members};
use super::merged::{Appended, MergedVocabulary, Origin};
use super::tokens::VocabularyKind;
use crate::checkpoint::error::Error;
use crate::checkpoint::map::Map;
use crate::checkpoint::model_path::ModelPath;

const JSON: &str = "tokenizer.json";
/// How far the score of an added token in a unigram model is below the least probable piece, so that the model never
/// chooses it.
const UNLIKELY: f64 = 10.0;
/// Files with a vocabulary in a form that tokens cannot be appended to.
const COMPILED: [&str; 7] = [
    "sentencepiece.bpe.model",
    "spiece.model",
    "tokenizer.model",
    "spm.model",
    "bpe.codes",
    "tekken.json",
    "qwen.tiktoken",
];

/// A file of the output's tokenizer that is not the one of the folder it comes from.
#[derive(Debug)]
pub enum Change {
    /// It has additions.
    Edited(Edited),
    /// It cannot contain the appended tokens and is not written.
    LeftOut,
}

/// A file with texts inserted at some positions.
#[derive(Debug)]
pub struct Edited {
    map: Map,
    /// Ranges in ascending order, and the text that replaces each.
    edits: Vec<(Range<usize>, String)>,
}

impl Edited {
    /// Writes the file.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let bytes = self.map.bytes();
        let mut done = 0;
        for (place, text) in &self.edits {
            out.write_all(bytes.get(done..place.start).unwrap_or_default())?;
            out.write_all(text.as_bytes())?;
            done = place.end;
        }
        out.write_all(bytes.get(done..).unwrap_or_default())
    }

    /// Opens a file without changes.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &ModelPath) -> Result<Self, Error> {
        Ok(Self { map: path.map()?, edits: Vec::new() })
    }

    /// Sets a key of the file's JSON object. A file without an object stays unchanged.
    #[must_use]
    pub fn with_member(mut self, key: &str, value: &Value) -> Self {
        let Some(text) = object_text(self.map.bytes()) else { return self };
        let object = text.find('{').unwrap_or_default()..text.trim_end().len();
        let edit = if let Some(place) = member(text, object.clone(), key) {
            (place, value.to_string())
        } else {
            let end = end_of(text, &object);
            (end.at..end.at, end.add(std::iter::once(format!("{}: {value}", quoted(key)))))
        };
        self.edits.push(edit);
        self.edits.sort_by_key(|(place, _)| place.start);
        self
    }
}

/// The text of a file that contains a JSON object.
fn object_text(bytes: &[u8]) -> Option<&str> {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).ok()?;
    std::str::from_utf8(bytes).ok().filter(|text| text.trim_start().starts_with('{'))
}

/// The entries that are added to a tokenizer's model.
#[derive(Default)]
struct Pieces {
    /// Tokens with their ids and, for a unigram model, scores.
    entries: Vec<(String, u32, f64)>,
    merges: Vec<(String, String)>,
}

impl MergedVocabulary {
    /// The tokenizer.json of the merge.
    ///
    /// # Errors
    /// A tokenizer.json that can no longer be read.
    pub fn json(&self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        match self.changes()?.remove(JSON) {
            Some(Change::Edited(edited)) => {
                edited.write_to(&mut out).map_err(|error| Error::io(self.own.path(), error))?;
            }
            _ => out = self.tokenizer.json()?.into_owned(),
        }
        Ok(out)
    }

    /// The tokenizer of the merge, without writing it.
    ///
    /// # Errors
    /// As [`MergedVocabulary::json`].
    pub fn in_memory(&self) -> Result<Tokenizer, Error> {
        if self.is_unchanged() {
            return Ok(self.tokenizer.clone());
        }
        Ok(self.tokenizer.clone().with_json(self.json()?))
    }

    /// Files of the tokenizer that cannot contain the appended tokens and are not written.
    pub fn left_out(&self) -> Vec<&'static str> {
        let there = |name: &&str| self.has_pieces() && self.tokenizer.home().join(name).is_file();
        COMPILED.into_iter().filter(there).collect()
    }

    /// The files of the tokenizer's folder that change, by name.
    ///
    /// # Errors
    /// A tokenizer.json that can no longer be read.
    pub fn changes(&self) -> Result<BTreeMap<&'static str, Change>, Error> {
        let mut changes = BTreeMap::new();
        if self.is_unchanged() {
            return Ok(changes);
        }
        let pieces = self.pieces()?;
        let home = self.tokenizer.home();
        changes.insert(JSON, Change::Edited(self.tokenizer_json(&pieces)?));
        let there = |name: &str| Some(home.join(name)).filter(|path| path.is_file());
        if !pieces.entries.is_empty() {
            for name in COMPILED.into_iter().filter(|name| there(name).is_some()) {
                changes.insert(name, Change::LeftOut);
            }
            if let Some(path) = there("vocab.txt") {
                changes.insert("vocab.txt", vocab_txt(&path, &pieces)?);
            }
            if let Some(path) = there("vocab.json") {
                let entries = || pieces.entries.iter().map(|(token, id, _)| format!("{}: {id}", quoted(token)));
                changes.insert("vocab.json", object_with(&path, &[], entries())?);
            }
            if let Some(path) = there("merges.txt") {
                let lines: Vec<String> =
                    pieces.merges.iter().map(|(left, right)| format!("{left} {right}\n")).collect();
                changes.insert("merges.txt", Change::Edited(at_end(&path, &lines.concat())?));
            }
        }
        let added = self.appended.iter().filter_map(Appended::flags);
        if let Some(path) = there("added_tokens.json") {
            let entries = added.clone().map(|token| format!("{}: {}", quoted(&token.content), token.id));
            changes.insert("added_tokens.json", object_with(&path, &[], entries)?);
        }
        if let Some(path) = there("tokenizer_config.json") {
            let entries = added.chain(&self.marked).map(decoder_entry);
            changes.insert("tokenizer_config.json", object_with(&path, &["added_tokens_decoder"], entries)?);
        }
        Ok(changes)
    }

    /// Whether loaders would give added tokens other ids, so that the model must list them too.
    fn is_irregular(&self) -> bool {
        let counted = self.own.model_size() as usize + self.own.outside().count();
        self.own.kind() != VocabularyKind::Unigram && self.own.rows() != counted
    }

    /// The entries for the model, in the order of ids. An added token that is not in the model must be added to it as well,
    /// because its id follows those of the model's own tokens.
    fn pieces(&self) -> Result<Pieces, Error> {
        let irregular = self.is_irregular();
        if !self.has_pieces() && (!irregular || self.appended.is_empty()) {
            return Ok(Pieces::default());
        }
        let mut found = self.found()?;
        let least = found.least - UNLIKELY;
        let mut pieces = Pieces { merges: std::mem::take(&mut found.merges), ..Pieces::default() };
        pieces.entries.extend(self.own.outside().map(|token| (token.content.clone(), token.id as u32, least)));
        for token in &self.appended {
            match token.origin {
                Origin::Piece(_) => {
                    let score = found.scores.get(token.token.as_str()).copied().filter(|score| score.is_finite());
                    pieces.entries.push((token.token.clone(), token.id, score.unwrap_or(least)));
                }
                Origin::Added(_) if irregular => pieces.entries.push((token.token.clone(), token.id, least)),
                Origin::Added(_) => {}
            }
        }
        Ok(pieces)
    }

    /// Reads scores and merges of the appended pieces from their own tokenizers.
    fn found(&self) -> Result<Found<'_>, Error> {
        let mut found =
            Found { merged: self, from: 0, scores: HashMap::new(), merges: Vec::new(), least: 0.0, own: false };
        let of_piece = |token: &'_ Appended| matches!(token.origin, Origin::Piece(_));
        found
            .scores
            .extend(self.appended.iter().filter(|token| of_piece(token)).map(|token| (token.token.as_str(), f64::NAN)));
        let origins: HashMap<&str, usize> = self
            .appended
            .iter()
            .filter_map(
                |token| if let Origin::Piece(from) = token.origin { Some((token.token.as_str(), from)) } else { None },
            )
            .collect();
        for (index, tokenizer) in self.others.iter().enumerate() {
            if origins.values().any(|from| *from == index)
                && let Some(path) = tokenizer.json_file()
            {
                found.from = index;
                let mut reader = Reader { found: &mut found, origins: &origins };
                read(path, &mut reader)?;
            }
        }
        found.own = true;
        read(self.own.path(), &mut Reader { found: &mut found, origins: &origins })?;
        Ok(found)
    }

    fn tokenizer_json(&self, pieces: &Pieces) -> Result<Edited, Error> {
        let path = self.own.path();
        let map = path.map()?;
        let refused = |problem: &str| Error::Vocabulary { path: path.to_path_buf(), problem: problem.to_owned() };
        let text = std::str::from_utf8(map.bytes()).map_err(|_| refused("it is not UTF-8 text"))?;
        let whole = 0..text.len();
        let mut edits = Vec::new();
        let added = self.appended.iter().filter_map(Appended::flags).chain(&self.marked);
        let added: Vec<String> = added.map(|token| json!(token).to_string()).collect();
        match member(text, whole.clone(), "added_tokens") {
            Some(list) if text.get(list.clone()).is_some_and(|list| list.starts_with('[')) => {
                let end = end_of(text, &list);
                edits.push((end.at..end.at, end.add(added.into_iter())));
            }
            Some(_) => return Err(refused("`added_tokens` is not a list")),
            None => {
                let open = text.find('{').map_or(0, |at| at + 1);
                edits.push((open..open, format!("\"added_tokens\":[{}],", added.join(","))));
            }
        }
        let model = member(text, whole, "model").ok_or_else(|| refused("it has no `model`"))?;
        if !pieces.entries.is_empty() {
            let vocabulary = member(text, model.clone(), "vocab").ok_or_else(|| refused("its model has no `vocab`"))?;
            let end = end_of(text, &vocabulary);
            let is_list = text.get(vocabulary.clone()).is_some_and(|vocab| vocab.starts_with('['));
            let entry = |(token, id, score): &(String, u32, f64)| {
                if is_list { json!([token, score]).to_string() } else { format!("{}: {id}", quoted(token)) }
            };
            edits.push((end.at..end.at, end.add(pieces.entries.iter().map(entry))));
        }
        if !pieces.merges.is_empty() {
            let merges = member(text, model, "merges").ok_or_else(|| refused("its model has no `merges`"))?;
            let end = end_of(text, &merges);
            let inside = text.get(merges.start + 1..merges.end).unwrap_or_default();
            let joined = inside.trim_start().starts_with('"');
            let entry = |(left, right): &(String, String)| {
                if joined { json!(format!("{left} {right}")).to_string() } else { json!([left, right]).to_string() }
            };
            edits.push((end.at..end.at, end.add(pieces.merges.iter().map(entry))));
        }
        edits.sort_by_key(|(place, _)| place.start);
        Ok(Edited { map, edits })
    }
}

impl Appended {
    fn flags(&self) -> Option<&AddedToken> {
        if let Origin::Added(flags) = &self.origin { Some(&flags.0) } else { None }
    }
}

/// Scores and merges from the tokenizers that pieces come from.
struct Found<'a> {
    merged: &'a MergedVocabulary,
    from: usize,
    /// The score of every appended piece.
    scores: HashMap<&'a str, f64>,
    merges: Vec<(String, String)>,
    /// The lowest score of the tokenizer's own pieces.
    least: f64,
    /// Whether the tokenizer itself is being read.
    own: bool,
}

struct Reader<'f, 'a> {
    found: &'f mut Found<'a>,
    origins: &'f HashMap<&'a str, usize>,
}

impl Listener for Reader<'_, '_> {
    fn token(&mut self, token: &str, _: u64, score: Option<f64>) {
        let Some(score) = score else { return };
        if self.found.own {
            self.found.least = self.found.least.min(score);
        } else if self.origins.get(token) == Some(&self.found.from)
            && let Some(found) = self.found.scores.get_mut(token)
        {
            *found = score;
        }
    }

    /// A merge is added if it results in an appended piece and the model has both parts.
    fn merge(&mut self, left: &str, right: &str) {
        if self.found.own {
            return;
        }
        let known = |part: &str| self.origins.contains_key(part) || self.found.merged.own.number(part).is_some();
        if self.origins.get(format!("{left}{right}").as_str()) == Some(&self.found.from) && known(left) && known(right)
        {
            self.found.merges.push((left.to_owned(), right.to_owned()));
        }
    }
}

fn read(path: &ModelPath, listener: &mut dyn Listener) -> Result<(), Error> {
    let map = path.map()?;
    read_json(map.bytes(), listener).map(drop).map_err(|source| Error::Json { path: path.to_path_buf(), source })
}

/// A vocab.txt numbers its tokens by line, so appended ids must follow without a gap.
fn vocab_txt(path: &ModelPath, pieces: &Pieces) -> Result<Change, Error> {
    let map = path.map()?;
    let bytes = map.bytes();
    let lines = bytes.split(|byte| *byte == b'\n').count() - usize::from(bytes.ends_with(b"\n"));
    let follows = |(at, (token, id, _)): (usize, &(String, u32, f64))| {
        *id as usize == lines + at && !token.contains(['\n', '\r'])
    };
    if !pieces.entries.iter().enumerate().all(follows) {
        return Ok(Change::LeftOut);
    }
    let lines: Vec<String> = pieces.entries.iter().map(|(token, ..)| format!("{token}\n")).collect();
    at_end(path, &lines.concat()).map(Change::Edited)
}

/// A JSON file with entries added to the object at the path of keys; unchanged if there is none.
fn object_with(path: &ModelPath, keys: &[&str], entries: impl Iterator<Item = String>) -> Result<Change, Error> {
    let map = path.map()?;
    let mut edits = Vec::new();
    if serde_json::from_slice::<serde::de::IgnoredAny>(map.bytes()).is_ok()
        && let Ok(text) = std::str::from_utf8(map.bytes())
    {
        let whole = text.find('{').map(|at| at..text.trim_end().len());
        let place = keys.iter().fold(whole, |place, key| member(text, place?, key));
        if let Some(place) = place.filter(|place| text.get(place.clone()).is_some_and(|at| at.starts_with('{'))) {
            // A key that exists already is not written twice.
            let known: Vec<&str> = members(text, place.clone()).into_iter().map(|(key, _)| key).collect();
            let is_new = |entry: &String| {
                let key = entry.split_once("\": ").map_or("", |(key, _)| key.trim_start_matches('"'));
                !known.contains(&key)
            };
            let end = end_of(text, &place);
            edits.push((end.at..end.at, end.add(entries.filter(is_new))));
        }
    }
    Ok(Change::Edited(Edited { map, edits }))
}

/// A file of lines with lines appended.
fn at_end(path: &ModelPath, lines: &str) -> Result<Edited, Error> {
    let map = path.map()?;
    let bytes = map.bytes();
    let gap = if bytes.is_empty() || bytes.ends_with(b"\n") { "" } else { "\n" };
    let edits = vec![(bytes.len()..bytes.len(), format!("{gap}{lines}"))];
    Ok(Edited { map, edits })
}

/// An entry of `added_tokens_decoder`.
fn decoder_entry(token: &AddedToken) -> String {
    let mut value = json!(token);
    if let Value::Object(map) = &mut value {
        map.shift_remove("id");
    }
    format!("\"{}\": {value}", token.id)
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
