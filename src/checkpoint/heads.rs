//! Finds heads beside a model: weights that belong to it and that modules.json does not name.

use serde_json::Map;

use super::error::Error;
use super::json;
use super::model_path::ModelPath;
use super::module_place::{Place, Roles, is_transformer};
use super::modules::Module;
use super::side_files::entries;
use super::weights::Weights;

/// Heads that are one file each, without its ending. `FlagEmbedding` reads those of bge-m3.
const FILES: [&str; 2] = ["colbert_linear", "sparse_linear"];
/// The ending that `FlagEmbedding` reads, and the one that a conversion gives it.
const ENDINGS: [&str; 2] = ["pt", "safetensors"];

/// Opens the heads beside these modules, in the order of their names.
pub(super) fn find(root: &ModelPath, modules: &[Module]) -> Result<Vec<Module>, Error> {
    let mut heads = Vec::new();
    let mut names = entries(root)?;
    names.sort();
    // Without modules.json nothing says that they are this model's.
    let has_modules = names.iter().any(|name| name == "modules.json");
    for name in names.into_iter().filter(|_| has_modules) {
        let is_listed = modules.iter().any(|module| module.folder.split('/').next() == Some(name.as_str()));
        let Some(kind) = kind_of_folder(&name).filter(|_| !is_listed) else { continue };
        let folder = root.join(&name);
        // Links are not followed, because they may lead anywhere.
        if folder.is_symlink() || !folder.is_dir() {
            continue;
        }
        let place = Place { folder: name.clone(), kind: kind.to_owned(), roles: Roles::ALL };
        match Module::open(root, place) {
            Ok(head) if head.weights.is_some() => heads.push(head),
            Ok(_) | Err(Error::ForeignWeights { .. } | Error::Adapter { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    for stem in FILES {
        heads.extend(file_head(root, stem, modules)?);
    }
    Ok(heads)
}

/// The head in a file of this name.
fn file_head(root: &ModelPath, stem: &str, modules: &[Module]) -> Result<Option<Module>, Error> {
    if modules.iter().any(|module| module.folder == stem) {
        return Ok(None);
    }
    for ending in ENDINGS {
        let path = root.join(format!("{stem}.{ending}"));
        if json::entry_exists(&path)? {
            return Ok(Some(Module {
                folder: stem.to_owned(),
                kind: "Head".to_owned(),
                roles: Roles::ALL,
                config: Map::new(),
                weights: Some(Weights::open_file(&path)?),
                file: Some(format!("{stem}.pt")),
            }));
        }
    }
    Ok(None)
}

/// Whether a file of this name is a head.
#[cfg(feature = "hub")]
pub(crate) fn is_head_file(name: &str) -> bool {
    let (stem, ending) = name.rsplit_once('.').unwrap_or_default();
    FILES.contains(&stem) && ENDINGS.contains(&ending)
}

/// The kind of module in a folder that is named as sentence-transformers names them: `Dense` of `2_Dense_1024`. A transformer
/// is no head.
pub(crate) fn kind_of_folder(name: &str) -> Option<&str> {
    let mut parts = name.split('_');
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.next().filter(is_number)?;
    parts.next().filter(|kind| !kind.is_empty() && !is_transformer(kind) && !name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_heads_are_told_from_exports() {
        assert_eq!(kind_of_folder("2_Dense_1024"), Some("Dense"));
        assert_eq!(kind_of_folder("2_Dense"), Some("Dense"));
        for name in ["onnx", "openvino", "2_", "checkpoint_100", "Dense_2", "_Dense", "0_Transformer", "2_Dense/x"] {
            assert_eq!(kind_of_folder(name), None, "{name}");
        }
    }
}
