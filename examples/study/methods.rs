//! The settings that every merge method is tried at: the ranges of its knobs, declared before any score was seen.

use std::fmt::Write as _;

use super::suite::Suite;

/// How a method is tried.
pub(crate) enum Entry {
    /// With recipes and the ranges of their variables.
    Tried(fn(&Suite) -> Vec<Variant>),
    /// Not at all, for a reason.
    LeftOut(&'static str),
}

/// A recipe with variables. Its models stand in it by their names.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    /// What tells it from the method's other variants.
    pub(crate) name: String,
    /// The recipe.
    pub(crate) recipe: String,
    /// Variables that sum to 1: the weights of kinds of models.
    pub(crate) shares: Vec<&'static str>,
    /// Its other variables.
    pub(crate) knobs: Vec<Knob>,
}

/// A variable and its range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knob {
    pub(crate) name: &'static str,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// The weights of the fine-tunes that were trained across languages, and of the others.
const SHARES: [&str; 2] = ["across", "within"];
/// The factor on the average of all task vectors.
const LAMBDA: Knob = knob("lambda", 0.5, 2.0);

const fn knob(name: &'static str, min: f64, max: f64) -> Knob {
    Knob { name, min, max }
}

/// Every merge method, in the order of the program's list. A test holds that none is missing.
pub(crate) const METHODS: &[(&str, Entry)] = &[
    ("linear", Entry::Tried(|suite| vec![weighted(suite, "linear", BaseModel::Weighted, &[], &[])])),
    ("slerp", Entry::Tried(|suite| pairs(suite, "slerp", Some(knob("t", 0.2, 0.8))))),
    ("slerp_chain", Entry::Tried(|suite| vec![weighted(suite, "slerp_chain", BaseModel::Weighted, &[], &[])])),
    ("nuslerp", Entry::Tried(nuslerp)),
    ("multislerp", Entry::Tried(|suite| vec![weighted(suite, "multislerp", BaseModel::Apart, &[], &[])])),
    ("karcher", Entry::Tried(karcher)),
    ("model_stock", Entry::Tried(model_stock)),
    ("task_arithmetic", Entry::Tried(|suite| vec![masked(suite, "task_arithmetic", None)])),
    ("ties", Entry::Tried(|suite| vec![masked(suite, "ties", Some((0.2, 0.9)))])),
    ("dare_linear", Entry::Tried(|suite| vec![masked(suite, "dare_linear", Some((0.2, 0.9)))])),
    ("dare_ties", Entry::Tried(|suite| vec![masked(suite, "dare_ties", Some((0.2, 0.9)))])),
    // The largest density that leaves room for the default `epsilon`.
    ("della_linear", Entry::Tried(|suite| vec![masked(suite, "della_linear", Some((0.2, 0.85)))])),
    ("della", Entry::Tried(|suite| vec![masked(suite, "della", Some((0.2, 0.85)))])),
    ("breadcrumbs", Entry::Tried(|suite| vec![masked(suite, "breadcrumbs", Some((0.2, 0.9)))])),
    ("breadcrumbs_ties", Entry::Tried(|suite| vec![masked(suite, "breadcrumbs_ties", Some((0.2, 0.9)))])),
    ("sce", Entry::Tried(|suite| vec![plain(suite, "sce", &[knob("select_topk", 0.1, 1.0)])])),
    ("ram", Entry::Tried(|suite| vec![plain(suite, "ram", &[knob("epsilon", 0.0, 2.0 * suite.change)])])),
    (
        "ramplus_tl",
        Entry::Tried(|suite| {
            vec![plain(suite, "ramplus_tl", &[knob("epsilon", 0.0, 2.0 * suite.change), knob("r", 0.0, 1.0)])]
        }),
    ),
    (
        "nearswap",
        Entry::Tried(|suite| pairs(suite, "nearswap", Some(knob("t", 0.25 * suite.change, 2.0 * suite.change)))),
    ),
    ("arcee_fusion", Entry::Tried(|suite| pairs(suite, "arcee_fusion", None))),
    ("iso_c", Entry::Tried(|suite| vec![matrices(suite, "iso_c")])),
    ("tsv_m", Entry::Tried(|suite| vec![matrices(suite, "tsv_m")])),
    ("wudi", Entry::Tried(|suite| vec![matrices(suite, "wudi")])),
    ("regmean", Entry::LeftOut("it needs texts beside the models, and sweeps do not take it")),
    ("passthrough", Entry::LeftOut("it copies one model: the rows of the models alone are what it gives")),
];

/// What the base is to a method.
#[derive(Clone, Copy, PartialEq)]
enum BaseModel {
    /// One more model, whose weight is tried too.
    Weighted,
    /// What differences are taken from.
    Apart,
}

