//! `admix plan`

use std::fmt::Write as _;

use serde_json::json;

use super::args::{PlanArgs, RecipeArgs};
use super::{render, units};
use crate::escape::{Page, padded, width};
use crate::merge;
use crate::plan::{Group, NonLayerSlices, Plan, RowCounts, RowGroup, SoupSummary, Summary, VocabularySummary, Weighed};

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
    let mut out = Page::new();
    for document in &summary.documents {
        text(&mut out, &format!("document `{}`: ", document.name), &document.summary, None);
        out.gap();
    }
    text(&mut out, "", &summary, Some(memory));
    render::print(&out)
}

fn text(out: &mut Page, before: &str, summary: &Summary, memory: Option<u64>) {
    out.line(format_args!(
        "{before}{} of {} {} into {} tensors, {} parameters",
        summary.method,
        summary.models.len(),
        if summary.models.len() == 1 { "model" } else { "models" },
        summary.tensors,
        units::count(summary.parameters),
    ));
    let soup = summary.sources.as_ref();
    let from = soup.map_or_else(|| summary.models.join(", "), SoupSummary::describe);
    out.line(format_args!("  reads   {} from {from}", units::bytes(summary.bytes_read)));
    for Weighed { folder, weight } in soup.iter().flat_map(|soup| &soup.models) {
        let weight = weight.map_or_else(String::new, |weight| format!("{weight:.4}"));
        out.line(format_args!("          {weight:>7}  {folder}"));
    }
    for texts in &summary.texts {
        out.line(format_args!("  texts   {} through {}", texts.path, texts.model));
    }
    out.line(format_args!("  writes  {} to {}", units::bytes(summary.bytes_written), summary.files.join(", ")));
    if let Some(memory) = memory {
        out.line(format_args!("  memory  about {}", units::bytes(memory)));
    }
    match &summary.vocabulary {
        None => {
            out.line(format_args!("  configuration and tokenizer from {}", summary.donor));
        }
        Some(vocabulary) => {
            out.line(format_args!("  configuration from {}", summary.donor));
            out.line(format_args!("  tokenizer from {}", vocabulary.tokenizer));
            out.line(format_args!("  vocabulary {}", self::vocabulary(vocabulary)));
        }
    }
    if let Some(settings) = summary.settings.as_ref().filter(|settings| **settings != summary.donor) {
        out.line(format_args!("  settings of use from {settings}"));
    }
    if let Some(outside) = &summary.outside {
        out.line(format_args!("  {}", self::outside(outside)));
    }
    // Groups that are treated alike stand under one heading.
    let mut sections: Vec<(String, Vec<Line<'_>>)> = Vec::new();
    for group in &summary.groups {
        let heading = heading(group, soup);
        match sections.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, lines)) => lines.push(line(group)),
            None => sections.push((heading, vec![line(group)])),
        }
    }
    let widest = |column: usize| {
        sections.iter().flat_map(|(_, lines)| lines).map(|line| width(&line.cells[column])).max().unwrap_or(0)
    };
    let widths = [widest(0), widest(1)];
    for (heading, lines) in &sections {
        out.gap().line(heading);
        for Line { cells: [count, template, shape], rows } in lines {
            out.line(format_args!("  {count:>a$}  {}  {shape}", padded(template, widths[1]), a = widths[0]));
            self::rows(out, rows, widths[0] + 4);
        }
    }
}

/// Which slices the tensors outside of the layers come from, and why.
fn outside(outside: &NonLayerSlices) -> String {
    let class = outside.class.as_deref().unwrap_or("a model that names no class");
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
fn rows(out: &mut Page, rows: &[RowGroup], indent: usize) {
    let count = rows.iter().map(|group| group.count.to_string().len()).max().unwrap_or(0);
    let name = rows.iter().map(|group| group.name.chars().count()).max().unwrap_or(0);
    for group in rows {
        let parameters: Vec<_> = group.parameters.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let parameters = parameters.join(", ");
        out.line(format_args!("{:indent$}{:>count$} rows {:name$}  {parameters}", "", group.count, group.name));
    }
}

/// A group as it is printed.
struct Line<'a> {
    /// How many tensors, their name, their shape.
    cells: [String; 3],
    rows: &'a [RowGroup],
}

fn heading(group: &Group, soup: Option<&SoupSummary>) -> String {
    let listed: Vec<&str> = soup.iter().flat_map(|soup| &soup.models).map(|model| model.folder.as_str()).collect();
    let mut sources: Vec<String> = group.sources.clone();
    let is_listed = |source: &String| listed.contains(&source.as_str());
    // The checkpoints of a soup stand above, with their weights.
    let is_soup = !listed.is_empty() && sources.iter().filter(|source| is_listed(source)).count() == listed.len();
    if is_soup {
        sources.retain(|source| !is_listed(source));
        sources.push(format!("the {} checkpoints", listed.len()));
    }
    let parameter = |(name, values): &(String, Vec<String>)| match values.as_slice() {
        [first, .., last] => format!("{name} {first}…{last}"),
        [only] => format!("{name} {only}"),
        [] => name.clone(),
    };
    let shown = group.parameters.iter().filter(|(name, _)| !(is_soup && name.starts_with("weight[")));
    let parameters: Vec<_> = shown.map(parameter).collect();
    let colon = if parameters.is_empty() { "" } else { ": " };
    format!("{} of {} to {}{colon}{}", group.method, sources.join(", "), group.dtype, parameters.join(", "))
}

fn line(group: &Group) -> Line<'_> {
    let shape = |shape: &Vec<usize>| {
        let sizes: Vec<_> = shape.iter().map(ToString::to_string).collect();
        if sizes.is_empty() { "scalar".to_owned() } else { sizes.join("×") }
    };
    let shapes: Vec<_> = group.shapes.iter().map(shape).collect();
    Line { cells: [format!("{}×", group.count), group.template.clone(), shapes.join(" ")], rows: &group.rows }
}
