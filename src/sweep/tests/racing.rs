//! Races on planted studies: they choose what the whole grid chooses, for fewer tokens.

use super::fake::{Curve, Fake, recorded, run, study_with, trade_off};
use crate::sweep::{
    Analysis, Depth, NoRecommendation, Preference, Results, Schedule, Study, TrialStage, confirm, recommend,
};

const THREE: &str = "recipe: {merge_method: linear, models: [{model: a, parameters: {weight: \"${x}\"}}, {model: b, parameters: {weight: \"${y}\"}}, {model: c, parameters: {weight: \"${z}\"}}]}\nparams: {simplex: {of: [x, y, z], step: 0.2}}\n";
const FINE: &str = "params: {w: {min: 0, max: 1, step: 0.05}}\n";
const OBJECTIVES: &str = "objectives: {mono: {mean: [mono]}, one: {mean: [cross]}, two: {mean: [cross]}}\n";

fn raced(more: &str, search: &str, curve: Curve, noise: f64) -> (tempfile::TempDir, Study) {
    let folder = tempfile::tempdir().unwrap();
    let study = study_with(folder.path(), &format!("{more}search: {search}\n"), 400);
    run(&study, &mut Fake { curve, noise, ..Fake::new(&study) }).unwrap();
    (folder, study)
}

fn choice(study: &Study) -> String {
    let full = Analysis::read(study, TrialStage::Full, Depth::Means).unwrap();
    let confirmed = Analysis::read(study, TrialStage::Confirm, Depth::Means).unwrap();
    match recommend(study, &full, &confirmed, &Preference::default()).unwrap() {
        Ok(found) => found.row.trial.label.clone(),
        Err(NoRecommendation::Limits(_, change)) => format!("limit of {}", change.name),
        Err(NoRecommendation::NoGain(_)) => "no gain".to_owned(),
        Err(NoRecommendation::Unfinished) => "unfinished".to_owned(),
    }
}

fn tokens(study: &Study) -> u64 {
    Results::read(study).unwrap().done.values().map(|done| done.encoded).sum()
}

/// Mono falls to the second parent, and cross rises ever more slowly.
fn collapse(set: usize, weights: &[f64]) -> f64 {
    let w = weights[1];
    if set == 0 { 0.6 - 0.3 * w * w * w } else { 0.3 + 0.3 * w - 0.05 * set as f64 * w * w }
}

fn everything_falls(set: usize, weights: &[f64]) -> f64 {
    0.6 - 0.1 * set as f64 - 0.2 * weights[1]
}

fn everything_rises(set: usize, weights: &[f64]) -> f64 {
    0.3 + 0.1 * set as f64 + 0.2 * weights[1]
}

/// Mono is lost between the parents.
fn barrier(set: usize, weights: &[f64]) -> f64 {
    let w = weights[1];
    if set == 0 { 0.7 - 0.4 * w * (1.0 - w) } else { 0.4 + 0.3 * w }
}

/// Each model is the best on one data set.
fn three_experts(set: usize, weights: &[f64]) -> f64 {
    let own = weights.get(set).copied().unwrap_or_default();
    let lost: f64 = weights.iter().map(|weight| weight * weight).sum();
    0.5 + 0.2 * own.sqrt() - 0.05 * lost
}

fn top_inside(set: usize, weights: &[f64]) -> f64 {
    let w = weights[1];
    if set == 0 { 0.7 } else { 0.4 + 0.2 * w * (1.4 - w) }
}

