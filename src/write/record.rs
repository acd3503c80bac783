//! Writes admix.json, the record of what the folder was made from.

use serde_json::{Value, json};

use crate::plan::{Plan, Stage};

/// The record's file name. Its presence marks a folder as one that admix wrote.
pub(crate) const RECORD: &str = "admix.json";

/// A document that the merge needs.
fn document(stage: &Stage) -> Value {
    let mut entry = json!({"name": stage.name, "method": stage.plan.recipe.method.name});
    if let (Some(soup), Some(entry)) = (stage.plan.soup(), entry.as_object_mut()) {
        entry.insert("sources".into(), json!(soup));
    }
    entry
}

/// The record of a merge. It contains no time, so that the same merge gives the same file.
pub(super) fn record(plan: &Plan, warnings: &[String]) -> Value {
    let model = |(plan, index): (&Plan, usize)| {
        let model = &plan.models[index];
        let files: Vec<Value> = model
            .parts()
            .iter()
            .filter_map(|module| module.weights.as_ref())
            .flat_map(|weights| weights.files().map(std::path::Path::to_path_buf).collect::<Vec<_>>())
            .map(|file| {
                let size = std::fs::metadata(&file).map(|data| data.len()).unwrap_or_default();
                let name = file.strip_prefix(model.path()).unwrap_or(&file).display().to_string();
                json!({"file": name, "bytes": size})
            })
            .collect();
        let mut entry = json!({"folder": model.path().display().to_string(), "weights": files});
        if let (Some(snapshot), Some(entry)) = (model.snapshot(), entry.as_object_mut()) {
            entry.insert("hub".into(), json!({"name": snapshot.name, "commit": snapshot.commit}));
        }
        let adapted = plan.adapters.get(index).and_then(Option::as_ref);
        if let (Some(adapted), Some(entry)) = (adapted, entry.as_object_mut()) {
            let adapter = &adapted.adapter;
            let files: Vec<Value> = adapter
                .weights()
                .files()
                .map(|file| {
                    let size = std::fs::metadata(file).map(|data| data.len()).unwrap_or_default();
                    let name = file.strip_prefix(adapter.path()).unwrap_or(file).display().to_string();
                    json!({"file": name, "bytes": size})
                })
                .collect();
            entry.insert("adapter".into(), json!({"folder": adapter.path().display().to_string(), "weights": files}));
        }
        entry
    };
    // A plain folder has no pooling, prompts or similarity.
    let settings = plan.is_sentence_transformers().then(|| plan.origin_of_settings().display().to_string());
    let mut record = json!({
        "admix": env!("CARGO_PKG_VERSION"),
        "method": plan.recipe.method.name,
        "documents": plan.all_stages().iter().map(|stage| document(stage)).collect::<Vec<_>>(),
        "recipe": plan.recipe.text(),
        "variables": plan.recipe.variables(),
        "models": plan.originals().into_iter().map(model).collect::<Vec<_>>(),
        "vocabulary": plan.alignment.as_ref().map(|alignment| json!({
            "tokenizer_from": alignment.vocabulary.tokenizer().home().display().to_string(),
            "tokens": alignment.vocabulary.len(),
            "rows": alignment.rows,
        })),
        "configuration_from": plan.origin_of_files().path().display().to_string(),
        "settings_from": settings,
        "dtype": plan.dtype().map(crate::kernel::DType::name),
        "allowed": plan.allow.accepted(),
        "seed": plan.seed,
        "tensors": plan.tensors.len(),
        "warnings": warnings,
    });
    if let (Some(soup), Some(entry)) = (plan.soup(), record.as_object_mut()) {
        entry.insert("sources".into(), json!(soup));
    }
    let texts = plan.texts();
    if let (false, Some(entry)) = (texts.is_empty(), record.as_object_mut()) {
        entry.insert("texts".into(), json!(texts));
    }
    record
}
