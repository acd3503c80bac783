//! Collects every reference page of the manual.

use clap::Command;

use super::page::Page;
use super::{commands, keys, methods};

/// Every page that is generated from declarations.
pub(in crate::cli) fn pages(program: &Command) -> Vec<Page> {
    let mut pages = commands::pages(program);
    pages.push(Page { file: "methods.md".into(), text: methods::page() });
    pages.push(Page { file: "recipe-keys.md".into(), text: keys::recipe() });
    pages.push(Page { file: "sweep-keys.md".into(), text: keys::sweep() });
    pages.push(Page { file: "allow.md".into(), text: keys::allow() });
    #[cfg(feature = "eval")]
    pages.push(Page { file: "model-classes.md".into(), text: super::classes::page() });
    pages.push(Page { file: "mteb-tasks.md".into(), text: super::mteb_tasks::page() });
    for page in &mut pages {
        page.text.insert_str(0, NOTE);
    }
    pages
}

/// The first line of every page.
const NOTE: &str = "<!-- Made by `admix generate reference`; edit the declarations in src instead. -->\n\n";
