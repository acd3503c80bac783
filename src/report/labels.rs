//! Labels of points: beside each, and off each other.

use std::fmt::Write as _;

use super::svg::{escaped, px};
use super::text::{NAME, extent};

/// The height of a label.
const HEIGHT: f64 = 14.0;
/// Distances from a point to its label, and how many ways there are around it.
const DISTANCES: [f64; 8] = [8.0, 14.0, 22.0, 34.0, 48.0, 64.0, 84.0, 110.0];
const WAYS: u8 = 16;
/// The distance from which a line leads from the point to its label.
const FAR: f64 = 20.0;

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) x: (f64, f64),
    pub(super) y: (f64, f64),
}

impl Area {
    fn around((x, y): (f64, f64), width: f64, height: f64) -> Self {
        Self { x: (x - width / 2.0, x + width / 2.0), y: (y - height / 2.0, y + height / 2.0) }
    }

    /// The area that both have.
    pub(super) fn shared(&self, other: &Self) -> f64 {
        let side = |(a, b): (f64, f64), (c, d): (f64, f64)| (b.min(d) - a.max(c)).max(0.0);
        side(self.x, other.x) * side(self.y, other.y)
    }

    fn holds(&self, other: &Self) -> bool {
        self.x.0 <= other.x.0 && other.x.1 <= self.x.1 && self.y.0 <= other.y.0 && other.y.1 <= self.y.1
    }

    const fn middle(&self) -> (f64, f64) {
        (f64::midpoint(self.x.0, self.x.1), f64::midpoint(self.y.0, self.y.1))
    }
}

/// Where labels may stand, and what stands there already.
pub(super) struct Labels {
    frame: Area,
    taken: Vec<(Area, f64)>,
}

impl Labels {
    /// Labels inside a frame, off these marks, each with its size and how much it matters.
    pub(super) fn new(frame: Area, marks: impl Iterator<Item = ((f64, f64), f64, f64)>) -> Self {
        Self { frame, taken: marks.map(|(at, size, weight)| (Area::around(at, size, size), weight)).collect() }
    }

    /// Writes a label near a point, with a line to it where that is not beside it.
    pub(super) fn write(&mut self, text: &str, at: (f64, f64), out: &mut String) {
        let width = extent(text, NAME);
        let (area, distance) = self.place(at, width);
        self.taken.push((area, 20.0));
        let (x, y) = area.middle();
        if distance > FAR {
            let end = (at.0.clamp(area.x.0, area.x.1), at.1.clamp(area.y.0, area.y.1));
            let _ = writeln!(
                out,
                "<line class=\"leader\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
                px(at.0),
                px(at.1),
                px(end.0),
                px(end.1)
            );
        }
        let _ = writeln!(
            out,
            "<text class=\"label\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            px(x),
            px(y + HEIGHT * 0.29),
            escaped(text)
        );
    }

    /// The place that is nearest and covers least.
    fn place(&self, at: (f64, f64), width: f64) -> (Area, f64) {
        let mut best: Option<(f64, Area, f64)> = None;
        for distance in DISTANCES {
            for way in 0..WAYS {
                let turn = f64::from(way) / f64::from(WAYS) * std::f64::consts::TAU - std::f64::consts::FRAC_PI_4;
                let (sine, cosine) = (libm::sin(turn), libm::cos(turn));
                let centre = (at.0 + (distance + width / 2.0) * cosine, at.1 + (distance + HEIGHT / 2.0) * sine);
                let area = Area::around(centre, width, HEIGHT);
                if !self.frame.holds(&area) {
                    continue;
                }
                let covered: f64 = self.taken.iter().map(|(taken, weight)| area.shared(taken) * weight).sum();
                let cost = covered + distance * 0.2;
                if best.is_none_or(|(least, ..)| cost < least) {
                    best = Some((cost, area, distance));
                }
            }
        }
        best.map_or_else(|| (self.inside(at, width), 0.0), |(_, area, distance)| (area, distance))
    }

    /// On the point, moved into the frame.
    fn inside(&self, at: (f64, f64), width: f64) -> Area {
        let within = |value: f64, (low, high): (f64, f64), size: f64| {
            if high - low < size { f64::midpoint(low, high) } else { value.clamp(low + size / 2.0, high - size / 2.0) }
        };
        Area::around((within(at.0, self.frame.x, width), within(at.1, self.frame.y, HEIGHT)), width, HEIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_points_that_lie_close_do_not_cover_each_other() {
        let points: Vec<(f64, f64)> = (0..30).map(|n| (250.0 + f64::from(n), 150.0 + f64::from(n % 3))).collect();
        let frame = Area { x: (60.0, 540.0), y: (20.0, 340.0) };
        let mut labels = Labels::new(frame, points.iter().map(|point| (*point, 11.0, 1.0)));
        let mut out = String::new();
        for (n, point) in points.iter().enumerate() {
            labels.write(&format!("w=0.{n:02}"), *point, &mut out);
        }
        let areas: Vec<Area> = labels.taken.iter().skip(points.len()).map(|(area, _)| *area).collect();
        assert_eq!(areas.len(), points.len());
        for (at, area) in areas.iter().enumerate() {
            assert!(frame.holds(area));
            assert!(areas.iter().skip(at + 1).all(|other| area.shared(other) < 1.0), "{at}");
        }
        assert!(out.contains("class=\"leader\""));
    }
}
