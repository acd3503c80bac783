//! The walk of texts through all models, layer by layer.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::layer::{LayerSums, regression};
use super::layers::{Layers, ModelTexts};
use super::merged::{MergedLayers, outline};
use super::model::ModelTensors;
use super::texts;
use crate::encoder::{HiddenTexts, LayerStack, Tokens, Work, number_tokens, tokenise_for_layers};
use crate::merge::{self, LayerSolver, Take};
use crate::plan::Plan;

/// Tokens of a text that are used, special tokens included.
const TOKENS: usize = 128;

/// Solves the linear layers of a plan.
pub struct Solver<'a> {
    plan: &'a Plan,
    layers: Layers,
    models: Vec<ModelTexts>,
    /// Whether texts go on through merged layers.
    follows_merge: bool,
    warnings: Vec<String>,
}

/// A model on which texts are on their way.
struct Walk<'a> {
    tensors: ModelTensors<'a>,
    stack: LayerStack,
    texts: HiddenTexts,
}

impl<'a> Solver<'a> {
    /// Reads the texts of a plan and finds the layers that they run through; `None` for a method that needs no texts.
    ///
    /// # Errors
    /// Texts that cannot be read, a model that they cannot run through.
    pub fn open(plan: &'a Plan) -> Result<Option<Self>, Error> {
        if !plan.recipe.method.needs_texts() {
            return Ok(None);
        }
        let follows_merge = follows_merge(plan)?;
        if follows_merge && plan.alignment.is_some() {
            return Err(Error::Vocabularies);
        }
        let (texts, warnings) = texts::read(plan)?;
        let outline = outline(plan);
        let (mut tokens, mut kept) = (Vec::new(), Vec::new());
        for (model, texts) in texts.iter().enumerate() {
            let Some(tensors) = ModelTensors::new(plan, model) else { continue };
            let settings = if follows_merge { outline.settings() } else { tensors.checkpoint.settings() };
            let prompt = settings.document_prompt.clone().unwrap_or_default();
            // With one vocabulary the donor's tokenizer is the merge's.
            let model = if follows_merge { plan.donor } else { model };
            let Some(tensors) = ModelTensors::new(plan, model) else { continue };
            let (found, keeps) = tokenise_for_layers(tensors.checkpoint, &tensors, (texts, &prompt), TOKENS)?;
            tokens.push(found);
            kept.push(keeps);
        }
        let models: Vec<ModelTexts> = if follows_merge {
            let rows = number_tokens(&mut tokens, kept.into_iter().max().unwrap_or(1));
            tokens.into_iter().map(|tokens| ModelTexts { tokens, rows: rows.clone() }).collect()
        } else {
            let number = |(mut tokens, kept): (Tokens, u32)| {
                let rows = number_tokens(std::slice::from_mut(&mut tokens), kept);
                ModelTexts { tokens, rows }
            };
            tokens.into_iter().zip(kept).map(number).collect()
        };
        let layers = Layers::find(plan, &models, outline.main_module().map_or("", |module| module.folder.as_str()))?;
        let solver = Self { plan, layers, models, follows_merge, warnings };
        solver.check_order()?;
        Ok(Some(solver))
    }

