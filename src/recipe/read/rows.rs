//! Reads `rows`: the rows of a vocabulary tensor that a condition is for.

use unicode_script::Script;

use super::super::keys::ROWS;
use super::super::types::rows::{NO_SCRIPT, RowKind, Rows, SPECIAL, capitalised, is_of_letters, plain, scripts};
use crate::nearest::nearest;
use crate::yaml::{Checked, Diagnostic, Diagnostics, Fields, Node, NodePath, quoted};

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

/// Other names of scripts: those of languages, and of scripts that Unicode divides.
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
    // The four-letter code of ISO 15924.
    let code = Script::from_short_name(&capitalised(name.trim())).filter(|script| is_of_letters(*script));
    let scripts = scripts();
    let names = scripts.iter().map(|script| script.full_name()).chain([SPECIAL, NO_SCRIPT]);
    match code.map(Script::full_name).or_else(|| nearest(&capitalised(name.trim()), names)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => KNOWN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
