//! Exports all results of a study as JSON. Values that differ from run to run are separate, under `timings`.

use serde_json::{Map, Value, json};

use super::csv::kind;
use crate::sweep::analysis::{Analysis, DirectionChange, NoRecommendation, Recommendation, Row};
use crate::sweep::study::{Study, TrialStage};

/// The results as JSON.
pub fn to_json(study: &Study, full: &Analysis, confirmed: Option<&Analysis>) -> Value {
    let manifest = &study.manifest;
    let objectives: Vec<Value> = manifest
        .spec
        .objectives
        .iter()
        .zip(&manifest.objectives)
        .map(|(objective, sets)| {
            let sets: Vec<&str> =
                sets.iter().filter_map(|set| manifest.sets.get(*set)).map(|set| set.label.as_str()).collect();
            json!({"name": objective.name, "metric": objective.metric.to_string(), "data": sets})
        })
        .collect();
    let models: Vec<Value> = manifest
        .models
        .iter()
        .map(|model| json!({"name": model.short, "path": model.name, "hash": model.hash}))
        .collect();
    let dropped: Vec<Value> = full
        .dropped
        .iter()
        .map(|dropped| json!({"trial": dropped.trial.id, "label": dropped.trial.label, "values": values(study, dropped.trial.point()), "stage": dropped.stage}))
        .collect();
    let failed: Vec<Value> = full
        .failed
        .iter()
        .map(|(trial, error)| json!({"trial": trial.id, "label": trial.label, "error": error}))
        .collect();
    let reference = full.reference.and_then(|index| full.rows.get(index)).map(|row| &row.trial.label);
    json!({
        "admix": manifest.admix,
        "study": manifest.spec.study,
        "recipe": manifest.spec.recipe.text,
        "variables": manifest.spec.params.names(),
        "objectives": objectives,
        "models": models,
        "data": manifest.sets,
        "search": manifest.spec.search,
        "scoring": manifest.spec.scoring,
        "reference": reference,
        "notes": full.notes,
        "trials": rows(study, full),
        "confirmed": confirmed.map(|confirmed| rows(study, confirmed)).unwrap_or_default(),
        "dropped": dropped,
        "failed": failed,
        "timings": timings(full, confirmed),
    })
}

/// A recommendation as JSON, or why there is none.
pub fn recommendation_json(found: &Result<Recommendation<'_>, NoRecommendation<'_>>) -> Value {
    match found {
        Ok(found) => json!({
            "trial": found.row.trial.id,
            "label": found.row.trial.label,
            "reference": found.reference.trial.label,
            "held_out": found.held_out,
            "gain": found.gain,
            "optimism": found.optimism.map(|optimism| json!({
                "promised": optimism.promised,
                "given": optimism.given,
                "difference": optimism.difference(),
                "interval": optimism.interval,
            })),
            "directions": found.directions.iter().map(direction).collect::<Vec<_>>(),
            "near": found.near.iter().map(|near| json!({
                "label": near.label, "difference": near.difference, "queries": near.queries,
            })).collect::<Vec<_>>(),
        }),
        Err(NoRecommendation::Unfinished) => json!({"none": "unfinished"}),
        Err(NoRecommendation::NoGain(_)) => json!({"none": "no gain"}),
        Err(NoRecommendation::Limits(row, change)) => {
            json!({"none": "limits", "closest": row.trial.label, "directions": [direction(change)]})
        }
    }
}

fn direction(change: &DirectionChange) -> Value {
    json!({
        "name": change.name,
        "value": change.value,
        "reference": change.reference,
        "difference": change.difference(),
        "interval": change.interval,
        "least": change.least,
    })
}

fn values(study: &Study, point: Option<&[f64]>) -> Value {
    let Some(point) = point else { return Value::Null };
    let names = study.manifest.spec.params.names();
    Value::Object(names.iter().zip(point).map(|(name, value)| ((*name).to_owned(), json!(value))).collect())
}

fn rows(study: &Study, analysis: &Analysis) -> Vec<Value> {
    analysis.rows.iter().map(|row| self::row(study, row)).collect()
}

fn row(study: &Study, row: &Row) -> Value {
    let objective = |index: usize| {
        let against = row.against.get(index).copied().flatten();
        let mut value = json!({
            "value": row.objectives.get(index),
            "difference": against.map(|against| against.difference),
            "p": against.map(|against| against.p),
            "p_corrected": against.map(|against| against.corrected),
        });
        if let (Some(interval), Some(map)) = (row.intervals.get(index), value.as_object_mut()) {
            map.insert("interval".into(), json!(interval));
            map.insert("difference_interval".into(), json!(against.and_then(|against| against.interval)));
        }
        value
    };
    let names = study.manifest.spec.objectives.iter().map(|objective| objective.name.clone());
    let objectives: Map<String, Value> = names.enumerate().map(|(index, name)| (name, objective(index))).collect();
    json!({
        "trial": row.trial.id,
        "label": row.trial.label,
        "kind": kind(&row.trial.subject),
        "values": values(study, row.trial.point()),
        "front": row.pareto_optimal,
        "weights": row.result.weights,
        "objectives": objectives,
        "data": row.result.sets,
        "device": row.result.device,
    })
}

/// The times of each trial, separate from what is the same in every run.
fn timings(full: &Analysis, confirmed: Option<&Analysis>) -> Value {
    let all = std::iter::once(full).chain(confirmed);
    let of_row = |stage: TrialStage, row: &Row| {
        let value = json!({"worker": row.result.worker, "began": row.result.began, "seconds": row.result.timings});
        (format!("{}.{stage}", row.trial.id), value)
    };
    all.flat_map(|analysis| analysis.rows.iter().map(move |row| of_row(analysis.stage, row)))
        .collect::<Map<_, _>>()
        .into()
}
