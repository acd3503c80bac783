//! Trials by data sets: the difference from the reference in each cell.

use std::fmt::Write as _;

use super::palette::diverging;
use super::svg::{CENTRED, Frame, Size, escaped, px, text};
use super::terminal::sorted;
use super::text::{NAME, TICK, extent, fitted};
use crate::sweep::{Analysis, Row, Study};

/// The height of the head and of the key.
const TOP: f64 = 28.0;
const KEY: f64 = 44.0;
/// Boxes of the key.
const STEPS: u8 = 9;
/// Where all differences are smaller, the deepest colour is for this one.
const SMALLEST: f64 = 0.01;

/// The most trials of the map; with more it has only baselines and the Pareto front.
pub(super) const HEAT_ROWS: usize = 60;

/// The map, with the first metric of every data set.
pub fn heat(study: &Study, analysis: &Analysis, size: Size) -> String {
    let rows = rows(analysis);
    let metric = study.manifest.metrics().first().map(ToString::to_string).unwrap_or_default();
    let sets = &study.manifest.sets;
    let label = |row: &Row| format!("{}{}", row.trial.label, if row.pareto_optimal { "*" } else { "" });
    let widest = rows.iter().map(|row| extent(&label(row), NAME)).fold(0.0, f64::max);
    let left = (widest + 14.0).min(size.of(240.0, 110.0));
    // On a narrow page the difference stands below the value.
    let (wide, tall) = size.of((((540.0 - left) / sets.len().max(1) as f64).clamp(96.0, 132.0), 24.0), (60.0, 36.0));
    let width = (left + wide * sets.len() as f64 + 8.0).max(left + 200.0);
    let height = TOP + tall * rows.len() as f64 + KEY;
    let frame = Frame { width, height, left: 0.0, right: 0.0, top: 0.0, bottom: 0.0 };
    let mean =
        |row: &Row, set: usize| row.result.sets.get(set).and_then(|set| set.means.get(&metric).copied().flatten());
    let reference = analysis.reference.and_then(|index| analysis.rows.get(index));
    let difference =
        |row: &Row, set: usize| Some(mean(row, set)? - reference.and_then(|reference| mean(reference, set))?);
    let all = rows.iter().flat_map(|row| (0..sets.len()).filter_map(|set| difference(row, set)));
    let deepest = all.map(f64::abs).fold(SMALLEST, f64::max);
    let title = format!("{metric} of every trial on every data set");
    let mut out = frame
        .begin(&title, "Values in cells; the colour is the difference from the reference: orange better, blue worse");
    for (column, set) in sets.iter().enumerate() {
        let x = left + wide * (column as f64 + 0.5);
        text(&set.label, ("name", CENTRED, NAME), (x, 18.0), wide - 6.0, &mut out);
    }
    for (line, row) in rows.iter().enumerate() {
        let y = TOP + tall * line as f64;
        let attributes = "text-anchor=\"end\" dominant-baseline=\"middle\"";
        text(&label(row), ("name", attributes, NAME), (left - 8.0, y + tall / 2.0), left - 12.0, &mut out);
        for (column, set) in sets.iter().enumerate() {
            let Some(value) = mean(row, column) else { continue };
            let cell = Cell {
                title: format!("{} on {}", row.trial.label, set.label),
                value,
                difference: difference(row, column).unwrap_or(0.0),
                deepest,
                corner: (left + wide * column as f64, y),
                size: (wide, tall),
            };
            cell.draw(size, &mut out);
        }
    }
    key(deepest, (left, height - KEY + 10.0), &mut out);
    out.push_str("</svg>\n");
    out
}

/// The trials that the map has, baselines first.
fn rows(analysis: &Analysis) -> Vec<&Row> {
    let mut rows = sorted(analysis);
    if rows.len() > HEAT_ROWS {
        rows.retain(|row| row.pareto_optimal || row.trial.point().is_none());
        rows.truncate(2 * HEAT_ROWS);
    }
    rows
}

/// A trial on a data set.
struct Cell {
    title: String,
    value: f64,
    difference: f64,
    deepest: f64,
    corner: (f64, f64),
    size: (f64, f64),
}

impl Cell {
    fn draw(&self, size: Size, out: &mut String) {
        let Self { value, difference, corner: (x, y), size: (wide, tall), .. } = *self;
        let (fill, opacity) = diverging(difference, self.deepest);
        let _ = write!(
            out,
            "<g tabindex=\"0\"><title>{}: {value:.4}, {difference:+.4}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" \
             height=\"{}\" fill=\"{fill}\" fill-opacity=\"{opacity}\"/>",
            escaped(&self.title),
            px(x + 1.0),
            px(y + 1.0),
            px(wide - 2.0),
            px(tall - 2.0),
        );
        let middle = (x + wide / 2.0, y + tall / 2.0);
        let attributes = "text-anchor=\"middle\" dominant-baseline=\"middle\"";
        let mut line = |said: &str, down: f64| {
            let said = fitted(said, TICK, wide - 4.0);
            text(&said, ("cell-text", attributes, TICK), (middle.0, middle.1 + down), wide, out);
        };
        match size {
            Size::Wide => line(&format!("{value:.3} {difference:+.3}"), 0.5),
            Size::Narrow => {
                line(&format!("{value:.3}"), -7.0);
                line(&format!("{difference:+.3}"), 8.0);
            }
        }
        out.push_str("</g>\n");
    }
}

/// The colours with the differences that they stand for.
fn key(deepest: f64, (left, top): (f64, f64), out: &mut String) {
    const BOX: f64 = 20.0;
    for step in 0..STEPS {
        let share = f64::from(step) / f64::from(STEPS - 1) * 2.0 - 1.0;
        let (fill, opacity) = diverging(share * deepest, deepest);
        let _ = writeln!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"{BOX}\" height=\"12\" fill=\"{fill}\" fill-opacity=\"{opacity}\"/>",
            px(left + BOX * f64::from(step)),
            px(top)
        );
    }
    let end = BOX * f64::from(STEPS);
    for (at, anchor, said) in [
        (0.0, "start", format!("{:+.3}", -deepest)),
        (end / 2.0, "middle", "0".to_owned()),
        (end, "end", format!("{deepest:+.3}")),
    ] {
        let attributes = format!("text-anchor=\"{anchor}\"");
        text(&said, ("tick", &attributes, TICK), (left + at, top + 25.0), end, out);
    }
}
