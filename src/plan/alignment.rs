//! Which token of which model becomes which row of the output.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use super::Error;
use super::aligning::{Aligning, Reading, alike};
use super::gather::{ABSENT, Fallback, Gather, RowCounts};
use super::models::Models;
use super::vocabulary::token_rows;
use crate::checkpoint::{MergedVocabulary, Tokenizer, Vocabulary};
use crate::recipe::{self, Recipe, TokenizerSource};

/// The vocabulary of a merge whose models have different ones.
#[derive(Debug)]
pub struct Alignment {
    /// The output's tokens, and the tokenizer they are written to.
    pub vocabulary: MergedVocabulary,
    /// The model that the tokenizer is of; `None` for a folder that is not merged.
    pub tokenizer_of: Option<usize>,
    /// The rows of the output's tables, padding included.
    pub rows: usize,
    /// Whether tables must be gathered; otherwise all models have the tokens of the output in its order.
    pub is_needed: bool,
    /// The rows of each model's tables.
    pub(super) model_rows: Vec<usize>,
    /// For each model, the row of each token of the output.
    tables: Vec<Arc<[u32]>>,
    rules: BTreeMap<u32, Ruled>,
    gathers: Mutex<BTreeMap<Tables, Arc<Gather>>>,
    /// For each tokenizer that was read, the output's own first, the bytes of its file and its tokens.
    read: Vec<(u64, u64)>,
}

/// About how much memory an [`Alignment`] takes, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct AlignmentMemory {
    /// While the tokenizers are read.
    pub reading: u64,
    /// Afterwards, until the merge is done.
    pub held: u64,
    /// On top of it while the output's tokenizer is written.
    pub writing: u64,
}

/// Models whose tables are gathered, and which of them is the base.
type Tables = (Vec<usize>, Option<usize>);

/// A rule for a row.
#[derive(Debug)]
pub(super) struct Ruled {
    pub(super) token: String,
    /// Model and row; `None` for zeros.
    pub(super) row: Option<(usize, u32)>,
    pub(super) force: bool,
}

