//! Trials by data sets: the difference from the reference in each cell.

use std::fmt::Write as _;

use super::palette::diverging;
use super::svg::{Frame, escaped, px};
use super::terminal::sorted;
use crate::sweep::{Analysis, Row, Study};

const CELL: (f64, f64) = (96.0, 24.0);
/// The width of a letter, and the letters that are shown of a label.
const LETTER: f64 = 6.6;
const LETTERS: usize = 40;
const TOP: f64 = 28.0;
/// The difference whose colour is the deepest.
const DEEPEST: f64 = 0.1;

/// The most trials of the map; with more it has only baselines and the Pareto front.
pub(super) const HEAT_ROWS: usize = 60;

/// The map, with the first metric of every data set.
pub fn heat(study: &Study, analysis: &Analysis) -> String {
    let mut rows = sorted(analysis);
    if rows.len() > HEAT_ROWS {
        rows.retain(|row| row.pareto_optimal || row.trial.point().is_none());
        rows.truncate(2 * HEAT_ROWS);
    }
    let metric = study.manifest.metrics().first().map(ToString::to_string).unwrap_or_default();
    let sets = &study.manifest.sets;
    let longest = rows.iter().map(|row| row.trial.label.chars().count() + 1).max().unwrap_or(0).min(LETTERS);
    let left = (LETTER * longest as f64 + 16.0).max(120.0);
    let frame = Frame {
        width: left + CELL.0 * sets.len() as f64 + 8.0,
        height: TOP + CELL.1 * rows.len() as f64 + 8.0,
        left: 0.0,
        right: 0.0,
        top: 0.0,
        bottom: 0.0,
    };
    let title = format!("{metric} of every trial on every data set");
    let mut out = frame
        .begin(&title, "Values in cells; the colour is the difference from the reference: orange better, blue worse");
    let mean =
        |row: &Row, set: usize| row.result.sets.get(set).and_then(|set| set.means.get(&metric).copied().flatten());
    let reference = analysis.reference.and_then(|index| analysis.rows.get(index));
    for (column, set) in sets.iter().enumerate() {
        let x = left + CELL.0 * (column as f64 + 0.5);
        let label: String = set.label.chars().take(14).collect();
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"18\" text-anchor=\"middle\">{}<title>{}</title></text>",
            px(x),
            escaped(&label),
            escaped(&set.label)
        );
    }
    for (line, row) in rows.iter().enumerate() {
        let y = TOP + CELL.1 * line as f64;
        let front = if row.pareto_optimal { "*" } else { "" };
        let label: String = row.trial.label.chars().take(LETTERS).collect();
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" dominant-baseline=\"middle\">{}{front}</text>",
            px(left - 8.0),
            px(y + CELL.1 / 2.0),
            escaped(&label)
        );
        for column in 0..sets.len() {
            let Some(value) = mean(row, column) else { continue };
            let difference = reference.and_then(|reference| mean(reference, column)).map_or(0.0, |base| value - base);
            let (fill, opacity) = diverging(difference / DEEPEST);
            let x = left + CELL.0 * column as f64;
            let set = sets.get(column).map_or("", |set| set.label.as_str());
            let _ = writeln!(
                out,
                "<g tabindex=\"0\"><title>{} on {}: {value:.4}, {difference:+.4}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" \
                 height=\"{}\" fill=\"{fill}\" fill-opacity=\"{opacity}\"/><text class=\"cell-text\" x=\"{}\" y=\"{}\" \
                 text-anchor=\"middle\" dominant-baseline=\"middle\">{value:.3} {difference:+.3}</text></g>",
                escaped(&row.trial.label),
                escaped(set),
                px(x + 1.0),
                px(y + 1.0),
                px(CELL.0 - 2.0),
                px(CELL.1 - 2.0),
                px(x + CELL.0 / 2.0),
                px(y + CELL.1 / 2.0)
            );
        }
    }
    out.push_str("</svg>\n");
    out
}
