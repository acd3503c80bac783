//! `sources`, `window` and `decay`: a soup of many checkpoints of a run.

use std::path::Path;

use super::super::glob::{self, Unlisted};
use super::super::types::{ModelRef, Parameters, Recipe, Setting, SettingValue, Slice, Soup, Source};
use crate::method::Value;
use crate::yaml::{Checked, Diagnostic, Diagnostics, Fields, Node, NodePath, number, quoted};

/// The parameter that a soup gives each checkpoint.
const WEIGHT: &str = "weight";

/// Reads the soup of a recipe, where it has one, and the slice of its checkpoints.
pub(super) fn soup(
    recipe: &Fields<'_>,
    folder: Option<&Path>,
    diagnostics: &mut Diagnostics,
) -> Checked<Option<(Slice, Soup)>> {
    let Some((node, at)) = recipe.get("sources") else {
        for key in ["window", "decay"] {
            if let Some((_, at)) = recipe.get(key) {
                let hint = "name the checkpoints of a run, as `sources: checkpoints/step-*`".to_owned();
                let fault =
                    Diagnostic::key(&at, format!("`{key}` goes with `sources`, which the recipe does not have"));
                diagnostics.fault(fault.hint(hint).follows(recipe.is_meant("sources")));
            }
        }
        return Ok(None);
    };
    for key in ["models", "slices", "modules"] {
        if recipe.get(key).is_some_and(|(node, _)| !node.is_blank()) {
            let message = format!("the recipe has both `sources` and `{key}`");
            let hint =
                format!("keep `sources` to merge the checkpoints that a glob matches, `{key}` to name each model");
            diagnostics.fault(Diagnostic::key(&at, message).hint(hint));
        }
    }
    let texts = texts(node, &at)?;
    let mut matched = Vec::new();
    let mut is_whole = !diagnostics.is_unknown(&at);
    for (text, at) in &texts {
        match diagnostics.attempt(|_| folders(text, folder, at)) {
            Some(found) => matched.extend(found.into_iter().map(|path| ModelRef::folder(path, at))),
            None => is_whole = false,
        }
    }
    let window = diagnostics.attempt(|_| window(recipe, matched.len(), is_whole)).flatten();
    let decay = diagnostics.attempt(|_| decay(recipe)).flatten();
    let sources = texts.into_iter().map(|(text, _)| text.to_owned()).collect();
    let soup = Soup { sources, matched, window, decay, at: at.clone() };
    let source = |model: ModelRef| {
        let at = model.at.clone();
        Source { model, layers: None, parameters: Parameters::default(), texts: None, at }
    };
    let mut sources: Vec<Source> = soup.chosen().iter().cloned().map(source).collect();
    if !is_whole {
        sources.push(source(ModelRef::unknown(&at)));
    }
    let slice = Slice { sources, base_model: None, parameters: Parameters::default(), at: NodePath::default() };
    Ok(Some((slice, soup)))
}

/// The globs and paths.
fn texts<'n>(node: &'n Node, at: &NodePath) -> Checked<Vec<(&'n str, NodePath)>> {
    let hint = "name the checkpoints of a run, as `sources: checkpoints/step-*`";
    let text = |node: &'n Node, at: &NodePath| match node {
        Node::Text(text) if !text.trim().is_empty() && !text.contains('\0') => Ok(text.as_str()),
        Node::Map(_) => {
            let hint = "list models with weights of their own under `models`, runs of layers under `slices`";
            Err(Diagnostic::value(at, "expected a glob or a folder, found a map").hint(hint.to_owned()))
        }
        Node::Number(_) | Node::Flag(_) => {
            let hint = "write a folder's name that looks like a number in quotes".to_owned();
            Err(Diagnostic::value(at, format!("expected a glob or a folder, found {node}")).hint(hint))
        }
        other => {
            Err(Diagnostic::value(at, format!("expected a glob or a folder, found {other}")).hint(hint.to_owned()))
        }
    };
    match node {
        Node::List(entries) if entries.is_empty() => {
            Err(Diagnostic::value(at, "`sources` is an empty list").hint(hint.to_owned()))
        }
        Node::List(entries) => {
            let at = |index| at.index(index);
            entries.iter().enumerate().map(|(index, entry)| Ok((text(entry, &at(index))?, at(index)))).collect()
        }
        other => Ok(vec![(text(other, at)?, at.clone())]),
    }
}

