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
    rounds: Option<usize>,
    pairs: Option<usize>,
    tokens: Option<usize>,
    temperature: Option<f64>,
    reach: Option<f64>,
    guard: Option<f64>,
    regularisation: Option<f64>,
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
            rounds: self.rounds.unwrap_or(usual.rounds),
            pairs: self.pairs.unwrap_or(usual.pairs),
            tokens: self.tokens.or(usual.tokens),
            temperature: self.temperature.unwrap_or(usual.temperature),
            reach: self.reach.unwrap_or(usual.reach),
            guard: self.guard.unwrap_or(usual.guard),
            regularisation: self.regularisation.unwrap_or(usual.regularisation),
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
        let learned = admix::learn::learn(&request, &hand.cancel, &mut |event| {
            if let Event::Encoded { encoded, total } | Event::Resumed { encoded, total } = event {
                hand.set(Progress { done: *encoded as u64, total: *total as u64 });
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
        Event::Resumed { encoded, total } => json!({"event": "resumed", "encoded": encoded, "total": total}),
        Event::Begun { coefficients, pairs, texts } => {
            json!({"event": "begun", "coefficients": coefficients, "pairs": pairs, "texts": texts})
        }
        Event::Encoded { encoded, total } => json!({"event": "encoded", "encoded": encoded, "total": total}),
        Event::Tried { reach, loss } => json!({"event": "tried", "reach": reach, "loss": loss}),
        Event::Scoring { what } => json!({"event": "scoring", "what": what}),
    }
}

/// Learns a recipe's weights.
pub(crate) fn learn(py: Python<'_>, text: &str, watch: Option<Bound<'_, PyAny>>) -> PyResult<String> {
    let input: LearnInput = request(text)?;
    watched(py, watch.as_ref(), |hand| Ok(input.run(hand)?.to_string()))
}
