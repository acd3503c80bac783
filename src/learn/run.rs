//! The loop: merges, encodes, and moves the coefficients.

use std::collections::BTreeMap;
use std::time::Instant;

use super::adam::{Adam, rate};
use super::coefficients::{Coefficients, parameters};
use super::data::{Direction, divide};
use super::error::Error;
use super::inputs::hash;
use super::merged::{self, Opened};
use super::mining::mine;
use super::outcome::{Outcome, agreed, outcome};
use super::pool::Pool;
use super::request::{Event, Request};
use super::result::Learned;
use super::similarity;
use super::state::State;
use super::step::{Batch, encode};
use super::teaching::{Teaching, model};
use super::text;
use super::weights::{Table, Weights};
use crate::checkpoint::canonical_name;
use crate::encoder::Tokens;
use crate::eval::DataSet;
use crate::granularity::Groups;
use crate::kernel::DType;
use crate::merge::Statistics;
use crate::plan::{self, Plan};
use crate::progress::Cancel;
use crate::recipe::Recipe;

/// Learns the coefficients of a recipe.
///
/// # Errors
/// A recipe that is not of whole models, checkpoints that do not fit together, too few pairs, a loss that is not finite, and
/// [`Error::Cancelled`].
pub fn learn(request: &Request, cancel: &Cancel, on: &mut dyn FnMut(&Event)) -> Result<Learned, Error> {
    let begun = Instant::now();
    check(request)?;
    let opened = merged::open(request.recipe.clone(), request, cancel)?;
    similarity::check(opened.similarity, opened.outline.settings().similarity.as_written())?;
    let coefficients = coefficients(&opened.plan, request)?;
    let mut weights = weights(&opened.plan, &coefficients, request, cancel)?;
    let start = start(&weights, &opened.plan);
    let mut material = Material::new(request, &opened, cancel)?;
    let inputs = hash(request, &opened.plan);
    on(&Event::Scoring { what: "the recipe as it is" });
    let before = opened.score(&material.report, cancel)?;
    let agreed = agreed(&opened, &material.teachings, request, cancel)?;
    let mut learner =
        Learner { request, opened, weights: &mut weights, material: &mut material, start: &start, cancel };
    let mut state = learner.begin(inputs, on)?;
    state.seconds += begun.elapsed().as_secs_f64();
    learner.run(&mut state, on)?;
    let Learner { opened, .. } = learner;
    on(&Event::Scoring { what: "the learned recipe" });
    // One model in memory is enough.
    drop(opened);
    let (state, teachings) = (&state, material.teachings.as_slice());
    let ended = Outcome { request, coefficients: &coefficients, start: &start, state, before, teachings, agreed };
    outcome(&ended, &material.report, &weights.slots, cancel)
}

/// Refuses recipes and requests that this cannot learn for.
fn check(request: &Request) -> Result<(), Error> {
    let recipe = &request.recipe;
    if recipe.method.needs_texts() {
        return Err(Error::Method { method: recipe.method.name });
    }
    if !recipe.stages.is_empty() || recipe.documents().count() > 1 {
        return Err(Error::Documents(recipe.origin().to_owned()));
    }
    if !recipe.whole_models() {
        return Err(Error::Slices(recipe.origin().to_owned()));
    }
    parameters(recipe, &request.settings.parameters)?;
    request.agreements.iter().try_for_each(|agreement| model(recipe, &agreement.model).map(drop))?;
    if request.data.is_empty() && request.agreements.is_empty() { Err(Error::NoData) } else { Ok(()) }
}

/// Divides the tensors and names the coefficients.
pub(super) fn coefficients(plan: &Plan, request: &Request) -> Result<Coefficients, Error> {
    let settings = &request.settings;
    let groups = Groups::of(plan, &settings.by, &settings.freeze)?;
    Coefficients::new(&request.recipe, &settings.parameters, groups)
}

/// The plan that is merged at every step. The values of its parameters are markers at first, by which the tensors of each
/// coefficient are found: those that the conditions of the written recipe choose.
pub(super) fn weights<'a>(
    plan: &Plan,
    coefficients: &'a Coefficients,
    request: &Request,
    cancel: &'a Cancel,
) -> Result<Weights<'a>, Error> {
    let marked = text::write(&request.recipe, coefficients, &coefficients.markers(), &[]);
    let folder = request.recipe.folder().map(std::path::Path::to_path_buf);
    let recipe = Recipe::parse_in(&marked, plan.recipe.origin(), folder, &BTreeMap::new())?;
    let options = plan::Options { out_dtype: Some(DType::F32), ..request.plan.clone() };
    let plan = Plan::build(recipe, &options)?;
    Ok(Weights {
        slots: coefficients.slots(&plan),
        plan,
        coefficients,
        table: None,
        statistics: Statistics::default(),
        is_cut: false,
        level: request.level,
        cancel,
    })
}

