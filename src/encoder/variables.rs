//! The weights of a model as variables, for gradients with respect to the tensors of its files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use candle_core::{Result as Computed, Tensor, Var};

/// A tensor of a model: the module's folder and the canonical name.
pub(super) type TensorKey = (String, String);

/// The variables of a model, and which tensors of its files they hold.
#[derive(Debug, Default)]
pub struct Variables {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    variables: Vec<Variable>,
    /// Tensors that were read.
    read: BTreeSet<TensorKey>,
}

/// A variable and the tensors that it was made from.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) var: Var,
    pub(super) module: String,
    pub(super) parts: Vec<Part>,
}

/// A tensor's place in a variable.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) layout: Layout,
}

/// How a tensor lies in a variable.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layout {
    /// It is the variable.
    Whole,
    /// Its rows are `count` columns of the variable, from `start` on, the first `rotated` of them behind the others.
    Columns { start: usize, count: usize, rotated: usize },
}

impl Part {
    /// A tensor that is a variable by itself.
    pub(super) fn whole(name: impl Into<String>) -> Self {
        Self { name: name.into(), layout: Layout::Whole }
    }
}

impl Variables {
    /// Makes a variable of a tensor that is made of `parts`.
    pub(super) fn add(&self, module: &str, tensor: &Tensor, parts: Vec<Part>) -> Computed<Tensor> {
        let var = Var::from_tensor(tensor)?;
        let tensor = var.as_tensor().clone();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for part in &parts {
            state.read.remove(&(module.to_owned(), part.name.clone()));
        }
        state.variables.push(Variable { var, module: module.to_owned(), parts });
        Ok(tensor)
    }

    /// Records that a tensor was read.
    pub(super) fn note(&self, module: &str, name: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.read.insert((module.to_owned(), name.to_owned()));
    }

    /// All variables, and the tensors that are constants.
    pub(super) fn finish(self) -> (Vec<Variable>, BTreeSet<TensorKey>) {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        (state.variables, state.read)
    }
}

impl Variable {
    /// Adds a gradient with respect to the variable to those of its tensors.
    pub(super) fn distribute(&self, gradient: &[f32], to: &mut BTreeMap<TensorKey, Vec<f32>>) {
        let total = self.var.dims().last().copied().unwrap_or(1).max(1);
        for part in &self.parts {
            let key = (self.module.clone(), part.name.clone());
            match part.layout {
                Layout::Whole => {
                    let sum = to.entry(key).or_insert_with(|| vec![0.0; gradient.len()]);
                    sum.iter_mut().zip(gradient).for_each(|(sum, x)| *sum += x);
                }
                Layout::Columns { start, count, rotated } => {
                    let width = gradient.len() / total;
                    let sum = to.entry(key).or_insert_with(|| vec![0.0; width * count]);
                    for (row, sum) in sum.chunks_exact_mut(width.max(1)).enumerate() {
                        let column = (row + count - rotated) % count;
                        let from = gradient.iter().skip(start + column).step_by(total);
                        sum.iter_mut().zip(from).for_each(|(sum, x)| *sum += x);
                    }
                }
            }
        }
    }
}
