//! The sweep file as the rest of the crate sees it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::bound::Bound;
use super::data::DataSource;
use super::objectives::Objective;
use super::search::Search;
use super::settings::{Budget, Scoring, Selection};
use crate::checkpoint::Links;
use crate::plan::{self, Allow};
use crate::recipe::{self, Recipe};
use crate::sweep::space::Space;
use crate::yaml;

/// A sweep that passed every check that needs neither checkpoints nor data sets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Spec {
    /// The study's name.
    pub study: String,
    /// What is merged.
    pub recipe: RecipeText,
    /// The values of the recipe's variables.
    pub params: Space,
    /// The data sets.
    pub data: Vec<DataSource>,
    /// What is to be good.
    pub objectives: Vec<Objective>,
    /// Retrievers that are always scored; the first is what others are compared with.
    pub baselines: Vec<Baseline>,
    /// The queries that the search sees.
    pub select: Selection,
    /// The queries that only a confirmation sees.
    pub report: Option<Selection>,
    /// How points are chosen.
    pub search: Search,
    /// When to stop.
    pub budget: Budget,
    /// Merged checkpoints to keep.
    pub keep: Keep,
    /// What objectives and directions must not fall below; where none is set, no direction may lose more than a fiftieth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Bound>,
    /// Disagreements of the models that are accepted.
    pub allow: Vec<String>,
    /// How texts are encoded and rankings scored.
    pub scoring: Scoring,
}

impl Spec {
    /// What a plan of the recipe accepts.
    pub fn plan_options(&self) -> plan::Options {
        let mut options = plan::Options::default();
        for name in &self.allow {
            options.allow.accept(name);
        }
        options
    }

    /// Which links of model folders are followed.
    pub fn links(&self) -> Links {
        let mut allow = Allow::default();
        for name in &self.allow {
            allow.accept(name);
        }
        allow.links()
    }
}

/// A recipe with variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeText {
    /// The YAML.
    pub text: String,
    /// What messages call it.
    pub origin: String,
    /// The folder beside which models are looked up, absolute.
    pub folder: Option<PathBuf>,
}

impl RecipeText {
    /// The recipe at a point.
    ///
    /// # Errors
    /// Whatever is wrong with the recipe there.
    pub fn at(&self, values: &BTreeMap<String, String>) -> Result<Recipe, recipe::Error> {
        Recipe::parse_in(&self.text, &self.origin, self.folder.clone(), &self.own(values))
    }

    /// The variables that the recipe names. Others may be weights of kinds of retrieval.
    pub(super) fn own(&self, values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let named = yaml::variable_names(&self.text);
        let own = values.iter().filter(|(name, _)| named.contains(name.as_str()));
        own.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The recipe's text at a point, without lines that stood before it in its file.
    pub fn filled(&self, values: &BTreeMap<String, String>) -> String {
        yaml::filled_block(&self.text, values)
    }
}

/// A retriever that is always scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Baseline {
    /// Every model of the recipe alone.
    Parents,
    /// The plain average of the models that the recipe merges.
    Uniform,
}

/// Merged checkpoints to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// None.
    #[default]
    None,
    /// Those that no other beats on every objective.
    Front,
    /// All.
    All,
}
