//! Tokenises texts with a checkpoint's tokenizer.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::{Map, Value};
use tokenizers::models::ModelWrapper;
use tokenizers::normalizers::{Lowercase, NormalizerWrapper, Sequence};
use tokenizers::utils::truncation::{TruncationDirection, TruncationParams};

use super::bounded::{self, Bounded};
use super::error::Error;
use super::tokenizer_settings;
use super::tokens::Tokens;
use crate::caught::catch;
use crate::checkpoint::{self, Checkpoint, TokenizerClass, read_config};

const FILE: &str = "tokenizer.json";
/// Number of texts whose encodings are in memory at a time. Afterwards only token ids are kept.
const SHARE: usize = 4096;
/// Number of characters of a text that an error shows.
const EXCERPT: usize = 60;

/// A tokenizer that truncates to one length and never pads.
#[derive(Clone, Debug)]
pub(super) struct Tokenizer {
    inner: Bounded,
    path: PathBuf,
    /// The ids of special tokens.
    special: HashSet<u32>,
    /// The number of rows of the model's token embeddings.
    rows: usize,
    /// Whether special tokens stand around a text.
    surrounds: bool,
    /// Whether it tells the model which text of a pair a token belongs to.
    pub(super) typed: bool,
}

impl Tokenizer {
    /// Reads the checkpoint's tokenizer.json.
    pub(super) fn open(checkpoint: &Checkpoint) -> Result<Self, Error> {
        let config = configuration(checkpoint);
        Self::read(checkpoint.tokenizer(), config, checkpoint.config(), checkpoint.settings().lower_case)
    }

    /// Reads the tokenizer of a module that is no transformer, which is loaded without a model's configuration and whose texts
    /// have no special tokens around them.
    pub(super) fn open_module(files: &checkpoint::Tokenizer) -> Result<Self, Error> {
        let config = configuration_of(files);
        let length = config.as_ref().ok().and_then(|config| config.get("model_max_length")?.as_u64());
        let read = Self::read(files, config, &Map::new(), false)?;
        let mut tokenizer = Self { surrounds: false, ..read };
        let direction = tokenizer.inner.get_truncation().map(|parameters| parameters.direction).unwrap_or_default();
        // Without a limit it is 1e30.
        tokenizer.truncate(length.and_then(|length| usize::try_from(length).ok()), direction)?;
        Ok(tokenizer)
    }

    /// Reads a tokenizer whose configuration is `config`, for the model that `model` configures.
    fn read(
        tokenizer: &checkpoint::Tokenizer,
        config: Result<Map<String, Value>, checkpoint::Error>,
        model: &Map<String, Value>,
        lower_cases: bool,
    ) -> Result<Self, Error> {
        let folder = tokenizer.home().to_owned();
        let names: Vec<String> =
            tokenizer.files().filter_map(|file| Some(file.file_name()?.to_string_lossy().into_owned())).collect();
        let mut path = folder.join(FILE).to_path_buf();
        let refuse = |path: &PathBuf, problem: String| Error::Tokenizer { path: path.clone(), problem };
        let mut config = config.map_err(|error| refuse(&path, error.to_string()))?;
        let is_built = !names.iter().any(|name| name == FILE);
        let bytes = if is_built {
            let class = TokenizerClass::of(&config, model, || false);
            let built = tokenizer.build(&class, &config);
            let built = built.map_err(|(name, problem)| refuse(&folder.join(name).to_path_buf(), problem))?;
            let Some(built) = built else {
                return Err(Error::NoTokenizer { path: folder.to_path_buf(), found: names });
            };
            path = folder.join(class.vocabulary_file().unwrap_or_default()).to_path_buf();
            config.extend(built.config);
            Cow::Owned(built.json)
        } else {
            tokenizer.json().map_err(|error| refuse(&path, error.to_string()))?
        };
        let refused = |problem: String| refuse(&path, problem);
        let mut inner = bounded::read(&bytes).map_err(refused)?;
        // A length in the file comes from some training run.
        let side = inner.get_truncation().map(|truncation| truncation.direction);
        let class = TokenizerClass::of(&config, model, || speaks_of_bytes(&bytes));
        tokenizer_settings::apply(&mut inner, &bytes, &class, &config, is_built).map_err(refused)?;
        if lower_cases {
            lower_case(&mut inner).map_err(|error| refused(error.to_string()))?;
        }
        let special = inner.get_added_tokens_decoder().into_iter().filter(|(_, token)| token.special).map(|(id, _)| id);
        let special = special.collect();
        let direction = direction(&config, side).map_err(refused)?;
        let typed = gives_types(&class, &config);
        let mut tokenizer = Self { inner, path, special, rows: usize::MAX, surrounds: true, typed };
        tokenizer.truncate(None, direction)?;
        Ok(tokenizer)
    }

