//! What `admix learn` says at the end.

use serde_json::{Value, json};

use crate::escape::{Page, columns};
use crate::learn::{Coefficient, Comparison, Learned};

/// The scores before and after, for people.
pub(super) fn page(learned: &Learned, width: Option<usize>) -> Page {
    let mut page = Page::new();
    let rows: Vec<Vec<String>> = learned.comparisons.iter().chain(&learned.mean).map(row).collect();
    if !rows.is_empty() {
        page.add(&columns(
            &["nDCG@10, held out", "before", "after", "difference", "p", "queries"],
            &rows,
            &[1, 2, 3, 4, 5],
            width,
        ));
    }
    for agreed in &learned.agreements {
        page.line(format_args!(
            "divergence from {} on {}: {:.4} before, {:.4} after",
            agreed.model, agreed.data, agreed.before, agreed.after
        ));
    }
    if learned.rounds == 0 {
        page.line(format_args!("No other values made the validation pairs better: the values are the recipe's own."));
    }
    page
}

fn row(comparison: &Comparison) -> Vec<String> {
    let Comparison { data, unseen, queries, before, after, p, .. } = comparison;
    vec![
        if *unseen { format!("{data} (not learned from)") } else { data.clone() },
        format!("{before:.4}"),
        format!("{after:.4}"),
        format!("{:+.4}", after - before),
        format!("{p:.4}"),
        queries.to_string(),
    ]
}

/// What was learned, for programs.
pub(super) fn to_json(learned: &Learned) -> Value {
    json!({
        "recipe": learned.recipe,
        "coefficients": learned.coefficients.iter().map(coefficient).collect::<Vec<_>>(),
        "rounds": learned.rounds,
        "validation": learned.validation.map(|(before, after)| json!({"before": before, "after": after})),
        "held_out": learned.comparisons.iter().map(comparison).collect::<Vec<_>>(),
        "mean": learned.mean.as_ref().map(comparison),
        "agreements": learned.agreements.iter().map(|agreed| json!({
            "data": agreed.data,
            "model": agreed.model,
            "before": agreed.before,
            "after": agreed.after,
        })).collect::<Vec<_>>(),
        "tokens": learned.tokens,
        "seconds": learned.seconds,
        "warnings": learned.warnings,
    })
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
