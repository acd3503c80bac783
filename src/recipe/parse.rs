//! From text to recipe.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

use super::check;
use super::error::{Checked, Error, ErrorKind, Fault, Spot, shown};
use super::fields::Fields;
use super::keys::{RECIPE, and};
use super::locate::{self, Part};
use super::merge_keys;
use super::model_ref::model_ref;
use super::nearest::nearest;
use super::parameters::{Owner, parameters};
use super::slices;
use super::tokenizer;
use super::tree::{self, Node};
use super::types::{NodePath, Origin, Recipe};
use super::variables::{self, Variables};
use crate::kernel::Float;
use crate::method::{self, Declaration};

/// Bytes of the largest recipe file that is read.
const LARGEST: u64 = 1 << 20;

impl Recipe {
    /// Reads a recipe from text. `origin` is what messages call it; `variables` are the values of its `${name}`.
    pub fn parse(text: &str, origin: &str, variables: &BTreeMap<String, String>) -> Result<Self, Error> {
        let source = Origin { text: text.to_owned(), name: origin.to_owned(), ..Origin::default() };
        Self::from_source(source, variables)
    }

    /// Reads a recipe file.
    pub fn read(path: &Path, variables: &BTreeMap<String, String>) -> Result<Self, Error> {
        let origin = path.display().to_string();
        let text = file_text(path, &origin)?;
        let folder = path.parent().map(Path::to_path_buf);
        Self::from_source(Origin { text, name: origin, folder, ..Origin::default() }, variables)
    }

    pub(super) fn from_source(mut source: Origin, values: &BTreeMap<String, String>) -> Result<Self, Error> {
        source.variables.clone_from(values);
        let root = document(&source)?;
        let mut notes = Notes::default();
        match recipe(root, values, &mut notes) {
            Ok(mut recipe) => {
                recipe.warnings = notes.finish(&source);
                recipe.source = source;
                Ok(recipe)
            }
            Err(fault) => Err(placed(fault, &source)),
        }
    }
}

pub(super) fn file_text(path: &Path, origin: &str) -> Result<String, Error> {
    let unread = |error: &std::io::Error| {
        let hint = (error.kind() == std::io::ErrorKind::NotFound).then(|| "check the recipe's path".to_owned());
        Error::file(format!("cannot read the recipe {origin}: {error}"), hint)
    };
    let file = std::fs::File::open(path).map_err(|error| unread(&error))?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unread(&error))?;
    if bytes.len() as u64 > LARGEST {
        let message = format!("the recipe {origin} is larger than {} KiB", LARGEST >> 10);
        return Err(Error::file(message, Some("is it a recipe?".to_owned())));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Error::file(format!("the recipe {origin} is not UTF-8 text: byte {offset} fits no character"), None)
    })
}

/// The document as a tree, without its merge keys.
pub(super) fn document(source: &Origin) -> Result<Node, Error> {
    let refused = |message: String, offset: Option<usize>| {
        let place = offset.map(|offset| Box::new(locate::place_at(&source.text, &source.name, offset)));
        Error { kind: ErrorKind::Syntax, message, place, hint: None }
    };
    if source.text.len() as u64 > LARGEST {
        return Err(refused(format!("the recipe is larger than {} KiB", LARGEST >> 10), None));
    }
    if let Some((offset, c)) = variables::unreadable(&source.text) {
        return Err(refused(format!("YAML does not allow the character U+{:04X}", u32::from(c)), Some(offset)));
    }
    if let Some((offset, message)) = tree::too_slow(&source.text) {
        return Err(refused(message.into(), Some(offset)));
    }
    let masked = variables::mask(&source.text);
    let root = tree::read(&masked).map_err(|unreadable| {
        let offset = unreadable.at.map(|(line, column)| locate::offset(&source.text, line, column));
        refused(unreadable.message, offset)
    })?;
    if tree::documents(&masked) > 1 {
        return Err(Error {
            kind: ErrorKind::Unsupported,
            message: "several documents in one recipe are not supported yet".into(),
            place: locate::second_document(&source.text, &source.name).map(Box::new),
            hint: Some("write each document into a file of its own".into()),
        });
    }
    merge_keys::merged(root, &mut Vec::new()).map_err(|steps| {
        let fault = Fault::value(&NodePath(steps), "expected a map or a list of maps after `<<`");
        placed(fault, source)
    })
}

