//! Finds the tensors that have a row for each token.

use super::super::error::Error;
use super::super::models::Models;
use crate::checkpoint::{Tensor, Weights, layer_of};

/// Name endings of token embedding tables, the surest first.
const TABLES: [&str; 9] = [
    "word_embeddings.weight",
    "tok_embeddings.weight",
    "embed_tokens.weight",
    "wte.weight",
    "embed_in.weight",
    "shared.weight",
    "token_embedding.weight",
    "embedding.weight",
    "embeddings.weight",
];

/// Tensors of heads that score each token.
const HEADS: [&str; 15] = [
    "lm_head.weight",
    "lm_head.bias",
    "lm_head.decoder.weight",
    "lm_head.decoder.bias",
    "cls.predictions.bias",
    "cls.predictions.decoder.weight",
    "cls.predictions.decoder.bias",
    "vocab_projector.weight",
    "vocab_projector.bias",
    "decoder.weight",
    "decoder.bias",
    "embed_out.weight",
    "generator_lm_head.weight",
    "generator_lm_head.bias",
    "output.weight",
];

/// Parts of names of tables that do not belong to tokens.
const OTHERS: [&str; 4] = ["position", "type", "norm", "Norm"];

/// A tensor of an unknown name with as many rows as there are tokens counts as a token table if there are at least this
/// many, because no other size is then likely to be equal.
const MANY: usize = 1000;

pub(in crate::plan) fn is_table(canonical: &str) -> bool {
    layer_of(canonical).is_none() && TABLES.iter().any(|end| ends_with_name(canonical, end))
}

pub(in crate::plan) fn is_head(canonical: &str) -> bool {
    HEADS.iter().any(|name| ends_with_name(canonical, name))
}

/// Whether a name ends with whole components.
pub(in crate::plan) fn ends_with_name(canonical: &str, end: &str) -> bool {
    canonical.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn is_matrix(tensor: &Tensor) -> bool {
    tensor.shape.len() == 2 && tensor.float().is_some()
}

/// The index of a model's token embedding table among its tensors, if it has a known name.
pub(in crate::plan) fn table(tensors: &[Tensor]) -> Option<usize> {
    TABLES.iter().find_map(|end| {
        let fits = |tensor: &Tensor| {
            is_matrix(tensor) && layer_of(&tensor.canonical).is_none() && ends_with_name(&tensor.canonical, end)
        };
        tensors.iter().position(fits)
    })
}

/// The number of rows of a model's token embedding table.
pub(in crate::plan) fn token_rows(models: &Models, model: usize) -> Result<usize, Error> {
    let checkpoint = &models.checkpoints[model];
    let tensors = checkpoint.main_module().and_then(|module| module.weights.as_ref()).map_or(&[][..], Weights::tensors);
    let named = table(tensors).and_then(|table| tensors.get(table));
    let sized = || {
        let stated = usize::try_from(checkpoint.settings().architecture.vocab_size?).ok()?;
        tensors.iter().filter(|tensor| is_matrix(tensor)).find(|tensor| tensor.shape.first() == Some(&stated))
    };
    let table = named.or_else(sized).ok_or_else(|| Error::NoTokenTable { model: models.paths[model].clone() })?;
    Ok(table.shape.first().copied().unwrap_or(0))
}

/// Whether the tensors of one name, each with its model, have a row for each token.
///
/// # Errors
/// A tensor whose name says so but whose number of rows does not match.
pub(in crate::plan) fn has_token_rows(
    canonical: &str,
    tensors: &[(usize, &Tensor)],
    model_rows: &[usize],
    paths: &[String],
) -> Result<bool, Error> {
    let rows = |(_, tensor): &(usize, &Tensor)| tensor.shape.first().copied();
    let expected = |(model, _): &(usize, &Tensor)| model_rows.get(*model).copied();
    let wrong = tensors.iter().find(|found| rows(found) != expected(found) || found.1.float().is_none());
    let is_known = is_table(canonical) || is_head(canonical);
    if let Some(found) = wrong {
        // A head with a different number of rows does not belong to the vocabulary and is merged like any other tensor.
        return match (is_table(canonical), rows(found), expected(found)) {
            (true, Some(found_rows), Some(expected))
                if !canonical.contains("position") && !canonical.contains("type") =>
            {
                Err(Error::TokenRows {
                    tensor: canonical.to_owned(),
                    model: paths.get(found.0).cloned().unwrap_or_default(),
                    found: found_rows,
                    expected,
                })
            }
            _ => Ok(false),
        };
    }
    if is_known {
        return Ok(true);
    }
    let differ = tensors.iter().any(|found| rows(found) != tensors.first().and_then(rows));
    let is_other = OTHERS.iter().any(|part| canonical.contains(part));
    let many = tensors.iter().all(|found| rows(found) >= Some(MANY));
    Ok(layer_of(canonical).is_none() && (differ || (many && !is_other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_tokens_are_known_by_name() {
        for name in [
            "embeddings.word_embeddings.weight",
            "embed_tokens.weight",
            "embeddings.tok_embeddings.weight",
            "shared.weight",
            "wte.weight",
            "embedding.weight",
        ] {
            assert!(is_table(name), "{name}");
        }
        for name in [
            "embeddings.position_embeddings.weight",
            "embeddings.token_type_embeddings.weight",
            "layers.0.embed_tokens.weight",
            "embeddings.LayerNorm.weight",
        ] {
            assert!(!is_table(name), "{name}");
        }
        assert!(is_head("lm_head.decoder.bias") && is_head("cls.predictions.bias") && !is_head("pooler.dense.bias"));
    }
}
