//! Classes of rows of a vocabulary tensor that have their own parameters, such as the rows of one script.

use std::sync::Arc;

use super::super::error::Error;
use super::super::models::Models;
use super::alignment::Alignment;
use super::by_row::{ByRow, RowClass};
use super::token_rows::{is_head, is_table};
use crate::checkpoint::{TokenScript, TokenScripts, layer_of};
use crate::method::Arguments;
use crate::recipe::{Recipe, RowKind};

/// The rows of vocabulary tensors in groups that the recipe's conditions tell apart.
pub(in crate::plan) struct RowClasses {
    /// The kinds that conditions name. All others share one group after them.
    named: Vec<RowKind>,
    /// The group of each token.
    of_token: Arc<[u8]>,
    /// The numbers of rows that a vocabulary tensor may have.
    sizes: Vec<usize>,
    /// Groups that no tensor has had yet.
    unseen: Vec<RowKind>,
}

impl RowClasses {
    /// Builds the groups of rows that a recipe's conditions name; `None` where it has no such condition.
    pub(in crate::plan) fn build(
        recipe: &Recipe,
        models: &Models,
        donor: usize,
        alignment: Option<&Alignment>,
    ) -> Result<Option<Self>, Error> {
        let Some((_, first)) = recipe.rows().next() else { return Ok(None) };
        let mut named: Vec<RowKind> = Vec::new();
        for kind in recipe.rows().flat_map(|(_, rows)| &rows.kinds) {
            if !named.contains(kind) {
                named.push(*kind);
            }
        }
        let checkpoint = &models.checkpoints[donor];
        let tokens = match alignment {
            Some(alignment) => TokenScripts::of_merged(&alignment.vocabulary),
            None => TokenScripts::read(checkpoint.tokenizer()).map_err(|source| Error::Tokens {
                model: models.paths[donor].clone(),
                source,
                place: recipe.place(&first.at).map(Box::new),
            })?,
        };
        let group = |token: &TokenScript| {
            let kind = match token {
                TokenScript::Script(script) => RowKind::Script(*script),
                TokenScript::Special => RowKind::Special,
                TokenScript::None => RowKind::NoScript,
            };
            group_of(&named, kind)
        };
        let of_token: Arc<[u8]> = tokens.tokens().iter().map(group).collect();
        let stated = checkpoint.settings().architecture.vocab_size.and_then(|size| usize::try_from(size).ok());
        let aligned = alignment.map(|alignment| alignment.rows);
        let sizes = aligned.or(stated).into_iter().chain([of_token.len()]).collect();
        Ok(Some(Self { unseen: named.clone(), named, of_token, sizes }))
    }

    /// Whether a tensor of the transformer has a row for each token.
    pub(in crate::plan) fn are_of(&self, canonical: &str, shape: &[usize]) -> bool {
        let named = is_table(canonical) || is_head(canonical);
        named && layer_of(canonical).is_none() && shape.first().is_some_and(|rows| self.sizes.contains(rows))
    }

    /// The arguments of a tensor of `rows` rows. `resolve` returns those of a group of rows, which has a name for messages.
    /// Where no group differs, they are those of the whole tensor.
    pub(in crate::plan) fn arguments(
        &mut self,
        rows: usize,
        resolve: impl Fn(Option<RowKind>, &str) -> Result<Arguments, Error>,
    ) -> Result<(Arguments, Option<ByRow>), Error> {
        // Rows after the last token.
        let rest = group_of(&self.named, RowKind::NoScript);
        let mut counts = vec![0; self.named.len() + 1];
        for row in 0..rows {
            let group = self.of_token.get(row).copied().unwrap_or(rest);
            if let Some(count) = counts.get_mut(usize::from(group)) {
                *count += 1;
            }
        }
        let mut classes = Vec::new();
        let mut class_of_group = vec![0; counts.len()];
        for (group, count) in counts.iter().copied().enumerate().filter(|(_, count)| *count > 0) {
            let kind = self.named.get(group).copied();
            let name = kind.map_or("others", RowKind::name);
            // Any kind that no condition names represents the others.
            let arguments = resolve(kind.or(Some(OTHER)), name)?;
            self.unseen.retain(|unseen| Some(*unseen) != kind);
            class_of_group[group] = classes.len();
            classes.push(RowClass { name: name.to_owned(), rows: count, arguments });
        }
        let Some(largest) = classes.iter().max_by_key(|class| class.rows) else {
            return Ok((resolve(None, "")?, None));
        };
        let arguments = largest.arguments.clone();
        if classes.iter().all(|class| class.arguments == arguments) {
            return Ok((arguments, None));
        }
        let by_row = ByRow { group_of_token: Arc::clone(&self.of_token), rest, class_of_group, classes };
        Ok((arguments, Some(by_row)))
    }

