//! Errors and warnings for people: one sentence, the place in the recipe, then hints.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::process::ExitCode;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anyhow::Context as _;

#[cfg(feature = "eval")]
use crate::encoder;
#[cfg(feature = "hub")]
use crate::fetch;
use crate::recipe::Place;
use crate::shown::{Page, aligned, is_hidden, json, line, text};
use crate::{checkpoint, convert, eval, merge, plan, recipe, sweep, write};

/// A mistake in the arguments that clap does not see.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Usage {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Usage {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn with_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()) }
    }
}

/// What is known of an error besides its sentence.
#[derive(Default)]
struct Details<'a> {
    place: Option<&'a Place>,
    hint: Option<String>,
    code: u8,
}

const UNEXPECTED: u8 = 1;
const USAGE: u8 = 2;
const REFUSED: u8 = 3;
const EVALUATION: u8 = 4;
const MISMATCH: u8 = 5;
const INTERRUPTED: u8 = 130;

/// Prints the error to stderr and gives the exit code that belongs to it.
pub(super) fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    for cause in error.chain() {
        if let Some(faults) = faults(cause).filter(|faults| faults.len() > 1) {
            let code = faults.iter().map(|fault| fault.code).max().unwrap_or(UNEXPECTED);
            faults.iter().for_each(show);
            return ExitCode::from(code);
        }
    }
    let Details { place, hint, code } = details(error);
    show(&Shown { message: message(error), place, hint, code, warning: false });
    ExitCode::from(code)
}

/// A fault or warning as it is shown.
pub(super) struct Shown<'a> {
    pub(super) message: String,
    pub(super) place: Option<&'a Place>,
    pub(super) hint: Option<String>,
    pub(super) code: u8,
    pub(super) warning: bool,
}

/// Prints a fault or warning to stderr.
pub(super) fn show(shown: &Shown<'_>) {
    let level = if shown.warning { Level::WARNING } else { Level::ERROR };
    let _ = writeln!(stderr(), "{}", snippet(level, &shown.message, shown.place));
    for hint in shown.hint.iter().flat_map(|hint| hint.lines()) {
        let _ = writeln!(stderr(), "hint: {}", line(hint));
    }
}

/// The faults of an error that may stand for several.
fn faults<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<Vec<Shown<'a>>> {
    if let Some(error) = error.downcast_ref::<recipe::Error>() {
        return Some(recipe_faults(error));
    }
    if let Some(faults) = error.downcast_ref::<plan::Faults>() {
        return Some(plan_faults(faults));
    }
    match error.downcast_ref::<sweep::Error>()? {
        sweep::Error::Recipe(error) => Some(recipe_faults(error)),
        sweep::Error::Plan(faults) => Some(plan_faults(faults)),
        _ => None,
    }
}

/// Everything that is wrong with a recipe or a sweep file, in the order in which it stands there.
pub(super) fn recipe_faults(error: &recipe::Error) -> Vec<Shown<'_>> {
    let mut shown = Vec::new();
    for error in error.all() {
        let (message, hint) = (error.message().to_owned(), error.hint().map(str::to_owned));
        shown.push(Shown { message, place: error.place(), hint, code: USAGE, warning: false });
    }
    shown
}

/// Everything that is wrong with the checkpoints of a recipe, at most a few faults of a sort.
pub(super) fn plan_faults(faults: &plan::Faults) -> Vec<Shown<'_>> {
    let mut shown = Vec::new();
    for (error, more) in faults.shown() {
        let more = if more > 0 { format!(", and {more} more of this sort") } else { String::new() };
        let (message, code) = (format!("{error}{more}"), plan_code(error));
        shown.push(Shown { message, place: error.place(), hint: error.hint(), code, warning: false });
    }
    shown
}

/// The error with its causes, but for those that its sentence already gives.
fn message(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text {
        text if text.is_empty() => cause,
        text if text.contains(&cause) => text,
        text => format!("{text}: {cause}"),
    })
}

/// Prints what clap says of the arguments, or its help, and gives the exit code.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let said = error.to_string();
    let code = if error.use_stderr() { USAGE } else { 0 };
    if said != text(&said) {
        let _ = write!(stderr(), "{}", text(&said));
        return ExitCode::from(code);
    }
    let printed = error.print().and_then(|()| stdout().flush());
    match printed.context("cannot write to stdout") {
        Err(error) if code == 0 => report(&error),
        _ => ExitCode::from(code),
    }
}

