//! From text to recipe.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use super::chat_template;
use super::check;
use super::documents;
use super::error::{Checked, Error, ErrorKind, Fault, Spot, shown};
use super::fields::Fields;
use super::identity;
use super::keys::{RECIPE, and};
use super::locate::{self, Part};
use super::merge_keys;
use super::model_ref::model_ref;
use super::nearest::nearest;
pub(super) use super::notes::Notes;
use super::others::refuse_others;
use super::parameters::{Owner, parameters};
use super::review::Review;
use super::settings_source;
use super::slices::{self, Merged};
use super::syntax;
use super::tokenizer;
use super::tree::{self, Node};
use super::types::{ModelRef, NodePath, Origin, Recipe};
use super::variables::{self, Variables};
use crate::kernel::Float;
use crate::method::{self, MergeMethod};

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

    pub(super) fn from_source(source: Origin, values: &BTreeMap<String, String>) -> Result<Self, Error> {
        let Review { recipe, faults, .. } = review(source, values, false);
        match (Error::of(faults), recipe) {
            (None, Some(recipe)) => Ok(recipe),
            (Some(error), _) => Err(error),
            (None, None) => Err(Error::file("the recipe cannot be read".to_owned(), None)),
        }
    }
}

/// Reads a recipe as far as it goes. With `open`, variables may lack a value.
pub(super) fn review(source: Origin, values: &BTreeMap<String, String>, open: bool) -> Review {
    let wrapped = syntax::wrapped(&source);
    let found = documents(source, values, open);
    match wrapped.filter(|_| !found.faults.is_empty()) {
        // What else is wrong is not about the recipe.
        Some(error) => Review { faults: vec![error], ..Review::default() },
        None => found,
    }
}

fn documents(source: Origin, values: &BTreeMap<String, String>, open: bool) -> Review {
    let parts = documents::split(&source.text);
    if source.text.len() as u64 > LARGEST {
        return one(source, values, open, false);
    }
    let whole = source.text.len() - tree::without_mark(&source.text).len()..source.text.len();
    match &parts[..] {
        // The others are empty.
        [part] if *part != whole => {
            let text = documents::alone(&source.text, part);
            return one(Origin { text, whole: Some(source.text), ..source }, values, open, false);
        }
        [] | [_] => return one(source, values, open, false),
        _ => {}
    }
    documents::review(&source, &parts, values, open)
}

