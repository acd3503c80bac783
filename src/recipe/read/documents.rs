//! Reads recipes of several documents. One document is the result; the others are merged first, for the documents that name
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::super::review::Review;
use super::super::types::{Origin, Recipe};
use super::document::read_document;
use crate::yaml::{
    Diagnostic, Error, ErrorKind, Node, NodePath, Warning, place_at, quoted, variable_names, without_mark,
};

/// The most documents of a recipe: each is read by itself, and one may need all before it.
const MOST: usize = 32;

/// The byte ranges of the documents of a text that are not empty. In YAML a line that begins with `---` begins a document
/// wherever it stands, and one that begins with `...` ends one.
pub(super) fn split(text: &str) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mark = text.len() - without_mark(text).len();
    let (mut start, mut at) = (mark, mark);
    let (mut begun, mut said) = (false, false);
    let is_marker = |line: &str, marker: &str| {
        line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
    };
    for line in without_mark(text).split_inclusive('\n') {
        let next = at + line.len();
        let (begins, ends) = (is_marker(line, "---"), is_marker(line, "..."));
        if begins || ends {
            let end = if begins { at } else { next };
            if said {
                parts.push(start..end);
            }
            // Empty documents are skipped; text before the first marker belongs to the document after it.
            if said || begun || ends {
                start = end;
            }
            (begun, said) = (begins, false);
        }
        let content = if begins { line.get(3..).unwrap_or_default() } else { line };
        let content = content.trim_start();
        let is_directive = line.starts_with('%') && !said;
        said |= !content.is_empty() && !content.starts_with('#') && !is_directive && !ends;
        at = next;
    }
    if said {
        parts.push(start..text.len());
    }
    parts
}

/// The text with everything outside of one document blanked, so that lines and columns stay the same.
pub(super) fn alone(text: &str, part: &Range<usize>) -> String {
    let blank = |part: &str| -> String { part.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect() };
    let get = |range: Range<usize>| text.get(range).unwrap_or_default();
    let mark = text.len() - without_mark(text).len();
    let (before, after) = (blank(get(mark..part.start)), blank(get(part.end..text.len())));
    format!("{}{before}{}{}", get(0..mark), get(part.clone()), after.trim_end())
}

/// Reads the documents of a text as far as possible.
pub(super) fn review(source: &Origin, parts: &[Range<usize>], values: &BTreeMap<String, String>, open: bool) -> Review {
    if let Some(part) = parts.get(MOST) {
        let place = place_at(&source.text, &source.name, part.start);
        let message = format!("the recipe has more than {MOST} documents");
        let kind = ErrorKind::Invalid;
        let fault = Error { kind, message, place: Some(Box::new(place)), hint: None, others: Vec::new() };
        return Review { faults: vec![fault], ..Review::default() };
    }
    let mut whole = Review::default();
    let mut recipes = Vec::new();
    let mut named = BTreeSet::new();
    let names = parts.iter().filter_map(|part| stated_name(source, part)).collect();
    let source = &Origin { documents: names, ..source.clone() };
    for part in parts {
        let text = alone(&source.text, part);
        let names = variable_names(&text);
        let own = values.iter().filter(|(name, _)| names.contains(*name));
        let own = own.map(|(name, value)| (name.clone(), value.clone())).collect();
        named.extend(names);
        let Review { recipe, faults, warnings, unknown } =
            read_document(Origin { text, ..source.clone() }, &own, open, true);
        recipes.extend(recipe);
        whole.faults.extend(faults);
        whole.warnings.extend(warnings);
        for (name, place) in unknown {
            if whole.unknown.iter().all(|(known, _)| *known != name) {
                whole.unknown.push((name, place));
            }
        }
    }
    let unused = values.keys().filter(|name| !named.contains(*name));
    let unused = unused.map(|name| format!("the variable `{name}` is given and the recipe does not name it"));
    whole.warnings.extend(unused.map(Warning::of_all));
    // How documents depend on each other is known only if each can be read.
    if recipes.len() < parts.len() {
        return whole;
    }
    let partial = recipes.iter().any(Recipe::is_partial);
    let sources: Vec<Origin> = recipes.iter().map(|recipe| recipe.source.clone()).collect();
    let names: Vec<String> = recipes.iter().filter_map(|recipe| recipe.name.clone()).collect();
    match arranged(recipes, &mut whole.warnings) {
        Ok(mut recipe) => {
            recipe.warnings = whole.warnings.iter().map(ToString::to_string).collect();
            recipe.stages.iter_mut().for_each(|stage| stage.warnings.clear());
            for source in recipe.stages.iter_mut().map(|stage| &mut stage.source).chain([&mut recipe.source]) {
                source.documents.clone_from(&names);
            }
            recipe.partial = partial;
            recipe.source.whole = Some(source.text.clone());
            recipe.source.variables.clone_from(values);
            whole.recipe = Some(recipe);
        }
        Err(refused) => {
            let (index, fault) = *refused;
            whole.faults.push(sources.get(index).unwrap_or(source).yaml().error(fault));
        }
    }
    whole
}

/// The name that a document states, read without the rest of it.
fn stated_name(source: &Origin, part: &Range<usize>) -> Option<String> {
    let root = Origin { text: alone(&source.text, part), ..source.clone() }.yaml().tree().ok()?;
    match root.get("name") {
        Some(Node::Text(name)) => Some(name.clone()),
        _ => None,
    }
}

