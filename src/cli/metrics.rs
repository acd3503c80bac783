//! `admix metrics`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::output;
use super::render::{self, Usage};
use crate::escape::{Page, columns, tsv};
use crate::eval::{Compat, Error, Metric, Missing, Paired, Qrels, Rules, Run, Scores, evaluate, paired};

/// Score a run against relevance judgements, or compare two runs
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Judgements are TREC's (query, iteration, document, grade), MS MARCO's, or BEIR's tsv; runs are
TREC's. Any of them may be compressed by gzip.

Metrics: ndcg@k, recall@k, mrr@k, map@k, p@k, success@k for any k, and ndcg, mrr, map over the
whole ranking. The names that trec_eval and MTEB have for them are read too.

With a second run, each metric's difference has a 95 % bootstrap interval and the p-value of a
two-sided paired randomisation test over the queries of both.

Examples:
  admix metrics qrels.tsv merged.run
  admix metrics qrels.tsv base.run merged.run --metrics ndcg@10,mrr@10
  admix metrics qrels.tsv merged.run --compat st --per-query scores.tsv")]
pub(super) struct Args {
    /// Relevance judgements
    qrels: PathBuf,

    /// What a retriever found
    run: PathBuf,

    /// What another found; compared with the first
    #[arg(value_name = "RUN2")]
    other: Option<PathBuf>,

    /// Metrics
    #[arg(
        short,
        long,
        value_name = "METRIC",
        value_delimiter = ',',
        default_value = "ndcg@10,recall@100,mrr@10,map@100"
    )]
    metrics: Vec<Metric>,

    /// The tool whose rules hold for ties, identical ids and missing queries: trec, mteb, st or beir
    #[arg(long, value_name = "TOOL", default_value_t = Compat::Trec)]
    compat: Compat,

    /// Count judged queries that a run lacks as 0
    #[arg(short = 'c', long)]
    complete: bool,

    /// Take documents with their query's own id out of the rankings
    #[arg(long)]
    ignore_identical_ids: bool,

    /// Write each query's values there, separated by tabs
    #[arg(long, value_name = "FILE")]
    per_query: Option<PathBuf>,

    /// Print for programs
    #[arg(long)]
    json: bool,
}

impl Args {
    fn rules(&self) -> Rules {
        let mut rules = self.compat.rules();
        rules.ignore_identical_ids |= self.ignore_identical_ids;
        if self.complete {
            rules.missing = Missing::Zero;
        }
        rules
    }

    /// The metrics, each once.
    fn metrics(&self) -> Vec<Metric> {
        let mut metrics = Vec::new();
        for metric in &self.metrics {
            if !metrics.contains(metric) {
                metrics.push(*metric);
            }
        }
        metrics
    }
}

/// A run and its scores.
struct Scored<'a> {
    path: &'a Path,
    scores: Scores,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let qrels = Qrels::read(&args.qrels)?;
    let scored = scored(args, &args.run, &qrels)?;
    let other = args.other.as_deref().map(|path| self::scored(args, path, &qrels)).transpose()?;
    let runs: Vec<&Scored<'_>> = std::iter::once(&scored).chain(&other).collect();
    if let Some(path) = &args.per_query {
        output::write(path, true, |file| Ok(file.write_all(per_query(&runs).as_bytes())?))?;
    }
    let comparison = match &other {
        Some(other) => Some(comparison(&scored, other)?),
        None => None,
    };
    if args.json {
        return render::print_json(&to_json(args, &runs, comparison.as_deref()));
    }
    render::print(&match (&other, comparison) {
        (Some(other), Some(comparison)) => two(&scored, other, &comparison),
        _ => one(&scored),
    })
}

/// Reads and scores a run, and says which queries are no part of the means.
fn scored<'a>(args: &Args, path: &'a Path, qrels: &Qrels) -> anyhow::Result<Scored<'a>> {
    let run = Run::read(path)?;
    let rules = args.rules();
    let judged = qrels.grades.len();
    let missing = qrels.grades.keys().filter(|query| !run.scores.contains_key(*query)).count();
    if missing == judged {
        return Err(Error::NoCommonQuery { run: path.to_owned(), qrels: args.qrels.clone() }.into());
    }
    let mut warnings = Vec::new();
    if missing > 0 {
        let then = match rules.missing {
            Missing::LeftOut => "are left out; `--complete` counts them as 0",
            Missing::Zero => "count as 0",
            Missing::ZeroInMrr => "count as 0 in mrr and are left out of other metrics",
        };
        warnings.push(format!("{missing} of {judged} judged queries are not in `{}` and {then}", path.display()));
    }
    let unknown = run.scores.keys().filter(|query| !qrels.grades.contains_key(*query)).count();
    if unknown > 0 {
        let retrieved = run.scores.len();
        warnings
            .push(format!("{unknown} of {retrieved} queries of `{}` are not judged and are left out", path.display()));
    }
    render::warn(&warnings);
    Ok(Scored { path, scores: evaluate(qrels, &run, &args.metrics(), &rules) })
}

