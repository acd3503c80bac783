//! Scores two retrievers on a data set and asks whether their difference is more than chance.
//!
//! `cargo run --example score`
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::Path;

use admix::{Error, Score};

/// Scores models of `fixtures`, and gives the mean of each and how sure their difference is.
pub fn run(fixtures: &Path) -> Result<Vec<String>, Error> {
    // A data set is a folder in any of the usual forms: BEIR, MTEB, MS MARCO, TREC and others. Here Korean questions look for
    // English documents.
    let score = |model: &str| {
        Score::model(fixtures.join("retrievers").join(model))
            .data(fixtures.join("bilingual/ko-en"))
            .metric("ndcg@10")
            .metric("recall@100")
            .run()
    };
    let (base, tuned) = (score("base")?, score("cross-ko-en")?);

    // A report has a mean over all data sets, and everything below it: each data set, each query, each ranking.
    let mean = |report: &admix::ScoreReport| report.mean("ndcg@10").unwrap_or_default();
    let mut said = vec![format!("base {:.4}, fine-tuned {:.4}", mean(&base), mean(&tuned))];

    // Both models had the same queries, so that the difference is tested query by query.
    for (tuned, base) in tuned.sets.iter().zip(&base.sets) {
        if let Some(paired) = tuned.compare(base, "ndcg@10") {
            said.push(format!(
                "{}: {:+.4}, p = {:.4}, over {} queries",
                tuned.data.label(),
                paired.difference,
                paired.p,
                paired.queries
            ));
        }
    }
    Ok(said)
}

fn main() -> Result<(), Error> {
    for line in run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"))? {
        println!("{line}");
    }
    Ok(())
}
