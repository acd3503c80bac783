//! How the tokens of the models' vocabularies meet in the output's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::Error;
use super::alignment::Ruled;
use super::gather::ABSENT;
use super::models::Models;
use crate::checkpoint::{Checkpoint, MergedVocabulary, Tokenizer, Vocabulary};
use crate::recipe::{self, Recipe, TokenRule, TokenSource, TokenizerSource};

/// Whether a tokenizer is known to have another's tokens without its vocabulary being read: its files are the same, or it has
/// no tokenizer.json and what it has agrees, or it has none at all.
pub(super) fn alike(one: &Tokenizer, other: &Tokenizer) -> bool {
    let lacks_json = one.json_file().is_none() || other.json_file().is_none();
    one.has_same_json(other) || other.is_empty() || (lacks_json && one.difference(other).is_none())
}

/// Reads the vocabularies of all models; one that is the output's own, byte for byte, is not read again.
pub(super) struct Reading<'a> {
    pub(super) tokenizer: &'a Tokenizer,
    pub(super) own: &'a Arc<Vocabulary>,
    pub(super) models: &'a Models,
}

impl Reading<'_> {
    pub(super) fn all(&self) -> Result<Vec<Arc<Vocabulary>>, Error> {
        let read = |checkpoint: &Checkpoint| {
            let tokenizer = checkpoint.tokenizer();
            if alike(self.tokenizer, tokenizer) {
                return Ok(Arc::clone(self.own));
            }
            Ok(Arc::new(Vocabulary::read(tokenizer)?))
        };
        self.models.checkpoints.par_iter().map(read).collect()
    }
}

/// What is known when vocabularies are lined up.
pub(super) struct Aligning<'a> {
    pub(super) models: &'a Models,
    pub(super) model_rows: &'a [usize],
    pub(super) vocabularies: &'a [Arc<Vocabulary>],
    /// The output's own.
    pub(super) own: &'a Arc<Vocabulary>,
}