/// A recipe in which every fine-tune has the weight of its kind.
fn weighted(suite: &Suite, method: &str, base: BaseModel, shared: &[&str], knobs: &[Knob]) -> Variant {
    let mut recipe = format!("merge_method: {method}\n");
    let mut shares = SHARES.to_vec();
    let mut models = String::new();
    match base {
        BaseModel::Weighted => {
            shares.push("base");
            models.push_str("  - {model: base, parameters: {weight: \"${base}\"}}\n");
        }
        BaseModel::Apart => recipe.push_str("base_model: base\n"),
    }
    for expert in suite.experts {
        let kind = SHARES[usize::from(!expert.across)];
        let _ = writeln!(models, "  - {{model: {}, parameters: {{weight: \"${{{kind}}}\"}}}}", expert.name);
    }
    recipe.push_str("models:\n");
    recipe.push_str(&models);
    push_shared(&mut recipe, shared);
    Variant { name: String::new(), recipe, shares, knobs: knobs.to_vec() }
}

/// A method that adds a weighted average of task vectors to the base, with a density where it has one.
fn masked(suite: &Suite, method: &str, density: Option<(f64, f64)>) -> Variant {
    let mut shared = vec!["normalize: true", "lambda: \"${lambda}\""];
    let mut knobs = vec![LAMBDA];
    if let Some((min, max)) = density {
        shared.push("density: \"${density}\"");
        knobs.push(knob("density", min, max));
    }
    weighted(suite, method, BaseModel::Apart, &shared, &knobs)
}

/// A method on whole matrices. Its updates are larger than averages, so the factors are smaller.
fn matrices(suite: &Suite, method: &str) -> Variant {
    let lambda = knob("lambda", 0.4, 2.4);
    weighted(suite, method, BaseModel::Apart, &["lambda: \"${lambda}\""], &[lambda])
}

/// A method without weights.
fn plain(suite: &Suite, method: &str, knobs: &[Knob]) -> Variant {
    let shared: Vec<String> = knobs.iter().map(|knob| format!("{0}: \"${{{0}}}\"", knob.name)).collect();
    let shared: Vec<&str> = shared.iter().map(String::as_str).collect();
    let recipe = unweighted(method, Some("base"), suite.experts.iter().map(|expert| expert.name), &shared);
    Variant { name: String::new(), recipe, shares: Vec::new(), knobs: knobs.to_vec() }
}

/// A method that merges two models, for each pair of the suite.
fn pairs(suite: &Suite, method: &str, knob: Option<Knob>) -> Vec<Variant> {
    let shared: Vec<String> = knob.iter().map(|knob| format!("{0}: \"${{{0}}}\"", knob.name)).collect();
    let shared: Vec<&str> = shared.iter().map(String::as_str).collect();
    let variant = |(base, model): &(&'static str, &'static str)| Variant {
        name: format!("{base} and {model}"),
        recipe: unweighted(method, Some(base), std::iter::once(*model), &shared),
        shares: Vec::new(),
        knobs: knob.into_iter().collect(),
    };
    suite.pairs.iter().map(variant).collect()
}

/// The arc between the task vectors of two fine-tunes.
fn nuslerp(suite: &Suite) -> Vec<Variant> {
    let between = suite.pairs.iter().filter(|(one, _)| *one != "base");
    let variant = |(one, other): &(&str, &str)| Variant {
        name: format!("{one} and {other}"),
        recipe: format!(
            "merge_method: nuslerp\nbase_model: base\nmodels:\n  - {{model: {one}, parameters: {{weight: \"${{first}}\"}}}}\n  \
             - {{model: {other}, parameters: {{weight: \"${{second}}\"}}}}\n"
        ),
        shares: vec!["first", "second"],
        knobs: Vec::new(),
    };
    between.map(variant).collect()
}

fn karcher(suite: &Suite) -> Vec<Variant> {
    let variant = |name: &str, models: Vec<&'static str>| Variant {
        name: name.to_owned(),
        recipe: unweighted("karcher", None, models.into_iter(), &[]),
        shares: Vec::new(),
        knobs: Vec::new(),
    };
    let experts = suite.experts.iter().map(|expert| expert.name).collect();
    vec![variant("the fine-tunes", experts), variant("base and the fine-tunes", suite.models())]
}

fn model_stock(suite: &Suite) -> Vec<Variant> {
    let variant = |name: &str, flag: &str| Variant {
        name: name.to_owned(),
        recipe: unweighted("model_stock", Some("base"), suite.experts.iter().map(|expert| expert.name), &[flag]),
        shares: Vec::new(),
        knobs: Vec::new(),
    };
    vec![variant("an angle a tensor", "filter_wise: false"), variant("an angle a row", "filter_wise: true")]
}

fn unweighted(method: &str, base: Option<&str>, models: impl Iterator<Item = &'static str>, shared: &[&str]) -> String {
    let mut recipe = format!("merge_method: {method}\n");
    if let Some(base) = base {
        let _ = writeln!(recipe, "base_model: {base}");
    }
    recipe.push_str("models:\n");
    for model in models {
        let _ = writeln!(recipe, "  - model: {model}");
    }
    push_shared(&mut recipe, shared);
    recipe
}

fn push_shared(recipe: &mut String, shared: &[&str]) {
    if !shared.is_empty() {
        let _ = writeln!(recipe, "parameters: {{{}}}", shared.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_the_program_is_tried_or_left_out_for_a_reason() {
        let known: Vec<&str> = METHODS.iter().map(|(name, _)| *name).collect();
        for method in admix::method::METHODS {
            assert!(known.contains(&method.name), "{} is missing", method.name);
        }
    }
}
