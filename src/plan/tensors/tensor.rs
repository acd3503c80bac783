//! Plans one tensor of the output.

use safetensors::Dtype;

use super::super::error::Error;
use super::super::types::{Input, PlannedTensor, TensorOp};
use super::super::vocabulary::is_tied_head;
use super::arguments::{Lookup, Participant};
use super::collector::{Collector, Part, Role};
use crate::checkpoint::{Tensor, with_layer};
use crate::kernel::DType;
use crate::method::{self, Arguments, Combination, Dots, Formula, MergeMethod};
use crate::recipe::Slice;

/// A count that sparse autoencoders keep while they are trained, and that nothing else reads.
const TRAINING_COUNT: &str = "stats_last_nonzero";

impl<'a> Collector<'a> {
    /// Plans one output tensor. `layer` is its offset in the slice and its layer in the output, where the two differ.
    pub(in crate::plan) fn plan_tensor(
        &mut self,
        slice: &'a Slice,
        parts: &[Part<'a>],
        name: &str,
        layer: Option<(usize, usize)>,
        t: f64,
    ) -> Result<(), Error> {
        let recipe = self.recipe;
        let canonical = layer.map_or_else(|| name.to_owned(), |(_, output)| with_layer(name, output));
        let mut present: Vec<(Part<'a>, Input, &'a Tensor)> = Vec::new();
        let mut absent: Vec<Part<'a>> = Vec::new();
        for part in parts {
            let wanted = match layer {
                Some((offset, _)) => with_layer(name, part.first_layer.unwrap_or_default() + offset),
                None => name.to_owned(),
            };
            match self.find(part.model, &wanted).or_else(|| self.tied_input(part.model, &wanted)) {
                Some((input, tensor)) => present.push((*part, input, tensor)),
                None => absent.push(*part),
            }
        }
        let Some((first_part, _, first)) = present.first().copied() else { return Ok(()) };
        let spelling = self.weights(self.donor).or_else(|| self.weights(self.usage.model));
        let output = spelling.map_or_else(|| canonical.clone(), |spelling| spelling.respell(&canonical));
        let label = if self.module.is_empty() { output.clone() } else { format!("{}/{output}", self.module) };
        let rows = self.gather_rows(slice, &canonical, &label, &mut present)?;
        let path = |part: &Part<'_>| self.models.paths[part.model].clone();
        // Token tables may differ in their number of rows.
        let size = |tensor: &Tensor| tensor.shape.get(usize::from(rows.is_some())..).map(<[usize]>::to_vec);
        for (part, _, tensor) in &present[1..] {
            if tensor.shape.len() != first.shape.len() || size(tensor) != size(first) {
                let (left, right) = (first.shape.clone(), tensor.shape.clone());
                return Err(Error::Shape {
                    tensor: label,
                    left_model: path(&first_part),
                    left,
                    right_model: path(part),
                    right,
                });
            }
            if tensor.dtype != first.dtype && (tensor.float().is_none() || first.float().is_none()) {
                let (left, right) = (format!("{:?}", first.dtype), format!("{:?}", tensor.dtype));
                return Err(Error::Kind {
                    tensor: label,
                    left_model: path(&first_part),
                    left,
                    right_model: path(part),
                    right,
                });
            }
        }
        let filtered = self.filtered_name(&output);
        let names: Vec<String> = present.iter().map(|(_, _, tensor)| self.filtered_name(&tensor.name)).collect();
        self.names.extend(names);
        self.names.insert(filtered.clone());

        let mut shape = first.shape.clone();
        if let (Some(rows), Some(first)) = (rows, shape.first_mut()) {
            *first = rows;
        }
        let elements = shape.iter().map(|&dimension| dimension as u64).product();
        let (dtype, op) = if first.float().is_none() {
            // Every model has a count of its own training, which need not be equal.
            let compared = if canonical == TRAINING_COUNT { 1 } else { present.len() };
            let sources = present.iter().take(compared).map(|(_, input, _)| *input).collect();
            (first.dtype, TensorOp::Copy { sources })
        } else {
            if let (Some(part), false) = (absent.first(), self.options.allow.missing_tensor) {
                return Err(Error::MissingTensor { tensor: label, present: path(&first_part), absent: path(part) });
            }
            for part in &absent {
                self.missing.entry((part.model, self.module.clone())).or_default().push(label.clone());
            }
            let lookup =
                Lookup { recipe, slice, output: &filtered, canonical: &canonical, label: &label, t, row: None };
            let rows = self.vocabulary_rows(&canonical, &shape);
            let op = self.plan_merge(&lookup, &present, rows)?;
            let dtype = match &op {
                TensorOp::Merge { out_dtype, .. } => stored(*out_dtype),
                TensorOp::Copy { .. } => first.dtype,
            };
            (dtype, op)
        };
        self.tensors.push(PlannedTensor {
            module: self.module.clone(),
            name: output,
            canonical,
            shape,
            dtype,
            elements,
            file: 0,
            offset: 0,
            op,
            copy_of: None,
        });
        Ok(())
    }

    /// The number of rows of a tensor with a row for each token, where conditions tell its rows apart.
    fn vocabulary_rows(&self, canonical: &str, shape: &[usize]) -> Option<usize> {
        let rows = self.rows.as_ref().filter(|rows| self.role == Role::Main && rows.are_of(canonical, shape));
        rows.and(shape.first().copied())
    }

    /// Plans the merge of a tensor from the models that have it. If the method cannot merge those alone, the tensor is
    /// taken from the base, or else from the first model. `rows` is how many a vocabulary tensor has.
    fn plan_merge(
        &mut self,
        lookup: &Lookup<'_>,
        present: &[(Part<'a>, Input, &Tensor)],
        rows: Option<usize>,
    ) -> Result<TensorOp, Error> {
        let method = self.recipe.method;
        // A method with an optional base sets it apart where the recipe names one.
        let apart = method.base.is_apart() && self.recipe.base_of(lookup.slice).is_some();
        let (base, others): (Vec<_>, Vec<_>) = present.iter().partition(|(part, ..)| apart && part.is_base);
        let possible = method.models.accepts(others.len()) && (!apart || base.len() == 1);
        // For a module that some models lack the base may be missing, and weights were not meant to sum to one.
        if self.is_partial && base.is_empty() {
            return self.plan_average(lookup, &others);
        }
        let (method, base, others) = if possible {
            (method, base, others)
        } else {
            let only = base.first().or(others.first()).copied();
            let passthrough = method::find("passthrough").unwrap_or(method);
            (passthrough, Vec::new(), only.into_iter().collect())
        };
        let names: Vec<String> = others.iter().map(|(_, _, tensor)| self.filtered_name(&tensor.name)).collect();
        let participants: Vec<Participant<'_>> = others
            .iter()
            .zip(&names)
            .map(|((part, ..), name)| {
                let own = part.own.filter(|_| possible);
                // A tied table is looked up under the name of the head that it replaces.
                let tensor = if is_tied_head(lookup.canonical) { lookup.output } else { name };
                Participant { path: &self.models.paths[part.model], tensor, own }
            })
            .collect();
        let (arguments, by_row) = match (rows, &mut self.rows) {
            (Some(count), Some(rows)) => rows.arguments(count, |row, name| {
                let label = format!("{}, rows {name}", lookup.label);
                checked(method, &Lookup { row, label: &label, ..*lookup }, &participants)
            })?,
            _ => (checked(method, lookup, &participants)?, None),
        };
        let (compute_dtype, out_dtype) =
            self.formats(&present.iter().filter_map(|(_, _, tensor)| tensor.float()).collect::<Vec<_>>());
        let inputs = base.iter().chain(&others).map(|(_, input, _)| *input).collect();
        Ok(TensorOp::Merge { method, inputs, arguments, by_row, compute_dtype, out_dtype })
    }

    /// The dtype that tensors of these dtypes are merged in, and the dtype of the result.
    pub(in crate::plan) fn formats(&self, floats: &[DType]) -> (DType, DType) {
        let dtype = self.options.dtype.or(self.recipe.dtype);
        let widest = floats.iter().copied().reduce(DType::widest).unwrap_or(DType::F32);
        let is_wide = dtype == Some(DType::F64) || floats.contains(&DType::F64);
        let compute_dtype = if is_wide { DType::F64 } else { DType::F32 };
        (compute_dtype, self.options.out_dtype.or(self.recipe.out_dtype).or(dtype).unwrap_or(widest))
    }
}

/// The arguments of a method, checked against each other.
fn checked(
    method: &'static MergeMethod,
    lookup: &Lookup<'_>,
    participants: &[Participant<'_>],
) -> Result<Arguments, Error> {
    let arguments = lookup.arguments(method, participants)?;
    if let Some(check) = method.check {
        check(&arguments).map_err(|error| lookup.argument_error(error, participants))?;
    }
    if let Formula::Combination(Combination { dots: Dots::Unneeded, coefficients, .. }) = &method.formula {
        let failed = |reason| Error::Arguments { tensor: lookup.label.to_owned(), reason, hint: None, place: None };
        coefficients(&arguments, None).map_err(failed)?;
    }
    Ok(arguments)
}

fn stored(float: DType) -> Dtype {
    match float {
        DType::F16 => Dtype::F16,
        DType::Bf16 => Dtype::BF16,
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
    }
}
