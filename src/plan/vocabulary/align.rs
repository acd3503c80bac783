//! Aligns the vocabularies of models: which token of each becomes which row of the output.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rayon::prelude::*;

use super::super::error::Error;
use super::super::models::{Models, resolve};
use super::alignment::Alignment;
use super::gather::ABSENT;
use super::rules::{RowRule, RuleContext};
use super::token_rows::token_rows;
use crate::checkpoint::{Checkpoint, MergedVocabulary, Tokenizer, Vocabulary};
use crate::recipe::{self, Recipe, TokenizerSource};

/// Whether two tokenizers are known to have the same tokens without reading their vocabularies: the files are equal, or one
/// has no tokenizer.json and its other files agree, or it has no files at all.
fn has_same_tokens(one: &Tokenizer, other: &Tokenizer) -> bool {
    let lacks_json = one.json_file().is_none() || other.json_file().is_none();
    one.has_same_json(other) || other.is_empty() || (lacks_json && one.difference(other).is_none())
}

impl Alignment {
    /// Aligns the models' vocabularies as the recipe says. Returns `None` where they are all the same and stay so.
    pub(in crate::plan) fn build(
        recipe: &Recipe,
        models: &Models,
        donor: usize,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Self>, Error> {
        let Some(settings) = &recipe.tokenizer else { return Ok(None) };
        let model_rows: Vec<usize> =
            (0..models.paths.len()).map(|model| token_rows(models, model)).collect::<Result<_, _>>()?;
        let (tokenizer, tokenizer_of) = tokenizer(recipe, settings, models, donor)?;
        for (_, path) in models.checkpoints.iter().zip(&models.paths).filter(|(model, _)| model.tokenizer().is_empty())
        {
            warnings
                .push(format!("`{path}` has no tokenizer; its tokens are taken for those of the merge's tokenizer"));
        }
        let others = || models.checkpoints.iter().map(Checkpoint::tokenizer);
        let same_rows = model_rows.iter().all(|rows| Some(rows) == model_rows.first());
        let padded = model_rows.iter().all(|rows| rows % settings.pad_to_multiple_of == 0);
        // Files are compared before they are read.
        if settings.tokens.is_empty() && same_rows && padded && others().all(|other| has_same_tokens(&tokenizer, other))
        {
            return Ok(None);
        }
        let own = Arc::new(Vocabulary::read(&tokenizer)?);
        let vocabularies = read_vocabularies(&tokenizer, &own, models)?;
        let others_read = vocabularies.iter().filter(|vocabulary| !Arc::ptr_eq(vocabulary, &own));
        let read = std::iter::once(&own).chain(others_read).map(|vocabulary| {
            let size = std::fs::metadata(vocabulary.path()).map_or(0, |file| file.len());
            (size, vocabulary.len() as u64)
        });
        let read = read.collect();
        let aligner = VocabularyAligner { models, model_rows: &model_rows, vocabularies: &vocabularies, own: &own };
        aligner.check_numbers(warnings)?;
        aligner.compare(recipe, &tokenizer, tokenizer_of, warnings)?;
        aligner.check_padding(tokenizer_of, donor)?;
        let vocabulary = aligner.merged(settings, &tokenizer, tokenizer_of);
        let left_out = vocabulary.left_out();
        if !left_out.is_empty() {
            let names = left_out.join(", ");
            warnings
                .push(format!("{names} cannot take the appended tokens and is left out; tokenizer.json has them all"));
        }
        let tables = aligner.tables(&vocabulary);
        let rules = RuleContext { models, model_rows: &model_rows, vocabularies: &vocabularies }.rules(
            recipe,
            settings,
            &vocabulary,
        )?;
        let vocabulary = settings.tokens.iter().fold(vocabulary, |vocabulary, rule| vocabulary.with_token(&rule.token));
        let rules = by_row(rules, &vocabulary);
        let own_rows = model_rows.first().copied().unwrap_or_default();
        // With equal vocabularies every model has the output's tokens in its order. Unused rows are kept.
        let stays = same_rows && padded && vocabulary.is_unchanged() && aligner.are_in_order(&vocabulary);
        let is_ruled = rules.iter().any(|(row, rule)| {
            let lacks = |table: &Arc<[u32]>| table.get(*row as usize).is_none_or(|own| *own == ABSENT);
            rule.force || tables.iter().any(lacks)
        });
        let is_needed = !stays || is_ruled;
        let rows = vocabulary.rows().next_multiple_of(settings.pad_to_multiple_of);
        let rows = match (stays, is_needed) {
            (true, true) => rows.max(own_rows),
            (true, false) => own_rows,
            (false, _) => rows,
        };
        let tables = if stays {
            let same: Arc<[u32]> = (0..u32::try_from(own_rows).unwrap_or(ABSENT)).collect();
            vec![same; tables.len()]
        } else {
            tables
        };
        if !is_needed && tokenizer_of == Some(donor) {
            return Ok(None);
        }
        let gathers = Mutex::default();
        Ok(Some(Self { vocabulary, tokenizer_of, rows, is_needed, model_rows, tables, rules, gathers, read }))
    }
}

/// The tokenizer that the recipe asks for, and the model that it belongs to.
fn tokenizer(
    recipe: &Recipe,
    settings: &recipe::Tokenizer,
    models: &Models,
    donor: usize,
) -> Result<(Tokenizer, Option<usize>), Error> {
    let of = |model: usize| {
        let tokenizer = models.checkpoints[model].tokenizer();
        // Vocabularies are merged from tokenizer.json. If this model has none, another model with the same tokens may have
        // it.
        let has = |other: &usize| {
            let other = models.checkpoints[*other].tokenizer();
            other.json_file().is_some() && (tokenizer.is_empty() || tokenizer.difference(other).is_none())
        };
        let model =
            (0..models.checkpoints.len()).find(has).filter(|_| tokenizer.json_file().is_none()).unwrap_or(model);
        (models.checkpoints[model].tokenizer().clone(), Some(model))
    };
    let TokenizerSource::Model(reference) = &settings.source else { return Ok(of(donor)) };
    if let Some(model) = models.find(reference) {
        return Ok(of(model));
    }
    let folder = resolve(recipe, reference)?;
    Ok((Tokenizer::open_with(&folder, models.links)?, None))
}

fn by_row(rules: Vec<RowRule>, vocabulary: &MergedVocabulary) -> BTreeMap<u32, RowRule> {
    rules.into_iter().filter_map(|rule| Some((vocabulary.number(&rule.token)?, rule))).collect()
}

/// Reads the vocabularies of all models. One that equals the output's own byte for byte is not read again.
fn read_vocabularies(
    tokenizer: &Tokenizer,
    own: &Arc<Vocabulary>,
    models: &Models,
) -> Result<Vec<Arc<Vocabulary>>, Error> {
    let read = |checkpoint: &Checkpoint| {
        let other = checkpoint.tokenizer();
        if has_same_tokens(tokenizer, other) {
            return Ok(Arc::clone(own));
        }
        Ok(Arc::new(Vocabulary::read(other)?))
    };
    models.checkpoints.par_iter().map(read).collect()
}

/// Aligns vocabularies that were read.
struct VocabularyAligner<'a> {
    models: &'a Models,
    model_rows: &'a [usize],
    vocabularies: &'a [Arc<Vocabulary>],
    /// The output's own.
    own: &'a Arc<Vocabulary>,
}