/// The checkpoints that a glob or path names.
fn folders(text: &str, folder: Option<&Path>, at: &NodePath) -> Checked<Vec<String>> {
    let folder = match folder {
        Some(folder) => folder,
        None if text.starts_with('/') => Path::new("/"),
        None => {
            let message = format!("{} is relative to the recipe's file, and this recipe is no file", quoted(text));
            let hint = "write the whole path, which begins with `/`, or read the recipe from a file".to_owned();
            return Err(Diagnostic::value(at, message).hint(hint));
        }
    };
    let found = glob::matches(folder, text).map_err(|problem| unlisted(text, &problem, at))?;
    if found.is_empty() {
        return Err(unmatched(text, folder, at));
    }
    match found.iter().find_map(|path| Some((path, no_checkpoint(Path::new(path))?))) {
        None => Ok(found.into_iter().map(as_path).collect()),
        Some((path, why)) if !glob::is_glob(text) => {
            Err(Diagnostic::value(at, format!("{} is not a checkpoint: {why}", quoted(path))))
        }
        Some((path, why)) => {
            let message = format!("{} matches {}, which is not a checkpoint: {why}", quoted(text), quoted(path));
            let hint = "write a glob that matches nothing but checkpoints, as `step-[0-9]*`, or a list of globs";
            Err(Diagnostic::value(at, message).hint(hint.to_owned()))
        }
    }
}

/// A name alone may be that of a document.
fn as_path(name: String) -> String {
    if name.contains('/') { name } else { format!("./{name}") }
}

fn unlisted(text: &str, problem: &Unlisted, at: &NodePath) -> Diagnostic {
    match problem {
        Unlisted::Recursive => {
            let hint = "write a `*` for each folder on the way, as `runs/*/step-*`".to_owned();
            Diagnostic::value(at, format!("{} has `**`, which is not read", quoted(text))).hint(hint)
        }
        Unlisted::TooMany => {
            Diagnostic::value(at, format!("{} matches more than {} folders", quoted(text), glob::MOST))
        }
        Unlisted::NotText(path) => {
            let name = quoted(&path.to_string_lossy());
            Diagnostic::value(at, format!("{} matches {name}, whose name is not UTF-8", quoted(text)))
        }
        Unlisted::Unread(folder, error) => {
            let name = quoted(&folder.to_string_lossy());
            Diagnostic::value(at, format!("{name} cannot be listed for {}: {error}", quoted(text)))
        }
    }
}

/// The refusal of a glob or path that leads to nothing. People write globs from the folder in which they stand.
fn unmatched(text: &str, folder: &Path, at: &NodePath) -> Diagnostic {
    let here = if folder.as_os_str().is_empty() || text.starts_with('/') {
        String::new()
    } else {
        format!(" in {}, the recipe's folder", quoted(&folder.to_string_lossy()))
    };
    let message = if glob::is_glob(text) {
        format!("nothing matches {}{here}", quoted(text))
    } else {
        format!("there is no folder {}{here}", quoted(text))
    };
    let from_here = glob::matches(Path::new(""), text).is_ok_and(|found| !found.is_empty());
    let hint = if from_here {
        Some("it is there from the current folder; `sources` are relative to the recipe's file".to_owned())
    } else if text.starts_with('~') {
        Some("`~` is not read here; write the whole path".to_owned())
    } else if text.contains('{') {
        Some("braces are not read here; write a list of globs".to_owned())
    } else {
        None
    };
    Diagnostic::value(at, message).hint(hint)
}

