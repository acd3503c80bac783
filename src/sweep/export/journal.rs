//! Exports a journal that Optuna reads (`JournalStorage(JournalFileBackend(FILE))`), in the format of version 5.

use serde_json::{Value, json};

use crate::escape;
use crate::sweep::analysis::{Analysis, Row};
use crate::sweep::space::Axis;
use crate::sweep::study::Study;

/// Optuna's codes of operations.
const CREATE_STUDY: u8 = 0;
const STUDY_SYSTEM_ATTRIBUTE: u8 = 3;
const CREATE_TRIAL: u8 = 4;
const TRIAL_PARAMETER: u8 = 5;
const TRIAL_STATE: u8 = 6;
const TRIAL_USER_ATTRIBUTE: u8 = 8;

const MAXIMISE: u8 = 2;
const COMPLETE: u8 = 1;

/// The points of a study with their objectives. Baselines are not points of the space and are left out.
pub fn journal(study: &Study, analysis: &Analysis) -> String {
    let spec = &study.manifest.spec;
    let mut lines = vec![
        json!({"op_code": CREATE_STUDY, "study_name": spec.study, "directions": vec![MAXIMISE; spec.objectives.len()]}),
        json!({"op_code": STUDY_SYSTEM_ATTRIBUTE, "study_id": 0, "system_attr": {
            "study:metric_names": spec.objectives.iter().map(|objective| &objective.name).collect::<Vec<_>>(),
        }}),
    ];
    let points = analysis.rows.iter().filter_map(|row| Some((row, row.trial.point()?)));
    for (number, (row, point)) in points.enumerate() {
        trial(study, number, row, point, &mut lines);
    }
    let with_worker = |mut line: Value| {
        if let Some(map) = line.as_object_mut() {
            map.insert("worker_id".into(), json!("admix"));
        }
        escape::json(&line, false) + "\n"
    };
    lines.into_iter().map(with_worker).collect()
}

fn trial(study: &Study, number: usize, row: &Row, point: &[f64], lines: &mut Vec<Value>) {
    let result = &row.result;
    lines.push(json!({"op_code": CREATE_TRIAL, "study_id": 0, "datetime_start": date(result.began)}));
    let axes = &study.manifest.spec.params.axes;
    let bounds = axes.iter().flat_map(|axis| axis.names().into_iter().map(move |name| (name, distribution(axis))));
    for ((name, distribution), value) in bounds.zip(point) {
        lines.push(json!({
            "op_code": TRIAL_PARAMETER, "trial_id": number, "param_name": name, "param_value_internal": value,
            "distribution": distribution.to_string(),
        }));
    }
    for (name, value) in [("label", json!(row.trial.label)), ("trial", json!(row.trial.id))] {
        lines.push(json!({"op_code": TRIAL_USER_ATTRIBUTE, "trial_id": number, "user_attr": {name: value}}));
    }
    for set in &result.sets {
        for (metric, mean) in &set.means {
            let name = format!("{} {metric}", set.set);
            lines.push(json!({"op_code": TRIAL_USER_ATTRIBUTE, "trial_id": number, "user_attr": {name: mean}}));
        }
    }
    lines.push(json!({
        "op_code": TRIAL_STATE, "trial_id": number, "state": COMPLETE, "values": row.objectives,
        "datetime_complete": date(result.began + result.timings.total),
    }));
}

/// The bounds of a variable. A step is left out: Optuna refuses values that miss one by rounding.
fn distribution(axis: &Axis) -> Value {
    let (low, high) = match axis {
        Axis::Values { values, .. } => {
            (values.first().copied().unwrap_or_default(), values.last().copied().unwrap_or_default())
        }
        Axis::Range { min, max, .. } => (*min, *max),
        Axis::Grouped(grouped) => (grouped.min, grouped.max),
        Axis::Simplex { .. } => (0.0, 1.0),
    };
    json!({"name": "FloatDistribution", "attributes": {"low": low, "high": high, "log": false, "step": null}})
}

/// Seconds since 1970 as Python writes a time, in UTC.
fn date(seconds: f64) -> String {
    let whole = seconds.max(0.0).floor();
    #[expect(clippy::cast_sign_loss, reason = "not negative")]
    let (whole, micros) = (whole as u64, ((seconds.max(0.0) - whole) * 1e6) as u64);
    let (days, of_day) = (whole / 86_400, whole % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}")
}

/// The date of a day since 1970, by the Gregorian calendar: 400 years have 146,097 days; years begin in March here.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0.0, "1970-01-01T00:00:00.000000"),
            (951_782_400.0, "2000-02-29T00:00:00.000000"),
            (1_795_376_292.25, "2026-11-22T19:38:12.250000"),
        ] {
            assert_eq!(date(seconds), expected);
        }
    }
}