impl Alignment {
    /// Lines the models' vocabularies up as the recipe says. Nothing where they are all the same and stay so.
    pub(super) fn build(
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
        let others = || models.checkpoints.iter().map(crate::checkpoint::Checkpoint::tokenizer);
        let same_rows = model_rows.iter().all(|rows| Some(rows) == model_rows.first());
        let padded = model_rows.iter().all(|rows| rows % settings.pad_to_multiple_of == 0);
        // Files are compared before they are read.
        if settings.tokens.is_empty() && same_rows && padded && others().all(|other| alike(&tokenizer, other)) {
            return Ok(None);
        }
        let own = Arc::new(Vocabulary::read(&tokenizer)?);
        let vocabularies = Reading { tokenizer: &tokenizer, own: &own, models }.all()?;
        let others_read = vocabularies.iter().filter(|vocabulary| !Arc::ptr_eq(vocabulary, &own));
        let read = std::iter::once(&own).chain(others_read).map(|vocabulary| {
            let size = std::fs::metadata(vocabulary.path()).map_or(0, |file| file.len());
            (size, vocabulary.len() as u64)
        });
        let read = read.collect();
        let aligning = Aligning { models, model_rows: &model_rows, vocabularies: &vocabularies, own: &own };
        aligning.check_numbers(warnings)?;
        aligning.compare(recipe, &tokenizer, tokenizer_of, warnings)?;
        aligning.check_padding(tokenizer_of, donor)?;
        let vocabulary = aligning.merged(settings, &tokenizer, tokenizer_of);
        let left_out = vocabulary.left_out();
        if !left_out.is_empty() {
            let names = left_out.join(", ");
            warnings
                .push(format!("{names} cannot take the appended tokens and is left out; tokenizer.json has them all"));
        }
        let tables = aligning.tables(&vocabulary);
        let rules = aligning.rules(recipe, settings, &vocabulary)?;
        let vocabulary = settings.tokens.iter().fold(vocabulary, |vocabulary, rule| vocabulary.with_token(&rule.token));
        let rules = by_row(rules, &vocabulary);
        let own_rows = model_rows.first().copied().unwrap_or_default();
        // Equal vocabularies: every model has the output's tokens in its order. Rows behind them, and between them, stay.
        let stays = same_rows && padded && vocabulary.is_unchanged() && aligning.are_in_order(&vocabulary);
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

    /// A number that is the same where tokens and rows are.
    pub fn print(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.rows, self.is_needed, self.vocabulary.tokenizer().home()).hash(&mut hasher);
        for (token, row) in self.vocabulary.tokens() {
            (token, row).hash(&mut hasher);
        }
        (&self.tables, &self.model_rows).hash(&mut hasher);
        for (row, rule) in &self.rules {
            (row, rule.row, rule.force).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// About how much memory it takes, with tokenizers read by so many threads. The bytes a token are as measured.
    pub fn memory(&self, threads: u64) -> AlignmentMemory {
        /// A token of a vocabulary: its text and place, and room to grow.
        const TOKEN: u64 = 36;
        /// A token that is appended, as long as it is known, and the texts of its entries while they are written.
        const APPENDED: u64 = 130;
        const ENTRIES: u64 = 130;
        /// A row of the output, besides the tables of each model.
        const ROW: u64 = 12;
        let own = self.read.first().copied().unwrap_or_default();
        // Files are mapped while they are read, the output's own before the others.
        let mut sizes: Vec<u64> = self.read.iter().skip(1).map(|(size, _)| *size).collect();
        sizes.sort_unstable_by(|one, other| other.cmp(one));
        let mapped: u64 = sizes.iter().take(usize::try_from(threads).unwrap_or(usize::MAX)).sum();
        let tokens: u64 = self.read.iter().map(|(_, tokens)| *tokens).sum();
        let appended = self.vocabulary.appended().len() as u64;
        let tables = (self.tables.len() * size_of::<u32>()) as u64;
        AlignmentMemory {
            reading: TOKEN * tokens + mapped.max(own.0),
            held: TOKEN * own.1 + APPENDED * appended + (tables + ROW) * self.rows as u64,
            writing: if self.vocabulary.is_unchanged() { 0 } else { own.0 + ENTRIES * appended },
        }
    }

    /// The row that a token of a model has in the output.
    pub fn row_of(&self, model: usize, id: u32) -> Option<u32> {
        let table = self.tables.get(model)?;
        table.iter().position(|own| *own == id).and_then(|row| u32::try_from(row).ok())
    }

    /// The rows of tables of these models, in this order, of which one may be the base's.
    pub(super) fn gather(
        &self,
        models: &[usize],
        base: Option<usize>,
        tensor: &str,
        paths: &[String],
    ) -> Result<Arc<Gather>, Error> {
        let key = (models.to_vec(), base);
        let mut gathers = self.gathers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = gathers.get(&key) {
            return Ok(Arc::clone(known));
        }
        let tables: Vec<Arc<[u32]>> =
            models.iter().map(|model| self.tables.get(*model).cloned().unwrap_or_default()).collect();
        let base = base.and_then(|base| models.iter().position(|model| *model == base));
        let mut counts = RowCounts::default();
        let mut fallbacks = Vec::with_capacity(self.rows);
        let mut tokens = vec![false; self.rows];
        for (_, id) in self.vocabulary.tokens() {
            if let Some(is_token) = tokens.get_mut(id as usize) {
                *is_token = true;
            }
        }
        let mut forced = Vec::new();
        for (row, is_token) in tokens.into_iter().enumerate() {
            let own = |table: &Arc<[u32]>| table.get(row).copied().filter(|own| *own != ABSENT);
            let owners = tables.iter().filter(|table| own(table).is_some()).count();
            let rule = u32::try_from(row).ok().and_then(|row| self.rules.get(&row));
            let fallback = if !is_token {
                counts.padding += 1;
                Fallback::Padding
            } else if let Some(rule) = rule.filter(|rule| rule.force || owners < tables.len()) {
                counts.by_rule += 1;
                if rule.force {
                    forced.push(row as u32);
                }
                rule.fallback(models, tensor, paths)?
            } else {
                let first = tables.iter().enumerate().find_map(|(table, rows)| Some((table, own(rows)?)));
                let of_base = base.and_then(|base| Some((base, own(tables.get(base)?)?)));
                let of = |found: Option<(usize, u32)>| {
                    found.map_or(Fallback::Zero, |(table, row)| Fallback::Row { table: table as u16, row })
                };
                let (count, fallback) = match owners {
                    0 => (&mut counts.none, Fallback::Zero),
                    n if n == tables.len() => (&mut counts.all, Fallback::Zero),
                    1 => (&mut counts.one, of(first)),
                    _ if of_base.is_some() => (&mut counts.several, of(of_base)),
                    _ => (&mut counts.several, Fallback::Mean),
                };
                *count += 1;
                fallback
            };
            fallbacks.push(fallback);
        }
        let gather = Arc::new(Gather { tables, fallbacks, forced, counts });
        gathers.insert(key, Arc::clone(&gather));
        Ok(gather)
    }
}

impl Ruled {
    fn fallback(&self, models: &[usize], tensor: &str, paths: &[String]) -> Result<Fallback, Error> {
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

/// The tokenizer that the recipe wants, and the model it is of.
fn tokenizer(
    recipe: &Recipe,
    settings: &recipe::Tokenizer,
    models: &Models,
    donor: usize,
) -> Result<(Tokenizer, Option<usize>), Error> {
    let of = |model: usize| {
        let tokenizer = models.checkpoints[model].tokenizer();
        // Vocabularies are merged from tokenizer.json; another model may have the one that belongs to the same tokens.
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
    let folder = super::models::resolve(recipe, reference)?;
    Ok((Tokenizer::open_with(&folder, models.links)?, None))
}

fn by_row(rules: Vec<Ruled>, vocabulary: &MergedVocabulary) -> BTreeMap<u32, Ruled> {
    rules.into_iter().filter_map(|rule| Some((vocabulary.number(&rule.token)?, rule))).collect()
}
