//! Reads a tokenizer.json as a stream and summarises what decides the tokens of a text.
//!
//! Vocabularies and merges are reduced to 64-bit hashes, so two different ones are taken for equal with a probability of
//! about 10^-19. Truncation, padding, decoder and the flags of added tokens are omitted, because they do not change token
//! ids.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parts::{hash, options, part, single_template};

/// What decides the tokens of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// `WordPiece`, `Unigram`, `BPE`.
    pub(crate) model: Option<String>,
    pub(crate) vocabulary: Contents,
    pub(crate) scores: u64,
    pub(crate) merges: Contents,
    pub(crate) added: BTreeSet<(u64, String)>,
    /// The added tokens with their flags, as the file lists them.
    pub(crate) added_tokens: Vec<AddedToken>,
    pub(crate) normalizer: String,
    pub(crate) pre_tokenizer: String,
    /// The template of special tokens around a single text `$A`, such as `[CLS] $A [SEP]`.
    pub(crate) template: String,
    pub(crate) options: String,
}

/// The number of entries, and a hash of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) count: u64,
    pub(crate) hash: u64,
}

impl Contents {
    /// Adds an entry, independent of order.
    fn add(&mut self, entry: impl Hash) {
        self.count += 1;
        self.hash = self.hash.wrapping_add(hash(entry));
    }
}

/// Receives the parts of a tokenizer's model while its file is read.
pub(crate) trait Listener {
    /// Called with each token of the vocabulary, its id and, in a vocabulary of scored pieces, its score.
    fn token(&mut self, token: &str, id: u64, score: Option<f64>);

    /// Called with each pair of tokens that is merged into one, in the order of merges.
    fn merge(&mut self, _left: &str, _right: &str) {}
}

impl<F: FnMut(&str, u64)> Listener for F {
    fn token(&mut self, token: &str, id: u64, _: Option<f64>) {
        self(token, id);
    }
}

/// Receives every token of the vocabulary and its id.
pub(crate) type OnToken<'a> = &'a mut dyn Listener;

/// Reads a tokenizer.json.
pub(crate) fn read_json(bytes: &[u8], on_token: OnToken<'_>) -> Result<Summary, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let summary = Top { on_token }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(summary)
}

/// Reads a vocab.json, an object from tokens to ids. Only the vocabulary of the summary is filled in.
pub(crate) fn read_table(bytes: &[u8], on_token: OnToken<'_>) -> Result<Summary, serde_json::Error> {
    let mut summary = Summary::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Vocabulary { summary: &mut summary, on_token }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(summary)
}

/// Reads a vocab.txt: one token per line, with ids from 0. Only the vocabulary of the summary is filled in.
pub(crate) fn read_lines(bytes: &[u8], on_token: OnToken<'_>) -> Summary {
    let mut vocabulary = Contents::default();
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    for (id, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let token = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        vocabulary.add((token.as_ref(), id as u64));
        on_token.token(&token, id as u64, None);
    }
    Summary { vocabulary, ..Summary::default() }
}

/// A string, borrowed from the file where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A token that is looked for in a text before the model sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of the file")]
pub(crate) struct AddedToken {
    pub(crate) id: u64,
    pub(crate) content: String,
    #[serde(default)]
    pub(crate) single_word: bool,
    #[serde(default)]
    pub(crate) lstrip: bool,
    #[serde(default)]
    pub(crate) rstrip: bool,
    #[serde(default)]
    pub(crate) normalized: bool,
    #[serde(default)]
    pub(crate) special: bool,
}

