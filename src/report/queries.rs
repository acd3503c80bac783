//! Query by query: where a trial wins and where it loses against the reference.

use std::collections::BTreeMap;

use crate::sweep::{Analysis, Error, Row, Study};

/// A query with its values before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The data set and direction.
    pub set: String,
    /// The query's id.
    pub query: String,
    /// Its text, where it is known.
    pub text: Option<String>,
    /// The reference's value.
    pub before: f64,
    /// The trial's value.
    pub after: f64,
}

/// The changes of a trial from the reference on each data set, query by query.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// For each data set how many queries are better, the same and worse.
    pub counts: Vec<(String, [usize; 3])>,
    /// The queries that lose most, the worst first.
    pub worst: Vec<Change>,
}

/// Texts of queries by data set and id.
pub type Texts = BTreeMap<(String, String), String>;

/// The changes of a trial; `None` without reference.
///
/// # Errors
/// Records that cannot be read.
pub fn changes(
    study: &Study,
    analysis: &Analysis,
    row: &Row,
    texts: &Texts,
    most: usize,
) -> Result<Option<Changes>, Error> {
    let Some(reference) = analysis.reference.and_then(|index| analysis.rows.get(index)) else { return Ok(None) };
    let before = study.store.per_query(&reference.trial.key(analysis.stage))?;
    let after = study.store.per_query(&row.trial.key(analysis.stage))?;
    let mut found = Changes::default();
    let queries = study.queries(analysis.stage)?;
    for ((index, set), ids) in study.manifest.sets.iter().enumerate().zip(queries) {
        let values = |from: &crate::sweep::PerQuery| -> Vec<f64> {
            from.sets.get(index).and_then(|set| set.metrics.first().cloned()).unwrap_or_default()
        };
        let mut counts = [0; 3];
        for ((query, before), after) in ids.iter().zip(values(&before)).zip(values(&after)) {
            let place = match after - before {
                difference if difference > 1e-12 => 0,
                difference if difference < -1e-12 => 2,
                _ => 1,
            };
            counts[place] += 1;
            if place == 2 {
                let text = texts.get(&(set.label.clone(), query.clone())).cloned();
                found.worst.push(Change { set: set.label.clone(), query: query.clone(), text, before, after });
            }
        }
        found.counts.push((set.label.clone(), counts));
    }
    found
        .worst
        .sort_by(|a, b| (a.after - a.before).total_cmp(&(b.after - b.before)).then_with(|| a.query.cmp(&b.query)));
    found.worst.truncate(most);
    Ok(Some(found))
}
