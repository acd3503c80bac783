//! How values are rounded.

/// Rounds a value to six decimals, the precision by which points are distinguished.
pub fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6 + 0.0
}

/// Rounds one of many values to three decimals.
pub(super) fn shortened(value: f64) -> f64 {
    (value * 1e3).round() / 1e3 + 0.0
}
