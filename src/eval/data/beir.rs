//! BEIR's folder: `corpus.jsonl`, `queries.jsonl`, `qrels/SPLIT.tsv`, each optionally compressed; and `top_ranked.jsonl`, the
//! documents to rank for each query, as MTEB has them.

use super::files::{Kind, Listing};
use super::layout::{Form, Found, Part, add};

const NAMES: [&str; 3] =
    ["documents (corpus.jsonl)", "queries (queries.jsonl)", "relevance judgements (qrels/SPLIT.tsv)"];

/// The layout of a BEIR folder.
pub(super) fn find(listing: &Listing) -> Found {
    let mut part = Part::default();
    for entry in &listing.entries {
        match (entry.parent.as_str(), entry.stem.as_str(), entry.kind) {
            ("", "corpus", Kind::Jsonl) => add(&mut part.documents, "", listing.path(entry)),
            ("", "queries", Kind::Jsonl) => add(&mut part.queries, "", listing.path(entry)),
            ("", "qrels", Kind::Delimited) => add(&mut part.judgements, "", listing.path(entry)),
            ("qrels", split, Kind::Delimited) => add(&mut part.judgements, split, listing.path(entry)),
            ("", "top_ranked", Kind::Jsonl | Kind::Parquet) => add(&mut part.top_ranked, "", listing.path(entry)),
            ("top_ranked", split, Kind::Jsonl | Kind::Parquet) => add(&mut part.top_ranked, split, listing.path(entry)),
            _ => {}
        }
    }
    part.found(Form::Beir, NAMES)
}