/// Reads one document as far as it goes, one of `several` or the only one.
pub(super) fn one(mut source: Origin, values: &BTreeMap<String, String>, open: bool, several: bool) -> Review {
    let mut notes = Notes::new(open);
    source.variables.clone_from(values);
    let root = match document(&source) {
        Ok(root) => root,
        Err(error) => return Review { faults: vec![error], ..Review::default() },
    };
    let recipe = notes.attempt(|notes| recipe(root, values, &source, several, notes));
    let partial = !notes.is_whole();
    let (faults, unknown) = (notes.faults(&source), notes.variables(&source));
    let warnings = notes.warnings(&source);
    let recipe = recipe.map(|recipe| Recipe {
        warnings: warnings.iter().map(ToString::to_string).collect(),
        source,
        partial,
        ..recipe
    });
    Review { recipe, faults, warnings, unknown }
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
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes[..] {
        let hint =
            "save it as UTF-8, as editors do by default; PowerShell does with `Out-File -Encoding utf8`".to_owned();
        return Err(Error::file(format!("the recipe {origin} is UTF-16 text, and recipes are UTF-8"), Some(hint)));
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
        Error { kind: ErrorKind::Syntax, message, place, hint: None, others: Vec::new() }
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
    if let Some((offset, tag)) = syntax::python_tag(&source.text) {
        return Err(refused(format!("the tag {} means nothing in a recipe", shown(&tag)), Some(offset)));
    }
    let masked = variables::mask(&source.text);
    let root = tree::read(&masked).map_err(|unreadable| {
        let offset = unreadable.at.map(|(line, column)| locate::offset(&source.text, line, column));
        let indented = offset.and_then(|offset| syntax::indented_otherwise(source, offset));
        indented.unwrap_or_else(|| refused(unreadable.message, offset))
    })?;
    if tree::documents(&masked) > 1 {
        return Err(Error {
            kind: ErrorKind::Syntax,
            message: "there are several documents in the recipe".into(),
            place: locate::second_document(&source.text, &source.name).map(Box::new),
            hint: Some("write each document into a file of its own".into()),
            others: Vec::new(),
        });
    }
    merge_keys::merged(root, &mut Vec::new()).map_err(|steps| {
        let fault = Fault::value(&NodePath(steps), "expected a map or a list of maps after `<<`");
        placed(fault, source)
    })
}

fn recipe(
    mut root: Node,
    values: &BTreeMap<String, String>,
    source: &Origin,
    several: bool,
    notes: &mut Notes,
) -> Checked<Recipe> {
    refuse_others(&root)?;
    let mut variables = Variables::new(values);
    variables.fill(&mut root, &mut NodePath::default(), notes);
    for name in variables.unused() {
        notes.add(None, format!("the variable `{name}` is given and the recipe does not name it"));
    }
    let at = NodePath::default();
    if root.is_blank() {
        let hint = "a recipe has `merge_method`, `models` and, for most methods, `base_model`".to_owned();
        return Err(Fault::value(&at, "the recipe is empty").hint(hint));
    }
    let fields = Fields::of(&root, &at, &RECIPE, notes)?;
    let method = notes.attempt(|_| merge_method(&fields));
    let base_model = base_model(&fields).map(|(node, at)| reference(node, &at, notes));
    let Merged { slices, module } = notes.attempt(|notes| slices::merged(&fields, method, notes)).unwrap_or_default();
    let mut recipe = Recipe {
        // Without a method the recipe is refused, and its models can still be looked at.
        method: method.unwrap_or(method::METHODS[0]),
        slices,
        base_model,
        module,
        parameters: parameters(&fields, Owner::All, method, notes),
        dtype: notes.attempt(|_| dtype(&fields, "dtype")).flatten(),
        out_dtype: notes.attempt(|_| dtype(&fields, "out_dtype")).flatten(),
        tokenizer: notes.attempt(|notes| tokenizer::tokenizer(&fields, notes)).flatten(),
        chat_template: notes.attempt(|_| chat_template::chat_template(&fields)).flatten(),
        settings_source: None,
        warnings: Vec::new(),
        partial: false,
        name: documents::name(&fields, several, notes),
        stages: Vec::new(),
        source: Origin { documents: source.documents.clone(), ..Origin::default() },
    };
    identity::identify(&mut recipe, source.folder.as_deref());
    if method.is_some() {
        check::check(&mut recipe, notes);
        notes.attempt(|_| tokenizer::check(&recipe));
    }
    recipe.settings_source = notes.attempt(|notes| settings_source::settings_source(&fields, &recipe, notes)).flatten();
    Ok(recipe)
}

/// The base. One among the parameters, where it is refused, is known for the rest of the reading.
fn base_model<'n>(fields: &Fields<'n>) -> Option<(&'n Node, NodePath)> {
    let misplaced = || {
        let (parameters, at) = fields.get("parameters")?;
        Some((parameters.get("base_model")?, at.key("base_model")))
    };
    fields.get("base_model").or_else(misplaced)
}

/// A model reference, or one that stands for it where it cannot be read.
pub(super) fn reference(node: &Node, at: &NodePath, notes: &mut Notes) -> ModelRef {
    let read = notes.attempt(|notes| model_ref(node, at, notes));
    read.filter(|_| !notes.is_unknown(at)).unwrap_or_else(|| ModelRef::unknown(at))
}

fn merge_method(fields: &Fields<'_>) -> Checked<&'static MergeMethod> {
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
    Error { kind: fault.kind, message: fault.message, place: place.map(Box::new), hint: fault.hint, others: Vec::new() }
}