/// The index of a document that conflicts with the others, and the reason.
type Refused = Box<(usize, Diagnostic)>;

fn refused<T>(index: usize, fault: Diagnostic) -> Result<T, Refused> {
    Err(Box::new((index, fault)))
}

/// Returns the document that is the result, with the documents that it needs in the order in which they are merged. A
/// warning names documents that nothing needs.
fn arranged(mut recipes: Vec<Recipe>, warnings: &mut Vec<Warning>) -> Result<Recipe, Refused> {
    let (names, unnamed) = named(&recipes)?;
    for model in recipes.iter_mut().flat_map(Recipe::references_mut) {
        model.stage = model.revision.is_none() && names.contains_key(&model.path);
        model.identity = model.identity.take().filter(|_| !model.stage);
    }
    let needs: Vec<Needs> = recipes
        .iter()
        .map(|recipe| {
            let stages = recipe.references().into_iter().filter(|model| model.stage);
            stages.filter_map(|model| Some((*names.get(&model.path)?, model.at.clone()))).collect()
        })
        .collect();
    let mut order = Vec::new();
    for index in 0..recipes.len() {
        if let Err((index, at, cycle)) = visit(index, &needs, &mut order, &mut Vec::new()) {
            let names: Vec<String> = cycle.iter().map(|index| title(&recipes[*index])).collect();
            let message = format!("the documents need each other: {}", names.join(" needs "));
            return refused(index, Diagnostic::value(&at, message));
        }
    }
    let result = unnamed.map_or_else(|| last(&recipes, &needs), Ok)?;
    let mut reached = BTreeSet::from([result]);
    for index in order.iter().rev() {
        if reached.contains(index) {
            reached.extend(needs[*index].iter().map(|(index, _)| *index));
        }
    }
    let mut taken: BTreeMap<usize, Recipe> = recipes.into_iter().enumerate().collect();
    let mut stages = Vec::new();
    for index in order.into_iter().filter(|index| *index != result) {
        let Some(recipe) = taken.remove(&index) else { continue };
        if reached.contains(&index) {
            stages.push(recipe);
        } else {
            let message = format!("the result does not need the document {}, which is not merged", title(&recipe));
            warnings.push(Warning::of_all(message));
        }
    }
    match taken.remove(&result) {
        Some(recipe) => Ok(Recipe { stages, ..recipe }),
        None => refused(result, Diagnostic::value(&NodePath::default(), "the recipe has no result")),
    }
}

/// The documents by name, and the one without a name.
fn named(recipes: &[Recipe]) -> Result<(BTreeMap<String, usize>, Option<usize>), Refused> {
    let mut names = BTreeMap::new();
    let mut unnamed = None;
    for (index, recipe) in recipes.iter().enumerate() {
        match &recipe.name {
            Some(name) if names.insert(name.clone(), index).is_some() => {
                let message = format!("two documents are called {}", quoted(name));
                return refused(index, Diagnostic::value(&NodePath::default().key("name"), message));
            }
            None if unnamed.replace(index).is_some() => {
                let hint = "only the document whose merge is the result may lack one".to_owned();
                let fault = Diagnostic::value(&NodePath::default(), "two documents have no `name`").hint(hint);
                return refused(index, fault);
            }
            _ => {}
        }
    }
    Ok((names, unnamed))
}

/// The only document that no other needs.
fn last(recipes: &[Recipe], needs: &[Needs]) -> Result<usize, Refused> {
    let used: BTreeSet<usize> = needs.iter().flatten().map(|(index, _)| *index).collect();
    let last: Vec<usize> = (0..recipes.len()).filter(|index| !used.contains(index)).collect();
    match last[..] {
        [.., _, other] => {
            let names: Vec<String> = last.iter().map(|index| title(&recipes[*index])).collect();
            let message = format!("no other document needs {}: which is the result?", names.join(" or "));
            let hint = "leave `name` out of the document whose merge is the result".to_owned();
            refused(other, Diagnostic::value(&NodePath::default().key("name"), message).hint(hint))
        }
        [result] => Ok(result),
        [] => Ok(0),
    }
}

fn title(recipe: &Recipe) -> String {
    recipe.name.as_deref().map_or_else(|| "the document without a name".to_owned(), quoted)
}

/// The documents that one needs, each with the place where it names it.
type Needs = Vec<(usize, NodePath)>;

/// A document that closes a cycle, the place where it names the next one, and the cycle.
type Cycle = (usize, NodePath, Vec<usize>);

/// Appends a document to `order` after the documents that it needs. `way` is the path of documents that led to it.
fn visit(index: usize, needs: &[Needs], order: &mut Vec<usize>, way: &mut Vec<usize>) -> Result<(), Cycle> {
    if order.contains(&index) {
        return Ok(());
    }
    way.push(index);
    for (next, at) in &needs[index] {
        if let Some(begin) = way.iter().position(|passed| passed == next) {
            let cycle = way[begin..].iter().copied().chain([*next]).collect();
            return Err((index, at.clone(), cycle));
        }
        visit(*next, needs, order, way)?;
    }
    way.pop();
    order.push(index);
    Ok(())
}
