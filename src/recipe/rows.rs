//! `rows`: the rows of a vocabulary tensor that a condition is for.

use std::collections::BTreeSet;

use unicode_script::{Script, UnicodeScript as _};

use super::keys::ROWS;
use crate::yaml::{Checked, Diagnostic, Diagnostics, Fields, Node, NodePath, nearest, quoted};

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

const SPECIAL: &str = "special";
const NO_SCRIPT: &str = "none";

impl RowKind {
    /// The name recipes use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Script(script) => script.full_name(),
            Self::Special => SPECIAL,
            Self::NoScript => NO_SCRIPT,
        }
    }

    /// The kind of this name. Case does not count, nor does what is between words.
    fn from_name(name: &str) -> Option<Self> {
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
    /// What they stand for: any of these.
    pub kinds: Vec<RowKind>,
    /// Where the recipe says so.
    pub at: NodePath,
}

/// Reads the value of `rows`.
pub(super) fn rows(node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<Rows> {
    if matches!(node, Node::Text(_) | Node::List(_)) {
        let message = format!("expected `rows` as a map, found {node}");
        let name = if let Node::Text(text) = node { text.as_str() } else { "…" };
        return Err(Diagnostic::value(at, message).hint(format!("write `rows: {{script: {name}}}`")));
    }
    let fields = Fields::of(node, at, &ROWS, diagnostics)?;
    let (node, script_at) = fields.need("script")?;
    let kinds = match node {
        Node::List(entries) if entries.is_empty() => {
            return Err(Diagnostic::value(&script_at, "the list of scripts is empty").hint(KNOWN.to_owned()));
        }
        Node::List(entries) => entries
            .iter()
            .enumerate()
            .map(|(index, entry)| kind(entry, &script_at.index(index)))
            .collect::<Checked<_>>()?,
        node => vec![kind(node, &script_at)?],
    };
    Ok(Rows { kinds, at: at.clone() })
}

const KNOWN: &str = "scripts have Unicode's names, such as Hangul, Han, Latin or Cyrillic; `special` is for special tokens, `none` for tokens without letters";

fn kind(node: &Node, at: &NodePath) -> Checked<RowKind> {
    let Node::Text(name) = node else {
        return Err(
            Diagnostic::value(at, format!("expected the name of a script, found {node}")).hint(KNOWN.to_owned())
        );
    };
    RowKind::from_name(name)
        .ok_or_else(|| Diagnostic::value(at, format!("unknown script {}", quoted(name))).hint(hint(name)))
}

/// What scripts are often called by: languages, and the names of what Unicode keeps apart.
const ALIASES: [(&str, &str); 14] = [
    ("korean", "`Hangul`"),
    ("hangeul", "`Hangul`"),
    ("jamo", "`Hangul`"),
    ("chinese", "`Han`"),
    ("hanzi", "`Han`"),
    ("hanja", "`Han`"),
    ("kanji", "`Han`"),
    ("cjk", "`[Han, Hiragana, Katakana, Hangul]`"),
    ("japanese", "`[Hiragana, Katakana, Han]`"),
    ("kana", "`[Hiragana, Katakana]`"),
    ("english", "`Latin`"),
    ("russian", "`Cyrillic`"),
    ("common", "`none`"),
    ("unknown", "`none`"),
];

fn hint(name: &str) -> String {
    let wanted = plain(name);
    if let Some((_, script)) = ALIASES.iter().find(|(alias, _)| *alias == wanted) {
        return format!("did you mean {script}?");
    }
    // The four letters that ISO 15924 has for a script.
    let code = Script::from_short_name(&capitalised(name.trim())).filter(|script| is_of_letters(*script));
    let scripts = scripts();
    let names = scripts.iter().map(|script| script.full_name()).chain([SPECIAL, NO_SCRIPT]);
    match code.map(Script::full_name).or_else(|| nearest(&capitalised(name.trim()), names)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => KNOWN.to_owned(),
    }
}

/// Whether letters of the script say that a text is written in it.
fn is_of_letters(script: Script) -> bool {
    !matches!(script, Script::Common | Script::Inherited | Script::Unknown)
}

/// Every script that has a character, by name.
fn scripts() -> Vec<Script> {
    let mut seen = BTreeSet::new();
    let all = (0..=u32::from(char::MAX)).filter_map(char::from_u32).map(|c| c.script());
    let mut scripts: Vec<Script> =
        all.filter(|script| is_of_letters(*script) && seen.insert(script.full_name())).collect();
    scripts.sort_unstable_by_key(|script| script.full_name());
    scripts
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

fn capitalised(word: &str) -> String {
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

    #[test]
    fn an_unknown_name_leads_to_the_one_that_is_meant() {
        for (name, expected) in [
            ("Hangull", "did you mean `Hangul`?"),
            ("hang", "did you mean `Hangul`?"),
            ("Korean", "did you mean `Hangul`?"),
            ("Kana", "did you mean `[Hiragana, Katakana]`?"),
            ("cirillic", "did you mean `Cyrillic`?"),
            ("specials", "did you mean `special`?"),
        ] {
            assert_eq!(hint(name), expected, "{name}");
        }
        assert_eq!(hint("Klingon script"), KNOWN);
    }
}
