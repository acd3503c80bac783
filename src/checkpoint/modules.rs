//! Reads modules.json, the chain of modules of a sentence-transformers folder.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashSet;

use super::error::{Error, ModuleError};
use super::file_names::MODULES;
use super::hub_model::stays_inside;
use super::json;
use super::model_path::ModelPath;
use super::weights::Weights;

/// One module of a checkpoint.
#[derive(Debug)]
pub struct Module {
    /// Its folder inside the checkpoint, `/`-separated; empty for the checkpoint's own folder.
    pub folder: String,
    /// The last segment of its type: `Transformer`, `Pooling`, `Dense`, `Normalize`.
    pub kind: String,
    /// Its config.json; empty if it has none.
    pub config: Map<String, Value>,
    /// Its weights, if it has any.
    pub weights: Option<Weights>,
    /// The file of a head that is one file beside the model, and no folder.
    pub file: Option<String>,
}

impl Module {
    /// Opens a module: reads its configuration and the headers of its weights.
    pub(crate) fn open(root: &ModelPath, Place { folder, kind }: Place) -> Result<Self, Error> {
        let path = root.join(&folder);
        if path.is_symlink() {
            path.check()?;
        }
        let config = json::read_config(&path.join("config.json"))?.unwrap_or_default();
        let weights = Weights::open(&path)?;
        Ok(Self { folder, kind, config, weights, file: None })
    }

    /// Its name in messages: its folder, or its file.
    pub fn name(&self) -> &str {
        self.file.as_deref().unwrap_or(&self.folder)
    }

    /// Whether this is a module that loads a model of the transformers library.
    pub(crate) fn is_transformer(&self) -> bool {
        is_transformer(&self.kind)
    }
}

pub(super) fn is_transformer(kind: &str) -> bool {
    kind.ends_with("Transformer")
}

/// The folder and kind of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) folder: String,
    pub(crate) kind: String,
}

impl Place {
    pub(crate) fn is_transformer(&self) -> bool {
        is_transformer(&self.kind)
    }
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    r#type: String,
}

/// Reads modules.json; `None` if the folder has none.
pub(crate) fn read_places(root: &ModelPath) -> Result<Option<Vec<Place>>, Error> {
    let path = root.join(MODULES);
    if !json::entry_exists(&path)? {
        return Ok(None);
    }
    let entries: Vec<Entry> = json::read_any(&path)?;
    if entries.is_empty() {
        return Err(Error::NoModules { path: path.to_path_buf() });
    }
    let mut seen = HashSet::new();
    let places = entries.into_iter().enumerate().map(|(index, mut entry)| {
        // model2vec writes the checkpoint's own folder in this way.
        if entry.path == "." {
            entry.path.clear();
        }
        let refused = |problem| Error::Module { path: path.to_path_buf(), index, problem };
        let kind = entry.r#type.rsplit('.').next().unwrap_or_default().to_owned();
        let is_plain = entry.path.is_empty() || stays_inside(&entry.path);
        if !is_plain || entry.path.contains(char::is_control) {
            return Err(refused(ModuleError::Path(entry.path)));
        }
        if matches!(kind.as_str(), "Router" | "Asym") {
            return Err(refused(ModuleError::Routed(kind)));
        }
        if !seen.insert(entry.path.clone()) {
            return Err(refused(ModuleError::Twice(entry.path)));
        }
        Ok(Place { folder: entry.path, kind })
    });
    places.collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::checkpoint::Links;

    fn read(content: &str) -> Result<Option<Vec<Place>>, Error> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(MODULES), content).unwrap();
        read_places(&ModelPath::of(folder.path(), Links::Inside).unwrap())
    }

    #[test]
    fn types_of_any_version_are_known_by_their_last_segment() {
        let places = read(
            r#"[{"idx":0,"name":"0","path":"","type":"sentence_transformers.base.modules.transformer.Transformer"},
                {"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"}]"#,
        );
        let kinds: Vec<String> = places.unwrap().unwrap().into_iter().map(|place| place.kind).collect();
        assert_eq!(kinds, ["Transformer", "Pooling"]);
    }

    #[test]
    fn a_point_is_the_folder_itself() {
        let places = read(r#"[{"path":".","type":"m.StaticEmbedding"},{"path":"1_Normalize","type":"m.Normalize"}]"#);
        let folders: Vec<String> = places.unwrap().unwrap().into_iter().map(|place| place.folder).collect();
        assert_eq!(folders, ["", "1_Normalize"]);
    }

    #[test]
    fn a_path_out_of_the_folder_is_refused() {
        for path in ["..", "a/../b", "/etc", "a//b", "a/", "./a", r"a\\b", "C:x", "a\\u0000", "a\\u001b[31m"] {
            let error = read(&format!(r#"[{{"path":"{path}","type":"x.Dense"}}]"#)).unwrap_err().to_string();
            assert!(error.contains("entry 0 has the path") && !error.contains(char::is_control), "{path}: {error}");
        }
    }

    #[test]
    fn lists_that_cannot_be_used_say_why() {
        assert!(read("[]").unwrap_err().to_string().ends_with("lists no modules"));
        assert!(read("{}").unwrap_err().to_string().contains("line 1"));
        assert!(read(r#"[{"path":"","type":"m.Router"}]"#).unwrap_err().to_string().contains("Router"));
        let twice = r#"[{"path":"a","type":"m.Dense"},{"path":"a","type":"m.Dense"}]"#;
        assert!(read(twice).unwrap_err().to_string().contains("another entry"));
    }
}