struct Top<'t> {
    on_token: OnToken<'t>,
}

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = Summary;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Summary, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = Summary;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tokenizer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Summary, A::Error> {
        let mut summary = Summary { template: single_template(&Value::Null), ..Summary::default() };
        while let Some(Text(key)) = map.next_key()? {
            match key.as_ref() {
                "added_tokens" => {
                    let tokens: Option<Vec<AddedToken>> = map.next_value()?;
                    summary.added_tokens = tokens.unwrap_or_default();
                    summary.added =
                        summary.added_tokens.iter().map(|token| (token.id, token.content.clone())).collect();
                }
                "normalizer" => summary.normalizer = part(&map.next_value()?),
                "pre_tokenizer" => summary.pre_tokenizer = part(&map.next_value()?),
                "post_processor" => summary.template = single_template(&map.next_value()?),
                "model" => map.next_value_seed(Model { summary: &mut summary, on_token: &mut *self.on_token })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(summary)
    }
}

struct Model<'s, 't> {
    summary: &'s mut Summary,
    on_token: OnToken<'t>,
}

impl<'de> DeserializeSeed<'de> for Model<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Model<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tokenizer's model")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut rest = BTreeMap::new();
        while let Some(Text(key)) = map.next_key()? {
            match key.as_ref() {
                "type" => self.summary.model = map.next_value()?,
                "vocab" => {
                    map.next_value_seed(Vocabulary { summary: &mut *self.summary, on_token: &mut *self.on_token })?;
                }
                "merges" => self.summary.merges = map.next_value_seed(Merges { on_token: &mut *self.on_token })?,
                _ => {
                    rest.insert(key.into_owned(), map.next_value::<Value>()?);
                }
            }
        }
        self.summary.options = options(rest);
        Ok(())
    }
}

/// A vocabulary: an object from tokens to ids, or a list of pieces with scores, whose ids are their positions.
struct Vocabulary<'s, 't> {
    summary: &'s mut Summary,
    on_token: OnToken<'t>,
}

impl Vocabulary<'_, '_> {
    fn add(&mut self, token: &str, id: u64, score: Option<f64>) {
        self.summary.vocabulary.add((token, id));
        self.on_token.token(token, id, score);
    }
}

impl<'de> DeserializeSeed<'de> for Vocabulary<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Vocabulary<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a vocabulary")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((Text(token), id)) = map.next_entry::<Text<'_>, u64>()? {
            self.add(&token, id, None);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut pieces: A) -> Result<(), A::Error> {
        let mut scores = DefaultHasher::new();
        let mut id = 0;
        while let Some((Text(piece), score)) = pieces.next_element::<(Text<'_>, f64)>()? {
            // Writers differ in the number of digits of a score.
            (score as f32).to_bits().hash(&mut scores);
            self.add(&piece, id, Some(score));
            id += 1;
        }
        self.summary.scores = scores.finish();
        Ok(())
    }
}

/// Merges in their order, written `"a b"` in older files and `["a", "b"]` in newer ones.
struct Merges<'t> {
    on_token: OnToken<'t>,
}

impl<'de> DeserializeSeed<'de> for Merges<'_> {
    type Value = Contents;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Contents, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Merges<'_> {
    type Value = Contents;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of merges")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut merges: A) -> Result<Contents, A::Error> {
        let mut hasher = DefaultHasher::new();
        let mut count = 0;
        while let Some(merge) = merges.next_element::<Merge<'_>>()? {
            let (left, right) = match &merge {
                Merge::Joined(Text(text)) => text.split_once(' ').unwrap_or((text, "")),
                Merge::Split(Text(left), Text(right)) => (left.as_ref(), right.as_ref()),
            };
            (left, right).hash(&mut hasher);
            self.on_token.merge(left, right);
            count += 1;
        }
        Ok(Contents { count, hash: hasher.finish() })
    }
}

enum Merge<'a> {
    Joined(Text<'a>),
    Split(Text<'a>, Text<'a>),
}

impl<'de> Deserialize<'de> for Merge<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Merge<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a merge")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Merge::Joined(Text(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Merge::Joined(Text(Cow::Owned(text.to_owned()))))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Self::Value, A::Error> {
                let missing = || serde::de::Error::custom("a merge has two parts");
                let left = pair.next_element()?.ok_or_else(missing)?;
                let right = pair.next_element()?.ok_or_else(missing)?;
                Ok(Merge::Split(left, right))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
