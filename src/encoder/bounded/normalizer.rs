//! A normalizer whose steps are bounded.

use std::cell::Cell;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pattern::Pattern as _;
use tokenizers::{NormalizedString, Normalizer as _};

use super::pattern::{Found, compile};

/// How many times its bytes a text may grow to. Unicode's longest compatibility form has eleven times the bytes of its
/// character, and a byte-level spelling doubles them.
const TIMES: usize = 32;
/// Bytes that any text may grow by, for prefixes.
const BESIDES: usize = 1024;

/// The normalizer of a file, whose steps check how much the text grows.
#[derive(Clone, Debug)]
pub(in crate::encoder) struct Normalizer {
    given: NormalizerWrapper,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Plain(NormalizerWrapper),
    Replace { pattern: fancy_regex::Regex, content: String },
    Broken(String),
}

impl Normalizer {
    /// The normalizer of the file, without bounds.
    pub(in crate::encoder) fn given(&self) -> &NormalizerWrapper {
        &self.given
    }
}

impl<N: Into<NormalizerWrapper>> From<N> for Normalizer {
    fn from(given: N) -> Self {
        let given = given.into();
        let mut steps = Vec::new();
        flatten(&given, &mut steps);
        Self { given, steps }
    }
}

impl<'de> Deserialize<'de> for Normalizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NormalizerWrapper::deserialize(deserializer).map(Self::from)
    }
}

impl Serialize for Normalizer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.given.serialize(serializer)
    }
}

fn flatten(given: &NormalizerWrapper, steps: &mut Vec<Step>) {
    match given {
        NormalizerWrapper::Sequence(inner) => inner.as_ref().iter().for_each(|step| flatten(step, steps)),
        NormalizerWrapper::Replace(replace) => {
            // The crate has no other access to the pattern.
            let value = serde_json::to_value(replace).unwrap_or_default();
            let text = |key: &str| value.get("pattern")?.get(key).and_then(Value::as_str);
            let compiled = match (text("String"), text("Regex")) {
                (Some(plain), _) => compile(plain, true),
                (_, Some(regex)) => compile(regex, false),
                _ => Err("a Replace without a pattern".to_owned()),
            };
            steps.push(match compiled {
                Ok(pattern) => Step::Replace { pattern, content: replace.content.clone() },
                Err(problem) => Step::Broken(problem),
            });
        }
        other => steps.push(Step::Plain(other.clone())),
    }
}

thread_local! {
    static FAILED: Cell<Option<String>> = const { Cell::new(None) };
}

/// Takes the error of a normalizer on this thread since the last call, because the crate drops it.
pub(super) fn failure() -> Option<String> {
    FAILED.take()
}

impl tokenizers::Normalizer for Normalizer {
    fn normalize(&self, normalized: &mut NormalizedString) -> tokenizers::Result<()> {
        self.run(normalized).inspect_err(|error| FAILED.set(Some(error.to_string())))
    }
}

impl Normalizer {
    fn run(&self, normalized: &mut NormalizedString) -> tokenizers::Result<()> {
        let from = normalized.get().len();
        let most = from.saturating_mul(TIMES).saturating_add(BESIDES);
        let check = |length: usize| if length > most { Err(grows(from, most)) } else { Ok(()) };
        for step in &self.steps {
            match step {
                Step::Plain(NormalizerWrapper::Prepend(step)) => {
                    check(normalized.get().len().saturating_add(step.prepend.len()))?;
                    step.normalize(normalized)?;
                }
                Step::Plain(step) => {
                    step.normalize(normalized)?;
                    check(normalized.get().len())?;
                }
                Step::Replace { pattern, content } => {
                    let text = normalized.get();
                    // An error of the regular expression, such as its limit, is reported for the text; the crate would drop
                    // it.
                    let found = pattern.find_matches(text)?;
                    let matched = found.iter().filter(|(_, is_match)| *is_match);
                    let (mut times, mut taken) = (0_usize, 0);
                    matched.for_each(|((start, end), _)| (times, taken) = (times + 1, taken + end - start));
                    check((text.len() - taken).saturating_add(times.saturating_mul(content.len())))?;
                    if times > 0 {
                        normalized.replace(Found::new(found), content)?;
                    }
                }
                Step::Broken(problem) => return Err(problem.clone().into()),
            }
        }
        Ok(())
    }
}

fn grows(from: usize, most: usize) -> tokenizers::Error {
    format!("the normalizer makes {from} bytes grow to more than {most}").into()
}