/// The second run against the first, metric by metric.
fn comparison(one: &Scored<'_>, other: &Scored<'_>) -> anyhow::Result<Vec<Paired>> {
    let compare = |index| {
        let (baseline, candidate) = one.scores.paired(&other.scores, index);
        paired(&baseline, &candidate)
    };
    let found: Option<Vec<Paired>> = (0..one.scores.metrics.len()).map(compare).collect();
    let found = found.ok_or_else(|| {
        let (one, other) = (one.path.display(), other.path.display());
        Usage::with_hint(
            format!("`{one}` and `{other}` have no scored query in common"),
            "`--complete` counts queries that a run lacks as 0",
        )
    })?;
    let counted = |scored: &Scored<'_>| scored.scores.queries.len();
    let common = found.iter().map(|paired| paired.queries).max().unwrap_or(0);
    if counted(one) != common || counted(other) != common {
        render::warn(&[format!("differences are over the {} that both runs have", queries(common))]);
    }
    Ok(found)
}

fn one(scored: &Scored<'_>) -> Page {
    let mut out = Page::of(format_args!("{}: {}", scored.path.display(), queries(scored.scores.queries.len())));
    out.gap();
    let scores = &scored.scores;
    let row = |(index, metric): (usize, &Metric)| vec![metric.to_string(), number(scores.mean(index))];
    let rows: Vec<Vec<String>> = scores.metrics.iter().enumerate().map(row).collect();
    out.add(&columns(&["metric", "mean"], &rows, &[1], render::columns()));
    out
}

fn two(one: &Scored<'_>, other: &Scored<'_>, comparison: &[Paired]) -> Page {
    let mut out = Page::new();
    for (name, scored) in [("A", one), ("B", other)] {
        out.line(format_args!("{name}  {}: {}", scored.path.display(), queries(scored.scores.queries.len())));
    }
    out.gap();
    let row = |(index, (metric, paired)): (usize, (&Metric, &Paired))| {
        vec![
            metric.to_string(),
            number(one.scores.mean(index)),
            number(other.scores.mean(index)),
            format!("{:+.4}", paired.difference),
            format!("{:+.4} … {:+.4}", paired.interval.0, paired.interval.1),
            p_value(paired.p),
            paired.wins.to_string(),
            paired.ties.to_string(),
            paired.losses.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = one.scores.metrics.iter().zip(comparison).enumerate().map(row).collect();
    let head = ["metric", "A", "B", "B−A", "95 % interval", "p", "better", "equal", "worse"];
    out.add(&columns(&head, &rows, &[1, 2, 3, 4, 5, 6, 7, 8], render::columns()));
    out
}

fn queries(count: usize) -> String {
    format!("{count} {}", if count == 1 { "query" } else { "queries" })
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.4}"))
}

/// Four decimals, as for the metrics; what is less than the last of them is said to be.
fn p_value(p: f64) -> String {
    if p < 0.0001 { "<0.0001".into() } else { format!("{p:.4}") }
}

/// One line a run and query; numbers with all their digits.
fn per_query(runs: &[&Scored<'_>]) -> String {
    let mut out = "run\tquery".to_owned();
    for metric in runs.iter().take(1).flat_map(|scored| &scored.scores.metrics) {
        let _ = write!(out, "\t{metric}");
    }
    out.push('\n');
    for scored in runs {
        for (query, values) in &scored.scores.queries {
            let _ = write!(out, "{}\t{}", tsv(&scored.path.display().to_string()), tsv(query));
            for value in values {
                out.push('\t');
                let _ = value.map_or(Ok(()), |value| write!(out, "{value}"));
            }
            out.push('\n');
        }
    }
    out
}

fn to_json(args: &Args, runs: &[&Scored<'_>], comparison: Option<&[Paired]>) -> Value {
    let means = |scores: &Scores| -> Map<String, Value> {
        scores
            .metrics
            .iter()
            .enumerate()
            .map(|(index, metric)| (metric.to_string(), json!(scores.mean(index))))
            .collect()
    };
    let run = |scored: &&Scored<'_>| {
        json!({
            "run": scored.path.display().to_string(),
            "queries": scored.scores.queries.len(),
            "metrics": means(&scored.scores),
        })
    };
    let mut value = json!({
        "qrels": args.qrels.display().to_string(),
        "compat": args.compat.name(),
        "runs": runs.iter().map(run).collect::<Vec<_>>(),
    });
    if let (Some(comparison), Some(object), Some(first)) = (comparison, value.as_object_mut(), runs.first()) {
        let row = |(metric, paired): (&Metric, &Paired)| {
            let fields = json!({
                "queries": paired.queries,
                "difference": paired.difference,
                "interval": [paired.interval.0, paired.interval.1],
                "p": paired.p,
                "better": paired.wins,
                "equal": paired.ties,
                "worse": paired.losses,
            });
            (metric.to_string(), fields)
        };
        let rows: Map<String, Value> = first.scores.metrics.iter().zip(comparison).map(row).collect();
        object.insert("comparison".into(), Value::Object(rows));
    }
    value
}
