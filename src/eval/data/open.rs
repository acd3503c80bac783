//! Opens the data sets of a folder.

use std::path::{Path, PathBuf};

use super::collect::{Collector, Role};
use super::files::Listing;
use super::layout::{Form, Layout, Pair, Part};
use super::script::Letters;
use super::settings::{self, Settings};
use super::{Error, detect, judgements, language, parallel, split, texts};
use crate::eval::{DataSet, Text};

/// Options that choose the part of a folder that is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The split; by default `test`, or the only one, or `dev` or `validation`. A folder without splits is read as a whole.
    pub split: Option<String>,
    /// The number of queries to read from the start; all by default.
    pub limit_queries: Option<usize>,
}

/// A folder and its data sets.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its format.
    pub form: Form,
    /// The splits that exist; empty if the format has none.
    pub splits: Vec<String>,
    /// The split that was read.
    pub split: Option<String>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
    /// The data sets: one for each subset, or for each direction of parallel text.
    pub sets: Vec<DataSet>,
}

/// The data sets in a folder.
///
/// Queries are those with at least one judgement, of any grade, in the order of their file; documents are all. Judgements
/// are those of the queries, including judgements of missing documents. A repeated id takes the last text and a repeated
/// judgement the last grade. Title and text are joined by a space and stripped of white space; queries are not changed.
pub fn open(path: &Path, options: &Options) -> Result<Vec<DataSet>, Error> {
    inspect(path, options).map(|opened| opened.sets)
}

/// Opens the data sets in a folder, with their format, split and files.
pub fn inspect(path: &Path, options: &Options) -> Result<Opened, Error> {
    let listing = Listing::of(path)?;
    let (settings, settings_path) = settings::read(path)?;
    let name = settings.name.clone().unwrap_or_else(|| listing.folder_name());
    let reader = Reader { root: path, name, settings: &settings, options };
    match detect::layout(&listing, &settings)? {
        Layout::Parts(form, parts) => reader.parts(form, wanted(parts, &settings, &settings_path)?),
        Layout::Pairs(pairs) => reader.pairs(&pairs),
    }
}

/// The subsets that `dataset.yaml` names, or all.
fn wanted(parts: Vec<Part>, settings: &Settings, path: &Path) -> Result<Vec<Part>, Error> {
    let Some(subsets) = &settings.subsets else { return Ok(parts) };
    let find = |name: &String| {
        parts.iter().find(|part| part.subset == *name).cloned().ok_or_else(|| {
            let there: Vec<_> = parts.iter().map(|part| part.subset.as_str()).filter(|name| !name.is_empty()).collect();
            let there = if there.is_empty() { "none".into() } else { there.join(", ") };
            let problem = format!("`subsets` names `{}`, and the folder has {there}", crate::escape::escaped(name));
            Error::Settings { path: path.to_owned(), line: 0, problem }
        })
    };
    subsets.iter().map(find).collect()
}

struct Reader<'a> {
    root: &'a Path,
    name: String,
    settings: &'a Settings,
    options: &'a Options,
}

impl Reader<'_> {
    fn split(&self) -> Option<&str> {
        self.options.split.as_deref().or(self.settings.split.as_deref())
    }

    fn parts(&self, form: Form, parts: Vec<Part>) -> Result<Opened, Error> {
        let mut opened = Opened { form, splits: Vec::new(), split: None, files: Vec::new(), sets: Vec::new() };
        let several = parts.len() > 1;
        for part in parts {
            let labels: Vec<&str> = part.judgements.iter().map(|labelled| labelled.label.as_str()).collect();
            let at = split::choose(self.root, &labels, self.split())?;
            let Some(chosen) = part.judgements.get(at) else { continue };
            for label in labels.into_iter().filter(|label| !label.is_empty()) {
                if opened.splits.iter().all(|known| known != label) {
                    opened.splits.push(label.to_owned());
                }
            }
            opened.split = Some(chosen.label.clone()).filter(|label| !label.is_empty());
            let documents = split::files_of(self.root, "documents", &part.documents, &chosen.label)?;
            let queries = split::files_of(self.root, "queries", &part.queries, &chosen.label)?;
            let mut collector = Collector::default();
            for file in documents {
                texts::read(&mut collector, Role::Document, file)?;
            }
            for file in queries {
                texts::read(&mut collector, Role::Query, file)?;
            }
            for file in &chosen.files {
                judgements::read(&mut collector, form, file)?;
            }
            for (kind, file) in &part.unused {
                collector.warnings.note(*kind, || file.clone());
            }
            let name = if several { format!("{}/{}", self.name, part.subset) } else { self.name.clone() };
            let set = collector.finish(self.root, name, self.options.limit_queries)?;
            opened.sets.push(DataSet { direction: self.direction(&set, &part.subset), ..set });
            for file in documents.iter().chain(queries).chain(&chosen.files) {
                if !opened.files.contains(file) {
                    opened.files.push(file.clone());
                }
            }
        }
        Ok(opened)
    }

    fn pairs(&self, pairs: &[Pair]) -> Result<Opened, Error> {
        let labels: Vec<&str> = pairs.iter().map(|pair| pair.label.as_str()).collect();
        // A single pair is the whole folder, whatever its label.
        let at = if pairs.len() == 1 { 0 } else { split::choose(self.root, &labels, self.split())? };
        let Some(pair) = pairs.get(at) else {
            return Err(Error::Nothing { path: self.root.to_owned(), what: "pairs of files" });
        };
        let splits: Vec<String> =
            if pairs.len() == 1 { Vec::new() } else { labels.iter().map(ToString::to_string).collect() };
        Ok(Opened {
            form: Form::Parallel,
            split: splits.get(at).cloned(),
            splits,
            files: pair.sides.iter().map(|side| side.file.clone()).collect(),
            sets: parallel::read(self.root, &self.name, pair, self.options.limit_queries)?,
        })
    }

    /// The languages of queries and documents, from `dataset.yaml`, else from scripts and names.
    fn direction(&self, set: &DataSet, subset: &str) -> Option<String> {
        if let Some(languages) = &self.settings.languages {
            return Some(format!("{}-{}", languages.query, languages.document));
        }
        let query = self.language(Role::Query, &set.queries, subset)?;
        let document = self.language(Role::Document, &set.documents, subset)?;
        Some(format!("{query}-{document}"))
    }

    /// The language of one side. A subset such as `eng-kor` has the documents' language first and the queries' last.
    fn language(&self, role: Role, texts: &[Text], subset: &str) -> Option<&'static str> {
        let script = Letters::of(texts.iter().map(|text| text.text.as_str())).main();
        let named = language::written_in(script, &language::in_name(subset));
        let named = if role == Role::Query { named.last() } else { named.first() };
        named.map(|language| language.code).or_else(|| {
            let folder = self.root.file_name().unwrap_or_default().to_string_lossy();
            language::decide(script, &format!("{folder} {}", self.name))
        })
    }
}
