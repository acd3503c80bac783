//! Methods that learn from results, on planted curves.

use super::fake::{Fake, recorded, run, study};
use crate::sweep::{Analysis, Depth, Schedule, Study, TrialStage};

fn labels(study: &Study) -> Vec<String> {
    let schedule = Schedule::read(&study.store).unwrap();
    let points = schedule.trials().into_iter().filter(|(trial, _)| trial.point().is_some());
    points.map(|(trial, _)| trial.label.clone()).collect()
}

fn notes(study: &Study) -> Vec<String> {
    Schedule::read(&study.store).unwrap().search.into_iter().flat_map(|generation| generation.notes).collect()
}

const QUAD: &str = "params: {w: {min: 0, max: 1, step: 0.05}}\nsearch: quad\n";

#[test]
fn a_quadratic_truth_is_found_with_few_trials() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), QUAD);
    // Both tops lie inside: mono's at 0.3, cross's at 0.7.
    let curve = |set: usize, weights: &[f64]| {
        let top = if set == 0 { 0.3 } else { 0.7 };
        0.6 - 0.4 * (weights[1] - top) * (weights[1] - top)
    };
    run(&study, &mut Fake { curve, noise: 0.05, ..Fake::new(&study) }).unwrap();
    let tried = labels(&study);
    assert!(tried.len() <= 11, "{tried:?}");
    assert!(notes(&study)[0].starts_with("quadratic fits hold"), "{:?}", notes(&study));
    // The proposals lie between the two tops, which is where the front is.
    let proposed: Vec<f64> = tried[5..].iter().map(|label| label[2..].parse().unwrap()).collect();
    assert!(proposed.len() >= 4 && proposed.iter().all(|w| (0.2..=0.8).contains(w)), "{proposed:?}");
    let best = |index: usize| {
        let analysis = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap();
        let of = |row: &crate::sweep::Row| row.objectives[index];
        let best = analysis.rows.iter().max_by(|a, b| of(a).total_cmp(&of(b))).unwrap();
        best.trial.point().unwrap()[0]
    };
    assert!((best(0) - 0.3).abs() <= 0.1 && (best(1) - 0.7).abs() <= 0.1, "{} {}", best(0), best(1));
}

#[test]
fn a_barrier_between_the_parents_makes_the_whole_grid_run() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), QUAD);
    // Scores collapse in a narrow band: no quadratic has this form.
    let curve = |set: usize, weights: &[f64]| {
        let w = weights[1];
        let barrier = if (0.35..0.65).contains(&w) { 0.3 } else { 0.0 };
        0.5 - barrier + if set == 0 { -0.1 * w } else { 0.1 * w }
    };
    run(&study, &mut Fake { curve, ..Fake::new(&study) }).unwrap();
    assert_eq!(labels(&study).len(), 21);
    let notes = notes(&study);
    assert!(
        notes[0].contains("more than the paired noise") && notes[0].ends_with("the whole grid is run"),
        "{notes:?}"
    );
    // Nothing that is shown comes from the fit.
    let analysis = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap();
    let front: Vec<&str> = analysis.pareto_front().map(|row| row.trial.label.as_str()).collect();
    assert!(!front.iter().any(|label| ["w=0.4", "w=0.5", "w=0.6"].contains(label)), "{front:?}");
}

const THREE: &str = "recipe: {merge_method: linear, models: [{model: a, parameters: {weight: \"${x}\"}}, {model: b, parameters: {weight: \"${y}\"}}, {model: c, parameters: {weight: \"${z}\"}}]}\n";

#[test]
fn a_greedy_soup_leaves_out_what_does_not_help() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), &format!("{THREE}params: {{simplex: {{of: [x, y, z]}}}}\nsearch: greedy\n"));
    // a and b complete each other; c harms.
    let curve = |_, weights: &[f64]| {
        0.4 + 0.3 * weights[0] + 0.28 * weights[1] + 0.5 * weights[0] * weights[1] - 0.2 * weights[2]
    };
    run(&study, &mut Fake { curve, ..Fake::new(&study) }).unwrap();
    let tried = labels(&study);
    assert_eq!(
        tried,
        ["x=1 y=0 z=0", "x=0 y=1 z=0", "x=0 y=0 z=1", "x=0.5 y=0.5 z=0", "x=0.333333 y=0.333333 z=0.333333"]
    );
    assert_eq!(notes(&study), ["the soup is x; y is tried", "the soup is x + y; z is tried"]);
}

#[test]
fn a_lattice_and_a_fit_over_three_models() {
    let folder = tempfile::tempdir().unwrap();
    let study =
        study(folder.path(), &format!("{THREE}params: {{simplex: {{of: [x, y, z], step: 0.1}}}}\nsearch: quad\n"));
    let curve = |set: usize, weights: &[f64]| {
        let (a, b) = if set == 0 { (0.6, 0.2) } else { (0.3, 0.5) };
        0.6 - 0.5 * (weights[0] - a) * (weights[0] - a) - 0.5 * (weights[1] - b) * (weights[1] - b)
    };
    run(&study, &mut Fake { curve, noise: 0.05, ..Fake::new(&study) }).unwrap();
    let tried = labels(&study);
    assert!((11..=16).contains(&tried.len()), "{tried:?}");
    let sums = Schedule::read(&study.store).unwrap();
    for (trial, _) in sums.trials() {
        let sum: f64 = trial.point().unwrap_or(&[1.0]).iter().sum();
        assert!((sum - 1.0).abs() < 2e-6, "{}", trial.label);
    }
}

#[test]
fn evolution_comes_close_to_the_front_and_is_replayed_exactly() {
    let more = "params: {x: {min: 0, max: 1}, y: {min: 0, max: 1}, z: {min: 0, max: 1}}\nsearch: {method: cmaes, seed: 5, scalarisations: 2}\nbudget: {trials: 112}\nbaselines: [parents]\n";
    let curve = |set: usize, weights: &[f64]| {
        let goal = if set == 0 { [0.2, 0.5, 0.8] } else { [0.4, 0.5, 0.6] };
        0.9 - weights.iter().zip(goal).map(|(x, goal)| (x - goal) * (x - goal)).sum::<f64>()
    };
    let whole = || {
        let folder = tempfile::tempdir().unwrap();
        let study = study(folder.path(), &format!("{THREE}{more}"));
        run(&study, &mut Fake { curve, noise: 0.001, ..Fake::new(&study) }).unwrap();
        assert_eq!(labels(&study).len(), 112);
        let analysis = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap();
        let best = |index: usize| analysis.rows.iter().map(|row| row.objectives[index]).fold(0.0, f64::max);
        assert!(best(0) > 0.85 && best(1) > 0.85, "{} {}", best(0), best(1));
        recorded(&study)
    };
    let interrupted = || {
        let folder = tempfile::tempdir().unwrap();
        let study = study(folder.path(), &format!("{THREE}{more}"));
        loop {
            let mut fake = Fake { curve, noise: 0.001, ..Fake::new(&study) };
            let options = crate::sweep::Options { max_trials: Some(17), ..super::fake::options() };
            if crate::sweep::work(&study, &mut fake, options, &mut |_| {}).unwrap() == crate::sweep::Ended::Finished {
                return recorded(&study);
            }
        }
    };
    assert_eq!(whole(), interrupted());
}
