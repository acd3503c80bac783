//! `rows`: the rows of a vocabulary tensor that a condition is for.

use std::collections::BTreeSet;

use unicode_script::{Script, UnicodeScript as _};

use crate::yaml::NodePath;

/// What a row of a vocabulary tensor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// A token most of whose letters are of a script.
    Script(Script),
    /// A special token.
    Special,
    /// A token of no script, or no token.
    NoScript,
}

pub(in crate::recipe) const SPECIAL: &str = "special";
pub(in crate::recipe) const NO_SCRIPT: &str = "none";

impl RowKind {
    /// The name that recipes use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Script(script) => script.full_name(),
            Self::Special => SPECIAL,
            Self::NoScript => NO_SCRIPT,
        }
    }

    /// The kind of this name. Case and separators between words do not matter.
    pub(in crate::recipe) fn from_name(name: &str) -> Option<Self> {
        match plain(name).as_str() {
            SPECIAL => Some(Self::Special),
            NO_SCRIPT => Some(Self::NoScript),
            plain_name => {
                // The names of Unicode's scripts are capitalised words with `_` between them.
                let words = name.trim().split(['_', '-', ' ']).map(capitalised).collect::<Vec<_>>().join("_");
                let found = Script::from_full_name(&words);
                let found =
                    found.or_else(|| scripts().into_iter().find(|script| plain(script.full_name()) == plain_name));
                found.filter(|script| is_of_letters(*script)).map(Self::Script)
            }
        }
    }
}

/// The rows that a condition is for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rows {
    /// The kinds of rows, of which any one matches.
    pub kinds: Vec<RowKind>,
    /// Where the recipe says it.
    pub at: NodePath,
}

/// Whether letters of the script mean that a text is written in it.
pub(in crate::recipe) fn is_of_letters(script: Script) -> bool {
    !matches!(script, Script::Common | Script::Inherited | Script::Unknown)
}

/// Every script that has characters, by name.
pub(in crate::recipe) fn scripts() -> Vec<Script> {
    let mut seen = BTreeSet::new();
    let all = (0..=u32::from(char::MAX)).filter_map(char::from_u32).map(|c| c.script());
    let mut scripts: Vec<Script> =
        all.filter(|script| is_of_letters(*script) && seen.insert(script.full_name())).collect();
    scripts.sort_unstable_by_key(|script| script.full_name());
    scripts
}

pub(in crate::recipe) fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

pub(in crate::recipe) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.flat_map(char::to_lowercase)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_unicode_in_any_case() {
        for (name, expected) in [
            ("Hangul", Some(RowKind::Script(Script::Hangul))),
            ("hangul", Some(RowKind::Script(Script::Hangul))),
            ("Canadian Aboriginal", Some(RowKind::Script(Script::Canadian_Aboriginal))),
            ("old_persian", Some(RowKind::Script(Script::Old_Persian))),
            ("NKO", Some(RowKind::Script(Script::Nko))),
            ("SignWriting", Some(RowKind::Script(Script::SignWriting))),
            ("special", Some(RowKind::Special)),
            ("None", Some(RowKind::NoScript)),
            ("Common", None),
            ("Hang", None),
            ("", None),
        ] {
            assert_eq!(RowKind::from_name(name), expected, "{name}");
        }
        assert!(
            scripts().iter().all(|script| RowKind::from_name(script.full_name()) == Some(RowKind::Script(*script)))
        );
        assert!(scripts().len() > 160);
    }
}
