//! Trials, identified by the content that is scored.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::models::Model;
use super::recipes::{alone, uniform, with_folders};
use super::stage::TrialStage;
use crate::escape::escaped;
use crate::plan;
use crate::recipe::{ModelRef, Recipe};
use crate::sweep::Error;
use crate::sweep::file::filled_in;
use crate::sweep::hash::short;
use crate::yaml::variable_names;

/// The number of characters of an id in a label.
const ID_SHOWN: usize = 4;

/// A retriever that is scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// A model of the recipe alone, by its index.
    Parent(usize),
    /// The plain average of the models.
    Uniform,
    /// The recipe with these values, in the order of the spec's variables.
    Point(Vec<f64>),
}

/// A retriever that is scored, and its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// A hash of the recipe with its values and the checkpoints' content, which is equal for equal merges.
    pub id: String,
    /// Its label for people.
    pub label: String,
    /// The retriever.
    pub subject: Subject,
}

impl Trial {
    /// The name of its files at a stage.
    pub fn key(&self, stage: TrialStage) -> String {
        format!("{}.{stage}", self.id)
    }

    /// The values of the recipe's variables, if it is a point.
    pub fn point(&self) -> Option<&[f64]> {
        match &self.subject {
            Subject::Point(values) => Some(values),
            _ => None,
        }
    }
}

/// Trials that are decided on together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// The stage that they are scored at.
    pub stage: TrialStage,
    /// The trials, in the order in which they are begun.
    pub trials: Vec<Trial>,
    /// Notes on why these trials were chosen.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
}

impl Manifest {
    /// What a plan of the study's recipes accepts.
    pub fn plan_options(&self) -> plan::Options {
        self.spec.plan_options()
    }

    /// The recipe of a trial, with its models' folders; `None` for a parent without adapter, which is not merged.
    ///
    /// # Errors
    /// Values that the recipe does not take.
    pub fn recipe(&self, subject: &Subject) -> Result<Option<Recipe>, Error> {
        let recipe = match subject {
            Subject::Parent(index) => match self.models.get(*index).filter(|model| model.adapter.is_some()) {
                Some(model) => alone(self, &model.name)?,
                None => return Ok(None),
            },
            Subject::Uniform => uniform(self)?,
            Subject::Point(values) => self.spec.recipe.at(&self.spec.params.texts(values))?,
        };
        self.check_matched(&recipe)?;
        Ok(Some(with_folders(recipe, &self.models)))
    }

    /// Checks that `sources` match the checkpoints that they did when the study began.
    fn check_matched(&self, recipe: &Recipe) -> Result<(), Error> {
        let is = |found: &ModelRef, model: &Model| {
            let place = || model.path.canonicalize().ok();
            model.name == found.to_string() || (found.identity.is_some() && found.identity == place())
        };
        let new = recipe.matched().find(|found| !self.models.iter().any(|model| is(found, model)));
        match new {
            None => Ok(()),
            Some(name) => Err(Error::Mismatch {
                study: PathBuf::from(&self.spec.study),
                differences: vec![format!(
                    "`sources` match `{}`, which was not there when the study began",
                    escaped(&name.to_string())
                )],
            }),
        }
    }

    /// For each data set whose `retrieval` has variables, its name and what the retrieval is at a point.
    pub fn head_weights(&self, subject: &Subject) -> Vec<(&str, String)> {
        let Subject::Point(values) = subject else { return Vec::new() };
        let values = self.spec.params.texts(values);
        let written =
            self.spec.data.iter().filter_map(|source| Some((source.name.as_str(), source.retrieval.as_deref()?)));
        let varied = written.filter(|(_, text)| !variable_names(text).is_empty());
        varied.map(|(name, text)| (name, filled_in(text, &values))).collect()
    }

    /// The trial of a subject.
    ///
    /// # Errors
    /// As [`Manifest::recipe`].
    pub fn trial(&self, subject: Subject) -> Result<Trial, Error> {
        let id = match &subject {
            Subject::Parent(index) => {
                short(&format!("parent {}", self.models.get(*index).map_or("", |model| &model.hash)))
            }
            Subject::Uniform | Subject::Point(_) => {
                let content = |path: &str| {
                    let known =
                        self.models.iter().find(|model| model.path.to_string_lossy() == path || model.name == path);
                    known.map_or_else(|| path.to_owned(), |model| model.hash.clone())
                };
                let recipe = match &subject {
                    Subject::Point(values) => self.spec.recipe.at(&self.spec.params.texts(values))?,
                    _ => uniform(self)?,
                };
                self.check_matched(&recipe)?;
                let merged = recipe.canonical(&content)?;
                // Equal merges that are searched with other weights of a model's heads are other trials.
                short(&self.head_weights(&subject).into_iter().fold(merged, |all, (_, one)| format!("{all}\n{one}")))
            }
        };
        let label = match &subject {
            Subject::Parent(index) => self.models.get(*index).map_or_else(String::new, |model| model.short.clone()),
            Subject::Uniform => "uniform".to_owned(),
            Subject::Point(values) => match self.spec.params.label(values) {
                (label, true) => label,
                // The beginning of the id tells points with equal means apart.
                (label, false) => format!("{label} #{}", id.chars().take(ID_SHOWN).collect::<String>()),
            },
        };
        Ok(Trial { id, label, subject })
    }
}
