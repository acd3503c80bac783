//! Gathers the rows of token tables where vocabularies are merged.

use std::sync::Arc;

use super::super::error::Error;
use super::super::types::{Gathered, Input, MeanRow};
use super::super::vocabulary::has_token_rows;
use super::collector::{Collector, Part, Role};
use crate::checkpoint::Tensor;
use crate::recipe::Slice;

impl Collector<'_> {
    /// Gathers the rows of token tables where vocabularies are merged. Returns the number of rows of the output's table.
    pub(super) fn gather_rows(
        &mut self,
        slice: &Slice,
        canonical: &str,
        label: &str,
        present: &mut [(Part<'_>, Input, &Tensor)],
    ) -> Result<Option<usize>, Error> {
        let Some(alignment) = self.alignment.filter(|alignment| alignment.is_needed) else { return Ok(None) };
        if self.role != Role::Main {
            return Ok(None);
        }
        let tensors: Vec<(usize, &Tensor)> = present.iter().map(|(part, _, tensor)| (part.model, *tensor)).collect();
        if !has_token_rows(canonical, &tensors, &alignment.model_rows, &self.models.paths)? {
            return Ok(None);
        }
        let models: Vec<usize> = present.iter().map(|(part, ..)| part.model).collect();
        let base = self.recipe.base_of(slice).map(|base| self.models.index(base));
        let gather = alignment.gather(&models, base, label, &self.models.paths)?;
        let tables: Vec<Input> = present.iter().map(|(_, input, _)| *input).collect();
        for (of, (_, input, tensor)) in present.iter_mut().enumerate() {
            input.gathered = Some(self.gathered.len());
            self.gathered.push(Gathered {
                tables: tables.clone(),
                of,
                gather: Arc::clone(&gather),
                width: tensor.shape.iter().skip(1).product(),
                padding: MeanRow::default(),
            });
        }
        Ok(Some(gather.rows()))
    }
}
