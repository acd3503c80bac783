//! The recommendation of a sweep in sentences.

use crate::sweep::{Choice, DirectionChange, Near, NoRecommendation, Optimism, Preference, Recommendation, Row, Study};

/// The most other points that are named.
const NAMED: usize = 3;

/// The recommendation of a study in sentences: what it gains and costs, how sure that is, and what else was near.
pub fn recommendation(
    study: &Study,
    found: &Result<Recommendation<'_>, NoRecommendation<'_>>,
    preference: &Preference,
) -> Vec<String> {
    match found {
        Ok(found) => recommended(study, found, preference),
        Err(NoRecommendation::Unfinished) => vec!["No point has results yet.".to_owned()],
        Err(NoRecommendation::NoGain(reference)) => vec![format!(
            "No point is recommended: none within the limits is better on average than {}.",
            reference.trial.label
        )],
        Err(NoRecommendation::Limits(row, change)) => vec![
            "No point is recommended: every one loses more than is allowed on some direction.".to_owned(),
            format!("{} comes closest: {}, and {}.", row.trial.label, loss(change), limit(change)),
            format!("`keep: {{{}: \">= …\"}}` in the sweep file sets another limit.", change.name),
        ],
    }
}

fn recommended(study: &Study, found: &Recommendation<'_>, preference: &Preference) -> Vec<String> {
    let Recommendation { row, reference, held_out, directions, near, queries, optimism, .. } = found;
    let mut lines = Vec::new();
    let on = if *held_out { "held-out queries" } else { "the search's queries" };
    let mean = mean_difference(row, reference);
    let how = if preference.weights.is_empty() { "on average" } else { "on average of all objectives" };
    lines.push(format!(
        "Recommended: {}. {} {how} against {} on {on}: {}.",
        row.trial.label,
        if mean >= 0.0 { format!("It gains {mean:.3}") } else { format!("It loses {:.3}", -mean) },
        reference.trial.label,
        objectives(study, row, reference)
    ));
    lines.extend(row.trial.point().into_iter().flat_map(|point| study.manifest.spec.params.told(point)));
    match preference.choice {
        Choice::Mean => {}
        Choice::Knee => {
            lines.push("It is the knee: the largest sum of the objectives, each scaled to 0..1.".to_owned());
        }
        Choice::Hypervolume => {
            lines.push("It has the largest hypervolume above the lowest allowed scores.".to_owned());
        }
    }
    if let Some(worst) = directions.first() {
        let broken = directions.iter().find(|change| change.value < change.least - 1e-9);
        let held = match broken {
            Some(change) => format!("beyond the limit: {}", limit(change)),
            None => limit(worst),
        };
        lines.push(format!("Worst direction: {}; {held}.", loss(worst)));
    }
    lines.extend(optimism.as_ref().map(kept_promise));
    lines.extend(others(near, *queries));
    if !held_out {
        lines.push(if study.manifest.spec.report.is_some() {
            "These queries chose the point, so its scores look better than they are; `admix sweep confirm` scores it on held-out ones."
                .to_owned()
        } else {
            "These queries chose the point, so its scores look better than they are; no queries are held out (`report` in the sweep file)."
                .to_owned()
        });
    }
    lines
}

/// What the search's queries promised, and what held-out ones gave, in points: hundredths of a score.
fn kept_promise(optimism: &Optimism) -> String {
    let points = |value: f64| format!("{:+.1}", value * 100.0).replace('-', "−");
    let interval = optimism.interval.map(|(low, high)| format!(" (95 % interval {} to {})", points(low), points(high)));
    format!(
        "The search's queries promised a gain of {}, held-out ones give {}: {} points{}.",
        signed(optimism.promised),
        signed(optimism.given),
        points(optimism.difference()),
        interval.unwrap_or_default()
    )
}

fn mean_difference(row: &Row, reference: &Row) -> f64 {
    let differences = row.objectives.iter().zip(&reference.objectives).map(|(value, base)| value - base);
    differences.sum::<f64>() / row.objectives.len().max(1) as f64
}