impl VocabularyAligner<'_> {
    fn path(&self, model: usize) -> &str {
        self.models.paths.get(model).map_or("", String::as_str)
    }

    /// Checks that tokens have a row in their model. Special tokens that no text can contain count as absent.
    fn check_numbers(&self, warnings: &mut Vec<String>) -> Result<(), Error> {
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

    /// Checks that the vocabularies fit together, and warns of settings that the output takes from one of them only.
    fn compare(
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
                let quoted = |text: &str| if text.is_empty() { "none".to_owned() } else { cut(text) };
                let (one, other) = (quoted(one), quoted(other));
                warnings.push(format!(
                    "the models disagree on tokenizer {what}: `{left}` has {one}, `{right}` has {other}; the merge has what `{left}` has"
                ));
            }
        }
        Ok(())
    }

    /// Checks the padding token of another model's tokenizer: where position numbers are counted from it, they would shift.
    fn check_padding(&self, of: Option<usize>, donor: usize) -> Result<(), Error> {
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

    /// The output's vocabulary, without tokens that only rules name.
    fn merged(&self, settings: &recipe::Tokenizer, tokenizer: &Tokenizer, of: Option<usize>) -> MergedVocabulary {
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

    /// For each model, the row of each token of the output. Models with the same vocabulary and number of rows share one
    /// table.
    fn tables(&self, merged: &MergedVocabulary) -> Vec<Arc<[u32]>> {
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

    /// Whether every model has the output's tokens under the output's ids.
    fn are_in_order(&self, merged: &MergedVocabulary) -> bool {
        self.vocabularies.iter().all(|vocabulary| {
            Arc::ptr_eq(vocabulary, self.own) || merged.tokens().all(|(token, id)| vocabulary.number(token) == Some(id))
        })
    }
}

/// Shortens a value for a warning.
fn cut(text: &str) -> String {
    const LONGEST: usize = 120;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
