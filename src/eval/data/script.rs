//! Detects the scripts (writing systems) of texts.

use std::collections::BTreeMap;

use unicode_script::{Script as Unicode, UnicodeScript as _};

/// A writing system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names of writing systems")]
pub enum Script {
    Latin,
    Hangul,
    Kana,
    Han,
    Cyrillic,
    Greek,
    Armenian,
    Hebrew,
    Arabic,
    Devanagari,
    Bengali,
    Gurmukhi,
    Gujarati,
    Tamil,
    Telugu,
    Kannada,
    Malayalam,
    Sinhala,
    Thai,
    Lao,
    Burmese,
    Georgian,
    Ethiopic,
    Khmer,
    Other,
}

impl Script {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latin => "Latin",
            Self::Hangul => "Hangul",
            Self::Kana => "Kana",
            Self::Han => "Han",
            Self::Cyrillic => "Cyrillic",
            Self::Greek => "Greek",
            Self::Armenian => "Armenian",
            Self::Hebrew => "Hebrew",
            Self::Arabic => "Arabic",
            Self::Devanagari => "Devanagari",
            Self::Bengali => "Bengali",
            Self::Gurmukhi => "Gurmukhi",
            Self::Gujarati => "Gujarati",
            Self::Tamil => "Tamil",
            Self::Telugu => "Telugu",
            Self::Kannada => "Kannada",
            Self::Malayalam => "Malayalam",
            Self::Sinhala => "Sinhala",
            Self::Thai => "Thai",
            Self::Lao => "Lao",
            Self::Burmese => "Burmese",
            Self::Georgian => "Georgian",
            Self::Ethiopic => "Ethiopic",
            Self::Khmer => "Khmer",
            Self::Other => "other",
        }
    }

    /// The script of a letter; `None` for other characters.
    pub fn of(letter: char) -> Option<Self> {
        if letter.is_ascii() {
            return letter.is_ascii_alphabetic().then_some(Self::Latin);
        }
        // Unicode assigns vowel length marks to both Hiragana and Katakana.
        if matches!(letter, '\u{30fc}' | '\u{ff70}') {
            return Some(Self::Kana);
        }
        if !letter.is_alphabetic() {
            return None;
        }
        Some(match letter.script() {
            Unicode::Common | Unicode::Inherited | Unicode::Unknown => return None,
            Unicode::Latin => Self::Latin,
            Unicode::Hangul => Self::Hangul,
            Unicode::Hiragana | Unicode::Katakana => Self::Kana,
            Unicode::Han => Self::Han,
            Unicode::Cyrillic => Self::Cyrillic,
            Unicode::Greek => Self::Greek,
            Unicode::Armenian => Self::Armenian,
            Unicode::Hebrew => Self::Hebrew,
            Unicode::Arabic => Self::Arabic,
            Unicode::Devanagari => Self::Devanagari,
            Unicode::Bengali => Self::Bengali,
            Unicode::Gurmukhi => Self::Gurmukhi,
            Unicode::Gujarati => Self::Gujarati,
            Unicode::Tamil => Self::Tamil,
            Unicode::Telugu => Self::Telugu,
            Unicode::Kannada => Self::Kannada,
            Unicode::Malayalam => Self::Malayalam,
            Unicode::Sinhala => Self::Sinhala,
            Unicode::Thai => Self::Thai,
            Unicode::Lao => Self::Lao,
            Unicode::Myanmar => Self::Burmese,
            Unicode::Georgian => Self::Georgian,
            Unicode::Ethiopic => Self::Ethiopic,
            Unicode::Khmer => Self::Khmer,
            _ => Self::Other,
        })
    }

    /// About how many Latin letters carry as much text as one letter of this script, so that a Korean text full of English
    /// names is Korean.
    fn weight(self) -> u64 {
        if matches!(self, Self::Hangul | Self::Kana | Self::Han) { 3 } else { 1 }
    }
}

/// The number of letters of each script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Letters(BTreeMap<Script, u64>);

impl Letters {
    /// Counts a sample of the texts, spread evenly.
    pub(super) fn of<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> Self {
        const SAMPLE: usize = 10_000;
        let step = texts.len().div_ceil(SAMPLE).max(1);
        let mut letters = Self::default();
        for text in texts.step_by(step) {
            for script in text.chars().filter_map(Script::of) {
                *letters.0.entry(script).or_default() += 1;
            }
        }
        letters
    }

    /// The dominant script. Kana among Chinese characters means Japanese.
    pub(super) fn main(&self) -> Option<Script> {
        let count = |script| self.0.get(&script).copied().unwrap_or(0);
        let (kana, han) = (count(Script::Kana), count(Script::Han));
        let japanese = kana > 0 && kana * 10 >= han;
        let said = |(script, count): (&Script, &u64)| {
            let (script, count) = match script {
                Script::Han | Script::Kana if japanese => (Script::Kana, kana + han),
                script => (*script, *count),
            };
            (count * script.weight(), script)
        };
        self.0.iter().map(said).max().map(|(_, script)| script)
    }

    /// Each script's share of the letters, the largest first.
    pub(super) fn shares(&self) -> Vec<(Script, f64)> {
        let all: u64 = self.0.values().sum();
        let mut shares: Vec<_> = self.0.iter().map(|(script, count)| (*script, *count as f64 / all as f64)).collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_that_says_most_counts() {
        let main = |text: &str| Letters::of([text].into_iter()).main();
        assert_eq!(main("로널드 레이건(Ronald Reagan) 정부 출범 당시"), Some(Script::Hangul));
        assert_eq!(main("August 20, 1984 \u{c11c}"), Some(Script::Latin));
        assert_eq!(main("東京都は日本の首都"), Some(Script::Kana));
        assert_eq!(main("北京是中国的首都"), Some(Script::Han));
        assert_eq!(main("Привет, World!"), Some(Script::Cyrillic));
        assert_eq!(main("1984 — ?!"), None);
        assert_eq!(main("ＡＢｃ é ß"), Some(Script::Latin));
    }

    #[test]
    fn shares_are_of_letters() {
        let shares = Letters::of(["ab 가나", "다라 12"].into_iter()).shares();
        assert_eq!(shares.iter().map(|(script, _)| script.name()).collect::<Vec<_>>(), ["Hangul", "Latin"]);
        assert!((shares[0].1 - 4.0 / 6.0).abs() < 1e-12);
    }
}
