//! The points of figures over a plane.

use std::fmt::Write as _;

use super::svg::{escaped, px};
use crate::sweep::Row;

/// A measured point: filled on the Pareto front, a ring elsewhere, with a second ring around the recommended point.
pub(super) fn mark(row: &Row, (x, y): (f64, f64), title: &str, pick: Option<&str>, out: &mut String) {
    let class = if row.pareto_optimal { "dot" } else { "dot hollow" };
    let _ = writeln!(
        out,
        "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"4\" tabindex=\"0\"><title>{}</title></circle>",
        px(x),
        px(y),
        escaped(title)
    );
    if pick == Some(row.trial.id.as_str()) {
        let _ = writeln!(out, "<circle class=\"pick\" cx=\"{}\" cy=\"{}\" r=\"9\"/>", px(x), px(y));
    }
}

/// The smallest and the largest value.
pub(super) fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}
