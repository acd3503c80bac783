//! Handles untrusted tokenizer.json files: checks them before the tokenizers crate reads them, and runs them in steps that
//! limit the growth of a text and never drop an error.

mod charsmap;
mod check;
mod normalizer;
mod open;
mod pattern;
mod pre_tokenizer;
#[cfg(test)]
mod tests;

pub(super) use normalizer::Normalizer;
pub(super) use open::{Bounded, encode, encode_pair, encode_with, read};
