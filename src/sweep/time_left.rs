//! How long the trials that are planned still take.

use std::collections::{BTreeMap, BTreeSet};

use super::study::{HeldClaim, Manifest, Results, Schedule, TrialResult, TrialStage};

/// Finished trials of a stage that an estimate is made of: the last ones, as a machine may become slower or faster.
const LAST: usize = 12;

/// Seconds until every trial that is planned is done, by what the workers that live have done so far; `None` where none of them has
/// finished a trial, or none works.
pub(crate) fn time_left(
    manifest: &Manifest,
    schedule: &Schedule,
    results: &Results,
    claims: &[HeldClaim],
) -> Option<f64> {
    let owners = claims.iter().filter(|claim| !claim.is_stale).filter_map(|claim| claim.owner.as_ref());
    let workers: BTreeSet<&str> = owners.map(|owner| owner.worker.as_str()).collect();
    let rates = Rates::of(results, &|done| workers.contains(done.worker.as_str()))?;
    let trials = schedule.trials();
    let open = trials.iter().filter(|(trial, stage)| !results.is_settled(&trial.key(*stage)));
    let times: Vec<f64> = open.map(|(_, stage)| rates.seconds(manifest, *stage)).collect();
    let longest = times.iter().copied().fold(0.0, f64::max);
    Some((times.iter().sum::<f64>() / workers.len() as f64).max(longest))
}

/// The seconds that trials take, by stage.
struct Rates(BTreeMap<TrialStage, f64>);

impl Rates {
    /// Of the trials that count and were encoded; `None` without any.
    fn of(results: &Results, counts: &dyn Fn(&TrialResult) -> bool) -> Option<Self> {
        let mut done: Vec<&TrialResult> =
            results.done.values().filter(|done| done.encoded > 0 && counts(done)).collect();
        done.sort_by(|one, other| other.began.total_cmp(&one.began));
        let mut stages: BTreeMap<TrialStage, Vec<&TrialResult>> = BTreeMap::new();
        for done in done {
            if let Ok(stage) = done.stage.parse() {
                stages.entry(stage).or_default().push(done);
            }
        }
        let mean = |(stage, done): (TrialStage, Vec<&TrialResult>)| {
            let last = done.get(..LAST.min(done.len())).unwrap_or_default();
            (stage, last.iter().map(|done| done.timings.total).sum::<f64>() / last.len().max(1) as f64)
        };
        (!stages.is_empty()).then(|| Self(stages.into_iter().map(mean).collect()))
    }

    /// The seconds of a trial: those of its stage where one was finished, else by the number of its texts.
    fn seconds(&self, manifest: &Manifest, stage: TrialStage) -> f64 {
        if let Some(seconds) = self.0.get(&stage) {
            return *seconds;
        }
        let known = self.0.iter().map(|(known, seconds)| (texts(manifest, *known), *seconds));
        let (texts_known, seconds) = known.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        if texts_known > 0.0 { seconds * texts(manifest, stage) / texts_known } else { seconds }
    }
}

/// The texts of a trial, about.
fn texts(manifest: &Manifest, stage: TrialStage) -> f64 {
    use super::study::{sample, sample_documents};
    let of_set = |set: &super::study::Set| match stage {
        TrialStage::Full => set.queries + set.documents,
        TrialStage::Confirm => set.held_out + set.documents,
        TrialStage::Race(step) => {
            let queries = sample(step, set.queries).len();
            queries + sample_documents(step, set.documents)
        }
    };
    manifest.sets.iter().map(of_set).sum::<usize>() as f64
}
