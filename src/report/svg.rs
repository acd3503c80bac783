//! Pieces of SVG: text that is escaped, axes, marks.

use std::fmt::Write as _;

use super::text::{NAME, fitted};
pub(super) use crate::escape::html as escaped;

/// The attribute of a text that is centred.
pub(super) const CENTRED: &str = "text-anchor=\"middle\"";

/// A coordinate with a visible number of digits.
pub(super) fn px(value: f64) -> String {
    let rounded = (value * 100.0).round() / 100.0 + 0.0;
    format!("{rounded}")
}

/// From numbers to pixels along one direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: (f64, f64),
    to: (f64, f64),
}

impl Scale {
    /// A scale that holds all values, with a margin where it is `padded`.
    pub(super) fn over(values: impl Iterator<Item = f64>, to: (f64, f64), padded: bool) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let margin = if padded { ((high - low) * 0.06).max(0.002) } else { 0.0 };
        let (low, high) = if high - low < 1e-9 { (low - 0.01, high + 0.01) } else { (low - margin, high + margin) };
        Self { from: (low, high), to }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        self.to.0 + self.share(value) * (self.to.1 - self.to.0)
    }

    /// Where a value lies between the scale's ends: 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        (value - self.from.0) / (self.from.1 - self.from.0)
    }

    /// Round numbers inside the scale, about `count` of them.
    pub(super) fn ticks(&self, count: usize) -> Vec<f64> {
        let span = self.from.1 - self.from.0;
        let rough = span / count.max(1) as f64;
        let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
        let step = steps.iter().map(|step| step * power).find(|step| *step >= rough * 0.999).unwrap_or(power * 10.0);
        let first = (self.from.0 / step).ceil() * step;
        let ticks = (0..=20).map(|index| first + f64::from(index) * step);
        ticks
            .take_while(|tick| *tick <= self.from.1 + step * 1e-6)
            .map(|tick| (tick * 1e9).round() / 1e9 + 0.0)
            .collect()
    }
}

/// The width that a figure is drawn for. Its letters keep their size, so that they can be read on either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// A screen, or half of one.
    Wide,
    /// A telephone.
    Narrow,
}

impl Size {
    /// One of two values.
    pub(super) fn of<T>(self, wide: T, narrow: T) -> T {
        match self {
            Self::Wide => wide,
            Self::Narrow => narrow,
        }
    }

    /// About so many numbers stand at the horizontal axis.
    pub(super) fn ticks(self) -> usize {
        self.of(6, 4)
    }
}

/// Writes a text that is cut where it takes more than its room; then the whole text is its title. `place` is its class, its
/// other attributes, and its size.
pub(super) fn text(text: &str, place: (&str, &str, f64), (x, y): (f64, f64), room: f64, out: &mut String) {
    let (class, attributes, size) = place;
    let shown = fitted(text, size, room);
    let title = if shown == text { String::new() } else { format!("<title>{}</title>", escaped(text)) };
    let _ = writeln!(
        out,
        "<text class=\"{class}\" x=\"{}\" y=\"{}\" {attributes}>{}{title}</text>",
        px(x),
        px(y),
        escaped(&shown)
    );
}

/// Where a figure's axes are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Frame {
    pub(super) const fn x(&self) -> (f64, f64) {
        (self.left, self.width - self.right)
    }

    pub(super) const fn y(&self) -> (f64, f64) {
        (self.height - self.bottom, self.top)
    }

    /// The start of a figure, with a title for screen readers.
    pub(super) fn begin(&self, title: &str, description: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" \
             class=\"figure\" style=\"min-width:{}px;max-width:{}px\"><title>{}</title><desc>{}</desc>\n",
            px((self.width * 0.8).round()),
            px((self.width * 1.4).round()),
            escaped(title),
            escaped(description),
            w = px(self.width),
            h = px(self.height)
        )
    }

    /// The axes with their ticks and names.
    pub(super) fn axes(&self, x: &Scale, y: &Scale, names: (&str, &str), size: Size, out: &mut String) {
        let ((left, right), (bottom, top)) = (self.x(), self.y());
        for tick in y.ticks(5) {
            let at = px(y.at(tick));
            let _ = writeln!(
                out,
                "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{at}\" y2=\"{at}\"/>",
                px(left),
                px(right)
            );
            let _ = writeln!(
                out,
                "<text class=\"tick\" x=\"{}\" y=\"{at}\" text-anchor=\"end\" dominant-baseline=\"middle\">{tick}</text>",
                px(left - 6.0)
            );
        }
        for tick in x.ticks(size.ticks()) {
            let at = px(x.at(tick));
            let _ = writeln!(
                out,
                "<text class=\"tick\" x=\"{at}\" y=\"{}\" text-anchor=\"middle\">{tick}</text>",
                px(bottom + 16.0)
            );
        }
        let _ = writeln!(out, "<path class=\"axis\" d=\"M{} {}V{}H{}\"/>", px(left), px(top), px(bottom), px(right));
        // A name may be longer than its axis, as far as the figure's sides.
        let middle = f64::midpoint(left, right);
        let room = 2.0 * middle.min(self.width - middle) - 4.0;
        text(names.0, ("name", CENTRED, NAME), (middle, self.height - 8.0), room, out);
        let middle = f64::midpoint(bottom, top);
        let turned = format!("{CENTRED} transform=\"rotate(-90 14 {})\"", px(middle));
        // Above is the title, and below the other name.
        let room = 2.0 * (middle.min(self.height - middle) - 26.0);
        text(names.1, ("name", &turned, NAME), (14.0, middle), room, out);
    }
}

/// The style of figures that stand alone.
pub(super) const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#222}.tick{fill:#555;font-size:11px}\
.grid{stroke:#ddd}.axis{stroke:#555;fill:none}.line{fill:none;stroke-width:2}.band{opacity:.15;stroke:none}\
.chord{stroke-dasharray:3 4;stroke-width:1;fill:none;opacity:.8}.dim{opacity:.35}.pick{fill:none;stroke:#222;stroke-width:2}\
.contour{fill:none;stroke-width:1;opacity:.7}.dot{fill:#222;stroke:#fff}.dot.hollow{fill:#fff;stroke:#222}\
.cell-text{font-size:11px}.leader{stroke:#555;stroke-width:.75}.label{paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}";

/// A figure as a file of its own, with its style.
pub fn standalone(figure: &str) -> String {
    let mut style = STYLE.to_owned();
    for (index, (light, _)) in super::palette::SERIES.iter().enumerate() {
        let _ = write!(style, ".s{index}{{color:{light}}}");
    }
    // Its letters are dark: without a ground of its own it could not be read on a dark page.
    let ground = "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>";
    let with_style = figure.replacen("</desc>", &format!("</desc><style>{style}</style>{ground}"), 1);
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{with_style}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let scale = Scale::over([0.123, 0.987].into_iter(), (0.0, 100.0), false);
        assert_eq!(scale.ticks(5), [0.2, 0.4, 0.6, 0.8]);
        let narrow = Scale::over([0.5].into_iter(), (0.0, 100.0), true);
        assert!(narrow.ticks(5).len() >= 2);
        assert!(Scale::over(std::iter::empty(), (0.0, 1.0), true).at(0.5).is_finite());
    }
}
