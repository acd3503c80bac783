//! Files that `admix score` writes beside its table: values query by query, runs, MTEB's result files.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::Args;
use super::results::{Results, Scored};
use crate::cli::output;
use crate::cli::render::{self, Usage};
use crate::encoder::Retrieval;
use crate::escape::{self, tsv};
use crate::eval::{self, DataSet, Measure, Metric, file_name};

/// Finds out before the work what could not be written after it.
pub(super) fn check(args: &Args, models: &[PathBuf], sets: &[DataSet]) -> anyhow::Result<()> {
    if let Some(pattern) = &args.run_file {
        let several =
            args.retrieval.retrieval.map(|asked| asked.with_parts()).filter(|by| by.len() > 1 && args.rerank.is_none());
        let by: Vec<Option<Retrieval>> = several.map_or_else(|| vec![None], |by| by.into_iter().map(Some).collect());
        let models: Vec<String> = models.iter().flat_map(|model| by.iter().map(|by| model_name(model, *by))).collect();
        let pairs = models.iter().flat_map(|model| sets.iter().map(move |set| run_path(pattern, model, set)));
        let (count, names): (usize, BTreeSet<PathBuf>) = (models.len() * sets.len(), pairs.collect());
        if names.len() < count {
            return Err(Usage::with_hint(
                format!("`--run-file {pattern}` names one file for {count} rankings"),
                "a TREC run holds one ranking a query: put `{model}` and `{data}` into the name",
            )
            .into());
        }
    }
    if args.run_file.is_some() && !args.quiet {
        for (set, id) in sets.iter().filter_map(|set| Some((set, unfit(set)?))) {
            render::warn(&[format!(
                "no run of `{}` will be written: the id `{id}` is empty or holds white space, which a TREC run cannot carry",
                set.label()
            )]);
        }
    }
    let folders = args.per_query.iter().filter_map(|path| path.parent()).filter(|folder| *folder != Path::new(""));
    for folder in folders {
        if !folder.is_dir() {
            return Err(Usage::new(format!("there is no folder `{}` to write into", folder.display())).into());
        }
    }
    Ok(())
}

/// The first id that no TREC run can carry.
fn unfit(set: &DataSet) -> Option<&str> {
    let mut ids = set.queries.iter().chain(&set.documents).map(|text| text.id.as_str());
    ids.find(|id| id.is_empty() || id.contains(|c: char| c.is_ascii_whitespace() || c == '\u{b}'))
}

/// What was asked for and is not written, for the end: the scores count all the same.
pub(super) fn unwritten(args: &Args, sets: &[DataSet]) -> anyhow::Result<()> {
    let Some(pattern) = &args.run_file else { return Ok(()) };
    match sets.iter().find_map(unfit) {
        Some(id) => Err(eval::Error::Id { path: PathBuf::from(pattern), id: id.to_owned() }.into()),
        None => Ok(()),
    }
}

/// Writes what the arguments ask for.
pub(super) fn write(args: &Args, results: &Results) -> anyhow::Result<()> {
    if let Some(path) = &args.per_query {
        output::write(path, true, |out| per_query(out, results))?;
    }
    if let Some(pattern) = &args.run_file {
        for scored in rankings(results) {
            let sets = results.sets.iter().zip(&scored.sets);
            for (set, found) in sets.filter(|(set, _)| unfit(set).is_none()) {
                let name = model_name(&scored.model, scored.retrieval);
                let path = run_path(pattern, &name, set);
                create_parent(&path)?;
                let order = args.compat.rules().order;
                output::write(&path, true, |out| Ok(found.run.write(out, &path, &name, order)?))?;
            }
        }
    }
    if let Some(folder) = &args.mteb_json {
        for scored in rankings(results) {
            mteb_files(folder, scored, results)?;
        }
    }
    Ok(())
}

/// What the models ranked, without the first stage that they began with.
fn rankings(results: &Results) -> impl Iterator<Item = &Scored> {
    results.models.iter().filter(|scored| !scored.first_stage)
}

/// A model's name as a part of a file's name, with the kinds of retrieval of a ranking where it has several.
fn model_name(model: &Path, retrieval: Option<Retrieval>) -> String {
    let model = file_name(&model.display().to_string());
    retrieval.map_or_else(|| model.clone(), |retrieval| format!("{model}-{retrieval}"))
}

