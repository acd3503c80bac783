//! The trade-off along one ratio: a line for each objective, its bootstrap band, and the chord between the parents.

use std::fmt::Write as _;

use super::palette::{DASHES, class};
use super::svg::{Frame, Scale, Size, escaped, px, text};
use super::text::{NAME, extent};
use super::variables::{named, queries};
use crate::sweep::{Analysis, Row, Study};

/// The names at the lines' ends take at most this share of the width.
const NAMES: f64 = 0.28;

/// The curves of `analysis` on the scale of `all`, so that those of other queries can be held against it; `None` where more
/// than one number tells the points apart.
pub fn curve(study: &Study, analysis: &Analysis, all: &[&Analysis], pick: Option<&str>, size: Size) -> Option<String> {
    let spec = &study.manifest.spec;
    if spec.params.dimensions() != 1 {
        return None;
    }
    let points = points_of(analysis);
    let others: Vec<(f64, &Row)> = all.iter().flat_map(|analysis| points_of(analysis)).collect();
    if points.len() < 2 {
        return None;
    }
    let widest = spec.objectives.iter().map(|objective| extent(&objective.name, NAME)).fold(0.0, f64::max);
    let (width, height) = size.of((560.0, 380.0), (360.0, 340.0));
    let right = (widest + 16.0).clamp(24.0, width * NAMES);
    let frame = Frame { width, height, left: 60.0, right, top: 32.0, bottom: 48.0 };
    let both = || points.iter().chain(&others);
    let x = Scale::over(both().map(|(x, _)| *x), frame.x(), false);
    let values = both().flat_map(|(_, row)| {
        row.objectives.iter().copied().chain(row.intervals.iter().flat_map(|(low, high)| [*low, *high]))
    });
    let y = Scale::over(values, frame.y(), true);
    let metric = spec.objectives.first().map_or_else(String::new, |objective| objective.metric.to_string());
    let description =
        "A line for each objective over the ratio, with 95 % bootstrap bands and the chord between the ends";
    let name = named(study).into_iter().next().unwrap_or_default();
    let queries = queries(analysis);
    let mut out = frame.begin(&format!("{metric} over {name}, {queries}"), description);
    text(queries, ("name", "", NAME), (8.0, 18.0), width - 16.0, &mut out);
    frame.axes(&x, &y, (&name, &metric), size, &mut out);
    let mut labels = Vec::new();
    for (index, objective) in spec.objectives.iter().enumerate() {
        let series: Vec<(f64, f64, &Row)> =
            points.iter().filter_map(|(x, row)| Some((*x, *row.objectives.get(index)?, *row))).collect();
        line(index, &series, (&x, &y), &objective.name, pick, &mut out);
        labels.extend(series.last().map(|(_, value, _)| (y.at(*value), index, objective.name.as_str())));
    }
    names(&mut labels, &frame, &mut out);
    out.push_str("</svg>\n");
    Some(out)
}

/// Of two variables that sum to 1 the first says all.
fn points_of(analysis: &Analysis) -> Vec<(f64, &Row)> {
    let mut points: Vec<(f64, &Row)> =
        analysis.rows.iter().filter_map(|row| Some((*row.trial.point()?.first()?, row))).collect();
    points.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    points
}

fn line(
    index: usize,
    series: &[(f64, f64, &Row)],
    (x, y): (&Scale, &Scale),
    name: &str,
    pick: Option<&str>,
    out: &mut String,
) {
    let class = class(index);
    let interval = |row: &Row| row.intervals.get(index).copied();
    let there: Vec<String> = series
        .iter()
        .filter_map(|(at, _, row)| Some(format!("{},{}", px(x.at(*at)), px(y.at(interval(row)?.1)))))
        .collect();
    let back: Vec<String> = series
        .iter()
        .rev()
        .filter_map(|(at, _, row)| Some(format!("{},{}", px(x.at(*at)), px(y.at(interval(row)?.0)))))
        .collect();
    if there.len() > 1 {
        let _ = writeln!(
            out,
            "<polygon class=\"band {class}\" fill=\"currentColor\" points=\"{} {}\"/>",
            there.join(" "),
            back.join(" ")
        );
    }
    if let (Some((x0, y0, _)), Some((x1, y1, _))) = (series.first(), series.last()) {
        let _ = writeln!(
            out,
            "<line class=\"chord {class}\" stroke=\"currentColor\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
            px(x.at(*x0)),
            px(y.at(*y0)),
            px(x.at(*x1)),
            px(y.at(*y1))
        );
    }
    let path: Vec<String> =
        series.iter().map(|(at, value, _)| format!("{},{}", px(x.at(*at)), px(y.at(*value)))).collect();
    let dash = DASHES.get(index % DASHES.len()).copied().unwrap_or_default();
    let _ = writeln!(
        out,
        "<polyline class=\"line {class}\" stroke=\"currentColor\" stroke-dasharray=\"{dash}\" points=\"{}\"/>",
        path.join(" ")
    );
    for (at, value, row) in series {
        let (cx, cy) = (px(x.at(*at)), px(y.at(*value)));
        let band = interval(row).map_or_else(String::new, |(low, high)| format!(" ({low:.4} to {high:.4})"));
        let _ = writeln!(
            out,
            "<circle class=\"{class}\" fill=\"currentColor\" cx=\"{cx}\" cy=\"{cy}\" r=\"3.5\" tabindex=\"0\"><title>{} {} {value:.4}{band}</title></circle>",
            escaped(&row.trial.label),
            escaped(name)
        );
        if pick == Some(row.trial.id.as_str()) {
            let _ = writeln!(out, "<circle class=\"pick\" cx=\"{cx}\" cy=\"{cy}\" r=\"8\"/>");
        }
    }
}

/// The names at the lines' ends, moved apart where they would touch, and back where the last would leave the figure.
fn names(labels: &mut [(f64, usize, &str)], frame: &Frame, out: &mut String) {
    /// The height of a name.
    const HEIGHT: f64 = 15.0;
    labels.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    let mut last = f64::NEG_INFINITY;
    for (at, ..) in labels.iter_mut() {
        *at = at.max(last + HEIGHT);
        last = *at;
    }
    let mut next = frame.height - 8.0;
    for (at, ..) in labels.iter_mut().rev() {
        *at = at.min(next);
        next = *at - HEIGHT;
    }
    let left = frame.x().1 + 8.0;
    for (at, index, name) in labels {
        let class = class(*index);
        let style = "style=\"fill:currentColor\" dominant-baseline=\"middle\"";
        text(name, (&class, style, NAME), (left, *at), frame.width - left - 2.0, out);
    }
}
