//! The page of merge methods, from their declarations.

use std::fmt::Write as _;

use super::prose::{prose, sentence};
use crate::cli::methods::{example, models, read, values};
use crate::method::{METHODS, MergeMethod, Scope};

pub(super) fn page() -> String {
    let mut out = String::from(INTRODUCTION);
    for method in METHODS {
        let _ = writeln!(out, "| [`{0}`](#{0}) | {1} |", method.name, prose(method.summary));
    }
    for method in METHODS {
        let _ = write!(out, "\n{}", section(method));
    }
    out
}

const INTRODUCTION: &str = "\
# Merge methods

A recipe names its method with `merge_method`, and `admix blend` takes it as `--method`. In the formulas, `base` is the
tensor of the base model, `x` or `xᵢ` is the tensor of a model, and a *task vector* is the difference `x − base`: what the
model learnt since it was the base. `admix methods NAME` prints the same text in the terminal.

| method | what it does |
| --- | --- |
";

fn section(method: &MergeMethod) -> String {
    let mut out = format!("## {}\n\n{}\n\n", method.name, sentence(method.summary));
    let _ = writeln!(out, "```text\n{}\n```\n", method.equation.split(";  ").collect::<Vec<_>>().join("\n"));
    let _ = writeln!(out, "- When to use it: {}", sentence(method.when));
    let _ = writeln!(out, "- Models: {}", sentence(&models(method)));
    let _ = writeln!(out, "- Source: {}", sentence(method.origin));
    if read(method).next().is_some() {
        out.push_str("\n| parameter | belongs to | values | by row | meaning |\n| --- | --- | --- | --- | --- |\n");
    }
    for parameter in read(method) {
        let scope = if parameter.scope == Scope::Shared { "the merge" } else { "each model" };
        let by_row = if parameter.by_row { "yes" } else { "no" };
        let _ = writeln!(
            out,
            "| `{}` | {scope} | {} | {by_row} | {} |",
            parameter.name,
            prose(&values(parameter)),
            prose(parameter.doc),
        );
    }
    let _ = writeln!(out, "\n```yaml\n{}```", example(method));
    out
}
