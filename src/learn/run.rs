//! The rounds: moves each coefficient alone, encodes, and finds the best values of all of them together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::coefficients::{Coefficients, parameters};
use super::data::{Direction, divide};
use super::error::Error;
use super::fit::Objective;
use super::inputs::hash;
use super::linearised::Linearised;
use super::merged::{self, Opened};
use super::outcome::{Outcome, agreed, outcome};
use super::pool::Pool;
use super::request::{Event, Request};
use super::result::Learned;
use super::rows::Rows;
use super::similarity;
use super::state::{State, StateFile};
use super::tasks::Tasks;
use super::teaching::{Teaching, model};
use super::text;
use super::weights::{Table, Weights};
use crate::checkpoint::canonical_name;
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
    let seconds = begun.elapsed().as_secs_f64();
    let mut learner =
        Learner { request, opened, weights: &mut weights, material: &mut material, start: &start, cancel };
    let mut state = learner.run(inputs, on)?;
    state.seconds += seconds;
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
    rows: Rows,
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
        let most = request.settings.tokens.unwrap_or(usize::MAX);
        let tokens = pool.tokenise(opened.encoder()?, &opened.prompts, most)?;
        Ok(Self { directions, teachings, rows: Rows::new(tokens, opened.similarity), report })
    }

    fn pairs(&self) -> usize {
        self.directions.iter().map(|direction| direction.train.len()).sum()
    }
}

/// How far a coefficient is moved to find what it changes.
const STEP: f64 = 0.15;

/// The shares of the reach that are tried. Embeddings are no straight lines: the validation pairs tell how far to trust them.
const REACHES: [f64; 3] = [1.0, 0.5, 0.25];

struct Learner<'a, 'b> {
    request: &'a Request,
    opened: Opened,
    weights: &'a mut Weights<'b>,
    material: &'a mut Material,
    start: &'a [f64],
    cancel: &'a Cancel,
}

impl Learner<'_, '_> {
    fn run(&mut self, inputs: String, on: &mut dyn FnMut(&Event)) -> Result<State, Error> {
        self.keep_only_rows_that_occur()?;
        let settings = &self.request.settings;
        let Material { directions, teachings, rows, .. } = &*self.material;
        let training = Tasks::of_training(directions, teachings, rows, settings.temperature);
        let validation = Tasks::of_validation(directions, teachings, rows, settings.temperature);
        let used = self.used();
        on(&Event::Begun { coefficients: used.len(), pairs: self.material.pairs(), texts: self.material.rows.len() });
        let file = StateFile(self.request.state.as_deref());
        let dimension = self.opened.encoder()?.dimension();
        let known = file.read(&inputs, self.start.len(), self.material.rows.len() * dimension);
        let (mut state, mut columns) = known.unwrap_or_else(|| {
            let values = self.start.to_vec();
            let (before, validation) = (Vec::new(), Vec::new());
            (State { inputs, round: 0, values, before, validation, tokens: 0, seconds: 0.0 }, Vec::new())
        });
        columns.truncate(used.len() + 1);
        let each = used.len() + 1 + REACHES.len();
        let total = settings.rounds.max(1) * each;
        if state.round > 0 || !columns.is_empty() {
            on(&Event::Resumed { encoded: state.round * each + columns.len(), total });
        }
        while state.round < settings.rounds {
            let begun = Instant::now();
            file.begin(&state, &columns)?;
            let mut encoded = state.round * each + columns.len();
            let mut count = |on: &mut dyn FnMut(&Event)| {
                encoded += 1;
                on(&Event::Encoded { encoded, total });
            };
            let linearised = self.linearise(&state.values, &used, std::mem::take(&mut columns), &mut |column| {
                count(on);
                file.add(column)
            })?;
            if state.before.is_empty() {
                state.before = training.losses(&linearised.embeddings, dimension);
                let loss = mean(&validation.losses(&linearised.embeddings, dimension));
                state.validation = if validation.is_empty() { Vec::new() } else { vec![loss; 2] };
                on(&Event::Tried { reach: 0.0, loss });
            }
            if state.before.iter().any(|loss| !loss.is_finite()) {
                return Err(Error::NotFinite);
            }
            let objective = Objective { tasks: &training, before: &state.before, start: self.start, settings };
            let mut found: Option<(f64, Vec<f64>)> = None;
            for share in REACHES {
                let reach = share * settings.reach;
                let bounded = |index, value| self.weights.coefficients.bounded(index, value);
                let values = objective.least(&linearised, reach, bounded, || !self.cancel.is_cancelled());
                self.cancel.check(Error::Cancelled)?;
                let loss = mean(&validation.losses(&self.encode(&values)?, dimension));
                count(on);
                on(&Event::Tried { reach, loss });
                let least = found.as_ref().map_or(state.validation.get(1).copied(), |(least, _)| Some(*least));
                if least.is_none_or(|least| loss < least) {
                    found = Some((loss, values));
                }
            }
            state.tokens +=
                each as u64 * self.material.rows.tokens.iter().map(|tokens| tokens.total() as u64).sum::<u64>();
            state.seconds += begun.elapsed().as_secs_f64();
            let Some((loss, values)) = found else { break };
            state.values = values;
            state.round += 1;
            if let Some(least) = state.validation.get_mut(1) {
                *least = loss;
            }
        }
        Ok(state)
    }

