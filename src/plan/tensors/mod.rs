//! Which tensors the output has, and what each is made of.

mod arguments;
mod collector;
mod computed_buffers;
mod gather;
mod layer_config;
mod modules;
mod slices;
mod tied_heads;
mod tied_tensors;
mod warnings;

pub(super) use collector::Collector;
