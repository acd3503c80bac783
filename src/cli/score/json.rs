//! Scores for programs.

use serde_json::{Map, Value, json};

use super::results::Results;

pub(super) fn results(results: &Results) -> Value {
    let models = results.models.iter().enumerate().map(|(model, scored)| {
        let datasets: Vec<Value> = (0..results.sets.len()).map(|set| dataset(results, model, set)).collect();
        let retrieval = scored.retrieval.map(|retrieval| retrieval.to_string());
        json!({
            "model": scored.model.display().to_string(),
            "retrieval": retrieval,
            "first_stage": scored.first_stage,
            "datasets": datasets,
        })
    });
    json!({"models": models.collect::<Vec<_>>()})
}

fn dataset(results: &Results, model: usize, at: usize) -> Value {
    let (set, found) = (&results.sets[at], &results.models[model].sets[at]);
    let mut metrics = Map::new();
    let mut differences = Map::new();
    for (index, metric) in results.metrics.iter().enumerate() {
        metrics.insert(metric.to_string(), json!(found.scores.mean(index)));
        if let Some((paired, corrected)) = results.comparisons(at, index).swap_remove(model) {
            let fields = json!({
                "difference": paired.difference,
                "interval": [paired.interval.0, paired.interval.1],
                "p": paired.p,
                "p_holm": corrected,
                "better": paired.wins,
                "equal": paired.ties,
                "worse": paired.losses,
            });
            differences.insert(metric.to_string(), fields);
        }
    }
    let mut value = json!({
        "name": set.name,
        "direction": set.direction,
        "split": results.origins[at].split,
        "queries": set.queries.len(),
        "documents": set.documents.len(),
        "metrics": metrics,
        "seconds": found.time.as_secs_f64(),
        "tokens": found.tokens,
    });
    if let (Some(object), false) = (value.as_object_mut(), differences.is_empty()) {
        object.insert("against_baseline".to_owned(), Value::Object(differences));
    }
    value
}
