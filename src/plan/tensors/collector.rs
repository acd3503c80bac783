//! Plans the output's tensors and what each is merged from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::error::Error;
use super::super::models::Models;
use super::super::non_layer_tensors::NonLayerSlices;
use super::super::open_models::OpenedModels;
use super::super::options::Options;
use super::super::types::{Gathered, Input, LayerSource, PlannedTensor, Stage};
use super::super::usage::Usage;
use super::super::vocabulary::{Alignment, RowClasses};
use crate::checkpoint::{Tensor, Weights};
use crate::recipe::{Parameters, Recipe, Slice};

/// A model's part in a slice.
#[derive(Clone, Copy)]
pub(in crate::plan) struct Part<'a> {
    pub(in crate::plan) model: usize,
    pub(in crate::plan) own: Option<&'a Parameters>,
    /// The model's layer that becomes the first of the slice; `None` where layers keep their places.
    pub(in crate::plan) first_layer: Option<usize>,
    pub(in crate::plan) is_base: bool,
}

/// What the module that is being collected is to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) enum Role {
    /// The model itself, usually the transformer.
    Main,
    /// Another module.
    Module,
    /// A head that modules.json does not name.
    Head,
}

/// Collects the output's tensors.
pub(in crate::plan) struct Collector<'a> {
    pub(in crate::plan) recipe: &'a Recipe,
    pub(in crate::plan) models: &'a Models,
    /// For each model, the document whose merge it is.
    pub(in crate::plan) stages: &'a [Option<Arc<Stage>>],
    pub(in crate::plan) donor: usize,
    pub(in crate::plan) usage: Usage,
    pub(in crate::plan) options: &'a Options,
    pub(in crate::plan) tensors: Vec<PlannedTensor>,
    pub(in crate::plan) layers: Option<Vec<LayerSource>>,
    pub(in crate::plan) non_layer: NonLayerSlices,
    /// The donor's configuration adapted to the output's layers, where they are not the donor's own.
    pub(in crate::plan) layer_config: Option<serde_json::Map<String, serde_json::Value>>,
    pub(in crate::plan) alignment: Option<&'a Alignment>,
    pub(in crate::plan) gathered: Vec<Gathered>,
    /// The classes of rows that conditions tell apart.
    pub(in crate::plan) rows: Option<RowClasses>,
    pub(in crate::plan) warnings: Vec<String>,
    /// Faults of single tensors and modules.
    pub(in crate::plan) faults: Vec<Error>,
    pub(in crate::plan) missing: BTreeMap<(usize, String), Vec<String>>,
    /// Every name that filters were tried on.
    pub(in crate::plan) names: BTreeSet<String>,
    /// The tied copies in the module that is being collected, each with the tensor that it copies.
    pub(in crate::plan) tied: BTreeMap<String, String>,
    /// The module or head of the output that is being collected, and its index among the parts of each model.
    pub(in crate::plan) module: String,
    pub(in crate::plan) modules: Vec<Option<usize>>,
    pub(in crate::plan) role: Role,
    /// Whether it is merged from the models that have it, without the others.
    pub(in crate::plan) among_holders: bool,
    /// Whether some models of the recipe lack it.
    pub(in crate::plan) is_partial: bool,
}

impl<'a> Collector<'a> {
    pub(in crate::plan) fn new(
        recipe: &'a Recipe,
        OpenedModels { models, stages }: &'a OpenedModels,
        donor: usize,
        usage: Usage,
        options: &'a Options,
        alignment: Option<&'a Alignment>,
    ) -> Self {
        Self {
            recipe,
            models,
            stages,
            donor,
            usage,
            options,
            tensors: Vec::new(),
            layers: None,
            non_layer: NonLayerSlices::of(&models.checkpoints),
            layer_config: None,
            alignment,
            gathered: Vec::new(),
            rows: None,
            warnings: Vec::new(),
            faults: Vec::new(),
            missing: BTreeMap::new(),
            names: BTreeSet::new(),
            tied: BTreeMap::new(),
            module: String::new(),
            modules: Vec::new(),
            role: Role::Module,
            among_holders: false,
            is_partial: false,
        }
    }

