//! Text of the declarations as sentences in Markdown.

/// Escapes text for Markdown outside of code, so that it is not HTML and does not end a cell of a table.
pub(super) fn prose(text: &str) -> String {
    let mut out = String::new();
    let mut code = false;
    for letter in text.chars() {
        code ^= letter == '`';
        match letter {
            '|' => out.push_str("\\|"),
            '<' | '>' | '*' | '_' | '[' | ']' if !code => out.extend(['\\', letter]),
            '\n' => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

/// The text with a capital letter first and a full stop last.
pub(super) fn sentence(text: &str) -> String {
    let text = prose(text);
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let stop = if text.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

/// The paragraphs of a text, each with a capital letter first and a full stop last.
pub(super) fn paragraphs(text: &str) -> Vec<String> {
    text.split("\n\n").filter(|part| !part.trim().is_empty()).map(|part| sentence(part.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(prose("a | `b_c<d>` <e> f_g"), "a \\| `b_c<d>` \\<e\\> f\\_g");
        assert_eq!(paragraphs("the `t`\n\nSo."), ["The `t`.", "So."]);
    }
}
