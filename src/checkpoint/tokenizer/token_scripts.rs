//! Finds the script (writing system) of each token of a tokenizer.

use unicode_script::{Script, UnicodeScript as _};

use super::super::error::Error;
use super::files::Tokenizer;
use super::json::AddedToken;
use super::vocabulary::{MergedVocabulary, VocabularyKind};

/// The script of a token, from its letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenScript {
    /// Most of its letters are of this script.
    Script(Script),
    /// A special token, whatever its letters.
    Special,
    /// It has no letters, letters of two scripts in equal number, or a part of a character. Also for an id without a token.
    None,
}

/// The scripts of a tokenizer's tokens, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenScripts {
    tokens: Vec<TokenScript>,
}

/// The largest plausible token id; the largest vocabularies have about a million tokens.
const MOST: u64 = 1 << 24;

/// The special tokens of a vocab.txt, which does not mark them.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

impl TokenScripts {
    /// Reads the tokens of a tokenizer, from its tokenizer.json or vocab.txt.
    ///
    /// # Errors
    /// A tokenizer with neither, an invalid file, implausibly large token ids.
    pub fn read(tokenizer: &Tokenizer) -> Result<Self, Error> {
        // The file may define the spelling of tokens after the tokens.
        let (mut as_text, mut as_bytes) = (Self::default(), Self::default());
        let mut largest = 0;
        let mut set = |id: u64, text: TokenScript, bytes: TokenScript| {
            largest = largest.max(id);
            if id < MOST {
                as_text.set(id as usize, text);
                as_bytes.set(id as usize, bytes);
            }
        };
        let summary = tokenizer.read_tokens(&mut |token: &str, id| {
            set(id, of_token(token, Spelling::Text), of_token(token, Spelling::Bytes));
        })?;
        for added in &summary.added_tokens {
            let kind = of_added(added);
            set(added.id, kind, kind);
        }
        if largest >= MOST {
            return Err(tokenizer.refused(format!("a token has the number {largest}, expected one below {MOST}")));
        }
        let bytes = summary.pre_tokenizer.contains("\"ByteLevel\"") || summary.normalizer.contains("\"ByteLevel\"");
        Ok(if bytes { as_bytes } else { as_text })
    }

    /// The scripts of a vocabulary that is merged from several.
    pub fn of_merged(vocabulary: &MergedVocabulary) -> Self {
        let spelling = if vocabulary.kind() == VocabularyKind::ByteLevelBpe { Spelling::Bytes } else { Spelling::Text };
        let mut scripts = Self::default();
        for (token, id) in vocabulary.tokens() {
            scripts.set(id as usize, of_token(token, spelling));
        }
        for added in vocabulary.added() {
            scripts.set(added.id as usize, of_added(added));
        }
        scripts
    }

    /// The script of each token, by id.
    pub fn tokens(&self) -> &[TokenScript] {
        &self.tokens
    }

    fn set(&mut self, id: usize, kind: TokenScript) {
        if self.tokens.len() <= id {
            self.tokens.resize(id + 1, TokenScript::None);
        }
        if let Some(token) = self.tokens.get_mut(id) {
            *token = kind;
        }
    }
}

/// How a vocabulary spells its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// As text, with marks that are not letters (`▁`, `##`) at the start or inside of a word.
    Text,
    /// Each byte as a printable character.
    Bytes,
}

/// The script of an added token, which is spelt as text in every vocabulary.
fn of_added(added: &AddedToken) -> TokenScript {
    if added.special { TokenScript::Special } else { of_token(&added.content, Spelling::Text) }
}

/// The script of an ordinary token.
fn of_token(token: &str, spelling: Spelling) -> TokenScript {
    if SPECIAL.contains(&token) {
        return TokenScript::Special;
    }
    let token = token.strip_suffix("</w>").filter(|rest| !rest.is_empty()).unwrap_or(token);
    if let Some(byte) = byte_piece(token) {
        return if byte.is_ascii_alphabetic() { TokenScript::Script(Script::Latin) } else { TokenScript::None };
    }
    let script = match spelling {
        Spelling::Text => of_text(token),
        Spelling::Bytes => match token.chars().map(byte_of).collect::<Option<Vec<u8>>>() {
            Some(bytes) => std::str::from_utf8(&bytes).ok().and_then(of_text),
            None => of_text(token),
        },
    };
    script.map_or(TokenScript::None, TokenScript::Script)
}

