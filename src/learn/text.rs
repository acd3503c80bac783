//! Writes a recipe with a value for each group of tensors.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::coefficients::{Axis, Coefficients};
use crate::escape::{comment, literal};
use crate::granularity::lines;
use crate::method::Value;
use crate::recipe::{ChatTemplate, ModelRef, Parameters, Recipe, Setting, SettingValue, model_reference};

/// Writes a recipe of whole models in which every coefficient has its value, with comments in front.
pub(super) fn write(recipe: &Recipe, coefficients: &Coefficients, values: &[f64], comments: &[String]) -> String {
    let recipe = &found(recipe);
    let mut text = String::new();
    for line in comments {
        let _ = writeln!(text, "# {}", comment(line));
    }
    let _ = writeln!(text, "merge_method: {}", recipe.method.name);
    if let Some(base) = &recipe.base_model {
        let _ = writeln!(text, "base_model: {}", reference(base));
    }
    text.push_str("models:\n");
    let apart = recipe.base_model.as_ref().filter(|_| recipe.method.base.is_apart());
    let mut model = 0;
    for source in recipe.slices.iter().flat_map(|slice| &slice.sources) {
        let _ = writeln!(text, "  - model: {}", reference(&source.model));
        let merged = (Some(&source.model) != apart).then_some(model);
        model += usize::from(merged.is_some());
        let own = settings(&[&source.parameters], coefficients);
        let is_own = |axis: &Axis| merged.is_some() && axis.model == merged;
        parameters(&mut text, 4, &own, coefficients, values, is_own);
    }
    let mut levels = vec![&recipe.parameters, &recipe.module];
    levels.extend(recipe.slices.iter().map(|slice| &slice.parameters));
    parameters(&mut text, 0, &settings(&levels, coefficients), coefficients, values, |axis| axis.model.is_none());
    for (key, dtype) in [("dtype", recipe.dtype), ("out_dtype", recipe.out_dtype)] {
        if let Some(dtype) = dtype {
            let _ = writeln!(text, "{key}: {}", dtype.name());
        }
    }
    if let Some(tokenizer) = &recipe.tokenizer {
        let _ = writeln!(text, "tokenizer: {}", tokenizer.flow());
    }
    if let Some(model) = &recipe.settings_source {
        let _ = writeln!(text, "settings_source: {}", model.flow());
    }
    match &recipe.chat_template {
        Some(ChatTemplate::Auto) => text.push_str("chat_template: auto\n"),
        Some(ChatTemplate::Text(template)) => {
            let _ = writeln!(text, "chat_template: {}", literal(&template.replace("${", "$${")));
        }
        None => {}
    }
    text
}

/// The recipe with its models named so that they are found from the current folder, as it was found when the recipe was read.
fn found(recipe: &Recipe) -> Recipe {
    let mut found = recipe.clone();
    let places: Vec<(ModelRef, String)> = recipe
        .models()
        .into_iter()
        .filter(|model| !Path::new(&model.path).exists())
        .filter_map(|model| Some((model.clone(), recipe.on_disk(model)?.to_string_lossy().into_owned())))
        .collect();
    for reference in found.references_mut() {
        if let Some((_, path)) = places.iter().find(|(model, _)| model.path == reference.path) {
            reference.path.clone_from(path);
        }
    }
    found
}

fn reference(model: &ModelRef) -> String {
    if model.revision.is_none() && model.adapter.is_none() { model_reference(&model.path) } else { model.flow() }
}

/// The settings of several levels that are not learned, of which later levels override earlier ones.
fn settings<'a>(levels: &[&'a Parameters], coefficients: &Coefficients) -> BTreeMap<&'static str, &'a Setting> {
    let learned = |name: &str| coefficients.axes.iter().any(|axis| axis.parameter.name == name);
    levels.iter().flat_map(|level| level.iter()).filter(|(name, _)| !learned(name)).collect()
}

fn parameters(
    text: &mut String,
    indent: usize,
    settings: &BTreeMap<&'static str, &Setting>,
    coefficients: &Coefficients,
    values: &[f64],
    is_own: impl Fn(&Axis) -> bool,
) {
    let learned: Vec<(usize, &Axis)> = coefficients.axes.iter().enumerate().filter(|(_, axis)| is_own(axis)).collect();
    if settings.is_empty() && learned.is_empty() {
        return;
    }
    let _ = writeln!(text, "{:indent$}parameters:", "");
    let indent = indent + 2;
    for (index, axis) in learned {
        let name = axis.parameter.name;
        let of_group = |group: usize| values.get(coefficients.index(index, group)).copied().unwrap_or_default();
        for line in lines(name, &coefficients.groups.rules, &of_group) {
            let _ = writeln!(text, "{:indent$}{line}", "");
        }
    }
    for (name, setting) in settings {
        let _ = writeln!(text, "{:indent$}{name}: {}", "", flow(&setting.value));
    }
}

fn list<T: std::fmt::Display>(values: impl Iterator<Item = T>) -> String {
    format!("[{}]", values.map(|value| value.to_string()).collect::<Vec<_>>().join(", "))
}

/// A setting in one line.
fn flow(value: &SettingValue) -> String {
    match value {
        SettingValue::Scalar(Value::Number(number)) => number.to_string(),
        SettingValue::Scalar(Value::Flag(flag)) => flag.to_string(),
        SettingValue::Gradient(numbers) => list(numbers.iter()),
        SettingValue::Flags(flags) => list(flags.iter()),
        SettingValue::Conditions(conditions) => list(conditions.iter().map(|condition| {
            let filter =
                condition.filter.iter().map(|filter| format!("filter: {}, ", literal(&filter.replace("${", "$${"))));
            let rows = condition
                .rows
                .iter()
                .map(|rows| format!("rows: {{script: {}}}, ", list(rows.kinds.iter().map(|kind| kind.name()))));
            format!("{{{}value: {}}}", filter.chain(rows).collect::<String>(), flow(&condition.value))
        })),
    }
}
