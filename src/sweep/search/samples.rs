//! What a race knows of its trials: their scores on samples of the queries, and paired tests between them.

use super::history::History;
use crate::sweep::Error;
use crate::sweep::analysis::{Limit, limits};
use crate::sweep::file::BoundKind;
use crate::sweep::study::{Trial, TrialResult, TrialStage};

/// The scores of a trial's queries on all samples so far: data set by data set, metric by metric.
pub(super) type Scores = Vec<Vec<Vec<f64>>>;

/// A mean of scores that tests are about: weights of data sets and the place of their metric.
#[derive(Clone, Debug)]
struct Mean {
    sets: Vec<(usize, f64)>,
    metric: usize,
}

/// What is compared: the limits of the study, and the mean of its objectives.
pub(super) struct Tests {
    limits: Vec<(Mean, BoundKind)>,
    gain: Vec<Mean>,
    /// The queries of each data set.
    queries: Vec<usize>,
}

/// An estimate from a sample, and its standard error.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Estimate {
    pub(super) value: f64,
    error: f64,
    /// The queries of the smallest sample, less one.
    freedom: f64,
}

impl Estimate {
    /// The estimate of a value that is larger by a number that is known.
    pub(super) fn plus(self, known: f64) -> Self {
        Self { value: self.value + known, ..self }
    }

    /// The value in standard errors.
    pub(super) fn in_errors(self) -> f64 {
        if self.error > 0.0 {
            self.value / self.error
        } else {
            self.value.signum() * f64::from(u8::from(self.value != 0.0))
        }
    }

    /// The chance of a value as high where the truth is zero or less (a one-sided t-test).
    pub(super) fn p(self) -> f64 {
        if self.error <= 0.0 || self.freedom < 1.0 {
            return 1.0;
        }
        let t = self.value / self.error;
        // Student's distribution by way of the normal one (Wallace).
        let normal =
            t.signum() * (self.freedom * libm::log1p(t * t / self.freedom)).sqrt() * (8.0 * self.freedom + 1.0)
                / (8.0 * self.freedom + 3.0);
        0.5 * libm::erfc(normal / std::f64::consts::SQRT_2)
    }
}

impl Tests {
    pub(super) fn of(history: &History<'_>) -> Result<Self, Error> {
        let manifest = &history.study.manifest;
        let even = |sets: &[usize], share: f64| sets.iter().map(|set| (*set, share / sets.len() as f64)).collect();
        let limit = |limit: Limit| (Mean { sets: even(&limit.sets, 1.0), metric: limit.metric }, limit.bound.kind);
        let objectives = &manifest.spec.objectives;
        let metrics = manifest.metrics();
        let gain = objectives.iter().zip(&manifest.objectives).map(|(objective, sets)| Mean {
            sets: even(sets, 1.0 / objectives.len() as f64),
            metric: metrics.iter().position(|metric| *metric == objective.metric).unwrap_or_default(),
        });
        Ok(Self {
            limits: limits(history.study)?.into_iter().map(limit).collect(),
            gain: gain.collect(),
            queries: manifest.sets.iter().map(|set| set.queries).collect(),
        })
    }

    /// How many limits there are.
    pub(super) fn limits(&self) -> usize {
        self.limits.len()
    }

