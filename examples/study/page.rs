//! The page and its figures, from the figures in JSON alone.

use std::fmt::Write as _;

use admix::report::{Plane, PlaneGroup, PlanePoint, Size, plane, standalone};

use super::results::{Kind, Recovery, Results, Row, Test};

/// The level below which a difference is marked.
const LEVEL: f64 = 0.05;

const HEAD: &str = "\
<!-- Made by `cargo run --release --example study`; edit docs/study/conclusions.md and examples/study instead. -->

# Which merge to use when

";

/// The whole page: what follows from the figures, then the figures of each suite.
pub(crate) fn page(conclusions: &str, suites: &[Results]) -> String {
    let mut out = HEAD.to_owned();
    if !conclusions.trim().is_empty() {
        let _ = writeln!(out, "{}\n", conclusions.trim());
    }
    for suite in suites {
        section(suite, &mut out);
    }
    out.push_str(HOW);
    out
}

const HOW: &str = "\
## How it was measured

Every method gets at most the same number of settings, spread evenly over ranges that were written down before any score was seen
(`examples/study/methods.rs`): one variable takes evenly spaced values, several take the points of a Sobol sequence. Methods without
settings have what variants they have. Each setting is a trial of `admix sweep` on the queries that choose, and the one with the best
mean over the directions is taken. `admix learn` starts with the best setting of `linear` or `task_arithmetic`, whichever is better, and sees the
queries that choose and their documents alone. The taken setting is then merged and scored as `admix score` does, on the held-out queries. All scores are nDCG@10.

`linear` at its best setting is the best plain average. The column *against linear* is the difference of the means over the directions,
with the p-value of a paired randomisation test over the held-out queries after Holm's correction over all rows of the table. Arrows mark a
direction that is better (↑) or worse (↓) than with `linear` by more than chance (p below 0.05 after Holm's correction over all rows and
directions). The costs are what choosing took: tokens that were encoded, and seconds. Those of `admix learn` include the sweep
that it starts from.

```console,norun
$ cargo run --release --example study -- -o docs/study
$ cargo run --release --example study -- --retrievers DIR --sets DIR -o docs/study
$ cargo run --release --example study -- --render -o docs/study
```

The first command measures the bundled retrievers, the second real ones too, and the last writes this page anew from the JSON files
beside it. An interrupted run goes on where it was.
";

fn section(suite: &Results, out: &mut String) {
    let _ = writeln!(out, "## {}\n\n{}\n", suite.title, wrapped(&suite.about));
    let _ = writeln!(out, "![Scores in one language against scores across languages]({}.svg)\n", suite.suite);
    queries(suite, out);
    table(suite, out);
    recovery(suite, out);
    settings(suite, out);
}

/// How many queries there are.
fn queries(suite: &Results, out: &mut String) {
    out.push_str("| data set | queries that choose | of documents | held-out queries | of documents |\n");
    out.push_str("| --- | ---: | ---: | ---: | ---: |\n");
    for column in &suite.columns {
        let select = column
            .select
            .map_or_else(|| "none | ".to_owned(), |[queries, documents]| format!("{queries} | {documents}"));
        let [held_out, documents] = column.held_out;
        let _ = writeln!(out, "| {} | {select} | {held_out} | {documents} |", column.name);
    }
    out.push('\n');
}

/// The models alone, then merges from the best on held-out queries down.
fn ordered(suite: &Results) -> Vec<&Row> {
    let (models, mut merges): (Vec<&Row>, Vec<&Row>) = suite.rows.iter().partition(|row| row.kind == Kind::Model);
    merges.sort_by(|one, other| other.mean.total_cmp(&one.mean));
    models.into_iter().chain(merges).collect()
}

/// The name of a row in a table.
fn name(row: &Row) -> String {
    match row.kind {
        Kind::Average => row.name.clone(),
        _ => format!("`{}`", row.name),
    }
}

fn table(suite: &Results, out: &mut String) {
    let names: Vec<&str> = suite.columns.iter().map(|column| column.name.as_str()).collect();
    let _ = writeln!(
        out,
        "On held-out queries:\n\n| model or method | {} | mean | against linear | p | settings | tokens | seconds |",
        names.join(" | ")
    );
    let _ = writeln!(out, "| --- |{}", " ---: |".repeat(names.len() + 6));
    for row in ordered(suite) {
        let _ = write!(out, "| {} |", name(row));
        for (index, score) in row.scores.iter().enumerate() {
            let place = suite.directions().position(|(at, _)| at == index);
            let test = place.and_then(|place| row.against.as_ref()?.directions.get(place));
            let _ = write!(out, " {score:.3}{} |", test.map_or("", arrow));
        }
        let (difference, p) = row.against.as_ref().map_or_else(<_>::default, |against| {
            (signed(against.mean.difference), probability(against.mean.corrected))
        });
        let (settings, tokens, seconds) = match row.kind {
            Kind::Model | Kind::Average => <_>::default(),
            Kind::Learned => (String::new(), millions(row.tokens), format!("{:.0}", row.seconds)),
            Kind::Method => (row.points.to_string(), millions(row.tokens), format!("{:.0}", row.seconds)),
        };
        let _ = writeln!(out, " {:.3} | {difference} | {p} | {settings} | {tokens} | {seconds} |", row.mean);
    }
    out.push('\n');
}

