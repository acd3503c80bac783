//! Several studies side by side, in the terminal.

use super::recommendation::signed;
use crate::escape::{Page, line, padded, width};
use crate::sweep::{Chosen, FrontPoint, StudyComparison, StudyTest, TrialStage};

/// Columns of a terminal that tables fit into.
const COLUMNS: usize = 80;
/// The widest name of a data set or point.
const NAME: usize = 26;
/// The width of a column of scores.
const SCORE: usize = 10;
/// Points of the common front that are listed.
const LISTED: usize = 12;

/// The studies, what they share, their recommended points against each other, and their front together.
pub fn studies(found: &StudyComparison, styled: bool) -> Page {
    let mut out = Page::new();
    legend(found, &mut out);
    sharing(found, &mut out);
    recommended(found, styled, &mut out);
    averages(found, &mut out);
    front(found, &mut out);
    methods(found, &mut out);
    out
}

/// The letter of a study: A, B, …, then numbers.
pub fn study_letter(index: usize) -> String {
    u8::try_from(index)
        .ok()
        .filter(|index| *index < 26)
        .map_or_else(|| (index + 1).to_string(), |index| char::from(b'A' + index).to_string())
}

fn legend(found: &StudyComparison, out: &mut Page) {
    for (index, study) in found.studies.iter().enumerate() {
        let points = if study.points == 1 { "point" } else { "points" };
        out.line(format_args!(
            "{}  {}: {}, {} {points}, {} on its front",
            study_letter(index),
            study.folder,
            study.method,
            study.points,
            study.pareto_optimal
        ));
        match &study.recommended {
            Ok(chosen) => out.line(format_args!("   recommends {}", chosen.label)),
            Err(reason) => out.line(format_args!("   recommends none: {reason}")),
        };
    }
}

fn sharing(found: &StudyComparison, out: &mut Page) {
    let (sets, queries) = (found.shared.len(), found.shared.iter().map(|set| set.queries).sum::<usize>());
    let on = if found.stage == TrialStage::Confirm { "held-out" } else { "search" };
    let plural = if sets == 1 { "data set" } else { "data sets" };
    out.line(format_args!("They share {sets} {plural} and directions, {queries} {on} queries."));
    for (index, _) in found.studies.iter().enumerate() {
        let own: Vec<String> = found
            .not_shared
            .iter()
            .filter(|other| other.study == index)
            .map(|other| format!("{} ({})", other.name, other.metric))
            .collect();
        if !own.is_empty() {
            out.line(format_args!("Not shared, of {}: {}.", study_letter(index), own.join(", ")));
        }
    }
    if !found.same_reference {
        let name = |(index, study): (usize, &crate::sweep::StudySummary)| {
            format!("{} in {}", study.reference.as_deref().unwrap_or("none"), study_letter(index))
        };
        let names: Vec<String> = found.studies.iter().enumerate().map(name).collect();
        out.line(format_args!(
            "The references differ: {}. Losses against a reference are those against a study's own.",
            names.join(", ")
        ));
    }
}

fn recommended(found: &StudyComparison, styled: bool, out: &mut Page) {
    let of = |index: usize| found.studies.get(index).and_then(|study| study.recommended.as_ref().ok());
    let there: Vec<(usize, &Chosen)> = (0..found.studies.len()).filter_map(|index| Some((index, of(index)?))).collect();
    let Some((first, _)) = there.first() else { return };
    let on = if found.stage == TrialStage::Confirm { "held-out" } else { "the search's" };
    out.gap().line(format_args!("Recommended points on {on} queries"));
    let names: Vec<String> = found.shared.iter().map(ToString::to_string).collect();
    let widest = names.iter().map(|name| width(name)).max().unwrap_or(0).clamp(4, NAME);
    let most = ((COLUMNS - widest) / (SCORE + 1)).max(1);
    for part in there.chunks(most) {
        out.line(cells("", widest, part, |(index, _)| format!(" {:>9} ", study_letter(*index))));
        for (set, name) in names.iter().enumerate() {
            let cell = |(index, chosen): &(usize, &Chosen)| {
                let value = chosen.values.get(set).copied().unwrap_or(f64::NAN);
                format!(" {value:>9.4}{}", mark(found, *index, *first, Some(set)))
            };
            out.line(cells(name, widest, part, cell));
        }
        if found.shared.len() > 1 {
            let cell = |(index, chosen): &(usize, &Chosen)| {
                format!(" {:>9.4}{}", chosen.mean, mark(found, *index, *first, None))
            };
            out.strong(cells("mean", widest, part, cell), styled);
        }
    }
    if there.len() > 1 {
        out.line(format_args!("↑ ↓: better or worse than {} by more than chance", study_letter(*first)));
        out.line(format_args!("(paired randomisation over queries, Holm over {} tests, p < 0.05)", found.tests.len()));
    }
}

