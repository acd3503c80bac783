//! Errors and warnings for people: one sentence, the place in the recipe, then hints.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anyhow::Context as _;

use crate::diagnose::{Diagnose, Diagnosis, ExitClass};
#[cfg(feature = "eval")]
use crate::encoder;
use crate::escape::{Page, aligned, is_hidden, json, line, text, wrapped};
#[cfg(feature = "hub")]
use crate::fetch;
#[cfg(feature = "eval")]
use crate::learn;
use crate::recipe::{self, Place};
#[cfg(feature = "eval")]
use crate::regmean;
use crate::{checkpoint, convert, eval, merge, plan, sweep, write};

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

impl Diagnose for Usage {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }

    fn exit_class(&self) -> ExitClass {
        ExitClass::Usage
    }
}

/// Finds the error types of the library, and this program's own, behind an error of any type.
macro_rules! known {
    ($($(#[$if:meta])? $error:ty),* $(,)?) => {
        fn known<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e dyn Diagnose> {
            $(
                $(#[$if])?
                if let Some(error) = error.downcast_ref::<$error>() {
                    return Some(error);
                }
            )*
            None
        }
    };
}

known! {
    Usage,
    recipe::Error,
    plan::Error,
    plan::Errors,
    checkpoint::Error,
    convert::Error,
    merge::Error,
    write::Error,
    eval::Error,
    eval::data::Error,
    eval::MetricError,
    sweep::Error,
    #[cfg(feature = "hub")]
    fetch::Error,
    #[cfg(feature = "eval")]
    eval::ScoreError,
    #[cfg(feature = "eval")]
    encoder::Error,
    #[cfg(feature = "eval")]
    learn::Error,
    #[cfg(feature = "eval")]
    regmean::Error,
}

/// Prints the error to stderr and gives the exit code that belongs to it.
pub(super) fn report(error: &anyhow::Error) -> u8 {
    if is_broken_pipe(error) {
        return 0;
    }
    let known = || error.chain().filter_map(known);
    if let Some(faults) = known().map(Diagnose::diagnoses).find(|faults| faults.len() > 1) {
        faults.iter().for_each(show);
        return faults.iter().map(Diagnosis::code).max().unwrap_or_default();
    }
    let unexpected = || Diagnosis::error(ExitClass::Unexpected, String::new());
    let shown = Diagnosis { message: message(error), ..known().next().map_or_else(unexpected, Diagnosis::of) };
    show(&shown);
    shown.code()
}

/// Prints a fault or warning to stderr.
pub(super) fn show(shown: &Diagnosis) {
    let level = if shown.is_warning() { Level::WARNING } else { Level::ERROR };
    let _ = writeln!(stderr(), "{}", snippet(level, &shown.message, shown.place.as_ref()));
    for hint in shown.hint.iter().flat_map(|hint| hint.lines()) {
        let _ = writeln!(stderr(), "{}", in_terminal(&format!("hint: {}", line(hint)), terminal_width(&stderr())));
    }
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
pub(super) fn usage(error: &clap::Error) -> u8 {
    let said = error.to_string();
    let code = if error.use_stderr() { ExitClass::Usage.code() } else { 0 };
    if said != text(&said) {
        let _ = write!(stderr(), "{}", text(&said));
        return code;
    }
    let printed = error.print().and_then(|()| stdout().flush());
    match printed.context("cannot write to stdout") {
        Err(error) if code == 0 => report(&error),
        _ => code,
    }
}

/// Prints warnings to stderr.
pub(super) fn warn<'a>(warnings: impl IntoIterator<Item = &'a String>) {
    for warning in warnings {
        let _ = writeln!(stderr(), "{}", snippet(Level::WARNING, warning, None));
    }
}

/// Prints a line for the user on stderr.
pub(super) fn say(text: &str) {
    let _ = writeln!(stderr(), "{}", in_terminal(&line(text), terminal_width(&stderr())));
}

/// Says a command to copy, on one line of stderr.
pub(super) fn say_command(text: &str) {
    let _ = writeln!(stderr(), "{}", line(text));
}

/// The columns of the terminal that stderr is.
pub(super) fn stderr_columns() -> Option<usize> {
    terminal_width(&stderr())
}

/// A line as the terminal takes it.
fn in_terminal(text: &str, columns: Option<usize>) -> String {
    columns.map_or_else(|| text.to_owned(), |columns| wrapped(text, columns))
}

/// The columns of the terminal that stdout is; `None` where it is none, and what is printed is data.
pub(super) fn columns() -> Option<usize> {
    terminal_width(&stdout())
}

/// The columns of a terminal: what it says of itself, or else `COLUMNS`.
#[cfg(unix)]
fn terminal_width(stream: &(impl std::io::IsTerminal + std::os::fd::AsFd)) -> Option<usize> {
    if !stream.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col));
    let named = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    size.filter(|columns| *columns > 0).or_else(named).filter(|columns| *columns > 0)
}

#[cfg(not(unix))]
fn terminal_width(_: &impl std::io::IsTerminal) -> Option<usize> {
    None
}

/// Prints lines for the user on stderr.
#[cfg(feature = "eval")]
pub(super) fn say_page(page: &Page) {
    let _ = write!(stderr(), "{}", page.within(terminal_width(&stderr())));
}

/// Prints data to stdout. A reader that has gone away ends the program quietly.
pub(super) fn print(page: &Page) -> anyhow::Result<()> {
    write_stdout(&page.within(columns()))
}

/// Prints a generated file to stdout. What strangers wrote is spelt in it as the file's form asks. Control characters, which no
/// such file needs, are no part of it; on a terminal nothing hidden is.
pub(super) fn print_file(text: &str) -> anyhow::Result<()> {
    let terminal = stdout().is_terminal();
    let acts = |c: char| (c.is_control() || (terminal && is_hidden(c))) && !matches!(c, '\n' | '\t');
    if !text.contains(acts) {
        return write_stdout(text);
    }
    write_stdout(&text.chars().map(|c| if acts(c) { line(&c.to_string()) } else { c.to_string() }).collect::<String>())
}

fn write_stdout(text: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write to stdout")
}

/// Clears the terminal.
#[cfg(feature = "eval")]
pub(super) fn clear() -> anyhow::Result<()> {
    write_stdout("\x1b[2J\x1b[H")
}

/// Prints JSON to stdout, on one line.
#[cfg(feature = "eval")]
pub(super) fn print_json_line(value: &serde_json::Value) -> anyhow::Result<()> {
    write_stdout(&format!("{}\n", json(value, false)))
}

/// Prints JSON to stdout.
pub(super) fn print_json(value: &serde_json::Value) -> anyhow::Result<()> {
    write_stdout(&format!("{}\n", json(value, true)))
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

/// A reader such as `head` that stops early is not an error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(is)
}
