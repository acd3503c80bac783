//! Losses of a query's scores, by which its document is to come first.

use std::fmt;
use std::str::FromStr;

/// What is made small so that queries find their documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RankingLoss {
    /// One minus a smooth nDCG: queries that no merge answers count no more than others.
    #[default]
    Ndcg,
    /// The cross-entropy of the document among all (`InfoNCE`).
    Contrastive,
}

/// A loss, and its slope along each score.
pub(super) struct Scored {
    pub(super) loss: f64,
    pub(super) slopes: Vec<f64>,
}

impl RankingLoss {
    const ALL: [Self; 2] = [Self::Ndcg, Self::Contrastive];

    const fn name(self) -> &'static str {
        match self {
            Self::Ndcg => "ndcg",
            Self::Contrastive => "contrastive",
        }
    }

    /// The loss of the scores of all documents, of which one is to come first.
    pub(super) fn of(self, scores: &[f64], positive: usize) -> Scored {
        match self {
            Self::Ndcg => ndcg(scores, positive),
            Self::Contrastive => contrastive(scores, positive),
        }
    }
}

/// One minus nDCG where the rank is smooth: one plus, for each other document, the logistic function of how far it is ahead
/// (`ApproxNDCG`, Qin, Liu and Li 2010, A general approximation framework for direct optimization of information retrieval measures).
fn ndcg(scores: &[f64], positive: usize) -> Scored {
    let own = scores.get(positive).copied().unwrap_or_default();
    let ahead = |(at, score): (usize, &f64)| {
        if at == positive { 0.0 } else { 1.0 / (1.0 + libm::exp(own - score)) }
    };
    let ahead: Vec<f64> = scores.iter().enumerate().map(ahead).collect();
    let rank = 1.0 + ahead.iter().sum::<f64>();
    let bits = libm::log2(1.0 + rank);
    // Of -1 / log2(1 + rank).
    let by_rank = 1.0 / (std::f64::consts::LN_2 * (1.0 + rank) * bits * bits);
    let mut slopes: Vec<f64> = ahead.iter().map(|share| by_rank * share * (1.0 - share)).collect();
    let sum: f64 = slopes.iter().sum();
    if let Some(slope) = slopes.get_mut(positive) {
        *slope -= sum;
    }
    Scored { loss: 1.0 - 1.0 / bits, slopes }
}

fn contrastive(scores: &[f64], positive: usize) -> Scored {
    let (mut slopes, total) = softmax(scores);
    if let Some(slope) = slopes.get_mut(positive) {
        *slope -= 1.0;
    }
    Scored { loss: total - scores.get(positive).copied().unwrap_or_default(), slopes }
}

/// The softmax, and the logarithm of its divisor.
pub(super) fn softmax(scores: &[f64]) -> (Vec<f64>, f64) {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|score| libm::exp(score - most)).sum();
    let total = most + libm::log(sum);
    (scores.iter().map(|score| libm::exp(score - total)).collect(), total)
}

impl FromStr for RankingLoss {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|loss| loss.name() == text);
        found.ok_or_else(|| "expected ndcg or contrastive".to_owned())
    }
}

impl fmt::Display for RankingLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_scores_give_the_loss_of_the_rank() {
        let scores = [100.0, 200.0, 300.0, 0.0];
        for (positive, rank) in [(2, 1.0), (1, 2.0), (0, 3.0), (3, 4.0)] {
            let Scored { loss, .. } = RankingLoss::Ndcg.of(&scores, positive);
            assert!((loss - (1.0 - 1.0 / libm::log2(1.0 + rank))).abs() < 1e-12, "{positive}: {loss}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for loss in RankingLoss::ALL {
            assert_eq!(loss.to_string().parse(), Ok(loss));
        }
        assert!("infonce".parse::<RankingLoss>().is_err());
    }
}