    /// Reads the tokenizer.json of a static embedding, which is used as it is: no other file has a say, no special tokens stand
    /// around a text, and a text is cut where the file says so.
    pub(super) fn open_bare(checkpoint: &Checkpoint) -> Result<Self, Error> {
        let folder = checkpoint.tokenizer().home().to_owned();
        let path = folder.join(FILE).to_path_buf();
        if checkpoint.tokenizer().files().all(|file| file.file_name().is_none_or(|name| name != FILE)) {
            return Err(Error::NoTokenizer { path: folder.to_path_buf(), found: Vec::new() });
        }
        let refused = |problem: String| Error::Tokenizer { path: path.clone(), problem };
        let bytes = checkpoint.tokenizer().json().map_err(|error| refused(error.to_string()))?;
        let inner = bounded::read(&bytes).map_err(refused)?;
        let stated: Truncated = serde_json::from_slice(&bytes).unwrap_or_default();
        let stated = stated.truncation.map(|stated| stated.max_length);
        let side = inner.get_truncation().map(|truncation| truncation.direction).unwrap_or_default();
        let special = inner.get_added_tokens_decoder().into_iter().filter(|(_, token)| token.special).map(|(id, _)| id);
        let special = special.collect();
        let mut tokenizer =
            Self { inner, path: path.clone(), special, rows: usize::MAX, surrounds: false, typed: false };
        tokenizer.truncate(stated, side)?;
        Ok(tokenizer)
    }

