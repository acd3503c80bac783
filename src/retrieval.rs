//! How documents are found: by dense vectors, by tokens, by vectors of tokens, or by a weighted sum of these.

use std::fmt;
use std::str::FromStr;

use crate::diagnose::{Diagnose, ExitClass};

/// A text that names no retrieval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a kind of retrieval; expected dense, sparse or late, several of them joined by commas, or `all`"
)]
pub struct UnknownRetrieval {
    /// The text.
    pub text: String,
}

impl Diagnose for UnknownRetrieval {
    fn hint(&self) -> Option<String> {
        None
    }

    fn exit_class(&self) -> ExitClass {
        ExitClass::Usage
    }
}

/// How documents are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetrievalKind {
    /// By the similarity of dense vectors.
    Dense,
    /// By the tokens that sparse vectors share.
    Sparse,
    /// By the most similar vectors of the tokens of both.
    Late,
}

impl RetrievalKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Dense, Self::Sparse, Self::Late];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Sparse => "sparse",
            Self::Late => "late",
        }
    }
}

/// A kind of retrieval, or several whose scores are added up with weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retrieval {
    /// The weight of each kind, in the order of [`RetrievalKind::ALL`]; `None` for kinds that do not count.
    weights: [Option<f32>; 3],
}

impl Retrieval {
    /// By one kind alone.
    pub const fn only(kind: RetrievalKind) -> Self {
        let mut weights = [None; 3];
        weights[kind as usize] = Some(1.0);
        Self { weights }
    }

    /// By these kinds with these weights.
    pub fn weighted(kinds: impl IntoIterator<Item = (RetrievalKind, f32)>) -> Self {
        let mut weights = [None; 3];
        for (kind, weight) in kinds {
            weights[kind as usize] = Some(weight);
        }
        Self { weights }
    }

    /// The kinds that count, each with its weight.
    pub fn kinds(&self) -> impl Iterator<Item = (RetrievalKind, f32)> {
        RetrievalKind::ALL.into_iter().zip(self.weights).filter_map(|(kind, weight)| Some((kind, weight?)))
    }

    /// The weight of a kind, if it counts.
    pub fn weight(&self, kind: RetrievalKind) -> Option<f32> {
        self.weights[kind as usize]
    }

    /// The kind, if it is one alone.
    pub fn single(&self) -> Option<RetrievalKind> {
        let mut kinds = self.kinds();
        let first = kinds.next().map(|(kind, _)| kind);
        first.filter(|_| kinds.next().is_none())
    }

    /// The names of the kinds.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.kinds().map(|(kind, _)| kind.name()).collect();
        names.join(", ")
    }

    /// The rankings that this stands for: one for each kind alone, and behind them the weighted one.
    pub fn with_parts(&self) -> Vec<Self> {
        let mut all: Vec<Self> = self.kinds().map(|(kind, _)| Self::only(kind)).collect();
        if all.len() > 1 {
            all.push(*self);
        }
        all
    }
}

/// As it is read: the kinds, with their weights where those differ.
impl fmt::Display for Retrieval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<(RetrievalKind, f32)> = self.kinds().collect();
        let equal = kinds.windows(2).all(|pair| matches!(pair, [(_, a), (_, b)] if (a - b).abs() < f32::EPSILON));
        let one = |(kind, weight): &(RetrievalKind, f32)| {
            if equal { kind.name().to_owned() } else { format!("{}={weight}", kind.name()) }
        };
        f.write_str(&kinds.iter().map(one).collect::<Vec<_>>().join(","))
    }
}

/// `dense`, `dense,late`, `dense=0.4,sparse=0.2,late=0.4`, or `all`.
impl FromStr for Retrieval {
    type Err = UnknownRetrieval;

    fn from_str(text: &str) -> Result<Self, UnknownRetrieval> {
        if text == "all" {
            return Ok(Self::weighted(RetrievalKind::ALL.map(|kind| (kind, 1.0))));
        }
        let refused = || UnknownRetrieval { text: text.to_owned() };
        let mut weights = [None; 3];
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').map_or((part, None), |(name, weight)| (name, Some(weight)));
            let kind = RetrievalKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(refused)?;
            let weight: f32 = weight.map_or(Ok(1.0), str::parse).map_err(|_| refused())?;
            if weights[kind as usize].is_some() || !(weight.is_finite() && weight >= 0.0) {
                return Err(refused());
            }
            weights[kind as usize] = Some(weight);
        }
        // Scores that all count for nothing rank nothing.
        if weights.iter().flatten().all(|weight| *weight <= 0.0) {
            return Err(refused());
        }
        Ok(Self { weights })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_weights_are_read_and_written() {
        for (text, written) in [
            ("dense", "dense"),
            ("late,dense", "dense,late"),
            ("all", "dense,sparse,late"),
            ("dense=0.4,sparse=0.2,late=0.4", "dense=0.4,sparse=0.2,late=0.4"),
            ("sparse=3", "sparse"),
        ] {
            assert_eq!(text.parse::<Retrieval>().unwrap().to_string(), written);
        }
        for text in ["", "lexical", "dense,dense", "dense=-1", "dense=nan", "dense=0", "dense=a", "dense+late", "all=2"]
        {
            assert_eq!(text.parse::<Retrieval>(), Err(UnknownRetrieval { text: text.to_owned() }));
        }
    }

    #[test]
    fn several_kinds_are_ranked_alone_and_together() {
        let names = |text: &str| -> Vec<String> {
            text.parse::<Retrieval>().unwrap().with_parts().iter().map(ToString::to_string).collect()
        };
        assert_eq!(names("all"), ["dense", "sparse", "late", "dense,sparse,late"]);
        assert_eq!(names("late"), ["late"]);
    }
}