fn run_path(pattern: &str, model: &str, set: &DataSet) -> PathBuf {
    PathBuf::from(pattern.replace("{model}", model).replace("{data}", &file_name(&set.label())))
}

fn create_parent(path: &Path) -> anyhow::Result<()> {
    let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) else { return Ok(()) };
    fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))
}

fn per_query(out: &mut dyn Write, results: &Results) -> anyhow::Result<()> {
    writeln!(out, "model\tdata\tdirection\tquery\tmetric\tvalue")?;
    for scored in &results.models {
        for (set, found) in results.sets.iter().zip(&scored.sets) {
            let (model, name) = (tsv(&scored.name()), tsv(&set.name));
            let direction = tsv(set.direction.as_deref().unwrap_or_default());
            for (at, metric) in results.metrics.iter().enumerate() {
                for (query, value) in found.scores.values(at) {
                    writeln!(out, "{model}\t{name}\t{direction}\t{}\t{metric}\t{value}", tsv(query))?;
                }
            }
        }
    }
    Ok(())
}

/// A file a data set's name, with its directions as subsets, in the form of MTEB's results.
fn mteb_files(folder: &Path, scored: &Scored, results: &Results) -> anyhow::Result<()> {
    let folder = folder.join(model_name(&scored.model, scored.retrieval));
    let named = |at: usize| results.origins[at].task().map_or(results.sets[at].name.as_str(), |task| task.name);
    let names: BTreeSet<&str> = (0..results.sets.len()).map(named).collect();
    for name in names {
        let mut splits = Map::new();
        let (mut time, mut revision) = (0.0, None);
        for (at, set) in results.sets.iter().enumerate().filter(|(at, _)| named(*at) == name) {
            let origin = &results.origins[at];
            time += scored.sets[at].time.as_secs_f64();
            revision = revision.or(origin.located.as_ref().map(|located| located.commit.clone()));
            let split = origin.split.as_deref().unwrap_or("test");
            let subsets = splits.entry(split).or_insert_with(|| json!([]));
            if let Some(subsets) = subsets.as_array_mut() {
                subsets.push(mteb_subset(scored, results, at, set));
            }
        }
        let value = json!({
            "dataset_revision": revision.as_deref().unwrap_or("no_revision_available"),
            "task_name": name,
            "mteb_version": null,
            "scores": splits,
            "evaluation_time": time,
            "kg_co2_emissions": null,
        });
        let path = folder.join(format!("{}.json", file_name(name)));
        create_parent(&path)?;
        output::write(&path, true, |out| Ok(writeln!(out, "{}", escape::json(&value, true))?))?;
    }
    Ok(())
}

fn mteb_subset(scored: &Scored, results: &Results, at: usize, set: &DataSet) -> Value {
    let mut scores = Map::new();
    for (index, metric) in results.metrics.iter().enumerate() {
        scores.insert(mteb_name(*metric), json!(scored.sets[at].scores.mean(index)));
    }
    let origin = &results.origins[at];
    let task = origin.task();
    let is_main = |metric: &Metric| task.is_some_and(|task| mteb_name(*metric) == task.main_score);
    let main = results.metrics.iter().position(is_main).unwrap_or(0);
    scores.insert("main_score".to_owned(), json!(scored.sets[at].scores.mean(main)));
    let (subset, languages): (&str, Vec<&str>) = if let Some(task) = task {
        let subset = if origin.subset.is_empty() { "default" } else { &origin.subset };
        (subset, task.languages(subset).to_vec())
    } else {
        let parts = set.direction.iter().flat_map(|direction| direction.split('-')).collect();
        (set.direction.as_deref().unwrap_or("default"), parts)
    };
    scores.insert("hf_subset".to_owned(), json!(subset));
    scores.insert("languages".to_owned(), json!(languages));
    Value::Object(scores)
}

fn mteb_name(metric: Metric) -> String {
    let name = match metric.measure {
        Measure::Precision => "precision",
        Measure::Success => "hit_rate",
        other => other.name(),
    };
    metric.cut.map_or_else(|| name.to_owned(), |cut| format!("{name}_at_{cut}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_mtebs_names() {
        assert_eq!(mteb_name(Metric::new(Measure::Ndcg, 10)), "ndcg_at_10");
        assert_eq!(mteb_name(Metric::new(Measure::Precision, 5)), "precision_at_5");
        assert_eq!(mteb_name(Metric::new(Measure::Success, 1)), "hit_rate_at_1");
    }
}
