//! Warnings about a plan as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::super::types::PlannedTensor;
use super::super::vocabulary::RowClasses;
use super::collector::Collector;
use crate::checkpoint::layer_of;

impl Collector<'_> {
    /// Tensors that were missing, filters that matched nothing, weights that no merge reads.
    pub(super) fn report_warnings(&mut self) {
        self.report_left_out();
        for ((model, _), tensors) in std::mem::take(&mut self.missing) {
            let first = tensors.first().map(String::as_str).unwrap_or_default();
            let more = if tensors.len() > 1 { format!(" and {} more", tensors.len() - 1) } else { String::new() };
            self.warnings.push(format!("`{}` lacks `{first}`{more}; merged without it", self.models.paths[model]));
        }
        let recipe = self.recipe;
        let mut useless = BTreeSet::new();
        for (name, setting) in recipe.settings() {
            for filter in setting.filters().filter(|filter| *filter != "*") {
                if !self.names.iter().any(|tensor| tensor.contains(filter)) {
                    useless.insert(format!("the filter `{filter}` of `{name}` matches no tensor"));
                }
            }
        }
        self.warnings.extend(useless);
        self.warnings.extend(self.rows.iter().flat_map(RowClasses::remarks));
        for (checkpoint, path) in self.models.checkpoints.iter().zip(&self.models.paths) {
            let name =
                |file: &PathBuf| file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let torch: Vec<String> = checkpoint.saved_by_torch().map(|file| name(&file.to_path_buf())).collect();
            if let Some(first) = torch.first() {
                let more = if torch.len() > 1 { format!(" and {} more files", torch.len() - 1) } else { String::new() };
                self.warnings.push(format!(
                    "`{path}` has weights in {first}{more}, read as torch saved them; `admix convert` writes them as safetensors"
                ));
            }
            let unread: Vec<_> = checkpoint.unread_weights().iter().map(name).collect();
            if !unread.is_empty() {
                self.warnings
                    .push(format!("`{path}` also holds {}, which is neither merged nor copied", unread.join(", ")));
            }
        }
    }

    /// Warns of layers at a new position that lack a tensor that the architecture has there, or have one too many. The
    /// first layer of `ModernBERT`, for example, has no `attn_norm`.
    pub(super) fn odd_layers(&self) -> Vec<String> {
        let Some(donor) = self.weights(self.donor).filter(|_| self.layers.is_some()) else { return Vec::new() };
        let merged = donor.tensors().iter().filter(|tensor| !self.is_left_out(tensor));
        let expected = templates(merged.map(|tensor| tensor.canonical.as_str()));
        let module = |tensor: &&PlannedTensor| tensor.module == self.module;
        let found = templates(self.tensors.iter().filter(module).map(|tensor| tensor.canonical.as_str()));
        let path = &self.models.paths[self.donor];
        let mut odd = Vec::new();
        for (layer, found) in &found {
            let Some((like, expected)) = expected.range(..=layer).next_back() else { continue };
            for template in expected.symmetric_difference(found) {
                let (has, is) = if found.contains(template) { ("has", "has not") } else { ("lacks", "has") };
                odd.push(format!(
                    "layer {layer} of the output {has} `{template}`, which layer {like} of `{path}` {is}"
                ));
            }
        }
        odd
    }
}

/// The tensors of each layer.
fn templates<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<usize, BTreeSet<String>> {
    let mut layers: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for layer in names.filter_map(layer_of) {
        layers.entry(layer.index).or_default().insert(layer.template);
    }
    layers
}
