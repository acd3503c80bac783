//! `admix methods`

use std::fmt::Write as _;

use clap::builder::{PossibleValue, PossibleValuesParser};
use serde_json::{Value, json};

use super::render;
use crate::escape::wrapped;
use crate::method::{self, Base, Count, Kind, METHODS, MergeMethod, Parameter, Scope};

/// List the merge methods, or show one
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix methods
  admix methods della
  admix methods --json | jq -r '.[].name'")]
pub(super) struct Args {
    /// The method to show
    #[arg(value_name = "METHOD", value_parser = names(), hide_possible_values = true)]
    method: Option<String>,

    /// Print for programs
    #[arg(long)]
    json: bool,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(METHODS.iter().map(|method| PossibleValue::new(method.name)))
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let chosen = args.method.as_deref().and_then(method::find);
    if args.json {
        return render::print_json(&match chosen {
            Some(method) => to_json(method),
            None => METHODS.iter().map(|method| to_json(method)).collect(),
        });
    }
    render::print_file(&match chosen {
        Some(method) => one(method),
        None => METHODS.iter().map(|method| short(method)).collect::<Vec<_>>().join("\n"),
    })
}

/// The widest line.
const WIDTH: usize = 80;
/// Where the text of a heading begins.
const INDENT: usize = 14;

/// What there is to know of a method at a glance.
fn short(method: &MergeMethod) -> String {
    let mut out = wrapped(&format!("{}: {}", method.name, method.summary), WIDTH) + "\n";
    let parameters: Vec<String> = read(method)
        .map(|parameter| match parameter.default {
            Some(default) => format!("{} ({default})", parameter.name),
            None => parameter.name.to_owned(),
        })
        .collect();
    formula(&mut out, method);
    if !parameters.is_empty() {
        paragraph(&mut out, "parameters", &parameters.join(", "));
    }
    paragraph(&mut out, "when", method.when);
    out
}

/// Everything about a method, with a recipe to copy.
fn one(method: &MergeMethod) -> String {
    let mut out = wrapped(&format!("{}: {}", method.name, method.summary), WIDTH) + "\n";
    formula(&mut out, method);
    paragraph(&mut out, "source", method.origin);
    paragraph(&mut out, "when", method.when);
    paragraph(&mut out, "models", &models(method));
    for scope in [Scope::PerModel, Scope::Shared] {
        let of_scope: Vec<_> = read(method).filter(|parameter| parameter.scope == scope).collect();
        if !of_scope.is_empty() {
            out.push_str(if scope == Scope::Shared {
                "\nparameters of the merge\n"
            } else {
                "\nparameters of each model\n"
            });
        }
        for parameter in of_scope {
            let text = format!("{}; {}", values(parameter), parameter.doc);
            if parameter.name.chars().count() + 4 > INDENT {
                let _ = writeln!(out, "  {}", parameter.name);
                paragraph(&mut out, "", &text);
            } else {
                paragraph(&mut out, parameter.name, &text);
            }
        }
    }
    out.push_str("\nexample\n");
    for line in example(method).lines() {
        let _ = writeln!(out, "  {line}");
    }
    out
}

/// The formula, each of its steps on a line.
fn formula(out: &mut String, method: &MergeMethod) {
    let mut heading = "formula";
    for step in method.equation.split(";  ") {
        paragraph(out, heading, step);
        heading = "";
    }
}

/// The parameters that have an effect.
pub(super) fn read(method: &MergeMethod) -> impl Iterator<Item = &'static Parameter> {
    method.parameters.iter().filter(|parameter| parameter.kind != Kind::Ignored)
}

pub(super) fn models(method: &MergeMethod) -> String {
    let base = match method.base {
        Base::Required => ", and a base model",
        Base::Optional => ", with or without a base model",
        Base::Member => "; a base model counts as one of them",
    };
    format!("{}{base}", method.models)
}

/// Type, range and default of a parameter.
pub(super) fn values(parameter: &Parameter) -> String {
    let kind = match parameter.kind {
        Kind::Number { min, max } if min.is_finite() && max.is_finite() => format!("{min} to {max}"),
        Kind::Number { min, .. } if min.is_finite() => format!("{min} or more"),
        Kind::Number { .. } => "a number".to_owned(),
        Kind::Whole { min, max } => format!("a whole number, {min} to {max}"),
        Kind::Flag => "true or false".to_owned(),
        Kind::Ignored => "no effect".to_owned(),
    };
    match parameter.default {
        Some(default) => format!("{kind}, {default} by default"),
        None => format!("{kind}, required"),
    }
}