    /// What the user should know of the texts.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn check_order(&self) -> Result<(), Error> {
        let Some((tensors, _)) = self.model(0) else { return Ok(()) };
        let stack = LayerStack::open(tensors.checkpoint, &tensors, &[0])?;
        let distinct: BTreeSet<&usize> = stack.order().iter().collect();
        if self.follows_merge && distinct.len() < stack.order().len() {
            return Err(Error::SharedLayers { model: self.plan.label(0) });
        }
        Ok(())
    }

    fn model(&self, index: usize) -> Option<(ModelTensors<'a>, &ModelTexts)> {
        Some((ModelTensors::new(self.plan, index)?, self.models.get(index)?))
    }

    /// Puts the texts of every model in front of its first layer, or of the merge's.
    fn start(&self, merge: Option<&LayerStack>) -> Result<Vec<Walk<'a>>, Error> {
        let begin = |index: usize| -> Result<Option<Walk<'a>>, Error> {
            let Some((tensors, texts)) = self.model(index) else { return Ok(None) };
            let stack = LayerStack::open(tensors.checkpoint, &tensors, &texts.rows)?;
            let texts = merge.unwrap_or(&stack).embed(&texts.tokens)?;
            Ok(Some(Walk { tensors, stack, texts }))
        };
        (0..self.models.len()).filter_map(|index| begin(index).transpose()).collect()
    }

    fn run(&self, options: &merge::Options<'_>, take: &mut Take<'_>) -> Result<(), Error> {
        let plan = self.plan;
        let work = Work { threads: rayon::current_num_threads(), cancel: options.cancel };
        let mut merged = if self.follows_merge { Some(self.merged(options)?) } else { None };
        let mut walks = self.start(merged.as_ref().map(|(_, stack)| stack))?;
        let order: Vec<usize> = walks.first().map(|walk| walk.stack.order().to_vec()).unwrap_or_default();
        let mut open: BTreeMap<usize, LayerSums> = BTreeMap::new();
        for (depth, layer) in order.iter().enumerate() {
            let sums = open.entry(*layer).or_default();
            for (model, walk) in walks.iter_mut().enumerate() {
                let go_on = merged.is_none() && depth + 1 < order.len();
                for gram in walk.stack.grams(&walk.tensors, depth, &mut walk.texts, go_on, work)? {
                    let solved = self.layers.of(&gram.weights);
                    sums.add((plan, options), &solved, model, gram)?;
                }
            }
            if order.iter().skip(depth + 1).any(|later| later == layer) {
                continue;
            }
            let sums = open.remove(layer).unwrap_or_default();
            sums.solve(plan, &mut |index, values| {
                if let (Some((merged, _)), Some(tensor)) = (&mut merged, plan.tensors.get(index)) {
                    let name = self.layers.name_of(index).unwrap_or_default();
                    merged.add(name, tensor, values, options.level);
                }
                take(index, values)
            })?;
            if let Some((merged, stack)) = merged.as_mut().filter(|_| depth + 1 < order.len()) {
                for walk in &mut walks {
                    stack.advance(merged, depth, &mut walk.texts, work)?;
                }
                merged.forget();
            }
        }
        Ok(())
    }

    /// The merge of all that is not solved, and its stack of layers.
    fn merged(&self, options: &merge::Options<'_>) -> Result<(MergedLayers, LayerStack), Error> {
        let rows = self.models.first().map(|texts| texts.rows.as_slice()).unwrap_or_default();
        let table = match self.model(self.plan.donor) {
            Some((tensors, _)) => {
                LayerStack::open(tensors.checkpoint, &tensors, &[0])?.token_table().map(str::to_owned)
            }
            None => None,
        };
        let merged = MergedLayers::new(self.plan, &self.layers, rows, table.as_deref(), options)?;
        let stack = LayerStack::open(&merged.outline, &merged, rows)?;
        Ok((merged, stack))
    }
}

impl LayerSolver for Solver<'_> {
    fn tensors(&self) -> &BTreeSet<usize> {
        &self.layers.tensors
    }

    fn solve(&self, options: &merge::Options<'_>, take: &mut Take<'_>) -> Result<(), merge::Error> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads)
            .build()
            .map_err(|error| merge::Error::Threads(error.to_string()))?;
        pool.install(|| self.run(options, take)).map_err(Error::of_merge)
    }
}

/// Whether texts go on through merged layers, which is one answer for all tensors.
fn follows_merge(plan: &Plan) -> Result<bool, Error> {
    let mut answers: Vec<bool> = plan
        .tensors
        .iter()
        .filter_map(|tensor| regression(tensor).map(|(regression, arguments)| (regression.follows_merge)(arguments)))
        .collect();
    answers.sort_unstable();
    answers.dedup();
    match answers.as_slice() {
        [] | [false] => Ok(false),
        [true] => Ok(true),
        _ => Err(Error::Mixed),
    }
}

impl std::fmt::Debug for Solver<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Solver").field("tensors", &self.layers.tensors.len()).finish_non_exhaustive()
    }
}
