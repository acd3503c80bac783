//! A stranger's tokenizer.json: checked before the tokenizers crate sees it, and run in steps that cannot make a text grow
//! without bound or drop an error.

mod charsmap;
mod check;
mod normalizer;
mod open;
mod pattern;
mod pre_tokenizer;
#[cfg(test)]
mod tests;

pub(super) use normalizer::Normalizer;
pub(super) use open::{Bounded, encode, encode_with, read};