fn recipe(mut root: Node, values: &BTreeMap<String, String>, notes: &mut Notes) -> Checked<Recipe> {
    let mut variables = Variables::new(values);
    variables.fill(&mut root, &mut NodePath::default())?;
    for name in variables.unused() {
        notes.add(None, format!("the variable `{name}` is given and the recipe does not name it"));
    }
    let at = NodePath::default();
    if root.is_blank() {
        let hint = "a recipe has `merge_method`, `models` and, for most methods, `base_model`".to_owned();
        return Err(Fault::value(&at, "the recipe is empty").hint(hint));
    }
    let fields = Fields::of(&root, &at, &RECIPE, notes)?;
    let method = merge_method(&fields)?;
    let base_model = fields.get("base_model").map(|(node, at)| model_ref(node, &at, notes)).transpose()?;
    let mut recipe = Recipe {
        method,
        slices: slices::slices(&fields, method, notes)?,
        base_model,
        parameters: parameters(&fields, Owner::All, method, notes)?,
        dtype: dtype(&fields, "dtype")?,
        out_dtype: dtype(&fields, "out_dtype")?,
        tokenizer: tokenizer::tokenizer(&fields, notes)?,
        warnings: Vec::new(),
        source: Origin::default(),
    };
    check::check(&mut recipe, notes)?;
    tokenizer::check(&recipe)?;
    Ok(recipe)
}

fn merge_method(fields: &Fields<'_>) -> Checked<&'static Declaration> {
    let (node, at) = fields.need("merge_method")?;
    let Node::Text(name) = node else {
        return Err(Fault::value(&at, format!("expected the name of a merge method, found {node}")));
    };
    if let Some(method) = method::find(name) {
        return Ok(method);
    }
    let names: Vec<&str> = method::METHODS.iter().map(|method| method.name).collect();
    let known = format!("the methods are {}", and(&names));
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {known}"),
        None => known,
    };
    Err(Fault::value(&at, format!("unknown merge method {}", shown(name))).hint(hint))
}

fn dtype(fields: &Fields<'_>, key: &str) -> Checked<Option<Float>> {
    let Some((node, at)) = fields.get(key) else { return Ok(None) };
    let names: Vec<&str> = Float::ALL.iter().map(|float| float.name()).collect();
    let known = format!("the formats are {}", and(&names));
    let Node::Text(name) = node else {
        return Err(Fault::value(&at, format!("expected a number format, found {node}")).hint(known));
    };
    let short = name.strip_prefix("torch.").unwrap_or(name);
    if let Some(float) = Float::from_name(short) {
        return Ok(Some(float));
    }
    let lower = short.to_ascii_lowercase();
    let meant = match lower.as_str() {
        "bf16" => Some("bfloat16"),
        "fp16" | "f16" | "half" => Some("float16"),
        "fp32" | "f32" | "float" | "single" => Some("float32"),
        "fp64" | "f64" | "double" => Some("float64"),
        integer if integer.starts_with("int") || integer.starts_with("uint") => None,
        other => nearest(other, names.iter().copied()),
    };
    let hint = meant.map_or(known, |meant| format!("did you mean `{meant}`?"));
    Err(Fault::value(&at, format!("`{key}` names no floating-point format: {}", shown(name))).hint(hint))
}

/// Looks up the place of a fault.
pub(super) fn placed(fault: Fault, source: &Origin) -> Error {
    let (part, path) = match &fault.at {
        Spot::Key(path) => (Part::Key, path),
        Spot::Value(path) => (Part::Value, path),
    };
    let place = locate::place(&source.text, &source.name, path, part);
    Error { kind: fault.kind, message: fault.message, place: place.map(Box::new), hint: fault.hint }
}

/// The warnings so far, each once.
#[derive(Default)]
pub(crate) struct Notes {
    notes: Vec<(Option<NodePath>, String)>,
    seen: BTreeSet<String>,
}

/// Warnings that are written out; a place costs a pass over the text.
const MOST_WARNINGS: usize = 20;

impl Notes {
    /// Adds a warning about a key.
    pub(crate) fn warn(&mut self, at: &NodePath, message: String) {
        self.add(Some(at), message);
    }

    /// Adds a warning, unless it was given already.
    pub(crate) fn add(&mut self, at: Option<&NodePath>, message: String) {
        if self.seen.insert(message.clone()) {
            self.notes.push((at.cloned(), message));
        }
    }

    pub(super) fn finish(self, source: &Origin) -> Vec<String> {
        let more = self.notes.len().saturating_sub(MOST_WARNINGS);
        let line = |at: &NodePath| locate::place(&source.text, &source.name, at, Part::Key).map(|place| place.line);
        let written =
            self.notes.into_iter().take(MOST_WARNINGS).map(|(at, message)| match at.as_ref().and_then(line) {
                Some(line) => format!("line {line}: {message}"),
                None => message,
            });
        let rest = (more > 0).then(|| format!("{more} more warnings of these kinds"));
        written.chain(rest).collect()
    }
}
