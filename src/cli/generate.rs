//! `admix generate`: shell completions, man pages and the manual's reference, made from the declarations.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Command;
use clap_complete::Shell;

use super::{reference, render};

/// Print shell completions or man pages, or write the manual's reference
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix generate completions bash > ~/.local/share/bash-completion/completions/admix
  admix generate completions zsh > ~/.zfunc/_admix
  admix generate completions fish > ~/.config/fish/completions/admix.fish
  admix generate man -o ~/.local/share/man/man1")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Print completions for a shell
    #[command(after_help = "\
Examples:
  admix generate completions bash > ~/.local/share/bash-completion/completions/admix
  admix generate completions zsh > ~/.zfunc/_admix
  admix generate completions fish > ~/.config/fish/completions/admix.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the man page, or write one a command
    #[command(after_help = "\
Examples:
  admix generate man | man -l -
  admix generate man -o ~/.local/share/man/man1")]
    Man {
        /// Folder to write a page of each command into
        #[arg(short, long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Write the reference pages of the manual: commands, methods, keys of recipes and sweep files
    #[command(after_help = "\
Examples:
  admix generate reference -o docs/src/reference")]
    Reference {
        /// Folder to write the pages into
        #[arg(short, long, value_name = "DIR")]
        out: PathBuf,
    },
}

pub(super) fn run(args: &Args, mut program: Command) -> anyhow::Result<()> {
    match &args.what {
        What::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut program, "admix", &mut script);
            render::print_file(&String::from_utf8_lossy(&script))
        }
        What::Man { out: Some(folder) } => std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(program, folder))
            .with_context(|| format!("cannot write man pages into `{}`", folder.display())),
        What::Reference { out } => reference::pages(&program).iter().try_for_each(|page| {
            let path = out.join(&page.file);
            let folder = path.parent().unwrap_or(out);
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(&path, &page.text))
                .with_context(|| format!("cannot write `{}`", path.display()))
        }),
        What::Man { out: None } => {
            let mut page = Vec::new();
            clap_mangen::Man::new(program).render(&mut page).context("cannot make the man page")?;
            render::print_file(&String::from_utf8_lossy(&page))
        }
    }
}
