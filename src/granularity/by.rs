//! Granularities: what tensors must share to have one coefficient.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::nearest::nearest;

/// A property by which tensors are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// The number of the layer.
    Layer,
    /// Attention, feed-forward network, or outside of the layers.
    Part,
    /// The tensor's name without the number of its layer.
    Tensor,
    /// For rows of the vocabulary, the script of the token.
    Script,
}

impl Unit {
    const ALL: [Self; 4] = [Self::Layer, Self::Part, Self::Tensor, Self::Script];

    const fn name(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::Part => "part",
            Self::Tensor => "tensor",
            Self::Script => "script",
        }
    }
}

/// The properties by which tensors are told apart; without any, a model has one coefficient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct By(BTreeSet<Unit>);

impl By {
    /// The name of the granularity that a misspelt one probably is.
    pub(crate) fn near(text: &str) -> Option<String> {
        let known = |name: &str| Unit::ALL.map(Unit::name).into_iter().chain(["model"]).find(|known| *known == name);
        let near = |name| known(name).or_else(|| nearest(name, Unit::ALL.map(Unit::name).into_iter().chain(["model"])));
        let names: Option<Vec<&str>> = text.split(['+', ',']).map(|name| near(name.trim())).collect();
        names.map(|names| names.join("+")).filter(|near| near.parse::<Self>().is_ok())
    }

    /// Whether tensors are told apart by this property. Tensors by themselves differ by layer too.
    pub fn has(&self, unit: Unit) -> bool {
        self.0.contains(&unit) || unit == Unit::Layer && self.0.contains(&Unit::Tensor)
    }
}

impl From<By> for String {
    fn from(by: By) -> Self {
        by.to_string()
    }
}

impl TryFrom<String> for By {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Default for By {
    fn default() -> Self {
        Self([Unit::Layer, Unit::Part].into())
    }
}

impl FromStr for By {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "model" {
            return Ok(Self(BTreeSet::new()));
        }
        let unit = |name: &str| Unit::ALL.into_iter().find(|unit| unit.name() == name);
        let units: Option<BTreeSet<Unit>> = text.split('+').map(str::trim).map(unit).collect();
        units
            .map(Self)
            .ok_or_else(|| "expected model, or one or more of layer, part, tensor and script joined by +".to_owned())
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("model");
        }
        let names: Vec<&str> = self.0.iter().map(|unit| unit.name()).collect();
        f.write_str(&names.join("+"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn granularities_are_joined_by_plus() {
        assert_eq!("layer+part".parse::<By>().unwrap(), By::default());
        assert_eq!("part+script+layer".parse::<By>().unwrap().to_string(), "layer+part+script");
        assert_eq!("model".parse::<By>().unwrap().to_string(), "model");
        assert!("tensor".parse::<By>().unwrap().has(Unit::Layer));
        for text in ["", "layers", "layer+", "model+layer", "layer,part"] {
            assert!(text.parse::<By>().unwrap_err().starts_with("expected model"), "{text}");
        }
    }
}
