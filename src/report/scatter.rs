//! The scatter plot of all trials over two objectives, with the Pareto front.

use std::fmt::Write as _;

use super::palette::class;
use super::svg::{Frame, Scale, escaped, px};
use crate::sweep::{Analysis, Row, Study};

const FRAME: Frame = Frame { width: 560.0, height: 400.0, left: 64.0, right: 24.0, top: 16.0, bottom: 44.0 };

/// Draws the scatter plot over two objectives, given by index.
pub fn scatter(study: &Study, analysis: &Analysis, (first, second): (usize, usize), pick: Option<&str>) -> String {
    let frame = FRAME;
    let name = |index: usize| study.manifest.spec.objectives.get(index).map_or("", |objective| objective.name.as_str());
    let value = |row: &Row, index: usize| row.objectives.get(index).copied().unwrap_or(f64::NAN);
    let x = Scale::over(analysis.rows.iter().map(|row| value(row, first)), frame.x(), true);
    let y = Scale::over(analysis.rows.iter().map(|row| value(row, second)), frame.y(), true);
    let title = format!("{} against {}", name(second), name(first));
    let mut out = frame.begin(&title, "Every trial by two objectives; those that no other beats are joined by steps");
    frame.axes(&x, &y, (name(first), name(second)), &mut out);
    steps(analysis, (first, second), (&x, &y), &mut out);
    for row in &analysis.rows {
        let at = (x.at(value(row, first)), y.at(value(row, second)));
        mark(row, at, &out_title(row, (name(first), value(row, first)), (name(second), value(row, second))), &mut out);
        if pick == Some(row.trial.id.as_str()) {
            let _ = writeln!(out, "<circle class=\"pick\" cx=\"{}\" cy=\"{}\" r=\"9\"/>", px(at.0), px(at.1));
        }
        if row.trial.point().is_none() {
            let anchor = if at.0 > frame.width * 0.7 { ("end", -9.0) } else { ("start", 9.0) };
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"{}\">{}</text>",
                px(at.0 + anchor.1),
                px(at.1 - 7.0),
                anchor.0,
                escaped(&row.trial.label)
            );
        }
    }
    out.push_str("</svg>\n");
    out
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
