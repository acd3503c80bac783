//! The pages of keys, from the tables that the parser reads, and the page of what `--allow` accepts.

use std::fmt::Write as _;

use serde_json::Value;

use super::examples::{self, Example};
use super::prose::{prose, sentence};
use crate::plan::Allow;
use crate::recipe::{self, Form, Key, KeyTable, Status};
use crate::sweep::file::{self, SearchMethod};

/// The page of a recipe's keys.
pub(super) fn recipe() -> String {
    page(RECIPE, &recipe::LEVELS, examples::RECIPE)
}

/// The page of a sweep file's keys.
pub(super) fn sweep() -> String {
    let mut out = page(SWEEP, &file::LEVELS, examples::SWEEP);
    out.push_str(SEARCHES);
    for method in SearchMethod::ALL {
        let _ = write!(out, "\n### Search `{}`\n\n{}\n", method.name(), method.doc());
        let examples = examples::SEARCHES.iter().filter(|example| example.of == method.name());
        examples.for_each(|example| block(&mut out, example));
    }
    out
}

/// The page of what `--allow` accepts.
pub(super) fn allow() -> String {
    let mut out = String::from(ALLOW);
    for (name, doc) in Allow::names() {
        let _ = writeln!(out, "| `{name}` | {} |", prose(doc));
    }
    out.push_str(ALLOW_DETAILS);
    out
}

const RECIPE: &str = "\
# Recipe keys

A recipe is a YAML file in mergekit's language. Each section below is one map of the recipe with the keys that it may have.
The [guide to recipes](../guides/recipes.md) explains how they work together. `admix schema` prints the same tables as a JSON
Schema, with which editors complete and check a recipe.
";

const SWEEP: &str = "\
# Sweep-file keys

A sweep file is a YAML file with a recipe, the values to try for its variables, data sets, and objectives. Each section below is
one map of the file with the keys that it may have. The [guide to sweeps](../guides/sweep.md) explains how they work together.
`admix schema sweep` prints the same tables as a JSON Schema.
";

const SEARCHES: &str = "
## Search methods

`search: {method: …}` takes one of these. `search: grid` is short for `search: {method: grid}`.
";

const ALLOW: &str = "\
# What `--allow` accepts

admix refuses models that do not belong together and names both values. `--allow WHAT` accepts one kind of disagreement; the
option may be repeated, or take several names with commas between them. `allow` in a sweep file takes the same names.

| name | what is accepted |
| --- | --- |
";

const ALLOW_DETAILS: &str = "
- A model without a tokenizer differs from none.
- `similarity` also covers the length that embeddings are cut to.
- A tensor that `missing-tensor` accepts is a floating-point tensor.
- `non-finite` also accepts a result that is too large for the number format of the output.
";

fn page(introduction: &str, levels: &[&'static KeyTable], examples: &[Example]) -> String {
    let mut out = String::from(introduction);
    for level in levels {
        let _ = write!(out, "\n{}", section(level, levels, examples));
    }
    out
}

fn section(level: &KeyTable, levels: &[&'static KeyTable], examples: &[Example]) -> String {
    let mut out = format!("## {}\n\n| key | value | meaning |\n| --- | --- | --- |\n", heading(level));
    for key in level.keys {
        let _ = writeln!(out, "| `{}` | {} | {} |", key.name, value(key, levels), meaning(key));
    }
    for example in examples.iter().filter(|example| example.of == level.at) {
        block(&mut out, example);
    }
    out
}

fn block(out: &mut String, example: &Example) {
    let _ = write!(out, "\n{}\n\n```yaml\n{}```\n", example.says, example.yaml);
}

/// The heading of a level: where it stands, with a capital letter.
fn heading(level: &KeyTable) -> String {
    let at = level.at;
    at.chars()
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + &at[first.len_utf8()..])
        .unwrap_or_default()
}

/// The anchor that mdBook and GitHub give a heading.
fn anchor(level: &KeyTable) -> String {
    let letters = level.at.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    letters.map(|letter| if letter == ' ' { '-' } else { letter.to_ascii_lowercase() }).collect()
}

fn meaning(key: &Key) -> String {
    match key.status {
        Status::Read if key.required => format!("{} Required.", sentence(key.doc)),
        Status::Read => sentence(key.doc),
        Status::NoEffect => format!("{} Accepted with a warning; it has no effect.", sentence(key.doc)),
    }
}

fn value(key: &Key, levels: &[&'static KeyTable]) -> String {
    match key.status {
        Status::Read => form(&key.form, levels),
        Status::NoEffect => "anything".to_owned(),
    }
}

/// What a value is, in words.
fn form(form: &Form, levels: &[&'static KeyTable]) -> String {
    let inner = |form: &Form| self::form(form, levels);
    match form {
        Form::Any => "see the example".to_owned(),
        Form::Text | Form::Like(_) => "a text".to_owned(),
        Form::Name => "a name".to_owned(),
        Form::Flag => "`true` or `false`".to_owned(),
        Form::Number => "a number".to_owned(),
        Form::Whole(0) => "a whole number".to_owned(),
        Form::Whole(least) => format!("a whole number, {least} or more"),
        Form::OneOf(words) => {
            let words: Vec<String> = words().iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        }
        Form::Schema(schema) => by_schema(&schema()).to_owned(),
        Form::Map(level) if levels.iter().any(|known| std::ptr::eq(*known, *level)) => {
            format!("a map: [{}](#{})", level.at, anchor(level))
        }
        Form::Map(_) => "a map".to_owned(),
        Form::List(entry) => format!("a list; each entry is {}", inner(entry)),
        Form::OneOrMore(entry) => format!("{}, or a list of such", inner(entry)),
        Form::Entries { known, other, .. } => {
            let known: Vec<String> =
                known.iter().map(|(name, form)| format!("; `{name}` has {}", inner(form))).collect();
            format!("a map from names to values, each {}{}", inner(other), known.concat())
        }
        Form::Either(forms) => forms.iter().map(inner).collect::<Vec<_>>().join(", or "),
        Form::Defined(name) => format!("a [{name}]({name}-keys.md)"),
    }
}

/// What a value is that has a schema of its own: a method, its parameters, or the value of one.
fn by_schema(schema: &Value) -> &'static str {
    let is = |kind: &str| schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(|known| known == kind));
    if schema.get("enum").is_some() {
        "a [method](methods.md)"
    } else if is("object") {
        "a map of the [method's parameters](methods.md)"
    } else {
        "a value or a list of values"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_is_read_stands_in_an_example_of_its_map() {
        let mut missing = Vec::new();
        for (levels, examples) in [(&recipe::LEVELS[..], examples::RECIPE), (&file::LEVELS[..], examples::SWEEP)] {
            for level in levels {
                let texts: Vec<&str> = examples.iter().filter(|one| one.of == level.at).map(|one| one.yaml).collect();
                for key in level.keys.iter().filter(|key| key.status == Status::Read) {
                    if !texts.iter().any(|text| text.contains(&format!("{}:", key.name))) {
                        missing.push(format!("{}: {}", level.at, key.name));
                    }
                }
            }
            let at: Vec<&str> = levels.iter().map(|level| level.at).collect();
            missing.extend(examples.iter().filter(|one| !at.contains(&one.of)).map(|one| format!("stray: {}", one.of)));
        }
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn every_search_has_an_example() {
        for method in SearchMethod::ALL {
            assert!(examples::SEARCHES.iter().any(|example| example.of == method.name()), "{}", method.name());
        }
    }
}
