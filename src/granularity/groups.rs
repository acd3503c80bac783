//! Divides the tensors of a merge into groups, in the form of a recipe's conditions.

use std::collections::{BTreeMap, BTreeSet};

use super::by::{By, Unit};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Error, TokenScript, TokenScripts, layer_of};
use crate::plan::{Plan, PlannedTensor, TensorOp};

/// Words that the components of an attention's names have.
const ATTENTION: [&str; 3] = ["attention", "attn", "mixer"];

/// The smallest share of the vocabulary that makes a script a group of its own.
const SHARE: usize = 200;

/// The most scripts.
const SCRIPTS: usize = 8;

/// A condition of a recipe, with a group for each entry of its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rule {
    /// The part of a tensor's name that it is for; all without.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) filter: Option<String>,
    /// The script whose rows it is for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) script: Option<String>,
    /// One group, or one for each layer.
    pub(crate) groups: Vec<usize>,
}

/// The groups of tensors, as the conditions that choose them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Groups {
    /// The conditions in order; the first that holds for a tensor decides.
    pub(crate) rules: Vec<Rule>,
    /// The name of each group for people.
    pub(crate) names: Vec<String>,
    /// The number of groups that keep their values; they come first.
    pub(crate) frozen: usize,
}

impl Groups {
    /// Divides the tensors of a plan; those with a text of `freeze` in their names are groups of their own.
    ///
    /// # Errors
    /// A tokenizer that cannot be read, where rows are told apart by script.
    pub(crate) fn of(plan: &Plan, by: &By, freeze: &[String]) -> Result<Self, Error> {
        let scripts = match (&plan.alignment, plan.models.get(plan.donor)) {
            _ if !by.has(Unit::Script) => None,
            (Some(alignment), _) => Some(TokenScripts::of_merged(&alignment.vocabulary)),
            (None, Some(donor)) => Some(TokenScripts::read(donor.tokenizer())?),
            (None, None) => None,
        };
        Ok(Self::new(plan, by, freeze, scripts.as_ref()))
    }

    /// Divides the tensors of a plan. The scripts of the vocabulary's tokens are told apart where `scripts` has them.
    fn new(plan: &Plan, by: &By, freeze: &[String], scripts: Option<&TokenScripts>) -> Self {
        let mut groups = Self::default();
        groups.extend(freeze.iter().map(|filter| (filter.clone(), vec![format!("{filter} (frozen)")])));
        groups.frozen = groups.names.len();
        for script in scripts.map(common).unwrap_or_default() {
            let name = format!("rows of script {script}");
            groups.add(None, Some(script), vec![name]);
        }
        let merged = plan.tensors.iter().filter(|tensor| matches!(tensor.op, TensorOp::Merge { .. }));
        let main: Vec<&PlannedTensor> = merged.filter(|tensor| is_main(plan, tensor)).collect();
        let names: Vec<&str> = main.iter().map(|tensor| tensor.canonical.as_str()).collect();
        groups.add_layers(by, &names);
        if by.has(Unit::Tensor) {
            let mut outside: Vec<&str> = names.iter().copied().filter(|name| layer_of(name).is_none()).collect();
            outside.sort_by_key(|name| (std::cmp::Reverse(name.len()), *name));
            for name in outside {
                groups.add(Some(name.to_owned()), None, vec![name.to_owned()]);
            }
        } else if by.has(Unit::Part) {
            groups.extend(table(&main).map(|name| (name.clone(), vec![name])));
        }
        let rest = if groups.names.len() == groups.frozen { "all" } else { "others" };
        groups.add(None, None, vec![rest.to_owned()]);
        groups
    }

    /// Adds the conditions for tensors of layers.
    fn add_layers(&mut self, by: &By, names: &[&str]) {
        if !(by.has(Unit::Layer) || by.has(Unit::Part)) {
            return;
        }
        let mut depths: BTreeMap<String, usize> = BTreeMap::new();
        let mut parts: BTreeSet<(String, String)> = BTreeSet::new();
        for name in names {
            let Some(layer) = layer_of(name) else { continue };
            let depth = depths.entry(layer.stack.clone()).or_default();
            *depth = (*depth).max(layer.index + 1);
            let suffix = layer.template.rsplit("{}").next().unwrap_or_default().to_owned();
            if by.has(Unit::Tensor) {
                parts.insert((suffix, layer.stack));
            } else if by.has(Unit::Part)
                && let Some(component) = suffix.split('.').find(|component| is_attention(component))
            {
                parts.insert((format!(".{component}."), layer.stack));
            }
        }
        let mut parts: Vec<(String, String)> = parts.into_iter().collect();
        // The end of one tensor's name may be that of another.
        parts.sort_by_key(|(part, _)| std::cmp::Reverse(part.len()));
        for (part, stack) in &parts {
            let depth = depths.get(stack).copied().unwrap_or(1);
            let name = part.trim_matches('.').to_owned();
            self.extend([(part.clone(), layered(by, &name, depth))]);
        }
        for (stack, depth) in &depths {
            let name = if by.has(Unit::Part) { "feed-forward" } else { "layer" };
            self.extend([(format!("{stack}."), layered(by, name, *depth))]);
        }
    }

    fn extend(&mut self, rules: impl IntoIterator<Item = (String, Vec<String>)>) {
        for (filter, names) in rules {
            self.add(Some(filter), None, names);
        }
    }

    /// Adds a condition with a new group for each name.
    fn add(&mut self, filter: Option<String>, script: Option<String>, names: Vec<String>) {
        let start = self.names.len();
        self.names.extend(names);
        self.rules.push(Rule { filter, script, groups: (start..self.names.len()).collect() });
    }
}

/// The names of the groups of a part: one, or one for each layer.
fn layered(by: &By, name: &str, depth: usize) -> Vec<String> {
    if by.has(Unit::Layer) {
        (0..depth).map(|layer| format!("{name} {layer}")).collect()
    } else {
        vec![name.to_owned()]
    }
}

fn is_attention(component: &str) -> bool {
    let lower = component.to_ascii_lowercase();
    ATTENTION.iter().any(|word| lower.contains(word)) && !lower.contains("norm")
}

/// Whether a tensor belongs to the transformer.
fn is_main(plan: &Plan, tensor: &PlannedTensor) -> bool {
    let main = plan.models.get(plan.donor).and_then(|model| model.main_module());
    main.is_none_or(|module| module.folder == tensor.module)
}

/// The component of a name by which the largest table outside of the layers is known.
fn table(main: &[&PlannedTensor]) -> Option<String> {
    let outside = main.iter().filter(|tensor| layer_of(&tensor.canonical).is_none() && tensor.shape.len() == 2);
    let table = outside.max_by_key(|tensor| tensor.elements)?;
    table.canonical.rsplit('.').nth(1).or(Some(table.canonical.as_str())).map(str::to_owned)
}

/// The scripts that many tokens have, the commonest first, and special tokens.
fn common(scripts: &TokenScripts) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for token in scripts.tokens() {
        let name = match token {
            TokenScript::Script(script) => script.full_name(),
            TokenScript::Special => "special",
            TokenScript::None => continue,
        };
        *counts.entry(name).or_default() += 1;
    }
    let least = (scripts.tokens().len() / SHARE).max(1);
    let mut found: Vec<(&str, usize)> =
        counts.into_iter().filter(|(name, count)| *count >= least && *name != "special").collect();
    found.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    found.into_iter().take(SCRIPTS).map(|(name, _)| name.to_owned()).collect()
}
