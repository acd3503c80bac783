//! Which writing systems texts use.

use std::collections::BTreeMap;

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

/// First and last code point of each block, in order.
const BLOCKS: &[(u32, u32, Script)] = &[
    (0x0041, 0x024f, Script::Latin),
    (0x0370, 0x03ff, Script::Greek),
    (0x0400, 0x052f, Script::Cyrillic),
    (0x0530, 0x058f, Script::Armenian),
    (0x0590, 0x05ff, Script::Hebrew),
    (0x0600, 0x06ff, Script::Arabic),
    (0x0750, 0x077f, Script::Arabic),
    (0x08a0, 0x08ff, Script::Arabic),
    (0x0900, 0x097f, Script::Devanagari),
    (0x0980, 0x09ff, Script::Bengali),
    (0x0a00, 0x0a7f, Script::Gurmukhi),
    (0x0a80, 0x0aff, Script::Gujarati),
    (0x0b80, 0x0bff, Script::Tamil),
    (0x0c00, 0x0c7f, Script::Telugu),
    (0x0c80, 0x0cff, Script::Kannada),
    (0x0d00, 0x0d7f, Script::Malayalam),
    (0x0d80, 0x0dff, Script::Sinhala),
    (0x0e00, 0x0e7f, Script::Thai),
    (0x0e80, 0x0eff, Script::Lao),
    (0x1000, 0x109f, Script::Burmese),
    (0x10a0, 0x10ff, Script::Georgian),
    (0x1100, 0x11ff, Script::Hangul),
    (0x1200, 0x139f, Script::Ethiopic),
    (0x1780, 0x17ff, Script::Khmer),
    (0x1c80, 0x1c8f, Script::Cyrillic),
    (0x1c90, 0x1cbf, Script::Georgian),
    (0x1e00, 0x1eff, Script::Latin),
    (0x1f00, 0x1fff, Script::Greek),
    (0x2c60, 0x2c7f, Script::Latin),
    (0x2de0, 0x2dff, Script::Cyrillic),
    (0x3005, 0x3007, Script::Han),
    (0x3041, 0x30ff, Script::Kana),
    (0x3131, 0x318e, Script::Hangul),
    (0x31f0, 0x31ff, Script::Kana),
    (0x3400, 0x4dbf, Script::Han),
    (0x4e00, 0x9fff, Script::Han),
    (0xa640, 0xa69f, Script::Cyrillic),
    (0xa720, 0xa7ff, Script::Latin),
    (0xa960, 0xa97f, Script::Hangul),
    (0xac00, 0xd7ff, Script::Hangul),
    (0xf900, 0xfaff, Script::Han),
    (0xfb1d, 0xfb4f, Script::Hebrew),
    (0xfb50, 0xfdff, Script::Arabic),
    (0xfe70, 0xfeff, Script::Arabic),
    (0xff21, 0xff5a, Script::Latin),
    (0xff66, 0xff9f, Script::Kana),
    (0xffa0, 0xffdc, Script::Hangul),
    (0x20000, 0x323af, Script::Han),
];

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

    /// The script of a letter; `None` for what is no letter.
    pub fn of(letter: char) -> Option<Self> {
        if letter.is_ascii() {
            return letter.is_ascii_alphabetic().then_some(Self::Latin);
        }
        if !letter.is_alphabetic() {
            return None;
        }
        let code = u32::from(letter);
        let at = BLOCKS.partition_point(|(_, last, _)| *last < code);
        let block = BLOCKS.get(at).filter(|(first, ..)| *first <= code);
        Some(block.map_or(Self::Other, |(_, _, script)| *script))
    }

    /// How many Latin letters say as much as one letter of this script, roughly: a Korean text full of English names is Korean.
    fn weight(self) -> u64 {
        if matches!(self, Self::Hangul | Self::Kana | Self::Han) { 3 } else { 1 }
    }
}

/// How many letters of each script texts have.
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

    /// The script that says most. Kana among Chinese characters is Japanese.
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
    fn blocks_are_in_order_and_apart() {
        assert!(BLOCKS.is_sorted_by(|a, b| a.1 < b.0) && BLOCKS.iter().all(|(first, last, _)| first <= last));
    }

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
