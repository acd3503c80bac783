//! Slopes along coefficients, against what moving them does to the loss.

use std::collections::BTreeMap;

use super::data::divide;
use super::merged;
use super::pool::Pool;
use super::request::{Request, Settings};
use super::run::{coefficients, start, weights};
use super::step::{Batch, encode};
use crate::encoder;
use crate::eval::data;
use crate::kernel::SimdLevel;
use crate::plan;
use crate::progress::Cancel;
use crate::recipe::Recipe;

fn request(recipe: &str, by: &str, parameters: &[&str]) -> Request {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let recipe = recipe.replace('@', &format!("{fixtures}/retrievers/"));
    let reading = data::Options { split: Some("dev".to_owned()), limit_queries: None };
    Request {
        recipe: Recipe::parse_in(&recipe, "recipe", None, &BTreeMap::new()).unwrap(),
        plan: plan::Options::default(),
        data: data::open(format!("{fixtures}/bilingual/en-ko").as_ref(), &reading).unwrap(),
        report: Vec::new(),
        agreements: Vec::new(),
        encoder: encoder::Options::default(),
        prompts: [None, None],
        settings: Settings {
            by: by.parse().unwrap(),
            parameters: parameters.iter().map(ToString::to_string).collect(),
            batch: 6,
            ..Settings::default()
        },
        state: None,
        level: SimdLevel::best(),
    }
}

/// Compares the slope of every coefficient with differences of the loss, and returns their number.
fn compare(recipe: &str, by: &str, parameters: &[&str]) -> usize {
    let (request, cancel) = (request(recipe, by, parameters), Cancel::new());
    let mut opened = merged::open(request.recipe.clone(), &request, &cancel).unwrap();
    let coefficients = coefficients(&opened.plan, &request).unwrap();
    let mut weights = weights(&opened.plan, &coefficients, &request, &cancel).unwrap();
    let start = start(&weights, &opened.plan);
    let mut pool = Pool::default();
    let (direction, _) = divide(&request.data[0], &request.settings, &mut pool).unwrap();
    let batch = Batch::of_step(&[direction], &[], &request.settings, 0);
    let tokens = batch.tokens(&pool.tokenise(opened.encoder().unwrap(), &opened.prompts, 24).unwrap());
    let mut loss = |values: &[f64]| {
        let merged = weights.merge(values).unwrap();
        opened.retriever.replace(&opened.outline, &merged).unwrap();
        let embeddings = encode(opened.encoder().unwrap(), &tokens, &cancel).unwrap();
        let losses = batch.losses(&embeddings, opened.similarity, 0.1);
        let differentiable = opened.encoder().unwrap().differentiable(&opened.outline, &merged).unwrap();
        let mut gradients = differentiable.gradients(&tokens[0], &losses.upstream[0], &cancel).unwrap();
        for (key, more) in differentiable.gradients(&tokens[1], &losses.upstream[1], &cancel).unwrap() {
            gradients.get_mut(&key).unwrap().iter_mut().zip(&more).for_each(|(sum, more)| *sum += more);
        }
        (losses.mean, weights.project(values, &gradients).unwrap())
    };
    let (_, slopes) = loss(&start);
    let largest = slopes.iter().fold(0.0_f64, |most, slope| most.max(slope.abs()));
    assert!(largest > 1e-3, "{slopes:?}");
    for (index, slope) in slopes.iter().enumerate() {
        let mut moved = |by: f64| {
            let mut values = start.clone();
            values[index] += by;
            loss(&values).0
        };
        let difference = (moved(0.02) - moved(-0.02)) / 0.04;
        let error = (difference - slope).abs();
        assert!(error < 0.03 * slope.abs() + 0.01 * largest, "{by} {index}: {slope} and {difference} of {slopes:?}");
    }
    slopes.len()
}

#[test]
fn slopes_are_those_of_the_loss_for_every_granularity_and_method() {
    let models = "base_model: '@base'\nmodels:\n  - {model: '@cross-ko-en', parameters: {weight: 0.5}}\n  - {model: '@cross-en-ko', parameters: {weight: 0.3}}\n";
    let added = format!("merge_method: task_arithmetic\n{models}");
    assert_eq!(compare(&added, "layer+part", &[]), 12);
    assert_eq!(compare(&added, "model", &["weight", "lambda"]), 3);
    assert!(compare(&added, "script", &[]) >= 6);
    assert_eq!(compare(&format!("merge_method: dare_linear\n{models}parameters: {{density: 0.7}}\n"), "layer", &[]), 6);
    let average = "merge_method: linear\nmodels:\n  - {model: '@base', parameters: {weight: 1}}\n  - {model: '@cross-en-ko', parameters: {weight: 0.5}}\n";
    assert_eq!(compare(average, "part", &[]), 8);
    let slerp = "merge_method: slerp\nbase_model: '@base'\nmodels: [{model: '@base'}, {model: '@cross-en-ko'}]\nparameters: {t: 0.4}\n";
    assert_eq!(compare(slerp, "layer", &[]), 3);
}
