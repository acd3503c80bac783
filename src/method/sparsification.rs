//! Rules for which elements of a task vector are kept.

/// Which elements of a task vector are kept. Elements are ranked by magnitude, the largest first, ties by lower index
/// first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sparsification {
    /// All of them.
    All,
    /// The first `max(1, floor(density·n))` of the ranking; none for density 0.
    Largest {
        /// The share that is kept, from 0 to 1.
        density: f64,
    },
    /// The `floor(density·n)` that follow the first `floor(gamma·n)` of the ranking, or the last ones where fewer follow.
    Middle {
        /// The share that is kept, from 0 to 1.
        density: f64,
        /// The share of the largest that is dropped.
        gamma: f64,
    },
    /// Each element with the same probability.
    Random {
        /// The probability, from 0 to 1.
        density: f64,
    },
    /// Each element with a probability that rises with its rank in its row, from `density − epsilon` for the smallest to
    /// `density + epsilon` for the largest.
    RandomByRank {
        /// The mean probability, from 0 to 1.
        density: f64,
        /// Half the spread.
        epsilon: f64,
    },
}

impl Sparsification {
    /// The window of ranks that is kept of `n` elements: how many of the largest are skipped, and how many are kept after
    /// them.
    #[expect(clippy::cast_sign_loss, reason = "shares are not negative")]
    pub fn window(self, n: u64) -> (u64, u64) {
        // Products such as 0.3 · 10 are computed in f64, as in Python.
        let share = |share: f64| (share * n as f64).floor() as u64;
        match self {
            Self::Largest { density } if density <= 0.0 => (0, 0),
            Self::Largest { density } => (0, share(density).clamp(1, n.max(1))),
            Self::Middle { density, gamma } => {
                let keep = share(density).min(n);
                (share(gamma).min(n - keep), keep)
            }
            Self::All | Self::Random { .. } | Self::RandomByRank { .. } => (0, n),
        }
    }

    /// Whether the elements that are kept are drawn at random.
    pub fn is_random(self) -> bool {
        matches!(self, Self::Random { .. } | Self::RandomByRank { .. })
    }
}
