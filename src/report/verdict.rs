//! The sentence that says what the sweep found.

use crate::sweep::{Analysis, Row, Study};

/// The point that is worth a look first, and what it does.
#[derive(Clone, Debug)]
pub struct Verdict<'a> {
    /// The point.
    pub row: &'a Row,
    /// What it keeps and gains, in a sentence.
    pub sentence: String,
}

/// The point of the front that comes closest to the best of every objective, and a sentence about it. `None` without
/// points and reference.
///
/// Each objective counts by how far it is from the worst to the best of the parents and points.
pub fn verdict<'a>(study: &Study, analysis: &'a Analysis) -> Option<Verdict<'a>> {
    let reference = analysis.rows.get(analysis.reference?)?;
    let ranges: Vec<(f64, f64)> = (0..reference.objectives.len()).map(|index| range(analysis, index)).collect();
    let share = |row: &Row, index: usize| {
        let (low, high) = ranges.get(index).copied().unwrap_or_default();
        let value = row.objectives.get(index).copied().unwrap_or_default();
        if high > low { (value - low) / (high - low) } else { 1.0 }
    };
    let total = |row: &Row| (0..ranges.len()).map(|index| share(row, index)).sum::<f64>();
    let points = analysis.rows.iter().filter(|row| row.on_front && row.trial.point().is_some());
    let row = points.max_by(|a, b| total(a).total_cmp(&total(b)))?;
    let names = study.manifest.spec.objectives.iter().map(|objective| objective.name.as_str());
    let parts: Vec<String> = names
        .enumerate()
        .filter_map(|(index, name)| {
            let (value, base) = (*row.objectives.get(index)?, *reference.objectives.get(index)?);
            Some(part(name, value, base, best_parent(analysis, index)))
        })
        .collect();
    Some(Verdict { row, sentence: format!("{} {}", row.trial.label, joined(&parts)) })
}

fn range(analysis: &Analysis, index: usize) -> (f64, f64) {
    let values = || analysis.rows.iter().filter_map(|row| row.objectives.get(index).copied());
    (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
}

/// The best parent on an objective: its label and value.
fn best_parent(analysis: &Analysis, index: usize) -> Option<(&str, f64)> {
    let parents = analysis.parents().into_iter();
    let values = parents.filter_map(|row| Some((row.trial.label.as_str(), *row.objectives.get(index)?)));
    values.max_by(|(_, a), (_, b)| a.total_cmp(b))
}

/// What a point does on one objective.
fn part(name: &str, value: f64, base: f64, best: Option<(&str, f64)>) -> String {
    match best {
        Some((label, best)) if best > base + 1e-9 && value > base => {
            let share = (value - base) / (best - base) * 100.0;
            if (value - best).abs() <= 1e-9 {
                format!("reaches {label}'s {best:.3} on {name}, from {base:.3}")
            } else if share > 100.0 {
                format!("reaches {value:.3} on {name}, above both {base:.3} and {label}'s {best:.3}")
            } else {
                format!("gains {share:.0} % of the way from {base:.3} to {label}'s {best:.3} on {name}")
            }
        }
        _ if value >= base => format!("has {value:.3} on {name}, {:+.3} from the reference", value - base),
        _ if base > 0.0 => format!("keeps {:.1} % of {name}", value / base * 100.0),
        _ => format!("has {value:.3} on {name}"),
    }
}

fn joined(parts: &[String]) -> String {
    match parts.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_say_what_is_kept_and_what_is_gained() {
        assert_eq!(part("mono", 0.597, 0.6, Some(("a", 0.6))), "keeps 99.5 % of mono");
        assert_eq!(
            part("cross", 0.55, 0.4, Some(("b", 0.6))),
            "gains 75 % of the way from 0.400 to b's 0.600 on cross"
        );
        assert_eq!(part("cross", 0.6, 0.4, Some(("b", 0.6))), "reaches b's 0.600 on cross, from 0.400");
        assert!(part("cross", 0.62, 0.4, Some(("b", 0.6))).starts_with("reaches 0.620 on cross"));
        assert_eq!(joined(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
