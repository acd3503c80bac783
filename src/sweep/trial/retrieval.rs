//! By which kinds of retrieval the data sets of a study are searched.

use std::collections::BTreeMap;

use crate::retrieval::{Retrieval, RetrievalKind};
use crate::sweep::study::{Manifest, Subject};

/// The kinds that the models of a study are opened with: all that any data set names. A data set that names none beside others
/// that do is searched by dense vectors.
pub(super) fn of_study(study: &Manifest) -> Option<Retrieval> {
    let all = named(study, &BTreeMap::new()).ok()??;
    Some(Retrieval::weighted(all.iter().flat_map(Retrieval::kinds).map(|(kind, _)| (kind, 1.0))))
}

/// By which kinds each data set is searched for a subject of the study. For models alone, which have no values of variables, the
/// kinds whose weights are variables count alike.
///
/// # Errors
/// Weights that are negative, or all of them 0.
pub(super) fn at(study: &Manifest, subject: &Subject) -> Result<Option<Vec<Retrieval>>, String> {
    let values = match subject {
        Subject::Point(values) => study.spec.params.texts(values),
        _ => BTreeMap::new(),
    };
    named(study, &values)
}

fn named(study: &Manifest, values: &BTreeMap<String, String>) -> Result<Option<Vec<Retrieval>>, String> {
    let of_set = |set: &crate::sweep::study::Set| match study.spec.data.get(set.source) {
        Some(source) => source.retrieval_at(values).map_err(|error| format!("`{}`: {error}", source.name)),
        None => Ok(None),
    };
    let all = study.sets.iter().map(of_set).collect::<Result<Vec<Option<Retrieval>>, String>>()?;
    let default = Retrieval::only(RetrievalKind::Dense);
    Ok(all.iter().any(Option::is_some).then(|| all.into_iter().map(|found| found.unwrap_or(default)).collect()))
}

/// The retrieval of each of the data sets `sets`, or of the first `count` where all are meant.
pub(super) fn of_sets(all: &[Retrieval], sets: &[usize], count: usize) -> Vec<Vec<Retrieval>> {
    let one = |index: usize| all.get(index).map(|retrieval| vec![*retrieval]).unwrap_or_default();
    if sets.len() == count { sets.iter().map(|index| one(*index)).collect() } else { (0..count).map(one).collect() }
}
