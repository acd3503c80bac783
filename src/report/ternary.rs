//! An objective over three variables that sum to 1: a triangle whose corners are one of them alone.

use std::fmt::Write as _;

use super::bands::SurfaceAxes;
use super::marks;
use super::palette::class;
use super::surface::Surface;
use super::svg::{Frame, Size, px, text};
use super::text::NAME;
use crate::sweep::space::Axis;
use crate::sweep::{Analysis, Row, Study};

/// The height of a triangle with sides of 1.
const TALL: f64 = 0.866_025_403_784_438_6;

/// The figure of an objective; `None` unless the points are shares of three.
pub fn ternary(study: &Study, analysis: &Analysis, objective: usize, pick: Option<&str>, size: Size) -> Option<String> {
    let spec = &study.manifest.spec;
    let [Axis::Simplex { of, .. }] = spec.params.axes.as_slice() else { return None };
    let [first, second, third] = of.as_slice() else { return None };
    let points: Vec<(&Row, (f64, f64), f64)> = analysis
        .rows
        .iter()
        .filter_map(|row| {
            let [_, b, c] = row.trial.point()? else { return None };
            Some((row, flat(*b, *c), *row.objectives.get(objective)?))
        })
        .collect();
    let places: Vec<(f64, f64)> = points.iter().map(|(_, place, _)| *place).collect();
    let values: Vec<f64> = points.iter().map(|(.., value)| *value).collect();
    let surface = Surface::through(&places, &values)?;
    let (width, left, right) = size.of((560.0, 60.0, 112.0), (360.0, 44.0, 84.0));
    let (top, bottom) = (56.0, 64.0);
    let height = top + (width - left - right) * TALL + bottom;
    let frame = Frame { width, height, left, right, top, bottom };
    let (left, right) = frame.x();
    let bottom = frame.y().0;
    let top = bottom - (right - left) * TALL;
    let at = |(x, y): (f64, f64)| (left + (right - left) * x, bottom - (right - left) * y);
    let name = spec.objectives.get(objective).map_or("", |objective| objective.name.as_str());
    let mut out = frame.begin(
        &format!("{name} over {first}, {second} and {third}"),
        "A triangle whose corners are one model alone. Dots are measured; the bands between them follow a smooth surface through them",
    );
    let id = format!("triangle-{objective}-{}", size.of("wide", "narrow"));
    let outline = format!(
        "{},{} {},{} {},{}",
        px(left),
        px(bottom),
        px(right),
        px(bottom),
        px(f64::midpoint(left, right)),
        px(top)
    );
    let _ =
        writeln!(out, "<clipPath id=\"{id}\"><polygon points=\"{outline}\"/></clipPath><g clip-path=\"url(#{id})\">");
    let ground = SurfaceAxes {
        x: (left, right),
        y: (bottom, top),
        range: marks::range(&values),
        height: &|u, v| surface.at((u, v * TALL)),
    };
    ground.draw(&class(objective), &mut out);
    out.push_str("</g>\n");
    grid(&at, &mut out);
    let _ = writeln!(out, "<polygon class=\"axis\" points=\"{outline}\"/>");
    ground.key(&class(objective), right + 26.0, &mut out);
    text(name, ("name", "", NAME), (8.0, 18.0), width - 16.0, &mut out);
    let meanings = study.manifest.variables();
    for (index, (label, (x, y), anchor, (dx, dy))) in [
        (first, (0.0, 0.0), "start", (8.0 - left, 38.0)),
        (second, (1.0, 0.0), "end", (frame.right - 4.0, 38.0)),
        (third, (0.5, TALL), "middle", (0.0, -14.0)),
    ]
    .into_iter()
    .enumerate()
    {
        let (x, y) = at((x, y));
        let models = meanings.get(index).map(|variable| variable.models.join(", ")).filter(|models| !models.is_empty());
        let name = models.map_or_else(|| format!("{label} = 1"), |models| format!("{label} = 1: {models}"));
        let attributes = format!("text-anchor=\"{anchor}\"");
        text(&name, ("name", &attributes, NAME), (x + dx, y + dy), width / 2.0 - 12.0, &mut out);
    }
    for (row, place, value) in points {
        marks::mark(row, at(place), &format!("{} {name} {value:.4}", row.trial.label), pick, &mut out);
    }
    out.push_str("</svg>\n");
    Some(out)
}

/// The place of shares in the triangle: the first variable's corner is the origin, the second's (1, 0), the third's on top.
fn flat(second: f64, third: f64) -> (f64, f64) {
    (second + third / 2.0, third * TALL)
}

/// Lines of equal shares in quarters, with numbers at the side where each variable's lines end.
fn grid(at: &dyn Fn((f64, f64)) -> (f64, f64), out: &mut String) {
    for quarter in 1..4 {
        let share = f64::from(quarter) / 4.0;
        let rest = 1.0 - share;
        // Where the first, the second and the third have this share.
        let ends = [
            ((rest, 0.0), (0.0, rest), (0.0, 18.0), "middle"),
            ((share, rest), (share, 0.0), (10.0, 0.0), "start"),
            ((0.0, share), (rest, share), (-10.0, 0.0), "end"),
        ];
        for ((b, c), (other_b, other_c), (dx, dy), anchor) in ends {
            let ((x1, y1), (x2, y2)) = (at(flat(b, c)), at(flat(other_b, other_c)));
            let _ = writeln!(
                out,
                "<line class=\"grid\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/><text class=\"tick\" x=\"{}\" y=\"{}\" \
                 text-anchor=\"{anchor}\" dominant-baseline=\"middle\">{share}</text>",
                px(x1),
                px(y1),
                px(x2),
                px(y2),
                px(x1 + dx),
                px(y1 + dy)
            );
        }
    }
}
