//! Wildcards in names of files, as a shell reads them.

/// Whether a text matches a pattern. `*` stands for any characters, also for `/`, `?` for one, and `[a-z]` or `[!a-z]` for one
/// of a set.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let chars = |text: &str| text.chars().collect::<Vec<char>>();
    is_match(&chars(pattern), &chars(text))
}

/// `*` is first taken for nothing and, where the rest does not match, for one character more: the last one is enough to go
/// back to.
fn is_match(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match (pattern.get(p), name.get(n)) {
            (None, None) => return true,
            (Some('*'), _) => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            (Some(_), Some(c)) => one(pattern.get(p..).unwrap_or_default(), *c),
            _ => None,
        };
        match (step, &mut star) {
            (Some(length), _) => (p, n) = (p + length, n + 1),
            (None, Some((after, taken))) if *taken < name.len() => {
                *taken += 1;
                (p, n) = (*after, *taken);
            }
            _ => return false,
        }
    }
}

/// How much of the pattern stands for a character, if its beginning does.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', rest @ ..] => match set(rest, c) {
            Some((length, matches)) => matches.then_some(length + 1),
            // Without its end, `[` is a character.
            None => (c == '[').then_some(1),
        },
        [first, ..] => (*first == c).then_some(1),
        [] => None,
    }
}

/// Whether a character is in the set that begins behind `[`, and the set's length with its end.
fn set(pattern: &[char], c: char) -> Option<(usize, bool)> {
    let is_negated = matches!(pattern.first(), Some('!' | '^'));
    let begin = usize::from(is_negated);
    let mut at = begin;
    let mut found = false;
    loop {
        let first = *pattern.get(at)?;
        if first == ']' && at > begin {
            return Some((at + 1, found != is_negated));
        }
        match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some('-'), Some(last)) if *last != ']' => {
                found |= (first..=*last).contains(&c);
                at += 3;
            }
            _ => {
                found |= first == c;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("step-*", "step-900", true),
            ("step-*", "step-", true),
            ("step-*", "step", false),
            ("*-9*0", "step-9-900", true),
            ("*-9*0", "step-901", false),
            ("step-?00", "step-900", true),
            ("step-?00", "step-1000", false),
            ("step-[0-9]*", "step-900", true),
            ("step-[0-9]*", "step-best", false),
            ("step-[!0-9]*", "step-best", true),
            ("step-[^b]*", "step-best", false),
            ("[]a]", "]", true),
            ("[[]1]", "[1]", true),
            ("[a-]", "-", true),
            ("[1", "[1", true),
            ("**", "x", true),
            ("*", "", true),
            ("?", "한", true),
            ("[가-힣]?", "한국", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_long_time() {
        assert!(!matches(&("*a".repeat(100) + "b"), &"a".repeat(2000)));
    }
}
