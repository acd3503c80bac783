//! A type for untrusted text.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::hidden::cut;

/// The most characters that are shown.
const LONGEST: usize = 240;

/// A text from a file. Formatting shortens and escapes it to one line; serialising leaves it as it was written, and the
/// format escapes it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// The text as it was written, for comparing, looking up, or opening a file of that name, but not for showing or
    /// writing it.
    pub fn as_written(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&cut(&self.0, LONGEST))
    }
}

/// In quotes.
impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", cut(&self.0, LONGEST))
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl PartialEq<str> for Untrusted {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Untrusted {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_written_text_is_raw() {
        let text = Untrusted::from("cos\nFORGED\x1b[2J");
        assert_eq!(format!("{text} {text:?}"), "cos\\nFORGED\\u{1b}[2J \"cos\\nFORGED\\u{1b}[2J\"");
        assert_eq!(format!("{:>4}|{:4}|", Untrusted::from("a"), Untrusted::from("b")), "   a|b   |");
        assert_eq!(text.as_written(), "cos\nFORGED\x1b[2J");
        assert_eq!(serde_json::json!(text), serde_json::json!("cos\nFORGED\x1b[2J"));
        assert!(Untrusted::from("x".repeat(5000)).to_string().len() < 300);
    }
}