fn arrow(test: &Test) -> &'static str {
    match test.corrected < LEVEL {
        true if test.difference > 0.0 => "↑",
        true => "↓",
        false => "",
    }
}

/// A difference with its sign.
pub(crate) fn signed(value: f64) -> String {
    let text = format!("{value:+.3}").replace('-', "−");
    if text.ends_with("0.000") { "0.000".to_owned() } else { text }
}

fn probability(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

fn millions(tokens: u64) -> String {
    format!("{:.1} M", tokens as f64 / 1e6)
}

/// What fine-tuning lost and gained, and what of it a merge has.
fn recovery(suite: &Results, out: &mut String) {
    let differs = |recovery: &&Recovery| recovery.change.corrected < LEVEL;
    let kinds = [("lost", -1.0), ("gained", 1.0)];
    for (kind, sign) in kinds {
        let rows: Vec<&Recovery> =
            suite.recovery.iter().filter(differs).filter(|row| row.change.difference * sign > 0.0).collect();
        let Some(first) = rows.first() else {
            let _ = writeln!(out, "No fine-tune {kind} anything against the base by more than chance.\n");
            continue;
        };
        let merges: Vec<String> = first.merges.iter().map(|merged| format!("`{}`", merged.row)).collect();
        let share = if kind == "lost" { "share of the loss that is back" } else { "share of the gain that is kept" };
        let heads: Vec<String> = merges.iter().map(|merge| format!("{merge} | {share}")).collect();
        let _ = writeln!(
            out,
            "What fine-tuning {kind} against the base by more than chance, and what a merge has there:\n\n\
             | fine-tune | direction | base | fine-tune | {} |",
            heads.join(" | ")
        );
        let _ = writeln!(out, "| --- | --- |{}", " ---: |".repeat(2 + 2 * merges.len()));
        for row in rows {
            let _ = write!(out, "| `{}` | {} | {:.3} | {:.3} |", row.model, row.column, row.base, row.tuned);
            for merged in &row.merges {
                let _ = write!(
                    out,
                    " {:.3}{} | {:.0} % |",
                    merged.score,
                    arrow(&merged.test),
                    100.0 * regained(row, merged.score)
                );
            }
            out.push('\n');
        }
        out.push_str("\nArrows mark a difference from the fine-tune that is more than chance.\n\n");
    }
}

/// The share of a loss that a merge gives back, or of a gain that it keeps.
fn regained(row: &Recovery, merged: f64) -> f64 {
    let change = row.tuned - row.base;
    if change < 0.0 { (merged - row.tuned) / -change } else { (merged - row.base) / change }
}

/// The setting that each method was given.
fn settings(suite: &Results, out: &mut String) {
    out.push_str("<details><summary>The chosen settings, and the score that chose them</summary>\n\n");
    out.push_str("| method | setting | mean on the queries that choose |\n| --- | --- | ---: |\n");
    let merges = suite.rows.iter().filter(|row| row.kind != Kind::Model);
    for row in merges {
        let _ = writeln!(out, "| {} | {} | {:.3} |", name(row), row.setting, row.select);
    }
    out.push_str(
        "\n`across` is the weight of each fine-tune across languages, and `within` that of each other one. Recipes are in the JSON \
         file.\n\n</details>\n\n",
    );
    for left_out in &suite.left_out {
        let _ = writeln!(out, "`{}` was not tried: {}.\n", left_out.method, left_out.reason);
    }
}

/// The figure of a suite.
pub(crate) fn figure(suite: &Results) -> String {
    let point =
        |row: &Row| PlanePoint { name: row.name.clone(), at: (suite.mean_of(row, false), suite.mean_of(row, true)) };
    let of_kind = |kinds: &[Kind]| suite.rows.iter().filter(|row| kinds.contains(&row.kind)).map(point).collect();
    let ratios = suite
        .ratios
        .iter()
        .map(|ratio| PlanePoint { name: format!("linear, {}", ratio.setting), at: (ratio.across, ratio.within) });
    let group =
        |name: &str, points, is_front, is_named| PlaneGroup { name: name.to_owned(), points, is_front, is_named };
    let figure = Plane {
        title: format!("{}: nDCG@10 on held-out queries", suite.title),
        axes: ("across languages (ko-en, en-ko)".to_owned(), "in one language (ko-ko, en-en)".to_owned()),
        groups: vec![
            group("models alone", of_kind(&[Kind::Model]), false, true),
            group("linear, all settings", ratios.collect(), true, false),
            group("best of each method", of_kind(&[Kind::Average, Kind::Method, Kind::Learned]), false, true),
        ],
    };
    standalone(&plane(&figure, Size::Wide))
}

/// A paragraph in lines.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + word.chars().count() < 130 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
