//! The scatter plot of all trials over two objectives, with the Pareto front.

use std::fmt::Write as _;

use super::labels::{Area, Labels};
use super::palette::class;
use super::svg::{Frame, Scale, Size, escaped, px, text};
use super::text::{NAME, fitted};
use super::variables::{queries, values};
use crate::sweep::{Analysis, Row, Study};

/// Draws the scatter plot over two objectives, given by index.
pub fn scatter(
    study: &Study,
    analysis: &Analysis,
    (first, second): (usize, usize),
    pick: Option<&str>,
    size: Size,
) -> String {
    let (width, height) = size.of((560.0, 400.0), (360.0, 360.0));
    let frame = Frame { width, height, left: 60.0, right: 20.0, top: 32.0, bottom: 48.0 };
    let name = |index: usize| study.manifest.spec.objectives.get(index).map_or("", |objective| objective.name.as_str());
    let value = |row: &Row, index: usize| row.objectives.get(index).copied().unwrap_or(f64::NAN);
    let x = Scale::over(analysis.rows.iter().map(|row| value(row, first)), frame.x(), true);
    let y = Scale::over(analysis.rows.iter().map(|row| value(row, second)), frame.y(), true);
    let queries = queries(analysis);
    let title = format!("{} against {}, {queries}", name(second), name(first));
    let mut out = frame.begin(&title, "Every trial by two objectives; those that no other beats are joined by steps");
    text(queries, ("name", "", NAME), (8.0, 18.0), width - 16.0, &mut out);
    frame.axes(&x, &y, (name(first), name(second)), size, &mut out);
    steps(analysis, (first, second), (&x, &y), &mut out);
    let place = |row: &Row| (x.at(value(row, first)), y.at(value(row, second)));
    for row in &analysis.rows {
        let at = place(row);
        mark(row, at, &out_title(row, (name(first), value(row, first)), (name(second), value(row, second))), &mut out);
        if pick == Some(row.trial.id.as_str()) {
            let _ = writeln!(out, "<circle class=\"pick\" cx=\"{}\" cy=\"{}\" r=\"9\"/>", px(at.0), px(at.1));
        }
    }
    let inside = Area { x: (frame.x().0 + 2.0, width - 2.0), y: (frame.top - 8.0, frame.y().0 - 2.0) };
    let is_pick = |row: &Row| pick == Some(row.trial.id.as_str());
    let mark_of = |row: &Row| {
        let (size, weight) =
            if is_pick(row) { (22.0, 1.0) } else { (11.0, if row.pareto_optimal { 1.0 } else { 0.2 }) };
        (place(row), size, weight)
    };
    let mut labels = Labels::new(inside, analysis.rows.iter().map(mark_of));
    let named = |row: &&Row| row.is_first && (row.pareto_optimal || is_baseline(analysis, row)) || is_pick(row);
    for row in analysis.rows.iter().filter(named) {
        labels.write(&fitted(&label(study, analysis, row), NAME, width / 3.0), place(row), &mut out);
    }
    out.push_str("</svg>\n");
    out
}

/// The trials that have the same weights: a point at the end of a ratio is one of the models.
fn same<'a>(analysis: &'a Analysis, row: &'a Row) -> impl Iterator<Item = &'a Row> {
    analysis.rows.iter().filter(|other| other.result.weights == row.result.weights)
}

fn is_baseline(analysis: &Analysis, row: &Row) -> bool {
    same(analysis, row).any(|row| row.trial.point().is_none())
}

/// The values of a point, and the names of baselines with the same weights.
fn label(study: &Study, analysis: &Analysis, row: &Row) -> String {
    let labels = same(analysis, row).map(|row| values(study, row).unwrap_or_else(|| row.trial.label.clone()));
    labels.collect::<Vec<_>>().join(", ")
}

fn out_title(row: &Row, first: (&str, f64), second: (&str, f64)) -> String {
    format!("{}: {} {:.4}, {} {:.4}", row.trial.label, first.0, first.1, second.0, second.1)
}

/// Points are dots and baselines diamonds; trials that are not Pareto-optimal are pale.
fn mark(row: &Row, (x, y): (f64, f64), title: &str, out: &mut String) {
    let (class, dim) = (class(usize::from(row.trial.point().is_none())), if row.pareto_optimal { "" } else { " dim" });
    let title = escaped(title);
    let _ = if row.trial.point().is_some() {
        writeln!(
            out,
            "<circle class=\"{class}{dim}\" fill=\"currentColor\" cx=\"{}\" cy=\"{}\" r=\"5\" tabindex=\"0\"><title>{title}</title></circle>",
            px(x),
            px(y)
        )
    } else {
        writeln!(
            out,
            "<path class=\"{class}{dim}\" fill=\"currentColor\" d=\"M{} {}l6 6l-6 6l-6 -6z\" tabindex=\"0\"><title>{title}</title></path>",
            px(x),
            px(y - 6.0)
        )
    };
}

/// The line below which a trial is beaten.
fn steps(analysis: &Analysis, (first, second): (usize, usize), (x, y): (&Scale, &Scale), out: &mut String) {
    let value = |row: &Row, index: usize| row.objectives.get(index).copied().unwrap_or(f64::NAN);
    let mut points: Vec<(f64, f64)> = analysis.rows.iter().map(|row| (value(row, first), value(row, second))).collect();
    points.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| b.1.total_cmp(&a.1)));
    let mut path = String::new();
    let mut best = f64::NEG_INFINITY;
    for (a, b) in points {
        if b > best {
            let _ = if path.is_empty() {
                write!(path, "M{} {}", px(x.at(a)), px(y.at(b)))
            } else {
                write!(path, "H{}V{}", px(x.at(a)), px(y.at(b)))
            };
            best = b;
        }
    }
    let _ = writeln!(out, "<path class=\"line s0\" stroke=\"currentColor\" d=\"{path}\"/>");
}
