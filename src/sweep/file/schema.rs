//! A JSON Schema of sweep files, with that of the recipe in it.

use serde_json::Value;

use super::keys::LEVELS;
use crate::recipe::recipe_definitions;
use crate::yaml::schema::{document, level_name, map};

/// The schema of a sweep file.
pub fn schema() -> Value {
    let mut definitions = recipe_definitions();
    definitions.extend(LEVELS.iter().map(|level| (level_name(level), map(level))));
    document("admix sweep", &level_name(LEVELS[0]), definitions)
}
