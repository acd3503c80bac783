//! Sources of an encoder's tensors: a checkpoint's mapped files, or memory.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use candle_core::{self as candle, Device, Tensor};

use super::error::Error;
use super::recorder::Recorder;
use crate::checkpoint::{self, Checkpoint, SharedData, Weights, canonical_name};
use crate::kernel::{self, DType, Parts, SimdLevel, TileLevel};

/// A tensor's format, shape and little-endian bytes.
#[derive(Clone, Debug)]
pub struct TensorData<'a> {
    /// The dtype of its elements.
    pub dtype: DType,
    /// Its dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Its elements.
    pub bytes: Cow<'a, [u8]>,
}

/// A source of an encoder's tensors.
pub trait TensorSource {
    /// The tensor with this canonical name in the module of this folder (`""`, `0_Transformer`, `2_Dense` and so on).
    fn tensor(&self, module: &str, canonical: &str) -> Option<TensorData<'_>>;

    /// The bytes of the same tensor, if they can be read in place for as long as the encoder lives.
    fn shared(&self, _module: &str, _canonical: &str) -> Option<SharedData> {
        None
    }

    /// What records the inputs of linear layers, where they are asked for.
    #[doc(hidden)]
    fn recorder(&self) -> Option<&Arc<Recorder>> {
        None
    }
}

impl TensorSource for Checkpoint {
    fn tensor(&self, module: &str, canonical: &str) -> Option<TensorData<'_>> {
        let (weights, tensor) = find(self, module, canonical)?;
        Some(TensorData {
            dtype: tensor.float()?,
            shape: tensor.shape.clone(),
            bytes: Cow::Borrowed(weights.bytes(tensor)),
        })
    }

    fn shared(&self, module: &str, canonical: &str) -> Option<SharedData> {
        let (weights, tensor) = find(self, module, canonical)?;
        weights.share(tensor)
    }
}

fn find<'a>(
    checkpoint: &'a Checkpoint,
    module: &str,
    canonical: &str,
) -> Option<(&'a Weights, &'a checkpoint::Tensor)> {
    let weights = checkpoint.module(module)?.weights.as_ref()?;
    Some((weights, weights.get(canonical).or_else(|| find_wrapped(weights, canonical))?))
}

/// Finds a tensor whose name kept its wrapper because two names would have become equal, if there is only one match.
fn find_wrapped<'a>(weights: &'a Weights, canonical: &str) -> Option<&'a checkpoint::Tensor> {
    let mut found = weights.tensors().iter().filter(|tensor| canonical_name(&tensor.name) == canonical);
    found.next().filter(|_| found.next().is_none())
}

/// Loads tensors of one module in the form that the device computes with.
pub(super) struct Loader<'a> {
    pub(super) source: &'a dyn TensorSource,
    /// The module's folder inside the model folder.
    pub(super) module: &'a str,
    /// The module's folder, for messages.
    pub(super) path: PathBuf,
    pub(super) device: &'a Device,
    pub(super) dtype: DType,
    /// Whether a table with few needed rows may stay in its file.
    pub(super) in_place: bool,
    /// Whether float32 numbers are multiplied as such.
    pub(super) exact: bool,
}

