//! Variables with a value for each group of tensors, on planted curves.

use std::path::Path;

use serde_json::json;

use super::fake::{Fake, manifest, options, recorded, run};
use crate::sweep::analysis::recipe_text;
use crate::sweep::file::Spec;
use crate::sweep::space::Axis;
use crate::sweep::{Analysis, Depth, Ended, Study, TrialStage, work};

const LAYERS: usize = 6;

/// A study of a variable with a value for attention and feed-forward network of six layers, and one for all else.
fn study(folder: &Path, more: &str) -> Study {
    let root = folder.join("study");
    if root.join("study.json").exists() {
        return Study::join(&root).unwrap();
    }
    let mut manifest = manifest(folder, &format!("params: {{w: {{min: 0, max: 1, by: layer+part}}}}\n{more}"));
    let layers = |first: usize| (first..first + LAYERS).collect::<Vec<_>>();
    let depth = |layer: usize| layer as f64 / (LAYERS - 1) as f64 - 0.5;
    let group = |name: String, share: f64, part: usize, depth: f64| json!({"name": name, "share": share, "part": part, "depth": depth});
    let of_part = |name: &'static str, part: usize| {
        (0..LAYERS).map(move |layer| group(format!("{name} {layer}"), 0.07, part, depth(layer)))
    };
    let groups: Vec<_> = of_part("attention", 0)
        .chain(of_part("feed-forward", 1))
        .chain([group("others".into(), 0.16, 2, 0.0)])
        .collect();
    let grouping = json!({
        "rules": [
            {"filter": ".attention.", "groups": layers(0)},
            {"filter": "encoder.layer.", "groups": layers(LAYERS)},
            {"groups": [2 * LAYERS]},
        ],
        "groups": groups,
    });
    let Some(Axis::Grouped(grouped)) = manifest.spec.params.axes.first().cloned() else { panic!("no groups") };
    let grouped = grouped.with_groups(Some(serde_json::from_value(grouping).unwrap()));
    manifest.spec.params.axes = vec![Axis::Grouped(grouped)];
    Study::create_from(manifest, &root).unwrap()
}

/// Retrieval across languages gains by upper layers and attention, and that in one language loses by lower layers and all else.
fn separable(set: usize, values: &[f64]) -> f64 {
    if values.len() != 2 * LAYERS + 1 {
        return if set == 0 { 0.5 } else { 0.3 };
    }
    let sum = |weight: &dyn Fn(usize, f64) -> f64| -> f64 {
        let layer = |index: usize| (index % LAYERS) as f64 / (LAYERS - 1) as f64;
        values.iter().enumerate().map(|(index, value)| weight(index, layer(index)) * value * value).sum()
    };
    if set == 0 {
        0.9 - sum(&|index, depth| if index == 2 * LAYERS { 0.15 } else { 0.05 * (1.0 - depth) })
    } else {
        0.3 + sum(&|index, depth| if index < LAYERS { 0.06 * depth } else { 0.01 })
    }
}

fn area(points: &mut [(f64, f64)]) -> f64 {
    points.sort_by(|one, other| other.0.total_cmp(&one.0));
    let (mut area, mut reached) = (0.0, 0.3);
    for (mono, cross) in points {
        if *cross > reached && *mono > 0.45 {
            area += (*mono - 0.45) * (*cross - reached);
            reached = *cross;
        }
    }
    area
}

