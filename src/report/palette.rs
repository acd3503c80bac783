//! Colours and marks that people who see colours differently can tell apart (Okabe and Ito), and shapes beside them.

/// The colour of a series, as a class that the style sheet gives a light and a dark value.
pub(super) fn class(series: usize) -> String {
    format!("s{}", series % SERIES.len())
}

/// The series' colours on a light and on a dark ground.
pub(super) const SERIES: [(&str, &str); 6] = [
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff9e4a"),
    ("#009e73", "#3ddbb0"),
    ("#cc79a7", "#f0a6cf"),
    ("#7a6a00", "#f0e442"),
    ("#555555", "#bbbbbb"),
];

/// Dashes of a series' line, so that it is known without its colour.
pub(super) const DASHES: [&str; 6] = ["", "6 3", "2 3", "8 3 2 3", "4 2", "1 2"];

/// A cell's colour for a difference (blue below 0, orange above), as fill and opacity. The largest difference has the deepest
/// colour, and the root of the share lets small ones be seen beside it.
pub(super) fn diverging(difference: f64, largest: f64) -> (&'static str, f64) {
    let share = (difference.abs() / largest).clamp(0.0, 1.0);
    let colour = if difference < 0.0 { "#0072b2" } else { "#d55e00" };
    (colour, (share.sqrt() * 0.72 * 100.0).round() / 100.0)
}
