//! Differences between a study and the inputs with which it is to be resumed.

use std::path::PathBuf;

use serde_json::Value;

use super::manifest::{Manifest, SCHEMA};
use crate::sweep::file::Spec;

/// The most differences that are shown.
const MOST: usize = 12;

/// What differs between the sweep file of a study and another, one line each. How long to run may change unsaid.
pub(super) fn specs(study: &Spec, asked: &Spec) -> Vec<String> {
    let mut found = Vec::new();
    values("", &value(study), &value(asked), &mut found);
    shortened(found)
}

/// What differs of that on which every score depends: with another recipe, other variables or another way of scoring no result of
/// a study stands.
pub(super) fn scores(study: &Spec, asked: &Spec) -> Vec<String> {
    let (one, other) = (value(study), value(asked));
    let mut found = Vec::new();
    for key in ["recipe", "scoring", "allow"] {
        values(key, one.get(key).unwrap_or(&Value::Null), other.get(key).unwrap_or(&Value::Null), &mut found);
    }
    let groups = |spec: &Spec| -> Vec<String> {
        spec.params.grouped().map(|grouped| format!("{} by {}", grouped.name, grouped.by)).collect()
    };
    let (one, other) = (groups(study), groups(asked));
    if one != other {
        let said = |groups: Vec<String>| if groups.is_empty() { "none".to_owned() } else { groups.join(", ") };
        found.push(format!("params: the groups of tensors were {}, are {}", said(one), said(other)));
    }
    let (one, other) = (study.params.variables(), asked.params.variables());
    if one != other {
        found.push(format!("params: the variables were {}, are {}", one.join(", "), other.join(", ")));
    }
    shortened(found)
}

/// What differs of checkpoints and of data sets that both have.
pub(super) fn files(study: &Manifest, asked: &Manifest) -> Vec<String> {
    let of_models = |manifest: &Manifest| -> Vec<(PathBuf, String)> {
        let models = manifest.models.iter();
        models
            .flat_map(|model| model.files.iter().map(|file| (model.path.join(&file.file), file.sha256.clone())))
            .collect()
    };
    let of_data = |manifest: &Manifest| -> Vec<(PathBuf, String)> {
        manifest.data.iter().map(|file| (PathBuf::from(&file.file), file.sha256.clone())).collect()
    };
    let of_first_stage = |manifest: &Manifest| -> Vec<(PathBuf, String)> {
        manifest.first_stage.iter().map(|file| (PathBuf::from(&file.file), file.sha256.clone())).collect()
    };
    let mut found = Vec::new();
    for (one, other, is_needed) in [
        (of_models(study), of_models(asked), true),
        (of_data(study), of_data(asked), false),
        (of_first_stage(study), of_first_stage(asked), false),
    ] {
        for (path, hash) in &one {
            match other.iter().find(|(there, _)| there == path) {
                Some((_, now)) if now != hash => found.push(format!("`{}` has other content", path.display())),
                None if is_needed => found.push(format!("`{}` is gone", path.display())),
                _ => {}
            }
        }
        let is_new = |path: &PathBuf| is_needed && one.iter().all(|(there, _)| there != path);
        found.extend(
            other.iter().filter(|(path, _)| is_new(path)).map(|(path, _)| format!("`{}` is new", path.display())),
        );
    }
    shortened(found)
}

fn value(spec: &Spec) -> Value {
    // The groups of tensors follow from the checkpoints.
    let spec = Spec { params: spec.params.without_groups(), ..spec.clone() };
    let mut value = serde_json::to_value(&spec).unwrap_or_default();
    if let Some(budget) = value.get_mut("budget").and_then(Value::as_object_mut) {
        budget.remove("wall");
    }
    if let Some(spec) = value.as_object_mut() {
        spec.remove("keep");
    }
    if let Some(recipe) = value.get_mut("recipe").and_then(Value::as_object_mut) {
        recipe.remove("origin");
    }
    value
}

/// The differences in the program.
pub(super) fn program(study: &Manifest) -> Vec<String> {
    let mut found = Vec::new();
    let version = env!("CARGO_PKG_VERSION");
    if study.admix != version {
        found.push(format!("the program: made by admix {}, this is {version}", study.admix));
    }
    if study.schema != SCHEMA {
        found.push(format!("the form of study.json: made in form {}, this program has {SCHEMA}", study.schema));
    }
    found
}

fn shortened(mut found: Vec<String>) -> Vec<String> {
    let more = found.len().saturating_sub(MOST);
    if more > 0 {
        found.truncate(MOST);
        found.push(format!("and {more} more"));
    }
    found
}

fn values(at: &str, study: &Value, asked: &Value, found: &mut Vec<String>) {
    let under = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    match (study, asked) {
        (one, other) if one == other => {}
        (Value::Object(one), Value::Object(other)) => {
            let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let null = &Value::Null;
                values(&under(key), one.get(key).unwrap_or(null), other.get(key).unwrap_or(null), found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                values(&format!("{at}[{index}]"), one, other, found);
            }
        }
        (Value::String(one), Value::String(other)) if one.contains('\n') || other.contains('\n') => {
            let (one, other): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
            let line = (0..one.len().max(other.len())).find(|line| one.get(*line) != other.get(*line));
            let text =
                |lines: &[&str]| line.and_then(|line| lines.get(line)).map_or("nothing", |line| line.trim()).to_owned();
            found.push(format!("{at}, line {}: was `{}`, is `{}`", line.unwrap_or(0) + 1, text(&one), text(&other)));
        }
        (one, other) => found.push(format!("{at}: was {}, is {}", value_text(one), value_text(other))),
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => {
            let text = other.to_string();
            if text.chars().count() > 60 { format!("{}…", text.chars().take(60).collect::<String>()) } else { text }
        }
    }
}
