//! Texts on which the merge is to agree with one of its models.

use std::collections::BTreeMap;

use super::data::{place, shuffle};
use super::error::Error;
use super::merged::{self, Opened};
use super::objective::{Aims, disagreement};
use super::pool::Pool;
use super::request::{Agreement, Request, Settings};
use super::similarity::{self, Compared};
use crate::encoder::Role;
use crate::eval::Similarity;
use crate::progress::Cancel;
use crate::recipe::{ModelRef, Recipe};

/// The share of the texts that is for validation.
const VALIDATION: f64 = 0.25;

/// The most texts that are compared with each other at a time.
const COMPARED: usize = 200;

/// Texts with the embeddings that a model of the recipe has for them.
#[derive(Debug)]
pub(super) struct Teaching {
    pub(super) label: String,
    pub(super) model: String,
    /// The texts, by their numbers in the pool.
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
    held_out: Vec<usize>,
    held_out_texts: Vec<String>,
    pub(super) dimension: usize,
    pub(super) similarity: Similarity,
    embeddings: Vec<f32>,
    /// The row of each text.
    rows: BTreeMap<usize, usize>,
}

impl Teaching {
    /// Divides the texts and encodes them with the model.
    pub(super) fn new(
        agreement: &Agreement,
        request: &Request,
        pool: &mut Pool,
        cancel: &Cancel,
    ) -> Result<Self, Error> {
        let model = model(&request.recipe, &agreement.model)?;
        let mut teaching = Self::divided(agreement, &request.settings, pool);
        let text = format!("merge_method: passthrough\nmodels: [{{model: {}}}]\n", model.flow());
        let folder = request.recipe.folder().map(std::path::Path::to_path_buf);
        let alone = Recipe::parse_in(&text, "a model of the recipe", folder, &BTreeMap::new())?;
        let opened = merged::open(alone, request, cancel)?;
        let (prompts, similarity) = (&opened.prompts, opened.similarity);
        let encoder = opened.encoder()?;
        let parts = [&teaching.train, &teaching.validation, &teaching.held_out];
        let numbers: Vec<usize> = parts.into_iter().flatten().copied().collect();
        let texts: Vec<&str> =
            numbers.iter().filter_map(|number| pool.documents.all().get(*number)).map(String::as_str).collect();
        // What the model finds in whole texts is what the merge is to find in their beginnings.
        let tokens = encoder.tokenize_as(Role::Document, &texts, Some(&prompts.document))?;
        let embeddings = encoder.encode(&tokens, &mut |_, _| cancel.flow())?;
        let text = |number: &usize| pool.documents.all().get(*number).cloned();
        teaching.held_out_texts = teaching.held_out.iter().filter_map(text).collect();
        teaching.rows = numbers.into_iter().zip(0..).collect();
        (teaching.dimension, teaching.embeddings, teaching.similarity) =
            (embeddings.dimension, embeddings.values, similarity);
        similarity::check(similarity, "another similarity")?;
        Ok(teaching)
    }

    fn divided(agreement: &Agreement, settings: &Settings, pool: &mut Pool) -> Self {
        let mut parts = [Vec::new(), Vec::new(), Vec::new()];
        for text in &agreement.texts {
            let place = place(text);
            let share = (place - settings.hold_out) / (1.0 - settings.hold_out).max(f64::EPSILON);
            let part = if place < settings.hold_out { 2 } else { usize::from(share < VALIDATION) };
            parts[part].push(text.as_str());
        }
        let most = [2 * settings.pairs, settings.pairs.min(COMPARED), COMPARED];
        let mut numbered = parts.into_iter().zip(most).map(|(mut texts, most)| {
            shuffle(&mut texts, settings.seed);
            let mut numbers: Vec<usize> = texts.into_iter().take(most).map(|text| pool.documents.add(text)).collect();
            numbers.sort_unstable();
            numbers.dedup();
            numbers
        });
        let mut next = || numbered.next().unwrap_or_default();
        let (train, validation, held_out) = (next(), next(), next());
        Self {
            label: agreement.label.clone(),
            model: agreement.model.clone(),
            train,
            validation,
            held_out,
            held_out_texts: Vec::new(),
            dimension: 0,
            similarity: Similarity::Cosine,
            embeddings: Vec::new(),
            rows: BTreeMap::new(),
        }
    }

    /// How far a merge is from agreeing with the model on held-out texts; `None` without such texts.
    pub(super) fn held_out(&self, merge: &Opened, temperature: f64, cancel: &Cancel) -> Result<Option<f64>, Error> {
        if self.held_out.len() < 2 {
            return Ok(None);
        }
        let encoder = merge.encoder()?;
        let tokens = encoder.tokenize_as(Role::Document, &self.held_out_texts, Some(&merge.prompts.document))?;
        let own = encoder.encode(&tokens, &mut |_, _| cancel.flow())?;
        let own = Compared::new(own.values, own.dimension, merge.similarity);
        let taught = self.held_out.iter().flat_map(|text| self.embedding(*text)).copied().collect();
        let taught = Compared::new(taught, self.dimension, self.similarity);
        Ok(Some(disagreement(&own, &Aims::of(&taught, temperature), temperature).0))
    }

    /// The model's embedding of a text.
    pub(super) fn embedding(&self, text: usize) -> &[f32] {
        let row = self.rows.get(&text).map(|row| row * self.dimension..(row + 1) * self.dimension);
        row.and_then(|row| self.embeddings.get(row)).unwrap_or_default()
    }
}

/// The model of the recipe that is called so.
pub(super) fn model<'a>(recipe: &'a Recipe, name: &str) -> Result<&'a ModelRef, Error> {
    let models = recipe.models();
    let named = models.iter().find(|model| model.to_string() == name);
    let ends = || {
        let mut found = models.iter().filter(|model| model.to_string().rsplit('/').next() == Some(name));
        found.next().filter(|_| found.next().is_none())
    };
    let known = || models.iter().map(|model| format!("`{model}`")).collect();
    named.or_else(ends).copied().ok_or_else(|| Error::UnknownModel { model: name.to_owned(), known: known() })
}
