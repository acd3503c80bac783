//! Tokenises texts for late-interaction models: prefixes, expansion of queries, skiplists.

use std::collections::HashSet;

use serde_json::Value;

use super::error::Error;
use super::options::Options;
use super::tokenize::{Tokenizer, configuration};
use super::tokens::{Role, Tokens};
use crate::checkpoint::{Checkpoint, LateFormat, LateInteraction, QueryExpansion, TokenizerClass, special_token};

/// A tokenizer that knows queries from documents.
#[derive(Debug)]
pub(super) struct LateTokenizer {
    /// For texts without a role.
    text: Side,
    query: Side,
    document: Side,
    expansion: Option<Expansion>,
    unknown: Option<u32>,
    /// Whether texts are stripped first.
    strips: bool,
    max_length: usize,
}

/// The tokenizer of texts of one role.
#[derive(Debug)]
struct Side {
    tokenizer: Tokenizer,
    /// The token behind the first one.
    prefix: Option<u32>,
}

/// Fills queries up.
#[derive(Debug)]
struct Expansion {
    length: usize,
    token: u32,
    attend: bool,
}

/// The special tokens of a tokenizer.
struct SpecialTokens<'a> {
    checkpoint: &'a Checkpoint,
    class: TokenizerClass,
    config: serde_json::Map<String, Value>,
    tokenizer: &'a Tokenizer,
}

impl SpecialTokens<'_> {
    fn id(&self, key: &str) -> Option<u32> {
        self.tokenizer.id_of(special_token(&self.class, &self.config, key)?)
    }

    fn refuse(&self, problem: String) -> Error {
        Error::setting(&self.checkpoint.tokenizer().home().join("tokenizer_config.json"), problem)
    }

    /// The token of a prefix.
    fn prefix(&self, prefix: Option<&String>) -> Result<Option<u32>, Error> {
        let Some(prefix) = prefix else { return Ok(None) };
        let id = self.tokenizer.id_of(prefix);
        id.map(Some).ok_or_else(|| {
            self.refuse(format!("the tokenizer has no token {prefix:?}, which the model puts in front of texts"))
        })
    }

    /// The token that fills queries up.
    fn expansion(&self, stated: Option<&String>) -> Result<u32, Error> {
        if let Some(stated) = stated {
            let id = self.tokenizer.id_of(stated);
            return id
                .ok_or_else(|| self.refuse(format!("the tokenizer has no token {stated:?}, which fills queries up")));
        }
        let id = ["mask_token", "eos_token", "pad_token"].into_iter().find_map(|key| self.id(key));
        id.ok_or_else(|| self.refuse("the tokenizer has no mask token that could fill queries up".to_owned()))
    }
}

impl LateTokenizer {
    /// `given` is the folder's own tokenizer, with its maximum length and the longest input of the model.
    pub(super) fn new(
        checkpoint: &Checkpoint,
        late: &LateInteraction,
        given: &Tokenizer,
        (own, most): (usize, usize),
        options: &Options,
    ) -> Result<Self, Error> {
        let config = configuration(checkpoint);
        let config = config.map_err(|error| Error::setting(checkpoint.path(), error.to_string()))?;
        let class = TokenizerClass::of(&config, checkpoint.config(), || true);
        let special = SpecialTokens { checkpoint, class, config, tokenizer: given };
        let expansion = late.expansion.as_ref().map(|expansion| special.expand(expansion, most)).transpose()?;
        let size = |length: Option<u64>| length.map_or(own, |length| usize::try_from(length).unwrap_or(most)).min(most);
        let of_documents = options.max_length.unwrap_or_else(|| size(late.document_length));
        let of_queries = match &late.expansion {
            Some(stated) if stated.is_fixed => size(Some(stated.length)),
            stated => {
                let least = stated.as_ref().map_or(0, |stated| size(Some(stated.length)));
                options.max_length.unwrap_or_else(|| size(late.query_length)).max(least)
            }
        };
        let side = |prefix: Option<&String>, length: usize| {
            let prefix = special.prefix(prefix)?;
            let mut tokenizer = given.clone();
            let added = usize::from(prefix.is_some());
            tokenizer.set_max_length(length.saturating_sub(added), most - added)?;
            Ok::<_, Error>(Side { tokenizer, prefix })
        };
        Ok(Self {
            text: side(None, options.max_length.unwrap_or(own))?,
            query: side(late.query_prefix.as_ref(), of_queries)?,
            document: side(late.document_prefix.as_ref(), of_documents)?,
            expansion,
            unknown: special.id("unk_token"),
            strips: late.format != LateFormat::MultiVectorEncoder,
            max_length: of_documents,
        })
    }

    /// The tokens of the words of the skiplist. A word that is no token is left out by sentence-transformers, while PyLate takes
    /// the unknown token for it.
    pub(super) fn skiplist(&self, late: &LateInteraction) -> HashSet<u32> {
        let unknown = self.unknown.filter(|_| late.format != LateFormat::MultiVectorEncoder);
        late.skiplist.iter().filter_map(|word| self.text.tokenizer.id_of(word).or(unknown)).collect()
    }

    /// The longest document in tokens.
    pub(super) fn max_length(&self) -> usize {
        self.max_length
    }

    /// Tokenises texts with `prompt` in front of each, on all threads.
    pub(super) fn encode<T: AsRef<str> + Sync>(&self, role: Role, texts: &[T], prompt: &str) -> Result<Tokens, Error> {
        let Side { tokenizer, prefix } = match role {
            Role::Text => &self.text,
            Role::Query => &self.query,
            Role::Document => &self.document,
        };
        let strip = |text: &'_ T| {
            let text = text.as_ref();
            // What stands in front of a prompted text is the prompt.
            if prompt.is_empty() { text.trim().to_owned() } else { text.trim_end().to_owned() }
        };
        let plain = if self.strips {
            tokenizer.encode(&texts.iter().map(strip).collect::<Vec<String>>(), prompt)?
        } else {
            tokenizer.encode(texts, prompt)?
        };
        let expansion = self.expansion.as_ref().filter(|_| role == Role::Query);
        let mut tokens = Tokens::new(0);
        tokens.role = role;
        let mut ids = Vec::new();
        for text in 0..plain.len() {
            ids.clear();
            ids.extend_from_slice(plain.get(text));
            if let Some(prefix) = prefix {
                ids.insert(ids.len().min(1), *prefix);
            }
            match expansion {
                None => tokens.push(&ids),
                Some(Expansion { length, token, attend }) => {
                    let real = ids.len();
                    ids.resize(real.max(*length), *token);
                    tokens.push_attended(&ids, if *attend { ids.len() } else { real });
                }
            }
        }
        Ok(tokens)
    }
}

impl SpecialTokens<'_> {
    fn expand(
        &self,
        QueryExpansion { length, attend, token, .. }: &QueryExpansion,
        most: usize,
    ) -> Result<Expansion, Error> {
        if self.config.get("padding_side").and_then(Value::as_str) == Some("left") {
            let problem = "`padding_side` is \"left\", where queries would be filled up in front; expected \"right\"";
            return Err(self.refuse(problem.to_owned()));
        }
        let length = usize::try_from(*length).ok().filter(|length| *length <= most).ok_or_else(|| {
            self.refuse(format!("queries are filled up to {length} tokens, but the model takes {most}"))
        })?;
        Ok(Expansion { length, token: self.expansion(token.as_ref())?, attend: *attend })
    }
}
