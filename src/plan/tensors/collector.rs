//! Plans the output's tensors and what each is merged from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use safetensors::Dtype;

use super::super::error::Error;
use super::super::models::Models;
use super::super::non_layer_tensors::NonLayerSlices;
use super::super::open_models::OpenedModels;
use super::super::options::Options;
use super::super::types::{Gathered, Input, LayerSource, PlannedTensor, Stage, TensorOp};
use super::super::usage::Usage;
use super::super::vocabulary::{Alignment, RowClasses, is_tied_head};
use super::arguments::{Lookup, Participant};
use crate::checkpoint::{Tensor, Weights, layer_of, with_layer};
use crate::kernel::DType;
use crate::method::{self, Arguments, Combination, Dots, Formula, MergeMethod};
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
    /// The module of the output that is being collected, and its index in each model.
    pub(in crate::plan) module: String,
    pub(in crate::plan) modules: Vec<Option<usize>>,
    /// Whether it is the main module.
    pub(in crate::plan) is_main: bool,
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
            is_main: false,
            among_holders: false,
            is_partial: false,
        }
    }

    /// Collects every tensor of every module.
    pub(in crate::plan) fn collect(&mut self) -> Result<(), Error> {
        self.no_module_is_lost();
        let models = self.models;
        let used = &models.checkpoints[self.usage.model];
        for module in used.modules().iter().filter(|module| module.weights.is_some()) {
            self.module.clone_from(&module.folder);
            self.is_main = used.is_main(module);
            self.modules = self.counterparts(module);
            self.tied = self.find_tied();
            if module.kind == "Transformer" && !self.recipe.whole_models() {
                self.slices()?;
            } else {
                self.whole(module.kind == "Transformer");
            }
            self.plan_tied();
        }
        self.report();
        if self.tensors.is_empty() && self.faults.is_empty() { Err(Error::Nothing) } else { Ok(()) }
    }

    pub(in crate::plan) fn weights(&self, model: usize) -> Option<&'a Weights> {
        self.models.checkpoints[model].modules().get(self.modules[model]?)?.weights.as_ref()
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

    /// Collects a module whose layers keep their places.
    fn whole(&mut self, gradients: bool) {
        let recipe = self.recipe;
        let holds = |part: &Part<'_>| self.modules.get(part.model).is_some_and(Option::is_some);
        let has = |slice: &&'a Slice| self.parts(slice).iter().any(holds);
        // Modules after the transformer come from the slice of the tensors after its layers. A module that none of its
        // models has comes from the first slice that has it.
        let behind = self.slice_behind();
        let Some(slice) = behind.filter(has).or_else(|| recipe.slices.iter().find(has)).or(behind) else { return };
        let mut parts = self.parts(slice);
        let all = parts.len();
        if self.among_holders {
            parts.retain(holds);
        }
        self.is_partial = parts.len() < all;
        for part in &mut parts {
            part.first_layer = None;
        }
        let mut names = self.canonical_names(&parts, |_| true);
        self.drop_unused(&mut names);
        let mut depths: BTreeMap<String, usize> = BTreeMap::new();
        for layer in names.iter().filter_map(|name| layer_of(name)) {
            let depth = depths.entry(layer.stack).or_default();
            *depth = (*depth).max(layer.index + 1);
        }
        for name in names {
            let layer = layer_of(&name).filter(|_| gradients);
            let t = layer.map_or(0.0, |layer| gradient(layer.index, depths.get(&layer.stack).copied().unwrap_or(1)));
            let planned = self.tensor(slice, &parts, &name, None, t);
            self.faults.extend(planned.err());
        }
    }

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

    /// Plans one output tensor. `layer` is its offset in the slice and its layer in the output, where the two differ.
    pub(in crate::plan) fn tensor(
        &mut self,
        slice: &'a Slice,
        parts: &[Part<'a>],
        name: &str,
        layer: Option<(usize, usize)>,
        t: f64,
    ) -> Result<(), Error> {
        let recipe = self.recipe;
        let canonical = layer.map_or_else(|| name.to_owned(), |(_, output)| with_layer(name, output));
        let mut present: Vec<(Part<'a>, Input, &'a Tensor)> = Vec::new();
        let mut absent: Vec<Part<'a>> = Vec::new();
        for part in parts {
            let wanted = match layer {
                Some((offset, _)) => with_layer(name, part.first_layer.unwrap_or_default() + offset),
                None => name.to_owned(),
            };
            match self.find(part.model, &wanted).or_else(|| self.tied_input(part.model, &wanted)) {
                Some((input, tensor)) => present.push((*part, input, tensor)),
                None => absent.push(*part),
            }
        }
        let Some((first_part, _, first)) = present.first().copied() else { return Ok(()) };
        let spelling = self.weights(self.donor).or_else(|| self.weights(self.usage.model));
        let output = spelling.map_or_else(|| canonical.clone(), |spelling| spelling.respell(&canonical));
        let label = if self.module.is_empty() { output.clone() } else { format!("{}/{output}", self.module) };
        let rows = self.gather(slice, &canonical, &label, &mut present)?;
        let path = |part: &Part<'_>| self.models.paths[part.model].clone();
        // Token tables may differ in their number of rows.
        let size = |tensor: &Tensor| tensor.shape.get(usize::from(rows.is_some())..).map(<[usize]>::to_vec);
        for (part, _, tensor) in &present[1..] {
            if tensor.shape.len() != first.shape.len() || size(tensor) != size(first) {
                let (left, right) = (first.shape.clone(), tensor.shape.clone());
                return Err(Error::Shape {
                    tensor: label,
                    left_model: path(&first_part),
                    left,
                    right_model: path(part),
                    right,
                });
            }
            if tensor.dtype != first.dtype && (tensor.float().is_none() || first.float().is_none()) {
                let (left, right) = (format!("{:?}", first.dtype), format!("{:?}", tensor.dtype));
                return Err(Error::Kind {
                    tensor: label,
                    left_model: path(&first_part),
                    left,
                    right_model: path(part),
                    right,
                });
            }
        }
        self.names.extend(present.iter().map(|(_, _, tensor)| tensor.name.clone()));
        self.names.insert(output.clone());

        let mut shape = first.shape.clone();
        if let (Some(rows), Some(first)) = (rows, shape.first_mut()) {
            *first = rows;
        }
        let elements = shape.iter().map(|&dimension| dimension as u64).product();
        let (dtype, op) = if first.float().is_none() {
            (first.dtype, TensorOp::Copy { sources: present.iter().map(|(_, input, _)| *input).collect() })
        } else {
            if let (Some(part), false) = (absent.first(), self.options.allow.missing_tensor) {
                return Err(Error::MissingTensor { tensor: label, present: path(&first_part), absent: path(part) });
            }
            for part in &absent {
                self.missing.entry((part.model, self.module.clone())).or_default().push(label.clone());
            }
            let lookup = Lookup { recipe, slice, output: &output, canonical: &canonical, label: &label, t, row: None };
            let rows = self.vocabulary_rows(&canonical, &shape);
            let op = self.merge(&lookup, &present, rows)?;
            let dtype = match &op {
                TensorOp::Merge { out_dtype, .. } => stored(*out_dtype),
                TensorOp::Copy { .. } => first.dtype,
            };
            (dtype, op)
        };
        self.tensors.push(PlannedTensor {
            module: self.module.clone(),
            name: output,
            canonical,
            shape,
            dtype,
            elements,
            file: 0,
            offset: 0,
            op,
            copy_of: None,
        });
        Ok(())
    }

    /// The number of rows of a tensor with a row for each token, where conditions tell its rows apart.
    fn vocabulary_rows(&self, canonical: &str, shape: &[usize]) -> Option<usize> {
        let rows = self.rows.as_ref().filter(|rows| self.is_main && rows.are_of(canonical, shape));
        rows.and(shape.first().copied())
    }

    pub(in crate::plan) fn find(&self, model: usize, canonical: &str) -> Option<(Input, &'a Tensor)> {
        let weights = self.weights(model)?;
        let tensor = weights.tensors().binary_search_by(|tensor| tensor.canonical.as_str().cmp(canonical)).ok()?;
        let input = Input { model, module: self.modules[model]?, tensor, gathered: None };
        Some((input, &weights.tensors()[tensor]))
    }

    /// Plans the merge of a tensor from the models that have it. If the method cannot merge those alone, the tensor is
    /// taken from the base, or else from the first model. `rows` is how many a vocabulary tensor has.
    fn merge(
        &mut self,
        lookup: &Lookup<'_>,
        present: &[(Part<'a>, Input, &Tensor)],
        rows: Option<usize>,
    ) -> Result<TensorOp, Error> {
        let method = self.recipe.method;
        // A method with an optional base sets it apart where the recipe names one.
        let apart = method.base.is_apart() && self.recipe.base_of(lookup.slice).is_some();
        let (base, others): (Vec<_>, Vec<_>) = present.iter().partition(|(part, ..)| apart && part.is_base);
        let possible = method.models.accepts(others.len()) && (!apart || base.len() == 1);
        // For a module that some models lack the base may be missing, and weights were not meant to sum to one.
        if self.is_partial && base.is_empty() {
            return self.among(lookup, &others);
        }
        let (method, base, others) = if possible {
            (method, base, others)
        } else {
            let only = base.first().or(others.first()).copied();
            let passthrough = method::find("passthrough").unwrap_or(method);
            (passthrough, Vec::new(), only.into_iter().collect())
        };
        let participants: Vec<Participant<'_>> = others
            .iter()
            .map(|(part, _, tensor)| {
                let own = part.own.filter(|_| possible);
                // A tied table is looked up under the name of the head that it replaces.
                let name = if is_tied_head(lookup.canonical) { lookup.output } else { &tensor.name };
                Participant { path: &self.models.paths[part.model], tensor: name, own }
            })
            .collect();
        let (arguments, by_row) = match (rows, &mut self.rows) {
            (Some(count), Some(rows)) => rows.arguments(count, |row, name| {
                let label = format!("{}, rows {name}", lookup.label);
                checked(method, &Lookup { row, label: &label, ..*lookup }, &participants)
            })?,
            _ => (checked(method, lookup, &participants)?, None),
        };
        let (compute_dtype, out_dtype) =
            self.formats(&present.iter().filter_map(|(_, _, tensor)| tensor.float()).collect::<Vec<_>>());
        let inputs = base.iter().chain(&others).map(|(_, input, _)| *input).collect();
        Ok(TensorOp::Merge { method, inputs, arguments, by_row, compute_dtype, out_dtype })
    }

    /// The dtype that tensors of these dtypes are merged in, and the dtype of the result.
    pub(in crate::plan) fn formats(&self, floats: &[DType]) -> (DType, DType) {
        let dtype = self.options.dtype.or(self.recipe.dtype);
        let widest = floats.iter().copied().reduce(DType::widest).unwrap_or(DType::F32);
        let is_wide = dtype == Some(DType::F64) || floats.contains(&DType::F64);
        let compute_dtype = if is_wide { DType::F64 } else { DType::F32 };
        (compute_dtype, self.options.out_dtype.or(self.recipe.out_dtype).or(dtype).unwrap_or(widest))
    }
}

/// The arguments of a method, checked against each other.
fn checked(
    method: &'static MergeMethod,
    lookup: &Lookup<'_>,
    participants: &[Participant<'_>],
) -> Result<Arguments, Error> {
    let arguments = lookup.arguments(method, participants)?;
    if let Some(check) = method.check {
        check(&arguments).map_err(|error| lookup.argument_error(error, participants))?;
    }
    if let Formula::Combination(Combination { dots: Dots::Unneeded, coefficients, .. }) = &method.formula {
        let failed = |reason| Error::Arguments { tensor: lookup.label.to_owned(), reason, hint: None, place: None };
        coefficients(&arguments, None).map_err(failed)?;
    }
    Ok(arguments)
}

/// The position of layer `index` of `depth` between 0 and 1; a single layer is at 1.
pub(in crate::plan) fn gradient(index: usize, depth: usize) -> f64 {
    if depth > 1 { index as f64 / (depth - 1) as f64 } else { 1.0 }
}

fn stored(float: DType) -> Dtype {
    match float {
        DType::F16 => Dtype::F16,
        DType::Bf16 => Dtype::BF16,
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
    }
}
