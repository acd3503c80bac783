//! Bounds: how good something must stay.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A bound on an objective, or on a data set in one direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bound {
    /// What tables call it.
    pub objective: String,
    /// How it is meant.
    pub kind: BoundKind,
    /// As it was written.
    text: String,
}

/// How a bound is meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BoundKind {
    /// At least this value.
    Value(f64),
    /// At least the reference's value and this share of it: −0.01 allows a loss of a hundredth.
    Share(f64),
    /// At least the reference's value and this much.
    Difference(f64),
}

impl FromStr for Bound {
    type Err = String;

    /// `mono >= -1%`, `mono >= -0.005` and `mono >= 0.6`; a number with a sign is from the reference.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no bound such as `mono >= -1%` or `mono >= 0.6`");
        let (objective, bound) = text.split_once(">=").ok_or_else(wrong)?;
        let (objective, bound) = (objective.trim(), bound.trim());
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(wrong);
        let kind = match bound.strip_suffix('%') {
            Some(share) => BoundKind::Share(number(share)? / 100.0),
            None if bound.starts_with(['-', '+']) => BoundKind::Difference(number(bound)?),
            None => BoundKind::Value(number(bound)?),
        };
        if objective.is_empty() {
            return Err(wrong());
        }
        Ok(Self { objective: objective.to_owned(), kind, text: text.to_owned() })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Bound {
    /// A bound from the reference, as the limit of what none is set for.
    pub(crate) fn share(objective: String, share: f64) -> Self {
        let text = format!("{objective} >= {:+}%", share * 100.0);
        Self { objective, kind: BoundKind::Share(share), text }
    }

    /// The least value that is allowed, given the reference's.
    pub fn least(&self, reference: f64) -> f64 {
        match self.kind {
            BoundKind::Value(value) => value,
            BoundKind::Share(share) => reference * (1.0 + share),
            BoundKind::Difference(difference) => reference + difference,
        }
    }
}

impl TryFrom<String> for Bound {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Bound> for String {
    fn from(bound: Bound) -> Self {
        bound.text
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_as_people_write_them() {
        let least = |text: &str| text.parse::<Bound>().unwrap().least(0.5);
        assert!((least("mono >= -1%") - 0.495).abs() < 1e-12);
        assert!((least("mono>=-0.01") - 0.49).abs() < 1e-12);
        assert!((least("mono >= +0.01") - 0.51).abs() < 1e-12);
        assert!((least("mono >= 0.6") - 0.6).abs() < 1e-12);
        for wrong in ["mono", "mono > 1", ">= 1", "mono >= x", "mono >= 1 %%"] {
            assert!(wrong.parse::<Bound>().is_err(), "{wrong}");
        }
    }
}
