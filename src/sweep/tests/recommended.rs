//! Planted studies, whose right choice is known.

use super::fake::{Curve, Fake, run, study, trade_off};
use crate::sweep::{Analysis, Choice, Depth, NoRecommendation, Preference, TrialStage, confirm, recommend};

/// What is right for a study.
#[derive(Debug, PartialEq)]
enum Right {
    Point(String),
    /// Every point breaks the limit of this direction at least.
    Limits(String),
    NoGain,
}

fn point(label: &str) -> Right {
    Right::Point(label.to_owned())
}

/// What is recommended where the search sees one curve and the held-out queries another one.
fn recommended(more: &str, curve: Curve, held_out: Option<Curve>, preference: &Preference) -> Right {
    let folder = tempfile::tempdir().unwrap();
    let held = "select: {part: 1/2}\nreport: {part: 2/2}\n";
    let study = study(folder.path(), &format!("{more}{}", if held_out.is_some() { held } else { "" }));
    let mut fake = Fake { curve, held_out, noise: 0.0, ..Fake::new(&study) };
    run(&study, &mut fake).unwrap();
    if held_out.is_some() {
        // A second round follows where the first rules all of its points out.
        for _ in 0..3 {
            confirm(&study).unwrap();
            run(&study, &mut fake).unwrap();
        }
    }
    let full = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap();
    let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Means).unwrap();
    match recommend(&study, &full, &confirmed, preference).unwrap() {
        Ok(found) => {
            assert_eq!(found.held_out, held_out.is_some());
            Right::Point(found.row.trial.label.clone())
        }
        Err(NoRecommendation::Limits(_, change)) => Right::Limits(change.name),
        Err(NoRecommendation::NoGain(_)) => Right::NoGain,
        Err(NoRecommendation::Unfinished) => unreachable!("the study is finished"),
    }
}

/// Mono stays, and cross has its top at 0.7.
fn top_inside(set: usize, weights: &[f64]) -> f64 {
    let w = weights[1];
    if set == 0 { 0.7 } else { 0.4 + 0.2 * w * (1.4 - w) }
}

fn everything_rises(set: usize, weights: &[f64]) -> f64 {
    0.3 + 0.1 * set as f64 + 0.2 * weights[1]
}

fn everything_falls(set: usize, weights: &[f64]) -> f64 {
    0.6 - 0.1 * set as f64 - 0.2 * weights[1]
}

/// One direction of cross rises so much that the mean hides how the other one falls.
fn hidden_fall(set: usize, weights: &[f64]) -> f64 {
    let w = weights[1];
    match set {
        0 => 0.7,
        1 => 0.4 + 0.4 * w,
        _ => 0.3 - 0.2 * w,
    }
}

/// The same, but for a fall that begins half-way.
fn late_collapse(set: usize, weights: &[f64]) -> f64 {
    let w = weights[1];
    if set == 2 { 0.5 - (w - 0.5).max(0.0) } else { 0.4 + 0.4 * w }
}

/// Mono is lost between the parents and back at the second.
fn barrier(set: usize, weights: &[f64]) -> f64 {
    let w = weights[1];
    if set == 0 { 0.7 - 0.4 * w * (1.0 - w) } else { 0.4 + 0.3 * w }
}

/// Two points gain the same on average: 0.3 takes it from cross alone, 0.7 from mono.
fn equal_gains(set: usize, weights: &[f64]) -> f64 {
    let step = (weights[1] * 10.0).round();
    let gain = |a: f64, b: f64| {
        if (step - 3.0).abs() < 0.5 {
            a
        } else if (step - 7.0).abs() < 0.5 {
            b
        } else {
            0.0
        }
    };
    if set == 0 { 0.5 + gain(0.01, -0.005) } else { 0.5 + gain(0.03, 0.045) }
}

/// What the held-out queries know: mono falls from 0.2 on.
fn held_out_loss(set: usize, weights: &[f64]) -> f64 {
    let w = weights[1];
    if set == 0 { 0.7 - 0.3 * (w - 0.1).max(0.0) } else { 0.4 + 0.3 * w }
}

fn mono_stays(set: usize, weights: &[f64]) -> f64 {
    if set == 0 { 0.7 } else { 0.4 + 0.3 * weights[1] }
}

/// A limit that no point keeps.
fn falls_at_once(set: usize, weights: &[f64]) -> f64 {
    if set == 0 && weights[1] < 1.0 && weights[0] < 1.0 { 0.5 } else { mono_stays(set, weights) - 0.1 * weights[1] }
}

/// A name, lines of the sweep file, the curves of the search and of held-out queries, what is preferred, and what is right.
type Case<'a> = (&'a str, &'a str, Curve, Option<Curve>, &'a Preference, Right);

