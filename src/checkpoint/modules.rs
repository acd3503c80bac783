//! Reads modules.json, the chain of modules of a sentence-transformers folder.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashSet;

use super::error::{Error, ModuleError};
use super::file_names::MODULES;
use super::json;
use super::model_path::ModelPath;
use super::module_place::{Place, Roles, is_plain, is_transformer};
use super::router;
use super::weights::Weights;

/// One module of a checkpoint.
#[derive(Debug)]
pub struct Module {
    /// Its folder inside the checkpoint, `/`-separated; empty for the checkpoint's own folder.
    pub folder: String,
    /// The last segment of its type: `Transformer`, `Pooling`, `Dense`, `Normalize`.
    pub kind: String,
    /// The texts that go through it.
    pub roles: Roles,
    /// Its config.json; empty if it has none.
    pub config: Map<String, Value>,
    /// Its weights, if it has any.
    pub weights: Option<Weights>,
    /// The file of a head that is one file beside the model, and no folder.
    pub file: Option<String>,
}

impl Module {
    /// Opens a module: reads its configuration and the headers of its weights.
    pub(crate) fn open(root: &ModelPath, Place { folder, kind, roles }: Place) -> Result<Self, Error> {
        let path = root.join(&folder);
        if path.is_symlink() {
            path.check()?;
        }
        let config = json::read_config(&path.join("config.json"))?.unwrap_or_default();
        // A router's modules have its weights.
        let weights = if router::is_router(&kind) { None } else { Weights::open(&path)? };
        Ok(Self { folder, kind, roles, config, weights, file: None })
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
    let mut places = Vec::new();
    for (index, Entry { path: folder, r#type }) in entries.into_iter().enumerate() {
        // model2vec writes the checkpoint's own folder in this way.
        let folder = if folder == "." { String::new() } else { folder };
        let refused = |problem| Error::Module { path: path.to_path_buf(), index, problem };
        let kind = r#type.rsplit('.').next().unwrap_or_default().to_owned();
        if !is_plain(&folder) {
            return Err(refused(ModuleError::Path(folder)));
        }
        let place = Place { folder, kind, roles: Roles::ALL };
        if router::is_router(&place.kind) {
            places.extend(router::places(root, place)?.into_iter().map(|place| (index, place)));
        } else {
            places.push((index, place));
        }
    }
    let mut seen = HashSet::new();
    for (index, place) in &places {
        if !seen.insert(place.folder.as_str()) {
            let problem = ModuleError::Twice(place.folder.clone());
            return Err(Error::Module { path: path.to_path_buf(), index: *index, problem });
        }
    }
    Ok(Some(places.into_iter().map(|(_, place)| place).collect()))
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
        let router = read(r#"[{"path":"","type":"m.Router"}]"#).unwrap_err().to_string();
        assert!(router.contains("router_config.json"), "{router}");
        let twice = r#"[{"path":"a","type":"m.Dense"},{"path":"a","type":"m.Dense"}]"#;
        assert!(read(twice).unwrap_err().to_string().contains("another entry"));
    }
}
