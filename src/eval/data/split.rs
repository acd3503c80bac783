//! Chooses the split and the files that belong to it.

use std::path::{Path, PathBuf};

use super::Error;
use super::layout::Labelled;

/// The default splits, in order of preference.
const USUAL: [&str; 3] = ["test", "dev", "validation"];

/// The labels of the requested split, or of the default one.
pub(super) fn choose(root: &Path, labels: &[&str], wanted: Option<&str>) -> Result<usize, Error> {
    let found = || labels.iter().map(|label| (*label).to_owned()).collect();
    if let ([only], Some(_)) = (labels, wanted)
        && only.is_empty()
    {
        return Ok(0); // A folder without splits is its only split.
    }
    if let Some(wanted) = wanted {
        let at = find(labels, wanted);
        return at.ok_or_else(|| Error::NoSplit { path: root.to_owned(), wanted: wanted.to_owned(), found: found() });
    }
    if labels.len() == 1 {
        return Ok(0);
    }
    let usual = USUAL.iter().find_map(|usual| find(labels, usual));
    usual.ok_or_else(|| Error::WhichSplit { path: root.to_owned(), found: found() })
}

/// The label that equals `wanted`, or else the only one that begins or ends with it: `dev` matches `miracl-v1.0-ko-dev`.
fn find(labels: &[&str], wanted: &str) -> Option<usize> {
    if let Some(at) = labels.iter().position(|label| *label == wanted) {
        return Some(at);
    }
    let mut near = labels.iter().enumerate().filter(|(_, label)| begins(label, wanted) || ends(label, wanted));
    near.next().filter(|_| near.next().is_none()).map(|(at, _)| at)
}

/// The files of queries or documents that belong to a split: those with its name, or with a part of it, or the only ones.
pub(super) fn files_of<'a>(
    root: &Path,
    what: &'static str,
    from: &'a [Labelled],
    split: &str,
) -> Result<&'a [PathBuf], Error> {
    let exact = from.iter().find(|labelled| labelled.label == split);
    let only = || from.first().filter(|_| from.len() == 1);
    let part = || {
        let related = |labelled: &&Labelled| begins(split, &labelled.label) || begins(&labelled.label, split);
        from.iter().filter(related).max_by_key(|labelled| labelled.label.len())
    };
    let whole = || from.iter().find(|labelled| ["", "corpus", "queries", "query"].contains(&labelled.label.as_str()));
    let found = exact.or_else(only).or_else(part).or_else(whole);
    found.map(|labelled| labelled.files.as_slice()).ok_or_else(|| Error::WhichFile {
        path: root.to_owned(),
        what,
        split: split.to_owned(),
        found: from.iter().map(|labelled| labelled.label.clone()).collect(),
    })
}

/// Whether `name` is `start` followed by a separator.
fn begins(name: &str, start: &str) -> bool {
    !start.is_empty() && name.strip_prefix(start).is_some_and(|rest| rest.starts_with(['.', '-', '_']))
}

fn ends(name: &str, end: &str) -> bool {
    !end.is_empty() && name.strip_suffix(end).is_some_and(|rest| rest.ends_with(['.', '-', '_']))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::diagnose::Diagnose as _;

    fn chosen<'a>(labels: &[&'a str], wanted: Option<&str>) -> Result<&'a str, Error> {
        choose(Path::new("set"), labels, wanted).map(|at| labels[at])
    }

    #[test]
    fn the_usual_split_is_test() {
        assert_eq!(chosen(&["dev", "test", "train"], None).unwrap(), "test");
        assert_eq!(chosen(&["dev", "train"], None).unwrap(), "dev");
        assert_eq!(chosen(&["train"], None).unwrap(), "train");
        let error = chosen(&["a", "b"], None).unwrap_err();
        assert_eq!(error.to_string(), "`set` has several splits and no `test`: a, b");
        assert_eq!(error.hint().unwrap(), "`--split a` takes one that is there");
    }

    #[test]
    fn a_split_may_be_a_part_of_the_label() {
        let labels = ["miracl-v1.0-ko-dev", "miracl-v1.0-ko-train"];
        assert_eq!(chosen(&labels, Some("dev")).unwrap(), labels[0]);
        assert_eq!(chosen(&["dev.large", "dev", "dev.small"], Some("dev")).unwrap(), "dev");
        assert!(chosen(&["dev.large", "dev.small"], Some("dev")).is_err());
        assert!(chosen(&["device"], Some("dev")).is_err());
        assert_eq!(chosen(&[""], Some("dev")).unwrap(), "");
        let error = chosen(&["dev", "train"], Some("test")).unwrap_err();
        assert_eq!(error.to_string(), "`set` has no split `test`: it has dev, train");
    }

    #[test]
    fn queries_are_those_of_the_split() {
        let labelled = |labels: &[&str]| -> Vec<Labelled> {
            labels.iter().map(|label| Labelled { label: (*label).into(), files: vec![(*label).into()] }).collect()
        };
        let of =
            |labels: &[&str], split| files_of(Path::new("set"), "queries", &labelled(labels), split).map(<[_]>::to_vec);
        assert_eq!(of(&["dev", "train"], "dev.small").unwrap(), [PathBuf::from("dev")]);
        assert_eq!(of(&["queries"], "test").unwrap(), [PathBuf::from("queries")]);
        assert_eq!(of(&["", "eval"], "dev").unwrap(), [PathBuf::new()]);
        let error = of(&["eval", "train"], "dev").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`set` has several files of queries and none is named after split `dev`: eval, train"
        );
    }
}
