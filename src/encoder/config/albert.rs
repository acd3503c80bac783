//! `albert`: layers in groups, each of which is applied several times.

use super::super::error::Error;
use super::super::tensor_names::ALBERT;
use super::json::Json;
use super::shape::{Config, NormStyle};
use crate::kernel::Activation;

pub(super) fn read(json: Json<'_>, _: &str) -> Result<Config, Error> {
    json.expect("position_embedding_type", "absolute")?;
    let depth = json.number(&["num_hidden_layers"])?;
    let groups = json.number_if(&["num_hidden_groups"])?.unwrap_or(1).min(depth);
    let group = json.number_if(&["inner_group_num"])?.unwrap_or(1);
    let layers = groups.saturating_mul(group);
    let heads = json.number(&["num_attention_heads"])?;
    let order = (0..depth).flat_map(|at| (0..group).map(move |layer| group_at(at, depth, groups) * group + layer));
    Ok(Config {
        activation: json.activation(&["hidden_act"], Activation::GeluTanh)?,
        projected: true,
        group,
        order: order.collect(),
        ..Config::new(&ALBERT, layers, heads, NormStyle::layer(json.epsilon(&["layer_norm_eps"], 1e-12)?))
    })
}

/// The group of layers at a depth: depths are shared evenly among groups, with the rounding of transformers.
#[expect(clippy::cast_sign_loss, reason = "a quotient of counts is not negative")]
fn group_at(at: usize, depth: usize, groups: usize) -> usize {
    (at as f64 / (depth as f64 / groups as f64)) as usize
}
