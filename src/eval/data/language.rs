//! Guesses the language of a side of a data set: the one that a name says, if the script agrees, else the most common one
//! of the script.

use super::script::Script;

/// A language that may occur in names of files and folders.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Language {
    /// ISO 639-1.
    pub(super) code: &'static str,
    /// ISO 639-3.
    long: &'static str,
    /// English name.
    name: &'static str,
    script: Script,
}

const fn language(code: &'static str, long: &'static str, name: &'static str, script: Script) -> Language {
    Language { code, long, name, script }
}

/// The first language of each script is its default.
const LANGUAGES: &[Language] = &[
    language("en", "eng", "english", Script::Latin),
    language("de", "deu", "german", Script::Latin),
    language("fr", "fra", "french", Script::Latin),
    language("es", "spa", "spanish", Script::Latin),
    language("it", "ita", "italian", Script::Latin),
    language("pt", "por", "portuguese", Script::Latin),
    language("nl", "nld", "dutch", Script::Latin),
    language("pl", "pol", "polish", Script::Latin),
    language("cs", "ces", "czech", Script::Latin),
    language("sk", "slk", "slovak", Script::Latin),
    language("sl", "slv", "slovenian", Script::Latin),
    language("hr", "hrv", "croatian", Script::Latin),
    language("ro", "ron", "romanian", Script::Latin),
    language("hu", "hun", "hungarian", Script::Latin),
    language("fi", "fin", "finnish", Script::Latin),
    language("et", "est", "estonian", Script::Latin),
    language("lv", "lav", "latvian", Script::Latin),
    language("lt", "lit", "lithuanian", Script::Latin),
    language("sv", "swe", "swedish", Script::Latin),
    language("da", "dan", "danish", Script::Latin),
    language("nb", "nob", "norwegian", Script::Latin),
    language("no", "nor", "norwegian", Script::Latin),
    language("is", "isl", "icelandic", Script::Latin),
    language("tr", "tur", "turkish", Script::Latin),
    language("az", "aze", "azerbaijani", Script::Latin),
    language("vi", "vie", "vietnamese", Script::Latin),
    language("id", "ind", "indonesian", Script::Latin),
    language("ms", "msa", "malay", Script::Latin),
    language("tl", "tgl", "tagalog", Script::Latin),
    language("sw", "swa", "swahili", Script::Latin),
    language("yo", "yor", "yoruba", Script::Latin),
    language("ca", "cat", "catalan", Script::Latin),
    language("eu", "eus", "basque", Script::Latin),
    language("ko", "kor", "korean", Script::Hangul),
    language("ja", "jpn", "japanese", Script::Kana),
    language("zh", "zho", "chinese", Script::Han),
    language("zh", "cmn", "mandarin", Script::Han),
    language("ru", "rus", "russian", Script::Cyrillic),
    language("uk", "ukr", "ukrainian", Script::Cyrillic),
    language("bg", "bul", "bulgarian", Script::Cyrillic),
    language("sr", "srp", "serbian", Script::Cyrillic),
    language("mk", "mkd", "macedonian", Script::Cyrillic),
    language("kk", "kaz", "kazakh", Script::Cyrillic),
    language("mn", "mon", "mongolian", Script::Cyrillic),
    language("el", "ell", "greek", Script::Greek),
    language("hy", "hye", "armenian", Script::Armenian),
    language("he", "heb", "hebrew", Script::Hebrew),
    language("ar", "ara", "arabic", Script::Arabic),
    language("ar", "arb", "arabic", Script::Arabic),
    language("fa", "fas", "persian", Script::Arabic),
    language("ur", "urd", "urdu", Script::Arabic),
    language("hi", "hin", "hindi", Script::Devanagari),
    language("mr", "mar", "marathi", Script::Devanagari),
    language("ne", "npi", "nepali", Script::Devanagari),
    language("bn", "ben", "bengali", Script::Bengali),
    language("pa", "pan", "punjabi", Script::Gurmukhi),
    language("gu", "guj", "gujarati", Script::Gujarati),
    language("ta", "tam", "tamil", Script::Tamil),
    language("te", "tel", "telugu", Script::Telugu),
    language("kn", "kan", "kannada", Script::Kannada),
    language("ml", "mal", "malayalam", Script::Malayalam),
    language("si", "sin", "sinhala", Script::Sinhala),
    language("th", "tha", "thai", Script::Thai),
    language("lo", "lao", "lao", Script::Lao),
    language("my", "mya", "burmese", Script::Burmese),
    language("ka", "kat", "georgian", Script::Georgian),
    language("am", "amh", "amharic", Script::Ethiopic),
    language("km", "khm", "khmer", Script::Khmer),
];

/// Codes that are also English words. They count as a language only at the end of a name.
const WORDS: [&str; 9] = ["is", "it", "no", "id", "et", "da", "fin", "cat", "ms"];

/// The language that a word names.
pub(super) fn named(word: &str) -> Option<&'static Language> {
    let word = word.to_lowercase();
    LANGUAGES.iter().find(|language| [language.code, language.long, language.name].contains(&word.as_str()))
}

/// The languages that the words of a name mention, in order, each once.
pub(super) fn in_name(name: &str) -> Vec<&'static Language> {
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut found: Vec<&'static Language> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let is_word = WORDS.contains(&word.to_lowercase().as_str()) && at + 1 < words.len();
        let Some(language) = named(word).filter(|_| !is_word) else { continue };
        if found.iter().all(|other| other.code != language.code) {
            found.push(language);
        }
    }
    found
}

/// The languages that are written in the script.
pub(super) fn written_in(script: Option<Script>, languages: &[&'static Language]) -> Vec<&'static Language> {
    languages.iter().copied().filter(|language| Some(language.script) == script).collect()
}

/// The default language of a script.
pub(super) fn usual(script: Option<Script>) -> Option<&'static str> {
    LANGUAGES.iter().find(|language| Some(language.script) == script).map(|language| language.code)
}

/// The language of texts in this script, in a folder or file of this name.
pub(super) fn decide(script: Option<Script>, name: &str) -> Option<&'static str> {
    match written_in(script, &in_name(name)).as_slice() {
        [only] => Some(only.code),
        _ => usual(script),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_languages_where_the_script_bears_them_out() {
        let latin = |name| decide(Some(Script::Latin), name);
        assert_eq!(latin("xquad-de"), Some("de"));
        assert_eq!(latin("tatoeba.kor-fra.fra"), Some("fr"));
        assert_eq!(latin("korquad-ko"), Some("en"));
        assert_eq!(latin("what-is-it-all"), Some("en"));
        assert_eq!(latin("xquad-it"), Some("it"));
        assert_eq!(latin("de-fr"), Some("en"), "two languages in one script say nothing");
        assert_eq!(decide(Some(Script::Hangul), "xquad-en"), Some("ko"));
        assert_eq!(decide(Some(Script::Cyrillic), "ukr_Cyrl"), Some("uk"));
        assert_eq!(decide(None, "xquad-en"), None);
        assert_eq!(decide(Some(Script::Other), "xquad-en"), None);
    }

    #[test]
    fn words_are_found_in_order() {
        let codes: Vec<_> = in_name("kor_Hang-eng_Latn").iter().map(|language| language.code).collect();
        assert_eq!(codes, ["ko", "en"]);
    }
}
