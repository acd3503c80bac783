//! Trials by data sets: the difference from the reference in each cell.

use std::fmt::Write as _;

use super::palette::diverging;
use super::svg::{Frame, escaped, px};
use super::terminal::sorted;
use crate::sweep::{Analysis, Row, Study};

const CELL: (f64, f64) = (96.0, 24.0);
const LEFT: f64 = 150.0;
const TOP: f64 = 28.0;
/// The difference whose colour is the deepest.
const DEEPEST: f64 = 0.1;

/// The map, with the first metric of every data set.
pub fn heat(study: &Study, analysis: &Analysis) -> String {
    let rows = sorted(analysis);
    let metric = study.frozen.metrics().first().map(ToString::to_string).unwrap_or_default();
    let sets = &study.frozen.sets;
    let frame = Frame {
        width: LEFT + CELL.0 * sets.len() as f64 + 8.0,
        height: TOP + CELL.1 * rows.len() as f64 + 8.0,
        left: 0.0,
        right: 0.0,
        top: 0.0,
        bottom: 0.0,
    };
    let title = format!("{metric} of every trial on every data set");
    let mut out = frame
        .begin(&title, "Values in cells; the colour is the difference from the reference: orange better, blue worse");
    let mean = |row: &Row, set: usize| row.done.sets.get(set).and_then(|set| set.means.get(&metric).copied().flatten());
    let reference = analysis.reference.and_then(|index| analysis.rows.get(index));
    for (column, set) in sets.iter().enumerate() {
        let x = LEFT + CELL.0 * (column as f64 + 0.5);
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
        let front = if row.on_front { "*" } else { "" };
        let label: String = row.trial.label.chars().take(20).collect();
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" dominant-baseline=\"middle\">{}{front}</text>",
            px(LEFT - 8.0),
            px(y + CELL.1 / 2.0),
            escaped(&label)
        );
        for column in 0..sets.len() {
            let Some(value) = mean(row, column) else { continue };
            let difference = reference.and_then(|reference| mean(reference, column)).map_or(0.0, |base| value - base);
            let (fill, opacity) = diverging(difference / DEEPEST);
            let x = LEFT + CELL.0 * column as f64;
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
