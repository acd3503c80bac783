//! Several studies side by side, for other programs.

use serde_json::{Value, json};

use crate::sweep::analysis::{StudyComparison, StudySummary, StudyTest};

/// A comparison of studies as JSON. Studies are named by their places, from 0.
pub fn comparison_json(found: &StudyComparison) -> Value {
    let shared = found
        .shared
        .iter()
        .map(|set| json!({"names": set.names, "metric": set.metric.to_string(), "queries": set.queries}));
    let not_shared = found
        .not_shared
        .iter()
        .map(|other| json!({"study": other.study, "name": other.name, "metric": other.metric.to_string()}));
    let front = found.front.iter().map(|point| {
        json!({
            "study": point.study,
            "label": point.label,
            "values": point.values,
            "mean": point.mean,
            "worst": point.worst.as_ref().map(|(set, difference)| json!({"set": set, "difference": difference})),
        })
    });
    let methods = found.methods.iter().map(|method| {
        json!({"method": method.method, "studies": method.studies, "best": method.best, "on_front": method.pareto_optimal})
    });
    json!({
        "studies": found.studies.iter().map(study).collect::<Vec<_>>(),
        "queries": found.stage,
        "shared": shared.collect::<Vec<_>>(),
        "not_shared": not_shared.collect::<Vec<_>>(),
        "same_reference": found.same_reference,
        "tests": found.tests.iter().map(test).collect::<Vec<_>>(),
        "front": front.collect::<Vec<_>>(),
        "points": found.points,
        "methods": methods.collect::<Vec<_>>(),
    })
}

fn study(study: &StudySummary) -> Value {
    let mut value = json!({
        "study": study.name,
        "folder": study.folder,
        "method": study.method,
        "points": study.points,
        "on_front": study.pareto_optimal,
        "reference": study.reference,
        "recommended": Value::Null,
    });
    let (key, content) = match &study.recommended {
        Ok(chosen) => (
            "recommended",
            json!({"trial": chosen.trial, "label": chosen.label, "values": chosen.values, "mean": chosen.mean}),
        ),
        Err(reason) => ("reason", json!(reason)),
    };
    if let Some(fields) = value.as_object_mut() {
        fields.insert(key.to_owned(), content);
    }
    value
}

fn test(test: &StudyTest) -> Value {
    json!({
        "study": test.study,
        "against": test.against,
        "set": test.set,
        "difference": test.comparison.difference,
        "interval": test.comparison.interval,
        "p": test.comparison.p,
        "p_corrected": test.corrected,
    })
}
