//! Transformers put together from ranges of layers.

use std::collections::{BTreeMap, BTreeSet};

use super::tensors::{Collector, gradient};
use super::{Error, LayerSource};
use crate::checkpoint::{Weights, layer_of, with_layer};

impl Collector<'_> {
    /// A transformer put together from ranges of layers.
    pub(super) fn slices(&mut self) -> Result<(), Error> {
        let recipe = self.recipe;
        self.check_slices()?;
        if let Some(first) = recipe.slices.first() {
            let parts = self.parts(first);
            for name in self.canonical_names(&parts, |name| layer_of(name).is_none()) {
                let planned = self.tensor(first, &parts, &name, None, 0.0);
                self.faults.extend(planned.err());
            }
        }
        let mut layers = Vec::new();
        for slice in &recipe.slices {
            let parts = self.parts(slice);
            let depth =
                slice.sources.first().and_then(|source| source.layers.as_ref()).map_or(0, ExactSizeIterator::len);
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
                    let planned = self.tensor(slice, &parts, &template, Some((offset, layers.len())), t);
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
        self.layers = Some(layers);
        let odd = self.odd_layers();
        self.warnings.extend(odd);
        Ok(())
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
