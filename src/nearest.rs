//! The nearest known name to one that is not known, and the nearest path that exists.

use std::path::{Path, PathBuf};

/// The candidate that differs least from `name`, if they differ in at most a third of their letters.
pub(crate) fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let wanted: Vec<char> = name.chars().take(LONGEST + 1).flat_map(char::to_lowercase).collect();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let letters: Vec<char> = candidate.chars().collect();
            let longer = wanted.len().max(letters.len());
            let limit = if longer < 3 { 0 } else { longer / 3 };
            let near = longer <= LONGEST && wanted.len().abs_diff(letters.len()) <= limit;
            let distance = near.then(|| distance(&wanted, &letters))?;
            (distance <= limit).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Entries of a folder that are compared; a hint is not worth a walk through millions.
const ENTRIES: usize = 10_000;

/// The path that differs least from `path`, which does not exist, in one of its names: `models/ko-k` gives `models/ko-ko`.
pub(crate) fn nearest_path(path: &Path) -> Option<PathBuf> {
    let missing = path.ancestors().find(|part| !part.exists() && folder_of(part).is_some_and(Path::is_dir))?;
    let name = missing.file_name()?.to_str()?;
    let entries = std::fs::read_dir(folder_of(missing)?).ok()?.take(ENTRIES).flatten();
    let names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let mut found = missing.with_file_name(nearest(name, names.iter().map(String::as_str))?);
    let rest = path.strip_prefix(missing).ok()?;
    if rest != Path::new("") {
        found.push(rest);
    }
    found.exists().then_some(found)
}

/// The folder that a relative or absolute path lies in.
fn folder_of(path: &Path) -> Option<&Path> {
    let parent = path.parent()?;
    Some(if parent == Path::new("") { Path::new(".") } else { parent })
}

/// The hint for a path that does not exist, where one like it does.
pub(crate) fn path_hint(path: &Path) -> Option<String> {
    nearest_path(path).map(|near| format!("did you mean `{}`?", crate::escape::line(&near.display().to_string())))
}

/// The longest text that can be a misspelt name.
const LONGEST: usize = 64;

/// The number of insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn finds_misspelt_names_and_no_others() {
        let names = ["weight", "density", "t", "lambda", "normalize"];
        for (written, expected) in [
            ("weigth", Some("weight")),
            ("Weight", Some("weight")),
            ("densty", Some("density")),
            ("lamda", Some("lambda")),
            ("normalise", Some("normalize")),
            ("u", None),
            ("wait", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, names), expected, "{written}");
        }
    }

    #[test]
    fn finds_the_one_misspelt_name_of_a_path() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("models/ko-ko")).unwrap();
        for (written, expected) in [
            ("models/ko-k", Some("models/ko-ko")),
            ("modles/ko-ko", Some("models/ko-ko")),
            ("modles/ko-k", None),
            ("models/english", None),
            ("models/ko-ko", None),
        ] {
            let expected = expected.map(|path| folder.path().join(path));
            assert_eq!(nearest_path(&folder.path().join(written)), expected, "{written}");
        }
    }
}
