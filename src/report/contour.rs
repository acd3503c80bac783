//! An objective over two variables: measured points on bands of equal height.

use super::bands::SurfaceAxes;
use super::marks;
use super::palette::class;
use super::surface::Surface;
use super::svg::{Frame, Scale, Size, text};
use super::text::NAME;
use super::variables::named;
use crate::sweep::space::Axis;
use crate::sweep::{Analysis, Row, Study};

/// The figure of an objective; `None` unless two variables tell the points apart.
pub fn contour(study: &Study, analysis: &Analysis, objective: usize, pick: Option<&str>, size: Size) -> Option<String> {
    let spec = &study.manifest.spec;
    let [first, second] = spec.params.names()[..] else { return None };
    if spec.params.axes.iter().any(|axis| matches!(axis, Axis::Simplex { .. })) {
        return None;
    }
    let points: Vec<(&Row, (f64, f64), f64)> = analysis
        .rows
        .iter()
        .filter_map(|row| {
            let [x, y] = row.trial.point()? else { return None };
            Some((row, (*x, *y), *row.objectives.get(objective)?))
        })
        .collect();
    let (width, height) = size.of((560.0, 420.0), (360.0, 340.0));
    let frame = Frame { width, height, left: 60.0, right: 84.0, top: 32.0, bottom: 48.0 };
    let x = Scale::over(points.iter().map(|(_, (x, _), _)| *x), frame.x(), false);
    let y = Scale::over(points.iter().map(|(_, (_, y), _)| *y), frame.y(), false);
    let places: Vec<(f64, f64)> = points.iter().map(|(_, (u, v), _)| (x.share(*u), y.share(*v))).collect();
    let values: Vec<f64> = points.iter().map(|(.., value)| *value).collect();
    let surface = Surface::through(&places, &values)?;
    let name = spec.objectives.get(objective).map_or("", |objective| objective.name.as_str());
    let mut out = frame.begin(
        &format!("{name} over {first} and {second}"),
        "Dots are measured; the bands between them follow a smooth surface through them",
    );
    let ground =
        SurfaceAxes { x: frame.x(), y: frame.y(), range: marks::range(&values), height: &|u, v| surface.at((u, v)) };
    ground.draw(&class(objective), &mut out);
    let axes = named(study);
    let axis = |index: usize, name| axes.get(index).map_or(name, String::as_str);
    frame.axes(&x, &y, (axis(0, first), axis(1, second)), size, &mut out);
    ground.key(&class(objective), frame.x().1 + 18.0, &mut out);
    text(name, ("name", "", NAME), (8.0, 18.0), width - 16.0, &mut out);
    for (row, (u, v), value) in points {
        marks::mark(row, (x.at(u), y.at(v)), &format!("{} {name} {value:.4}", row.trial.label), pick, &mut out);
    }
    out.push_str("</svg>\n");
    Some(out)
}
