//! `search`

use serde::{Deserialize, Serialize};

use super::fields::{fields, text, whole};
use super::keys::SEARCH;
use super::search_method::SearchMethod;
use crate::nearest::nearest;
use crate::recipe::NodePath;
use crate::yaml::{Checked, Diagnostic, Diagnostics, Node, and, quoted};

/// How points are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// The method.
    pub method: SearchMethod,
    /// The seed of what is drawn at random.
    pub seed: u64,
    /// The weightings of the objectives that `cmaes` searches for.
    pub scalarisations: usize,
}

impl Default for Search {
    fn default() -> Self {
        Self { method: SearchMethod::Grid, seed: 0, scalarisations: 3 }
    }
}

/// Reads `search`; `usual` is the method where none is named.
pub(super) fn search(
    node: &Node,
    at: &NodePath,
    usual: SearchMethod,
    diagnostics: &mut Diagnostics,
) -> Checked<Search> {
    if let Node::Text(_) = node {
        return Ok(Search { method: method(node, at)?, ..Search::default() });
    }
    if let Node::Map(entries) = node
        && entries.iter().any(|(key, _)| key == "rungs")
    {
        let message = "`rungs` is gone: pools of documents stopped no trial of two good parents";
        return Err(Diagnostic::key(&at.key("rungs"), message)
            .hint("`search: racing` stops trials early, on growing samples of the queries".to_owned()));
    }
    let fields = fields(node, at, &SEARCH, diagnostics)?;
    let mut search = Search { method: usual, ..Search::default() };
    if let Some((node, at)) = fields.get("method") {
        search.method = diagnostics.attempt(|_| method(node, &at)).unwrap_or_default();
    }
    if let Some((node, at)) = fields.get("seed") {
        search.seed = diagnostics.attempt(|_| whole(node, &at, 0)).unwrap_or_default();
    }
    if let Some((node, at)) = fields.get("scalarisations") {
        search.scalarisations = diagnostics.attempt(|_| whole(node, &at, 1)).unwrap_or(1).min(100) as usize;
    }
    Ok(search)
}

fn method(node: &Node, at: &NodePath) -> Checked<SearchMethod> {
    let name = text(node, at, "a search method")?;
    if let Some(method) = SearchMethod::ALL.into_iter().find(|method| method.name() == name) {
        return Ok(method);
    }
    if name == "quad" {
        let message = "`quad` is gone: its fit did not hold on real retrievers, and then it ran the whole grid";
        return Err(Diagnostic::value(at, message)
            .hint("`search: racing` makes the grid's choice with fewer tokens".to_owned()));
    }
    let names = SearchMethod::ALL.map(SearchMethod::name);
    let known = format!("the methods are {}", and(&names));
    let hint = match nearest(&name, names) {
        Some(near) => format!("did you mean `{near}`? {known}"),
        None => known,
    };
    Err(Diagnostic::value(at, format!("unknown search method {}", quoted(&name))).hint(hint))
}
