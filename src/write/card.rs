//! The model card.

use std::fmt::Write as _;

use super::scores::CardScores;
use crate::checkpoint::{Checkpoint, ParentCard};
use crate::escape::{fenced, literal, markdown, yaml};
use crate::plan::Plan;

/// README.md with the Hub's front matter.
pub(super) fn card(plan: &Plan, name: &str, scores: Option<&CardScores>) -> String {
    let parents = parents(plan);
    let mut card = front_matter(plan, &parents, name, scores);
    let method = plan.recipe.method;
    let _ = write!(
        card,
        "\n# {}\n\nMerged with admix {} by `{}`: {}.\n\n    {}\n\nSource: {}.\n",
        markdown(name),
        env!("CARGO_PKG_VERSION"),
        method.name,
        method.summary,
        method.equation,
        method.origin,
    );
    if let Some(scores) = scores {
        card.push_str(&scores.text());
    }
    card.push_str("\n## Models\n\n");
    for parent in &parents {
        let _ = writeln!(card, "- {}{}", markdown(&parent.label), parent.note);
    }
    for plan in plan.all_stages().into_iter().map(|stage| &stage.plan).chain([plan]) {
        if let Some(soup) = plan.soup() {
            let _ = writeln!(card, "\n`sources` chose {}.", markdown(&soup.describe()));
        }
    }
    if let Some(text) = licences(&parents) {
        let _ = write!(card, "\n## Licence\n\n{text}\n");
    }
    let _ = write!(card, "\n## Recipe\n\n{}", fenced("yaml", &plan.recipe.filled_text()));
    if plan.is_sentence_transformers() {
        let _ = write!(
            card,
            "\n## Use\n\n```python\nfrom sentence_transformers import SentenceTransformer\n\n\
             model = SentenceTransformer({})\n```\n",
            literal(name)
        );
    }
    card
}

/// What the Hub reads.
fn front_matter(plan: &Plan, parents: &[Parent], name: &str, scores: Option<&CardScores>) -> String {
    let retriever = plan.is_sentence_transformers();
    let mut front = String::from("---\n");
    let list = |front: &mut String, key: &str, values: &[&str]| {
        if !values.is_empty() {
            let _ = writeln!(front, "{key}:");
            for value in values {
                let _ = writeln!(front, "- {}", yaml(value));
            }
        }
    };
    let hub: Vec<&str> = parents.iter().filter_map(|parent| parent.hub.as_deref()).collect();
    list(&mut front, "base_model", &hub);
    if !hub.is_empty() {
        front.push_str("base_model_relation: merge\n");
    }
    let mut languages: Vec<&str> =
        parents.iter().flat_map(|parent| parent.card.languages.iter().map(String::as_str)).collect();
    if languages.is_empty() {
        languages.extend(scores.iter().flat_map(|scores| scores.languages.iter().map(String::as_str)));
    }
    let mut seen = std::collections::BTreeSet::new();
    languages.retain(|language| seen.insert(*language));
    list(&mut front, "language", &languages);
    let _ = writeln!(front, "library_name: {}", if retriever { "sentence-transformers" } else { "transformers" });
    if let Some(card) = shared_licence(parents) {
        for (key, value) in [("license", &card.license), ("license_name", &card.license_name)] {
            if let Some(value) = value {
                let _ = writeln!(front, "{key}: {}", yaml(value));
            }
        }
    }
    if let Some(scores) = scores {
        front.push_str(&scores.model_index(name));
    }
    if retriever {
        front.push_str("pipeline_tag: sentence-similarity\n");
    }
    let tags = ["sentence-transformers", "feature-extraction", "merge", "admix"];
    list(&mut front, "tags", tags.get(if retriever { 0 } else { 2 }..).unwrap_or_default());
    front + "---\n"
}

/// A model that was merged.
struct Parent {
    /// Its name on the Hub; a folder on this machine is nothing to link to.
    hub: Option<String>,
    /// What the card calls it.
    label: String,
    /// What the merge takes from it besides weights, and its weight where `sources` found it.
    note: String,
    card: ParentCard,
}

fn parents(plan: &Plan) -> Vec<Parent> {
    let retriever = plan.is_sentence_transformers();
    let files = plan.origin_of_files().path();
    let tokenizer = plan
        .alignment
        .as_ref()
        .map_or(Some(files), |alignment| alignment.tokenizer_of.map(|model| plan.models[model].path()));
    let settings = plan.origin_of_settings();
    let parent = |(plan, index): (&Plan, usize)| {
        let model = &plan.models[index];
        let path = model.path();
        let is_used = retriever && settings != files && model.usage_path() == settings;
        let parts =
            [(path == files, "configuration"), (Some(path) == tokenizer, "tokenizer"), (is_used, "settings of use")];
        let parts: Vec<&str> = parts.into_iter().filter(|(is, _)| *is).map(|(_, part)| part).collect();
        let note = match parts.split_last() {
            None => String::new(),
            Some((last, [])) => format!(" ({last})"),
            Some((last, others)) => format!(" ({} and {last})", others.join(", ")),
        };
        let note = note + &plan.soup_weight(index).map_or_else(String::new, |weight| format!(": weight {weight:.4}"));
        let adapter = plan.adapters.get(index).and_then(Option::as_ref);
        let adapter = adapter.map_or_else(String::new, |adapted| {
            let name = adapted.adapter.path().file_name().map(|name| name.to_string_lossy().into_owned());
            format!(" with the adapter {}", name.unwrap_or_default())
        });
        let hub = model.snapshot().map(|snapshot| snapshot.name);
        let label = format!("{}{adapter}", hub.clone().unwrap_or_else(|| folder_name(model)));
        Parent { hub, label, note, card: model.card() }
    };
    plan.originals().into_iter().map(parent).collect()
}

/// The last part of a folder's path: what stands before it says where it lay on this machine.
fn folder_name(model: &Checkpoint) -> String {
    let path = model.path();
    let whole = std::fs::canonicalize(path).ok();
    let name = path.file_name().or_else(|| whole.as_deref().and_then(std::path::Path::file_name));
    name.map_or_else(|| "a local folder".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The licence of all models, where each states one and all the same.
fn shared_licence(parents: &[Parent]) -> Option<&ParentCard> {
    let first = &parents.first()?.card;
    first.license.as_ref()?;
    let licence = |card: &ParentCard| (card.license.clone(), card.license_name.clone());
    parents.iter().all(|parent| licence(&parent.card) == licence(first)).then_some(first)
}

/// What the models' cards say of licences, where any of them does.
fn licences(parents: &[Parent]) -> Option<String> {
    let name = |card: &ParentCard| card.license_name.clone().or_else(|| card.license.clone());
    if let Some(card) = shared_licence(parents) {
        return Some(format!("All models state the licence {}.", markdown(&name(card)?)));
    }
    if parents.iter().all(|parent| parent.card.license.is_none()) {
        return None;
    }
    let mut text =
        String::from("The models state different licences; whoever shares the merge has to keep all of them.\n");
    for parent in parents {
        let licence = name(&parent.card).unwrap_or_else(|| "none stated".to_owned());
        let _ = write!(text, "\n- {}: {}", markdown(&parent.label), markdown(&licence));
    }
    Some(text)
}
