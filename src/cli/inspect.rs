//! `admix inspect`

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::args::{LinkArgs, level};
use super::{progress, render, run, units};
use crate::checkpoint::{Checkpoint, LateInteraction, ModelKind, Weights, disagreements, layer_of};
use crate::escape::{Page, columns};
use crate::merge::{self, Difference};

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

impl By {
    fn group(self, module: &str, canonical: &str) -> String {
        let name = match (self, layer_of(canonical)) {
            (Self::Name, Some(layer)) => layer.template,
            (Self::Layer, Some(layer)) => format!("{}.{}", layer.stack, layer.index),
            (Self::Layer, None) => canonical.split('.').next().unwrap_or(canonical).to_owned(),
            (Self::Name, None) | (Self::Tensor, _) => canonical.to_owned(),
        };
        if module.is_empty() { name } else { format!("{module}/{name}") }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let checkpoint = Checkpoint::open_with(&args.folder, args.links.links())?;
    match &args.other {
        None => one(&checkpoint, args),
        Some(other) => two(&checkpoint, &Checkpoint::open_with(other, args.links.links())?, args),
    }
}

/// Tensors that are shown together.
#[derive(Default)]
struct Row {
    count: usize,
    parameters: u64,
    shapes: Vec<String>,
    dtypes: Vec<String>,
}

fn one(checkpoint: &Checkpoint, args: &Args) -> anyhow::Result<()> {
    let mut rows: Vec<(String, Row)> = Vec::new();
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    let mut dtypes: BTreeMap<String, u64> = BTreeMap::new();
    for module in checkpoint.parts() {
        for tensor in module.weights.iter().flat_map(Weights::tensors) {
            let key = args.by.group(&module.folder, &tensor.canonical);
            let at = *index.entry(key.clone()).or_insert_with(|| {
                rows.push((key, Row::default()));
                rows.len() - 1
            });
            let row = &mut rows[at].1;
            row.count += 1;
            row.parameters += tensor.elements();
            let shape = tensor.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("×");
            let dtype = format!("{:?}", tensor.dtype);
            if !row.shapes.contains(&shape) {
                row.shapes.push(shape);
            }
            *dtypes.entry(dtype.clone()).or_default() += tensor.elements();
            if !row.dtypes.contains(&dtype) {
                row.dtypes.push(dtype);
            }
        }
    }
    let parameters: u64 = rows.iter().map(|(_, row)| row.parameters).sum();
    if args.json {
        return render::print_json(&one_json(checkpoint, &rows, parameters));
    }
    let mut out = Page::of(checkpoint.name());
    for (name, value) in facts(checkpoint, parameters, &dtypes) {
        out.line(format_args!("  {name:12}  {value}"));
    }
    out.gap();
    let table: Vec<Vec<String>> = rows
        .iter()
        .map(|(name, row)| {
            let shapes =
                if row.shapes.len() > 2 { format!("{} shapes", row.shapes.len()) } else { row.shapes.join(" ") };
            vec![name.clone(), format!("{}×", row.count), shapes, row.dtypes.join(" "), units::count(row.parameters)]
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

fn one_json(checkpoint: &Checkpoint, rows: &[(String, Row)], parameters: u64) -> Value {
    let settings = checkpoint.settings();
    let architecture = &settings.architecture;
    let groups: Vec<Value> = rows
        .iter()
        .map(|(name, row)| {
            json!({"name": name, "tensors": row.count, "shapes": row.shapes, "dtypes": row.dtypes, "parameters": row.parameters})
        })
        .collect();
    json!({
        "folder": checkpoint.path().display().to_string(),
        "hub": checkpoint.snapshot().map(|snapshot| json!({"name": snapshot.name, "commit": snapshot.commit})),
        "kind": settings.kind.name(),
        "architecture": architecture.model_type,
        "layers": architecture.layers,
        "hidden_size": architecture.hidden_size,
        "vocab_size": architecture.vocab_size,
        "parameters": parameters,
        "bytes": checkpoint.weight_bytes(),
        "modules": checkpoint.modules().iter().map(|module| json!({"folder": module.folder, "kind": module.kind})).collect::<Vec<_>>(),
        "heads": checkpoint.heads().iter().map(|head| head.folder.as_str()).collect::<Vec<_>>(),
        "sentence_transformers": checkpoint.is_sentence_transformers(),
        "pooling": settings.pooling,
        "normalize": settings.normalize,
        "similarity": settings.similarity,
        "prompts": settings.prompts,
        "max_seq_length": settings.max_seq_length,
        "late_interaction": settings.late_interaction.as_ref().map(|late| json!({
            "query_prefix": late.query_prefix,
            "document_prefix": late.document_prefix,
            "query_length": late.query_length,
            "document_length": late.document_length,
            "expansion_length": late.expansion.as_ref().map(|expansion| expansion.length),
            "skiplist": late.skiplist,
        })),
        "tokenizer": checkpoint.tokenizer().files().map(|path| path.display().to_string()).collect::<Vec<_>>(),
        "groups": groups,
    })
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
    let differences = merge::compare(left, right, options);
    bar.finish_and_clear();
    let differences = differences?;
    let mut groups: Vec<(String, Difference)> = Vec::new();
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    let mut whole = Difference::default();
    for difference in &differences {
        whole.add(difference);
        let key = args.by.group(&difference.module, &difference.name);
        let at = *index.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Difference::default()));
            groups.len() - 1
        });
        groups[at].1.add(difference);
    }
    let settings = disagreements(left, right);
    let (only_left, only_right) = (only_in(left, right, &differences), only_in(right, left, &differences));
    if args.json {
        let row = |(name, d): &(String, Difference)| {
            json!({"name": name, "parameters": d.elements, "cosine": finite(d.cosine()),
                "relative_norm": finite(d.relative_norm()), "equal_share": d.equal_share()})
        };
        groups.push(("all".into(), whole));
        let disagreements: Vec<Value> = settings
            .iter()
            .map(|found| json!({"kind": found.kind.name(), "what": found.what, "left": found.left, "right": found.right}))
            .collect();
        return render::print_json(&json!({
            "left": left.path().display().to_string(),
            "right": right.path().display().to_string(),
            "disagreements": disagreements,
            "only_left": only_left,
            "only_right": only_right,
            "groups": groups.iter().map(row).collect::<Vec<_>>(),
        }));
    }
    let mut out = Page::of(format_args!("{} and {}", left.name(), right.name()));
    for found in &settings {
        out.line(format_args!("  the {} differs: {} and {}", found.what, found.left, found.right));
    }
    for (model, names) in [(left, &only_left), (right, &only_right)] {
        if let Some(first) = names.first() {
            let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
            out.line(format_args!("  only in {}: {first}{more}", model.name()));
        }
    }
    out.gap();
    groups.push(("all".into(), whole));
    let show = |value: f64, digits: usize| if value.is_finite() { format!("{value:.digits$}") } else { "-".into() };
    let table: Vec<Vec<String>> = groups
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

/// The tensors of `one` that were not compared because `other` has none of that name and shape, or because they are no
/// floating-point numbers and `other` lacks them.
fn only_in(one: &Checkpoint, other: &Checkpoint, compared: &[Difference]) -> Vec<String> {
    let mut names = Vec::new();
    for module in one.parts() {
        for tensor in module.weights.iter().flat_map(Weights::tensors) {
            let seen = compared.iter().any(|difference| difference.name == tensor.canonical);
            let there = other
                .parts()
                .iter()
                .filter_map(|module| module.weights.as_ref())
                .any(|weights| weights.get(&tensor.canonical).is_some_and(|twin| twin.shape == tensor.shape));
            if !seen && !there {
                names.push(if module.folder.is_empty() {
                    tensor.name.clone()
                } else {
                    format!("{}/{}", module.folder, tensor.name)
                });
            }
        }
    }
    names
}

fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}
