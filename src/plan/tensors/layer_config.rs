//! Adapts the configuration of layers that were cut, stacked or reordered.

use super::super::error::Error;
use super::super::types::LayerSource;
use super::collector::{Collector, Part};
use crate::checkpoint::{LayerKinds, LayerOrigin, Mismatch, layer_kinds, rearranged};

impl Collector<'_> {
    /// Adapts the donor's configuration to the output's layers.
    pub(super) fn adapt_config(&mut self, layers: &[LayerSource]) {
        let checkpoints = &self.models.checkpoints;
        let origin =
            |source: &LayerSource| LayerOrigin { config: checkpoints[source.model].config(), layer: source.layer };
        let origins: Vec<LayerOrigin<'_>> = layers.iter().map(origin).collect();
        let found = rearranged(checkpoints[self.donor].config(), &origins);
        self.layer_config = Some(found.config);
        self.warnings.extend(found.remarks);
        for conflict in found.conflicts {
            let source = layers.get(conflict.layer).copied();
            self.unless_allowed(Error::CountedLayers {
                what: conflict.what,
                key: conflict.key,
                layer: conflict.layer,
                model: source.map_or_else(String::new, |source| self.models.paths[source.model].clone()),
                from: source.map_or(0, |source| source.layer),
            });
        }
    }

    /// Checks that layers that are merged into one are of the same kind.
    pub(super) fn compare_layers(&mut self, parts: &[Part<'_>], depth: usize) {
        let kinds: Vec<LayerKinds> =
            parts.iter().map(|part| layer_kinds(self.models.checkpoints[part.model].config())).collect();
        let Some((first, first_kinds)) = parts.first().zip(kinds.first()) else { return };
        for (part, own) in parts.iter().zip(&kinds).skip(1) {
            for (what, left) in first_kinds {
                let Some((_, right)) = own.iter().find(|(name, _)| name == what) else { continue };
                let layer = |part: &Part<'_>, offset: usize| part.first_layer.unwrap_or_default() + offset;
                let differ = |offset: &usize| left.get(layer(first, *offset)) != right.get(layer(part, *offset));
                let Some(offset) = (0..depth).find(differ) else { continue };
                let kind_of = |kinds: &[serde_json::Value], layer: usize| match kinds.get(layer) {
                    Some(serde_json::Value::String(kind)) => crate::escape::escaped(kind),
                    Some(kind) => crate::escape::escaped(&kind.to_string()),
                    None => "none".to_owned(),
                };
                self.unless_allowed(Error::LayerKinds {
                    what: what.clone(),
                    left_model: self.models.paths[first.model].clone(),
                    left_layer: layer(first, offset),
                    left: kind_of(left, layer(first, offset)),
                    right_model: self.models.paths[part.model].clone(),
                    right_layer: layer(part, offset),
                    right: kind_of(right, layer(part, offset)),
                });
            }
        }
    }

    /// Reports an error, or a warning where differences of architecture are accepted.
    fn unless_allowed(&mut self, error: Error) {
        if self.options.allow.accepts(Mismatch::Architecture) {
            self.warnings.push(error.to_string());
        } else {
            self.faults.push(error);
        }
    }
}
