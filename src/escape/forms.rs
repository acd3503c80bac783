//! Escapes untrusted text for generated files, so that a value stays one value and parses back to itself.

use std::fmt::Write as _;

use serde_json::Value;

use super::hidden::{is_hidden, line, push, text};

/// Writes a text in double quotes, as YAML, Python and JSON read it. Hidden characters beyond U+FFFF are escaped as in YAML
/// and Python.
pub fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_hidden(c) || is_none(c) => {
                let number = u32::from(c);
                let _ = if number > 0xffff { write!(out, "\\U{number:08x}") } else { write!(out, "\\u{number:04x}") };
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Whether this is a noncharacter.
fn is_none(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

/// Writes a value as YAML in one line.
pub fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => literal(text),
        Value::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| format!("{}: {}", literal(key), flow(value));
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Writes a YAML scalar that is read as exactly this text: plain where that is safe, else in quotes.
pub fn yaml(text: &str) -> String {
    // Words that YAML 1.1 or 1.2 does not read as strings.
    const OTHERS: [&str; 11] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan"];
    let plain = |c: char| (c.is_alphanumeric() && !is_hidden(c)) || matches!(c, '/' | '-' | '_' | '.');
    let is_plain = text.chars().all(plain)
        && text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '/' | '.'))
        && text.contains(char::is_alphanumeric)
        && !text.starts_with(|c: char| c == '.' && text[1..].starts_with(|c: char| c.is_ascii_digit()))
        && !OTHERS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { literal(text) }
}

/// The text of a comment of one line, in YAML or a script.
pub fn comment(text: &str) -> String {
    line(text)
}

/// Writes JSON without hidden characters, on one line or, with `pretty`, on several.
pub fn json(value: &Value, pretty: bool) -> String {
    let written = if pretty { format!("{value:#}") } else { value.to_string() };
    if !written.contains(|c| is_hidden(c) && c != '\n') {
        return written;
    }
    // Outside of strings JSON is ASCII, and within them the ASCII control characters except the last are escaped already.
    let mut out = String::with_capacity(written.len());
    for c in written.chars() {
        if is_hidden(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Escapes a cell of a CSV table.
pub fn csv(cell: &str) -> String {
    quoted(&inert(cell), |c| matches!(c, ',' | ';' | '"'))
}

/// Escapes a cell of a TSV table.
pub fn tsv(cell: &str) -> String {
    quoted(&inert(cell), |c| c == '"')
}

/// Makes a cell safe in spreadsheets: a text that begins like a formula gets a leading apostrophe, which spreadsheets do
/// not show. Numbers stay numbers.
fn inert(cell: &str) -> String {
    let mut out = String::new();
    let begins = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    if cell.starts_with(begins) && cell.parse::<f64>().is_err() {
        out.push('\'');
    }
    cell.chars().for_each(|c| push(&mut out, c));
    out
}

fn quoted(cell: &str, special: impl Fn(char) -> bool) -> String {
    if cell.contains(special) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

/// Escapes a text for a line of Markdown.
pub fn markdown(text: &str) -> String {
    let mut out = String::new();
    let written = line(text);
    let number = written.chars().take_while(char::is_ascii_digit).count();
    for (at, c) in written.chars().enumerate() {
        let begins = at == 0 && matches!(c, '#' | '+' | '-' | '=' | '~' | '_' | ' ');
        let numbers = at == number && number > 0 && matches!(c, '.' | ')');
        if begins || numbers || matches!(c, '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '&' | '!') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A text as code within a line of Markdown.
pub fn code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text, '`') + 1);
    let space = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", line(text))
}

/// Lines of code as a block of Markdown.
pub fn fenced(language: &str, lines: &str) -> String {
    let fence = "`".repeat(longest_run(lines, '`').max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text(lines.trim_end()))
}

fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|c| c != wanted).map(str::len).max().unwrap_or(0)
}

/// Escapes a text for HTML, XML or SVG, between tags or in an attribute.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Joiners that shape letters are harmless in a browser.
            '\n' | '\t' | '\u{200c}' | '\u{200d}' => out.push(c),
            // XML forbids most of them, and the rest would mislead a reader.
            c if is_hidden(c) || is_none(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Quotes a text as one word of a shell's command line.
pub fn shell(text: &str) -> String {
    let plain =
        |c: char| (c.is_alphanumeric() && !is_hidden(c)) || matches!(c, '/' | '.' | '-' | '_' | '+' | '@' | ':' | '%');
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    if !text.contains(is_hidden) {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    let mut out = String::from("$'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if is_hidden(c) && c.is_ascii() => drop(write!(out, "\\x{:02x}", u32::from(c))),
            c if is_hidden(c) => drop(write!(out, "\\U{:08x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "'"
}

#[cfg(test)]
#[path = "forms_tests.rs"]
mod tests;