    /// Plans every tensor of every module and head. For each module it matches those of the models, finds tied copies, collects the
    /// other tensors, and plans the copies like the tensors that they copy.
    pub(in crate::plan) fn collect(&mut self) -> Result<(), Error> {
        self.check_modules();
        let models = self.models;
        let used = &models.checkpoints[self.usage.model];
        for module in used.parts().iter().filter(|module| module.weights.is_some()) {
            self.module.clone_from(&module.folder);
            self.role = match module {
                _ if used.is_main(module) => Role::Main,
                _ if used.heads().iter().any(|head| std::ptr::eq(head, module)) => Role::Head,
                _ => Role::Module,
            };
            self.modules = self.match_module(module);
            self.tied = self.find_tied_tensors();
            if module.is_transformer() && !self.recipe.whole_models() {
                self.collect_slices()?;
            } else {
                self.collect_whole(module.is_transformer());
            }
            self.plan_tied_tensors();
        }
        self.report_warnings();
        if self.tensors.is_empty() && self.faults.is_empty() { Err(Error::Nothing) } else { Ok(()) }
    }

    /// A model's weights of the module that is being collected.
    pub(in crate::plan) fn weights(&self, model: usize) -> Option<&'a Weights> {
        self.models.checkpoints[model].parts().get(self.modules[model]?)?.weights.as_ref()
    }

    /// The models of a slice, the base last where the slice does not list it.
    pub(in crate::plan) fn parts(&self, slice: &'a Slice) -> Vec<Part<'a>> {
        let base = slice.base_model.as_ref().or(self.recipe.base_model.as_ref()).map(|base| self.models.index(base));
        let mut parts: Vec<Part<'a>> = slice
            .sources
            .iter()
            .map(|source| {
                let model = self.models.index(&source.model);
                let first_layer = source.layers.as_ref().map(|layers| layers.start);
                Part { model, own: Some(&source.parameters), first_layer, is_base: base == Some(model) }
            })
            .collect();
        if let Some(base) =
            base.filter(|base| self.recipe.whole_models() && parts.iter().all(|part| part.model != *base))
        {
            parts.push(Part { model: base, own: None, first_layer: None, is_base: true });
        }
        parts
    }

    /// The canonical names of the tensors of some models, without tied copies and left-out buffers.
    pub(in crate::plan) fn canonical_names(
        &self,
        parts: &[Part<'_>],
        wanted: impl Fn(&str) -> bool,
    ) -> BTreeSet<String> {
        let weights = parts.iter().filter_map(|part| self.weights(part.model));
        let tensors = weights.flat_map(Weights::tensors).filter(|tensor| !self.is_left_out(tensor));
        let names = tensors.map(|tensor| &tensor.canonical);
        names.filter(|name| !self.tied.contains_key(*name) && wanted(name)).cloned().collect()
    }

    /// The name of a tensor that filters are compared with: behind the transformer it begins with the module.
    pub(in crate::plan) fn filtered_name(&self, tensor: &str) -> String {
        if self.role == Role::Main { tensor.to_owned() } else { format!("{}/{tensor}", self.module) }
    }

    /// A model's tensor of this canonical name in the module that is being collected.
    pub(in crate::plan) fn find(&self, model: usize, canonical: &str) -> Option<(Input, &'a Tensor)> {
        let weights = self.weights(model)?;
        let tensor = weights.tensors().binary_search_by(|tensor| tensor.canonical.as_str().cmp(canonical)).ok()?;
        let input = Input { model, module: self.modules[model]?, tensor, gathered: None };
        Some((input, &weights.tensors()[tensor]))
    }
}

/// The position of layer `index` of `depth` between 0 and 1; a single layer is at 1.
pub(in crate::plan) fn gradient(index: usize, depth: usize) -> f64 {
    if depth > 1 { index as f64 / (depth - 1) as f64 } else { 1.0 }
}
