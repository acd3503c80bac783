//! The layout of a study's folder. Names are relative to the folder; records contain them, and messages show them.

use std::fmt::Display;

/// The parts of a study's folder and the names of its files.
pub(crate) struct Layout;

impl Layout {
    /// The manifest.
    pub(crate) const MANIFEST: &str = "study.json";
    /// The generations of trials.
    pub(crate) const PLAN: &str = "plan";
    /// Claims on trials.
    pub(crate) const CLAIMS: &str = "claim";
    /// Results of trials.
    pub(crate) const RESULTS: &str = "done";
    /// The values of single queries.
    pub(crate) const VALUES: &str = "perq";
    /// Attempts that failed.
    pub(crate) const FAILURES: &str = "fail";
    /// The workers' logs.
    pub(crate) const LOGS: &str = "log";
    /// The ids of the queries.
    pub(crate) const QUERIES: &str = "queries";
    /// For each merge, the trial that was scored first of those with the same weights.
    pub(crate) const SAME_WEIGHTS: &str = "same";
    /// The documents that parents rank first.
    pub(crate) const TOP_DOCUMENTS: &str = "tops";
    /// What the folders of a study's later revisions begin with.
    pub(crate) const REVISION: &str = "revision-";
    /// Damaged files that were set aside.
    pub(crate) const DAMAGED: &str = "damaged";
    /// The merges that are kept.
    #[cfg(feature = "eval")]
    pub(crate) const MERGED: &str = "merged";

    /// The folders that every study has.
    pub(crate) const FOLDERS: [&str; 9] = [
        Self::PLAN,
        Self::CLAIMS,
        Self::RESULTS,
        Self::VALUES,
        Self::FAILURES,
        Self::LOGS,
        Self::QUERIES,
        Self::SAME_WEIGHTS,
        Self::TOP_DOCUMENTS,
    ];

    /// The folder of a study's revision after so many changes.
    pub(crate) fn revision(number: usize) -> String {
        format!("{}{number}", Self::REVISION)
    }

    /// The number of changes that a folder's name says.
    pub(crate) fn revision_of(name: &str) -> Option<usize> {
        let number = name.strip_prefix(Self::REVISION)?.parse().ok()?;
        (number > 0 && Self::revision(number) == name).then_some(number)
    }

    /// A file that is listed in a folder.
    pub(crate) fn entry(folder: &str, name: &str) -> String {
        format!("{folder}/{name}")
    }

    /// A generation of trials, by its kind and number.
    pub(crate) fn generation(kind: &str, index: usize) -> String {
        format!("{}/{kind}-{index:04}.json", Self::PLAN)
    }

    /// The claim on a trial at a stage.
    pub(crate) fn claim(key: &str) -> String {
        format!("{}/{key}", Self::CLAIMS)
    }

    /// Where a stale claim is moved by the process with this tag.
    pub(crate) fn stale_claim(key: &str, tag: &str) -> String {
        format!("{}/.stale-{key}-{tag}", Self::CLAIMS)
    }

    /// The result of a trial at a stage.
    pub(crate) fn result(key: &str) -> String {
        format!("{}/{key}.json", Self::RESULTS)
    }

    /// The values of a trial's single queries at a stage.
    pub(crate) fn values(key: &str) -> String {
        format!("{}/{key}.bin", Self::VALUES)
    }

    /// An attempt that failed.
    pub(crate) fn failure(key: &str, attempt: usize) -> String {
        format!("{}/{key}.{attempt}.json", Self::FAILURES)
    }

    /// A worker's log.
    pub(crate) fn log(worker: &str) -> String {
        format!("{}/{worker}.jsonl", Self::LOGS)
    }

    /// A file that is made to read the clock of the file system.
    pub(crate) fn clock(tag: &str) -> String {
        format!("{}/.clock-{tag}", Self::LOGS)
    }

    /// The ids of a data set's queries; `part` is `select` or `report`.
    pub(crate) fn queries(part: &str, index: usize) -> String {
        format!("{}/{part}-{index}.json", Self::QUERIES)
    }

    /// Names the trial that was scored first of those with these weights.
    pub(crate) fn same_weights(weights: &str, stage: impl Display) -> String {
        format!("{}/{weights}.{stage}", Self::SAME_WEIGHTS)
    }

    /// The documents that a parent ranks first.
    pub(crate) fn top_documents(trial: &str) -> String {
        format!("{}/{trial}.json", Self::TOP_DOCUMENTS)
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;

    /// Whoever looks into a study's folder finds each part of it explained in the book.
    #[test]
    fn every_part_of_a_studys_folder_is_in_the_book() {
        let guide = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src/guides/sweep.md"));
        let source = include_str!("layout.rs");
        let declared = source.split("const ").skip(1).filter_map(|part| {
            let (name, rest) = part.split_once(": &str = \"")?;
            name.chars().all(|c| c.is_ascii_uppercase() || c == '_').then(|| rest.split('"').next().unwrap_or_default())
        });
        let declared: Vec<&str> = declared.collect();
        assert!(declared.len() > Layout::FOLDERS.len(), "{declared:?}");
        assert!(Layout::FOLDERS.iter().all(|folder| declared.contains(folder)));
        for part in declared {
            let row = match part {
                file if file.contains('.') => format!("| `{file}` |"),
                numbered if numbered.ends_with('-') => format!("| `{numbered}"),
                folder => format!("| `{folder}/` |"),
            };
            assert!(guide.contains(&row), "docs/src/guides/sweep.md has no row for `{part}`");
        }
    }
}
