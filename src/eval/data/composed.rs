//! Decomposed letters (NFD): Hangul written as jamo, or Latin letters followed by their accents, as in file names of macOS.
//! Such texts look the same but have other bytes and other tokens.

use std::borrow::Cow;

use unicode_normalization_alignments::UnicodeNormalization as _;

/// Whether some letters of the text are decomposed. Letters without a composed form, such as old Hangul, do not count.
pub(super) fn is_decomposed(text: &str) -> bool {
    let written = text.chars().filter(|c| is_part(*c)).count();
    written > 0 && text.nfc().filter(|(c, _)| is_part(*c)).count() < written
}

/// The text with its letters composed (NFC).
pub(super) fn composed(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_part) { Cow::Owned(text.nfc().map(|(c, _)| c).collect()) } else { Cow::Borrowed(text) }
}

/// Whether a character can be a part of a decomposed letter: conjoining jamo, accents of Latin, Greek and Cyrillic, and
/// voice marks of kana.
fn is_part(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1100}'..='\u{11ff}' | '\u{3099}'..='\u{309a}' | '\u{a960}'..='\u{a97f}' | '\u{d7b0}'..='\u{d7ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decomposed_letters_are_told_from_composed_and_old_ones() {
        for (text, is) in [
            ("\u{1112}\u{1161}\u{11ab}글", true),
            ("Cafe\u{301}", true),
            ("か\u{3099}", true),
            ("한글 Café が ㅋㅋ", false),
            ("\u{1112}\u{119e}", false),
            ("x\u{301}", false),
            ("\u{212b}", false),
        ] {
            assert_eq!(is_decomposed(text), is, "{text}");
        }
        assert_eq!(composed("\u{1112}\u{1161}\u{11ab}글 Cafe\u{301}"), "한글 Café");
    }
}
