//! The manual's reference pages, generated from the declarations: commands, merge methods, keys of recipes and sweep files.

#[cfg(feature = "eval")]
mod classes;
mod commands;
mod examples;
mod keys;
mod methods;
mod mteb_tasks;
mod page;
mod pages;
mod prose;

pub(super) use pages::pages;