/// Why a path is no checkpoint's, as far as names of files tell.
fn no_checkpoint(path: &Path) -> Option<&'static str> {
    if !path.exists() {
        return Some("it is a link to nothing");
    }
    if !path.is_dir() {
        return Some("it is not a folder");
    }
    let has = |name: &str| path.join(name).exists();
    if has("config.json") || has("modules.json") {
        return None;
    }
    if has("adapter_config.json") {
        return Some("it is an adapter, which `models` takes as `model: BASE+ADAPTER`");
    }
    Some("it has no `config.json` and no `modules.json`")
}

/// How many of the last are merged.
fn window(recipe: &Fields<'_>, matched: usize, is_whole: bool) -> Checked<Option<usize>> {
    let Some((node, at)) = recipe.get("window") else { return Ok(None) };
    let number = number(node).map_err(|refusal| Diagnostic::value(&at, refusal.message).hint(refusal.hint))?;
    if number.fract() != 0.0 || !(1.0..=glob::MOST as f64).contains(&number) {
        let message = format!("`window` must be a whole number between 1 and {}, found {node}", glob::MOST);
        return Err(Diagnostic::value(&at, message));
    }
    #[expect(clippy::cast_sign_loss, reason = "checked to be within the bounds")]
    let window = number as usize;
    if window > matched && is_whole {
        let folders = if matched == 1 { "checkpoint" } else { "checkpoints" };
        let message = format!("`window` asks for the last {window}, and `sources` has {matched} {folders}");
        let hint = format!("write `window: {matched}`, or leave it out to merge all");
        return Err(Diagnostic::value(&at, message).hint(hint));
    }
    Ok(Some(window))
}

/// What the weight of each is to that of the next.
fn decay(recipe: &Fields<'_>) -> Checked<Option<f64>> {
    let Some((node, at)) = recipe.get("decay") else { return Ok(None) };
    let number = number(node).map_err(|refusal| Diagnostic::value(&at, refusal.message).hint(refusal.hint))?;
    if number > 0.0 && number <= 1.0 {
        return Ok(Some(number));
    }
    let hint = match number {
        0.0 => "`window: 1` takes the last checkpoint alone".to_owned(),
        _ => "0.8 gives each checkpoint 0.8 times the weight of the next one; 1 gives all the same".to_owned(),
    };
    Err(Diagnostic::value(&at, format!("`decay` must be above 0 and at most 1, found {node}")).hint(hint))
}

/// Gives the checkpoints of a soup their weights, where the method has weights and the recipe says none.
pub(super) fn weigh(recipe: &mut Recipe) -> Checked<()> {
    let Some(soup) = &recipe.soup else { return Ok(()) };
    let decay_at = NodePath::default().key("decay");
    let Some(parameter) = recipe.method.parameter(WEIGHT) else {
        let name = recipe.method.name;
        let message = format!("`{name}` gives the models no weights, and `decay` has no meaning for it");
        let hint = "leave `decay` out, or take a method with weights, as `linear`".to_owned();
        return if soup.decay.is_some() { Err(Diagnostic::key(&decay_at, message).hint(hint)) } else { Ok(()) };
    };
    if recipe.parameters.get(WEIGHT).is_some() {
        let message = "the recipe has both `decay` and a `weight`";
        let hint = "leave the `weight` out: `decay` says what each checkpoint weighs".to_owned();
        return if soup.decay.is_some() { Err(Diagnostic::key(&decay_at, message).hint(hint)) } else { Ok(()) };
    }
    let (base, is_apart) = (recipe.base_model.clone(), recipe.method.base.is_apart());
    let at = if soup.decay.is_some() { decay_at } else { soup.at.clone() };
    for slice in &mut recipe.slices {
        let is_merged = |source: &&mut Source| !is_apart || base.as_ref() != Some(&source.model);
        let count = slice.sources.iter_mut().filter(is_merged).count();
        let weights = soup.weights(count);
        for (source, weight) in slice.sources.iter_mut().filter(is_merged).zip(weights) {
            let setting = Setting { value: SettingValue::Scalar(Value::Number(weight)), at: at.clone() };
            source.parameters.settings.insert(parameter.name, setting);
        }
    }
    Ok(())
}
