//! The coefficients that are learned: parameter values of a recipe, and the tensors of its plan that have them.

use super::error::Error;
use crate::granularity::Groups;
use crate::method::{Arguments, Kind, Parameter, Scope, Value};
use crate::plan::{Plan, TensorOp};
use crate::recipe::Recipe;

/// A parameter that is learned: of one model, or shared.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) parameter: &'static Parameter,
    /// The index of the model among those that the recipe merges.
    pub(super) model: Option<usize>,
    /// The name for people: the model, or the parameter.
    pub(super) name: String,
}

/// A parameter value of a planned tensor, and the coefficient that it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Index into the plan's tensors.
    pub(super) tensor: usize,
    /// The class of rows; `None` for the whole tensor.
    pub(super) class: Option<usize>,
    /// The model among those that take part in the tensor.
    model: Option<usize>,
    parameter: &'static str,
    pub(super) coefficient: usize,
}

/// All coefficients: one for each axis and group, axis by axis.
#[derive(Clone, Debug)]
pub(super) struct Coefficients {
    pub(super) axes: Vec<Axis>,
    pub(super) groups: Groups,
}

impl Coefficients {
    /// The parameters of a recipe that are learned: those of these names, or the method's weights.
    pub(super) fn new(recipe: &Recipe, names: &[String], groups: Groups) -> Result<Self, Error> {
        let parameters = parameters(recipe, names)?;
        let mut axes = Vec::new();
        for parameter in parameters {
            match parameter.scope {
                Scope::Shared => axes.push(Axis { parameter, model: None, name: parameter.name.to_owned() }),
                Scope::PerModel => {
                    let models = recipe.slices.iter().flat_map(|slice| recipe.merged(slice)).enumerate();
                    axes.extend(models.map(|(model, source)| {
                        let name = match parameter.name {
                            "weight" => source.model.to_string(),
                            other => format!("{other} of {}", source.model),
                        };
                        Axis { parameter, model: Some(model), name }
                    }));
                }
            }
        }
        if axes.is_empty() {
            return Err(Error::NothingToLearn);
        }
        Ok(Self { axes, groups })
    }

    pub(super) fn len(&self) -> usize {
        self.axes.len() * self.groups.names.len()
    }

    pub(super) fn axis(&self, coefficient: usize) -> Option<&Axis> {
        self.axes.get(coefficient / self.groups.names.len().max(1))
    }

    pub(super) fn index(&self, axis: usize, group: usize) -> usize {
        axis * self.groups.names.len() + group
    }

    /// Whether a coefficient keeps its value.
    pub(super) fn is_frozen(&self, coefficient: usize) -> bool {
        coefficient % self.groups.names.len().max(1) < self.groups.frozen
    }

    /// A value by which a coefficient is recognised in a plan.
    pub(super) fn markers(&self) -> Vec<f64> {
        (0..self.len())
            .map(|coefficient| {
                let (min, width) = self.scale(coefficient);
                min + width * (coefficient + 1) as f64
            })
            .collect()
    }

    /// The smallest value of a coefficient's markers and their distance.
    fn scale(&self, coefficient: usize) -> (f64, f64) {
        match self.axis(coefficient).map(|axis| axis.parameter.kind) {
            Some(Kind::Number { min, max }) if min.is_finite() && max.is_finite() => {
                (min, (max - min) / (self.len() + 1) as f64)
            }
            Some(Kind::Number { min, .. }) if min.is_finite() => (min, 1.0),
            _ => (0.0, 1.0),
        }
    }

    /// A value within the bounds of its parameter.
    pub(super) fn bounded(&self, coefficient: usize, value: f64) -> f64 {
        match self.axis(coefficient).map(|axis| axis.parameter.kind) {
            Some(Kind::Number { min, max }) => value.clamp(min, max),
            _ => value,
        }
    }

