//! `search`

use serde::{Deserialize, Serialize};

use super::fields::{fields, list, text, whole};
use super::keys::{RUNG, SEARCH};
use super::search_method::SearchMethod;
use crate::nearest::nearest;
use crate::recipe::NodePath;
use crate::yaml::{Checked, Diagnostic, Diagnostics, Node, and, quoted};

/// A round of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rung {
    /// So many documents of each data set.
    Pool(usize),
    /// All documents.
    Full,
}

/// How points are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// The method.
    pub method: SearchMethod,
    /// The seed of what is drawn at random.
    pub seed: u64,
    /// The rounds, the last one over all documents.
    pub rungs: Vec<Rung>,
    /// The weightings of the objectives that `cmaes` searches for.
    pub scalarisations: usize,
}

impl Default for Search {
    fn default() -> Self {
        Self { method: SearchMethod::Grid, seed: 0, rungs: vec![Rung::Full], scalarisations: 3 }
    }
}

/// Reads `search`.
pub(super) fn search(node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<Search> {
    if let Node::Text(_) = node {
        return Ok(Search { method: method(node, at)?, ..Search::default() });
    }
    let fields = fields(node, at, &SEARCH, diagnostics)?;
    let mut search = Search::default();
    if let Some((node, at)) = fields.get("method") {
        search.method = diagnostics.attempt(|_| method(node, &at)).unwrap_or_default();
    }
    if let Some((node, at)) = fields.get("seed") {
        search.seed = diagnostics.attempt(|_| whole(node, &at, 0)).unwrap_or_default();
    }
    if let Some((node, at)) = fields.get("scalarisations") {
        search.scalarisations = diagnostics.attempt(|_| whole(node, &at, 1)).unwrap_or(1).min(100) as usize;
    }
    if let Some((node, at)) = fields.get("rungs") {
        search.rungs = rungs(node, &at, diagnostics)?;
        if search.rungs.len() > 1
            && !matches!(search.method, SearchMethod::Grid | SearchMethod::Lattice | SearchMethod::Sobol)
        {
            let message = format!("`rungs` go with grid, lattice and sobol, found {}", search.method.name());
            return Err(
                Diagnostic::key(&at, message).hint("leave them out: this method proposes few points".to_owned())
            );
        }
    }
    Ok(search)
}

fn method(node: &Node, at: &NodePath) -> Checked<SearchMethod> {
    let name = text(node, at, "a search method")?;
    if let Some(method) = SearchMethod::ALL.into_iter().find(|method| method.name() == name) {
        return Ok(method);
    }
    let names = SearchMethod::ALL.map(SearchMethod::name);
    let known = format!("the methods are {}", and(&names));
    let hint = match nearest(&name, names) {
        Some(near) => format!("did you mean `{near}`? {known}"),
        None => known,
    };
    Err(Diagnostic::value(at, format!("unknown search method {}", quoted(&name))).hint(hint))
}

fn rungs(node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<Vec<Rung>> {
    let mut rungs = Vec::new();
    for (entry, at) in list(node, at, "rungs")? {
        let fields = fields(entry, &at, &RUNG, diagnostics)?;
        rungs.push(match (fields.get("pool"), fields.get("full")) {
            (Some((node, at)), None) => Rung::Pool(usize::try_from(whole(node, &at, 1)?).unwrap_or(usize::MAX)),
            (None, Some((Node::Flag(true), _))) => Rung::Full,
            _ => {
                let message = "expected `{pool: NUMBER}` or `{full: true}`";
                return Err(Diagnostic::value(&at, message));
            }
        });
    }
    if rungs.last() != Some(&Rung::Full) {
        return Err(Diagnostic::value(at, "the last rung must be `{full: true}`: scores of a pool are no results"));
    }
    if !rungs.is_sorted() || rungs.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Diagnostic::value(at, "each rung must have more documents than the one before"));
    }
    Ok(rungs)
}
