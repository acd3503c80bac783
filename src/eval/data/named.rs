//! Data sets by name: `org/name[:subset][@revision]` on the Hugging Face Hub, or a task of MTEB, in the local cache.

use std::path::{Path, PathBuf};

use super::tasks::{MTEB, Task, nearest_task, task, tasks};
use super::{Error, mteb, readme};
use crate::checkpoint::{self, HubHome, HubModel, HubSnapshot};

/// Endings of files that data sets are read from.
const ENDINGS: [&str; 7] = [".parquet", ".jsonl", ".ndjson", ".json", ".tsv", ".txt", ".qrels"];

/// A data set that is meant by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where it is on the Hub, the likeliest first.
    places: Vec<HubModel>,
    /// The subset that is meant, of several.
    pub subset: Option<String>,
    /// The task of MTEB.
    pub task: Option<&'static Task>,
}

/// A data set in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The name.
    pub named: Named,
    /// Its snapshot.
    pub folder: PathBuf,
    /// Its name on the Hub.
    pub repository: String,
    /// The commit.
    pub commit: String,
}

impl Named {
    /// Reads a name; `None` for a text that is neither a name on the Hub nor a task.
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, revision) = text.split_once('@').map_or((text, None), |(rest, revision)| (rest, Some(revision)));
        let (name, subset) = rest.split_once(':').map_or((rest, None), |(name, subset)| (name, Some(subset)));
        if subset.is_some_and(|subset| subset.is_empty() || subset.contains(['/', '\\'])) {
            return None;
        }
        let known = task(name.strip_prefix(MTEB).unwrap_or(name)).or_else(|| only_task_of(name));
        let mut places = Vec::new();
        if let Some(task) = known {
            places.extend(HubModel::data_set(task.data_set, Some(revision.unwrap_or(task.revision))));
        }
        if name.contains('/') {
            places.extend(HubModel::data_set(name, revision));
        }
        let subset = subset.map(str::to_owned);
        (!places.is_empty()).then_some(Self { places, subset, task: known })
    }

    /// What is downloaded for it.
    pub fn place(&self) -> Option<&HubModel> {
        self.places.first()
    }

    /// What it is called: the task, or the last part of its name on the Hub.
    pub fn name(&self) -> &str {
        let repository = || self.places.first().map(|place| place.name().rsplit('/').next().unwrap_or_default());
        self.task.map(|task| task.name).or_else(repository).unwrap_or_default()
    }

    /// The split to read where none is asked for: the one that MTEB scores.
    pub(super) fn split(&self) -> Option<&'static str> {
        match self.task?.splits.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The files to download, of those that the repository has.
    pub fn files(&self, names: &[String], readme: &str) -> Vec<String> {
        let is_data = |name: &str| {
            let plain = name.strip_suffix(".gz").unwrap_or(name);
            ENDINGS.iter().any(|ending| plain.ends_with(ending))
        };
        let of_subset = |config: &str| {
            let found = mteb::subset_of(config);
            found.is_some_and(|found| found.is_empty() || self.subset.as_deref().is_none_or(|wanted| found == wanted))
        };
        let patterns = readme::patterns(readme);
        let assigned: Vec<&str> = patterns
            .iter()
            .filter(|(config, _, _)| of_subset(config))
            .map(|(_, _, pattern)| pattern.as_str())
            .collect();
        let by_readme = |name: &&String| assigned.iter().any(|pattern| readme::matches(pattern, name));
        let mut files: Vec<String> = names.iter().filter(|name| is_data(name)).filter(by_readme).cloned().collect();
        if files.is_empty() {
            let is_wanted = |name: &&String| {
                let mut folders = name.rsplit('/').skip(1).filter_map(mteb::subset_of).peekable();
                let other =
                    |found: &str| !found.is_empty() && self.subset.as_deref().is_some_and(|wanted| found != wanted);
                !folders.any(other)
            };
            files = names.iter().filter(|name| is_data(name)).filter(is_wanted).cloned().collect();
        }
        if !files.is_empty() {
            let beside = ["README.md", "dataset.yaml", "dataset.yml"];
            files.extend(names.iter().filter(|name| beside.contains(&name.as_str())).cloned());
        }
        files
    }

    /// The data set in the cache.
    fn find(&self) -> Result<(PathBuf, &HubModel), checkpoint::Error> {
        let cache = HubHome::from_env().cache;
        let mut missing = None;
        for place in &self.places {
            match checkpoint::find(place, &cache) {
                Ok(folder) => return Ok((folder, place)),
                Err(error) => missing = missing.or(Some(error)),
            }
        }
        Err(missing.unwrap_or(checkpoint::Error::NoSuchFolder { path: PathBuf::new() }))
    }
}

