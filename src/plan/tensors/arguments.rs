//! Resolves the parameters of one tensor: precedence, gradients, filters and defaults.

use std::collections::BTreeMap;

use super::super::error::Error;
use crate::method::{ArgumentError, Arguments, Kind, MergeMethod, Parameter, Scope, Value};
use crate::recipe::{Parameters, Recipe, RowKind, Setting, Slice};

/// The context in which the parameters of a tensor are looked up.
#[derive(Clone, Copy)]
pub(super) struct Lookup<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) slice: &'a Slice,
    /// The name that shared parameters are filtered by.
    pub(super) output: &'a str,
    /// The same in the spelling that all models share.
    pub(super) canonical: &'a str,
    /// The tensor with its module, for messages.
    pub(super) label: &'a str,
    /// The gradient variable: 0 at a slice's first layer, 1 at its last.
    pub(super) t: f64,
    /// What the rows of a vocabulary tensor stand for; `None` for other tensors.
    pub(super) row: Option<RowKind>,
}

/// A model that takes part in a tensor.
pub(super) struct Participant<'a> {
    pub(super) path: &'a str,
    /// The name of the tensor in this model, which per-model parameters are filtered by.
    pub(super) tensor: &'a str,
    /// The model's own parameters; a base that is not listed has none.
    pub(super) own: Option<&'a Parameters>,
}

impl Lookup<'_> {
    /// The arguments of `method` for this tensor and these models.
    pub(super) fn arguments(&self, method: &MergeMethod, participants: &[Participant<'_>]) -> Result<Arguments, Error> {
        let mut arguments = Arguments { models: vec![BTreeMap::default(); participants.len()], ..Arguments::default() };
        for parameter in method.parameters.iter().filter(|parameter| parameter.kind != Kind::Ignored) {
            let missing = |model: Option<&str>| Error::MissingParameter {
                parameter: parameter.name,
                tensor: self.label.to_owned(),
                model: model.map(str::to_owned),
            };
            match parameter.scope {
                Scope::Shared => {
                    let value = self.value(parameter.name, None, self.output).or(parameter.default);
                    arguments.shared.insert(parameter.name, value.ok_or_else(|| missing(None))?);
                }
                Scope::PerModel => {
                    for (values, participant) in arguments.models.iter_mut().zip(participants) {
                        let value =
                            self.value(parameter.name, participant.own, participant.tensor).or(parameter.default);
                        values.insert(parameter.name, value.ok_or_else(|| missing(Some(participant.path)))?);
                    }
                }
            }
        }
        Ok(arguments)
    }

    /// The error for conflicting values, with the place of the first of them that the recipe gives.
    pub(super) fn argument_error(&self, error: ArgumentError, participants: &[Participant<'_>]) -> Error {
        let participant = error.model.and_then(|model| participants.get(model));
        let (own, tensor) = participant.map_or((None, self.output), |found| (found.own, found.tensor));
        let at = error.parameters.iter().find_map(|name| self.setting(name, own, tensor)).map(|found| &found.0.at);
        Error::Arguments {
            tensor: self.label.to_owned(),
            reason: error.reason,
            hint: Some(error.hint),
            place: at.and_then(|at| self.recipe.place(at)).map(Box::new),
        }
    }

    /// The value of a parameter of one model.
    pub(super) fn number(&self, parameter: &Parameter, participant: &Participant<'_>) -> Result<f64, Error> {
        match self.value(parameter.name, participant.own, participant.tensor).or(parameter.default) {
            Some(Value::Number(number)) => Ok(number),
            _ => Err(Error::MissingParameter {
                parameter: parameter.name,
                tensor: self.label.to_owned(),
                model: Some(participant.path.to_owned()),
            }),
        }
    }

    fn value(&self, name: &str, own: Option<&Parameters>, tensor: &str) -> Option<Value> {
        self.setting(name, own, tensor).map(|(_, value)| value)
    }

    /// The setting of the first level that yields a value: the model's, the slice's, the module's, the recipe's.
    fn setting<'a>(&'a self, name: &str, own: Option<&'a Parameters>, tensor: &str) -> Option<(&'a Setting, Value)> {
        let levels = [own, Some(&self.slice.parameters), Some(&self.recipe.module), Some(&self.recipe.parameters)];
        levels.into_iter().flatten().find_map(|level| {
            let setting = level.get(name)?;
            Some((setting, setting.evaluate_row(tensor, self.row, self.t)?))
        })
    }
}