impl Loader<'_> {
    /// The shape of a required tensor.
    pub(super) fn shape(&self, name: &str) -> Result<Vec<usize>, Error> {
        self.data(name).map(|data| data.shape)
    }

    /// Whether there is such a tensor.
    pub(super) fn has(&self, name: &str) -> bool {
        self.source.tensor(self.module, name).is_some()
    }

    /// The numbers of rows and columns of a matrix, neither of them 0.
    pub(super) fn dimensions(&self, name: &str) -> Result<(usize, usize), Error> {
        match self.shape(name)?.as_slice() {
            &[rows, columns] if rows > 0 && columns > 0 => Ok((rows, columns)),
            _ => {
                let path = self.path.join("model.safetensors");
                Err(Error::setting(&path, format!("tensor `{name}` is not a matrix")))
            }
        }
    }

    /// A tensor with this shape.
    fn shaped(&self, name: &str, expected: &[usize]) -> Result<(TensorData<'_>, usize), Error> {
        let data = self.data(name)?;
        let elements = expected.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        match elements.filter(|_| data.shape == expected) {
            Some(elements) if elements.checked_mul(data.dtype.size()) == Some(data.bytes.len()) => Ok((data, elements)),
            _ => Err(Error::Shape {
                path: self.path.clone(),
                tensor: name.to_owned(),
                found: data.shape,
                expected: expected.to_vec(),
            }),
        }
    }

    /// Whether numbers of a tensor are rounded to the requested dtype.
    fn rounds(&self, data: &TensorData<'_>) -> bool {
        self.device.is_cpu() && matches!(self.dtype, DType::F16 | DType::Bf16) && data.dtype != self.dtype
    }

    /// The bytes and the dtype of a tensor with this shape, if they can stay in place.
    pub(super) fn in_place(&self, name: &str, expected: &[usize]) -> Result<Option<(SharedData, DType)>, Error> {
        let (data, _) = self.shaped(name, expected)?;
        if !self.in_place || self.rounds(&data) {
            return Ok(None);
        }
        let shared = self.source.shared(self.module, name);
        Ok(shared.filter(|shared| shared.bytes().len() == data.bytes.len()).map(|shared| (shared, data.dtype)))
    }

    /// The values of a tensor with this shape.
    pub(super) fn values(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>, Error> {
        let (data, elements) = self.shaped(name, expected)?;
        let mut values = vec![0.0; elements];
        kernel::widen(SimdLevel::best(), &data.bytes, data.dtype, &mut values);
        if self.rounds(&data) {
            let mut rounded = vec![0; elements * self.dtype.size()];
            kernel::narrow(SimdLevel::best(), &values, self.dtype, &mut rounded);
            kernel::widen(SimdLevel::best(), &rounded, self.dtype, &mut values);
        }
        Ok(values)
    }

    /// Some rows of a matrix of `width` columns.
    pub(super) fn rows(&self, name: &str, rows: &[usize], width: usize) -> Result<Vec<f32>, Error> {
        let (data, _) = self.shaped(name, &[self.dimensions(name)?.0, width])?;
        let bytes = width * data.dtype.size();
        let mut values = vec![0.0; rows.len() * width];
        for (row, values) in rows.iter().zip(values.chunks_mut(width.max(1))) {
            let Some(stored) = data.bytes.get(row * bytes..(row + 1) * bytes) else {
                let problem = format!("tensor `{name}` has {} rows, expected one for token {row}", data.shape[0]);
                return Err(Error::setting(&self.path, problem));
            };
            kernel::widen(SimdLevel::best(), stored, data.dtype, values);
            if self.rounds(&data) {
                let mut rounded = vec![0; width * self.dtype.size()];
                kernel::narrow(SimdLevel::best(), values, self.dtype, &mut rounded);
                kernel::widen(SimdLevel::best(), &rounded, self.dtype, values);
            }
        }
        Ok(values)
    }

    /// Moves values to the device, in the dtype that it computes with.
    pub(super) fn place(&self, values: Vec<f32>, shape: &[usize]) -> Result<Tensor, Error> {
        Ok(Tensor::from_vec(values, shape, self.device)?.to_dtype(self.compute_dtype())?)
    }

    /// Like [`Self::place`], in float32 whatever the dtype of activations.
    pub(super) fn place_wide(&self, values: Vec<f32>, shape: &[usize]) -> Result<Tensor, Error> {
        Ok(Tensor::from_vec(values, shape, self.device)?)
    }

    /// A factor, rounded to the dtype of activations.
    pub(super) fn rounded(&self, factor: f32) -> f32 {
        match self.compute_dtype() {
            candle::DType::F16 => half::f16::from_f32(factor).to_f32(),
            candle::DType::BF16 => half::bf16::from_f32(factor).to_f32(),
            _ => factor,
        }
    }

    /// How weights are laid out for the processor's products in bfloat16, where those are faster. In float32 and float16 two
    /// bfloat16 numbers stand for each, which no float16 number loses a bit by.
    pub(super) fn packing(&self) -> Option<(TileLevel, Parts)> {
        let level = kernel::tile_level().filter(|_| self.device.is_cpu())?;
        match self.dtype {
            DType::Bf16 => Some((level, Parts::One)),
            _ => (level.splits() && !self.exact).then_some((level, Parts::Two)),
        }
    }

    /// The dtype of activations.
    pub(super) fn compute_dtype(&self) -> candle::DType {
        match self.dtype {
            DType::F16 if !self.device.is_cpu() => candle::DType::F16,
            DType::Bf16 if !self.device.is_cpu() => candle::DType::BF16,
            _ => candle::DType::F32,
        }
    }

    fn data(&self, name: &str) -> Result<TensorData<'_>, Error> {
        let missing = || Error::Missing { path: self.path.clone(), tensor: name.to_owned() };
        self.source.tensor(self.module, name).ok_or_else(missing)
    }
}
