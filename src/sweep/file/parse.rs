//! From a sweep file to a spec.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::bound::Bound;
use super::data::Sources;
use super::fields::{fields, list, text};
use super::keys::SWEEP;
use super::objectives::objectives;
use super::params::params;
use super::search::{Search, search};
use super::search_method::{SOBOL_DIMENSIONS, SearchMethod};
use super::settings::{Budget, Selection, budget, scoring, selection};
use super::types::{Baseline, Keep, RecipeText, Spec};
use crate::nearest::nearest;
use crate::plan::Allow;
use crate::recipe::{Error, ErrorKind, NodePath, Recipe, Warning};
use crate::sweep::space::{Axis, Space};
use crate::yaml::{Checked, Diagnostic, Diagnostics, Document, Fields, Node, quoted, read_text, variable_names};

/// A spec, where its study lies, and what is probably not meant.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The spec.
    pub spec: Spec,
    /// The study's folder.
    pub store: PathBuf,
    /// What is accepted and probably not meant.
    pub warnings: Vec<String>,
    /// The same, with their places.
    pub notices: Vec<Warning>,
}

impl Spec {
    /// Reads a sweep file.
    ///
    /// # Errors
    /// Whatever is wrong with it or its recipe, with its place.
    pub fn read(path: &Path) -> Result<Parsed, Error> {
        let document = Document::read(path, "sweep file")?;
        let stem = path.file_stem().map_or_else(|| "sweep".into(), |stem| stem.to_string_lossy().into_owned());
        let folder = path.parent().and_then(|folder| std::path::absolute(non_empty(folder)).ok());
        Self::from_document(&document, &path.display().to_string(), &stem, folder.as_deref())
    }

    /// Reads a sweep file from a text; `origin` is what messages call it.
    ///
    /// # Errors
    /// As [`Spec::read`].
    pub fn parse(text: &str, origin: &str, folder: Option<&Path>) -> Result<Parsed, Error> {
        let document = Document::parse(text.to_owned(), origin.to_owned(), "sweep file")?;
        Self::from_document(&document, origin, "sweep", folder)
    }

    /// The recipe at both ends of the ranges of its variables.
    pub fn at_the_ends(&self) -> [Result<Recipe, Error>; 2] {
        [0.0, 1.0].map(|unit| self.recipe.at(&self.end(unit)))
    }

    /// The variables at an end of their ranges.
    fn end(&self, unit: f64) -> BTreeMap<String, String> {
        self.params.texts(&self.params.place(&vec![unit; self.params.dimensions()]))
    }

    fn from_document(document: &Document, origin: &str, stem: &str, folder: Option<&Path>) -> Result<Parsed, Error> {
        let mut diagnostics = Diagnostics::default();
        let reading = Reading { document, origin, folder };
        let spec = reading.spec(stem, &mut diagnostics)?;
        let notices = document.warnings(diagnostics);
        let (spec, store) = spec;
        Ok(Parsed { spec, store, warnings: notices.iter().map(ToString::to_string).collect(), notices })
    }
}

/// Whether a file is a sweep file and no recipe, as far as its keys tell.
pub fn is_sweep(path: &Path) -> bool {
    Document::read(path, "sweep file").is_ok_and(|document| is_sweep_document(&document))
}

/// Whether a text is a sweep file and no recipe, as far as its keys tell.
pub fn is_sweep_text(text: &str) -> bool {
    let document = Document::parse(text.to_owned(), String::new(), "sweep file");
    document.is_ok_and(|document| is_sweep_document(&document))
}

fn is_sweep_document(document: &Document) -> bool {
    let has = |key| document.root.get(key).is_some();
    !has("merge_method") && ["recipe", "params", "objectives"].into_iter().any(has)
}

/// The current folder for an empty path.
fn non_empty(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

struct Reading<'a> {
    document: &'a Document,
    origin: &'a str,
    folder: Option<&'a Path>,
}

