//! LoRA adapters: what a folder of PEFT changes in a model.

mod changes;
mod config;

pub use changes::{Adapter, AdapterChange, Product};
