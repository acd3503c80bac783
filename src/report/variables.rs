//! What figures and tables call variables and queries.

use crate::sweep::{Analysis, Row, Study, TrialStage};

/// The variables with what they stand for: `w1: weight of ko-en`.
pub(super) fn named(study: &Study) -> Vec<String> {
    let with_meaning = |variable: crate::sweep::Variable| match variable.meaning() {
        Some(meaning) => format!("{}: {meaning}", variable.name),
        None => variable.name,
    };
    study.manifest.variables().into_iter().map(with_meaning).collect()
}

/// The variables that stand for something, in a sentence.
pub(super) fn sentence(study: &Study) -> Option<String> {
    let variables = study.manifest.variables();
    let meanings =
        variables.iter().filter_map(|variable| Some(format!("{} is the {}", variable.name, variable.meaning()?)));
    let meanings: Vec<String> = meanings.collect();
    (!meanings.is_empty()).then(|| format!("{}.", meanings.join("; ")))
}

/// The values of a point, in the order of the variables. Many of them, one for each group of tensors, are too many for a figure: there
/// the point's label says enough.
pub(super) fn values(study: &Study, row: &Row) -> Option<String> {
    let values = row.trial.point()?.iter().map(ToString::to_string).collect::<Vec<_>>();
    let grouped = study.manifest.spec.params.grouped().next().is_some();
    Some(if grouped { row.trial.label.clone() } else { values.join(" / ") })
}

/// What an analysis was measured on.
pub(super) const fn queries(analysis: &Analysis) -> &'static str {
    match analysis.stage {
        TrialStage::Confirm => "Held-out queries",
        _ => "The search’s queries",
    }
}
