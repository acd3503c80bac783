//! The table of token embeddings.

use candle_core::{Result as Computed, Tensor, bail};

use super::super::config::Config;
use super::super::error::Error;
use super::super::source::Loader;
use super::super::tensor_names::Names;
use super::token_types::add_first_type;
use super::values::{gather_rows, with_values};
use crate::checkpoint::SharedData;
use crate::kernel::{self, DType, SimdLevel};

/// The table of token embeddings, including the vector that is added to every token.
#[derive(Debug)]
pub(in crate::encoder) enum TokenEmbeddings {
    /// On the device.
    OnDevice(Tensor),
    /// In its file or in memory: it is most of a multilingual model, and texts have few of its tokens.
    InPlace(InPlace),
    /// Released until the weights are replaced.
    Released,
}

#[derive(Debug)]
pub(in crate::encoder) struct InPlace {
    data: SharedData,
    dtype: DType,
    scale: Option<f32>,
}

impl TokenEmbeddings {
    pub(in crate::encoder) fn load(
        loader: &Loader<'_>,
        config: &Config,
        names: &Names,
        (vocabulary, width): (usize, usize),
    ) -> Result<Self, Error> {
        let scale = config.embedding_scale.map(|scale| loader.rounded(scale));
        // Otherwise the vector of the first type was added to the positions.
        let has_positions = names.positions.is_some() && config.position_table;
        let has_type = !has_positions && config.token_types && names.token_types.is_some();
        let name = names.token_table(loader);
        if !has_type && let Some((data, dtype)) = loader.in_place(name, &[vocabulary, width])? {
            return Ok(Self::InPlace(InPlace { data, dtype, scale }));
        }
        let mut values = loader.values(name, &[vocabulary, width])?;
        if let Some(scale) = scale {
            kernel::scale_rows(SimdLevel::best(), &mut values, width, width, &vec![scale; vocabulary]);
        }
        if has_type {
            add_first_type(loader, config, names, width, &mut values)?;
        }
        loader.place(values, &[vocabulary, width]).map(Self::OnDevice)
    }

    /// A table as it is, of another use than the transformer's.
    pub(in crate::encoder) fn plain(
        loader: &Loader<'_>,
        name: &str,
        (rows, width): (usize, usize),
    ) -> Result<Self, Error> {
        if let Some((data, dtype)) = loader.in_place(name, &[rows, width])? {
            return Ok(Self::InPlace(InPlace { data, dtype, scale: None }));
        }
        let values = loader.values(name, &[rows, width])?;
        loader.place(values, &[rows, width]).map(Self::OnDevice)
    }

    /// The table on the device.
    pub(in crate::encoder) fn on_device(&self) -> Computed<&Tensor> {
        match self {
            Self::OnDevice(table) => Ok(table),
            Self::InPlace(_) | Self::Released => bail!("the table of token embeddings is not on the device"),
        }
    }

    /// Copies the rows of some tokens, on the CPU.
    pub(in crate::encoder) fn gather(&self, ids: &[u32], out: &mut [f32], width: usize) -> Computed<()> {
        match self {
            Self::OnDevice(table) => with_values(table, |table| gather_rows(table, ids, out, width)),
            Self::InPlace(table) => table.gather(ids, out, width),
            Self::Released => bail!("the weights were given back"),
        }
    }
}

impl InPlace {
    fn gather(&self, ids: &[u32], out: &mut [f32], width: usize) -> Computed<()> {
        let (bytes, stride, level) = (self.data.bytes(), width * self.dtype.size(), SimdLevel::best());
        for (out, id) in out.chunks_exact_mut(width).zip(ids) {
            let start = *id as usize * stride;
            let Some(row) = bytes.get(start..start + stride) else { bail!("there is no embedding of token {id}") };
            kernel::widen(level, row, self.dtype, out);
        }
        if let Some(scale) = self.scale {
            kernel::scale_rows(level, out, width, width, &vec![scale; ids.len()]);
        }
        Ok(())
    }
}
