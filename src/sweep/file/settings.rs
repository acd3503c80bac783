//! Which queries, how long, and how texts are encoded and scored.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fields::{fields, finite, text, whole};
use super::keys::{BUDGET, PROMPTS, RERANK, SELECTION};
use crate::eval::{Compat, is_ranking};
use crate::files;
use crate::kernel::DType;
use crate::recipe::NodePath;
use crate::yaml::{Checked, Diagnostic, Diagnostics, Fields, Node, quoted};

/// A value that is stored as its text.
pub(super) mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Which queries are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The split; the usual one without.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub split: Option<String>,
    /// A part of its queries.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub part: Option<Part>,
}

/// A part of the queries; which query is in which part depends on its id alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which part, from 1.
    pub nth: u32,
    /// Of how many.
    pub of: u32,
}

impl Part {
    /// Whether a query is in the part.
    pub fn holds(self, query: &str) -> bool {
        // FNV-1a: short, and the same everywhere.
        let hash = query
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        // The last bits of this hash alone are poor.
        let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        mixed % u64::from(self.of.max(1)) == u64::from(self.nth.saturating_sub(1))
    }
}

/// When no further trial is begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// The most trials, baselines not counted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trials: Option<usize>,
    /// Time of one run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wall: Option<Duration>,
}

/// How texts are encoded and rankings scored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scoring {
    /// In front of queries; the model's own prompt without one.
    pub query_prompt: Option<String>,
    /// In front of documents; the model's own prompt without one.
    pub document_prompt: Option<String>,
    /// Tokens after which texts are cut; the model's own number without one.
    pub max_length: Option<usize>,
    /// The format that is computed in.
    pub dtype: Option<String>,
    /// Where it is computed.
    pub device: String,
    /// The tool whose rules hold.
    #[serde(with = "as_text")]
    pub compat: Compat,
    /// What the models order, if they are rerankers.
    #[serde(default)]
    pub rerank: Option<Rerank>,
}

/// The documents that rerankers order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerank {
    /// What finds them: a retriever's folder, or a ranking; `{data}` in its name stands for that of a data set. Absolute.
    pub first_stage: PathBuf,
    /// How many are ordered for each query.
    pub top_k: usize,
}

impl Default for Scoring {
    fn default() -> Self {
        let device = "cpu".to_owned();
        Self {
            query_prompt: None,
            document_prompt: None,
            max_length: None,
            dtype: None,
            device,
            compat: Compat::default(),
            rerank: None,
        }
    }
}

/// Reads `select` or `report`.
pub(super) fn selection(node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<Selection> {
    let fields = fields(node, at, &SELECTION, diagnostics)?;
    let given = |key: &str| fields.get(key);
    let split = given("split").and_then(|(node, at)| diagnostics.attempt(|_| text(node, &at, "a split")));
    let part = given("part").and_then(|(node, at)| diagnostics.attempt(|_| part(node, &at)));
    if given("split").is_none() && given("part").is_none() {
        return Err(Diagnostic::value(at, "expected `split` or `part`"));
    }
    Ok(Selection { split, part })
}

fn part(node: &Node, at: &NodePath) -> Checked<Part> {
    let written = text(node, at, "a part such as 1/2")?;
    let numbers =
        written.split_once('/').and_then(|(nth, of)| Some((nth.trim().parse().ok()?, of.trim().parse().ok()?)));
    match numbers {
        Some((nth, of)) if (1..=of).contains(&nth) && (2..=100).contains(&of) => Ok(Part { nth, of }),
        _ => Err(Diagnostic::value(at, format!("expected a part such as 1/2, found {}", quoted(&written)))),
    }
}

/// Reads `budget`.
pub(super) fn budget(node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<Budget> {
    let fields = fields(node, at, &BUDGET, diagnostics)?;
    let trials = fields.get("trials").and_then(|(node, at)| diagnostics.attempt(|_| whole(node, &at, 1)));
    let wall = fields.get("wall").and_then(|(node, at)| diagnostics.attempt(|_| wall(node, &at)));
    Ok(Budget { trials: trials.map(|count| usize::try_from(count).unwrap_or(usize::MAX)), wall })
}

fn wall(node: &Node, at: &NodePath) -> Checked<Duration> {
    let seconds = match node {
        Node::Text(text) => {
            let hint = "as 90s, 45m, 6h or 1h30m".to_owned();
            return parse_time(text).map_err(|message| Diagnostic::value(at, message).hint(hint));
        }
        other => finite(other, at)?,
    };
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(|| Diagnostic::value(at, format!("expected a time, found {node}")))
}

/// A time such as `1h30m`; a number alone is seconds.
pub(crate) fn parse_time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{} is not a time", quoted(text));
    let mut total = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        total += number
            * match unit {
                "" | "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return Err(wrong()),
            };
        rest = next.trim_start();
    }
    Duration::try_from_secs_f64(total).ok().filter(|time| !time.is_zero()).ok_or_else(wrong)
}

