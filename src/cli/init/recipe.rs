//! The recipe, with comments that say why it is as it is.

use std::fmt::Write as _;

use super::choice::{Choice, Differing};
use crate::cli::blend::reference;
use crate::cli::schema::{self, What};
use crate::escape::comment;
use crate::method::{Base, Kind, Parameter, Scope};
use crate::recipe::{LEVELS, Status};

/// The recipe's text.
pub(super) fn text(choice: &Choice) -> String {
    let mut out = schema::modeline(What::Recipe);
    let _ = writeln!(out, "# {}.", comment(&choice.because));
    let _ = writeln!(out, "# When: {}", choice.method.when);
    let _ = writeln!(
        out,
        "# `admix methods {}` has its formula; `admix check` finds mistakes in this file.",
        choice.method.name
    );
    for Differing { left, right, found, .. } in &choice.disagreements {
        let (what, one, other) = (&found.what, &found.left, &found.right);
        let said = format!("The models disagree on {what}: {left} has {one}, {right} has {other}.");
        let _ = writeln!(out, "#\n# {}", comment(&said));
        if found.kind.name() != "tokenizer" || !reads_tokenizers() {
            let _ = writeln!(
                out,
                "# `--allow {}` merges them all the same, with what {} has.",
                found.kind.name(),
                comment(left)
            );
        }
    }
    out.push_str(&body(choice, &starting_value, 0));
    out
}

/// Whether recipes can merge vocabularies.
fn reads_tokenizers() -> bool {
    LEVELS.iter().any(|level| level.key("tokenizer_source").is_some_and(|key| key.status == Status::Read))
}

/// The value that a recipe begins with, for a parameter and the number of the models.
pub(super) fn starting_value(parameter: &Parameter, _: usize, models: usize) -> Option<String> {
    let required = parameter.default.is_none() && parameter.kind != Kind::Ignored;
    match (parameter.name, parameter.scope) {
        _ if parameter.kind == Kind::Ignored => None,
        ("weight", Scope::PerModel) => Some(if models == 1 { "0.6" } else { "0.5" }.to_owned()),
        ("density", Scope::PerModel) => Some("0.5".to_owned()),
        _ if !required => None,
        (_, Scope::Shared) if matches!(parameter.kind, Kind::Number { min, max } if min.total_cmp(&0.0).is_eq() && max.is_infinite()) => {
            Some("0.001".to_owned())
        }
        _ if parameter.kind == Kind::Flag => Some("true".to_owned()),
        _ => Some("0.5".to_owned()),
    }
}

/// The recipe itself; `value` gives the parameters that are written, for a parameter, the place of its model and the number of
/// models.
pub(super) fn body(
    choice: &Choice,
    value: &dyn Fn(&Parameter, usize, usize) -> Option<String>,
    indent: usize,
) -> String {
    let mut out = format!("merge_method: {}\n", choice.method.name);
    if let Some((base, why)) = &choice.base {
        let _ = writeln!(out, "# The base: {}.\nbase_model: {}", comment(why), reference(base));
    }
    let given = |scope: Scope, at: usize| {
        let parameters = choice.method.parameters.iter().filter(move |parameter| parameter.scope == scope);
        let values =
            parameters.filter_map(move |parameter| Some((parameter, value(parameter, at, choice.models.len())?)));
        values.collect::<Vec<_>>()
    };
    out.push_str("models:\n");
    for (at, model) in choice.models.iter().enumerate() {
        let _ = writeln!(out, "  - model: {}", reference(model));
        for (nth, (parameter, value)) in given(Scope::PerModel, at).into_iter().enumerate() {
            out.push_str(if nth == 0 { "    parameters:\n" } else { "" });
            let why = if at == 0 { format!("  # {}", parameter.doc) } else { String::new() };
            let _ = writeln!(out, "      {}: {value}{why}", parameter.name);
        }
    }
    for (nth, (parameter, value)) in given(Scope::Shared, 0).into_iter().enumerate() {
        out.push_str(if nth == 0 { "parameters:\n" } else { "" });
        let _ = writeln!(out, "  {}: {value}  # {}", parameter.name, parameter.doc);
    }
    if choice.disagreements.iter().any(|differing| differing.found.kind.name() == "tokenizer") && reads_tokenizers() {
        out.push_str("# The vocabularies differ: the output has the tokens of all.\ntokenizer_source: union\n");
    }
    if let Some(differing) = choice.disagreements.iter().find(|differing| differing.is_of_use) {
        out.push_str(
            "# The models are used in different ways. This line chooses whose pooling, prompts and modules count:\n",
        );
        let _ = writeln!(out, "# settings_source: {}", reference(&differing.left));
    }
    // A base that is apart has no share of its own.
    debug_assert!(choice.base.is_none() || choice.method.base != Base::Member);
    out.lines().fold(String::new(), |text, line| text + &" ".repeat(indent) + line + "\n")
}