    /// How far a trial is below each limit; more than zero breaks it.
    pub(super) fn shortfalls<'a>(
        &'a self,
        own: &'a Scores,
        reference: &'a Scores,
    ) -> impl Iterator<Item = Estimate> + 'a {
        self.limits.iter().map(move |(mean, bound)| {
            let shortfall = |own: f64, base: f64| match bound {
                BoundKind::Value(value) => value - own,
                BoundKind::Share(share) => base * (1.0 + share) - own,
                BoundKind::Difference(difference) => base + difference - own,
            };
            self.estimate(std::slice::from_ref(mean), own, reference, &shortfall)
        })
    }

    /// How much better one trial is than another on what each limit is about.
    pub(super) fn leads<'a>(&'a self, one: &'a Scores, other: &'a Scores) -> impl Iterator<Item = Estimate> + 'a {
        (0..self.limits.len()).map(move |limit| self.lead(limit, one, other))
    }

    /// How much better one trial is than another on what one limit is about.
    pub(super) fn lead(&self, limit: usize, one: &Scores, other: &Scores) -> Estimate {
        let mean = self.limits.get(limit).map(|(mean, _)| mean);
        mean.map_or_else(Estimate::default, |mean| {
            self.estimate(std::slice::from_ref(mean), one, other, &|one, other| one - other)
        })
    }

    /// How much better one trial is than another on the mean of the objectives.
    pub(super) fn gain(&self, one: &Scores, other: &Scores) -> Estimate {
        self.estimate(&self.gain, one, other, &|one, other| one - other)
    }

    /// The sum of means of what `of` makes of pairs of scores. The sample is drawn without replacement from the queries of the study,
    /// so that its error goes to zero as it grows to all of them.
    fn estimate(&self, means: &[Mean], one: &Scores, other: &Scores, of: &dyn Fn(f64, f64) -> f64) -> Estimate {
        let mut found = Estimate { freedom: f64::INFINITY, ..Estimate::default() };
        let mut variance = 0.0;
        for mean in means {
            for (set, weight) in &mean.sets {
                let pairs = of_set(one, *set, mean.metric).iter().zip(of_set(other, *set, mean.metric));
                let values: Vec<f64> =
                    pairs.map(|(one, other)| of(*one, *other)).filter(|value| value.is_finite()).collect();
                let count = values.len() as f64;
                found.freedom = found.freedom.min(count - 1.0);
                if count < 2.0 {
                    continue;
                }
                let average = values.iter().sum::<f64>() / count;
                let squares: f64 = values.iter().map(|value| (value - average) * (value - average)).sum();
                let all = self.queries.get(*set).map_or(count, |all| *all as f64).max(count);
                found.value += weight * average;
                variance += weight * weight * squares / (count - 1.0) / count * (1.0 - count / all);
            }
        }
        Estimate { error: variance.sqrt(), ..found }
    }
}

fn of_set(scores: &Scores, set: usize, metric: usize) -> &[f64] {
    scores.get(set).and_then(|metrics| metrics.get(metric)).map(Vec::as_slice).unwrap_or_default()
}

impl History<'_> {
    /// A trial's scores on the first samples; `None` where it was not scored on one of them.
    pub(super) fn sampled_scores(&self, trial: &Trial, steps: usize) -> Result<Option<Scores>, Error> {
        let metrics = self.study.manifest.metrics().len();
        let mut scores: Scores = vec![vec![Vec::new(); metrics]; self.study.manifest.sets.len()];
        for step in 1..=steps {
            let key = trial.key(TrialStage::Race(step));
            if !self.results.done.contains_key(&key) {
                return Ok(None);
            }
            let values = self.study.store.per_query(&key)?;
            for (of_set, found) in scores.iter_mut().zip(values.sets) {
                for (of_metric, found) in of_set.iter_mut().zip(found.metrics) {
                    of_metric.extend(found);
                }
            }
        }
        Ok(Some(scores))
    }

    /// How far a trial is below each limit on all queries, in the order of [`Tests::shortfalls`]; `None` where it was not scored there.
    pub(super) fn full_shortfalls(&self, trial: &Trial, reference: &Trial) -> Result<Option<Vec<f64>>, Error> {
        let manifest = &self.study.manifest;
        let of = |trial: &Trial| self.results.done.get(&trial.key(TrialStage::Full));
        let (Some(own), Some(base)) = (of(trial), of(reference)) else { return Ok(None) };
        let metrics: Vec<String> = manifest.metrics().iter().map(ToString::to_string).collect();
        let shortfall = |limit: Limit| {
            let mean = |of: &TrialResult| {
                let value = |set: &usize| of.sets.get(*set)?.means.get(metrics.get(limit.metric)?).copied().flatten();
                let values: Option<Vec<f64>> = limit.sets.iter().map(value).collect();
                values.map(|values| values.iter().sum::<f64>() / values.len().max(1) as f64)
            };
            mean(own).zip(mean(base)).map_or(0.0, |(own, base)| limit.bound.least(base) - own)
        };
        Ok(Some(limits(self.study)?.into_iter().map(shortfall).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_p_value_is_that_of_students_distribution() {
        let p = |value, freedom| Estimate { value, error: 1.0, freedom }.p();
        // From tables: one-sided 5 %, 1 % and 0.1 %.
        for (t, freedom, expected) in
            [(1.729, 19.0, 0.05), (2.539, 19.0, 0.01), (3.579, 19.0, 0.001), (2.364, 99.0, 0.01)]
        {
            assert!((p(t, freedom) / expected - 1.0).abs() < 0.02, "{t} {freedom}: {}", p(t, freedom));
        }
        assert!((p(0.0, 30.0) - 0.5).abs() < 1e-12 && p(-2.0, 30.0) > 0.97);
        assert!(Estimate { value: 1.0, error: 0.0, freedom: 9.0 }.p() >= 1.0);
    }
}