/// How many documents are ordered where the file does not say, as `admix score --top-k` has it.
const TOP_K: usize = 100;

/// Reads what of the top of the file is about encoding and scoring.
pub(super) fn scoring(top: &Fields<'_>, folder: Option<&Path>, diagnostics: &mut Diagnostics) -> Scoring {
    let mut scoring = Scoring::default();
    if let Some((node, at)) = top.get("prompts")
        && let Some(prompts) = diagnostics.attempt(|diagnostics| fields(node, &at, &PROMPTS, diagnostics))
    {
        let mut prompt = |key: &str| match prompts.get(key)? {
            (Node::Text(text), _) => Some(text.clone()),
            (other, at) => {
                diagnostics.fault(Diagnostic::value(&at, format!("expected a text, found {other}")));
                None
            }
        };
        (scoring.query_prompt, scoring.document_prompt) = (prompt("query"), prompt("document"));
    }
    let length = top.get("max_length").and_then(|(node, at)| diagnostics.attempt(|_| whole(node, &at, 1)));
    scoring.max_length = length.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    scoring.dtype = top.get("dtype").and_then(|(node, at)| diagnostics.attempt(|_| dtype(node, &at)));
    if let Some(device) = top.get("device").and_then(|(node, at)| diagnostics.attempt(|_| device(node, &at))) {
        scoring.device = device;
    }
    let compat = |(node, at): (&Node, NodePath)| {
        text(node, &at, "a tool")?.parse().map_err(|message: String| Diagnostic::value(&at, message))
    };
    if let Some(compat) = top.get("compat").and_then(|found| diagnostics.attempt(|_| compat(found))) {
        scoring.compat = compat;
    }
    scoring.rerank = top
        .get("rerank")
        .and_then(|(node, at)| diagnostics.attempt(|diagnostics| rerank(node, &at, folder, diagnostics)));
    scoring
}

fn rerank(node: &Node, at: &NodePath, folder: Option<&Path>, diagnostics: &mut Diagnostics) -> Checked<Rerank> {
    let fields = fields(node, at, &RERANK, diagnostics)?;
    let top_k = fields.get("top_k").and_then(|(node, at)| diagnostics.attempt(|_| whole(node, &at, 1)));
    let (node, at) = fields.need("first_stage")?;
    let written = text(node, &at, "a folder or a ranking")?;
    let beside = folder.map(|folder| folder.join(&written));
    let home = files::with_home(Path::new(&written));
    // What stands in front of a data set's name is there already.
    let is_there = |path: &PathBuf| match path.to_string_lossy().split_once('{') {
        Some((known, _)) if is_ranking(path) => Path::new(known)
            .ancestors()
            .nth(usize::from(!known.ends_with('/')))
            .is_none_or(|path| path.as_os_str().is_empty() || path.is_dir()),
        _ => path.exists(),
    };
    let found = std::iter::once(PathBuf::from(&written)).chain(beside).chain([home]).find(is_there);
    let found = found.and_then(|found| std::path::absolute(found).ok()).ok_or_else(|| {
        let looked = "relative paths are looked up in the current folder, then in the sweep file's".to_owned();
        Diagnostic::value(&at, format!("there is no folder and no file {}", quoted(&written))).hint(looked)
    })?;
    let top_k = top_k.map_or(TOP_K, |count| usize::try_from(count).unwrap_or(usize::MAX));
    Ok(Rerank { first_stage: found, top_k })
}

fn dtype(node: &Node, at: &NodePath) -> Checked<String> {
    let name = text(node, at, "a number format")?;
    if matches!(DType::from_name(&name), Some(DType::F32 | DType::F16 | DType::Bf16)) {
        return Ok(name);
    }
    Err(Diagnostic::value(at, format!("expected float32, float16 or bfloat16, found {}", quoted(&name))))
}

fn device(node: &Node, at: &NodePath) -> Checked<String> {
    let name = text(node, at, "a device")?;
    let numbered = name.strip_prefix("cuda:").is_some_and(|number| number.parse::<u32>().is_ok());
    if numbered || ["cpu", "cuda", "metal"].contains(&name.as_str()) {
        return Ok(name);
    }
    Err(Diagnostic::value(at, format!("expected cpu, cuda, cuda:N or metal, found {}", quoted(&name))))
}
