//! Which tensors of a plan are linear layers that texts run through.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::layer::regression;
use super::model::ModelTensors;
use crate::checkpoint::canonical_name;
use crate::encoder::{LayerStack, Tokens, Work};
use crate::plan::{Plan, PlannedTensor};
use crate::progress::Cancel;

/// The tensors that are solved.
pub(super) struct Layers {
    pub(super) tensors: BTreeSet<usize>,
    /// Their indices by the names that the encoder has for them.
    names: BTreeMap<String, usize>,
    /// The transformer's folder in the output.
    pub(super) module: String,
}

/// The texts of a model: their tokens, numbered by the rows of the table that they use.
pub(super) struct ModelTexts {
    pub(super) tokens: Tokens,
    pub(super) rows: Vec<u32>,
}

impl Layers {
    /// Runs one text through the first model to see which tensors are linear layers, and finds those in the plan.
    pub(super) fn find(plan: &Plan, models: &[ModelTexts], module: &str) -> Result<Self, Error> {
        let mut layers = Self { tensors: BTreeSet::new(), names: BTreeMap::new(), module: module.to_owned() };
        let (Some(tensors), Some(texts)) = (ModelTensors::new(plan, 0), models.first()) else { return Ok(layers) };
        let stack = LayerStack::open(tensors.checkpoint, &tensors, &texts.rows)?;
        let shortest = (0..texts.tokens.len()).filter(|text| texts.tokens.length(*text) > 0);
        let shortest: Vec<usize> = shortest.min_by_key(|text| texts.tokens.length(*text)).into_iter().collect();
        let mut hidden = stack.embed(&texts.tokens.pick(&shortest))?;
        let never = Cancel::new();
        for depth in 0..stack.order().len() {
            let work = Work { threads: 1, cancel: &never };
            for gram in stack.grams(&tensors, depth, &mut hidden, true, work)? {
                for name in gram.weights {
                    if let Some(index) = layers.planned(plan, &name) {
                        layers.tensors.insert(index);
                        layers.names.insert(name, index);
                    }
                }
            }
        }
        if layers.tensors.is_empty() { Err(Error::NoLayers { model: plan.label(0) }) } else { Ok(layers) }
    }

    /// The plan's tensor that the encoder calls `name`, if every model has it.
    fn planned(&self, plan: &Plan, name: &str) -> Option<usize> {
        let is_meant = |tensor: &PlannedTensor| {
            tensor.module == self.module
                && Self::is_named(tensor, name)
                && tensor.shape.len() == 2
                && tensor.op.inputs().len() == plan.models.len()
                && regression(tensor).is_some()
        };
        plan.tensors.iter().position(is_meant)
    }

    /// Whether a tensor is the one that the encoder calls `name`.
    pub(super) fn is_named(tensor: &PlannedTensor, name: &str) -> bool {
        tensor.canonical == name || canonical_name(&tensor.canonical) == name
    }

    /// The tensors of these names.
    pub(super) fn of(&self, names: &[String]) -> Vec<usize> {
        names.iter().filter_map(|name| self.names.get(name).copied()).collect()
    }

    pub(super) fn name_of(&self, index: usize) -> Option<&str> {
        self.names.iter().find(|(_, known)| **known == index).map(|(name, _)| name.as_str())
    }
}
