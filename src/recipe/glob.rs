//! Globs of `sources`: `*`, `?` and `[…]` in the names of folders, as a shell reads them. Only folders are listed; nothing is
//! opened.

use std::cmp::Ordering;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::wildcard;

/// Matches of one glob; no run has as many checkpoints.
pub(super) const MOST: usize = 1000;

/// Why a glob has no list of matches.
#[derive(Debug)]
pub(super) enum Unlisted {
    /// `**`, which a shell may read and this does not.
    Recursive,
    /// More matches than [`MOST`].
    TooMany,
    /// A name that is no text.
    NotText(PathBuf),
    /// A folder that cannot be listed.
    Unread(PathBuf, io::Error),
}

/// Whether a text is a glob, and not a path.
pub(super) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// A glob that matches nothing but this path.
pub(crate) fn literal_glob(path: &str) -> String {
    let part = |c: char| if is_glob(c.encode_utf8(&mut [0; 4])) { format!("[{c}]") } else { c.to_string() };
    path.chars().map(part).collect()
}

/// What a glob matches, from a folder on, in natural order; a path without wildcards matches itself where it is there.
pub(super) fn matches(folder: &Path, glob: &str) -> Result<Vec<String>, Unlisted> {
    if glob.split('/').any(|part| part == "**") {
        return Err(Unlisted::Recursive);
    }
    let begin = if glob.starts_with('/') { PathBuf::from("/") } else { folder.to_path_buf() };
    let mut found = vec![begin];
    for part in glob.split('/').filter(|part| !part.is_empty() && *part != ".") {
        let mut next = Vec::new();
        for folder in found {
            if is_glob(part) {
                list(&folder, part, &mut next)?;
            } else {
                next.push(folder.join(part));
            }
            if next.len() > MOST {
                return Err(Unlisted::TooMany);
            }
        }
        found = next;
    }
    found.retain(|path| path.symlink_metadata().is_ok());
    let text = |path: PathBuf| path.into_os_string().into_string().map_err(|path| Unlisted::NotText(path.into()));
    let mut found = found.into_iter().map(text).collect::<Result<Vec<String>, Unlisted>>()?;
    found.sort_by(|one, other| natural(one, other));
    Ok(found)
}

/// Adds what is in a folder and matches one part of a glob. What is no folder, or is not there, holds nothing.
fn list(folder: &Path, part: &str, into: &mut Vec<PathBuf>) -> Result<(), Unlisted> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = match fs::read_dir(here) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
        Err(error) => return Err(Unlisted::Unread(here.to_path_buf(), error)),
    };
    for entry in entries {
        let name = entry.map_err(|error| Unlisted::Unread(here.to_path_buf(), error))?.file_name();
        let text = name.to_string_lossy();
        // As in a shell, a wildcard stands for no dot in front of a name.
        let is_hidden = text.starts_with('.') && !part.starts_with('.');
        if !is_hidden && wildcard::matches(part, &text) {
            into.push(folder.join(&name));
        }
        if into.len() > MOST {
            return Err(Unlisted::TooMany);
        }
    }
    Ok(())
}

/// The order of names in which numbers count by their value: `step-900` stands before `step-1000`.
pub(super) fn natural(one: &str, other: &str) -> Ordering {
    let (mut a, mut b) = (one.as_bytes(), other.as_bytes());
    loop {
        let (digits_a, rest_a) = digits(a);
        let (digits_b, rest_b) = digits(b);
        let order = if digits_a.is_empty() || digits_b.is_empty() {
            match (a.split_first(), b.split_first()) {
                (Some((first, rest)), Some((second, others))) => {
                    (a, b) = (rest, others);
                    first.cmp(second)
                }
                // Names of equal numbers may be spelt otherwise.
                _ => return a.len().cmp(&b.len()).then_with(|| one.cmp(other)),
            }
        } else {
            (a, b) = (rest_a, rest_b);
            let (x, y) = (without_zeros(digits_a), without_zeros(digits_b));
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The digits at the beginning, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len());
    digits.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn numbers_in_names_count_by_their_value() {
        let mut names = ["step-1000", "step-90", "step-900", "step-0091", "step-91", "last", "step-1000-b", "step"];
        names.sort_by(|one, other| natural(one, other));
        assert_eq!(names, ["last", "step", "step-90", "step-0091", "step-91", "step-900", "step-1000", "step-1000-b"]);
        let huge = format!("step-{}", "9".repeat(100));
        assert_eq!(natural("step-18446744073709551616", &huge), Ordering::Less);
        assert_eq!(natural("epoch_2-step_10", "epoch_10-step_2"), Ordering::Less);
    }

    #[test]
    fn folders_are_listed_from_the_folder_on() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["runs/a/step-10", "runs/a/step-9", "runs/b/step-3", "runs/.hidden/step-1", "runs/b/last"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("runs/file"), "").unwrap();
        let found = |glob: &str| {
            let found = matches(folder.path(), glob).unwrap();
            let own =
                |path: &String| Path::new(path).strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
            found.iter().map(own).collect::<Vec<_>>()
        };
        assert_eq!(found("runs/*/step-*"), ["runs/a/step-9", "runs/a/step-10", "runs/b/step-3"]);
        assert_eq!(found("./runs//.h*/*/"), ["runs/.hidden/step-1"]);
        assert_eq!(found("runs/b/last"), ["runs/b/last"]);
        assert_eq!(found("runs/../runs/b/l*"), ["runs/../runs/b/last"]);
        assert!(found("runs/c/*").is_empty() && found("runs/c").is_empty() && found("*/file/*").is_empty());
        assert!(matches!(matches(folder.path(), "**/step-*"), Err(Unlisted::Recursive)));
        let whole = format!("{}/runs/a/*", folder.path().display());
        assert_eq!(matches(Path::new("elsewhere"), &whole).unwrap().len(), 2);
    }
}
