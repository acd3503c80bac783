//! Scores for people: a table a metric, a row a model, a column a data set and direction.

use std::fmt::Write as _;

use super::results::{Results, Scored};
use crate::cli::render;
use crate::escape::{Page, columns};
use crate::eval::DataSet;

pub(super) fn results(results: &Results) -> Page {
    let labels: Vec<String> = results.sets.iter().map(DataSet::label).collect();
    let mut out = Page::new();
    for (at, metric) in results.metrics.iter().enumerate() {
        let mut head = vec![metric.to_string()];
        head.extend(labels.iter().cloned());
        let mut rows: Vec<Vec<String>> = results.models.iter().map(|scored| vec![label(scored)]).collect();
        for set in 0..results.sets.len() {
            let compared = results.comparisons(set, at);
            let marks: Vec<&str> = compared.iter().map(|found| found.map_or("", |(_, p)| mark(p))).collect();
            let widest = marks.iter().map(|mark| mark.len()).max().unwrap_or(0);
            for (((row, scored), compared), mark) in rows.iter_mut().zip(&results.models).zip(compared).zip(marks) {
                let mean = scored.sets[set].scores.mean(at);
                let mut cell = mean.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.4}"));
                match compared {
                    Some((paired, _)) => {
                        let _ = write!(cell, " {:+.4}{mark:widest$}", paired.difference);
                    }
                    // As wide as a difference, so that numbers stand under each other.
                    None if results.baseline.is_some() => cell.extend(std::iter::repeat_n(' ', 8 + widest)),
                    None => {}
                }
                row.push(cell);
            }
        }
        if at > 0 {
            out.gap();
        }
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        out.add(&columns(&head, &rows, &(1..head.len()).collect::<Vec<_>>(), render::columns()));
    }
    if let Some(baseline) = results.baseline {
        let name = results.models[baseline].model.display();
        out.gap().line(format_args!(
            "Differences to {name}: * p < 0.05, ** p < 0.01, *** p < 0.001 (paired randomisation, Holm over models)"
        ));
    }
    out
}

fn label(scored: &Scored) -> String {
    let stage = if scored.first_stage { " (first stage)" } else { "" };
    format!("{}{stage}", scored.name())
}

fn mark(p: f64) -> &'static str {
    match p {
        p if p < 0.001 => "***",
        p if p < 0.01 => "**",
        p if p < 0.05 => "*",
        _ => "",
    }
}
