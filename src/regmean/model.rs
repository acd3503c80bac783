//! The tensors of one of a plan's models, with its adapter.

use std::borrow::Cow;

use crate::checkpoint::{Checkpoint, SharedData, canonical_name};
use crate::encoder::{TensorData, TensorSource};
use crate::kernel::DType;
use crate::merge::{self, Access, TILE, read_input};
use crate::plan::{Input, Plan};
use crate::progress::Cancel;

/// The tensors of one of a plan's models, with its adapter.
#[derive(Clone, Copy)]
pub(super) struct ModelTensors<'a> {
    pub(super) plan: &'a Plan,
    pub(super) model: usize,
    pub(super) checkpoint: &'a Checkpoint,
}

impl<'a> ModelTensors<'a> {
    pub(super) fn new(plan: &'a Plan, model: usize) -> Option<Self> {
        Some(Self { plan, model, checkpoint: plan.models.get(model)? })
    }

    fn has_adapter(&self) -> bool {
        self.plan.adapters.get(self.model).is_some_and(Option::is_some)
    }

    fn find(&self, module: &str, canonical: &str) -> Option<Input> {
        let place = self.checkpoint.parts().iter().position(|part| part.folder == module)?;
        let weights = self.checkpoint.parts().get(place)?.weights.as_ref()?;
        let named = weights.get(canonical).map(|tensor| tensor.name.as_str());
        let is_meant = |name: &str| named.map_or_else(|| canonical_name(name) == canonical, |named| name == named);
        let tensor = weights.tensors().iter().position(|tensor| is_meant(&tensor.name))?;
        Some(Input { model: self.model, module: place, tensor, gathered: None })
    }

    fn adapted(&self, module: &str, canonical: &str, shape: Vec<usize>) -> Option<TensorData<'a>> {
        let input = self.find(module, canonical)?;
        let never = Cancel::new();
        let values: Vec<f32> = read_input(self.plan, input, &quiet(&never)).ok()?;
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Some(TensorData { dtype: DType::F32, shape, bytes: Cow::Owned(bytes) })
    }
}

/// How tensors are read where nobody watches.
fn quiet(cancel: &Cancel) -> merge::Options<'_> {
    merge::Options {
        threads: 1,
        tile: TILE,
        level: crate::kernel::SimdLevel::best(),
        access: Access::Read,
        cancel,
        progress: &|_| {},
        solver: None,
    }
}

impl TensorSource for ModelTensors<'_> {
    fn tensor(&self, module: &str, canonical: &str) -> Option<TensorData<'_>> {
        let data = self.checkpoint.tensor(module, canonical)?;
        if self.has_adapter() { self.adapted(module, canonical, data.shape) } else { Some(data) }
    }

    fn shared(&self, module: &str, canonical: &str) -> Option<SharedData> {
        if self.has_adapter() { None } else { self.checkpoint.shared(module, canonical) }
    }
}
