//! Parameters of merge methods: their names, types and ranges.

use super::Value;

/// One parameter of a method.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The key under `parameters:`.
    pub name: &'static str,
    /// Whether each model has its own value.
    pub scope: Scope,
    /// Type and range.
    pub kind: Kind,
    /// The value when the recipe gives none; `None` when the recipe must give one.
    pub default: Option<Value>,
    /// One sentence on what it does.
    pub doc: &'static str,
    /// Whether the rows of a tensor may have values of their own, which is so if no statistic of the whole tensor depends
    /// on the value.
    pub by_row: bool,
}

/// Who a parameter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One value for each tensor, read from the slice and the recipe, not from a model.
    Shared,
    /// One value for each tensor and model.
    PerModel,
}

/// Type and range of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A finite number between two inclusive bounds; an infinite bound is no bound.
    Number {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// A whole number between two inclusive bounds. Between the entries of a gradient it is rounded down.
    Whole {
        /// Smallest value.
        min: u32,
        /// Largest value.
        max: u32,
    },
    /// true or false.
    Flag,
    /// A key of mergekit that has no effect here; it is accepted with a warning.
    Ignored,
}