impl Reading<'_> {
    fn spec(&self, stem: &str, diagnostics: &mut Diagnostics) -> Result<(Spec, PathBuf), Error> {
        let read = diagnostics.attempt(|diagnostics| self.top(stem, diagnostics));
        let mut faults = self.document.faults(diagnostics);
        let Some(Top { spec, store, recipe: Some((recipe, at)) }) = read else {
            return Err(Error::of(faults).unwrap_or_else(|| self.document.error(nothing_read())));
        };
        let recipe = self.recipe(recipe, &at);
        match (recipe, spec) {
            (Ok(recipe), Some(mut spec)) if self.has_all_params(&spec) => {
                spec.recipe = recipe;
                faults.extend(self.recipe_faults(&spec));
                match Error::of(faults) {
                    Some(error) => Err(error),
                    None => Ok((spec, store)),
                }
            }
            (Ok(recipe), _) => {
                // The values of its variables are not known.
                let text = &recipe.text;
                let review = Recipe::review_text(text, &recipe.origin, recipe.folder.clone(), &BTreeMap::new(), true);
                faults.extend(review.faults);
                Err(Error::of(faults).unwrap_or_else(|| self.document.error(nothing_read())))
            }
            (Err(error), _) => {
                faults.push(error);
                Err(Error::of(faults).unwrap_or_else(|| self.document.error(nothing_read())))
            }
        }
    }

    /// Whether every entry of `params` could be read; one that could not gives its variables no values.
    fn has_all_params(&self, spec: &Spec) -> bool {
        let entries = match self.document.root.get("params") {
            Some(Node::Map(entries)) => entries.len(),
            _ => 0,
        };
        spec.params.names().len() >= entries
    }

    /// The spec but for its recipe, as far as it can be read.
    fn top(&self, stem: &str, diagnostics: &mut Diagnostics) -> Checked<Top<'_>> {
        let at = NodePath::default();
        let root = &self.document.root;
        if root.is_blank() {
            let hint = "a sweep file has `recipe`, `params` and `objectives`".to_owned();
            return Err(Diagnostic::value(&at, "the sweep file is empty").hint(hint));
        }
        if root.get("merge_method").is_some() && root.get("recipe").is_none() && root.get("params").is_none() {
            let hint =
                "a sweep file names it under `recipe:`, beside `params` and `objectives`; `admix init` writes one";
            let fault = Diagnostic::key(&at.key("merge_method"), "this is a recipe, not a sweep file");
            return Err(fault.hint(hint.to_owned()));
        }
        let top = fields(root, &at, &SWEEP, diagnostics)?;
        let study = top.get("study").and_then(|(node, at)| diagnostics.attempt(|_| name(node, &at)));
        let study = study.unwrap_or_else(|| stem.to_owned());
        let store = top.get("store").and_then(|(node, at)| diagnostics.attempt(|_| text(node, &at, "a folder")));
        let store = store.map_or_else(|| Path::new("studies").join(&study), PathBuf::from);
        let recipe = diagnostics.attempt(|_| top.need("recipe"));
        let params = diagnostics.attempt(|diagnostics| {
            let (node, at) = top.need("params")?;
            Ok((params(node, &at, diagnostics)?, at))
        });
        let mut sources = Sources { sources: Vec::new(), folder: self.folder };
        if let Some((node, at)) = top.get("data") {
            diagnostics.attempt(|diagnostics| sources.declare(node, &at, diagnostics));
        }
        let objectives = diagnostics.attempt(|diagnostics| {
            let (node, at) = top.need("objectives")?;
            objectives(node, &at, &mut sources, diagnostics)
        });
        let search = params
            .as_ref()
            .and_then(|(params, at)| diagnostics.attempt(|diagnostics| search_of(&top, params, at, diagnostics)));
        let selections = diagnostics.attempt(|diagnostics| selections(&top, diagnostics));
        let baselines = diagnostics.attempt(|_| baselines(&top));
        let budget = diagnostics.attempt(|diagnostics| match top.get("budget") {
            Some((node, at)) => budget(node, &at, diagnostics),
            None => Ok(Budget::default()),
        });
        let kept = diagnostics.attempt(|diagnostics| match top.get("keep") {
            Some((node, at)) => keep(node, &at, diagnostics),
            None => Ok((Keep::None, Vec::new())),
        });
        let allow = diagnostics.attempt(|_| top.get("allow").map_or(Ok(Vec::new()), |(node, at)| allow(node, &at)));
        let scoring = scoring(&top, self.folder, diagnostics);
        if scoring.rerank.is_some() {
            for source in sources.sources.iter().filter(|source| source.retrieval.is_some()) {
                let here = NodePath::default().key("data").key(&source.name).key("retrieval");
                let fault = Diagnostic::value(&here, "rerankers search nothing: `rerank` says what they order");
                diagnostics.attempt(|_| Err::<(), _>(fault.hint("leave `retrieval` out".to_owned())));
            }
        }
        let spec = (|| {
            let (objectives, (select, report), (keep, limits)) = (objectives?, selections?, kept?);
            Some(Spec {
                study,
                recipe: RecipeText { text: String::new(), origin: String::new(), folder: None },
                params: params?.0,
                data: used(sources, &objectives, diagnostics),
                objectives,
                baselines: baselines?,
                select,
                report,
                search: search?,
                budget: budget?,
                keep,
                limits,
                allow: allow?,
                scoring,
            })
        })();
        Ok(Top { spec, store, recipe })
    }

    /// The recipe, from its file or from this one.
    fn recipe(&self, node: &Node, at: &NodePath) -> Result<RecipeText, Error> {
        let fault = |fault| self.document.error(fault);
        match node {
            Node::Map(_) => {
                let embedded = self.document.embedded("recipe");
                let text =
                    embedded.ok_or_else(|| fault(Diagnostic::value(at, "the recipe cannot be told from the rest")))?;
                Ok(RecipeText { text, origin: self.origin.to_owned(), folder: self.folder.map(Path::to_path_buf) })
            }
            Node::Text(written) => {
                let beside = self.folder.map(|folder| folder.join(written));
                let found = std::iter::once(PathBuf::from(written)).chain(beside).find(|path| path.is_file());
                let path = found.ok_or_else(|| {
                    fault(Diagnostic::value(at, format!("there is no recipe {}", quoted(written))).hint(
                        "relative paths are looked up in the current folder, then in the sweep file's".to_owned(),
                    ))
                })?;
                let text = read_text(&path, "recipe")?;
                let folder = path.parent().and_then(|folder| std::path::absolute(non_empty(folder)).ok());
                Ok(RecipeText { text, origin: path.display().to_string(), folder })
            }
            other => Err(fault(Diagnostic::value(at, format!("expected a recipe or its path, found {other}")))),
        }
    }

    /// What is wrong with the recipe: that it and the parameters name different variables, or that it is none at an end of
    /// their ranges.
    fn recipe_faults(&self, spec: &Spec) -> Vec<Error> {
        let at = NodePath::default().key("params");
        let mut named = variable_names(&spec.recipe.text);
        let names = spec.params.names();
        let mut faults = Vec::new();
        for (source, variable) in spec.data.iter().flat_map(|source| {
            let text = source.retrieval.as_deref().unwrap_or_default();
            variable_names(text).into_iter().map(move |name| (source, name))
        }) {
            if !names.contains(&variable.as_str()) {
                let here = NodePath::default().key("data").key(&source.name).key("retrieval");
                let fault = Diagnostic::value(&here, format!("`params` gives `${{{variable}}}` no values"));
                faults.push(self.document.error(fault));
            }
            named.insert(variable);
        }
        for unused in names.iter().filter(|name| !named.contains(**name)) {
            let axis =
                if document_has(&self.document.root, unused) { at.key(*unused) } else { at.key("simplex").key("of") };
            let fault = Diagnostic::key(&axis, format!("the recipe does not name `${{{unused}}}`"));
            let hint = match nearest(unused, named.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if named.is_empty() => format!("write `${{{unused}}}` where the recipe has the value"),
                None => format!(
                    "it names {}",
                    named.iter().map(|name| format!("`${{{name}}}`")).collect::<Vec<_>>().join(", ")
                ),
            };
            faults.push(self.document.error(fault.hint(hint)));
        }
        faults.extend(self.group_faults(spec));
        for (at, values) in Self::ends(spec).into_iter().enumerate() {
            let RecipeText { text, origin, folder } = &spec.recipe;
            let review = Recipe::review_text(text, origin, folder.clone(), &values, false);
            let method = review.recipe.as_ref().map(|recipe| recipe.method);
            if let Some(method) = method.filter(|method| at == 0 && method.needs_texts()) {
                let message =
                    format!("`{}` runs texts through the models for every merge, which sweeps do not do", method.name);
                let hint = "merge it with `admix merge`, and compare the folders with `admix score`".to_owned();
                faults.push(
                    self.document.error(Diagnostic::value(&NodePath::default().key("recipe"), message).hint(hint)),
                );
            }
            for error in review.faults {
                if faults.iter().any(|known| known.message() == error.message() && known.place() == error.place()) {
                    continue;
                }
                faults.push(if error.kind() == ErrorKind::Variable {
                    error.with_hint("give it values under `params`".to_owned())
                } else {
                    let written: Vec<String> = values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                    let hint = format!("this is the recipe at {}", written.join(", "));
                    let hint = error.hint().map_or(hint.clone(), |known| format!("{known}\n{hint}"));
                    error.with_hint(hint)
                });
            }
        }
        faults
    }

    /// The variables at both ends of their ranges, and those with groups of tensors as the conditions that they will be.
    fn ends(spec: &Spec) -> Vec<BTreeMap<String, String>> {
        let mut all: Vec<_> = [0.0, 1.0].into_iter().map(|unit| spec.recipe.own(&spec.end(unit))).collect();
        if spec.params.grouped().next().is_some() {
            let conditions = spec.params.grouped().map(|one| (one.name.clone(), format!("[{{value: {}}}]", one.min)));
            let mut values = spec.end(0.0);
            values.extend(conditions);
            all.push(spec.recipe.own(&values));
        }
        all
    }

    /// Variables with values for groups of tensors where there can be none.
    fn group_faults(&self, spec: &Spec) -> Vec<Error> {
        let mut faults = Vec::new();
        let Some(first) = spec.params.grouped().next() else { return faults };
        let at = |name: &str| NodePath::default().key("params").key(name).key("by");
        for grouped in spec.params.grouped() {
            let named = |source: &&super::DataSource| {
                source.retrieval.as_deref().is_some_and(|text| variable_names(text).contains(&grouped.name))
            };
            if let Some(source) = spec.data.iter().find(named) {
                let message =
                    format!("`retrieval` of {} takes one number, and `by` gives several", quoted(&source.name));
                faults.push(self.document.error(Diagnostic::key(&at(&grouped.name), message)));
            }
        }
        let Ok(recipe) = spec.recipe.at(&spec.end(0.0)) else { return faults };
        let message = match () {
            () if !recipe.stages.is_empty() || recipe.documents().count() > 1 => "has several documents",
            () if !recipe.whole_models() => "has slices",
            () => return faults,
        };
        let fault = Diagnostic::key(
            &at(&first.name),
            format!("groups of tensors are for whole models, and the recipe {message}"),
        );
        faults.push(self.document.error(fault.hint("leave `by` out".to_owned())));
        faults
    }
}

