//! A pre-tokenizer that never drops an error of a regular expression.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokenizers::pattern::Invert;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::split::SplitPattern;
use tokenizers::{PreTokenizedString, SplitDelimiterBehavior};

use super::pattern::compile;

/// The expression of `ByteLevel`, which the crate does not export.
const BYTE_LEVEL: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// The pre-tokenizer of a file.
#[derive(Clone, Debug)]
pub(in crate::encoder) struct PreTokenizer {
    given: PreTokenizerWrapper,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Plain(PreTokenizerWrapper),
    Split {
        pattern: fancy_regex::Regex,
        behavior: SplitDelimiterBehavior,
        invert: bool,
    },
    /// The steps of `ByteLevel` before bytes are mapped to characters.
    Words {
        pattern: fancy_regex::Regex,
        prefix: bool,
    },
    Broken(String),
}

impl<P: Into<PreTokenizerWrapper>> From<P> for PreTokenizer {
    fn from(given: P) -> Self {
        let given = given.into();
        let mut steps = Vec::new();
        flatten(&given, &mut steps);
        Self { given, steps }
    }
}

impl<'de> Deserialize<'de> for PreTokenizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PreTokenizerWrapper::deserialize(deserializer).map(Self::from)
    }
}

impl Serialize for PreTokenizer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.given.serialize(serializer)
    }
}

fn flatten(given: &PreTokenizerWrapper, steps: &mut Vec<Step>) {
    match given {
        PreTokenizerWrapper::Sequence(inner) => inner.as_ref().iter().for_each(|step| flatten(step, steps)),
        PreTokenizerWrapper::Split(split) => {
            let compiled = match &split.pattern {
                SplitPattern::String(plain) => compile(plain, true),
                SplitPattern::Regex(regex) => compile(regex, false),
            };
            steps.push(compiled.map_or_else(Step::Broken, |pattern| Step::Split {
                pattern,
                behavior: split.behavior,
                invert: split.invert,
            }));
        }
        PreTokenizerWrapper::ByteLevel(bytes) if bytes.use_regex => {
            let prefix = bytes.add_prefix_space;
            steps.push(compile(BYTE_LEVEL, false).map_or_else(Step::Broken, |pattern| Step::Words { pattern, prefix }));
            steps.push(Step::Plain(ByteLevel::new(false, bytes.trim_offsets, false).into()));
        }
        other => steps.push(Step::Plain(other.clone())),
    }
}

impl tokenizers::PreTokenizer for PreTokenizer {
    fn pre_tokenize(&self, text: &mut PreTokenizedString) -> tokenizers::Result<()> {
        for step in &self.steps {
            match step {
                Step::Plain(step) => step.pre_tokenize(text)?,
                Step::Split { pattern, behavior, invert: false } => {
                    text.split(|_, piece| piece.split(pattern, *behavior))?;
                }
                Step::Split { pattern, behavior, invert: true } => {
                    text.split(|_, piece| piece.split(Invert(pattern), *behavior))?;
                }
                Step::Words { pattern, prefix } => text.split(|_, mut piece| {
                    if *prefix && !piece.get().starts_with(' ') {
                        piece.prepend(" ");
                    }
                    piece.split(pattern, SplitDelimiterBehavior::Isolated)
                })?,
                Step::Broken(problem) => return Err(problem.clone().into()),
            }
        }
        Ok(())
    }
}
