//! `admix plan`

use std::fmt::Write as _;

use serde_json::json;

use super::args::{PlanArgs, RecipeArgs};
use super::{render, units};
use crate::merge;
use crate::plan::{Group, Outside, Plan, RowCounts, RowGroup, Summary, VocabularySummary};
use crate::shown::shown;

/// Show what a merge would do; nothing is written
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix plan recipe.yaml
  admix plan recipe.yaml --json | jq '.groups[].template'")]
pub(super) struct Args {
    #[command(flatten)]
    recipe: RecipeArgs,

    #[command(flatten)]
    plan: PlanArgs,

    /// Print the plan for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let plan = Plan::build(args.recipe.read()?, &args.plan.options()?)?;
    let memory = merge::memory(&plan, 0, merge::TILE);
    let summary = plan.summary();
    if args.json {
        let mut value = serde_json::to_value(&summary)?;
        if let Some(object) = value.as_object_mut() {
            object.insert("memory".into(), json!(memory));
        }
        return render::print_json(&value);
    }
    render::warn(&summary.warnings);
    let mut out = String::new();
    for document in &summary.documents {
        let _ = writeln!(out, "document `{}`: {}", document.name, text(&document.summary, None));
    }
    out.push_str(&text(&summary, Some(memory)));
    render::print(&out)
}

fn text(summary: &Summary, memory: Option<u64>) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} of {} {} into {} tensors, {} parameters",
        summary.method,
        summary.models.len(),
        if summary.models.len() == 1 { "model" } else { "models" },
        summary.tensors,
        units::count(summary.parameters),
    );
    let _ = writeln!(out, "  reads   {} from {}", units::bytes(summary.bytes_read), summary.models.join(", "));
    let _ = writeln!(out, "  writes  {} to {}", units::bytes(summary.bytes_written), summary.files.join(", "));
    if let Some(memory) = memory {
        let _ = writeln!(out, "  memory  about {}", units::bytes(memory));
    }
    match &summary.vocabulary {
        None => {
            let _ = writeln!(out, "  configuration and tokenizer from {}", summary.donor);
        }
        Some(vocabulary) => {
            let _ = writeln!(out, "  configuration from {}", summary.donor);
            let _ = writeln!(out, "  tokenizer from {}", vocabulary.tokenizer);
            let _ = writeln!(out, "  vocabulary {}", self::vocabulary(vocabulary));
        }
    }
    if let Some(settings) = summary.settings.as_ref().filter(|settings| **settings != summary.donor) {
        let _ = writeln!(out, "  settings of use from {settings}");
    }
    if let Some(outside) = &summary.outside {
        let _ = writeln!(out, "  {}", self::outside(outside));
    }
    // Groups that are treated alike stand under one heading.
    let mut sections: Vec<(String, Vec<Line<'_>>)> = Vec::new();
    for group in &summary.groups {
        let heading = heading(group);
        match sections.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, lines)) => lines.push(line(group)),
            None => sections.push((heading, vec![line(group)])),
        }
    }
    let width = |column: usize| {
        sections.iter().flat_map(|(_, lines)| lines).map(|line| line.cells[column].chars().count()).max().unwrap_or(0)
    };
    let widths = [width(0), width(1)];
    for (heading, lines) in &sections {
        let _ = writeln!(out, "\n{heading}");
        for Line { cells: [count, template, shape], rows } in lines {
            let _ = writeln!(out, "  {count:>a$}  {template:b$}  {shape}", a = widths[0], b = widths[1]);
            out.push_str(&self::rows(rows, widths[0] + 4));
        }
    }
    out
}

/// Which slices the tensors outside of the layers come from, and why.
fn outside(outside: &Outside) -> String {
    let class = outside.class.as_deref().map_or("a model that names no class".into(), shown);
    if outside.behind_from_last {
        format!("embeddings from the first slice; norm, head and pooler behind the layers from the last ({class})")
    } else {
        format!("everything outside of the layers from the first slice, as mergekit takes it for {class}")
    }
}

/// Tokens and rows, and how the rows come about.
fn vocabulary(vocabulary: &VocabularySummary) -> String {
    let mut out = format!("{} tokens", vocabulary.tokens);
    if vocabulary.appended > 0 {
        let _ = write!(out, ", {} of them appended", vocabulary.appended);
    }
    let _ = write!(out, "; {} rows", vocabulary.rows);
    let Some(RowCounts { all, several, one, by_rule, none, padding }) = vocabulary.made else { return out };
    let parts = [
        (all, "of all models"),
        (several, "of several"),
        (one, "of one"),
        (by_rule, "by rule"),
        (none, "of none (zeros)"),
        (padding, "of padding"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, how)| format!("{count} {how}")).collect();
    let _ = write!(out, ": {}", parts.join(", "));
    out
}

/// The rows of a vocabulary tensor that are treated alike, a line each.
fn rows(rows: &[RowGroup], indent: usize) -> String {
    let count = rows.iter().map(|group| group.count.to_string().len()).max().unwrap_or(0);
    let name = rows.iter().map(|group| group.name.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for group in rows {
        let parameters: Vec<_> = group.parameters.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let parameters = parameters.join(", ");
        let _ = writeln!(out, "{:indent$}{:>count$} rows {:name$}  {parameters}", "", group.count, group.name);
    }
    out
}

/// A group as it is printed.
struct Line<'a> {
    /// How many tensors, their name, their shape.
    cells: [String; 3],
    rows: &'a [RowGroup],
}

fn heading(group: &Group) -> String {
    let parameter = |(name, values): &(String, Vec<String>)| match values.as_slice() {
        [first, .., last] => format!("{name} {first}…{last}"),
        [only] => format!("{name} {only}"),
        [] => name.clone(),
    };
    let parameters: Vec<_> = group.parameters.iter().map(parameter).collect();
    let colon = if parameters.is_empty() { "" } else { ": " };
    format!("{} of {} to {}{colon}{}", group.method, group.sources.join(", "), group.dtype, parameters.join(", "))
}

fn line(group: &Group) -> Line<'_> {
    let shape = |shape: &Vec<usize>| {
        let sizes: Vec<_> = shape.iter().map(ToString::to_string).collect();
        if sizes.is_empty() { "scalar".to_owned() } else { sizes.join("×") }
    };
    let shapes: Vec<_> = group.shapes.iter().map(shape).collect();
    Line { cells: [format!("{}×", group.count), group.template.clone(), shapes.join(" ")], rows: &group.rows }
}
