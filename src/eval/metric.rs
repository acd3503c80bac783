//! Names of metrics.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::diagnose::{Diagnose, ExitClass};
use crate::nearest::nearest;

/// The measure of one query's ranking. A document is relevant when its grade is 1 or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Measure {
    /// Normalised discounted cumulative gain: grades as gains, `log2(rank + 1)` as discount.
    Ndcg,
    /// The share of the relevant documents that is found.
    Recall,
    /// One over the rank of the first relevant document.
    Mrr,
    /// Average precision: the mean of the precisions at the ranks of the relevant documents.
    Map,
    /// The share of relevant documents among the first k ranks.
    Precision,
    /// Whether any relevant document is found.
    Success,
}

impl Measure {
    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ndcg => "ndcg",
            Self::Recall => "recall",
            Self::Mrr => "mrr",
            Self::Map => "map",
            Self::Precision => "p",
            Self::Success => "success",
        }
    }

    /// Reads the name of a measure in any of the usual tools, in lower case.
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "ndcg" => Self::Ndcg,
            "recall" | "r" => Self::Recall,
            "mrr" | "rr" | "recip_rank" => Self::Mrr,
            "map" | "ap" => Self::Map,
            "p" | "precision" => Self::Precision,
            "success" | "hit_rate" | "accuracy" => Self::Success,
            _ => return None,
        })
    }

    /// Whether it is defined without a cut.
    const fn stands_alone(self) -> bool {
        matches!(self, Self::Ndcg | Self::Mrr | Self::Map)
    }
}

/// A measure and the number of ranks that it considers, such as `ndcg@10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Metric {
    /// The measure.
    pub measure: Measure,
    /// The number of ranks that count; all without.
    pub cut: Option<NonZeroUsize>,
}

impl Metric {
    /// The measure over the first `cut` ranks, or over the whole ranking for 0.
    pub const fn new(measure: Measure, cut: usize) -> Self {
        Self { measure, cut: NonZeroUsize::new(cut) }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cut {
            Some(cut) => write!(f, "{}@{cut}", self.measure.name()),
            None => f.write_str(self.measure.name()),
        }
    }
}

/// A text that does not name a metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// No such measure.
    #[error("`{name}` is no metric{near} ndcg@k, recall@k, mrr@k, map@k, p@k, success@k, and ndcg, mrr, map", name = .0, near = meant(.0))]
    Unknown(String),
    /// A cut of zero, or a huge one.
    #[error("`{0}` has no cut that can be: it is a number from 1 up")]
    Cut(String),
    /// A measure that needs a cut.
    #[error("`{0}` needs a cut, as in `{0}@10`")]
    NeedsCut(String),
}

/// The metric that a misspelt one probably is, for the message: arguments have no hints.
fn meant(text: &str) -> String {
    let name = text.trim();
    let at = name.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(name.len());
    let (measure, cut) = name.split_at(at);
    nearest(measure, ["ndcg", "recall", "mrr", "map", "precision", "success"])
        .map(|near| format!("{near}{cut}"))
        .filter(|near| near.parse::<Metric>().is_ok())
        .map_or_else(|| "; there are".to_owned(), |near| format!(", did you mean {near}? There are"))
}

impl Diagnose for MetricError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(_) | Self::Cut(_) | Self::NeedsCut(_) => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        ExitClass::Usage
    }
}

impl FromStr for Metric {
    type Err = MetricError;

    /// Reads `ndcg@10`, and the forms that `trec_eval` (`ndcg_cut_10`, `P_5`, `recip_rank`), MTEB (`ndcg_at_10`) and other
    /// tools write.
    fn from_str(text: &str) -> Result<Self, MetricError> {
        let name = text.trim().to_ascii_lowercase();
        let unknown = || MetricError::Unknown(text.to_owned());
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = name.strip_prefix(stem).unwrap_or_default();
        if digits.is_empty() {
            let measure = Measure::parse(&name).ok_or_else(unknown)?;
            let alone = measure.stands_alone();
            return if alone { Ok(Self::new(measure, 0)) } else { Err(MetricError::NeedsCut(name)) };
        }
        let joints = ["_at_", "_cut_", "_cut.", "@", "_", "."];
        let measure = joints.iter().find_map(|joint| Measure::parse(stem.strip_suffix(joint)?)).ok_or_else(unknown)?;
        let cut = digits.parse().map_err(|_| MetricError::Cut(text.to_owned()))?;
        Ok(Self { measure, cut: Some(cut) })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn names_of_all_tools_are_read() {
        for (text, name) in [
            ("ndcg@10", "ndcg@10"),
            ("nDCG@10", "ndcg@10"),
            ("ndcg_cut_10", "ndcg@10"),
            ("ndcg_cut.10", "ndcg@10"),
            ("ndcg_at_10", "ndcg@10"),
            ("ndcg", "ndcg"),
            ("recall_100", "recall@100"),
            ("R@5", "recall@5"),
            ("P.5", "p@5"),
            ("precision_at_1", "p@1"),
            ("recip_rank", "mrr"),
            ("MRR@010", "mrr@10"),
            ("map_cut_100", "map@100"),
            ("MAP", "map"),
            ("success_1", "success@1"),
            ("hit_rate_at_5", "success@5"),
            ("accuracy@3", "success@3"),
        ] {
            assert_eq!(text.parse::<Metric>().map(|metric| metric.to_string()), Ok(name.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_misspelt_name_has_a_suggestion() {
        let message = |text: &str| text.parse::<Metric>().unwrap_err().to_string();
        assert!(
            message("ndgc@10").contains("`ndgc@10` is no metric, did you mean ndcg@10? There are"),
            "{}",
            message("ndgc@10")
        );
        assert!(message("recal@5").contains("did you mean recall@5?"));
        assert!(!message("hits").contains("did you mean"));
    }

    #[test]
    fn other_names_are_refused() {
        for text in ["", "10", "ndgc@10", "ndcg10", "ndcg@", "ndcg@-1", "ndcg@1k", "@10", "ndcg@@10", "한@1"] {
            assert_eq!(text.parse::<Metric>(), Err(MetricError::Unknown(text.to_owned())), "{text}");
        }
        for text in ["ndcg@0", "p@99999999999999999999999"] {
            assert_eq!(text.parse::<Metric>(), Err(MetricError::Cut(text.to_owned())), "{text}");
        }
        for text in ["recall", "p", "success"] {
            assert_eq!(text.parse::<Metric>(), Err(MetricError::NeedsCut(text.to_owned())), "{text}");
        }
    }
}