/// What each objective gains or loses: `cross +0.080, mono −0.004`.
fn objectives(study: &Study, row: &Row, reference: &Row) -> String {
    let names = study.manifest.spec.objectives.iter().map(|objective| &objective.name);
    let parts = names.zip(row.objectives.iter().zip(&reference.objectives));
    parts.map(|(name, (value, base))| format!("{name} {}", signed(value - base))).collect::<Vec<_>>().join(", ")
}

/// `en-en −0.012 (−1.3 %, 95 % interval −0.021 to −0.003)`
fn loss(change: &DirectionChange) -> String {
    let interval = change.interval.map(|(low, high)| format!(", 95 % interval {} to {}", signed(low), signed(high)));
    format!(
        "{} {} ({:+.1} %{})",
        change.name,
        signed(change.difference()),
        change.share() * 100.0,
        interval.unwrap_or_default()
    )
    .replace("(-", "(−")
}

fn limit(change: &DirectionChange) -> String {
    let allowed = change.least - change.reference;
    let share = if change.reference > 0.0 { allowed / change.reference * 100.0 } else { allowed * 100.0 };
    if share < 0.0 { format!("it may lose {:.1} %", -share) } else { format!("it must have {:.3}", change.least) }
}

pub(super) fn signed(difference: f64) -> String {
    format!("{difference:+.3}").replace('-', "−")
}

/// What else was near.
fn others(near: &[Near], queries: usize) -> Option<String> {
    let labels: Vec<&str> = near.iter().take(NAMED).map(|near| near.label.as_str()).collect();
    let (last, rest) = labels.split_last()?;
    let mut named = if rest.is_empty() { (*last).to_owned() } else { format!("{} and {last}", rest.join(", ")) };
    if near.len() > NAMED {
        named = format!("{} and {} more", labels.join(", "), near.len() - NAMED);
    }
    let needed = near.iter().filter_map(|near| near.queries).max();
    let enough = match needed {
        Some(needed) if needed > queries => format!("; about {} would tell the best of them apart", rounded(needed)),
        _ => String::new(),
    };
    Some(format!("{named} cannot be told apart from it on {queries} queries{enough}."))
}

/// Two digits are as many as an estimate has, with a comma between thousands.
fn rounded(number: usize) -> String {
    let mut unit = 1;
    while number / unit >= 100 {
        unit *= 10;
    }
    let text = (number.div_ceil(unit) * unit).to_string();
    let mut out = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_have_two_digits() {
        for (number, said) in [(7, "7"), (99, "99"), (101, "110"), (1_043, "1,100"), (1_234_567, "1,300,000")] {
            assert_eq!(rounded(number), said);
        }
    }

    #[test]
    fn what_is_near_is_named_with_the_queries_that_would_tell() {
        let near = |label: &str, queries| Near { label: label.to_owned(), difference: 0.001, queries };
        assert_eq!(others(&[], 200), None);
        assert_eq!(
            others(&[near("w=0.7", Some(1_043))], 200).as_deref(),
            Some("w=0.7 cannot be told apart from it on 200 queries; about 1,100 would tell the best of them apart.")
        );
        let many: Vec<Near> = ["a", "b", "c", "d", "e"].map(|label| near(label, None)).to_vec();
        assert_eq!(others(&many, 9).as_deref(), Some("a, b, c and 2 more cannot be told apart from it on 9 queries."));
    }

    #[test]
    fn a_promise_is_said_with_what_became_of_it() {
        let optimism = Optimism { promised: 0.034, given: 0.0291, interval: Some((-0.021, 0.0112)) };
        let expected = "The search's queries promised a gain of +0.034, held-out ones give +0.029: −0.5 points (95 % interval −2.1 to +1.1).";
        assert_eq!(kept_promise(&optimism), expected);
    }

    #[test]
    fn a_loss_is_said_with_its_share_and_interval() {
        let change = DirectionChange {
            name: "en-en".into(),
            value: 0.936,
            reference: 0.948,
            least: 0.92904,
            interval: Some((-0.021, -0.003)),
        };
        assert_eq!(loss(&change), "en-en −0.012 (−1.3 %, 95 % interval −0.021 to −0.003)");
        assert_eq!(limit(&change), "it may lose 2.0 %");
    }
}
