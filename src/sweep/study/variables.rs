//! What the variables of a study's recipe stand for: which parameter of which model.

use std::ops::Range;

use super::manifest::Manifest;
use crate::recipe::{Parameters, Recipe};
use crate::sweep::space::Axis;

/// A variable of a study's recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// The parameters that have its value.
    pub parameters: Vec<&'static str>,
    /// The models that they are of, as tables call them; none where they are the whole merge's.
    pub models: Vec<String>,
    /// The number of groups of tensors that it has a value each for; 1 where it is one number.
    pub groups: usize,
}

impl Variable {
    /// What it stands for, in a few words: `weight of ko-en`.
    pub fn meaning(&self) -> Option<String> {
        let parameters = self.parameters.join(", ");
        let meaning = match self.models.as_slice() {
            _ if self.parameters.is_empty() => return None,
            [] => parameters,
            models => format!("{parameters} of {}", models.join(", ")),
        };
        Some(if self.groups > 1 { format!("{meaning}, in {} groups of tensors", self.groups) } else { meaning })
    }
}

impl Manifest {
    /// What each variable stands for: the settings that change with it.
    pub fn variables(&self) -> Vec<Variable> {
        let params = &self.spec.params;
        // No two coordinates are equal: shares that sum to 1 are what lies between them.
        let count = params.dimensions();
        let at = |power: f64| {
            let unit = (1..=count).map(|place| libm::pow(place as f64 / (count + 1) as f64, power));
            params.place(&unit.collect::<Vec<_>>())
        };
        let ends = [0.0, 1.0].map(|end| params.place(&vec![end; count]));
        let (here, others) = (at(1.0), [at(2.0), at(0.5)].into_iter().chain(ends).collect::<Vec<_>>());
        let recipe = |values: &[f64]| self.spec.recipe.at(&params.texts(values)).ok();
        let whole = recipe(&here);
        let of_name = |(name, (indices, groups)): (&str, (Range<usize>, usize))| {
            let mut values = here.clone();
            for index in indices {
                let Some(value) = values.get_mut(index) else { continue };
                let others = others.iter().filter_map(|other| other.get(index));
                *value = others.copied().find(|other| other.total_cmp(value).is_ne()).unwrap_or(*value);
            }
            let mut found = Variable { name: name.to_owned(), parameters: Vec::new(), models: Vec::new(), groups };
            if let (Some(one), Some(other)) = (&whole, recipe(&values)) {
                self.changed(one, &other, &mut found);
                for (one, other) in one.stages.iter().zip(&other.stages) {
                    self.changed(one, other, &mut found);
                }
            }
            found
        };
        params.variables().into_iter().zip(places(&params.axes)).map(of_name).collect()
    }

    /// Adds the settings that two readings of a recipe have different values for.
    fn changed(&self, one: &Recipe, other: &Recipe, found: &mut Variable) {
        for (one, other) in one.slices.iter().zip(&other.slices) {
            for (one, other) in one.sources.iter().zip(&other.sources) {
                let parameters = different(&one.parameters, &other.parameters);
                if !parameters.is_empty() {
                    let name = one.model.to_string();
                    let known = self.models.iter().find(|model| model.name == name);
                    add(&mut found.models, known.map_or(name, |model| model.short.clone()));
                }
                for name in parameters {
                    add(&mut found.parameters, name);
                }
            }
            for name in different(&one.parameters, &other.parameters) {
                add(&mut found.parameters, name);
            }
        }
        for (one, other) in [(&one.module, &other.module), (&one.parameters, &other.parameters)] {
            for name in different(one, other) {
                add(&mut found.parameters, name);
            }
        }
    }
}

/// For each variable, the places of its values in a point, and the number of groups that it has values for.
fn places(axes: &[Axis]) -> Vec<(Range<usize>, usize)> {
    let mut at = 0;
    let mut found = Vec::new();
    for axis in axes {
        let (values, variables) = (axis.names().len(), axis.variables().len().max(1));
        for _ in 0..variables {
            found.push((at..at + values / variables, values / variables));
            at += values / variables;
        }
    }
    found
}

fn different(one: &Parameters, other: &Parameters) -> Vec<&'static str> {
    let values = |name, parameters: &Parameters| parameters.get(name).map(|setting| setting.value.clone());
    one.iter().map(|(name, _)| name).filter(|name| values(name, one) != values(name, other)).collect()
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use crate::sweep::tests::fake;

    #[test]
    fn a_variable_is_named_with_its_model() {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let recipe = "recipe: {merge_method: task_arithmetic, base_model: a, models: [{model: b, parameters: {weight: \"${w1}\"}}, \
                      {model: c, parameters: {weight: \"${w2}\"}}], parameters: {lambda: \"${l}\"}}\n";
        let params = "params: {w1: [0, 0.5, 1], w2: [0, 0.5, 1], l: [0.5, 1]}\n";
        let study = fake::study(folder.path(), &format!("{recipe}{params}"));
        let meanings: Vec<_> =
            study.manifest.variables().iter().map(|variable| (variable.name.clone(), variable.meaning())).collect();
        let expected = [("w1", "weight of b"), ("w2", "weight of c"), ("l", "lambda")];
        assert_eq!(meanings, expected.map(|(name, meaning)| (name.to_owned(), Some(meaning.to_owned()))));
    }

    #[test]
    fn shares_that_sum_to_1_are_named_with_their_models() {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let model = |name: &str| format!("{{model: {name}, parameters: {{weight: \"${{{name}}}\"}}}}");
        let models = ["a", "b", "c"].map(model).join(", ");
        let recipe = format!("recipe: {{merge_method: linear, models: [{models}]}}\n");
        let study =
            fake::study(folder.path(), &format!("{recipe}params: {{simplex: {{of: [a, b, c], step: 0.25}}}}\n"));
        let models: Vec<_> = study.manifest.variables().into_iter().map(|variable| variable.models).collect();
        assert_eq!(models, [["a"], ["b"], ["c"]]);
    }
}
