//! Downloads from the Hugging Face Hub into its local cache, in the layout of the `huggingface_hub` library.

mod blob;
mod client;
mod error;
mod listing;
mod model;
mod server;
mod wanted;

pub use client::Client;
pub use error::Error;
pub use listing::ChooseFiles;
pub use model::{Fetched, Remote};
pub use server::Server;
