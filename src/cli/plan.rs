//! `admix plan`

use std::fmt::Write as _;

use serde_json::json;

use super::args::{PlanArgs, RecipeArgs};
use super::{render, units};
use crate::merge;
use crate::plan::{Group, Plan, Summary};

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
    render::print(&text(&summary, memory))
}

fn text(summary: &Summary, memory: u64) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} of {} models into {} tensors, {} parameters",
        summary.method,
        summary.models.len(),
        summary.tensors,
        units::count(summary.parameters),
    );
    let _ = writeln!(out, "  reads   {} from {}", units::bytes(summary.bytes_read), summary.models.join(", "));
    let _ = writeln!(out, "  writes  {} to {}", units::bytes(summary.bytes_written), summary.files.join(", "));
    let _ = writeln!(out, "  memory  about {}", units::bytes(memory));
    let _ = writeln!(out, "  configuration and tokenizer from {}", summary.donor);
    let rows: Vec<[String; 4]> = summary.groups.iter().map(row).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    for (index, row) in rows.iter().enumerate() {
        let group = &summary.groups[index];
        let before = index.checked_sub(1).map(|before| &summary.groups[before]);
        if before.is_none_or(|before| {
            before.method != group.method || before.sources != group.sources || before.dtype != group.dtype
        }) {
            let _ = writeln!(out, "\n{} of {} to {}", group.method, group.sources.join(", "), group.dtype);
        }
        let [count, template, shape, parameters] = row;
        let line = format!(
            "  {count:>a$}  {template:b$}  {shape:c$}  {parameters}",
            a = widths[0],
            b = widths[1],
            c = widths[2],
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

fn row(group: &Group) -> [String; 4] {
    let shape = |shape: &Vec<usize>| {
        let sizes: Vec<_> = shape.iter().map(ToString::to_string).collect();
        if sizes.is_empty() { "scalar".to_owned() } else { sizes.join("×") }
    };
    let shapes: Vec<_> = group.shapes.iter().map(shape).collect();
    let parameter = |(name, values): (&String, &Vec<String>)| match values.as_slice() {
        [first, .., last] => format!("{name} {first}…{last}"),
        [only] => format!("{name} {only}"),
        [] => name.clone(),
    };
    let parameters: Vec<_> = group.parameters.iter().map(parameter).collect();
    [format!("{}×", group.count), group.template.clone(), shapes.join(" "), parameters.join("  ")]
}
