//! Rules for which elements of a task vector stay.

/// Which elements of a task vector stay. Elements are ranked by magnitude, the largest first, among equals those of lower
/// index first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sparsification {
    /// All of them.
    All,
    /// The first `max(1, floor(density·n))` of the ranking, none for density 0.
    Largest {
        /// The share that stays, in 0..1.
        density: f64,
    },
    /// The `floor(density·n)` behind the first `floor(gamma·n)` of the ranking, or the last ones where fewer follow.
    Middle {
        /// The share that stays, in 0..1.
        density: f64,
        /// The share of the largest that is dropped.
        gamma: f64,
    },
    /// Each with the same probability.
    Random {
        /// The probability, in 0..1.
        density: f64,
    },
    /// Each with a probability that rises with its rank in its row, from `density − epsilon` for the smallest to
    /// `density + epsilon` for the largest.
    RandomByRank {
        /// The mean probability, in 0..1.
        density: f64,
        /// Half the spread.
        epsilon: f64,
    },
}

impl Sparsification {
    /// What stays of `n` elements by rank: how many of the largest are passed over, and how many stay then.
    #[expect(clippy::cast_sign_loss, reason = "shares are not negative")]
    pub fn window(self, n: u64) -> (u64, u64) {
        // Products such as 0.3 · 10 are taken in f64, as Python takes them.
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

    /// Whether what stays is drawn at random.
    pub fn is_random(self) -> bool {
        matches!(self, Self::Random { .. } | Self::RandomByRank { .. })
    }
}
