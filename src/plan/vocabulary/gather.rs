//! Puts the rows of token tables into one order of tokens.

use std::sync::Arc;

/// Marks a token that a table lacks.
pub(in crate::plan) const ABSENT: u32 = u32::MAX;

/// The rows of several tables, in the order of the output's tokens.
#[derive(Debug, PartialEq)]
pub struct Gather {
    /// For each table, the row of each token of the output, or `u32::MAX`.
    pub(in crate::plan) tables: Vec<Arc<[u32]>>,
    /// For each row of the output, what a table without its token uses.
    pub(in crate::plan) fallbacks: Vec<Fallback>,
    /// Rows for which every table uses the fallback, in order.
    pub(in crate::plan) forced: Vec<u32>,
    /// How the rows are computed.
    pub(in crate::plan) counts: RowCounts,
}

/// The source of a row that a table does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Zeros.
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

/// The number of rows of the output that are computed in each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RowCounts {
    /// Merged from rows of all models.
    pub all: usize,
    /// Merged from rows of several models; the others use the base's row, or the mean of the rows that exist.
    pub several: usize,
    /// Rows of tokens that only one model has.
    pub one: usize,
    /// Rows that rules of the recipe set.
    pub by_rule: usize,
    /// Rows of tokens that no model has, which are zeros.
    pub none: usize,
    /// Rows without a token, which are means of all others.
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

    /// The source of a table's row of the output: a row of any table, or a fallback.
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

    /// How the rows are computed.
    pub fn counts(&self) -> RowCounts {
        self.counts
    }

    fn is_forced(&self, row: usize) -> bool {
        !self.forced.is_empty() && u32::try_from(row).is_ok_and(|row| self.forced.binary_search(&row).is_ok())
    }
}
