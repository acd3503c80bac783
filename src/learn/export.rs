//! What was learned, for other programs.

use serde_json::{Value, json};

use super::result::{Coefficient, Comparison, Learned};

impl Learned {
    /// Everything that was learned, as `admix learn --json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "recipe": self.recipe,
            "coefficients": self.coefficients.iter().map(coefficient).collect::<Vec<_>>(),
            "rounds": self.rounds,
            "validation": self.validation.map(|(before, after)| json!({"before": before, "after": after})),
            "held_out": self.comparisons.iter().map(comparison).collect::<Vec<_>>(),
            "mean": self.mean.as_ref().map(comparison),
            "agreements": self.agreements.iter().map(|agreed| json!({
                "data": agreed.data,
                "model": agreed.model,
                "before": agreed.before,
                "after": agreed.after,
            })).collect::<Vec<_>>(),
            "tokens": self.tokens,
            "seconds": self.seconds,
            "warnings": self.warnings,
        })
    }
}

fn coefficient(of: &Coefficient) -> Value {
    json!({"parameter": of.parameter, "model": of.model, "group": of.group, "start": of.start, "value": of.value})
}

fn comparison(of: &Comparison) -> Value {
    json!({
        "data": of.data,
        "learned_from": !of.unseen,
        "queries": of.queries,
        "ndcg@10": {"before": of.before, "after": of.after},
        "difference": of.after - of.before,
        "interval": [of.interval.0, of.interval.1],
        "p": of.p,
    })
}