    /// The number of a token.
    pub(super) fn id_of(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Sets the length that longer texts are truncated to.
    pub(super) fn set_max_length(&mut self, length: usize, most: usize) -> Result<(), Error> {
        let least = self.added() + 1;
        if !(least..=most).contains(&length) {
            return Err(Error::MaxLength { given: length, least, most });
        }
        let direction = self.inner.get_truncation().map(|parameters| parameters.direction).unwrap_or_default();
        self.truncate(Some(length), direction)
    }

    /// The same with texts truncated to at most `most` tokens.
    pub(super) fn within(&self, most: usize) -> Result<Self, Error> {
        let longest = self.inner.get_truncation().map_or(usize::MAX >> 1, |parameters| parameters.max_length);
        let mut within = self.clone();
        if most < longest {
            within.set_max_length(most, longest)?;
        }
        Ok(within)
    }

    fn truncate(&mut self, length: Option<usize>, direction: TruncationDirection) -> Result<(), Error> {
        // A length that no text reaches keeps the truncation side.
        let max_length = length.unwrap_or(usize::MAX >> 1);
        let parameters = TruncationParams { direction, max_length, ..TruncationParams::default() };
        let set = self.inner.with_truncation(Some(parameters)).map(drop);
        set.map_err(|error| Error::Tokenizer { path: self.path.clone(), problem: error.to_string() })
    }

    /// The number of special tokens that every text gets.
    fn added(&self) -> usize {
        use tokenizers::PostProcessor as _;
        if !self.surrounds {
            return 0;
        }
        self.inner.get_post_processor().map_or(0, |processor| processor.added_tokens(false))
    }

    /// Checks that every token has a row in a table of `rows` rows. Special tokens that occur only in a text that spells
    /// them out may have none; such a text is refused.
    pub(super) fn check_vocabulary(&mut self, rows: usize) -> Result<(), Error> {
        self.rows = rows;
        // The ids of a unigram model's pieces count from 0 and need not be listed.
        let counted =
            matches!(self.inner.get_model(), ModelWrapper::Unigram(_)) && self.inner.get_vocab_size(false) <= rows;
        let last = if counted {
            let added = self.inner.get_added_tokens_decoder().into_iter().map(|(id, token)| (token.content, id));
            self.beyond(added, rows)
        } else {
            self.beyond(self.inner.get_vocab(true).into_iter(), rows)
        };
        let added = || self.ids("a").ok()?.into_iter().find(|id| *id as usize >= rows);
        match last.or_else(|| added().map(|id| (self.inner.id_to_token(id).unwrap_or_default(), id))) {
            Some((token, id)) => Err(Error::Vocabulary { path: self.path.clone(), token, id, rows }),
            None => Ok(()),
        }
    }

    /// The last of some tokens that has no row in a table of `rows` rows and is not special.
    fn beyond(&self, tokens: impl Iterator<Item = (String, u32)>, rows: usize) -> Option<(String, u32)> {
        let plain = tokens.filter(|(_, id)| !self.special.contains(id));
        plain.max_by_key(|(_, id)| *id).filter(|(_, id)| *id as usize >= rows)
    }

    /// Checks that a text's tokens are all of the first type, for models with several types.
    pub(super) fn check_types(&self) -> Result<(), Error> {
        let types = bounded::encode(&self.inner, "a").map(|encoding| encoding.get_type_ids().to_vec());
        match types.unwrap_or_default().into_iter().max() {
            Some(kind) if kind > 0 => {
                let problem = format!("gives the tokens of a text the type {kind}, expected 0");
                Err(Error::setting(&self.path, problem))
            }
            _ => Ok(()),
        }
    }

    /// Tokenises texts with `prompt` in front of each, on all threads.
    pub(super) fn encode<T: AsRef<str> + Sync>(&self, texts: &[T], prompt: &str) -> Result<Tokens, Error> {
        let mut tokens = Tokens::new(self.prompt_length(prompt)?);
        for (share, texts) in texts.chunks(SHARE).enumerate() {
            let encoded = texts.par_iter().enumerate().map(|(index, text)| {
                let text = text.as_ref();
                let joined = if prompt.is_empty() { self.ids(text) } else { self.ids(&format!("{prompt}{text}")) };
                joined.map_err(|problem| self.refused(share * SHARE + index, text, problem))
            });
            for ids in encoded.collect::<Result<Vec<_>, _>>()? {
                self.check_rows(&ids)?;
                tokens.push(&ids);
            }
        }
        Ok(tokens)
    }

    /// Sets the length that longer pairs are truncated to: the longer of the two texts is cut first.
    pub(super) fn set_max_pair_length(&mut self, length: usize, most: usize) -> Result<(), Error> {
        use tokenizers::PostProcessor as _;
        let added = self.inner.get_post_processor().map_or(0, |processor| processor.added_tokens(true));
        let least = added + 2;
        if !(least..=most).contains(&length) {
            return Err(Error::MaxLength { given: length, least, most });
        }
        self.set_max_length(length, most)
    }

    /// Tokenises pairs of texts on all threads. With `types`, their number, tokens get the types that the tokenizer gives.
    pub(super) fn encode_pairs(&self, pairs: &[(&str, &str)], types: Option<usize>) -> Result<Tokens, Error> {
        let mut tokens = Tokens::new(0);
        for (share, pairs) in pairs.chunks(SHARE).enumerate() {
            let encoded = pairs.par_iter().enumerate().map(|(index, (first, second))| {
                let encoded = bounded::encode_pair(&self.inner, first, second);
                encoded.map_err(|problem| self.refused(share * SHARE + index, second, problem))
            });
            for encoding in encoded.collect::<Result<Vec<_>, _>>()? {
                let ids = encoding.get_ids();
                self.check_rows(ids)?;
                match types {
                    None => tokens.push(ids),
                    Some(types) => {
                        if let Some(kind) = encoding.get_type_ids().iter().find(|kind| **kind as usize >= types) {
                            let problem = format!("gives tokens of a pair the type {kind}, but the model has {types}");
                            return Err(Error::setting(&self.path, problem));
                        }
                        tokens.push_typed(ids, encoding.get_type_ids());
                    }
                }
            }
        }
        Ok(tokens)
    }

    /// Tokenises texts that a template has made, on all threads, without adding special tokens. A text that is too long is cut
    /// in front of `suffix`, the tokens that the template puts behind every pair.
    pub(super) fn encode_rendered(&self, texts: &[String], suffix: &[u32]) -> Result<Tokens, Error> {
        let most = self.inner.get_truncation().map_or(usize::MAX, |truncation| truncation.max_length);
        let mut tokens = Tokens::new(0);
        for (share, texts) in texts.chunks(SHARE).enumerate() {
            let encoded = texts.par_iter().enumerate().map(|(index, text)| {
                self.rendered(text).map_err(|problem| self.refused(share * SHARE + index, text, problem))
            });
            for mut ids in encoded.collect::<Result<Vec<_>, _>>()? {
                if ids.len() >= most {
                    let kept = suffix.len().min(ids.len());
                    let start = ids.len() - kept;
                    if let (Some(end), Some(suffix)) = (ids.get_mut(start..), suffix.get(suffix.len() - kept..)) {
                        end.copy_from_slice(suffix);
                    }
                }
                self.check_rows(&ids)?;
                tokens.push(&ids);
            }
        }
        Ok(tokens)
    }

    /// The tokens of a text as it is.
    fn rendered(&self, text: &str) -> Result<Vec<u32>, String> {
        Ok(bounded::encode_with(&self.inner, text, false)?.get_ids().to_vec())
    }

    /// The tokens that two texts end with alike; none where one text is the end of the other.
    pub(super) fn shared_end(&self, one: &str, other: &str) -> Result<Vec<u32>, Error> {
        let ids = |text: &str| self.rendered(text).map_err(|problem| self.refused(0, text, problem));
        let (one, other) = (ids(one)?, ids(other)?);
        let count = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
        let is_end = count == one.len().min(other.len());
        Ok(if is_end { Vec::new() } else { one.get(one.len() - count..).unwrap_or_default().to_vec() })
    }

    /// Checks that every token has a row in the table of embeddings.
    fn check_rows(&self, ids: &[u32]) -> Result<(), Error> {
        let Some(&id) = ids.iter().find(|id| **id as usize >= self.rows) else { return Ok(()) };
        let token = self.inner.id_to_token(id).unwrap_or_default();
        Err(Error::Vocabulary { path: self.path.clone(), token, id, rows: self.rows })
    }

    /// The number of tokens of the prompt, without the special token that ends a text.
    fn prompt_length(&self, prompt: &str) -> Result<usize, Error> {
        if prompt.is_empty() {
            return Ok(0);
        }
        let ids = self.ids(prompt).map_err(|problem| self.refused(0, prompt, problem))?;
        let ended = ids.last().is_some_and(|id| self.special.contains(id));
        Ok(ids.len() - usize::from(ended))
    }

    fn refused(&self, index: usize, text: &str, problem: String) -> Error {
        Error::Tokenise { path: self.path.clone(), index, excerpt: shortened(text), problem }
    }

    fn ids(&self, text: &str) -> Result<Vec<u32>, String> {
        Ok(bounded::encode_with(&self.inner, text, self.surrounds)?.get_ids().to_vec())
    }

    /// The token with a number.
    pub(super) fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The beginning of a text, decoded from its tokens.
    pub(super) fn excerpt(&self, ids: &[u32]) -> String {
        // A token has at least one character.
        let ids = &ids[..ids.len().min(2 * EXCERPT)];
        let text = catch(|| self.inner.decode(ids, true).unwrap_or_default());
        shortened(&text.unwrap_or_default())
    }
}

/// Where a tokenizer.json says that texts are cut.
#[derive(Default, serde::Deserialize)]
struct Truncated {
    truncation: Option<Truncation>,
}

#[derive(serde::Deserialize)]
struct Truncation {
    max_length: usize,
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Adds a lower-casing step at the start unless there is one.
fn lower_case(tokenizer: &mut Bounded) -> tokenizers::Result<()> {
    let steps = match tokenizer.get_normalizer().map(bounded::Normalizer::given) {
        None => Vec::new(),
        Some(NormalizerWrapper::Sequence(steps)) => steps.as_ref().to_vec(),
        Some(step) => vec![step.clone()],
    };
    if steps.iter().any(|step| matches!(step, NormalizerWrapper::Lowercase(_))) {
        return Ok(());
    }
    let first = std::iter::once(NormalizerWrapper::Lowercase(Lowercase));
    tokenizer.with_normalizer(Some(Sequence::new(first.chain(steps).collect()))).map(drop)
}

/// `tokenizer_config.json`, with the transformer's own settings and the special tokens that older folders have in a file of
/// their own.
pub(super) fn configuration(checkpoint: &Checkpoint) -> Result<Map<String, Value>, checkpoint::Error> {
    let mut config = configuration_of(checkpoint.tokenizer())?;
    config.extend(checkpoint.settings().transformer.tokenizer.clone());
    Ok(config)
}

fn configuration_of(tokenizer: &checkpoint::Tokenizer) -> Result<Map<String, Value>, checkpoint::Error> {
    let home = tokenizer.home();
    let mut config = read_config(&home.join("tokenizer_config.json"))?.unwrap_or_default();
    if !config.contains_key("added_tokens_decoder") {
        config.extend(read_config(&home.join("special_tokens_map.json"))?.unwrap_or_default());
        let added = read_config(&home.join(tokenizer_settings::ADDED_TOKENS))?;
        config.extend(added.map(|added| (tokenizer_settings::ADDED_TOKENS.to_owned(), Value::Object(added))));
    }
    Ok(config)
}

/// Whether the tokenizer gives token types to the model. Unasked, only those of `BERT` and `DeBERTa` do.
fn gives_types(class: &TokenizerClass, config: &Map<String, Value>) -> bool {
    if let Some(names) = config.get("model_input_names").and_then(Value::as_array) {
        return names.iter().any(|name| name == "token_type_ids");
    }
    let name = config.get("tokenizer_class").and_then(Value::as_str).unwrap_or_default();
    matches!(class, TokenizerClass::Bert | TokenizerClass::DebertaV2) && !name.starts_with("DistilBert")
}

fn speaks_of_bytes(json: &[u8]) -> bool {
    let sought = b"\"ByteLevel\"";
    json.windows(sought.len()).any(|window| window == sought)
}

/// The side on which long texts are truncated, from `tokenizer_config.json`, else from tokenizer.json.
fn direction(config: &Map<String, Value>, own: Option<TruncationDirection>) -> Result<TruncationDirection, String> {
    match config.get("truncation_side") {
        None => Ok(own.unwrap_or_default()),
        Some(Value::String(side)) if side == "left" => Ok(TruncationDirection::Left),
        Some(Value::String(side)) if side == "right" => Ok(TruncationDirection::Right),
        Some(side) => {
            Err(format!("`truncation_side` of tokenizer_config.json is {side}, expected \"left\" or \"right\""))
        }
    }
}

#[cfg(test)]
#[path = "tokenize_tests.rs"]
mod tests;