/// A row of a table: a name, and a cell for each study.
fn cells(name: &str, widest: usize, part: &[(usize, &Chosen)], cell: impl Fn(&(usize, &Chosen)) -> String) -> String {
    padded(&shortened(name, widest), widest) + &part.iter().map(cell).collect::<Vec<_>>().concat()
}

/// An arrow where a study's point differs from another's by more than chance.
fn mark(found: &StudyComparison, study: usize, against: usize, set: Option<usize>) -> char {
    // One data set has no mean besides it.
    let set = set.filter(|_| found.shared.len() > 1);
    let is_it = |test: &&StudyTest| test.study == study && test.against == against && test.set == set;
    match found.tests.iter().find(is_it).filter(|test| test.is_significant()) {
        Some(test) if test.comparison.difference > 0.0 => '↑',
        Some(_) => '↓',
        None => ' ',
    }
}

/// A sentence for each pair of studies.
fn averages(found: &StudyComparison, out: &mut Page) {
    for (study, one) in found.studies.iter().enumerate() {
        for (against, other) in found.studies.iter().enumerate().take(study) {
            let (Ok(one), Ok(other)) = (&one.recommended, &other.recommended) else { continue };
            let names = format!("{} against {}", study_letter(study), study_letter(against));
            let test = found.tests.iter().find(|test| (test.study, test.against, test.set) == (study, against, None));
            let Some(test) = test else {
                if one.weights == other.weights {
                    out.line(format_args!("{names}: the recommended points have the same weights."));
                }
                continue;
            };
            let (low, high) = test.comparison.interval;
            let sure = if test.is_significant() { "more than chance" } else { "cannot be told apart" };
            out.line(format_args!(
                "{names}: {} on average, 95 % interval {} to {}, p {}: {sure}.",
                signed(test.comparison.difference),
                signed(low),
                signed(high),
                p_text(test.corrected),
            ));
        }
    }
}

fn p_text(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

fn front(found: &StudyComparison, out: &mut Page) {
    if found.front.is_empty() {
        return;
    }
    out.gap().line(format_args!(
        "Front of all points together on the search's queries: {} of {}",
        found.front.len(),
        found.points
    ));
    let shown: Vec<&FrontPoint> = found.front.iter().take(LISTED).collect();
    let widest = shown.iter().map(|point| width(&point.label)).max().unwrap_or(0).clamp(5, NAME);
    out.line(format!("   {}    mean  worst against the reference", " ".repeat(widest)));
    for point in shown {
        let worst = point.worst.as_ref().map_or_else(String::new, |(name, difference)| {
            format!("{} {}", signed(*difference), shortened(name, NAME))
        });
        out.line(format!(
            "{}  {}  {:.4}  {worst}",
            study_letter(point.study),
            padded(&shortened(&point.label, widest), widest),
            point.mean
        ));
    }
    if found.front.len() > LISTED {
        out.line(format_args!("{} more; --json has all of them", found.front.len() - LISTED));
    }
}

/// Which method does best, where studies have several.
fn methods(found: &StudyComparison, out: &mut Page) {
    if found.methods.len() < 2 {
        return;
    }
    out.gap().line("Methods");
    let widest = found.methods.iter().map(|method| width(&method.method)).max().unwrap_or(0).max(6);
    out.line(format!("{}  best   mean    on the front  studies", " ".repeat(widest)));
    for method in &found.methods {
        let letters: Vec<String> = method.studies.iter().map(|index| study_letter(*index)).collect();
        let best = method.best.and_then(|best| Some((best, found.studies.get(best)?.recommended.as_ref().ok()?)));
        let (letter, mean) = best.map_or_else(
            || ("none".to_owned(), String::new()),
            |(best, chosen)| (study_letter(best), format!("{:.4}", chosen.mean)),
        );
        out.line(format!(
            "{}  {}  {}  {:>12}  {}",
            padded(&method.method, widest),
            padded(&letter, 5),
            padded(&mean, 6),
            method.pareto_optimal,
            letters.join(", ")
        ));
    }
}

/// A name that fits, with an ellipsis where it was cut.
fn shortened(name: &str, columns: usize) -> String {
    let name = line(name);
    if width(&name) <= columns {
        return name;
    }
    let mut out = String::new();
    for c in name.chars() {
        if width(&out) + width(&c.to_string()) + 1 > columns {
            break;
        }
        out.push(c);
    }
    out + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_to_the_columns_that_they_take() {
        assert_eq!(shortened("short", 5), "short");
        assert_eq!(shortened("longer", 5), "long…");
        assert_eq!(shortened("한국어 검색", 6), "한국…");
        assert_eq!((study_letter(0), study_letter(25), study_letter(26)), ("A".into(), "Z".into(), "27".into()));
    }
}