/// What the file says: the spec unless something in it is wrong, and the node of the recipe.
struct Top<'a> {
    spec: Option<Spec>,
    store: PathBuf,
    recipe: Option<(&'a Node, NodePath)>,
}

/// Stands for a fault that nobody noted.
fn nothing_read() -> Diagnostic {
    Diagnostic::value(&NodePath::default(), "the sweep file cannot be read")
}

fn document_has(root: &Node, param: &str) -> bool {
    root.get("params").is_some_and(|params| params.get(param).is_some())
}

/// A name that can be a folder's.
fn name(node: &Node, at: &NodePath) -> Checked<String> {
    let name = text(node, at, "a name")?;
    let plain =
        name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ')) && !name.starts_with('.');
    if plain {
        Ok(name)
    } else {
        Err(Diagnostic::value(at, format!("a name has letters, digits, `-`, `_` and `.`, found {}", quoted(&name))))
    }
}

/// The data sets that objectives name; a warning for the others.
fn used(
    sources: Sources<'_>,
    objectives: &[super::Objective],
    diagnostics: &mut Diagnostics,
) -> Vec<super::DataSource> {
    let named =
        |index| objectives.iter().flat_map(|objective| &objective.mean).any(|reference| reference.data == index);
    for (index, source) in sources.sources.iter().enumerate() {
        if !named(index) {
            let at = NodePath::default().key("data").key(&source.name);
            diagnostics.warn(
                &at,
                format!("no objective names the data set {}; it is scored all the same", quoted(&source.name)),
            );
        }
    }
    sources.sources
}

