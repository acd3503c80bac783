//! Fills the figures into the words that were written by hand, and holds what the words claim.
//!
//! `{{real.linear.mean}}` is a figure, and a line `{{check real.linear.mean > real.base.mean}}` is a claim: it leaves no
//! trace in the page, and no page is written where it does not hold.

use super::Outcome;
use super::page::signed;
use super::results::{Results, Row};

/// The words with their figures.
pub(crate) fn fill(template: &str, suites: &[Results]) -> Outcome<String> {
    let mut out = String::new();
    for (number, line) in template.lines().enumerate() {
        let at = |problem: String| format!("line {} of the conclusions: {problem}", number + 1);
        if let Some(claim) = line.trim().strip_prefix("{{check ").and_then(|rest| rest.strip_suffix("}}")) {
            if !holds(claim, suites).map_err(at)? {
                return Err(at(format!("`{claim}` does not hold")).into());
            }
            continue;
        }
        out.push_str(&with_figures(line, suites).map_err(at)?);
        out.push('\n');
    }
    Ok(out)
}

fn with_figures(line: &str, suites: &[Results]) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("{{") {
        let (path, after) = after.split_once("}}").ok_or("`{{` without `}}`")?;
        out.push_str(before);
        out.push_str(&written(path, suites)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// A figure, or the name of a row, as the page shows it.
fn written(path: &str, suites: &[Results]) -> Result<String, String> {
    if let Some(row) = path.strip_suffix(".name") {
        return Ok(row_of(row, suites)?.1.name.clone());
    }
    let value = number(path, suites)?;
    Ok(match path.rsplit('.').next() {
        Some("difference") => signed(value),
        Some("seconds") => format!("{value:.0}"),
        Some("p") if value < 0.001 => "below 0.001".to_owned(),
        Some(name) if COUNTS.contains(&name) => format!("{value}"),
        _ => format!("{value:.3}"),
    })
}

/// Figures that are whole numbers.
const COUNTS: [&str; 3] = ["better", "worse", "merges"];

/// Whether a comparison of two figures, or of a figure with a number, holds.
fn holds(claim: &str, suites: &[Results]) -> Result<bool, String> {
    let value = |word: &str| word.parse::<f64>().or_else(|_| number(word, suites));
    // Names of rows may have spaces in them.
    if let Some((left, right)) = claim.split_once(" > ") {
        return Ok(value(left)? > value(right)?);
    }
    let (left, right) = claim.split_once(" < ").ok_or_else(|| format!("`{claim}` is no comparison"))?;
    Ok(value(left)? < value(right)?)
}

/// A figure by its path: suite, row, and `mean`, `select`, `difference`, `p`, `seconds`, `within`, `across` or a column; or a suite
/// and a count of its merges: all of them, those that are better than `linear` on average by more than chance, or worse.
fn number(path: &str, suites: &[Results]) -> Result<f64, String> {
    if let Some((suite, count)) = path.split_once('.')
        && COUNTS.contains(&count)
    {
        return Ok(counted(suite_of(suite, suites)?, count) as f64);
    }
    let (row, figure) = path.rsplit_once('.').ok_or_else(|| format!("`{path}` names no figure"))?;
    let (suite, row) = row_of(row, suites)?;
    let against = || row.against.as_ref().map(|against| against.mean);
    let column = |name: &str| suite.column(name).and_then(|index| row.scores.get(index).copied());
    let found = match figure {
        "mean" => Some(row.mean),
        "select" => Some(row.select),
        "seconds" => Some(row.seconds),
        "difference" => against().map(|test| test.difference),
        "p" => against().map(|test| test.corrected),
        "within" => Some(suite.mean_of(row, true)),
        "across" => Some(suite.mean_of(row, false)),
        name => column(name),
    };
    found.ok_or_else(|| format!("`{path}` is not among the figures"))
}

fn counted(suite: &Results, count: &str) -> usize {
    let tests = suite.rows.iter().filter(|row| row.kind == super::results::Kind::Method);
    let with = |sign: f64| {
        tests
            .clone()
            .filter_map(|row| row.against.as_ref())
            .filter(move |against| against.mean.corrected < 0.05 && against.mean.difference * sign > 0.0)
    };
    match count {
        "better" => with(1.0).count(),
        "worse" => with(-1.0).count(),
        _ => tests.count(),
    }
}

fn suite_of<'a>(name: &str, suites: &'a [Results]) -> Result<&'a Results, String> {
    suites.iter().find(|suite| suite.suite == name).ok_or_else(|| format!("there are no figures of `{name}`"))
}

/// A row by suite and name; `chosen` is the merge that the queries that choose like best.
fn row_of<'a>(path: &str, suites: &'a [Results]) -> Result<(&'a Results, &'a Row), String> {
    let (suite, name) = path.split_once('.').ok_or_else(|| format!("`{path}` names no row"))?;
    let suite = suite_of(suite, suites)?;
    let row = if name == "chosen" { suite.chosen() } else { suite.row(name) };
    Ok((suite, row.ok_or_else(|| format!("`{}` has no row `{name}`", suite.suite))?))
}
