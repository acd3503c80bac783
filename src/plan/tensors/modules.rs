//! Matches the modules and heads of checkpoints, and handles those that not all models have.

use std::collections::{BTreeMap, BTreeSet};

use super::super::error::Error;
use super::super::types::{Input, TensorOp};
use super::arguments::{Lookup, Participant};
use super::collector::{Collector, Part, Role};
use crate::checkpoint::{Checkpoint, Mismatch, Module, Tensor};
use crate::method::{self, Arguments, Scope, Value};
use crate::yaml::and;

impl Collector<'_> {
    /// Refuses modules with weights that the output does not have.
    pub(super) fn check_modules(&mut self) {
        let used = &self.models.checkpoints[self.usage.model];
        for (index, checkpoint) in self.models.checkpoints.iter().enumerate() {
            for module in checkpoint.modules().iter().filter(|module| module.weights.is_some()) {
                if !checkpoint.is_main(module) && counterpart(checkpoint, module, used).is_none() {
                    let error = missing_module(&self.models.paths[index], module, &self.models.paths[self.usage.model]);
                    if self.usage.chosen || self.options.allow.accepts(Mismatch::Modules) {
                        self.warnings.push(format!("{error}; it is left out"));
                    } else {
                        self.faults.push(error);
                    }
                }
            }
            for head in checkpoint.heads().iter().filter(|head| used.module(&head.folder).is_none()) {
                let (name, path) = (head.name(), &self.models.paths[index]);
                self.warnings.push(format!(
                    "`{path}` also has the head `{name}`, which is left out: `{}` has none (`settings_source: {path}` keeps it)",
                    self.models.paths[self.usage.model]
                ));
            }
        }
    }

    /// Finds a module of the output in each model. Any model may lack a head, and plain folders may lack a module if no base has it: it is then merged among the
    /// other models. Any model may lack it if the recipe chose the model whose modules count, or if the user accepts it.
    pub(super) fn match_module(&mut self, module: &Module) -> Vec<Option<usize>> {
        let (models, paths) = (&self.models.checkpoints, &self.models.paths);
        let used = &models[self.usage.model];
        let place = |model: &Checkpoint| {
            let main = || model.modules().iter().position(|own| model.is_main(own));
            if self.role == Role::Main { main() } else { counterpart(used, module, model) }
        };
        let found: Vec<Option<usize>> = models.iter().map(place).collect();
        let (have, lack): (Vec<usize>, Vec<usize>) = (0..found.len()).partition(|model| found[*model].is_some());
        let accepted = self.options.allow.accepts(Mismatch::Modules);
        let no_base_has = self.recipe.base_model.is_none() || found[self.donor].is_none();
        self.among_holders = self.usage.chosen || no_base_has || self.role == Role::Head;
        for model in &lack {
            let is_plain = !models[*model].is_sentence_transformers();
            if !(accepted || self.usage.chosen || self.role == Role::Head || (no_base_has && is_plain)) {
                self.faults.push(missing_module(&paths[self.usage.model], module, &paths[*model]));
            }
        }
        if self.among_holders && !lack.is_empty() {
            let list = |models: &[usize]| {
                let names: Vec<String> = models.iter().map(|model| format!("`{}`", paths[*model])).collect();
                and(&names)
            };
            let verb = if lack.len() == 1 { "has" } else { "have" };
            let (have, lack) = (list(&have), list(&lack));
            let part = match module.name() {
                name if self.role == Role::Head => format!("head `{name}`"),
                name => format!("module `{name}` ({})", module.kind),
            };
            self.warnings.push(format!("the {part} is merged from {have} alone: {lack} {verb} none"));
        }
        found
    }

    /// Leaves out tensors that the module does not have as it is configured, because a loader would refuse them.
    pub(super) fn drop_unused_tensors(&mut self, names: &mut BTreeSet<String>) {
        let Some(used) =
            self.weights(self.usage.model).filter(|_| self.role != Role::Main && self.options.allow.missing_tensor)
        else {
            return;
        };
        let (folder, path) = (&self.module, &self.models.paths[self.usage.model]);
        names.retain(|name| {
            let is_used = used.get(name).is_some();
            if !is_used {
                self.warnings.push(format!("`{folder}/{name}` is left out: the module of `{path}` has no such tensor"));
            }
            is_used
        });
    }

    /// Plans a tensor of a module that other models lack: the weighted average over the models that have it, whose weights
    /// need not sum to one, or the tensor itself if only one has it.
    pub(super) fn plan_average(
        &self,
        lookup: &Lookup<'_>,
        holders: &[&(Part<'_>, Input, &Tensor)],
    ) -> Result<TensorOp, Error> {
        let weights = self.shares(lookup, holders)?;
        let linear = method::find("linear").unwrap_or(self.recipe.method);
        let arguments = Arguments {
            shared: BTreeMap::from([("normalize", Value::Flag(true))]),
            models: weights.iter().map(|weight| BTreeMap::from([("weight", Value::Number(*weight))])).collect(),
        };
        let (compute_dtype, out_dtype) =
            self.formats(&holders.iter().filter_map(|(_, _, tensor)| tensor.float()).collect::<Vec<_>>());
        let inputs = holders.iter().map(|(_, input, _)| *input).collect();
        Ok(TensorOp::Merge { method: linear, inputs, arguments, by_row: None, compute_dtype, out_dtype })
    }

    /// The recipe's weights of models, if its method has weights. Without them, or if all are 0, all models count alike.
    fn shares(&self, lookup: &Lookup<'_>, holders: &[&(Part<'_>, Input, &Tensor)]) -> Result<Vec<f64>, Error> {
        let alike = vec![1.0; holders.len()];
        let weight = self.recipe.method.parameter("weight").filter(|weight| weight.scope == Scope::PerModel);
        let Some(weight) = weight.filter(|_| holders.len() > 1) else { return Ok(alike) };
        let weight = |(part, _, tensor): &&(Part<'_>, Input, &Tensor)| {
            let name = self.filtered_name(&tensor.name);
            let participant = Participant { path: &self.models.paths[part.model], tensor: &name, own: part.own };
            lookup.number(weight, &participant)
        };
        let weights = holders.iter().map(weight).collect::<Result<Vec<f64>, Error>>()?;
        if weights.iter().all(|weight| *weight == 0.0) {
            return Ok(alike);
        }
        if weights.iter().sum::<f64>().abs() < f64::EPSILON {
            return Err(Error::Arguments {
                tensor: lookup.label.to_owned(),
                reason: "only some models have it, and their weights sum to zero".to_owned(),
                hint: Some("`settings_source` can name a model without the module".to_owned()),
                place: None,
            });
        }
        Ok(weights)
    }
}

/// The part of `there` that corresponds to a part of `here`, by its index: in the same folder, else for modules the one of the
/// same kind and position.
fn counterpart(here: &Checkpoint, part: &Module, there: &Checkpoint) -> Option<usize> {
    let same_folder = |other: &Module| other.weights.is_some() && other.folder == part.folder;
    if let Some(found) = there.parts().iter().position(same_folder) {
        return Some(found);
    }
    let alike = |other: &&Module| other.weights.is_some() && other.kind == part.kind;
    let rank = here.modules().iter().filter(alike).position(|other| other.folder == part.folder)?;
    let found = there.modules().iter().filter(alike).nth(rank)?;
    there.modules().iter().position(|other| std::ptr::eq(other, found))
}

fn missing_module(present: &str, module: &Module, absent: &str) -> Error {
    Error::MissingModule {
        present: present.to_owned(),
        module: module.folder.clone(),
        kind: module.kind.clone(),
        absent: absent.to_owned(),
    }
}
