//! Records what linear layers get as inputs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use candle_core::Tensor;

/// Takes the inputs of linear layers that are loaded through a source that has it.
///
/// A batch that runs on a thread of its own finds its inputs apart from those of others.
#[derive(Debug, Default)]
pub struct Recorder {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of inputs of each layer, and the names of its weights.
    layers: Vec<(usize, Vec<String>)>,
    inputs: HashMap<ThreadId, Vec<Recorded>>,
}

/// The inputs of a linear layer: the layer's number, and one row a token.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) layer: usize,
    pub(super) inputs: Tensor,
}

/// A linear layer whose inputs are recorded.
#[derive(Clone, Debug)]
pub(super) struct Tap {
    recorder: Arc<Recorder>,
    layer: usize,
}

impl Tap {
    /// Begins to record a layer with so many inputs, whose weights have these names.
    pub(super) fn new(recorder: &Arc<Recorder>, inputs: usize, weights: Vec<String>) -> Self {
        let mut state = recorder.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.layers.push((inputs, weights));
        Self { recorder: Arc::clone(recorder), layer: state.layers.len() - 1 }
    }

    pub(super) fn record(&self, inputs: &Tensor) {
        let mut state = self.recorder.state.lock().unwrap_or_else(PoisonError::into_inner);
        let recorded = Recorded { layer: self.layer, inputs: inputs.clone() };
        state.inputs.entry(thread::current().id()).or_default().push(recorded);
    }
}

impl Recorder {
    /// Takes what this thread has recorded.
    pub(super) fn take(&self) -> Vec<Recorded> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.inputs.remove(&thread::current().id()).unwrap_or_default()
    }

    /// The names of a layer's weights.
    pub(super) fn weights_of(&self, layer: usize) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.layers.get(layer).map(|(_, weights)| weights.clone()).unwrap_or_default()
    }

    /// The number of a layer's inputs.
    pub(super) fn width_of(&self, layer: usize) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.layers.get(layer).map_or(0, |(inputs, _)| *inputs)
    }
}
