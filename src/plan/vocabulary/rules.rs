//! Rules for single tokens: the model and row that a row of the output is taken from.

use std::sync::Arc;

use super::super::error::Error;
use super::super::models::Models;
use super::gather::Fallback;
use crate::checkpoint::{MergedVocabulary, Vocabulary};
use crate::recipe::{self, Recipe, TokenRule, TokenSource};

/// A rule for a row.
#[derive(Debug)]
pub(in crate::plan) struct RowRule {
    pub(in crate::plan) token: String,
    /// Model and row; `None` for zeros.
    pub(in crate::plan) row: Option<(usize, u32)>,
    pub(in crate::plan) force: bool,
}

impl RowRule {
    pub(in crate::plan) fn fallback(
        &self,
        models: &[usize],
        tensor: &str,
        paths: &[String],
    ) -> Result<Fallback, Error> {
        let Some((model, row)) = self.row else { return Ok(Fallback::Zero) };
        match models.iter().position(|known| *known == model) {
            Some(table) => Ok(Fallback::Row { table: table as u16, row }),
            None => Err(Error::TokenWithoutTensor {
                token: self.token.clone(),
                model: paths.get(model).cloned().unwrap_or_default(),
                tensor: tensor.to_owned(),
            }),
        }
    }
}

/// The models whose rows rules name.
pub(super) struct RuleContext<'a> {
    pub(super) models: &'a Models,
    pub(super) model_rows: &'a [usize],
    pub(super) vocabularies: &'a [Arc<Vocabulary>],
}

impl RuleContext<'_> {
    fn path(&self, model: usize) -> &str {
        self.models.paths.get(model).map_or("", String::as_str)
    }

    /// Resolves the recipe's rules to rows.
    pub(super) fn rules(
        &self,
        recipe: &Recipe,
        settings: &recipe::Tokenizer,
        merged: &MergedVocabulary,
    ) -> Result<Vec<RowRule>, Error> {
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
            rules.push(RowRule { token: token.clone(), row, force: *force });
        }
        Ok(rules)
    }
}
