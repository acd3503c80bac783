//! Parts of messages.

/// A text from a file, quoted and short enough for a message.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", crate::escape::escaped(text))
}

/// A text from a file as a hint suggests writing it, in quotes where a terminal would not show it.
pub(crate) fn written(text: &str) -> String {
    let hidden = |c: char| c.escape_debug().len() > 1 && !matches!(c, '"' | '\'' | '\\');
    if text.contains(hidden) { format!("{text:?}") } else { text.to_owned() }
}

/// `a, b and c`.
pub(crate) fn and(words: &[impl AsRef<str>]) -> String {
    let Some((last, rest)) = words.split_last() else { return String::new() };
    let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
    if rest.is_empty() { last.as_ref().to_owned() } else { format!("{} and {}", rest.join(", "), last.as_ref()) }
}
