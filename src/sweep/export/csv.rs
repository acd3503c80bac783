//! Exports CSV tables.

use crate::escape::csv;
use crate::sweep::analysis::{Analysis, Row};
use crate::sweep::study::{Study, Subject};
use crate::sweep::{Error, TrialStage};

/// One line for each trial: its values, objectives with their tests, the means of each data set, and its times.
pub fn to_csv(study: &Study, analyses: &[&Analysis]) -> String {
    let manifest = &study.manifest;
    let mut head: Vec<String> = ["trial", "label", "kind", "queries", "front"].map(str::to_owned).to_vec();
    head.extend(manifest.spec.params.names().iter().map(|name| (*name).to_owned()));
    for objective in &manifest.spec.objectives {
        let name = &objective.name;
        head.extend([name.clone(), format!("{name} difference"), format!("{name} p"), format!("{name} p corrected")]);
    }
    let metrics: Vec<String> = manifest.metrics().iter().map(ToString::to_string).collect();
    for set in &manifest.sets {
        head.extend(metrics.iter().map(|metric| format!("{} {metric}", set.label)));
    }
    head.extend(["merge s", "tokenise s", "encode s", "search s", "score s", "total s"].map(str::to_owned));
    let mut out = line(&head);
    for analysis in analyses {
        for row in &analysis.rows {
            out.push_str(&line(&cells(study, analysis.stage, row, &metrics)));
        }
    }
    out
}

fn cells(study: &Study, stage: TrialStage, row: &Row, metrics: &[String]) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let kind = kind(&row.trial.subject);
    let queries = if stage == TrialStage::Confirm { "held out" } else { "select" };
    let mut cells: Vec<String> = [&row.trial.id, &row.trial.label, kind, queries, &row.pareto_optimal.to_string()]
        .map(ToString::to_string)
        .to_vec();
    let names = study.manifest.spec.params.names();
    match row.trial.point() {
        Some(values) => cells.extend(values.iter().map(ToString::to_string)),
        None => cells.extend(names.iter().map(|_| String::new())),
    }
    for (value, against) in row.objectives.iter().zip(&row.against) {
        cells.push(value.to_string());
        cells.push(number(against.map(|against| against.difference)));
        cells.push(number(against.map(|against| against.p)));
        cells.push(number(against.map(|against| against.corrected)));
    }
    for set in &row.result.sets {
        cells.extend(metrics.iter().map(|metric| number(set.means.get(metric).copied().flatten())));
    }
    let times = row.result.timings;
    let times = [times.merge, times.tokenise, times.encode, times.search, times.score, times.total];
    cells.extend(times.map(|seconds| format!("{seconds:.3}")));
    cells
}

/// The kind of a trial in a word.
pub(super) const fn kind(subject: &Subject) -> &'static str {
    match subject {
        Subject::Parent(_) => "parent",
        Subject::Uniform => "uniform",
        Subject::Point(_) => "point",
    }
}

/// One line for each trial, data set and query.
///
/// # Errors
/// Records that cannot be read.
pub fn to_per_query_csv(study: &Study, analyses: &[&Analysis]) -> Result<String, Error> {
    let mut head: Vec<String> = ["trial", "label", "queries", "data set", "query"].map(str::to_owned).to_vec();
    head.extend(study.manifest.metrics().iter().map(ToString::to_string));
    let mut out = line(&head);
    for analysis in analyses {
        let queries = if analysis.stage == TrialStage::Confirm { "report" } else { "select" };
        if analysis.rows.is_empty() {
            continue;
        }
        let ids = study.queries(analysis.stage)?;
        for row in &analysis.rows {
            let values = study.store.per_query(&row.trial.key(analysis.stage))?;
            for ((set, ids), values) in study.manifest.sets.iter().zip(&ids).zip(&values.sets) {
                for (at, id) in ids.iter().enumerate() {
                    let mut cells = vec![
                        row.trial.id.clone(),
                        row.trial.label.clone(),
                        queries.into(),
                        set.label.clone(),
                        id.clone(),
                    ];
                    let value = |metric: &Vec<f64>| metric.get(at).copied().filter(|value| value.is_finite());
                    cells.extend(
                        values.metrics.iter().map(|metric| value(metric).map_or_else(String::new, |x| x.to_string())),
                    );
                    out.push_str(&line(&cells));
                }
            }
        }
    }
    Ok(out)
}

/// A line.
fn line(cells: &[String]) -> String {
    cells.iter().map(|cell| csv(cell)).collect::<Vec<_>>().join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn cells_that_need_quotes_have_them() {
        let cells = ["a", "b,c", "d\"e", ""].map(str::to_owned);
        assert_eq!(line(&cells), "a,\"b,c\",\"d\"\"e\",\n");
        let numbers = ["-0.5", "=1+1", "a\nb"].map(str::to_owned);
        assert_eq!(line(&numbers), "-0.5,'=1+1,a\\nb\n");
    }
}