#[test]
fn groups_of_tensors_widen_the_front_of_one_ratio_and_are_replayed_exactly() {
    let whole = tempfile::tempdir().unwrap();
    let first = study(whole.path(), "search: {method: bayes, seed: 3}\nbudget: {trials: 32}\n");
    run(&first, &mut Fake { curve: separable, noise: 0.0, ..Fake::new(&first) }).unwrap();
    let analysis = Analysis::read(&first, TrialStage::Full, Depth::Means).unwrap();
    let points: Vec<_> = analysis.rows.iter().filter(|row| row.trial.point().is_some()).collect();
    assert_eq!(points.len(), 32);
    let mut found: Vec<(f64, f64)> = points.iter().map(|row| (row.objectives[0], row.objectives[1])).collect();
    let ratio = |step: u32| vec![f64::from(step) / 31.0; 2 * LAYERS + 1];
    let mut ratios: Vec<(f64, f64)> =
        (0..32).map(|step| (separable(0, &ratio(step)), separable(1, &ratio(step)))).collect();
    let (found, ratios) = (area(&mut found), area(&mut ratios));
    assert!(found > 1.3 * ratios, "{found} {ratios}");

    let interrupted = tempfile::tempdir().unwrap();
    let second = study(interrupted.path(), "search: {method: bayes, seed: 3}\nbudget: {trials: 32}\n");
    loop {
        let mut fake = Fake { curve: separable, noise: 0.0, ..Fake::new(&second) };
        let options = crate::sweep::Options { max_trials: Some(7), ..options() };
        if work(&second, &mut fake, options, &mut |_| {}).unwrap() == Ended::Finished {
            break;
        }
    }
    assert_eq!(recorded(&first), recorded(&second));
}

#[test]
fn a_point_is_labelled_shortly_and_picked_as_a_plain_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), "budget: {trials: 12}\n");
    run(&study, &mut Fake { curve: separable, noise: 0.0, ..Fake::new(&study) }).unwrap();
    let analysis = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap();
    let is_uniform = |values: &[f64]| values.iter().all(|value| value.total_cmp(&values[0]).is_eq());
    let row = |uniform: bool| {
        analysis.rows.iter().find(|row| row.trial.point().is_some_and(|values| is_uniform(values) == uniform)).unwrap()
    };
    let plain = row(true);
    let value = plain.trial.point().unwrap()[0];
    assert_eq!(plain.trial.label, format!("w={value}"));
    assert!(recipe_text(&study, plain).unwrap().contains(&format!("{{t: {value}}}")));
    let grouped = row(false);
    let values = grouped.trial.point().unwrap();
    let (label, id) = grouped.trial.label.split_once(" #").unwrap();
    assert!(label.starts_with("w~0.") && grouped.trial.id.starts_with(id), "{}", grouped.trial.label);
    let text = recipe_text(&study, grouped).unwrap();
    let list = |values: &[f64]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let conditions = format!(
        "[{{filter: \".attention.\", value: [{}]}}, {{filter: \"encoder.layer.\", value: [{}]}}, {{value: {}}}]",
        list(&values[..LAYERS]),
        list(&values[LAYERS..2 * LAYERS]),
        values[2 * LAYERS],
    );
    assert!(text.contains(&conditions), "{text}\n{conditions}");
}

#[test]
fn groups_are_searched_where_they_can_be() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["mono", "cross"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    let recipe = "recipe: {merge_method: slerp, base_model: a, models: [{model: b}], parameters: {t: \"${w}\"}}\n";
    let objectives = "objectives: {mono: {mean: [mono]}, cross: {mean: [cross]}}\n";
    let refused = |params: &str, more: &str| {
        let text = format!("{recipe}params: {{w: {params}}}\n{objectives}{more}");
        let error = Spec::parse(&text, "sweep.yaml", Some(folder.path())).unwrap_err();
        (error.to_string(), error.hint().unwrap_or_default().to_owned())
    };
    let (message, hint) = refused("{min: 0, max: 1, by: layers}", "");
    assert!(message.contains("expected model, or one or more of layer, part, tensor and script"), "{message}");
    assert_eq!(hint, "did you mean `layer`?");
    let (message, hint) = refused("{min: 0, max: 1, by: layer}", "search: grid\n");
    assert!(message.contains("`grid` cannot search `w`") && hint.contains("bayes"), "{message} {hint}");
    let (message, _) = refused("{min: 0, max: 1, step: 0.1, by: layer}", "");
    assert!(message.contains("no `step`"), "{message}");
    let (message, _) = refused("{values: [0, 1], by: layer}", "");
    assert!(message.contains("`by` adds none"), "{message}");
}
