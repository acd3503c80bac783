//! Contour bands of a figure over a plane, with lines between them.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use super::svg::px;

/// Number of cells along each side.
const CELLS: usize = 72;

/// Number of bands.
pub(super) const LEVELS: usize = 8;

/// The position and the height function of a surface.
pub(super) struct SurfaceAxes<'a> {
    /// The left and the right side, in pixels.
    pub(super) x: (f64, f64),
    /// The bottom and the top, in pixels.
    pub(super) y: (f64, f64),
    /// The heights of the lowest and the highest point.
    pub(super) range: (f64, f64),
    /// The height at a place, each number from 0 (left, bottom) to 1.
    pub(super) height: &'a dyn Fn(f64, f64) -> f64,
}

impl SurfaceAxes<'_> {
    /// Draws the bands in a series' colour, and the lines between them.
    pub(super) fn draw(&self, class: &str, out: &mut String) {
        let at = |cell: usize| cell as f64 / CELLS as f64;
        let corners: Vec<Vec<f64>> =
            (0..=CELLS).map(|row| (0..=CELLS).map(|column| (self.height)(at(column), at(row))).collect()).collect();
        let (width, height) = ((self.x.1 - self.x.0) / CELLS as f64, (self.y.0 - self.y.1) / CELLS as f64);
        // Rows that are smoothed where they meet would show as stripes.
        out.push_str("<g shape-rendering=\"crispEdges\">\n");
        for row in 0..CELLS {
            let level = |column: usize| {
                let four = [(row, column), (row, column + 1), (row + 1, column), (row + 1, column + 1)];
                self.level(four.iter().map(|(row, column)| corners[*row][*column]).sum::<f64>() / 4.0)
            };
            let y = self.y.0 - height * (row as f64 + 1.0);
            for (level, columns) in runs((0..CELLS).map(level)) {
                let x = self.x.0 + width * *columns.start() as f64;
                let wide = width * (columns.end() - columns.start() + 1) as f64;
                let _ = writeln!(
                    out,
                    "<rect class=\"{class}\" fill=\"currentColor\" fill-opacity=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                    opacity(level),
                    px(x),
                    px(y),
                    px(wide),
                    px(height)
                );
            }
        }
        out.push_str("</g>\n");
        for level in 1..LEVELS {
            let path = self.line(&corners, self.bound(level));
            if !path.is_empty() {
                let _ = writeln!(out, "<path class=\"contour {class}\" stroke=\"currentColor\" d=\"{path}\"/>");
            }
        }
    }

    /// The band of a height.
    pub(super) fn level(&self, height: f64) -> usize {
        let share = (height - self.range.0) / (self.range.1 - self.range.0).max(1e-12);
        #[expect(clippy::cast_sign_loss, reason = "not negative")]
        let level = (share.clamp(0.0, 1.0) * LEVELS as f64) as usize;
        level.min(LEVELS - 1)
    }

    /// The height at which a band begins.
    pub(super) fn bound(&self, level: usize) -> f64 {
        self.range.0 + (self.range.1 - self.range.0) * level as f64 / LEVELS as f64
    }

    /// The line of a height: through every cell whose corners lie on both sides, from side to side.
    fn line(&self, corners: &[Vec<f64>], height: f64) -> String {
        let place = |row: f64, column: f64| {
            let x = self.x.0 + (self.x.1 - self.x.0) * column / CELLS as f64;
            let y = self.y.0 - (self.y.0 - self.y.1) * row / CELLS as f64;
            format!("{} {}", px(x), px(y))
        };
        let mut path = String::new();
        for row in 0..CELLS {
            for column in 0..CELLS {
                let corner = |at: usize| {
                    let (row, column) =
                        [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)][at % 4];
                    (row as f64, column as f64, corners[row][column])
                };
                let crossings: Vec<String> = (0..4)
                    .filter_map(|side| {
                        let (one, other) = (corner(side), corner(side + 1));
                        let crosses = (one.2 < height) != (other.2 < height);
                        let share = (height - one.2) / (other.2 - one.2);
                        crosses.then(|| place(one.0 + share * (other.0 - one.0), one.1 + share * (other.1 - one.1)))
                    })
                    .collect();
                for pair in crossings.chunks_exact(2) {
                    let _ = write!(path, "M{}L{}", pair[0], pair[1]);
                }
            }
        }
        path
    }

    /// Draws the key: one box for each band, the lowest at the bottom, with the heights at their bounds.
    pub(super) fn key(&self, class: &str, left: f64, out: &mut String) {
        let step = (self.y.0 - self.y.1) / LEVELS as f64;
        for level in 0..LEVELS {
            let y = self.y.0 - step * (level as f64 + 1.0);
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" fill=\"currentColor\" fill-opacity=\"{}\" x=\"{}\" y=\"{}\" width=\"14\" height=\"{}\"/>",
                opacity(level),
                px(left),
                px(y),
                px(step)
            );
        }
        for level in (0..=LEVELS).step_by(2) {
            let _ = writeln!(
                out,
                "<text class=\"tick\" x=\"{}\" y=\"{}\" dominant-baseline=\"middle\">{:.3}</text>",
                px(left + 20.0),
                px(self.y.0 - step * level as f64),
                self.bound(level)
            );
        }
    }
}

/// The deeper, the higher.
fn opacity(level: usize) -> f64 {
    ((0.06 + 0.64 * level as f64 / (LEVELS - 1) as f64) * 100.0).round() / 100.0
}

/// Groups equal neighbours.
fn runs(values: impl Iterator<Item = usize>) -> Vec<(usize, RangeInclusive<usize>)> {
    let mut found: Vec<(usize, RangeInclusive<usize>)> = Vec::new();
    for (at, value) in values.enumerate() {
        match found.last_mut() {
            Some((last, run)) if *last == value => *run = *run.start()..=at,
            _ => found.push((value, at..=at)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_has_all_bands_and_straight_lines_between_them() {
        let ground = SurfaceAxes { x: (0.0, 72.0), y: (72.0, 0.0), range: (0.0, 1.0), height: &|x, _| x };
        let mut out = String::new();
        ground.draw("s0", &mut out);
        assert_eq!(out.matches("<rect").count(), CELLS * LEVELS);
        assert_eq!(out.matches("<path").count(), LEVELS - 1);
        // The line of a half lies in the middle, from the bottom to the top.
        let middle = out.split("<path").nth(4).unwrap_or_default();
        assert_eq!(middle.matches("M36 ").count(), CELLS);
        assert_eq!(runs([1, 1, 2, 1].into_iter()), [(1, 0..=1), (2, 2..=2), (1, 3..=3)]);
    }
}
