//! Globs of `sources`: `*`, `?` and `[…]` in the names of folders, as a shell reads them. Only folders are listed; nothing is
//! opened.

use std::cmp::Ordering;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
    let pattern: Vec<char> = part.chars().collect();
    for entry in entries {
        let name = entry.map_err(|error| Unlisted::Unread(here.to_path_buf(), error))?.file_name();
        let text: Vec<char> = name.to_string_lossy().chars().collect();
        // As in a shell, a wildcard stands for no dot in front of a name.
        let is_hidden = text.first() == Some(&'.') && pattern.first() != Some(&'.');
        if !is_hidden && is_match(&pattern, &text) {
            into.push(folder.join(name));
        }
        if into.len() > MOST {
            return Err(Unlisted::TooMany);
        }
    }
    Ok(())
}

/// Whether a name matches. `*` is first taken for nothing and, where the rest does not match, for one character more: the last
/// one is enough to go back to.
fn is_match(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match (pattern.get(p), name.get(n)) {
            (None, None) => return true,
            (Some('*'), _) => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            (Some(_), Some(c)) => one(pattern.get(p..).unwrap_or_default(), *c),
            _ => None,
        };
        match (step, &mut star) {
            (Some(length), _) => (p, n) = (p + length, n + 1),
            (None, Some((after, taken))) if *taken < name.len() => {
                *taken += 1;
                (p, n) = (*after, *taken);
            }
            _ => return false,
        }
    }
}

/// How much of the pattern stands for a character, if its beginning does.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', rest @ ..] => match set(rest, c) {
            Some((length, matches)) => matches.then_some(length + 1),
            // Without its end, `[` is a character.
            None => (c == '[').then_some(1),
        },
        [first, ..] => (*first == c).then_some(1),
        [] => None,
    }
}

/// Whether a character is in the set that begins behind `[`, and the set's length with its end.
fn set(pattern: &[char], c: char) -> Option<(usize, bool)> {
    let is_negated = matches!(pattern.first(), Some('!' | '^'));
    let begin = usize::from(is_negated);
    let mut at = begin;
    let mut found = false;
    loop {
        let first = *pattern.get(at)?;
        if first == ']' && at > begin {
            return Some((at + 1, found != is_negated));
        }
        match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some('-'), Some(last)) if *last != ']' => {
                found |= (first..=*last).contains(&c);
                at += 3;
            }
            _ => {
                found |= first == c;
                at += 1;
            }
        }
    }
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
    fn names_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("step-*", "step-900", true),
            ("step-*", "step-", true),
            ("step-*", "step", false),
            ("*-9*0", "step-9-900", true),
            ("*-9*0", "step-901", false),
            ("step-?00", "step-900", true),
            ("step-?00", "step-1000", false),
            ("step-[0-9]*", "step-900", true),
            ("step-[0-9]*", "step-best", false),
            ("step-[!0-9]*", "step-best", true),
            ("step-[^b]*", "step-best", false),
            ("[]a]", "]", true),
            ("[[]1]", "[1]", true),
            ("[a-]", "-", true),
            ("[1", "[1", true),
            ("**", "x", true),
            ("*", "", true),
            ("?", "한", true),
            ("[가-힣]?", "한국", true),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            assert_eq!(is_match(&chars(pattern), &chars(name)), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_long_time() {
        let pattern: Vec<char> = "*a".repeat(100).chars().chain(['b']).collect();
        assert!(!is_match(&pattern, &vec!['a'; 2000]));
    }

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
