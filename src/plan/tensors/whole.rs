//! Collects modules whose layers keep their places.

use std::collections::BTreeMap;

use super::collector::{Collector, Part, gradient};
use crate::checkpoint::layer_of;
use crate::recipe::Slice;

impl<'a> Collector<'a> {
    /// Collects a module whose layers keep their places.
    pub(super) fn collect_whole(&mut self, gradients: bool) {
        let recipe = self.recipe;
        let holds = |part: &Part<'_>| self.modules.get(part.model).is_some_and(Option::is_some);
        let has = |slice: &&'a Slice| self.parts(slice).iter().any(holds);
        // Modules after the transformer come from the slice of the tensors after its layers. A module that none of its
        // models has comes from the first slice that has it.
        let behind = self.slice_behind();
        let Some(slice) = behind.filter(has).or_else(|| recipe.slices.iter().find(has)).or(behind) else { return };
        let mut parts = self.parts(slice);
        let all = parts.len();
        if self.among_holders {
            parts.retain(holds);
        }
        self.is_partial = parts.len() < all;
        for part in &mut parts {
            part.first_layer = None;
        }
        let mut names = self.canonical_names(&parts, |_| true);
        self.drop_unused_tensors(&mut names);
        let mut depths: BTreeMap<String, usize> = BTreeMap::new();
        for layer in names.iter().filter_map(|name| layer_of(name)) {
            let depth = depths.entry(layer.stack).or_default();
            *depth = (*depth).max(layer.index + 1);
        }
        for name in names {
            let layer = layer_of(&name).filter(|_| gradients);
            let t = layer.map_or(0.0, |layer| gradient(layer.index, depths.get(&layer.stack).copied().unwrap_or(1)));
            let planned = self.plan_tensor(slice, &parts, &name, None, t);
            self.faults.extend(planned.err());
        }
    }
}
