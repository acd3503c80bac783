//! The builder of learned recipes.

use std::path::PathBuf;

use super::Error;
use super::watch::{Watch, watch_methods};
use crate::encoder;
use crate::eval::data;
use crate::kernel::SimdLevel;
use crate::learn::{self, Agreement, By, Event, Learned, Request, Settings};
use crate::plan;
use crate::progress::{Cancel, Progress};
use crate::recipe::Recipe;

/// Learns a recipe's weights, for groups of tensors.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let learned = admix::Learn::of(admix::recipe::Recipe::read("recipe.yaml".as_ref(), &Default::default())?)
///     .data("sets/ko-en")
///     .data("sets/ko-ko")
///     .by("layer+part".parse()?)
///     .run()?;
/// std::fs::write("learned.yaml", &learned.recipe)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Learn {
    recipe: Recipe,
    data: Vec<PathBuf>,
    report: Vec<PathBuf>,
    agreements: Vec<Agreement>,
    reading: data::Options,
    settings: Settings,
    encoder: encoder::Options,
    state: Option<PathBuf>,
    watch: Watch,
}

impl Learn {
    /// Begins with the values of a recipe.
    pub fn of(recipe: Recipe) -> Self {
        Self {
            recipe,
            data: Vec::new(),
            report: Vec::new(),
            agreements: Vec::new(),
            reading: data::Options::default(),
            settings: Settings::default(),
            encoder: encoder::Options::default(),
            state: None,
            watch: Watch::default(),
        }
    }

    /// Adds a data set folder to learn from.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data.push(folder.into());
        self
    }

    /// Adds a data set folder that is only scored, before and after.
    #[must_use]
    pub fn report(mut self, folder: impl Into<PathBuf>) -> Self {
        self.report.push(folder.into());
        self
    }

    /// Adds texts without judgements, on which the merge is to agree with one of the recipe's models.
    #[must_use]
    pub fn unlabelled(mut self, model: impl Into<String>, texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let (model, texts) = (model.into(), texts.into_iter().map(Into::into).collect());
        self.agreements.push(Agreement { label: model.clone(), model, texts });
        self
    }

    /// Sets the split of data sets.
    #[must_use]
    pub fn split(mut self, split: impl Into<String>) -> Self {
        self.reading.split = Some(split.into());
        self
    }

    /// Sets what tensors must share to have one value.
    #[must_use]
    pub fn by(mut self, by: By) -> Self {
        self.settings.by = by;
        self
    }

    /// Sets how to learn.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Sets how the merge encodes texts.
    #[must_use]
    pub fn encoder(mut self, options: encoder::Options) -> Self {
        self.encoder = options;
        self
    }

    /// Sets the file that an interrupted run goes on from.
    #[must_use]
    pub fn state(mut self, file: impl Into<PathBuf>) -> Self {
        self.state = Some(file.into());
        self
    }

    watch_methods! {
        cancel: "Lets the token end the learning.",
        progress: "Calls `watch` with how often the texts were encoded.",
    }

    /// Learns, and scores the recipe before and after.
    ///
    /// # Errors
    /// A recipe or data set that is refused, a model that cannot be encoded with, cancellation.
    pub fn run(&self) -> Result<Learned, Error> {
        let open = |folders: &[PathBuf]| {
            let sets = folders.iter().map(|folder| data::open(folder, &self.reading));
            Ok::<_, data::Error>(sets.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        };
        let request = Request {
            recipe: self.recipe.clone(),
            plan: plan::Options::default(),
            data: open(&self.data)?,
            report: open(&self.report)?,
            agreements: self.agreements.clone(),
            encoder: self.encoder.clone(),
            prompts: [None, None],
            settings: self.settings.clone(),
            state: self.state.clone(),
            level: SimdLevel::best(),
        };
        Ok(learn::learn(&request, &self.watch.cancel, &mut |event| {
            if let (Some(watch), Event::Encoded { encoded, total }) = (&self.watch.progress, event) {
                watch(Progress { done: *encoded as u64, total: *total as u64 });
            }
        })?)
    }
}
