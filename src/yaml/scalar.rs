//! Numbers and flags, in the spellings that mergekit's YAML reader and type checks accept: YAML 1.1, and numbers in
//! strings.

use super::tree::Node;

/// Why a scalar does not have the wanted type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// Reads a finite number.
pub(crate) fn number(node: &Node) -> Result<f64, Refusal> {
    let (number, hint) = match node {
        Node::Number(number) => (Some(*number), None),
        Node::Text(text) => (from_text(text.trim()), hint_for(text.trim())),
        _ => (None, None),
    };
    match number {
        Some(number) if number.is_finite() => Ok(number),
        Some(_) => Err(Refusal { message: format!("expected a finite number, found {node}"), hint }),
        None => Err(Refusal { message: format!("expected a number, found {node}"), hint }),
    }
}

/// true or false.
pub(crate) fn flag(node: &Node) -> Result<bool, Refusal> {
    let flag = match node {
        Node::Flag(flag) => Some(*flag),
        Node::Number(number) => zero_or_one(*number),
        Node::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            other => from_text(other).and_then(zero_or_one),
        },
        _ => None,
    };
    flag.ok_or_else(|| Refusal { message: format!("expected true or false, found {node}"), hint: None })
}

fn zero_or_one(number: f64) -> Option<bool> {
    match number.to_bits() {
        bits if bits == 0.0_f64.to_bits() || bits == (-0.0_f64).to_bits() => Some(false),
        bits if bits == 1.0_f64.to_bits() => Some(true),
        _ => None,
    }
}

/// Reads a number that is a string in the YAML: `1_000`, `017` (octal), `"0.5"`, or a variable's value.
fn from_text(text: &str) -> Option<f64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let digits = digits.replace('_', "");
    let radix = |prefix: &str, radix: u32| {
        let rest = digits.strip_prefix(prefix)?;
        rest.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| u64::from_str_radix(rest, radix).ok()).flatten()
    };
    let octal = || (digits.len() > 1).then(|| radix("0", 8)).flatten();
    let whole = radix("0x", 16).or_else(|| radix("0b", 2)).or_else(octal).map(|number| number as f64);
    // Rust's parser also knows `inf` and `nan`, which no recipe needs.
    let plain = || digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let number = whole.or_else(|| plain().then(|| digits.parse().ok()).flatten())?;
    Some(if negative { -number } else { number })
}

/// The hint for a text that looks like a number but is not one.
fn hint_for(text: &str) -> Option<String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if digits.contains(':') && digits.split(':').all(numeric) {
        return Some("YAML 1.1 reads numbers with colons in base 60; write the number without them".into());
    }
    if let Some(share) = text.strip_suffix('%').and_then(|share| from_text(share.trim())) {
        return Some(format!("write the share as a number: {}", share / 100.0));
    }
    let (whole, part) = digits.split_once(',')?;
    (numeric(whole) && numeric(part)).then(|| "the decimal separator is a point".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    #[test]
    fn reads_numbers_as_yaml_1_1_and_python_do() {
        for (written, expected) in [
            ("1e-5", 1e-5),
            ("1e5", 1e5),
            ("1_000", 1000.0),
            ("1_000.5", 1000.5),
            ("017", 15.0),
            ("-017", -15.0),
            ("019", 19.0),
            ("0", 0.0),
            ("0x1F", 31.0),
            ("0b101", 5.0),
            ("+.5", 0.5),
            ("2.", 2.0),
            (" 0.25 ", 0.25),
        ] {
            assert_eq!(number(&text(written)), Ok(expected), "{written}");
        }
        for written in
            ["", "-", "_1", "nan", "inf", "0x", "0x-1", "--1", "1-", "e5", "1:30", "1,5", "one", "1e999", "."]
        {
            assert!(number(&text(written)).is_err(), "{written}");
        }
        assert!(number(&Node::Number(f64::INFINITY)).is_err());
        assert!(number(&Node::Flag(true)).is_err());
    }

    #[test]
    fn reads_flags_as_yaml_1_1_does() {
        for written in ["yes", "On", "TRUE", "1"] {
            assert_eq!(flag(&text(written)), Ok(true), "{written}");
        }
        for written in ["no", "Off", "false", "0", "0.0"] {
            assert_eq!(flag(&text(written)), Ok(false), "{written}");
        }
        assert_eq!(flag(&Node::Number(-0.0)).is_ok(), flag(&Node::Number(0.0)).is_ok());
        assert!(flag(&text("maybe")).is_err());
        assert!(flag(&Node::Number(0.5)).is_err());
    }

    #[test]
    fn says_what_to_write_instead() {
        let hint = |written| number(&text(written)).err().and_then(|refusal| refusal.hint);
        assert!(hint("1:30").is_some_and(|hint| hint.contains("base 60")));
        assert_eq!(hint("50%").as_deref(), Some("write the share as a number: 0.5"));
        assert_eq!(hint("0,5").as_deref(), Some("the decimal separator is a point"));
        assert_eq!(hint("half"), None);
    }
}