fn search_of(top: &Fields<'_>, space: &Space, params_at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<Search> {
    let grouped = space.grouped().next();
    let usual = if grouped.is_some() { SearchMethod::Bayes } else { SearchMethod::default() };
    let (search, at) = match top.get("search") {
        Some((node, at)) => (search(node, &at, usual, diagnostics)?, at),
        None => (Search { method: usual, ..Search::default() }, params_at.clone()),
    };
    if let Some(grouped) = grouped.filter(|_| !matches!(search.method, SearchMethod::Bayes | SearchMethod::Cmaes)) {
        let (name, method) = (quoted(&grouped.name), search.method.name());
        let message = format!("`{method}` cannot search {name}, which has a value for each group of tensors (`by`)");
        return Err(
            Diagnostic::value(&at, message).hint("`search: {method: bayes}` can, and so can `cmaes`".to_owned())
        );
    }
    let simplex = space.axes.iter().any(|axis| matches!(axis, Axis::Simplex { .. }));
    let values = space.axes.iter().any(|axis| matches!(axis, Axis::Values { .. }));
    let dimensions = space.dimensions();
    let refuse = |message: String, hint: &str| Err(Diagnostic::value(&at, message).hint(hint.to_owned()));
    match search.method {
        SearchMethod::Lattice if !simplex => {
            refuse("`lattice` needs a `simplex` under `params`".into(), "`grid` goes with other parameters")
        }
        SearchMethod::Greedy if !(simplex && space.axes.len() == 1) => refuse(
            "`greedy` needs a `simplex` under `params`, and nothing else".into(),
            "its variables are the models' weights",
        ),
        SearchMethod::Sobol if dimensions > SOBOL_DIMENSIONS => {
            let most = SOBOL_DIMENSIONS;
            refuse(format!("`sobol` goes up to {most} free parameters, found {dimensions}"), "`cmaes` goes with more")
        }
        SearchMethod::Cmaes if dimensions < 2 && grouped.is_none() => refuse(
            format!("`cmaes` needs two free parameters or more, found {dimensions}"),
            "`grid` and `racing` go with fewer",
        ),
        SearchMethod::Cmaes if values => {
            refuse("`cmaes` needs ranges, found a list of values".into(), "write `{min: …, max: …}`")
        }
        _ => Ok(search),
    }
}

