//! A JSON Schema of sweep files, with that of the recipe in it.

use serde_json::{Map, Value};

use super::keys::LEVELS;
use crate::recipe::schema::{document, level_name, map};

/// The schema of a sweep file.
pub fn schema() -> Value {
    let levels: Map<String, Value> = LEVELS.iter().map(|level| (level_name(level), map(level))).collect();
    document("admix sweep", &level_name(LEVELS[0]), levels)
}