/// The script of most letters of a text.
fn of_text(text: &str) -> Option<Script> {
    let mut counts: Vec<(Script, u32)> = Vec::new();
    for script in text.chars().filter(|c| c.is_alphabetic()).map(|letter| letter.script()) {
        match counts.iter_mut().find(|(known, _)| *known == script) {
            _ if matches!(script, Script::Common | Script::Inherited | Script::Unknown) => {}
            Some((_, count)) => *count += 1,
            None => counts.push((script, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    let mut first = counts.into_iter().filter(|(_, count)| *count == most);
    match (first.next(), first.next()) {
        (Some((script, _)), None) => Some(script),
        _ => None,
    }
}

/// The byte of a piece such as `<0xEA>`.
fn byte_piece(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// The byte that a character represents in a byte-level vocabulary. GPT-2 represents printable Latin-1 bytes by themselves
/// and the others by characters from U+0100 on.
fn byte_of(c: char) -> Option<u8> {
    let byte = match u32::from(c) {
        code @ (0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff) => code,
        code @ 0x100..=0x120 => code - 0x100,
        code @ 0x121..=0x142 => code - 0x121 + 0x7f,
        0x143 => 0xad,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const HANGUL: TokenScript = TokenScript::Script(Script::Hangul);
    const LATIN: TokenScript = TokenScript::Script(Script::Latin);

    /// GPT-2's table, as its source builds it: printable bytes first, the others behind U+00FF in order.
    fn spelt(bytes: &[u8]) -> String {
        let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
        let others: Vec<u8> = (0..=255).filter(|byte| !printable(*byte)).collect();
        let spell = |byte: &u8| match others.iter().position(|other| other == byte) {
            Some(place) => char::from_u32(0x100 + place as u32).unwrap(),
            None => char::from(*byte),
        };
        bytes.iter().map(spell).collect()
    }

    #[test]
    fn every_byte_is_read_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(spelt(&all).chars().map(byte_of).collect::<Option<Vec<u8>>>().unwrap(), all);
        assert_eq!(byte_of('▁').or(byte_of(' ')).or(byte_of('\u{144}')), None);
    }

    #[test]
    fn marks_are_no_letters() {
        for (token, expected) in [
            ("▁서울", HANGUL),
            ("##는", HANGUL),
            ("▁the", LATIN),
            ("##ing", LATIN),
            ("low</w>", LATIN),
            ("</w>", LATIN),
            ("\u{1112}\u{1161}\u{11ab}", HANGUL),
            ("北京", TokenScript::Script(Script::Han)),
            ("ありがとう", TokenScript::Script(Script::Hiragana)),
            ("नमस्ते", TokenScript::Script(Script::Devanagari)),
            ("▁", TokenScript::None),
            ("▁2024", TokenScript::None),
            ("##。", TokenScript::None),
            ("", TokenScript::None),
            ("[CLS]", TokenScript::Special),
            ("<0xEA>", TokenScript::None),
            ("<0x41>", LATIN),
        ] {
            assert_eq!(of_token(token, Spelling::Text), expected, "{token}");
        }
    }

    #[test]
    fn most_letters_decide_and_a_tie_is_of_no_script() {
        for (token, expected) in [
            ("K팝스타", HANGUL),
            ("LG전자s", LATIN),
            ("A형", TokenScript::None),
            ("ー", TokenScript::None),
            ("Aー", LATIN),
        ] {
            assert_eq!(of_token(token, Spelling::Text), expected, "{token}");
        }
    }

    #[test]
    fn byte_level_tokens_are_read_as_bytes() {
        for (bytes, expected) in [
            (" 서울".as_bytes(), HANGUL),
            (" the".as_bytes(), LATIN),
            (&"서".as_bytes()[..2], TokenScript::None),
            (&"서울".as_bytes()[1..], TokenScript::None),
            (b"\n\n", TokenScript::None),
            ("é".as_bytes(), LATIN),
        ] {
            assert_eq!(of_token(&spelt(bytes), Spelling::Bytes), expected, "{bytes:?}");
        }
        // Spelt as bytes `Ġ` is a space, as text a letter.
        assert_eq!(of_token("Ġ", Spelling::Bytes), TokenScript::None);
        assert_eq!(of_token("Ġ", Spelling::Text), LATIN);
    }

    fn scripts(files: &[(&str, &str)]) -> Result<TokenScripts, Error> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        TokenScripts::read(&Tokenizer::open(folder.path()).unwrap())
    }

    #[test]
    fn a_tokenizer_says_what_is_special_and_how_tokens_are_spelt() {
        let json = |pre: &str, id: &str| {
            format!(
                r#"{{"model": {{"type": "BPE", "vocab": {{"<s>": 0, "Ġthe": 1, "{}": 2, "Ġ": 4}}, "merges": []}},
                "added_tokens": [{{"id": 0, "content": "<s>", "special": true}}, {{"id": {id}, "content": "서울", "special": false}}],
                "pre_tokenizer": {pre}}}"#,
                spelt("울".as_bytes())
            )
        };
        let byte_level = scripts(&[("tokenizer.json", &json(r#"{"type": "ByteLevel"}"#, "5"))]).unwrap();
        let expected = [TokenScript::Special, LATIN, HANGUL, TokenScript::None, TokenScript::None, HANGUL];
        assert_eq!(byte_level.tokens(), expected);
        let text = scripts(&[("tokenizer.json", &json("null", "5"))]).unwrap();
        assert_eq!(text.tokens()[4], LATIN);
        let lines = scripts(&[("vocab.txt", "[PAD]\n[UNK]\n가\n##b\n!\n")]).unwrap();
        let expected = [TokenScript::Special, TokenScript::Special, HANGUL, LATIN, TokenScript::None];
        assert_eq!(lines.tokens(), expected);
        let message = |files: &[(&str, &str)]| scripts(files).unwrap_err().to_string();
        assert!(message(&[("tokenizer.json", &json("null", "99999999999"))]).ends_with("expected one below 16777216"));
        assert!(message(&[("tokenizer.json", "{")]).contains("tokenizer.json`: not valid: EOF"));
        assert!(message(&[]).ends_with("has no tokenizer.json and no other tokenizer"));
        assert!(message(&[("spiece.model", "x")]).ends_with("has no tokenizer.json, only spiece.model"));
    }
}