    /// Finds the slots of a plan whose parameter values are [`Self::markers`].
    pub(super) fn slots(&self, plan: &Plan) -> Vec<Slot> {
        let mut slots = Vec::new();
        for (tensor, planned) in plan.tensors.iter().enumerate() {
            let TensorOp::Merge { method, arguments, by_row, .. } = &planned.op else { continue };
            if method.name != plan.recipe.method.name {
                continue;
            }
            self.of_arguments(arguments, tensor, None, &mut slots);
            for (class, rows) in by_row.iter().flat_map(|by_row| by_row.classes.iter().enumerate()) {
                self.of_arguments(&rows.arguments, tensor, Some(class), &mut slots);
            }
        }
        slots
    }

    fn of_arguments(&self, arguments: &Arguments, tensor: usize, class: Option<usize>, slots: &mut Vec<Slot>) {
        let mut names: Vec<&'static str> = self.axes.iter().map(|axis| axis.parameter.name).collect();
        names.dedup();
        for parameter in names {
            let Some(first) = self.axes.iter().position(|axis| axis.parameter.name == parameter) else { continue };
            let (min, width) = self.scale(self.index(first, 0));
            let mut add = |model: Option<usize>, value: Option<&Value>| {
                let Some(Value::Number(value)) = value else { return };
                #[expect(clippy::cast_sign_loss, reason = "markers are one or more")]
                let coefficient = ((value - min) / width).round().max(1.0) as usize - 1;
                slots.push(Slot { tensor, class, model, parameter, coefficient });
            };
            add(None, arguments.shared.get(parameter));
            for (model, values) in arguments.models.iter().enumerate() {
                add(Some(model), values.get(parameter));
            }
        }
    }
}

impl Slot {
    fn arguments<'a>(&self, plan: &'a mut Plan) -> Option<&'a mut Arguments> {
        let TensorOp::Merge { arguments, by_row, .. } = &mut plan.tensors.get_mut(self.tensor)?.op else { return None };
        match self.class {
            None => Some(arguments),
            Some(class) => Some(&mut by_row.as_mut()?.classes.get_mut(class)?.arguments),
        }
    }

    /// Gives the parameter a value.
    pub(super) fn set(&self, plan: &mut Plan, value: f64) {
        let (model, parameter) = (self.model, self.parameter);
        let Some(arguments) = self.arguments(plan) else { return };
        let values = match model {
            None => Some(&mut arguments.shared),
            Some(model) => arguments.models.get_mut(model),
        };
        if let Some(found) = values.and_then(|values| values.get_mut(parameter)) {
            *found = Value::Number(value);
        }
    }

    /// The value that the whole tensor has in another plan of the same models.
    pub(super) fn value_in(&self, plan: &Plan) -> Option<f64> {
        let TensorOp::Merge { arguments, .. } = &plan.tensors.get(self.tensor)?.op else { return None };
        let values = match self.model {
            None => &arguments.shared,
            Some(model) => arguments.models.get(model)?,
        };
        match values.get(self.parameter)? {
            Value::Number(value) => Some(*value),
            Value::Flag(_) => None,
        }
    }
}

/// The parameters to learn. Those that statistics of whole tensors depend on have no gradient.
pub(super) fn parameters(recipe: &Recipe, names: &[String]) -> Result<Vec<&'static Parameter>, Error> {
    let all = recipe.method.parameters.iter();
    let can: Vec<&'static Parameter> =
        all.filter(|parameter| parameter.by_row && matches!(parameter.kind, Kind::Number { .. })).collect();
    let known = || can.iter().map(|parameter| parameter.name).collect::<Vec<_>>();
    if names.is_empty() {
        let weight = can.iter().copied().find(|parameter| parameter.name == "weight");
        let found = weight.map_or_else(|| can.clone(), |weight| vec![weight]);
        return if found.is_empty() { Err(Error::Method { method: recipe.method.name }) } else { Ok(found) };
    }
    let mut found = Vec::new();
    for name in names {
        let parameter = can.iter().copied().find(|parameter| parameter.name == name);
        let unknown = || Error::Parameter { name: name.clone(), method: recipe.method.name, known: known() };
        let parameter = parameter.ok_or_else(unknown)?;
        if !found.iter().any(|known: &&Parameter| known.name == parameter.name) {
            found.push(parameter);
        }
    }
    Ok(found)
}
