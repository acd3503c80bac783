//! The timeline: one bar for each trial, worker by worker.

use std::fmt::Write as _;

use super::svg::{Frame, Scale, escaped, px};
use crate::sweep::Analysis;

const BAR: f64 = 18.0;
const LEFT: f64 = 150.0;
const WIDTH: f64 = 720.0;

/// The bars of all trials at all stages that are given; `None` without trials.
pub fn timeline(analyses: &[&Analysis]) -> Option<String> {
    let rows: Vec<_> = analyses.iter().flat_map(|analysis| &analysis.rows).collect();
    let mut workers: Vec<&str> = rows.iter().map(|row| row.result.worker.as_str()).collect();
    workers.sort_unstable();
    workers.dedup();
    let first = rows.iter().map(|row| row.result.began).fold(f64::INFINITY, f64::min);
    if !first.is_finite() {
        return None;
    }
    let height = 36.0 + BAR * workers.len() as f64 + 22.0;
    let frame = Frame { width: WIDTH, height, left: LEFT, right: 12.0, top: 8.0, bottom: 40.0 };
    let ends = rows.iter().map(|row| row.result.began + row.result.timings.total - first);
    let x = Scale::over(ends.chain([0.0]), frame.x(), false);
    let mut out = frame.begin("Where the time went", "A bar for each trial: merging, tokenising, encoding, searching");
    for (line, worker) in workers.iter().enumerate() {
        let y = frame.top + BAR * line as f64;
        let short: String = worker.chars().take(20).collect();
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" dominant-baseline=\"middle\">{}</text>",
            px(LEFT - 8.0),
            px(y + BAR / 2.0),
            escaped(&short)
        );
        for row in rows.iter().filter(|row| row.result.worker == *worker) {
            let times = row.result.timings;
            let mut at = row.result.began - first;
            let rest = (times.total - times.merge - times.tokenise - times.encode - times.search).max(0.0);
            let parts = [times.merge, times.tokenise, times.encode, times.search, rest];
            for (index, seconds) in parts.iter().enumerate() {
                let (x0, x1) = (x.at(at), x.at(at + seconds));
                at += seconds;
                // Of thousands of bars many are too thin to see.
                if x1 - x0 < 0.02 {
                    continue;
                }
                let _ = writeln!(
                    out,
                    "<rect class=\"s{index}\" fill=\"currentColor\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>{}: {} {seconds:.2} s</title></rect>",
                    px(x0),
                    px(y + 2.0),
                    px((x1 - x0).max(0.0)),
                    px(BAR - 4.0),
                    escaped(&row.trial.label),
                    PARTS.get(index).copied().unwrap_or_default()
                );
            }
        }
    }
    let bottom = frame.top + BAR * workers.len() as f64;
    for tick in x.ticks(6) {
        let _ = writeln!(
            out,
            "<text class=\"tick\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{tick} s</text>",
            px(x.at(tick)),
            px(bottom + 14.0)
        );
    }
    for (index, name) in PARTS.iter().enumerate() {
        let at = LEFT + index as f64 * 100.0;
        let _ = writeln!(
            out,
            "<rect class=\"s{index}\" fill=\"currentColor\" x=\"{}\" y=\"{}\" width=\"10\" height=\"10\"/><text x=\"{}\" y=\"{}\">{name}</text>",
            px(at),
            px(bottom + 24.0),
            px(at + 15.0),
            px(bottom + 33.0)
        );
    }
    out.push_str("</svg>\n");
    Some(out)
}

const PARTS: [&str; 5] = ["merge", "tokenise", "encode", "search", "other"];
