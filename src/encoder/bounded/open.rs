//! Reads a tokenizer from a tokenizer.json, and encodes texts with it; panics of the crate become errors.

use tokenizers::models::ModelWrapper;
use tokenizers::{DecoderWrapper, EncodeInput, Encoding, PostProcessorWrapper, TokenizerImpl};

use super::check::check;
use super::normalizer::{Normalizer, failure};
use super::pre_tokenizer::PreTokenizer;
use crate::caught::catch;

/// The most bytes of a tokenizer.json.
pub(super) const LARGEST: usize = 512 << 20;

/// A tokenizer whose steps over a text are bounded.
pub(in crate::encoder) type Bounded =
    TokenizerImpl<ModelWrapper, Normalizer, PreTokenizer, PostProcessorWrapper, DecoderWrapper>;

/// Reads a tokenizer.json, without its padding and truncation.
///
/// # Errors
/// What is wrong with it.
pub(in crate::encoder) fn read(bytes: &[u8]) -> Result<Bounded, String> {
    if bytes.len() > LARGEST {
        return Err(format!("{} bytes long, expected at most {} MiB", bytes.len(), LARGEST >> 20));
    }
    check(bytes)?;
    let read = catch(|| Bounded::from_bytes(bytes)).map_err(|_| UNUSABLE.to_owned())?;
    let mut tokenizer = read.map_err(|error| error.to_string())?;
    tokenizer.with_padding(None);
    if let Some(truncation) = tokenizer.get_truncation_mut() {
        // These lengths come from some training run and may even contradict each other.
        (truncation.max_length, truncation.stride) = (usize::MAX >> 1, 0);
    }
    // Errors that any text would cause should be found here and not at the first text.
    for text in ["", "a", "a가é\u{1f600}"] {
        encode(&tokenizer, text)?;
    }
    Ok(tokenizer)
}

const UNUSABLE: &str = "its parts do not fit together: the tokenizer's reader gave up on it";

/// Encodes a text, with special tokens.
///
/// # Errors
/// What is wrong with the tokenizer, or exceeds a limit in the text.
pub(in crate::encoder) fn encode(tokenizer: &Bounded, text: &str) -> Result<Encoding, String> {
    encode_with(tokenizer, text, true)
}

/// The tokens of a text, with or without the special tokens around them.
///
/// # Errors
/// What is wrong with the tokenizer, or too much in the text.
pub(in crate::encoder) fn encode_with(tokenizer: &Bounded, text: &str, special: bool) -> Result<Encoding, String> {
    encode_input(tokenizer, text.into(), special)
}

/// Encodes a pair of texts, with special tokens around and between them.
///
/// # Errors
/// As for [`encode`].
pub(in crate::encoder) fn encode_pair(tokenizer: &Bounded, first: &str, second: &str) -> Result<Encoding, String> {
    encode_input(tokenizer, (first, second).into(), true)
}

fn encode_input(tokenizer: &Bounded, text: EncodeInput<'_>, special: bool) -> Result<Encoding, String> {
    failure();
    let encoded = catch(|| tokenizer.encode_fast(text, special));
    if let Some(problem) = failure() {
        return Err(problem);
    }
    match encoded {
        Ok(encoded) => encoded.map_err(|error| error.to_string()),
        Err(_) => Err("the tokenizer's parts do not fit together: it gave up on this text".to_owned()),
    }
}