    /// Warnings, one for each kind of rows that no tensor has.
    pub(in crate::plan) fn remarks(&self) -> impl Iterator<Item = String> {
        let remark =
            |kind: &RowKind| format!("`rows: {{script: {}}}` holds for no row of a vocabulary tensor", kind.name());
        self.unseen.iter().map(remark)
    }
}

/// A kind that recipes cannot name.
const OTHER: RowKind = RowKind::Script(unicode_script::Script::Unknown);

/// The group of a kind.
fn group_of(named: &[RowKind], kind: RowKind) -> u8 {
    let group = named.iter().position(|known| *known == kind).unwrap_or(named.len());
    // There are fewer than 200 scripts.
    u8::try_from(group).unwrap_or(u8::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use unicode_script::Script;

    use super::*;
    use crate::method::Value;

    const HANGUL: RowKind = RowKind::Script(Script::Hangul);

    fn rows(named: &[RowKind], of_token: &[u8]) -> RowClasses {
        RowClasses { named: named.to_vec(), of_token: of_token.into(), sizes: vec![6], unseen: named.to_vec() }
    }

    fn weight(number: f64) -> Arguments {
        Arguments { shared: [("weight", Value::Number(number))].into(), models: Vec::new() }
    }

    #[test]
    fn rows_are_grouped_by_what_conditions_name() {
        let mut rows = rows(&[HANGUL, RowKind::Special], &[1, 0, 2, 0]);
        let resolve = |kind: Option<RowKind>, _: &str| Ok(weight(if kind == Some(HANGUL) { 0.9 } else { 0.5 }));
        let (most, by_row) = rows.arguments(6, resolve).unwrap();
        let by_row = by_row.unwrap();
        assert_eq!(most, weight(0.5));
        let classes: Vec<_> = by_row.classes.iter().map(|class| (class.name.as_str(), class.rows)).collect();
        assert_eq!(classes, [("Hangul", 2), ("special", 1), ("others", 3)]);
        assert_eq!((0..6).map(|row| by_row.class(row)).collect::<Vec<_>>(), [1, 0, 2, 0, 2, 2]);
        assert_eq!(rows.remarks().count(), 0);
    }

    #[test]
    fn rows_without_a_token_are_of_no_script() {
        let mut rows = rows(&[RowKind::NoScript, HANGUL], &[2, 2]);
        let number = |kind: Option<RowKind>, _: &str| Ok(weight(f64::from(u8::from(kind == Some(RowKind::NoScript)))));
        let by_row = rows.arguments(4, number).unwrap().1.unwrap();
        assert_eq!((0..4).map(|row| by_row.class(row)).collect::<Vec<_>>(), [1, 1, 0, 0]);
        assert_eq!(
            rows.remarks().collect::<Vec<_>>(),
            ["`rows: {script: Hangul}` holds for no row of a vocabulary tensor"]
        );
    }

    #[test]
    fn equal_arguments_leave_the_tensor_whole() {
        let mut rows = rows(&[HANGUL], &[0, 1, 1]);
        assert!(rows.arguments(3, |_, _| Ok(weight(0.5))).unwrap().1.is_none());
    }

    #[test]
    fn vocabulary_tensors_are_known_by_name_and_size() {
        let rows = rows(&[HANGUL], &[0; 4]);
        for (name, shape, expected) in [
            ("embeddings.word_embeddings.weight", &[6, 3][..], true),
            ("lm_head.decoder.bias", &[6], true),
            ("cls.predictions.bias", &[6], true),
            ("embeddings.word_embeddings.weight", &[5, 3], false),
            ("embeddings.position_embeddings.weight", &[6, 3], false),
            ("encoder.layer.0.decoder.weight", &[6, 3], false),
            ("pooler.dense.weight", &[6, 6], false),
        ] {
            assert_eq!(rows.are_of(name, shape), expected, "{name}");
        }
    }
}