    /// Leaves out of the table of token embeddings the rows of tokens that do not occur.
    fn keep_only_rows_that_occur(&mut self) -> Result<(), Error> {
        let encoder = self.opened.encoder()?;
        if let Some(name) = encoder.token_table() {
            let rows = encoder.renumber(&mut self.material.rows.tokens);
            let module = self.opened.outline.main_module().map_or_else(String::new, |module| module.folder.clone());
            let is_table = |canonical: &str| canonical == name || canonical_name(canonical) == name;
            let mut tensors = self.weights.plan.tensors.iter().filter(|tensor| tensor.module == module);
            let table = tensors.find(|tensor| is_table(&tensor.canonical));
            self.weights.table = table.map(|table| Table { key: (module.clone(), table.canonical.clone()), rows });
        }
        Ok(())
    }

    /// The coefficients that are learned: some tensor has them, and they are not frozen.
    fn used(&self) -> Vec<usize> {
        let coefficients = self.weights.coefficients;
        let used: BTreeSet<usize> = self.weights.slots.iter().map(|slot| slot.coefficient).collect();
        used.into_iter().filter(|index| !coefficients.is_frozen(*index)).collect()
    }

    /// Encodes all texts with a merge.
    fn encode(&mut self, values: &[f64]) -> Result<Vec<f32>, Error> {
        let merged = self.weights.merge(values)?;
        self.opened.retriever.replace(&self.opened.outline, &merged)?;
        drop(merged);
        self.material.rows.encode(&self.opened, self.cancel)
    }

    /// Encodes all texts with each coefficient moved. The first of the columns has the embeddings at `values` themselves; those that
    /// are known are not computed again.
    fn linearise(
        &mut self,
        values: &[f64],
        used: &[usize],
        known: Vec<Vec<f32>>,
        done: &mut dyn FnMut(&[f32]) -> Result<(), Error>,
    ) -> Result<Linearised, Error> {
        let mut known = known.into_iter();
        let mut embeddings = |learner: &mut Self, values: &[f64]| {
            known.next().map_or_else(
                || {
                    let column = learner.encode(values)?;
                    done(&column)?;
                    Ok::<_, Error>(column)
                },
                Ok,
            )
        };
        let here = embeddings(self, values)?;
        let mut linearised = Linearised::new(values.to_vec(), here, self.opened.encoder()?.dimension());
        for index in used {
            let by = self.step(*index, values[*index]);
            let mut moved = values.to_vec();
            moved[*index] += by;
            let column = embeddings(self, &moved)?;
            linearised.add(*index, &column, by);
        }
        Ok(linearised)
    }

    /// How far a coefficient is moved: up, or down where that is not allowed.
    fn step(&self, index: usize, value: f64) -> f64 {
        let moved = |by: f64| self.weights.coefficients.bounded(index, value + by) - value;
        let (up, down) = (moved(STEP), moved(-STEP));
        if up >= -down { up } else { down }
    }
}

fn mean(losses: &[f64]) -> f64 {
    losses.iter().sum::<f64>() / losses.len().max(1) as f64
}
