//! Plans trials on held-out queries.

use super::Error;
use super::analysis::{Analysis, Depth, Preference, shortlist};
use super::study::{CONFIRM, Generation, Schedule, Study, Subject, Trial, TrialStage};

/// Number of points within the limits that are scored on held-out queries besides the Pareto front, because one of them may
/// be recommended.
const SHORTLIST: usize = 5;

/// Plans the parents, the Pareto front and the best points within the limits on held-out queries. Returns the trials.
///
/// # Errors
/// A study without held-out queries or without results; a folder that cannot be written.
pub fn confirm(study: &Study) -> Result<Vec<Trial>, Error> {
    if study.manifest.spec.report.is_none() {
        return Err(Error::usage(
            "no queries are held out: the sweep file has no `report`",
            "write `select: {split: dev}` and `report: {split: test}` in the sweep file, or `select: {part: 1/2}` and \
             `report: {part: 2/2}` where there is one split, and run `admix sweep confirm` with the file: what is scored stays",
        ));
    }
    let analysis = Analysis::read(study, TrialStage::Full, Depth::Means)?;
    if analysis.rows.is_empty() {
        return Err(Error::usage("no trial has results yet", "run `admix sweep run` first"));
    }
    let models = 0..study.manifest.models.len();
    let parents = models.map(|index| study.manifest.trial(Subject::Parent(index))).collect::<Result<Vec<_>, _>>()?;
    let front = analysis.pareto_front().map(|row| row.trial.clone());
    let confirmed = Analysis::read(study, TrialStage::Confirm, Depth::Means)?;
    let kept = shortlist(study, &analysis, &confirmed, &Preference::default(), SHORTLIST)?;
    let mut trials: Vec<Trial> = Vec::new();
    for trial in parents.into_iter().chain(front).chain(kept) {
        if trials.iter().all(|known| known.id != trial.id) {
            trials.push(trial);
        }
    }
    let generation = Generation { stage: TrialStage::Confirm, trials: trials.clone(), notes: Vec::new() };
    Schedule::read(&study.store)?.add(&study.store, CONFIRM, &generation)?;
    Ok(trials)
}
