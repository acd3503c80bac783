//! A recipe whose values are typed and checked, each with its place in the YAML.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::model_ref::ModelRef;
use super::rows::Rows;
use super::setting::{Setting, SettingValue};
use super::soup::Soup;
use super::tokenizer::Tokenizer;
use crate::kernel::DType;
use crate::method::{MergeMethod, Value};
use crate::yaml::{NodePath, Part, Place, YamlText, filled_block};

/// A recipe that passed every check that needs no checkpoint.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recipe {
    /// What `merge_method` names.
    pub method: &'static MergeMethod,
    /// The slices of the output, in order; one slice without layer ranges where the recipe lists `models`.
    pub slices: Vec<Slice>,
    /// How `sources` chose the models; `None` where the recipe names them.
    pub soup: Option<Soup>,
    /// The base of every slice that names none of its own.
    pub base_model: Option<ModelRef>,
    /// The settings with the lowest precedence.
    pub parameters: Parameters,
    /// The settings of the module that has the slices, which override [`Self::parameters`]; empty without `modules`.
    pub module: Parameters,
    /// The texts that run through every model that names none of its own.
    pub texts: Option<Texts>,
    /// The format the recipe merges for: that of the output unless `out_dtype` says otherwise.
    pub dtype: Option<DType>,
    /// The format the recipe wants the output written in.
    pub out_dtype: Option<DType>,
    /// How the vocabularies are merged; `None` where the models must share one.
    pub tokenizer: Option<Tokenizer>,
    /// The chat template of the output; `None` for the one that its tokenizer has.
    pub chat_template: Option<ChatTemplate>,
    /// The model that the output's pooling, prompts and other settings come from. `None` for the donor's, or where that has
    /// none, what the models agree on.
    pub settings_source: Option<ModelRef>,
    /// Warnings about what is accepted and probably not meant, one sentence each.
    pub warnings: Vec<String>,
    /// Whether placeholders replace what could not be read.
    pub(in crate::recipe) partial: bool,
    /// The name by which other documents refer to this merge as a model.
    pub name: Option<String>,
    /// The documents whose merges this one needs, in the order in which they are merged.
    pub stages: Vec<Recipe>,
    pub(in crate::recipe) source: Origin,
}

/// Where a recipe came from.
#[derive(Clone, Debug, Default)]
pub(in crate::recipe) struct Origin {
    pub(in crate::recipe) text: String,
    /// The text of all documents, where there are several.
    pub(in crate::recipe) whole: Option<String>,
    /// The names of all documents, including those that the result does not need.
    pub(in crate::recipe) documents: Vec<String>,
    pub(in crate::recipe) name: String,
    pub(in crate::recipe) folder: Option<PathBuf>,
    pub(in crate::recipe) variables: BTreeMap<String, String>,
}

impl Origin {
    /// The text with its name, for messages of the YAML reader.
    pub(in crate::recipe) fn yaml(&self) -> YamlText<'_> {
        YamlText { text: &self.text, name: &self.name, what: "recipe" }
    }
}

impl Recipe {
    /// The YAML as it was read, with its variables not filled in.
    pub fn text(&self) -> &str {
        self.source.whole.as_deref().unwrap_or(&self.source.text)
    }

    /// The YAML with the values of its variables, as it could be merged without them.
    pub fn filled_text(&self) -> String {
        filled_block(self.text(), &self.source.variables)
    }

    /// The name messages give the recipe: its path, or what the caller called it.
    pub fn origin(&self) -> &str {
        &self.source.name
    }

    /// The names of the recipe's documents, where it has several.
    pub fn documents(&self) -> impl Iterator<Item = &str> {
        self.source.documents.iter().map(String::as_str)
    }

