//! How values are rounded.

/// A value with six digits behind the point, which is what tells points apart.
pub fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6 + 0.0
}
