//! The manual's reference pages, made from the declarations: commands, merge methods, keys of recipes and sweep files.

#[cfg(feature = "eval")]
mod classes;
mod commands;
mod examples;
mod keys;
mod methods;

use clap::Command;

/// A page of the manual.
pub(super) struct Page {
    /// Its file, relative to the folder of the reference.
    pub(super) file: String,
    /// Its text, in Markdown.
    pub(super) text: String,
}

/// Every page that is made from declarations.
pub(super) fn pages(program: &Command) -> Vec<Page> {
    let mut pages = commands::pages(program);
    pages.push(Page { file: "methods.md".into(), text: methods::page() });
    pages.push(Page { file: "recipe-keys.md".into(), text: keys::recipe() });
    pages.push(Page { file: "sweep-keys.md".into(), text: keys::sweep() });
    pages.push(Page { file: "allow.md".into(), text: keys::allow() });
    #[cfg(feature = "eval")]
    pages.push(Page { file: "model-classes.md".into(), text: classes::page() });
    for page in &mut pages {
        page.text.insert_str(0, NOTE);
    }
    pages
}

/// The first line of every page.
const NOTE: &str = "<!-- Made by `admix generate reference`; edit the declarations in src instead. -->\n\n";

/// Text as Markdown shows it outside of code: no HTML, and no cell of a table ends early.
fn prose(text: &str) -> String {
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
fn sentence(text: &str) -> String {
    let text = prose(text);
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let stop = if text.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

/// The paragraphs of a text, each with a capital letter first and a full stop last.
fn paragraphs(text: &str) -> Vec<String> {
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