    /// The values that the recipe's variables were given.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.source.variables
    }

    /// Whether placeholders replace values that are wrong or unknown, as in the result of [`Recipe::review`]. Such a recipe
    /// says which models are meant but cannot be merged.
    pub fn is_partial(&self) -> bool {
        self.partial
    }

    /// The folder of the recipe's file, if it was read from one.
    pub fn folder(&self) -> Option<&Path> {
        self.source.folder.as_deref()
    }

    /// The line and column of a node. For a node from a merge key (`<<`) or an alias, the place where it is written.
    pub fn place(&self, at: &NodePath) -> Option<Place> {
        self.source.yaml().place(at, Part::Value)
    }

    /// Whether the recipe merges whole models (`models`), not ranges of their layers (`slices`).
    pub fn whole_models(&self) -> bool {
        self.slices.iter().all(|slice| slice.sources.iter().all(|source| source.layers.is_none()))
    }

    /// The base of a slice: its own, else the recipe's.
    pub fn base_of<'a>(&'a self, slice: &'a Slice) -> Option<&'a ModelRef> {
        slice.base_model.as_ref().or(self.base_model.as_ref())
    }

    /// The sources of a slice that are merged as models: all of them, without the base where the method sets it apart.
    pub fn merged<'a>(&'a self, slice: &'a Slice) -> impl Iterator<Item = &'a Source> {
        let apart = self.base_of(slice).filter(|_| self.method.base.is_apart());
        slice.sources.iter().filter(move |source| Some(&source.model) != apart)
    }

    /// Where texts are: looked up in the current folder, then in the recipe's, as models are.
    pub fn path_of(&self, texts: &Texts) -> Option<PathBuf> {
        self.here(&texts.path)
    }

    /// Every setting with its parameter's name: those of models, of slices, of the module, of the recipe.
    pub fn settings(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        let levels = self.slices.iter().flat_map(|slice| {
            slice.sources.iter().map(|source| &source.parameters).chain(std::iter::once(&slice.parameters))
        });
        levels.chain([&self.module, &self.parameters]).flat_map(Parameters::iter)
    }

    /// The rows that conditions name, each with its parameter's name.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, &Rows)> {
        self.settings().flat_map(|(name, setting)| setting.rows().map(move |rows| (name, rows)))
    }

    /// Every model once: those of the slices in the order of first mention, then bases that no slice lists.
    pub fn models(&self) -> Vec<&ModelRef> {
        let sources = self.slices.iter().flat_map(|slice| slice.sources.iter().map(|source| &source.model));
        let bases = self.slices.iter().filter_map(|slice| self.base_of(slice)).chain(self.base_model.as_ref());
        let mut seen = BTreeSet::new();
        sources.chain(bases).filter(|model| seen.insert(*model)).collect()
    }

    /// Every mention of a model.
    pub(in crate::recipe) fn references(&self) -> Vec<&ModelRef> {
        let of_slices = self
            .slices
            .iter()
            .flat_map(|slice| slice.sources.iter().map(|source| &source.model).chain(slice.base_model.as_ref()));
        of_slices.chain(self.base_model.as_ref()).collect()
    }

    /// Every mention of a model, mutably.
    pub(crate) fn references_mut(&mut self) -> Vec<&mut ModelRef> {
        let of_slices = self.slices.iter_mut().flat_map(|slice| {
            slice.sources.iter_mut().map(|source| &mut source.model).chain(slice.base_model.as_mut())
        });
        let of_tokens = self.tokenizer.iter_mut().flat_map(Tokenizer::models_mut);
        let of_soup = self.soup.iter_mut().flat_map(|soup| soup.matched.iter_mut());
        of_slices
            .chain(self.base_model.as_mut())
            .chain(of_tokens)
            .chain(self.settings_source.as_mut())
            .chain(of_soup)
            .collect()
    }

    /// The models of all documents that are not themselves merges of documents, each once.
    pub fn originals(&self) -> Vec<&ModelRef> {
        let mut seen = BTreeSet::new();
        let all = self.stages.iter().flat_map(Recipe::models).chain(self.models());
        all.filter(|model| !model.stage && seen.insert(*model)).collect()
    }

    /// What `sources` of all documents match.
    pub fn matched(&self) -> impl Iterator<Item = &ModelRef> {
        let soups = self.stages.iter().chain([self]).filter_map(|recipe| recipe.soup.as_ref());
        soups.flat_map(|soup| &soup.matched)
    }

    /// The checkpoints that `sources` chose and their weights; a weight is `None` where the method has none, where it differs from
    /// tensor to tensor, and for the base. Empty without `sources`.
    pub fn weighed(&self) -> Vec<(&ModelRef, Option<f64>)> {
        if self.soup.is_none() {
            return Vec::new();
        }
        let sources = self.slices.iter().flat_map(|slice| &slice.sources);
        let scalar = |value: &SettingValue| match value {
            SettingValue::Scalar(Value::Number(weight)) => Some(*weight),
            _ => None,
        };
        let base = self.base_model.as_ref().filter(|_| self.method.base.is_apart());
        sources
            .map(|source| {
                let setting = source.parameters.get("weight").or_else(|| self.parameters.get("weight"));
                let setting = setting.filter(|_| base != Some(&source.model));
                (&source.model, setting.and_then(|setting| scalar(&setting.value)))
            })
            .collect()
    }
}

/// The chat template of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatTemplate {
    /// The one that most of the models have.
    Auto,
    /// A Jinja text.
    Text(String),
}

/// A file or folder of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// Its path as the recipe writes it.
    pub path: PathBuf,
    /// The path in the YAML.
    pub at: NodePath,
}

/// A run of layers of the output and what it is merged from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Slice {
    /// The inputs in recipe order. A base that is averaged in and not listed comes last.
    pub sources: Vec<Source>,
    /// The base of this slice, if it names one of its own.
    pub base_model: Option<ModelRef>,
    /// The slice's settings.
    pub parameters: Parameters,
    /// The slice in the YAML, or the whole recipe or module where that lists `models`.
    pub at: NodePath,
}

impl Slice {
    /// The number of layers, which is the same in every source; `None` for whole models.
    pub fn layers(&self) -> Option<usize> {
        self.sources.first().and_then(|source| source.layers.as_ref()).map(ExactSizeIterator::len)
    }
}

/// One input of a slice.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Source {
    /// The model.
    pub model: ModelRef,
    /// The layers taken from it, the end not included; `None` for the whole model.
    pub layers: Option<Range<usize>>,
    /// The settings of this model in this slice.
    pub parameters: Parameters,
    /// The texts that run through this model.
    pub texts: Option<Texts>,
    /// The list entry in the YAML.
    pub at: NodePath,
}

/// The settings of one `parameters` map. Every name is a parameter of the recipe's method that has an effect at that level.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    pub(in crate::recipe) settings: BTreeMap<&'static str, Setting>,
}

impl Parameters {
    /// The setting of a parameter.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.settings.get(name)
    }

    /// Every setting with its parameter's name, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        self.settings.iter().map(|(name, setting)| (*name, setting))
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty()
    }
}