/// Adds a text under a heading, in lines of at most [`WIDTH`].
fn paragraph(out: &mut String, heading: &str, text: &str) {
    let mut line = format!("  {heading:<width$}", width = INDENT - 2);
    let mut empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(INDENT);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(out, "{}", line.trim_end());
}

/// A recipe of the method, with every parameter that has no default.
pub(super) fn example(method: &MergeMethod) -> String {
    let mut text = format!("merge_method: {}\n", method.name);
    if method.base != Base::Member {
        text.push_str("base_model: models/base\n");
    }
    let count = match method.models {
        Count::Exactly(count) => count,
        Count::AtLeast(count) => count.max(2),
    };
    // A share of one half says something of every method that has one; by default all stays.
    let given = |scope| {
        let wanted = move |p: &&Parameter| p.scope == scope && (p.default.is_none() || p.name == "density");
        read(method).filter(wanted)
    };
    let value = |parameter: &Parameter| match parameter.kind {
        Kind::Number { min: 0.0, max } if max.is_infinite() && parameter.scope == Scope::Shared => "0.001",
        Kind::Flag => "true",
        _ => "0.5",
    };
    text.push_str("models:\n");
    for name in ["ko-ko", "ko-en", "en-en"].iter().take(count) {
        let _ = writeln!(text, "  - model: models/{name}");
        if method.needs_texts() {
            let _ = writeln!(text, "    texts: texts/{name}.txt");
        }
        for (nth, parameter) in given(Scope::PerModel).enumerate() {
            text.push_str(if nth == 0 { "    parameters:\n" } else { "" });
            let _ = writeln!(text, "      {}: {}", parameter.name, value(parameter));
        }
    }
    for (nth, parameter) in given(Scope::Shared).enumerate() {
        text.push_str(if nth == 0 { "parameters:\n" } else { "" });
        let _ = writeln!(text, "  {}: {}", parameter.name, value(parameter));
    }
    text
}

fn to_json(method: &MergeMethod) -> Value {
    let (least, most) = match method.models {
        Count::Exactly(count) => (count, Some(count)),
        Count::AtLeast(count) => (count, None),
    };
    let bound = |bound: f64| bound.is_finite().then_some(bound);
    let parameter = |parameter: &Parameter| {
        let (kind, min, max) = match parameter.kind {
            Kind::Number { min, max } => ("number", bound(min), bound(max)),
            Kind::Whole { min, max } => ("integer", Some(f64::from(min)), Some(f64::from(max))),
            Kind::Flag => ("boolean", None, None),
            Kind::Ignored => ("ignored", None, None),
        };
        let default = match parameter.default {
            Some(method::Value::Number(number)) => json!(number),
            Some(method::Value::Flag(flag)) => json!(flag),
            None => Value::Null,
        };
        json!({
            "name": parameter.name,
            "scope": if parameter.scope == Scope::Shared { "merge" } else { "model" },
            "type": kind,
            "min": min,
            "max": max,
            "required": parameter.default.is_none() && parameter.kind != Kind::Ignored,
            "default": default,
            "doc": parameter.doc,
        })
    };
    json!({
        "name": method.name,
        "summary": method.summary,
        "formula": method.equation,
        "origin": method.origin,
        "when": method.when,
        "base": match method.base {
            Base::Required => "required",
            Base::Optional => "optional",
            Base::Member => "model",
        },
        "models": {"min": least, "max": most},
        "texts": method.needs_texts(),
        "parameters": method.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "example": example(method),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::recipe::Recipe;

    #[test]
    fn every_example_is_a_recipe_of_its_method() {
        for declared in METHODS {
            let recipe = Recipe::parse(&example(declared), "example", &BTreeMap::new()).unwrap();
            assert_eq!(recipe.method.name, declared.name);
            assert!(recipe.warnings.is_empty(), "{}: {:?}", declared.name, recipe.warnings);
        }
    }

    #[test]
    fn every_method_says_what_it_is_in_lines_that_fit() {
        for declared in METHODS {
            for text in [short(declared), one(declared)] {
                assert!(text.lines().skip(1).all(|line| line.chars().count() <= WIDTH), "{text}");
                assert!(text.contains(declared.when.split(' ').next().unwrap()), "{text}");
            }
            for part in [declared.summary, declared.equation, declared.origin, declared.when] {
                assert!(!part.is_empty(), "{}", declared.name);
            }
        }
    }
}
