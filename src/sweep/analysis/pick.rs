//! Picks a point: the best on one objective among those that satisfy bounds on the others.

use std::collections::BTreeSet;
use std::path::Path;

use super::table::{Analysis, Row};
use crate::checkpoint::HubSnapshot;
use crate::escape::{literal, yaml};
use crate::nearest::nearest;
use crate::recipe;
use crate::sweep::Error;
use crate::sweep::file::{Bound, BoundKind};
use crate::sweep::study::Study;

/// The best point on an objective among those that satisfy every bound. Ties go to the better one on the other objectives.
///
/// # Errors
/// An unknown objective; no point with results, or none that satisfies the bounds.
pub fn pick<'a>(study: &Study, analysis: &'a Analysis, max: &str, bounds: &[Bound]) -> Result<&'a Row, Error> {
    let best_on = objective(study, max)?;
    let reference = analysis.reference.and_then(|index| analysis.rows.get(index));
    let mut least = Vec::new();
    for bound in bounds {
        let index = objective(study, &bound.objective)?;
        let value = reference.and_then(|row| row.objectives.get(index)).copied();
        if value.is_none() && !matches!(bound.kind, BoundKind::Value(_)) {
            return Err(Error::usage(
                format!("`{bound}` is from the reference, and no baseline has results"),
                "run `admix sweep run` first",
            ));
        }
        least.push((index, bound.least(value.unwrap_or_default()), bound));
    }
    let points = || analysis.rows.iter().filter(|row| row.trial.point().is_some());
    if points().next().is_none() {
        return Err(Error::usage("no point has results yet", "run `admix sweep run` first"));
    }
    let value = |row: &Row, index: usize| row.objectives.get(index).copied().unwrap_or(f64::NEG_INFINITY);
    let keeps = |row: &&Row| least.iter().all(|(index, least, _)| value(row, *index) >= *least - 1e-12);
    let total = |row: &Row| row.objectives.iter().sum::<f64>();
    let better = |a: &&Row, b: &&Row| {
        value(a, best_on).total_cmp(&value(b, best_on)).then_with(|| total(a).total_cmp(&total(b)))
    };
    points().filter(keeps).max_by(better).ok_or_else(|| {
        let nearest = least.iter().map(|(index, least, bound)| {
            let best = points().map(|row| value(row, *index)).fold(f64::NEG_INFINITY, f64::max);
            format!("`{bound}` asks for {least:.4}, and the best point has {best:.4}")
        });
        Error::usage("no point keeps every bound", nearest.collect::<Vec<_>>().join("\n"))
    })
}

pub(super) fn objective(study: &Study, name: &str) -> Result<usize, Error> {
    let names: Vec<&str> = study.manifest.spec.objectives.iter().map(|objective| objective.name.as_str()).collect();
    names.iter().position(|known| *known == name).ok_or_else(|| {
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the objectives are {}", names.join(", ")),
        };
        Error::usage(format!("the study has no objective `{name}`"), hint)
    })
}

/// The point of a label, such as `w=0.4`, or of an id.
///
/// # Errors
/// No point with this name and results.
pub fn trial_named<'a>(analysis: &'a Analysis, name: &str) -> Result<&'a Row, Error> {
    let points = || analysis.rows.iter().filter(|row| row.trial.point().is_some());
    let same = |label: &str| label.split_whitespace().eq(name.split_whitespace());
    // A label of groups of tensors ends with the beginning of the id, which is enough.
    let ends = |label: &str| name.starts_with('#') && label.split_whitespace().last() == Some(name);
    let known = |row: &&Row| row.trial.id == name || same(&row.trial.label) || ends(&row.trial.label);
    points().find(known).ok_or_else(|| {
        let labels: Vec<&str> = points().map(|row| row.trial.label.as_str()).collect();
        let hint = match nearest(name, labels.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", labels.join(", ")),
        };
        Error::usage(format!("no point `{name}` has results"), hint)
    })
}

