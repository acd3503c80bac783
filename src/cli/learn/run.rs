//! Runs `admix learn`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::ProgressBar;

use super::{Args, data, report};
use crate::cli::args::level;
use crate::cli::progress::{self, Counted};
use crate::cli::schema::{self, What};
use crate::cli::{output, render, run};
use crate::escape::{line, shell};
use crate::learn::{Event, Learned, Request, Settings, learn};
use crate::plan;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let is_stdout = args.output.as_os_str() == "-";
    if !is_stdout && !args.force && output::is_taken(&args.output) {
        return Err(output::exists(&args.output));
    }
    let cancel = run::interruption()?;
    let request = request(args)?;
    let state = request.state.clone();
    if let Some(folder) = state.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create `{}`", line(&folder.display().to_string())))?;
    }
    let bar = progress::bar(Counted::Rounds, 0, args.quiet || args.json);
    let learned = learn(&request, &cancel, &mut |event| show(&bar, event, args));
    bar.finish_and_clear();
    let learned = learned?;
    write(args, &learned)?;
    // What is complete needs no state to go on from.
    if let Some(state) = state {
        let _ = fs::remove_file(state);
    }
    if args.json {
        return render::print_json(&learned.to_json());
    }
    if !args.quiet {
        render::warn(&learned.warnings);
        render::say_page(&report::page(&learned, render::stderr_columns()));
        if !is_stdout {
            let recipe = shell(&args.output.display().to_string());
            render::say_command(&format!("next: admix merge {recipe} -o {}", output::free_name("merged", "")));
        }
    }
    Ok(())
}

fn request(args: &Args) -> anyhow::Result<Request> {
    let settings = Settings {
        by: args.by.clone(),
        parameters: args.parameter.clone(),
        freeze: args.freeze.clone(),
        rounds: args.rounds as usize,
        pairs: args.pairs as usize,
        tokens: args.tokens.map(|tokens| tokens as usize),
        temperature: args.temperature,
        reach: args.reach,
        guard: args.guard,
        regularisation: args.regularize,
        seed: args.seed,
        hold_out: args.hold_out,
    };
    Ok(Request {
        recipe: args.recipe.read()?,
        plan: plan::Options { allow: args.allow.accepted()?, ..plan::Options::default() },
        data: data::sets(&args.data, args)?,
        report: data::sets(&args.report, args)?,
        agreements: data::agreements(args)?,
        encoder: args.encoder.options(),
        prompts: args.prompts.given(),
        settings,
        state: state(args),
        level: level()?,
    })
}

/// The file that an interrupted run goes on from, beside the recipe.
fn state(args: &Args) -> Option<PathBuf> {
    let name = args.output.file_name().filter(|name| *name != "-" && !output::is_special(&args.output))?;
    Some(args.output.with_file_name(format!(".{}.learning", name.to_string_lossy())))
}

fn show(bar: &ProgressBar, event: &Event, args: &Args) {
    match event {
        Event::Scoring { what } => bar.set_message(format!("scoring {what}")),
        Event::Begun { coefficients, pairs, texts } => {
            bar.reset_eta();
            bar.set_message(format!("{coefficients} numbers, {pairs} pairs, {texts} texts"));
        }
        Event::Resumed { encoded, total } => {
            bar.set_length(*total as u64);
            bar.set_position(*encoded as u64);
            bar.reset_eta();
            if !args.quiet {
                bar.suspend(|| render::say(&format!("going on after {encoded} of {total} times")));
            }
        }
        Event::Encoded { encoded, total } => {
            bar.set_length(*total as u64);
            bar.set_position(*encoded as u64);
        }
        Event::Tried { reach, loss } => {
            if !args.quiet && !args.json {
                let text = format!("loss {loss:.4} on validation pairs with values moved by {reach} or less");
                bar.suspend(|| render::say(&text));
            }
        }
    }
}

fn write(args: &Args, learned: &Learned) -> anyhow::Result<()> {
    if args.output.as_os_str() == "-" {
        return if args.json { Ok(()) } else { render::print_file(&learned.recipe) };
    }
    schema::write_beside(&args.output, What::Recipe)?;
    let text = schema::modeline(What::Recipe) + &learned.recipe;
    output::write(&args.output, args.force, |out| Ok(out.write_all(text.as_bytes())?))
}
