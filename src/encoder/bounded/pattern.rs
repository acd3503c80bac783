//! Compiles a tokenizer's regular expressions.

use std::cell::RefCell;

use fancy_regex::{Expr, Regex};
use tokenizers::pattern::Pattern;

/// The most instructions of a pattern after its counted repetitions are expanded.
const LARGEST: usize = 100_000;

/// Compiles a pattern, which is a text or a regular expression as the file says.
pub(super) fn compile(pattern: &str, plain: bool) -> Result<Regex, String> {
    let regex = if plain {
        Regex::new(&fancy_regex::escape(pattern))
    } else {
        check(pattern)?;
        Regex::new(pattern)
    };
    regex.map_err(|error| format!("the pattern {} cannot be used: {error}", shortened(pattern)))
}

/// Refuses a pattern whose compiled form would be too large.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    let tree = Expr::parse_tree(pattern)
        .map_err(|error| format!("the pattern {} cannot be used: {error}", shortened(pattern)))?;
    if size(&tree.expr) > LARGEST {
        return Err(format!("the pattern {} repeats too much to be used", shortened(pattern)));
    }
    Ok(())
}

/// The approximate number of instructions of an expression. The parser limits its depth.
fn size(expr: &Expr) -> usize {
    match expr {
        Expr::Concat(parts) | Expr::Alt(parts) => {
            parts.iter().fold(parts.len(), |sum, part| sum.saturating_add(size(part)))
        }
        Expr::Group(inner) | Expr::AtomicGroup(inner) | Expr::LookAround(inner, _) => size(inner).saturating_add(2),
        Expr::Repeat { child, lo, hi, .. } => {
            let times = if *hi == usize::MAX { lo.saturating_add(1) } else { *hi };
            size(child).saturating_add(1).saturating_mul(times.max(1))
        }
        Expr::Conditional { condition, true_branch, false_branch } => [condition, true_branch, false_branch]
            .into_iter()
            .fold(3, |sum: usize, part| sum.saturating_add(size(part))),
        _ => 1,
    }
}

fn shortened(pattern: &str) -> String {
    let mut shown: String = pattern.chars().take(80).collect();
    if shown.len() < pattern.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// Matches that were found before, for a single use.
pub(super) struct Found(RefCell<Matches>);

/// Ranges that cover a text, and whether each is a match.
pub(super) type Matches = Vec<((usize, usize), bool)>;

impl Found {
    pub(super) fn new(matches: Matches) -> Self {
        Self(RefCell::new(matches))
    }
}

impl Pattern for Found {
    fn find_matches(&self, _: &str) -> tokenizers::Result<Matches> {
        Ok(self.0.take())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn repetitions_are_counted_before_they_are_written_out() {
        assert!(check(r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|\s+(?!\S)|\s+").is_ok());
        let error = check("(?:(?:(?:(?=a)a){1000}){1000}){1000}").unwrap_err();
        assert!(error.ends_with("repeats too much to be used"), "{error}");
        assert!(check("(").is_err());
    }
}
