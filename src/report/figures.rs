//! The page's figures, each for a wide and a narrow screen: the style sheet shows one of them.

use std::fmt::Write as _;

use super::contour::contour;
use super::curve::curve;
use super::heat::{HEAT_ROWS, heat};
use super::scatter::scatter;
use super::svg::Size;
use super::ternary::ternary;
use super::timeline::timeline;
use crate::escape::html as escaped;
use crate::sweep::{Analysis, Study, TrialStage};

/// A figure of an objective, where its study has one.
type Figure = fn(&Study, &Analysis, usize, Option<&str>, Size) -> Option<String>;

/// All figures of results side by side, with what there is to know of each.
pub(super) fn figures(study: &Study, full: &Analysis, confirmed: &Analysis, pick: Option<&str>, out: &mut String) {
    let all = [full, confirmed];
    out.push_str("<div class=\"figures\">\n");
    trade_off(study, all, pick, out);
    for (title, figure) in [("Over both variables", contour as Figure), ("Between three models", ternary)] {
        let mut note = "Dots are measured, filled ones on the front; bands and lines follow a smooth surface through them and \
                        are no scores. The ring marks the recommended point.";
        for (index, objective) in study.manifest.spec.objectives.iter().enumerate() {
            if let Some(both) = sizes(|size| figure(study, full, index, pick, size)) {
                section(&format!("{title}: {}", objective.name), &both, note, out);
                note = "";
            }
        }
    }
    fronts(study, all, pick, out);
    let more = if full.rows.len() > HEAT_ROWS {
        " Of many trials these are the baselines and the front; the table has all."
    } else {
        ""
    };
    let note = format!(
        "On the search’s queries: value and difference from the reference. Orange is better, blue is worse; the largest \
         difference has the deepest colour.{more}"
    );
    if let Some(both) = sizes(|size| Some(heat(study, full, size))) {
        section("Every data set", &both, &note, out);
    }
    if let Some(both) = sizes(|size| timeline(&all, size)) {
        section("Time", &both, "", out);
    }
    out.push_str("</div>\n");
}

/// The curves, on the search's queries and on the held-out ones.
fn trade_off(study: &Study, all: [&Analysis; 2], pick: Option<&str>, out: &mut String) {
    let mut note = "Bands are 95 % bootstrap intervals over queries; dotted chords join the ends: above the chord the merge is \
                    better than its parents’ scores averaged. The ring marks the recommended point.";
    for analysis in all {
        if let Some(both) = sizes(|size| curve(study, analysis, &all, pick, size)) {
            section(&format!("The trade-off{}", place(analysis)), &both, note, out);
            note = "";
        }
    }
}

/// Every objective against the first, on the search's queries and on the held-out ones.
fn fronts(study: &Study, all: [&Analysis; 2], pick: Option<&str>, out: &mut String) {
    let objectives = &study.manifest.spec.objectives;
    let names = study.manifest.spec.params.variables().join(" / ");
    let mut note = format!(
        "No trial lies above and to the right of the steps; pale ones are beaten on every objective; diamonds are \
         baselines. Numbers beside points on the front are {names}."
    );
    let Some(first) = objectives.first() else { return };
    for (second, objective) in objectives.iter().enumerate().skip(1) {
        for analysis in all.into_iter().filter(|analysis| analysis.rows.iter().any(|row| row.trial.point().is_some())) {
            if let Some(both) = sizes(|size| Some(scatter(study, analysis, (0, second), pick, size))) {
                let title = format!("The front{}: {} and {}", place(analysis), first.name, objective.name);
                section(&title, &both, &std::mem::take(&mut note), out);
            }
        }
    }
}

/// The end of a title.
fn place(analysis: &Analysis) -> &'static str {
    if analysis.stage == TrialStage::Confirm { " on held-out queries" } else { "" }
}

/// A figure with its heading, and a note below.
fn section(title: &str, both: &str, note: &str, out: &mut String) {
    let _ = write!(out, "<section><h2>{}</h2>{both}", escaped(title));
    if !note.is_empty() {
        let _ = write!(out, "<p class=\"note\">{}</p>", escaped(note));
    }
    out.push_str("</section>\n");
}

/// A figure in both sizes.
fn sizes(figure: impl Fn(Size) -> Option<String>) -> Option<String> {
    let (wide, narrow) = (figure(Size::Wide)?, figure(Size::Narrow)?);
    Some(format!("<div class=\"scroll wide\">{wide}</div><div class=\"scroll narrow\">{narrow}</div>"))
}
