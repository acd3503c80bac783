//! Plans the output's tensors and what each is merged from.

mod arguments;
mod collector;
mod computed_buffers;
mod gather;
mod layer_config;
mod modules;
mod slices;
mod tensor;
mod tied_heads;
mod tied_tensors;
mod warnings;
mod whole;

pub(super) use collector::Collector;
