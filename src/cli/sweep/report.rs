//! `admix sweep report`

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::export::write_text;
use super::finish;
use super::location::StudyArgs;
use crate::cli::render;
use crate::report::{Size, Texts, contour, curve, heat, page, scatter, standalone, ternary, timeline};
use crate::sweep::file::Selection;
use crate::sweep::{Analysis, Depth, Preference, Study, TrialStage, load, recommend};

/// Show the results of a study: a table, an HTML file, figures
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The HTML file holds everything and needs no network.

Examples:
  admix sweep report studies/ko-en
  admix sweep report studies/ko-en -o report.html --svg figures
  admix sweep report studies/ko-en --json | jq .recommendation")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,

    /// HTML file to write
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Folder to write figures into, as SVG
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,

    /// Show trials that others beat, too
    #[arg(long)]
    all: bool,

    /// Print for programs, in place of the table
    #[arg(long, conflicts_with_all = ["all", "output", "svg"])]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let study = args.study.open()?;
    if args.json {
        return finish::show_json(&study);
    }
    if args.output.is_none() && args.svg.is_none() {
        return finish::show(&study, args.all);
    }
    let full = Analysis::read(&study, TrialStage::Full, Depth::Intervals)?;
    let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Intervals)?;
    if let Some(path) = &args.output {
        write_text(path, &page(&study, &full, &confirmed, &texts(&study))?)?;
    }
    if let Some(folder) = &args.svg {
        figures(&study, &full, &confirmed, folder)?;
    }
    Ok(())
}

/// The texts of all queries, as far as the data sets are still there.
fn texts(study: &Study) -> Texts {
    let spec = &study.manifest.spec;
    let selections: Vec<&Selection> = std::iter::once(&spec.select).chain(&spec.report).collect();
    let mut texts = Texts::new();
    for selection in selections {
        match load(&spec.data, selection) {
            Ok(sets) => {
                for loaded in sets {
                    let label = &loaded.label;
                    texts.extend(loaded.set.queries.into_iter().map(|query| ((label.clone(), query.id), query.text)));
                }
            }
            Err(error) => render::warn([&format!("the report has no texts of queries: {error}")]),
        }
    }
    texts
}

fn figures(study: &Study, full: &Analysis, confirmed: &Analysis, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let found = recommend(study, full, confirmed, &Preference::default())?;
    let pick = found.as_ref().ok().map(|found| found.row.trial.id.as_str());
    let mut all = vec![
        ("front.svg".to_owned(), scatter(study, full, (0, 1), pick, Size::Wide)),
        ("data.svg".to_owned(), heat(study, full, Size::Wide)),
    ];
    for (analysis, name) in [(full, "curve.svg"), (confirmed, "curve-held-out.svg")] {
        let figure = curve(study, analysis, &[full, confirmed], pick, Size::Wide);
        all.extend(figure.map(|figure| (name.to_owned(), figure)));
    }
    for (index, objective) in study.manifest.spec.objectives.iter().enumerate() {
        let name: String =
            objective.name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
        all.extend(contour(study, full, index, pick, Size::Wide).map(|figure| (format!("contour-{name}.svg"), figure)));
        all.extend(ternary(study, full, index, pick, Size::Wide).map(|figure| (format!("ternary-{name}.svg"), figure)));
    }
    all.extend(timeline(&[full, confirmed], Size::Wide).map(|figure| ("time.svg".to_owned(), figure)));
    for (name, figure) in all {
        write_text(&folder.join(name), &standalone(&figure))?;
    }
    Ok(())
}
