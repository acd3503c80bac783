//! The timeline: one bar for each trial, worker by worker.

use std::fmt::Write as _;

use super::svg::{Frame, Scale, Size, escaped, px, text};
use super::text::{NAME, extent};
use crate::sweep::Analysis;

const BAR: f64 = 18.0;

/// The bars of all trials at all stages that are given; `None` without trials.
pub fn timeline(analyses: &[&Analysis], size: Size) -> Option<String> {
    let (width, left) = size.of((560.0, 130.0), (360.0, 90.0));
    let rows: Vec<_> = analyses.iter().flat_map(|analysis| &analysis.rows).collect();
    let mut workers: Vec<&str> = rows.iter().map(|row| row.result.worker.as_str()).collect();
    workers.sort_unstable();
    workers.dedup();
    let first = rows.iter().map(|row| row.result.began).fold(f64::INFINITY, f64::min);
    if !first.is_finite() {
        return None;
    }
    let key = key(width - left - 4.0);
    let lines = key.iter().map(|(_, line, _)| *line).max().unwrap_or(0) as f64;
    let height = 58.0 + BAR * workers.len() as f64 + KEY * lines;
    let frame = Frame { width, height, left, right: 32.0, top: 8.0, bottom: 40.0 };
    let ends = rows.iter().map(|row| row.result.began + row.result.timings.total - first);
    let x = Scale::over(ends.chain([0.0]), frame.x(), false);
    let mut out = frame.begin("Where the time went", "A bar for each trial: merging, tokenising, encoding, searching");
    for (line, worker) in workers.iter().enumerate() {
        let y = frame.top + BAR * line as f64;
        let attributes = "text-anchor=\"end\" dominant-baseline=\"middle\"";
        text(worker, ("name", attributes, NAME), (left - 8.0, y + BAR / 2.0), left - 12.0, &mut out);
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
    for tick in x.ticks(size.of(5, 3)) {
        let _ = writeln!(
            out,
            "<text class=\"tick\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{tick} s</text>",
            px(x.at(tick)),
            px(bottom + 14.0)
        );
    }
    for (index, (at, line, name)) in key.iter().enumerate() {
        let (x, y) = (left + at, bottom + 24.0 + KEY * *line as f64);
        let _ = writeln!(
            out,
            "<rect class=\"s{index}\" fill=\"currentColor\" x=\"{}\" y=\"{}\" width=\"10\" height=\"10\"/><text x=\"{}\" y=\"{}\">{name}</text>",
            px(x),
            px(y),
            px(x + 15.0),
            px(y + 9.0)
        );
    }
    out.push_str("</svg>\n");
    Some(out)
}

/// The height of a line of the key.
const KEY: f64 = 18.0;

/// Where each part stands in the key: how far to the right, and in which line.
fn key(room: f64) -> Vec<(f64, usize, &'static str)> {
    let (mut at, mut line) = (0.0, 0);
    PARTS
        .iter()
        .map(|name| {
            let width = 15.0 + extent(name, NAME);
            if at > 0.0 && at + width > room {
                (at, line) = (0.0, line + 1);
            }
            let place = (at, line, *name);
            at += width + 14.0;
            place
        })
        .collect()
}

const PARTS: [&str; 5] = ["merge", "tokenise", "encode", "search", "other"];
