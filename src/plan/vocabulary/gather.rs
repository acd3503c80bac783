//! Brings tables with a row for each token to one order of tokens.

use std::sync::Arc;

/// Marks a token that a table lacks.
pub(in crate::plan) const ABSENT: u32 = u32::MAX;

/// The rows of several tables, in the order of the output's tokens.
#[derive(Debug, PartialEq)]
pub struct Gather {
    /// For each table, the row of each token of the output, or `u32::MAX`.
    pub(in crate::plan) tables: Vec<Arc<[u32]>>,
    /// For each row of the output, what a table without its token takes.
    pub(in crate::plan) fallbacks: Vec<Fallback>,
    /// Rows for which every table takes the fallback; in order.
    pub(in crate::plan) forced: Vec<u32>,
    /// How the rows come about.
    pub(in crate::plan) counts: RowCounts,
}

/// Where a row comes from that a table does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Nowhere: zeros.
    Zero,
    /// The mean of the table's other rows, for rows without a token.
    Padding,
    /// The mean of the tables that have the token.
    Mean,
    /// A row of a table.
    Row {
        /// Index of the table.
        table: u16,
        /// The row.
        row: u32,
    },
}

/// How many rows of the output come about in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RowCounts {
    /// Merged from rows of all models.
    pub all: usize,
    /// Merged from rows of several models; the others take the base's row, or the mean of those that there are.
    pub several: usize,
    /// Of tokens that one model has.
    pub one: usize,
    /// As rules of the recipe say.
    pub by_rule: usize,
    /// Of tokens that no model has a row for: zeros.
    pub none: usize,
    /// Without a token: means of all others.
    pub padding: usize,
}

impl Gather {
    /// The rows of the output.
    pub fn rows(&self) -> usize {
        self.fallbacks.len()
    }

    /// How many tables there are.
    pub fn tables(&self) -> usize {
        self.tables.len()
    }

    /// Where a table gets a row of the output: from a row of any table, or in another way.
    pub fn row(&self, table: usize, row: usize) -> Fallback {
        match self.own(table, row) {
            Some(own) if !self.is_forced(row) => Fallback::Row { table: table as u16, row: own },
            _ => self.fallbacks.get(row).copied().unwrap_or(Fallback::Zero),
        }
    }

    /// The row of a table that has the token.
    pub fn own(&self, table: usize, row: usize) -> Option<u32> {
        self.tables.get(table)?.get(row).copied().filter(|own| *own != ABSENT)
    }

    /// How the rows come about.
    pub fn counts(&self) -> RowCounts {
        self.counts
    }

    fn is_forced(&self, row: usize) -> bool {
        !self.forced.is_empty() && u32::try_from(row).is_ok_and(|row| self.forced.binary_search(&row).is_ok())
    }
}
