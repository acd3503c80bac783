//! Reads a recipe from YAML, with one file for each part of it.

mod chat_template;
mod document;
mod documents;
mod model_ref;
mod other_formats;
mod parameters;
mod rows;
mod settings_source;
mod slices;
mod sources;
mod text;
mod texts;
mod tokenizer;
mod wrapped;
