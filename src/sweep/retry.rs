//! Retries failed trials.

use std::collections::BTreeSet;

use super::Error;
use super::study::{Layout, Results, Study};

/// Makes failed trials run again. Returns their labels.
///
/// # Errors
/// A folder that cannot be written.
pub fn retry(study: &Study) -> Result<Vec<String>, Error> {
    let results = Results::read(study)?;
    let mut labels = BTreeSet::new();
    for (key, failures) in &results.failures {
        if results.done.contains_key(key) {
            continue;
        }
        for failure in failures {
            let path = study.store.path(&Layout::failure(key, failure.attempt));
            std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            labels.insert(failure.label.clone());
        }
    }
    Ok(labels.into_iter().collect())
}