#[test]
fn planted_studies_are_chosen_right() {
    let three = "objectives: {mono: {mean: [mono]}, one: {mean: [cross]}, two: {mean: [cross]}}\n";
    let inner = "params: {w: {min: 0.1, max: 0.9, step: 0.1}}\n";
    let mono_may = |limit: &str| format!("keep: {{mono: \">= {limit}\"}}\n");
    let none = Preference::default();
    let cross_twice = Preference { weights: vec![("cross".into(), 2.0)], ..Preference::default() };
    let stricter = Preference { limits: vec!["mono >= -0.5%".parse().unwrap()], ..Preference::default() };
    let knee = Preference { choice: Choice::Knee, ..Preference::default() };
    let volume = Preference { choice: Choice::Hypervolume, ..Preference::default() };
    let cases: [Case<'_>; 20] = [
        ("mono may lose 2 %: 0.2 w² ≤ 0.014", "", trade_off, None, &none, point("w=0.2")),
        ("a limit of the file", &mono_may("-10%"), trade_off, None, &none, point("w=0.5")),
        ("a limit as a difference", &mono_may("-0.07"), trade_off, None, &none, point("w=0.5")),
        ("a least score", &mono_may("0.63"), trade_off, None, &none, point("w=0.5")),
        ("a limit of the command line", &mono_may("-10%"), trade_off, None, &stricter, point("w=0.1")),
        ("a preference", &mono_may("-20%"), trade_off, None, &cross_twice, point("w=0.7")),
        // Within the limit w is at most 0.8, and 1 − w² / 0.64 + w / 0.8 is largest at 0.4.
        ("the knee", &mono_may("-20%"), trade_off, None, &knee, point("w=0.4")),
        // (0.07 − 0.2 w²) · (0.008 + 0.2 w) is largest near 0.34.
        ("the hypervolume", &mono_may("-10%"), trade_off, None, &volume, point("w=0.3")),
        ("a top inside", "", top_inside, None, &none, point("w=0.7")),
        ("a top inside, three objectives", three, top_inside, None, &none, point("w=0.7")),
        ("everything rises", "", everything_rises, None, &none, point("w=1")),
        ("everything falls", "", everything_falls, None, &none, Right::NoGain),
        ("a fall that a mean hides", "", hidden_fall, None, &none, Right::NoGain),
        ("the same as objectives", three, hidden_fall, None, &none, Right::NoGain),
        ("a fall that begins half-way", "", late_collapse, None, &none, point("w=0.5")),
        ("a barrier between the parents", "", barrier, None, &none, point("w=1")),
        ("equal gains", "", equal_gains, None, &none, point("w=0.3")),
        ("held-out queries rule points out", "", mono_stays, Some(held_out_loss), &none, point("w=0.1")),
        ("held-out queries agree", "", top_inside, Some(top_inside), &none, point("w=0.7")),
        ("no point keeps the limit", inner, falls_at_once, None, &none, Right::Limits("mono".into())),
    ];
    let wrong: Vec<String> = cases
        .into_iter()
        .filter_map(|(name, more, curve, held_out, preference, right)| {
            let found = recommended(more, curve, held_out, preference);
            (found != right).then(|| format!("{name}: {found:?}, expected {right:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn limits_of_what_there_is_not_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), "");
    run(&study, &mut Fake::new(&study)).unwrap();
    let full = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap();
    let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Means).unwrap();
    let preference = Preference { limits: vec!["french >= -1%".parse().unwrap()], ..Preference::default() };
    let error = recommend(&study, &full, &confirmed, &preference).unwrap_err();
    assert_eq!(error.to_string(), "the study has no objective or direction `french`");
}

#[test]
fn what_cannot_be_told_apart_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), "");
    let mut fake = Fake { curve: top_inside, noise: 0.2, ..Fake::new(&study) };
    run(&study, &mut fake).unwrap();
    let full = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap();
    let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Means).unwrap();
    let preference = Preference {
        limits: vec!["mono >= -20%".parse().unwrap(), "cross >= -20%".parse().unwrap()],
        ..Preference::default()
    };
    let found = recommend(&study, &full, &confirmed, &preference).unwrap().unwrap();
    assert!(!found.near.is_empty() && found.near.iter().all(|near| near.label != found.row.trial.label));
    assert!(found.near.iter().all(|near| near.queries.is_none_or(|needed| needed > found.queries)), "{:?}", found.near);
    let worst = &found.directions[0];
    assert!(worst.interval.is_some_and(|(low, high)| low <= worst.difference() && worst.difference() <= high));
}
