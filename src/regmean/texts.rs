//! The texts that run through the models.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::error::Error;
use crate::eval::data::{Options, plain_texts};
use crate::plan::Plan;
use crate::recipe::Texts;

/// The most texts of a file that are used.
pub(super) const MOST: usize = 1024;

/// The texts of each model, and what to say of them.
pub(super) fn read(plan: &Plan) -> Result<(Vec<Vec<String>>, Vec<String>), Error> {
    let mut known: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    let mut warnings = Vec::new();
    let sources = plan.recipe.slices.iter().flat_map(|slice| &slice.sources);
    let named: Vec<&Texts> =
        sources.filter_map(|source| source.texts.as_ref().or(plan.recipe.texts.as_ref())).collect();
    let mut texts = Vec::new();
    for named in named {
        let path = plan.recipe.path_of(named).unwrap_or_else(|| named.path.clone());
        if !known.contains_key(&path) {
            let found = plain_texts(&path, &Options::default())?;
            if found.is_empty() {
                return Err(Error::NoTexts { path, place: plan.recipe.place(&named.at).map(Box::new) });
            }
            if found.len() > MOST {
                warnings.push(format!(
                    "`{}` has {} texts, of which {MOST} are used, at equal distances",
                    named.path.display(),
                    found.len()
                ));
            }
            known.insert(path.clone(), spread(found));
        }
        texts.extend(known.get(&path).cloned());
    }
    Ok((texts, warnings))
}

/// At most so many of the texts, from all parts of the list.
fn spread(texts: Vec<String>) -> Vec<String> {
    let (count, kept) = (texts.len(), texts.len().min(MOST));
    let is_kept = |index: usize| index * kept / count != (index + 1) * kept / count;
    texts.into_iter().enumerate().filter(|(index, _)| is_kept(*index)).map(|(_, text)| text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_from_all_parts_of_a_file() {
        for count in [1, 100, MOST, MOST + 1, 5000] {
            let texts: Vec<String> = (0..count).map(|index| index.to_string()).collect();
            let kept = spread(texts);
            assert_eq!(kept.len(), count.min(MOST));
            let last: usize = kept.last().map_or(0, |text| text.parse().unwrap_or(0));
            assert_eq!(last, count - 1);
        }
    }
}
