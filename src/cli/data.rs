//! `admix data`

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::render;
use crate::cli::tasks;
use crate::escape::Page;
use crate::eval::DataSet;
use crate::eval::data::{self, Opened, Options, Side, Summary};

/// Show what a retrieval data set holds, and everything odd in it; or list the tasks of MTEB that are known by name
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix data sets/korquad-ko
  admix data sets/* --split test --json
  admix data mteb/Ko-StrategyQA                     from the Hub's cache; see `admix fetch`
  admix data --list                                 the tasks that have names
  admix data --list kor miracl                      those of Korean, or with miracl in their names")]
pub(super) struct Args {
    /// Data set folders (BEIR, MTEB, MS MARCO, TREC, parallel text, or sentence-transformers' three JSON files), MTEB's tasks, or
    /// data sets of the Hub as org/name[:subset][@revision]; with `--list` words to look for
    #[arg(value_name = "DIR|NAME", required_unless_present = "list")]
    folders: Vec<PathBuf>,

    /// List MTEB's retrieval and reranking tasks over Korean or English texts, with their data sets
    #[arg(long)]
    list: bool,

    /// Split to read; without it test, or the only one, or dev
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,

    /// Print for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if args.list {
        return tasks::list(&args.folders, args.json);
    }
    let options = Options { split: args.split.clone(), ..Options::default() };
    let mut rows = Vec::new();
    for (at, folder) in args.folders.iter().enumerate() {
        let opened = data::inspect(folder, &options)?;
        if args.json {
            rows.push(to_json(folder, &opened));
        } else {
            let mut page = Page::new();
            if at > 0 {
                page.gap();
            }
            render::print(page.add(&to_text(folder, &opened)))?;
        }
    }
    if args.json { render::print_json(&json!({ "folders": rows })) } else { Ok(()) }
}

fn to_text(folder: &Path, opened: &Opened) -> Page {
    let mut out = Page::of(folder.display());
    if let Some(located) = &opened.located {
        line(&mut out, "hub", &format!("{}, commit {}", located.repository, located.commit));
    }
    line(&mut out, "form", &opened.form.to_string());
    let splits: Vec<String> = opened
        .splits
        .iter()
        .map(|split| if opened.split.as_ref() == Some(split) { format!("{split} (read)") } else { split.clone() })
        .collect();
    if !splits.is_empty() {
        line(&mut out, "splits", &splits.join(", "));
    }
    let files = names(folder, opened);
    let more = if files.len() > 6 { format!(" and {} more", files.len() - 6) } else { String::new() };
    line(&mut out, "files", &format!("{}{more}", files.iter().take(6).cloned().collect::<Vec<_>>().join(", ")));
    for set in &opened.sets {
        let summary = Summary::of(set);
        let direction = set.direction.as_ref().map_or_else(String::new, |direction| format!(", {direction}"));
        out.gap().line(format_args!("  {}{direction}", set.name));
        line(&mut out, "  queries", &side(&summary.queries));
        line(&mut out, "  documents", &side(&summary.documents));
        line(&mut out, "  judgements", &judgements(&summary));
        for warning in &set.warnings {
            line(&mut out, "  odd", &warning.to_string());
            line(&mut out, "", warning.kind.effect());
        }
    }
    out
}

fn line(out: &mut Page, name: &str, value: &str) {
    out.line(format_args!("  {name:12}  {value}"));
}

fn side(side: &Side) -> String {
    let scripts: Vec<String> = side
        .scripts
        .iter()
        .take(4)
        .filter(|(_, share)| *share >= 0.0005)
        .map(|(script, share)| format!("{} {:.1} %", script.name(), share * 100.0))
        .collect();
    let scripts = if scripts.is_empty() { "no letters".into() } else { scripts.join(", ") };
    format!(
        "{}, median {} characters, longest {}; {scripts}",
        side.texts, side.median_characters, side.longest_characters
    )
}

fn judgements(summary: &Summary) -> String {
    let grades: Vec<String> = summary.grades.iter().map(|(grade, count)| format!("{count} of grade {grade}")).collect();
    let (shown, more) = grades.split_at(grades.len().min(8));
    let more = if more.is_empty() { "" } else { ", …" };
    format!("{:.2} relevant a query; {}{more}", summary.positives_per_query(), shown.join(", "))
}

/// The files that were read, from the folder.
fn names(folder: &Path, opened: &Opened) -> Vec<String> {
    let folder = opened.located.as_ref().map_or(folder, |located| &located.folder);
    opened.files.iter().map(|file| file.strip_prefix(folder).unwrap_or(file).display().to_string()).collect()
}

fn to_json(folder: &Path, opened: &Opened) -> Value {
    json!({
        "folder": folder.display().to_string(),
        "hub": opened.located.as_ref().map(|located| json!({"name": located.repository, "commit": located.commit})),
        "form": opened.form.name(),
        "splits": opened.splits,
        "split": opened.split,
        "files": names(folder, opened),
        "datasets": opened.sets.iter().map(set_json).collect::<Vec<_>>(),
    })
}

fn set_json(set: &DataSet) -> Value {
    let summary = Summary::of(set);
    let side = |side: &Side| {
        let scripts: serde_json::Map<String, Value> =
            side.scripts.iter().map(|(script, share)| (script.name().to_owned(), json!(share))).collect();
        json!({
            "count": side.texts,
            "median_characters": side.median_characters,
            "longest_characters": side.longest_characters,
            "scripts": scripts,
        })
    };
    let warnings: Vec<Value> = set
        .warnings
        .iter()
        .map(|odd| json!({"kind": odd.kind.name(), "count": odd.count, "example": odd.example, "effect": odd.kind.effect()}))
        .collect();
    let grades: serde_json::Map<String, Value> =
        summary.grades.iter().map(|(grade, count)| (grade.to_string(), json!(count))).collect();
    json!({
        "name": set.name,
        "direction": set.direction,
        "queries": side(&summary.queries),
        "documents": side(&summary.documents),
        "judgements": summary.judgements(),
        "grades": grades,
        "positives": summary.positives(),
        "positives_per_query": summary.positives_per_query(),
        "oddities": warnings,
    })
}
