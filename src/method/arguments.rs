//! The parameter values of one tensor, after gradients, filters and precedence.

use std::collections::BTreeMap;

/// A resolved parameter value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// true or false.
    Flag(bool),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(x) => write!(f, "{x}"),
            Self::Flag(x) => write!(f, "{x}"),
        }
    }
}

/// Every parameter of a method, resolved for one output tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    /// The shared parameters.
    pub shared: BTreeMap<&'static str, Value>,
    /// The per-model parameters: one map for each model in recipe order, without the base where that is apart.
    pub models: Vec<BTreeMap<&'static str, Value>>,
}

impl Arguments {
    /// A shared number. The planner has filled in every declared parameter; an undeclared one reads as NaN.
    pub fn number(&self, name: &str) -> f64 {
        number(self.shared.get(name))
    }

    /// A shared flag; an undeclared one reads as false.
    pub fn flag(&self, name: &str) -> bool {
        self.shared.get(name) == Some(&Value::Flag(true))
    }

    /// A per-model number for each model.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        self.models.iter().map(|model| number(model.get(name))).collect()
    }
}

fn number(value: Option<&Value>) -> f64 {
    match value {
        Some(Value::Number(x)) => *x,
        _ => f64::NAN,
    }
}