/// Prints warnings to stderr.
pub(super) fn warn<'a>(warnings: impl IntoIterator<Item = &'a String>) {
    for warning in warnings {
        let _ = writeln!(stderr(), "{}", snippet(Level::WARNING, warning, None));
    }
}

/// Says something to whoever watches, on a line of stderr.
pub(super) fn say(text: &str) {
    let _ = writeln!(stderr(), "{}", line(text));
}

/// Shows lines to whoever watches, on stderr.
pub(super) fn say_page(page: &Page) {
    let _ = write!(stderr(), "{page}");
}

/// Prints data to stdout. A reader that has gone away ends the program quietly.
pub(super) fn print(page: &Page) -> anyhow::Result<()> {
    put(&page.to_string())
}

/// Prints a generated file to stdout. What strangers wrote is spelt in it as the file's form asks. Control characters, which no
/// such file needs, are no part of it; on a terminal nothing hidden is.
pub(super) fn print_file(text: &str) -> anyhow::Result<()> {
    let terminal = stdout().is_terminal();
    let acts = |c: char| (c.is_control() || (terminal && is_hidden(c))) && !matches!(c, '\n' | '\t');
    if !text.contains(acts) {
        return put(text);
    }
    put(&text.chars().map(|c| if acts(c) { line(&c.to_string()) } else { c.to_string() }).collect::<String>())
}

fn put(text: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write to stdout")
}

/// Clears the terminal.
pub(super) fn clear() -> anyhow::Result<()> {
    put("\x1b[2J\x1b[H")
}

/// Prints JSON to stdout, on one line.
pub(super) fn print_json_line(value: &serde_json::Value) -> anyhow::Result<()> {
    put(&format!("{}\n", json(value, false)))
}

/// Prints JSON to stdout.
pub(super) fn print_json(value: &serde_json::Value) -> anyhow::Result<()> {
    put(&format!("{}\n", json(value, true)))
}

fn snippet(level: Level<'_>, message: &str, place: Option<&Place>) -> String {
    let renderer = if stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    // Nothing of a message or of the recipe's line reaches the terminal as it was written.
    let message = line(message);
    let title = level.primary_title(message.as_str());
    let Some(place) = place else { return renderer.render(&[Group::with_title(title)]) };
    let (written, file) = (aligned(&place.text), line(&place.file));
    let start = byte_of(&written, place.column.saturating_sub(1));
    let end = byte_of(&written, place.column.saturating_sub(1) + place.length);
    let annotation = AnnotationKind::Primary.span(start..end.max(start));
    let source = Snippet::source(written.as_str()).line_start(place.line).path(file.as_str());
    renderer.render(&[title.element(source.annotation(annotation))])
}

fn byte_of(text: &str, column: usize) -> usize {
    text.char_indices().nth(column).map_or(text.len(), |(at, _)| at)
}

fn details(error: &anyhow::Error) -> Details<'_> {
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<Usage>() {
            return Details { hint: error.hint.clone(), code: USAGE, place: None };
        }
        if let Some(error) = cause.downcast_ref::<recipe::Error>() {
            return Details { place: error.place(), hint: error.hint().map(str::to_owned), code: USAGE };
        }
        if let Some(faults) = cause.downcast_ref::<plan::Faults>() {
            return Details { place: faults.place(), hint: faults.hint(), code: faults_code(faults) };
        }
        if let Some(error) = cause.downcast_ref::<convert::Error>() {
            return Details { hint: error.hint(), code: convert_code(error), place: None };
        }
        if let Some(error) = cause.downcast_ref::<checkpoint::Error>() {
            return Details { hint: error.hint(), code: REFUSED, place: None };
        }
        if let Some(error) = cause.downcast_ref::<eval::Error>() {
            return Details { hint: error.hint(), code: eval_code(error), place: None };
        }
        if let Some(error) = cause.downcast_ref::<eval::data::Error>() {
            return Details { hint: error.hint(), code: REFUSED, place: None };
        }
        if let Some(error) = cause.downcast_ref::<write::Error>() {
            return Details { hint: error.hint(), code: write_code(error), place: None };
        }
        if let Some(error) = cause.downcast_ref::<merge::Error>() {
            return Details { hint: error.hint(), code: merge_code(error), place: None };
        }
        if let Some(error) = cause.downcast_ref::<sweep::Error>() {
            return sweep_details(error);
        }
        #[cfg(feature = "hub")]
        if let Some(error) = cause.downcast_ref::<fetch::Error>() {
            return Details { hint: error.hint(), code: fetch_code(error), place: None };
        }
        #[cfg(feature = "eval")]
        if let Some(eval::ScoreError { source: error, .. }) = cause.downcast_ref() {
            return Details { hint: error.hint(), code: encoder_code(error), place: None };
        }
        #[cfg(feature = "eval")]
        if let Some(error) = cause.downcast_ref::<encoder::Error>() {
            return Details { hint: error.hint(), code: encoder_code(error), place: None };
        }
    }
    Details { code: UNEXPECTED, ..Details::default() }
}

