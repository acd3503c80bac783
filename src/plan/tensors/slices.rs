//! Builds a transformer from ranges of layers.

use std::collections::{BTreeMap, BTreeSet};

use super::super::error::Error;
use super::super::non_layer_tensors::is_in_front;
use super::super::types::LayerSource;
use super::collector::{Collector, gradient};
use crate::checkpoint::{Weights, layer_of, with_layer};
use crate::recipe::Slice;

impl<'a> Collector<'a> {
    /// Collects a transformer that is built from ranges of layers.
    pub(super) fn collect_slices(&mut self) -> Result<(), Error> {
        let recipe = self.recipe;
        self.check_slices()?;
        if let (Some(first), Some(behind)) = (recipe.slices.first(), self.slice_behind()) {
            let apart = !std::ptr::eq(first, behind);
            self.non_layer_tensors(first, |name| !apart || is_in_front(name));
            if apart {
                self.non_layer_tensors(behind, |name| !is_in_front(name));
            }
        }
        let mut layers = Vec::new();
        for slice in &recipe.slices {
            let parts = self.parts(slice);
            let depth =
                slice.sources.first().and_then(|source| source.layers.as_ref()).map_or(0, ExactSizeIterator::len);
            self.compare_layers(&parts, depth);
            for offset in 0..depth {
                let t = gradient(offset, depth);
                let mut templates = BTreeSet::new();
                for part in &parts {
                    let layer = part.first_layer.unwrap_or_default() + offset;
                    let names = self.canonical_names(std::slice::from_ref(part), |_| true);
                    let here = names.iter().filter(|name| layer_of(name).is_some_and(|found| found.index == layer));
                    templates.extend(here.map(|name| with_layer(name, 0)));
                }
                for template in templates {
                    let planned = self.plan_tensor(slice, &parts, &template, Some((offset, layers.len())), t);
                    self.faults.extend(planned.err());
                }
                if let Some(first) = parts.first() {
                    layers.push(LayerSource {
                        model: first.model,
                        layer: first.first_layer.unwrap_or_default() + offset,
                    });
                }
            }
        }
        self.adapt_config(&layers);
        self.layers = Some(layers);
        let odd = self.odd_layers();
        self.warnings.extend(odd);
        Ok(())
    }

    /// The slice that tensors after the layers come from.
    pub(super) fn slice_behind(&self) -> Option<&'a Slice> {
        let slices = &self.recipe.slices;
        if self.non_layer.behind_from_last { slices.last() } else { slices.first() }
    }

    /// Collects tensors outside of the layers from the models of one slice.
    fn non_layer_tensors(&mut self, slice: &'a Slice, wanted: impl Fn(&str) -> bool) {
        let parts = self.parts(slice);
        for name in self.canonical_names(&parts, |name| layer_of(name).is_none() && wanted(name)) {
            let planned = self.plan_tensor(slice, &parts, &name, None, 0.0);
            self.faults.extend(planned.err());
        }
    }

    fn check_slices(&self) -> Result<(), Error> {
        for slice in &self.recipe.slices {
            let parts = self.parts(slice);
            let base = slice.base_model.as_ref().or(self.recipe.base_model.as_ref());
            if let Some(base) =
                base.filter(|_| self.recipe.method.base.is_apart() && !parts.iter().any(|part| part.is_base))
            {
                let place = slice.sources.first().and_then(|source| self.recipe.place(&source.at)).map(Box::new);
                return Err(Error::SliceWithoutBase { method: self.recipe.method.name, base: base.to_string(), place });
            }
            for source in &slice.sources {
                let model = self.models.index(&source.model);
                let path = source.model.to_string();
                let depths = self.depths(model);
                let Some((_, layers)) = depths.first().filter(|_| depths.len() == 1) else {
                    let names = depths.iter().map(|(stack, _)| format!("`{stack}`")).collect::<Vec<_>>().join(" and ");
                    let stacks = if depths.is_empty() {
                        "no layers".into()
                    } else {
                        format!("several stacks of layers ({names})")
                    };
                    return Err(Error::Stacks { model: path, stacks });
                };
                if let Some(range) = source.layers.as_ref().filter(|range| range.end > *layers) {
                    let place = self.recipe.place(&source.at).map(Box::new);
                    return Err(Error::LayerRange {
                        model: path,
                        start: range.start,
                        end: range.end,
                        layers: *layers,
                        place,
                    });
                }
            }
        }
        Ok(())
    }

    /// The stacks of layers of a model, each with its number of layers.
    fn depths(&self, model: usize) -> Vec<(String, usize)> {
        let mut depths: BTreeMap<String, usize> = BTreeMap::new();
        for layer in
            self.weights(model).into_iter().flat_map(Weights::tensors).filter_map(|tensor| layer_of(&tensor.canonical))
        {
            let depth = depths.entry(layer.stack).or_default();
            *depth = (*depth).max(layer.index + 1);
        }
        depths.into_iter().collect()
    }
}