impl Aligning<'_> {
    fn path(&self, model: usize) -> &str {
        self.models.paths.get(model).map_or("", String::as_str)
    }

    /// Tokens without a row of their model: special ones that no text brings in count as absent.
    pub(super) fn check_numbers(&self, warnings: &mut Vec<String>) -> Result<(), Error> {
        for (model, (vocabulary, rows)) in self.vocabularies.iter().zip(self.model_rows).enumerate() {
            if vocabulary.rows() <= *rows {
                continue;
            }
            let beyond: Vec<(&str, u32)> = vocabulary.tokens().filter(|(_, id)| *id as usize >= *rows).collect();
            if let Some((token, id)) = beyond.iter().find(|(token, _)| !vocabulary.is_special(token)) {
                return Err(Error::TokenWithoutRow {
                    token: (*token).to_owned(),
                    id: *id,
                    model: self.path(model).to_owned(),
                    rows: *rows,
                });
            }
            let first = beyond.first().map_or("", |(token, _)| token);
            let more = if beyond.len() > 1 { format!(" and {} more", beyond.len() - 1) } else { String::new() };
            let path = self.path(model);
            warnings.push(format!(
                "`{path}` has no row for its special token {first:?}{more}; it counts as one that lacks it"
            ));
        }
        Ok(())
    }

    /// Holds that the vocabularies go together, and warns of what the output has from one of them only.
    pub(super) fn compare(
        &self,
        recipe: &Recipe,
        tokenizer: &Tokenizer,
        of: Option<usize>,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let is_union = recipe.tokenizer.as_ref().is_some_and(|tokenizer| tokenizer.source == TokenizerSource::Union);
        let left = of.map_or_else(|| tokenizer.home().display().to_string(), |model| self.path(model).to_owned());
        for (model, vocabulary) in self.vocabularies.iter().enumerate() {
            let right = self.path(model).to_owned();
            if vocabulary.kind() != self.own.kind() {
                let (left_kind, right_kind) = (self.own.kind().to_string(), vocabulary.kind().to_string());
                let error = Error::VocabularyKinds { left: left.clone(), left_kind, right, right_kind };
                if is_union {
                    return Err(error);
                }
                warnings.push(format!("{error}; rows are shared by tokens that both spell alike"));
                continue;
            }
            for (what, one, other) in self.own.differences(vocabulary) {
                let shown = |text: &str| if text.is_empty() { "none".to_owned() } else { cut(text) };
                let (one, other) = (shown(one), shown(other));
                warnings.push(format!(
                    "the models disagree on tokenizer {what}: `{left}` has {one}, `{right}` has {other}; the merge has what `{left}` has"
                ));
            }
        }
        Ok(())
    }

    /// A tokenizer of another model brings its padding token, and where positions are counted from that they would move.
    pub(super) fn check_padding(&self, of: Option<usize>, donor: usize) -> Result<(), Error> {
        let pad = |model: usize| {
            self.models.checkpoints[model].config().get("pad_token_id").and_then(serde_json::Value::as_u64)
        };
        let offset = self.models.checkpoints[donor].settings().architecture.counts_from_padding();
        match of.filter(|of| *of != donor && offset).map(|of| (of, pad(of), pad(donor))) {
            Some((of, Some(pad), Some(own))) if pad != own => Err(Error::Padding {
                tokenizer: self.path(of).to_owned(),
                pad,
                model: self.path(donor).to_owned(),
                own,
            }),
            _ => Ok(()),
        }
    }

    /// The output's vocabulary, but for tokens that only rules name.
    pub(super) fn merged(
        &self,
        settings: &recipe::Tokenizer,
        tokenizer: &Tokenizer,
        of: Option<usize>,
    ) -> MergedVocabulary {
        let merged = MergedVocabulary::of(tokenizer, Arc::clone(self.own));
        if settings.source != TokenizerSource::Union {
            return merged;
        }
        let others: Vec<usize> = (0..self.vocabularies.len()).filter(|model| Some(*model) != of).collect();
        let pairs: Vec<(&Tokenizer, &Vocabulary)> = others
            .iter()
            .map(|model| (self.models.checkpoints[*model].tokenizer(), self.vocabularies[*model].as_ref()))
            .collect();
        let has_row =
            |other: usize, id: u32| others.get(other).is_some_and(|model| (id as usize) < self.model_rows[*model]);
        merged.with_all(&pairs, &has_row)
    }

    /// For each model, the row of each token of the output. Models of one vocabulary and as many rows share theirs.
    pub(super) fn tables(&self, merged: &MergedVocabulary) -> Vec<Arc<[u32]>> {
        let tokens: Vec<(&str, u32)> = merged.tokens().collect();
        let table = |model: usize| -> Arc<[u32]> {
            let mut rows = vec![ABSENT; merged.rows()];
            for (token, id) in &tokens {
                let number =
                    self.vocabularies[model].number(token).filter(|own| (*own as usize) < self.model_rows[model]);
                if let (Some(row), Some(number)) = (rows.get_mut(*id as usize), number) {
                    *row = number;
                }
            }
            rows.into()
        };
        let alike = |one: usize, other: usize| {
            Arc::ptr_eq(&self.vocabularies[one], &self.vocabularies[other])
                && self.model_rows[one] == self.model_rows[other]
        };
        let first: Vec<usize> = (0..self.vocabularies.len())
            .map(|model| (0..=model).find(|other| alike(*other, model)).unwrap_or(model))
            .collect();
        let distinct: BTreeSet<usize> = first.iter().copied().collect();
        let made: BTreeMap<usize, Arc<[u32]>> = distinct.into_par_iter().map(|model| (model, table(model))).collect();
        first.iter().map(|model| made.get(model).cloned().unwrap_or_default()).collect()
    }

    /// Whether every model has the output's tokens under the output's numbers.
    pub(super) fn are_in_order(&self, merged: &MergedVocabulary) -> bool {
        self.vocabularies.iter().all(|vocabulary| {
            Arc::ptr_eq(vocabulary, self.own) || merged.tokens().all(|(token, id)| vocabulary.number(token) == Some(id))
        })
    }

    /// The recipe's rules, with the rows they name.
    pub(super) fn rules(
        &self,
        recipe: &Recipe,
        settings: &recipe::Tokenizer,
        merged: &MergedVocabulary,
    ) -> Result<Vec<Ruled>, Error> {
        let mut rules = Vec::new();
        for rule in &settings.tokens {
            let TokenRule { token, source, force, at } = rule;
            let refused = |message: String, hint: &str| Error::TokenRule {
                message,
                hint: hint.to_owned(),
                place: recipe.place(at).map(Box::new),
            };
            let row_of = |model: &recipe::ModelRef, token: &str, hint: &str| {
                let model = self.models.index(model);
                let number =
                    self.vocabularies[model].number(token).filter(|number| (*number as usize) < self.model_rows[model]);
                let missing = || refused(format!("`{}` has no token {token:?}", self.path(model)), hint);
                number.map(|number| (model, number)).ok_or_else(missing)
            };
            let row = match source {
                None if merged.number(token).is_none() => {
                    let hint =
                        "a new token needs a `source`: `{kind: model_token, model: …, token: …}` or `{kind: zero}`";
                    return Err(refused(format!("no model has the token {token:?}"), hint));
                }
                None => continue,
                Some(TokenSource::Zero) => None,
                Some(TokenSource::Model(model)) => {
                    Some(row_of(model, token, "take another of its tokens: `{kind: model_token, model: …, token: …}`")?)
                }
                Some(TokenSource::Token { model, token }) => Some(row_of(
                    model,
                    token,
                    "tokens are spelled as in the vocabulary, with `##`, `▁` or `Ġ` where it has them",
                )?),
                Some(TokenSource::Row { model, row }) => {
                    let model = self.models.index(model);
                    if *row as usize >= self.model_rows[model] {
                        let message =
                            format!("`{}` has no row {row}: it has {}", self.path(model), self.model_rows[model]);
                        return Err(refused(message, "rows are counted from 0"));
                    }
                    Some((model, *row))
                }
            };
            rules.push(Ruled { token: token.clone(), row, force: *force });
        }
        Ok(rules)
    }
}

/// A value short enough for a warning.
fn cut(text: &str) -> String {
    const LONGEST: usize = 120;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
