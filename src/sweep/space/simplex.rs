//! Variables of at least 0 that sum to 1.

use super::rounding::rounded;

/// Whether a step divides 1 into at most a thousand equal parts.
pub(crate) fn is_part_of_one(step: f64) -> bool {
    (0.001..=1.0).contains(&step) && (parts(step) as f64 * step - 1.0).abs() <= 1e-9
}

/// The number of parts that a step divides 1 into.
pub(super) fn parts(step: f64) -> u64 {
    #[expect(clippy::cast_sign_loss, reason = "steps are positive")]
    let parts = (1.0 / step).round() as u64;
    parts.max(1)
}

pub(super) fn gaps(cuts: &[f64]) -> Vec<f64> {
    let mut last = 0.0;
    let mut values: Vec<f64> = cuts
        .iter()
        .map(|cut| {
            let gap = rounded(cut - last);
            last = *cut;
            gap
        })
        .collect();
    let rest = 1.0 - values.iter().sum::<f64>();
    values.push(rounded(rest));
    values
}

/// The number of lattice points of `n` variables in steps of 1/`parts`: (parts + n − 1) over (n − 1).
pub(super) fn count_simplex(n: u64, parts: u64) -> Option<u64> {
    (1..n).try_fold(1_u64, |count, k| count.checked_mul(parts.checked_add(k)?).map(|product| product / k))
}

/// Every way to divide `parts` parts among `n` variables, with the first variable's share descending.
pub(super) fn lattice(n: usize, parts: u64) -> Vec<Vec<f64>> {
    fn share(left: u64, n: usize, so_far: &mut Vec<u64>, found: &mut Vec<Vec<u64>>) {
        if n == 1 {
            so_far.push(left);
            found.push(so_far.clone());
            so_far.pop();
            return;
        }
        for part in (0..=left).rev() {
            so_far.push(part);
            share(left - part, n - 1, so_far, found);
            so_far.pop();
        }
    }
    let mut found = Vec::new();
    share(parts, n.max(1), &mut Vec::new(), &mut found);
    let value = |part: &u64| rounded(*part as f64 / parts as f64);
    found.iter().map(|shares| shares.iter().map(value).collect()).collect()
}