fn selections(top: &Fields<'_>, diagnostics: &mut Diagnostics) -> Checked<(Selection, Option<Selection>)> {
    let select = top.get("select").map(|(node, at)| selection(node, &at, diagnostics)).transpose()?;
    let report = top.get("report").map(|(node, at)| Ok((selection(node, &at, diagnostics)?, at))).transpose()?;
    match (&select, &report) {
        (select, Some((report, at))) if select.as_ref().unwrap_or(&Selection::default()) == report => {
            Err(Diagnostic::value(at, "`report` has the queries that `select` has: nothing is held out"))
        }
        (None, Some((_, at))) => Err(Diagnostic::key(at, "`report` needs a `select` beside it")
            .hint("as `select: {split: dev}` or `select: {part: 1/2}`".to_owned())),
        _ => Ok((select.unwrap_or_default(), report.map(|(report, _)| report))),
    }
}

fn baselines(top: &Fields<'_>) -> Checked<Vec<Baseline>> {
    let Some((node, at)) = top.get("baselines") else { return Ok(vec![Baseline::Parents]) };
    let mut found = Vec::new();
    for (entry, at) in list(node, &at, "baselines")? {
        let name = text(entry, &at, "a baseline")?;
        let baseline = match name.as_str() {
            "parents" => Baseline::Parents,
            "uniform" => Baseline::Uniform,
            _ => {
                let hint = nearest(&name, ["parents", "uniform"]).map(|near| format!("did you mean `{near}`?"));
                return Err(Diagnostic::value(
                    &at,
                    format!("a baseline is parents or uniform, found {}", quoted(&name)),
                )
                .hint(hint));
            }
        };
        if !found.contains(&baseline) {
            found.push(baseline);
        }
    }
    Ok(found)
}

fn allow(node: &Node, at: &NodePath) -> Checked<Vec<String>> {
    let mut found = Vec::new();
    for (entry, at) in list(node, at, "disagreements")? {
        let name = text(entry, &at, "a disagreement")?;
        if !Allow::default().accept(&name) {
            let names: Vec<&str> = Allow::names().into_iter().map(|(name, _)| name).collect();
            let hint = match nearest(&name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.join(", ")),
            };
            return Err(Diagnostic::value(&at, format!("{} cannot be allowed", quoted(&name))).hint(hint));
        }
        found.push(name);
    }
    Ok(found)
}

/// The checkpoints to keep, as a word; or limits, as a map from objectives and directions to bounds.
fn keep(node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<(Keep, Vec<Bound>)> {
    let word = |keep| Ok((keep, Vec::new()));
    match node {
        Node::Text(text) if text == "none" => word(Keep::None),
        Node::Text(text) if text == "front" => word(Keep::Front),
        Node::Text(text) if text == "all" => word(Keep::All),
        Node::Map(entries) => {
            let limit = |(name, value): &(String, Node), diagnostics: &mut Diagnostics| {
                diagnostics.attempt(|_| limit(name, value, &at.key(name)))
            };
            Ok((Keep::None, entries.iter().filter_map(|entry| limit(entry, diagnostics)).collect()))
        }
        other => Err(Diagnostic::value(at, format!("expected none, front or all, or a map of limits, found {other}"))
            .hint("limits are written as `keep: {en-en: \">= -1%\"}`".to_owned())),
    }
}

fn limit(name: &str, value: &Node, at: &NodePath) -> Checked<Bound> {
    let written = text(value, at, "a bound such as `>= -1%`")?;
    format!("{name} {written}").parse().map_err(|_| {
        let hint = "a loss that is allowed is `>= -1%` or `>= -0.01`, a least score `>= 0.6`".to_owned();
        Diagnostic::value(at, format!("expected a bound such as `>= -1%`, found {value}")).hint(hint)
    })
}
