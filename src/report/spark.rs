//! A curve in a line of text.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The values as bars, from the smallest to the largest; nothing for values that are all the same.
pub fn sparkline(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.is_empty() || high - low <= 1e-12 {
        return String::new();
    }
    let bar = |value: &f64| {
        #[expect(clippy::cast_sign_loss, reason = "between 0 and 7")]
        let step = ((value - low) / (high - low) * 7.0).round() as usize;
        BARS.get(step).copied().unwrap_or(BARS[0])
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_and_the_largest_value_stand_out() {
        assert_eq!(sparkline(&[0.0, 0.5, 1.0]), "▁▅█");
        assert_eq!(sparkline(&[0.5, 0.5]), "");
        assert_eq!(sparkline(&[]), "");
    }
}