/// The recipe's own value of each coefficient: the mean over its elements, where they have several. A coefficient that no tensor
/// has takes that of its axis.
pub(super) fn start(weights: &Weights<'_>, plan: &Plan) -> Vec<f64> {
    let coefficients = weights.coefficients;
    let mut sums = vec![(0.0, 0.0); coefficients.len()];
    for slot in &weights.slots {
        let elements = weights.plan.tensors.get(slot.tensor).map_or(0.0, |tensor| tensor.elements as f64);
        if let (Some(value), Some(sum)) = (slot.value_in(plan), sums.get_mut(slot.coefficient)) {
            *sum = (sum.0 + value * elements, sum.1 + elements);
        }
    }
    let groups = coefficients.groups.names.len().max(1);
    let mean = |of: &[(f64, f64)]| {
        let sum = of.iter().fold((0.0, 0.0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        if sum.1 > 0.0 { sum.0 / sum.1 } else { 0.0 }
    };
    let of_axis: Vec<f64> = sums.chunks(groups).map(mean).collect();
    let value = |(index, sum): (usize, &(f64, f64))| {
        if sum.1 > 0.0 { sum.0 / sum.1 } else { of_axis.get(index / groups).copied().unwrap_or_default() }
    };
    sums.iter().enumerate().map(value).collect()
}

/// The texts that are learned from.
struct Material {
    directions: Vec<Direction>,
    teachings: Vec<Teaching>,
    tokens: [Tokens; 2],
    /// Held-out queries, and data sets that are only scored.
    report: Vec<DataSet>,
}

impl Material {
    fn new(request: &Request, opened: &Opened, cancel: &Cancel) -> Result<Self, Error> {
        let (mut pool, mut directions, mut report) = (Pool::default(), Vec::new(), Vec::new());
        for set in &request.data {
            let (direction, held_out) = divide(set, &request.settings, &mut pool)?;
            directions.push(direction);
            report.push(held_out);
        }
        let teachings = request.agreements.iter().map(|texts| Teaching::new(texts, request, &mut pool, cancel));
        let teachings = teachings.collect::<Result<Vec<_>, _>>()?;
        report.extend(request.report.iter().cloned());
        let tokens = pool.tokenise(opened.encoder()?, &opened.prompts, request.settings.tokens)?;
        mine(&mut directions, &tokens, opened, cancel)?;
        Ok(Self { directions, teachings, tokens, report })
    }

    fn pairs(&self) -> usize {
        self.directions.iter().map(|direction| direction.train.len()).sum()
    }
}

struct Learner<'a, 'b> {
    request: &'a Request,
    opened: Opened,
    weights: &'a mut Weights<'b>,
    material: &'a mut Material,
    start: &'a [f64],
    cancel: &'a Cancel,
}

impl Learner<'_, '_> {
    /// The state to begin with: that of an interrupted run, or a new one. Of the table of token embeddings only the rows of tokens
    /// that occur are merged from here on.
    fn begin(&mut self, inputs: String, on: &mut dyn FnMut(&Event)) -> Result<State, Error> {
        let encoder = self.opened.encoder()?;
        if let Some(name) = encoder.token_table() {
            let rows = encoder.renumber(&mut self.material.tokens);
            let module = self.opened.outline.main_module().map_or_else(String::new, |module| module.folder.clone());
            let is_table = |canonical: &str| canonical == name || canonical_name(canonical) == name;
            let mut tensors = self.weights.plan.tensors.iter().filter(|tensor| tensor.module == module);
            let table = tensors.find(|tensor| is_table(&tensor.canonical));
            self.weights.table = table.map(|table| Table { key: (module.clone(), table.canonical.clone()), rows });
        }
        let known = self.request.state.as_ref().and_then(|path| State::read(path, &inputs));
        let coefficients = self.used().iter().filter(|used| **used).count();
        on(&Event::Begun { coefficients, pairs: self.material.pairs() });
        if let Some(state) = known {
            on(&Event::Resumed { step: state.step });
            return Ok(state);
        }
        let values = self.start.to_vec();
        let mut state = State {
            inputs,
            step: 0,
            adam: Adam::new(values.len()),
            best: values.clone(),
            values,
            best_step: 0,
            losses: Vec::new(),
            waited: 0,
            seconds: 0.0,
        };
        self.validate(&mut state, on)?;
        Ok(state)
    }

    /// Whether each coefficient is learned: some tensor has it, and it is not frozen.
    fn used(&self) -> Vec<bool> {
        let coefficients = self.weights.coefficients;
        let mut used = vec![false; coefficients.len()];
        for slot in &self.weights.slots {
            if let Some(used) = used.get_mut(slot.coefficient) {
                *used = !coefficients.is_frozen(slot.coefficient);
            }
        }
        used
    }

    fn run(&mut self, state: &mut State, on: &mut dyn FnMut(&Event)) -> Result<(), Error> {
        let settings = &self.request.settings;
        while state.step < settings.steps && !(settings.patience > 0 && state.waited >= settings.patience) {
            let begun = Instant::now();
            let loss = self.step(state)?;
            state.step += 1;
            on(&Event::Step { step: state.step, loss });
            if state.step.is_multiple_of(settings.every.max(1)) || state.step == settings.steps {
                self.validate(state, on)?;
            }
            state.seconds += begun.elapsed().as_secs_f64();
            if let Some(path) = &self.request.state {
                state.write(path)?;
            }
        }
        Ok(())
    }

    /// Does one step and returns the loss before it.
    fn step(&mut self, state: &mut State) -> Result<f64, Error> {
        let settings = &self.request.settings;
        let batch = Batch::of_step(&self.material.directions, &self.material.teachings, settings, state.step);
        let tokens = batch.tokens(&self.material.tokens);
        let merged = self.weights.merge(&state.values)?;
        self.opened.retriever.replace(&self.opened.outline, &merged)?;
        let embeddings = encode(self.opened.encoder()?, &tokens, self.cancel)?;
        let losses = batch.losses(&embeddings, self.opened.similarity, settings.temperature);
        if !losses.mean.is_finite() {
            return Err(Error::NotFinite { step: state.step });
        }
        let differentiable = self.opened.encoder()?.differentiable(&self.opened.outline, &merged)?;
        drop(merged);
        let mut gradients = differentiable.gradients(&tokens[0], &losses.upstream[0], self.cancel)?;
        for (key, more) in differentiable.gradients(&tokens[1], &losses.upstream[1], self.cancel)? {
            let sum = gradients.entry(key).or_insert_with(|| vec![0.0; more.len()]);
            sum.iter_mut().zip(&more).for_each(|(sum, more)| *sum += more);
        }
        if !self.weights.is_cut {
            self.weights.keep_only(&differentiable.tensors());
        }
        drop(differentiable);
        let slopes = self.weights.project(&state.values, &gradients)?;
        self.update(state, &slopes);
        Ok(losses.mean)
    }

    /// Moves the coefficients against the slopes of the loss and of the distance from where they began.
    fn update(&self, state: &mut State, slopes: &[f64]) {
        let settings = &self.request.settings;
        let pull = |(slope, (value, start)): (&f64, (&f64, &f64))| slope + settings.regularisation * (value - start);
        let slopes: Vec<f64> = slopes.iter().zip(state.values.iter().zip(self.start)).map(pull).collect();
        let step = state.step + 1;
        let moves = state.adam.step(&slopes, step, rate(settings.rate, step, settings.steps));
        let coefficients = self.weights.coefficients;
        for ((index, value), (by, used)) in state.values.iter_mut().enumerate().zip(moves.iter().zip(self.used())) {
            if used {
                *value = coefficients.bounded(index, *value + by);
            }
        }
    }

    /// Looks at the validation pairs, and keeps the coefficients if they are the best so far. Without such pairs the last are.
    fn validate(&mut self, state: &mut State, on: &mut dyn FnMut(&Event)) -> Result<(), Error> {
        let batch = Batch::of_validation(&self.material.directions, &self.material.teachings);
        if batch.is_empty() {
            (state.best, state.best_step) = (state.values.clone(), state.step);
            return Ok(());
        }
        let tokens = batch.tokens(&self.material.tokens);
        let merged = self.weights.merge(&state.values)?;
        self.opened.retriever.replace(&self.opened.outline, &merged)?;
        let embeddings = encode(self.opened.encoder()?, &tokens, self.cancel)?;
        let loss = batch.losses(&embeddings, self.opened.similarity, self.request.settings.temperature).mean;
        on(&Event::Validated { step: state.step, loss });
        let first = state.losses.first().copied().unwrap_or(loss);
        let best = state.losses.get(1).copied().unwrap_or(f64::INFINITY);
        if loss < best {
            (state.best, state.best_step, state.waited) = (state.values.clone(), state.step, 0);
        } else {
            state.waited += 1;
        }
        state.losses = vec![first, loss.min(best)];
        Ok(())
    }
}
