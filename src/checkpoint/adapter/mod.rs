//! LoRA adapters in PEFT's format.

mod changes;
mod config;

pub use changes::{Adapter, AdapterChange, Product};
