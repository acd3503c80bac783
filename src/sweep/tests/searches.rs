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
