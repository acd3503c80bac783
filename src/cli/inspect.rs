//! `admix inspect`

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::args::{LinkArgs, level};
use super::{progress, render, run, units};
use crate::api::{Differences, Grouping, Inspection};
use crate::checkpoint::{Checkpoint, LateInteraction, ModelKind};
use crate::escape::{Page, columns};
use crate::merge;

/// Show what is in a model folder, or where two differ
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix inspect ko-en
  admix inspect base ko-en               where the fine-tune differs from its base
  admix inspect base ko-en --by layer")]
pub(super) struct Args {
    /// Model folder, or org/name[@revision] in the Hugging Face cache
    folder: PathBuf,

    /// Model folder to compare it with
    other: Option<PathBuf>,

    /// Group tensors by their name but for the layer, by layer, or not at all
    #[arg(long, value_enum, default_value_t = By::Name)]
    by: By,

    #[command(flatten)]
    links: LinkArgs,

    /// Threads; 0 for one a core
    #[arg(short = 'j', long, value_name = "N", default_value_t = 0)]
    threads: usize,

    /// Print for programs
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum By {
    /// One row for a tensor of all layers
    Name,
    /// One row a layer
    Layer,
    /// One row a tensor
    Tensor,
}

impl From<By> for Grouping {
    fn from(by: By) -> Self {
        match by {
            By::Name => Self::Name,
            By::Layer => Self::Layer,
            By::Tensor => Self::Tensor,
        }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let checkpoint = Checkpoint::open_with(&args.folder, args.links.links())?;
    match &args.other {
        None => one(&checkpoint, args),
        Some(other) => two(&checkpoint, &Checkpoint::open_with(other, args.links.links())?, args),
    }
}

fn one(checkpoint: &Checkpoint, args: &Args) -> anyhow::Result<()> {
    let inspection = Inspection::of(checkpoint, args.by.into());
    if args.json {
        return render::print_json(&inspection.to_json());
    }
    let mut out = Page::of(checkpoint.name());
    for (name, value) in facts(checkpoint, inspection.parameters(), &inspection.dtypes) {
        out.line(format_args!("  {name:12}  {value}"));
    }
    out.gap();
    let table: Vec<Vec<String>> = inspection
        .groups
        .iter()
        .map(|group| {
            let shapes =
                if group.shapes.len() > 2 { format!("{} shapes", group.shapes.len()) } else { group.shapes.join(" ") };
            let (count, parameters) = (format!("{}×", group.tensors), units::count(group.parameters));
            vec![group.name.clone(), count, shapes, group.dtypes.join(" "), parameters]
        })
        .collect();
    out.add(&columns(&["tensors", "", "shape", "dtype", "parameters"], &table, &[1, 4], render::columns()));
    render::print(&out)
}

fn facts(checkpoint: &Checkpoint, parameters: u64, dtypes: &BTreeMap<String, u64>) -> Vec<(&'static str, String)> {
    let settings = checkpoint.settings();
    let architecture = &settings.architecture;
    let known = |value: Option<u64>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
    let mut facts = vec![
        ("kind", kind(checkpoint)),
        (
            "architecture",
            format!(
                "{}, {} layers × {}, vocabulary {}",
                architecture.model_type.as_deref().unwrap_or("?"),
                known(architecture.layers),
                known(architecture.hidden_size),
                known(architecture.vocab_size),
            ),
        ),
        ("parameters", format!("{} in {}", units::count(parameters), units::bytes(checkpoint.weight_bytes()))),
        ("dtype", dtypes.iter().map(|(name, n)| format!("{name} {}", units::count(*n))).collect::<Vec<_>>().join(", ")),
    ];
    let modules: Vec<_> = checkpoint.modules().iter().map(|module| module.kind.as_str()).collect();
    facts.push(("modules", modules.join(" → ")));
    if !checkpoint.heads().is_empty() {
        let heads: Vec<_> = checkpoint.heads().iter().map(|head| head.folder.as_str()).collect();
        facts.push(("other heads", heads.join(", ")));
    }
    if checkpoint.is_sentence_transformers() {
        let dimension = settings.embedding_dimension.map_or_else(String::new, |size| format!(", {size} dimensions"));
        let normalize = if settings.normalize { ", normalised" } else { "" };
        if !matches!(settings.kind, ModelKind::Sparse | ModelKind::LateInteraction) {
            facts.push(("pooling", format!("{}{dimension}{normalize}", settings.pooling.as_deref().unwrap_or("none"))));
        }
        if settings.late_interaction.is_none() {
            facts.push(("similarity", settings.similarity.to_string()));
        }
        let prompts: Vec<_> = settings.prompts.iter().map(|(name, text)| format!("{name} {text:?}")).collect();
        facts.push(("prompts", if prompts.is_empty() { "none".into() } else { prompts.join(", ") }));
    }
    if let Some(late) = &settings.late_interaction {
        facts.extend(late_facts(late));
    } else {
        let length = settings.max_seq_length.map_or_else(|| "?".into(), |length| format!("{length} tokens"));
        facts.push(("max length", length));
    }
    let name =
        |path: &std::path::Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let files: Vec<_> = checkpoint.tokenizer().files().map(name).collect();
    facts.push(("tokenizer", if files.is_empty() { "none".into() } else { files.join(", ") }));
    facts
}

/// How a late-interaction model makes vectors of texts.
fn late_facts(late: &LateInteraction) -> Vec<(&'static str, String)> {
    let side = |prefix: &Option<String>, length: Option<u64>| {
        let prefix = prefix.as_ref().map_or_else(String::new, |prefix| format!("{prefix:?} in front, "));
        length
            .map_or_else(|| format!("{prefix}as long as the model takes"), |length| format!("{prefix}{length} tokens"))
    };
    let filled = late.expansion.as_ref().map_or_else(String::new, |expansion| {
        let attended = if expansion.attend { ", which are attended to" } else { "" };
        let token = expansion.token.as_deref().unwrap_or("mask");
        format!(", filled up to {} by {token} tokens{attended}", expansion.length)
    });
    let skipped = |name: &str, skips: bool| (skips && !late.skiplist.is_empty()).then(|| name.to_owned());
    let sides: Vec<String> =
        [skipped("queries", late.skips[0]), skipped("documents", late.skips[1])].into_iter().flatten().collect();
    let skiplist = if sides.is_empty() {
        "none".to_owned()
    } else {
        format!("{} of {}", late.skiplist.join(" "), sides.join(" and "))
    };
    vec![
        ("similarity", if late.mean { "MaxSim, the mean over the query".to_owned() } else { "MaxSim".to_owned() }),
        ("queries", format!("{}{filled}", side(&late.query_prefix, late.query_length))),
        ("documents", side(&late.document_prefix, late.document_length)),
        ("skiplist", skiplist),
    ]
}

/// The kind of the model, with the further kinds of retrieval that its heads are for.
fn kind(checkpoint: &Checkpoint) -> String {
    let kind = checkpoint.settings().kind;
    let has = |head: &str| checkpoint.heads().iter().any(|module| module.folder == head);
    let heads: Vec<&str> = [("sparse_linear", "a sparse"), ("colbert_linear", "a late-interaction")]
        .into_iter()
        .filter(|(head, _)| kind == ModelKind::Dense && has(head))
        .map(|(_, name)| name)
        .collect();
    let described = kind.described();
    if heads.is_empty() { described.to_owned() } else { format!("{described} with {} head", heads.join(" and ")) }
}

fn two(left: &Checkpoint, right: &Checkpoint, args: &Args) -> anyhow::Result<()> {
    let cancel = run::interruption()?;
    let bar = progress::bar(progress::Counted::Bytes, left.weight_bytes() + right.weight_bytes(), args.json);
    let advance = progress::advance(&bar);
    let options = merge::Options {
        threads: args.threads,
        tile: merge::TILE,
        level: level()?,
        access: merge::Access::default(),
        cancel: &cancel,
        progress: &advance,
        solver: None,
    };
    let differences = Differences::of(left, right, args.by.into(), options);
    bar.finish_and_clear();
    let differences = differences?;
    if args.json {
        return render::print_json(&differences.to_json());
    }
    let mut out = Page::of(format_args!("{} and {}", left.name(), right.name()));
    for found in &differences.disagreements {
        out.line(format_args!("  the {} differs: {} and {}", found.what, found.left, found.right));
    }
    for (model, names) in [(left, &differences.only_left), (right, &differences.only_right)] {
        if let Some(first) = names.first() {
            let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
            out.line(format_args!("  only in {}: {first}{more}", model.name()));
        }
    }
    out.gap();
    let show = |value: f64, digits: usize| if value.is_finite() { format!("{value:.digits$}") } else { "-".into() };
    let table: Vec<Vec<String>> = differences
        .groups
        .iter()
        .map(|(name, d)| {
            vec![
                name.clone(),
                units::count(d.elements),
                show(d.cosine(), 6),
                show(d.relative_norm() * 100.0, 3),
                show(d.equal_share() * 100.0, 1),
            ]
        })
        .collect();
    out.add(&columns(
        &["tensors", "parameters", "cosine", "|b−a|/|a| %", "equal %"],
        &table,
        &[1, 2, 3, 4],
        render::columns(),
    ));
    render::print(&out)
}