fn sweep_details(error: &sweep::Error) -> Details<'_> {
    use sweep::Error;
    let (place, code) = match error {
        Error::Recipe(error) => (error.place(), USAGE),
        Error::Plan(faults) => (faults.place(), faults_code(faults)),
        Error::Merge(error) => (None, merge_code(error)),
        Error::Write(error) => (None, write_code(error)),
        Error::Mismatch { .. } => (None, MISMATCH),
        Error::Evaluation { .. } => (None, EVALUATION),
        Error::Cancelled => (None, INTERRUPTED),
        Error::Io { .. } => (None, UNEXPECTED),
        Error::TooManyPoints { .. } | Error::Usage { .. } | Error::Direction { .. } | Error::NotAStudy(_) => {
            (None, USAGE)
        }
        _ => (None, REFUSED),
    };
    Details { place, hint: error.hint(), code }
}

fn faults_code(faults: &plan::Faults) -> u8 {
    faults.0.iter().map(plan_code).max().unwrap_or(USAGE)
}

fn plan_code(error: &plan::Error) -> u8 {
    use plan::Error::{
        Arguments, LayerRange, MissingParameter, NoSettings, Nothing, SliceWithoutBase, Stacks, TokenRule,
        TokenWithoutTensor,
    };
    match error {
        MissingParameter { .. }
        | Arguments { .. }
        | LayerRange { .. }
        | NoSettings { .. }
        | SliceWithoutBase { .. }
        | Stacks { .. }
        | TokenRule { .. }
        | TokenWithoutTensor { .. }
        | Nothing => USAGE,
        _ => REFUSED,
    }
}

fn eval_code(error: &eval::Error) -> u8 {
    match error {
        eval::Error::Write { .. } => UNEXPECTED,
        _ => REFUSED,
    }
}

fn convert_code(error: &convert::Error) -> u8 {
    match error {
        convert::Error::Write(error) => write_code(error),
        convert::Error::Cancelled => INTERRUPTED,
        _ => REFUSED,
    }
}

#[cfg(feature = "hub")]
fn fetch_code(error: &fetch::Error) -> u8 {
    match error {
        fetch::Error::Cancelled => INTERRUPTED,
        fetch::Error::Setting { .. } => USAGE,
        fetch::Error::Network { .. } | fetch::Error::Status { .. } | fetch::Error::Io { .. } => UNEXPECTED,
        _ => REFUSED,
    }
}

fn write_code(error: &write::Error) -> u8 {
    match error {
        write::Error::Merge(error) => merge_code(error),
        write::Error::Checkpoint(_) => REFUSED,
        write::Error::NoRoom { .. } | write::Error::Io { .. } => UNEXPECTED,
        _ => USAGE,
    }
}

fn merge_code(error: &merge::Error) -> u8 {
    match error {
        merge::Error::Cancelled => INTERRUPTED,
        merge::Error::Coefficients { .. } => USAGE,
        merge::Error::NonFinite { .. } | merge::Error::Overflow { .. } | merge::Error::CopiesDiffer { .. } => REFUSED,
        _ => UNEXPECTED,
    }
}

#[cfg(feature = "eval")]
fn encoder_code(error: &encoder::Error) -> u8 {
    use encoder::Error::{
        Cancelled, Compute, Device, MaxLength, NonFinite, NotBuilt, OutOfMemory, TruncateDim, UnknownDevice,
        UnknownPooling,
    };
    match error {
        Cancelled => INTERRUPTED,
        MaxLength { .. } | TruncateDim { .. } | UnknownDevice(_) | UnknownPooling(_) | NotBuilt { .. } => USAGE,
        NonFinite { .. } | OutOfMemory { .. } | Compute(_) | Device { .. } => EVALUATION,
        _ => REFUSED,
    }
}

/// A reader such as `head` that stops early is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(is)
}
