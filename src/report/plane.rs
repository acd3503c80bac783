//! The scatter plot of named models over two scores.

use std::fmt::Write as _;

use super::labels::{Area, Labels};
use super::palette::class;
use super::svg::{Frame, Scale, Size, escaped, px, text};
use super::text::{NAME, extent};

/// A figure of models over two scores.
#[derive(Clone, Debug)]
pub struct Plane {
    /// Its title.
    pub title: String,
    /// The names of the horizontal and the vertical axis.
    pub axes: (String, String),
    /// The models, in groups.
    pub groups: Vec<PlaneGroup>,
}

/// Models that have one colour and one shape.
#[derive(Clone, Debug)]
pub struct PlaneGroup {
    /// Its name in the key.
    pub name: String,
    /// Its models.
    pub points: Vec<PlanePoint>,
    /// Whether steps show which part of the plane its models leave free: above and to the right of them.
    pub is_front: bool,
    /// Whether names stand beside its points.
    pub is_named: bool,
}

/// A model in the plane.
#[derive(Clone, Debug)]
pub struct PlanePoint {
    /// Its name.
    pub name: String,
    /// Its score on the horizontal and on the vertical axis.
    pub at: (f64, f64),
}

/// Draws the figure.
pub fn plane(plane: &Plane, size: Size) -> String {
    let (width, height) = size.of((640.0, 480.0), (360.0, 400.0));
    let frame = Frame { width, height, left: 60.0, right: 20.0, top: 56.0, bottom: 48.0 };
    let points = || plane.groups.iter().flat_map(|group| &group.points);
    let x = Scale::over(points().map(|point| point.at.0), frame.x(), true);
    let y = Scale::over(points().map(|point| point.at.1), frame.y(), true);
    let mut out = frame.begin(&plane.title, "Every model by two scores; above and to the right is better");
    text(&plane.title, ("name", "", NAME), (8.0, 18.0), width - 16.0, &mut out);
    key(plane, width, &mut out);
    frame.axes(&x, &y, (&plane.axes.0, &plane.axes.1), size, &mut out);
    let place = |point: &PlanePoint| (x.at(point.at.0), y.at(point.at.1));
    for (series, group) in plane.groups.iter().enumerate() {
        if group.is_front {
            steps(group, (&x, &y), series, &mut out);
        }
        for point in &group.points {
            let title = format!("{}: {:.4}, {:.4}", point.name, point.at.0, point.at.1);
            mark(series, place(point), &title, &mut out);
        }
    }
    let inside = Area { x: (frame.x().0 + 2.0, width - 2.0), y: (frame.top - 8.0, frame.y().0 - 2.0) };
    let mut labels = Labels::new(inside, points().map(|point| (place(point), 11.0, 1.0)));
    for point in plane.groups.iter().filter(|group| group.is_named).flat_map(|group| &group.points) {
        labels.write(&point.name, place(point), &mut out);
    }
    out.push_str("</svg>\n");
    out
}

/// Says what the colours and shapes mean.
fn key(plane: &Plane, width: f64, out: &mut String) {
    let mut left = 14.0;
    for (series, group) in plane.groups.iter().enumerate() {
        mark(series, (left, 34.0), &group.name, out);
        text(&group.name, ("tick", "", NAME), (left + 10.0, 38.0), width - left - 10.0, out);
        left += extent(&group.name, NAME) + 32.0;
    }
}

/// Dots, diamonds and squares, so that groups are told apart without colours.
fn mark(series: usize, (x, y): (f64, f64), title: &str, out: &mut String) {
    let outline = match series % 3 {
        0 => "a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
        1 => "l5 -6l5 6l-5 6z",
        _ => "v-5h10v10h-10z",
    };
    let _ = writeln!(
        out,
        "<path class=\"{}\" fill=\"currentColor\" d=\"M{} {}{outline}\" tabindex=\"0\"><title>{}</title></path>",
        class(series),
        px(x - 5.0),
        px(y),
        escaped(title)
    );
}

/// The line that no model of a group is above.
fn steps(group: &PlaneGroup, (x, y): (&Scale, &Scale), series: usize, out: &mut String) {
    let mut points: Vec<(f64, f64)> = group.points.iter().map(|point| point.at).collect();
    points.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| b.1.total_cmp(&a.1)));
    let mut path = String::new();
    let mut best = f64::NEG_INFINITY;
    for (a, b) in points.into_iter().filter(|(a, b)| a.is_finite() && b.is_finite()) {
        if b > best {
            let _ = if path.is_empty() {
                write!(path, "M{} {}", px(x.at(a)), px(y.at(b)))
            } else {
                write!(path, "H{}V{}", px(x.at(a)), px(y.at(b)))
            };
            best = b;
        }
    }
    let _ = writeln!(out, "<path class=\"line {}\" stroke=\"currentColor\" d=\"{path}\"/>", class(series));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_in_the_figure_and_only_named_groups_have_labels() {
        let group = |name: &str, is_named: bool, points: &[(&str, (f64, f64))]| PlaneGroup {
            name: name.to_owned(),
            points: points.iter().map(|(name, at)| PlanePoint { name: (*name).to_owned(), at: *at }).collect(),
            is_front: !is_named,
            is_named,
        };
        let figure = plane(
            &Plane {
                title: "Scores".to_owned(),
                axes: ("across".to_owned(), "within".to_owned()),
                groups: vec![
                    group("ratios", false, &[("r<1>", (0.1, 0.9)), ("r2", (0.2, 0.8)), ("r3", (0.15, 0.7))]),
                    group("models", true, &[("base", (0.05, 0.95))]),
                ],
            },
            Size::Wide,
        );
        // The key has a mark for each group, too.
        assert_eq!(figure.matches("fill=\"currentColor\"").count(), 4 + 2);
        assert!(figure.contains("r&lt;1&gt;: 0.1000, 0.9000") && figure.contains(">base</text>"), "{figure}");
        assert!(!figure.contains(">r2</text>"), "{figure}");
        // The third ratio is below the steps.
        assert_eq!(figure.matches("class=\"line").count(), 1);
        let line = figure.split("class=\"line").nth(1).unwrap_or_default().split("/>").next().unwrap_or_default();
        assert_eq!(line.matches('H').count(), 1, "{line}");
    }
}
