//! Leaves out buffers that models compute when they are loaded and that some checkpoints contain.

use super::super::vocabulary::ends_with_name;
use super::collector::Collector;
use crate::checkpoint::{Tensor, Weights};

/// Name endings of buffers that older checkpoints contain and models compute from their configuration.
const COMPUTED: [&str; 6] = [
    "rotary_emb.inv_freq",
    "rotary_emb.cos_cached",
    "rotary_emb.sin_cached",
    "rotary_pos_emb.inv_freq",
    "attn.masked_bias",
    "attention.masked_bias",
];

/// Name endings of causal masks. Biases of other shapes have the same ones.
const MASKS: [&str; 2] = ["attn.bias", "attention.bias"];

/// Model types whose checkpoints always contain their buffers.
const WITH_BUFFERS: [&str; 2] = ["gpt_neox", "chatglm"];

/// Whether a tensor is a buffer that the model computes when it is loaded.
fn is_computed(tensor: &Tensor) -> bool {
    let ends = |end: &&str| ends_with_name(&tensor.canonical, end);
    COMPUTED.iter().any(ends) || (tensor.shape.len() == 4 && MASKS.iter().any(ends))
}

impl Collector<'_> {
    /// Whether a tensor is left out of the merge because loaders compute it.
    pub(super) fn is_left_out(&self, tensor: &Tensor) -> bool {
        let architecture = &self.models.checkpoints[self.donor].settings().architecture;
        let has = || architecture.model_type.as_deref().is_some_and(|name| WITH_BUFFERS.contains(&name));
        is_computed(tensor) && !has()
    }

    /// Warns of buffers that are left out.
    pub(super) fn report_left_out(&mut self) {
        let tensors = (0..self.models.paths.len()).filter_map(|model| self.weights(model)).flat_map(Weights::tensors);
        let mut names: Vec<&str> =
            tensors.filter(|tensor| self.is_left_out(tensor)).map(|tensor| tensor.canonical.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if let Some(first) = names.first() {
            let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
            let warning = format!("`{first}`{more} are left out: the model computes such buffers when it is loaded");
            self.warnings.push(warning);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::Dtype;

    #[test]
    fn biases_are_no_buffers() {
        let tensor = |canonical: &str, shape: &[usize]| {
            Weights::planned(vec![(canonical.to_owned(), Dtype::F32, shape.to_vec())]).tensors().first().cloned()
        };
        for (name, shape, expected) in [
            ("layers.0.self_attn.rotary_emb.inv_freq", &[4_usize][..], true),
            ("h.0.attn.bias", &[1, 1, 8, 8], true),
            ("h.0.attn.masked_bias", &[], true),
            ("layers.0.attn.bias", &[8], false),
            ("layers.0.attention.bias", &[8, 8], false),
            ("layers.0.attn.c_attn.bias", &[1, 1, 8, 8], false),
        ] {
            assert_eq!(tensor(name, shape).is_some_and(|tensor| is_computed(&tensor)), expected, "{name}");
        }
    }
}
