//! The alignment of vocabularies: the row of the output that each token of each model becomes.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::error::Error;
use super::gather::{ABSENT, Fallback, Gather, RowCounts};
use super::rules::RowRule;
use crate::checkpoint::MergedVocabulary;

/// The vocabulary of a merge whose models have different ones.
#[derive(Debug)]
pub struct Alignment {
    /// The output's tokens, and the tokenizer that they are written to.
    pub vocabulary: MergedVocabulary,
    /// The model that the tokenizer belongs to; `None` for a folder that is not merged.
    pub tokenizer_of: Option<usize>,
    /// The rows of the output's tables, padding included.
    pub rows: usize,
    /// Whether tables must be gathered. Otherwise all models have the output's tokens in its order.
    pub is_needed: bool,
    /// The rows of each model's tables.
    pub(in crate::plan) model_rows: Vec<usize>,
    /// For each model, the row of each token of the output.
    pub(in crate::plan) tables: Vec<Arc<[u32]>>,
    pub(in crate::plan) rules: BTreeMap<u32, RowRule>,
    pub(in crate::plan) gathers: Mutex<BTreeMap<Tables, Arc<Gather>>>,
    /// For each tokenizer that was read, the output's own first, the bytes of its file and its tokens.
    pub(in crate::plan) read: Vec<(u64, u64)>,
}

/// An estimate of the memory that an [`Alignment`] takes, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct AlignmentMemory {
    /// While the tokenizers are read.
    pub reading: u64,
    /// Afterwards, until the merge is done.
    pub held: u64,
    /// In addition to it while the output's tokenizer is written.
    pub writing: u64,
}

/// Models whose tables are gathered, and which of them is the base.
pub(in crate::plan) type Tables = (Vec<usize>, Option<usize>);

impl Alignment {
    /// A fingerprint of the tokens and their rows.
    pub fn fingerprint(&self) -> u64 {
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

    /// Estimates its memory when `threads` threads read tokenizers. The bytes for each token were measured.
    pub fn memory(&self, threads: u64) -> AlignmentMemory {
        /// Bytes of a token in a vocabulary: its text, its id and spare capacity.
        const TOKEN: u64 = 36;
        /// Bytes of an appended token, including its entries while they are written.
        const APPENDED: u64 = 130;
        const ENTRIES: u64 = 130;
        /// Bytes of a row of the output, without the tables of each model.
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
    pub(in crate::plan) fn gather(
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
