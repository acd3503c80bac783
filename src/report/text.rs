//! How much room a text takes in a figure. Browsers differ in their fonts, so this is what a wide one needs.

use unicode_width::UnicodeWidthChar as _;

/// The size of names and labels, in pixels.
pub(super) const NAME: f64 = 12.0;
/// The size of numbers at axes and in cells.
pub(super) const TICK: f64 = 11.0;

/// The width of a text in pixels.
pub(super) fn extent(text: &str, size: f64) -> f64 {
    text.chars().map(letter).sum::<f64>() * size
}

/// The width of a letter as a share of the font's size.
fn letter(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | '(' | ')' | '[' | ']' | ' ' | '/' => 0.4,
        'f' | 't' | 'r' | '-' => 0.45,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 1.0,
        '+' | '−' | '=' | '<' | '>' | '±' => 0.84,
        c if c.is_ascii_uppercase() => 0.8,
        c if c.is_ascii() => 0.64,
        c => 0.55 * c.width().unwrap_or(0).max(1) as f64 + 0.1,
    }
}

/// A text in so much room: cut in its middle, with …, where it takes more.
pub(super) fn fitted(text: &str, size: f64, room: f64) -> String {
    if extent(text, size) <= room {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let shown = |count: usize| {
        let (begin, end) = (count.div_ceil(2), count / 2);
        let begin = letters.iter().take(begin);
        begin.chain(&['…']).chain(letters.iter().skip(letters.len() - end)).collect::<String>()
    };
    let fits = (1..letters.len()).rev().map(shown).find(|text| extent(text, size) <= room);
    fits.unwrap_or_else(|| "…".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_too_long_are_cut_in_their_middle() {
        assert_eq!(fitted("w=0.5", NAME, 100.0), "w=0.5");
        let cut = fitted("ko-en-2024-07-checkpoint-1000", NAME, 100.0);
        assert!(cut.starts_with("ko-e") && cut.ends_with("1000") && cut.contains('…'), "{cut}");
        assert!(extent(&cut, NAME) <= 100.0);
        assert!(extent("한국어", NAME) >= 36.0);
    }
}
