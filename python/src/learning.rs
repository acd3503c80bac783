//! Learns a recipe's weights.

use std::path::PathBuf;
use std::sync::Arc;

use admix::eval::{DataSet, data};
use admix::kernel::SimdLevel;
use admix::learn::{Agreement, By, Event, Request, Settings};
use admix::{Progress, plan};
use pyo3::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::{Failure, request};
use super::merging::{RecipeInput, allowed};
use super::run::{Hand, watched};
use super::scoring::EncoderInput;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LearnInput {
    recipe: RecipeInput,
    data: Vec<PathBuf>,
    report: Vec<PathBuf>,
    /// Models and texts on which the merge is to agree with them.
    unlabelled: Vec<(String, Vec<String>)>,
    split: Option<String>,
    by: Option<String>,
    parameters: Vec<String>,
    freeze: Vec<String>,
    steps: Option<usize>,
    pairs: Option<usize>,
    batch: Option<usize>,
    negatives: Option<usize>,
    tokens: Option<usize>,
    rate: Option<f64>,
    temperature: Option<f64>,
    regularisation: Option<f64>,
    patience: Option<usize>,
    hold_out: Option<f64>,
    seed: u64,
    query_prompt: Option<String>,
    document_prompt: Option<String>,
    encoder: EncoderInput,
    allow: Vec<String>,
    state: Option<PathBuf>,
}

impl LearnInput {
    fn settings(&self) -> Result<Settings, Failure> {
        let usual = Settings::default();
        let by: Option<By> =
            self.by.as_deref().map(str::parse).transpose().map_err(|error: String| Failure::usage(error, ""))?;
        Ok(Settings {
            by: by.unwrap_or(usual.by),
            parameters: self.parameters.clone(),
            freeze: self.freeze.clone(),
            steps: self.steps.unwrap_or(usual.steps),
            pairs: self.pairs.unwrap_or(usual.pairs),
            batch: self.batch.unwrap_or(usual.batch),
            negatives: self.negatives.unwrap_or(usual.negatives),
            tokens: self.tokens.unwrap_or(usual.tokens),
            rate: self.rate.unwrap_or(usual.rate),
            temperature: self.temperature.unwrap_or(usual.temperature),
            regularisation: self.regularisation.unwrap_or(usual.regularisation),
            every: usual.every,
            patience: self.patience.unwrap_or(usual.patience),
            seed: self.seed,
            hold_out: self.hold_out.unwrap_or(usual.hold_out),
        })
    }

    fn sets(&self, folders: &[PathBuf]) -> Result<Vec<DataSet>, Failure> {
        let reading = data::Options { split: self.split.clone(), limit_queries: None };
        let mut sets = Vec::new();
        for folder in folders {
            sets.extend(data::open(folder, &reading)?);
        }
        Ok(sets)
    }

    fn run(&self, hand: &Arc<Hand>) -> Result<Value, Failure> {
        let agreement = |(model, texts): &(String, Vec<String>)| Agreement {
            label: model.clone(),
            model: model.clone(),
            texts: texts.clone(),
        };
        let request = Request {
            recipe: self.recipe.read()?,
            plan: plan::Options { allow: allowed(&self.allow)?, ..plan::Options::default() },
            data: self.sets(&self.data)?,
            report: self.sets(&self.report)?,
            agreements: self.unlabelled.iter().map(agreement).collect(),
            encoder: self.encoder.options()?,
            prompts: [self.query_prompt.clone(), self.document_prompt.clone()],
            settings: self.settings()?,
            state: self.state.clone(),
            level: SimdLevel::best(),
        };
        let total = request.settings.steps as u64;
        let learned = admix::learn::learn(&request, &hand.cancel, &mut |event| {
            if let Event::Step { step, .. } | Event::Resumed { step } = event {
                hand.set(Progress { done: *step as u64, total });
            }
            hand.say(&said(event));
        })?;
        // What is complete needs no state to go on from.
        if let Some(state) = &self.state {
            let _ = std::fs::remove_file(state);
        }
        Ok(learned.to_json())
    }
}

fn said(event: &Event) -> Value {
    match event {
        Event::Resumed { step } => json!({"event": "resumed", "step": step}),
        Event::Begun { coefficients, pairs } => json!({"event": "begun", "coefficients": coefficients, "pairs": pairs}),
        Event::Step { step, loss } => json!({"event": "step", "step": step, "loss": loss}),
        Event::Validated { step, loss } => json!({"event": "validated", "step": step, "loss": loss}),
        Event::Scoring { what } => json!({"event": "scoring", "what": what}),
    }
}

/// Learns a recipe's weights.
pub(crate) fn learn(py: Python<'_>, text: &str, watch: Option<Bound<'_, PyAny>>) -> PyResult<String> {
    let input: LearnInput = request(text)?;
    watched(py, watch.as_ref(), |hand| Ok(input.run(hand)?.to_string()))
}
