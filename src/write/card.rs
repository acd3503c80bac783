//! The model card.

use std::fmt::Write as _;
use std::path::Component;

use crate::checkpoint::Checkpoint;
use crate::escape::{code, fenced, literal, markdown, yaml};
use crate::plan::Plan;

/// README.md with the Hub's front matter.
pub(super) fn card(plan: &Plan, name: &str) -> String {
    let retriever = plan.is_sentence_transformers();
    let library = if retriever { "sentence-transformers" } else { "transformers" };
    let originals = plan.originals();
    let models: Vec<String> = originals.iter().map(|(plan, model)| hub_name(&plan.models[*model])).collect();
    let mut card = String::from("---\nbase_model:\n");
    for model in &models {
        let _ = writeln!(card, "- {}", yaml(model));
    }
    let _ = writeln!(card, "base_model_relation: merge\nlibrary_name: {library}");
    if retriever {
        card.push_str("pipeline_tag: sentence-similarity\n");
    }
    card.push_str("tags:\n- merge\n- admix\n");
    let method = plan.recipe.method;
    let _ = write!(
        card,
        "---\n\n# {}\n\nMerged with admix {} by `{}`: {}.\n\n    {}\n\nSource: {}.\n\n## Models\n\n",
        markdown(name),
        env!("CARGO_PKG_VERSION"),
        method.name,
        method.summary,
        method.equation,
        method.origin,
    );
    let files = plan.origin_of_files().path();
    let tokenizer = plan
        .alignment
        .as_ref()
        .map_or(Some(files), |alignment| alignment.tokenizer_of.map(|model| plan.models[model].path()));
    let settings = plan.origin_of_settings();
    for ((of, index), model) in originals.iter().zip(&models) {
        let path = of.models[*index].path();
        let is_used = retriever && settings != files && of.models[*index].usage_path() == settings;
        let parts =
            [(path == files, "configuration"), (Some(path) == tokenizer, "tokenizer"), (is_used, "settings of use")];
        let parts: Vec<&str> = parts.into_iter().filter(|(is, _)| *is).map(|(_, part)| part).collect();
        let note = match parts.split_last() {
            None => String::new(),
            Some((last, [])) => format!(" ({last})"),
            Some((last, others)) => format!(" ({} and {last})", others.join(", ")),
        };
        let adapter = of.adapters.get(*index).and_then(Option::as_ref);
        let adapter = adapter.map_or_else(String::new, |adapted| {
            let name = adapted.adapter.path().file_name().map(|name| name.to_string_lossy().into_owned());
            format!(" with the adapter {}", name.unwrap_or_default())
        });
        let weight = of.soup_weight(*index).map_or_else(String::new, |weight| format!(": weight {weight:.4}"));
        let _ = writeln!(card, "- {}{note}{weight}", markdown(&format!("{model}{adapter}")));
    }
    for plan in plan.all_stages().into_iter().map(|stage| &stage.plan).chain([plan]) {
        if let Some(soup) = plan.soup() {
            let _ = writeln!(card, "\n`sources` chose {}.", markdown(&soup.describe()));
        }
    }
    let _ = write!(card, "\n## Recipe\n\n{}", fenced("yaml", plan.recipe.text()));
    for (name, value) in plan.recipe.variables() {
        let _ = write!(card, "\nwith {} = {}\n", code(name), code(value));
    }
    if retriever {
        let _ = write!(
            card,
            "\n## Use\n\n```python\nfrom sentence_transformers import SentenceTransformer\n\n\
             model = SentenceTransformer({})\n```\n",
            literal(name)
        );
    }
    card
}

/// The Hub's name of a model in the Hub's cache or in a folder named `owner/name`; otherwise the folder's own name.
fn hub_name(model: &Checkpoint) -> String {
    if let Some(snapshot) = model.snapshot() {
        return snapshot.name;
    }
    let path = model.path();
    let parts: Vec<String> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect();
    match parts.as_slice() {
        [owner, name] if path.is_relative() && !path.starts_with(".") => format!("{owner}/{name}"),
        [.., name] => name.clone(),
        [] => path.display().to_string(),
    }
}