#[test]
fn a_race_chooses_what_the_grid_chooses_for_fewer_tokens() {
    let mut said = Vec::new();
    let (mut all, mut of_grid) = (0, 0);
    for (name, more, curve) in [
        ("a trade-off", FINE.to_owned(), trade_off as Curve),
        ("a late collapse", FINE.to_owned(), collapse),
        ("three objectives", format!("{FINE}{OBJECTIVES}"), collapse),
        ("a top inside", FINE.to_owned(), top_inside),
        ("everything rises", FINE.to_owned(), everything_rises),
        ("everything falls", FINE.to_owned(), everything_falls),
        ("a barrier", FINE.to_owned(), barrier),
        ("a wide limit", format!("{FINE}keep: {{mono: \">= -20%\"}}\n"), trade_off),
        ("an absolute limit", format!("{FINE}keep: {{mono: \">= 0.65\"}}\n"), trade_off),
        ("three models", THREE.to_owned(), three_experts),
    ] {
        for (noise, seed) in [(0.02, 0), (0.15, 1)] {
            let (_kept, grid) = raced(&more, "grid", curve, noise);
            let (_kept_too, race) = raced(&more, &format!("{{method: racing, seed: {seed}}}"), curve, noise);
            let (expected, found) = (choice(&grid), choice(&race));
            let share = tokens(&race) as f64 / tokens(&grid) as f64;
            if expected != found || share > 1.0 {
                said.push(format!("{name}, noise {noise}: {found}, expected {expected}; {share:.2} of the tokens"));
            }
            all += tokens(&race);
            of_grid += tokens(&grid);
        }
    }
    assert!(said.is_empty(), "{}", said.join("\n"));
    assert!(all * 10 <= of_grid * 6, "{all} of {of_grid}");
}

#[test]
fn a_race_says_what_it_stops_and_never_shows_scores_of_samples() {
    let (_folder, study) = raced(FINE, "racing", collapse, 0.05);
    let schedule = Schedule::read(&study.store).unwrap();
    let stages: Vec<TrialStage> = schedule.search.iter().map(|generation| generation.stage).collect();
    assert_eq!(stages[..2], [TrialStage::Full, TrialStage::Race(1)]);
    // The reference and every point.
    assert_eq!(schedule.search[1].trials.len(), 22);
    let note = schedule.search.iter().flat_map(|generation| &generation.notes).next().unwrap();
    assert!(note.starts_with("step 1 of the race stops ") && note.contains(" of 21 points: "), "{note}");
    let full = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap();
    assert!(full.rows.iter().all(|row| row.result.sets.iter().all(|set| set.documents == 1000 && set.queries == 400)));
    let points = full.rows.iter().filter(|row| row.trial.point().is_some()).count();
    assert_eq!(points + full.dropped.len(), 21);
    assert!(points < 12, "{points}");
}

#[test]
fn a_race_is_replayed_exactly_whoever_works_on_it() {
    let whole = {
        let (_folder, study) = raced(FINE, "racing", collapse, 0.05);
        recorded(&study)
    };
    let folder = tempfile::tempdir().unwrap();
    let study = study_with(folder.path(), &format!("{FINE}search: racing\n"), 400);
    loop {
        let mut fake = Fake { curve: collapse, noise: 0.05, ..Fake::new(&study) };
        let options = crate::sweep::Options { max_trials: Some(5), ..super::fake::options() };
        if crate::sweep::work(&study, &mut fake, options, &mut |_| {}).unwrap() == crate::sweep::Ended::Finished {
            break;
        }
    }
    assert_eq!(whole, recorded(&study));
}

#[test]
fn too_few_queries_for_a_race_are_said_and_every_point_is_scored() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_with(folder.path(), "search: racing\n", 30);
    run(&study, &mut Fake::new(&study)).unwrap();
    let schedule = Schedule::read(&study.store).unwrap();
    assert_eq!(schedule.search.len(), 1);
    assert!(schedule.search[0].notes[0].starts_with("a race needs more queries"));
    let full = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap();
    assert_eq!(full.rows.iter().filter(|row| row.trial.point().is_some()).count(), 11);
}

#[test]
fn what_a_race_chose_is_confirmed_on_held_out_queries() {
    let (_folder, study) =
        raced(&format!("{FINE}select: {{part: 1/2}}\nreport: {{part: 2/2}}\n"), "racing", collapse, 0.05);
    let before = choice(&study);
    confirm(&study).unwrap();
    run(&study, &mut Fake { curve: collapse, noise: 0.05, ..Fake::new(&study) }).unwrap();
    let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Means).unwrap();
    assert!(confirmed.rows.iter().any(|row| row.trial.label == before), "{before}");
}
