//! Opens the data sets of a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::collect::{Collector, Role};
use super::files::{self, Listing};
use super::layout::{Form, Layout, Pair, Part};
use super::named::{self, Located};
use super::script::Letters;
use super::settings::{self, Settings};
use super::{Error, detect, judgements, language, parallel, split, texts};
use crate::eval::{DataSet, DataWarningKind, DocumentId, QueryId, Text};

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
    /// For each data set, the subset of the folder that it is; empty for the whole folder.
    pub subsets: Vec<String>,
    /// For each data set, the documents that its queries come with to be ranked, the best first.
    pub top_ranked: Vec<BTreeMap<QueryId, Vec<DocumentId>>>,
    /// Where it was found, if it was meant by name.
    pub located: Option<Located>,
}

impl Opened {
    fn empty(form: Form) -> Self {
        Self {
            form,
            splits: Vec::new(),
            split: None,
            files: Vec::new(),
            sets: Vec::new(),
            subsets: Vec::new(),
            top_ranked: Vec::new(),
            located: None,
        }
    }
}

/// The data sets in a folder, or of a name: `org/name[:subset][@revision]` on the Hugging Face Hub or a task of MTEB, which are
/// looked up in the local cache.
///
/// Queries are those with at least one judgement, of any grade, in the order of their file; documents are all. Judgements
/// are those of the queries, including judgements of missing documents. A repeated id takes the last text and a repeated
/// judgement the last grade. Title and text are joined by a space and stripped of white space; queries are not changed.
pub fn open(path: &Path, options: &Options) -> Result<Vec<DataSet>, Error> {
    inspect(path, options).map(|opened| opened.sets)
}

/// Opens the data sets in a folder, with their format, split and files.
pub fn inspect(path: &Path, options: &Options) -> Result<Opened, Error> {
    let located = named::locate(path)?;
    let root = located.as_ref().map_or(path, |located| located.folder.as_path());
    let listing = Listing::of(root)?;
    let (mut settings, settings_path) = settings::read(root)?;
    if let Some(Located { named, .. }) = &located {
        settings.name = Some(named.name().to_owned());
        settings.subsets = named.subset.clone().map(|subset| vec![subset]).or(settings.subsets);
        settings.split = named.split().map(str::to_owned).or(settings.split);
    }
    let name = settings.name.clone().unwrap_or_else(|| listing.folder_name());
    let reader = Reader { root, name, settings: &settings, options };
    let opened = match detect::layout(&listing, &settings)? {
        Layout::Parts(form, parts) => reader.parts(form, wanted(parts, &settings, &settings_path)?),
        Layout::Pairs(pairs) => reader.pairs(&pairs),
    };
    Ok(Opened { located, ..opened? })
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
        let mut opened = Opened::empty(form);
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
            let mut top_ranked = BTreeMap::new();
            if !part.top_ranked.is_empty() {
                // Another split may have none.
                let files = split::files_of(self.root, "documents to rank", &part.top_ranked, &chosen.label);
                for file in files.unwrap_or_default() {
                    texts::read_top_ranked(&mut top_ranked, file)?;
                    collector.warnings.note(DataWarningKind::TopRanked, || files::file_name(file));
                }
            }
            opened.top_ranked.push(top_ranked);
            opened.subsets.push(part.subset.clone());
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
        let sets = parallel::read(self.root, &self.name, pair, self.options.limit_queries)?;
        Ok(Opened {
            split: splits.get(at).cloned(),
            splits,
            files: pair.sides.iter().map(|side| side.file.clone()).collect(),
            subsets: vec![String::new(); sets.len()],
            top_ranked: vec![BTreeMap::new(); sets.len()],
            sets,
            ..Opened::empty(Form::Parallel)
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
