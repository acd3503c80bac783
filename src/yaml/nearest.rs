//! Finds the known name that is nearest to an unknown one.

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
}