/// The plain recipe of a point: the sweep's recipe with the values filled in. Models that cannot be found from the current
/// folder get absolute paths; names on the Hub stay as they are.
///
/// # Errors
/// A trial that is not a point.
pub fn recipe_text(study: &Study, row: &Row) -> Result<String, Error> {
    let spec = &study.manifest.spec;
    let Some(values) = row.trial.point() else {
        return Err(Error::usage(format!("`{}` is no point of the recipe", row.trial.label), "pick a point"));
    };
    let values = spec.params.texts(values);
    let mut text = spec.recipe.filled(&values);
    for model in &study.manifest.models {
        let to = located(&model.name, &model.path, model.adapter.as_deref());
        if to != model.name {
            text = renamed(&text, &model.name, &to);
            // In double quotes some characters are escaped.
            let spelt = literal(&model.name);
            let spelt = spelt.trim_matches('"');
            if spelt != model.name {
                text = renamed(&text, spelt, &to);
            }
        }
    }
    // The text will be read from elsewhere.
    if let Some(folder) = &spec.recipe.folder {
        let recipe = spec.recipe.at(&values)?;
        let soups = recipe.stages.iter().chain([&recipe]).filter_map(|recipe| recipe.soup.as_ref());
        let globs: BTreeSet<&String> =
            soups.flat_map(|soup| &soup.sources).filter(|glob| !glob.starts_with('/')).collect();
        for glob in globs {
            text = renamed(&text, glob, &format!("{}/{glob}", recipe::literal_glob(&folder.to_string_lossy())));
        }
    }
    // A recipe has no place for weights of heads, which belong to the search.
    for (set, retrieval) in study.manifest.head_weights(&row.trial.subject).into_iter().rev() {
        text.insert_str(0, &format!("# {} was searched with `--retrieval {retrieval}`.\n", literal(set)));
    }
    Ok(text)
}

/// A model, and the adapter behind it, by paths that lead there from the current folder.
fn located(name: &str, folder: &Path, adapter: Option<&Path>) -> String {
    let place = |name: &str, folder: &Path| {
        let leads = HubSnapshot::of(folder).is_some() || std::path::absolute(name).is_ok_and(|here| here == folder);
        if leads { name.to_owned() } else { folder.to_string_lossy().into_owned() }
    };
    match (adapter, name.split_once('+')) {
        (Some(adapter), Some((model, added))) => format!("{}+{}", place(model, folder), place(added, adapter)),
        _ => place(name, folder),
    }
}

/// Replaces a model's path in a recipe's text where it is a whole scalar, including quotes.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || matches!(c, ',' | '}' | ']' | '"' | '\'' | '#'));
    let begins = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || matches!(c, ':' | '{' | '[' | '"' | '\''));
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // `${` would begin a variable.
    let to = &to.replace("${", "$${");
    while let Some(at) = rest.find(from) {
        let (before, found) = rest.split_at(at);
        let after = found.get(from.len()..).unwrap_or_default();
        let whole =
            begins(before.chars().next_back().or_else(|| out.chars().next_back())) && ends(after.chars().next());
        out.push_str(before);
        rest = after;
        let quote = after.chars().next().filter(|next| matches!(next, '"' | '\'') && before.ends_with(*next));
        match quote {
            Some(quote) if whole => {
                out.pop();
                out.push_str(&literal(to));
                rest = after.strip_prefix(quote).unwrap_or(after);
            }
            _ if whole => out.push_str(&yaml(to)),
            _ => out.push_str(from),
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_replaced_where_they_stand_whole() {
        let text =
            "base_model: m/a\nmodels:\n  - {model: m/a}\n  - model: \"m/a\"\n  - model: m/ab\n  - model: x/m/a\n";
        let expected =
            text.replace(": m/a\n", ": /w/m/a\n").replace("m/a}", "/w/m/a}").replace("\"m/a\"", "\"/w/m/a\"");
        assert_eq!(renamed(text, "m/a", "/w/m/a"), expected);
        let odd = renamed("base_model: 'm/a'  # m/a\nmodels: [{model: m/a}]\n", "m/a", "/w: #\"x'\n${y}");
        let value = "\"/w: #\\\"x'\\n$${y}\"";
        assert_eq!(odd, format!("base_model: {value}  # {value}\nmodels: [{{model: {value}}}]\n"));
    }

    #[test]
    fn a_model_keeps_its_adapter() {
        let [model, adapter, other] = ["/w/m", "/w/ad", "/elsewhere/m"].map(Path::new);
        assert_eq!(located("/w/m", model, None), "/w/m");
        assert_eq!(located("/w/m+/w/ad", model, Some(adapter)), "/w/m+/w/ad");
        assert_eq!(located("m+ad", other, Some(adapter)), "/elsewhere/m+/w/ad");
        let hub = "/c/models--org--m/snapshots/0123456789abcdef0123456789abcdef01234567";
        assert_eq!(located("org/m+ad", Path::new(hub), Some(adapter)), "org/m+/w/ad");
    }
}
