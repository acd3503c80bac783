//! Recognises recipes inside of other texts, such as copied Markdown.

use crate::yaml::{Error, YamlText, without_mark};

/// The error for a recipe inside of another text: in a Markdown code block, as in a model card, or after a notebook's
/// command.
pub(super) fn wrapped(yaml: &YamlText<'_>) -> Option<Error> {
    let text = without_mark(yaml.text);
    let begin = text.len() - text.trim_start().len();
    if text.get(begin..)?.starts_with("%%") {
        let message = "the first line is a notebook's command, which is no YAML".to_owned();
        return Some(yaml.refused_with_hint(begin, message, "take the line away".to_owned()));
    }
    let mut open: Option<(usize, usize)> = None;
    let mut holds = false;
    let mut offset = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim();
        let fence = content.starts_with("```") || content.starts_with("~~~");
        match open {
            Some((start, first)) if fence => {
                if holds {
                    let message = "this is a Markdown text with a recipe in it, not a recipe".to_owned();
                    let hint = format!("write lines {first} to {number} into a file of their own");
                    return Some(yaml.refused_with_hint(start, message, hint));
                }
                open = None;
            }
            None if fence => (open, holds) = (Some((offset, number + 2)), false),
            _ => holds |= content.starts_with("merge_method:"),
        }
        offset += line.len();
    }
    None
}
