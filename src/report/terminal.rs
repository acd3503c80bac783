//! The table in the terminal.

use std::fmt::Write as _;

use super::spark::sparkline;
use super::variables::named;
use crate::escape::{Page, Table, line, padded, shortened, width};
use crate::sweep::{Analysis, Row, Study, TrialStage};

/// The most of an objective's name that a table in a terminal has.
const LONGEST_NAME: usize = 16;

/// What the table shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct TableOptions {
    /// Whether trials that are not Pareto-optimal are shown too.
    pub all: bool,
    /// Whether colours and bold text are used.
    pub styled: bool,
    /// The columns of the terminal; `None` for as many as the table needs.
    pub columns: Option<usize>,
}

impl TableOptions {
    /// The name of an objective. In a terminal a long one would take the room of numbers.
    fn name(&self, name: &str) -> String {
        if self.columns.is_some() { shortened(&line(name), LONGEST_NAME) } else { name.to_owned() }
    }
}

/// The results as a table, with a sentence about them.
pub fn terminal(study: &Study, analysis: &Analysis, shown: TableOptions) -> Page {
    let mut out = Page::of(heading(study, analysis));
    for variable in named(study).iter().filter(|variable| variable.contains(": ")) {
        out.line(variable);
    }
    for note in &analysis.notes {
        out.line(note);
    }
    let rows = sorted(analysis);
    let visible: Vec<&Row> =
        rows.iter().copied().filter(|row| shown.all || row.pareto_optimal || row.trial.point().is_none()).collect();
    table(study, analysis, &visible, shown, &mut out);
    let hidden = rows.len() - visible.len();
    if hidden > 0 {
        out.line(format_args!("{hidden} more that others beat on every objective; --all shows them"));
    }
    curves(study, &rows, shown, &mut out);
    for (trial, error) in &analysis.failed {
        out.line(format_args!("{} failed: {error}", trial.label));
    }
    if !analysis.dropped.is_empty() {
        let dropped = analysis.dropped.len();
        out.line(format_args!("{dropped} points were stopped early: a race on samples of the queries showed that they cannot be the recommended one"));
    }
    out
}

fn heading(study: &Study, analysis: &Analysis) -> String {
    let time = analysis.time;
    let mut out = format!("{}: {}/{} trials", study.manifest.spec.study, analysis.rows.len(), analysis.planned);
    if analysis.stage == TrialStage::Confirm {
        out.push_str(" on held-out queries");
    }
    let front = analysis.pareto_front().count();
    let _ = write!(out, ", {front} on the front (*)");
    let parts = [("merge", time.merge), ("encode", time.encode), ("search", time.search)];
    if time.total > 0.0 {
        let shares: Vec<String> =
            parts.iter().map(|(name, seconds)| format!("{name} {:.0} %", seconds / time.total * 100.0)).collect();
        let _ = write!(out, ", {} ({})", duration(time.total), shares.join(", "));
    }
    out
}

/// Formats seconds for people.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Baselines first, then points in the order of their values.
pub(super) fn sorted(analysis: &Analysis) -> Vec<&Row> {
    let mut rows: Vec<&Row> = analysis.rows.iter().collect();
    rows.sort_by(|a, b| match (a.trial.point(), b.trial.point()) {
        (Some(a), Some(b)) => a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    rows
}

fn table(study: &Study, analysis: &Analysis, rows: &[&Row], shown: TableOptions, out: &mut Page) {
    let objectives = &study.manifest.spec.objectives;
    let reference = analysis.reference.and_then(|index| analysis.rows.get(index));
    let label = |row: &Row| {
        let mark = if row.pareto_optimal { "*" } else { "" };
        let note =
            if reference.is_some_and(|reference| reference.trial.id == row.trial.id) { " (reference)" } else { "" };
        format!("{}{mark}{note}", row.trial.label)
    };
    let names: Vec<String> = objectives.iter().map(|objective| shown.name(&objective.name)).collect();
    let wide = |name: &str| width(name).max(6);
    let mut head = vec![String::new()];
    head.extend(names.iter().map(|name| {
        let space = " ".repeat(wide(name) - width(name));
        format!("{space}{name} {:>6} ", "diff.")
    }));
    let mut table = Table::new(&head, &(1..head.len()).collect::<Vec<_>>());
    for row in rows {
        let mut cells = vec![label(row)];
        for (index, name) in names.iter().enumerate() {
            let wide = wide(name);
            let value = row.objectives.get(index).copied().unwrap_or(f64::NAN);
            let difference = match row.against.get(index).copied().flatten() {
                None => " ".repeat(7),
                Some(against) => {
                    let mark = match () {
                        () if !against.is_significant() => ' ',
                        () if against.difference > 0.0 => '↑',
                        () => '↓',
                    };
                    format!("{:>+6.3}{mark}", against.difference)
                }
            };
            cells.push(format!("{value:>wide$.4} {difference}"));
        }
        table.row(&cells, shown.styled && row.pareto_optimal);
    }
    out.gap().add(&table.page(shown.columns));
    out.line("↑ ↓: more than chance (paired randomisation over queries, Holm over trials and objectives, p < 0.05)");
}

/// A sparkline for each objective, if a single number distinguishes the points.
fn curves(study: &Study, rows: &[&Row], shown: TableOptions, out: &mut Page) {
    let points: Vec<&&Row> = rows.iter().filter(|row| row.trial.point().is_some()).collect();
    if study.manifest.spec.params.dimensions() != 1 || points.len() < 3 {
        return;
    }
    let ends = |row: Option<&&&Row>| row.map_or_else(String::new, |row| row.trial.label.clone());
    let objectives = study.manifest.spec.objectives.iter();
    let widest = objectives.clone().map(|objective| width(&shown.name(&objective.name))).max().unwrap_or(0);
    for (index, objective) in objectives.enumerate() {
        let values: Vec<f64> = points.iter().filter_map(|row| row.objectives.get(index).copied()).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        out.line(format_args!(
            "{}  {}  {low:.3} to {high:.3}, {} to {}",
            padded(&shown.name(&objective.name), widest),
            sparkline(&values),
            ends(points.first()),
            ends(points.last())
        ));
    }
}
