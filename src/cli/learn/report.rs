//! What `admix learn` says at the end.

use crate::escape::{Page, columns};
use crate::learn::{Comparison, Learned};

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
