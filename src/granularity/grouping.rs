//! The groups of a variable.

use serde::{Deserialize, Serialize};

use super::changes::{Place, changes, members};
use super::conditions::flow;
use super::groups::{Groups, Rule};
use crate::merge::{Error, Options};
use crate::plan::Plan;

/// The groups of tensors that a variable has a value each for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grouping {
    rules: Vec<Rule>,
    groups: Vec<Group>,
}

/// A group of tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Group {
    /// Its name for people.
    name: String,
    /// Its share in what the variable changes: its squared norm relative to that of the weights. The shares of all groups sum to 1.
    share: f64,
    /// The kind of sublayer, as the index of the condition that the group is of.
    part: usize,
    /// How deep it lies, from −½ at the first layer to ½ at the last; 0 outside of layers.
    depth: f64,
}

impl Grouping {
    /// The groups that a variable's value matters in. `marked` is the plan in which every group has its number of `markers`, `plain`
    /// one in which the variable has another value, and `low` and `high` are two with equal values of all groups, between which the
    /// change is measured.
    ///
    /// # Errors
    /// A merge that fails.
    pub(crate) fn new(
        groups: &Groups,
        (marked, plain, markers): (&Plan, &Plan, &[f64]),
        (low, high): (&mut Plan, &mut Plan),
        options: Options<'_>,
    ) -> Result<Self, Error> {
        let members = members(marked, plain, markers);
        let changes = changes(low, high, marked, options)?;
        let mut squares = vec![[0.0, 0.0]; groups.names.len()];
        let mut used = vec![false; groups.names.len()];
        for Place { tensor, class, group } in &members {
            let change = changes.get(&(*tensor, *class)).copied().unwrap_or_default();
            if let (Some(sum), Some(used)) = (squares.get_mut(*group), used.get_mut(*group)) {
                *sum = [sum[0] + change[0], sum[1] + change[1]];
                *used = true;
            }
        }
        let relative = |[change, weights]: &[f64; 2]| if *weights > 0.0 { change / weights } else { 0.0 };
        Ok(Self::of(&groups.rules, &groups.names, &squares.iter().map(relative).collect::<Vec<_>>(), &used))
    }

    /// The groups that are used, with their changes.
    fn of(rules: &[Rule], names: &[String], changes: &[f64], used: &[bool]) -> Self {
        let places: Vec<Option<usize>> = used
            .iter()
            .scan(0, |next, used| {
                let place = used.then_some(*next);
                *next += usize::from(*used);
                Some(place)
            })
            .collect();
        let is_used = |group: &usize| used.get(*group) == Some(&true);
        // What no tensor has is left out, but for single layers of a condition: they take the value of one beside them.
        let rules: Vec<&Rule> = rules.iter().filter(|rule| rule.groups.iter().any(is_used)).collect();
        let sum: f64 = changes.iter().sum();
        let count = used.iter().filter(|used| **used).count().max(1) as f64;
        let mut found = Self { rules: Vec::new(), groups: Vec::new() };
        let mut groups: Vec<(usize, Group)> = Vec::new();
        for (part, rule) in rules.into_iter().enumerate() {
            let last = rule.groups.len().saturating_sub(1).max(1) as f64;
            let mut near = rule.groups.iter().copied().find(is_used).unwrap_or_default();
            let mut own = Vec::new();
            for (layer, group) in rule.groups.iter().enumerate() {
                near = if is_used(group) { *group } else { near };
                own.push(places.get(near).copied().flatten().unwrap_or_default());
                if is_used(group) {
                    // A group without any change still has a value: it gets a small share.
                    let share =
                        if sum > 0.0 { changes.get(*group).copied().unwrap_or_default() / sum } else { 1.0 / count };
                    let depth = if rule.groups.len() > 1 { layer as f64 / last - 0.5 } else { 0.0 };
                    let name = names.get(*group).cloned().unwrap_or_default();
                    groups.push((
                        places.get(*group).copied().flatten().unwrap_or_default(),
                        Group { name, share, part, depth },
                    ));
                }
            }
            found.rules.push(Rule { groups: own, ..rule.clone() });
        }
        groups.sort_by_key(|(place, _)| *place);
        found.groups = groups.into_iter().map(|(_, group)| group).collect();
        found
    }

    /// The number of groups.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether the variable's value matters in no tensor.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The names of the groups for people.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|group| group.name.as_str())
    }

    /// The share of each group in what the variable changes.
    pub fn shares(&self) -> impl Iterator<Item = f64> {
        self.groups.iter().map(|group| group.share)
    }

    /// The kind of sublayer of each group, as a number, and its depth from −½ to ½.
    pub(crate) fn places(&self) -> impl Iterator<Item = (usize, f64)> {
        self.groups.iter().map(|group| (group.part, group.depth))
    }

    /// The values of groups for people, those of one kind of sublayer together: `attention 0.4 0.7, others 0.5`.
    pub(crate) fn told(&self, values: &[f64]) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut last = None;
        for (group, value) in self.groups.iter().zip(values) {
            match parts.last_mut().filter(|_| last == Some(group.part)) {
                Some(known) => *known = format!("{known} {value}"),
                None => {
                    let name = group.name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end();
                    let is_layered = self.groups.iter().filter(|other| other.part == group.part).count() > 1;
                    parts.push(format!("{} {value}", if is_layered { name } else { &group.name }));
                }
            }
            last = Some(group.part);
        }
        parts.join(", ")
    }

    /// The variable in a recipe: a number, or a list of conditions in brackets where the groups' values differ.
    pub(crate) fn text(&self, values: &[f64]) -> String {
        flow(&self.rules, &|group| values.get(group).copied().unwrap_or_default())
    }
}

impl Groups {
    /// The variable in a recipe with a value for each group.
    pub(crate) fn text(&self, values: &[f64]) -> String {
        flow(&self.rules, &|group| values.get(group).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_no_tensor_is_in_are_left_out() {
        let rule = |filter: &str, groups: &[usize]| Rule {
            filter: Some(filter.to_owned()),
            script: None,
            groups: groups.to_vec(),
        };
        let rules = [rule("a", &[0, 1, 2]), rule("b", &[3]), Rule { filter: None, ..rule("", &[4]) }];
        let names = ["a 0", "a 1", "a 2", "b", "others"].map(str::to_owned);
        let found = Grouping::of(&rules, &names, &[3.0, 0.0, 1.0, 0.0, 4.0], &[true, false, true, false, true]);
        assert_eq!(found.names().collect::<Vec<_>>(), ["a 0", "a 2", "others"]);
        assert_eq!(found.shares().collect::<Vec<_>>(), [0.375, 0.125, 0.5]);
        assert_eq!(found.places().collect::<Vec<_>>(), [(0, -0.5), (0, 0.5), (1, 0.0)]);
        let text = found.text(&[0.1, 0.2, 0.3]);
        assert_eq!(text, "[{filter: \"a\", value: [0.1, 0.1, 0.2]}, {value: 0.3}]");
        assert_eq!(found.text(&[0.5, 0.5, 0.5]), "0.5");
        assert_eq!(found.told(&[0.1, 0.2, 0.3]), "a 0.1 0.2, others 0.3");
    }
}