/// Finds a data set that is meant by name; `None` for a path, whether it exists or not.
///
/// # Errors
/// A name that the cache does not have.
pub fn locate(given: &Path) -> Result<Option<Located>, Error> {
    if given.symlink_metadata().is_ok() {
        return Ok(None);
    }
    let Some(text) = given.to_str() else { return Ok(None) };
    let Some(named) = Named::parse(text) else { return Ok(None) };
    // If its first folder exists, it is a path with a misspelt end.
    let begins = given.components().next().is_some_and(|first| Path::new(first.as_os_str()).exists());
    if begins && named.task.is_none() {
        return Ok(None);
    }
    let (folder, place) = named.find().map_err(|source| Error::Hub {
        name: text.to_owned(),
        meant: named.task.map(|task| task.data_set),
        near: if named.task.is_none() { nearest_task(text) } else { None },
        source: Box::new(source),
    })?;
    let commit = HubSnapshot::of(&folder).map(|snapshot| snapshot.commit).unwrap_or_default();
    let repository = place.name().to_owned();
    Ok(Some(Located { folder, repository, commit, named: named.clone() }))
}

impl Located {
    /// The name that means just this commit of it.
    pub fn pinned(&self) -> String {
        let subset = self.named.subset.as_ref().map(|subset| format!(":{subset}")).unwrap_or_default();
        let of_task = self.named.task.filter(|task| task.data_set == self.repository);
        let name = of_task.map_or(self.repository.as_str(), |task| task.name);
        format!("{name}{subset}@{}", self.commit)
    }
}

/// The task that a data set belongs to, if it is one alone.
fn only_task_of(data_set: &str) -> Option<&'static Task> {
    let mut found = tasks().iter().filter(|task| task.data_set == data_set);
    found.next().filter(|_| found.next().is_none())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn place(text: &str) -> String {
        Named::parse(text).unwrap().places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_task_is_its_data_set_at_its_revision() {
        let strategy = "taeminlee/Ko-StrategyQA@d243889a3eb6654029dbd7e7f9319ae31d58f97c";
        assert_eq!(place("Ko-StrategyQA"), strategy);
        assert_eq!(place("mteb/Ko-StrategyQA"), format!("{strategy} mteb/Ko-StrategyQA"));
        assert_eq!(place("taeminlee/Ko-StrategyQA"), format!("{strategy} taeminlee/Ko-StrategyQA"));
        assert_eq!(place("Ko-StrategyQA@main"), "taeminlee/Ko-StrategyQA@main");
        assert_eq!(place("org/own:ko@v2"), "org/own@v2");
        let named = Named::parse("MIRACLRetrieval:ko").unwrap();
        assert_eq!(
            (named.subset.as_deref(), named.name(), named.split()),
            (Some("ko"), "MIRACLRetrieval", Some("dev"))
        );
        for text in ["sets", "a/b/c", "a:", "org/own:", "../x", "org/own:a/b"] {
            assert_eq!(Named::parse(text), None, "{text}");
        }
        assert_eq!(nearest_task("mteb/Ko-StrategyQ"), Some("Ko-StrategyQA"));
    }

    #[test]
    fn the_files_of_one_subset_are_chosen() {
        let names: Vec<String> = [
            "README.md",
            "en-corpus/test.parquet",
            "ko-corpus/test.parquet",
            "ko-qrels/dev.parquet",
            "ko-queries/dev.parquet",
            "script.py",
            "images/a.png",
        ]
        .map(str::to_owned)
        .into();
        let files = |text: &str, readme: &str| Named::parse(text).unwrap().files(&names, readme);
        let korean = ["ko-corpus/test.parquet", "ko-qrels/dev.parquet", "ko-queries/dev.parquet", "README.md"];
        assert_eq!(files("org/own:ko", ""), korean);
        assert_eq!(files("org/own", "").len(), 5);
        let config = |name: &str| format!("- config_name: {name}\n  data_files:\n  - {{split: dev, path: {name}/*}}\n");
        let readme = ["ko-corpus", "ko-queries", "ko-qrels", "en-corpus", "other"].map(config).concat();
        assert_eq!(files("org/own:ko", &format!("---\nconfigs:\n{readme}---\n")), korean);
    }
}
