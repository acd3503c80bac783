//! Looks for the best ratio of a fine-tuned retriever and its base, and merges at it.
//!
//! `cargo run --example sweep` writes to `target/sweep`.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "an example shows what it does")]

use std::path::Path;

use admix::{Error, Merge, Sweep};

/// A recipe with a variable, the values to try, and what is to be good. `FIXTURES` stands for a folder.
const SWEEP: &str = "\
study: ko-en
recipe:
  merge_method: task_arithmetic
  base_model: FIXTURES/retrievers/base
  models:
    - model: FIXTURES/retrievers/cross-ko-en
      parameters: {weight: \"${w}\"}
params:
  w: {min: 0, max: 1, step: 0.5}
data:
  ko-ko: {path: FIXTURES/bilingual/ko-ko}
  ko-en: {path: FIXTURES/bilingual/ko-en}
objectives:
  mono: {metric: ndcg@10, mean: [ko-ko]}
  cross: {metric: ndcg@10, mean: [ko-en]}
select: {split: dev}
store: study
";

/// Sweeps in the folder `out`, and gives the best point and where it was merged to.
///
/// # Panics
/// Where what the example shows does not hold.
pub fn run(fixtures: &Path, out: &Path) -> Result<Vec<String>, Error> {
    let file = out.join("sweep.yaml");
    std::fs::write(&file, SWEEP.replace("FIXTURES", &fixtures.display().to_string())).expect("the folder takes a file");

    // Every trial is merged in memory and scored. Results are kept in the study's folder: the same sweep goes on where it
    // stopped, and other programs may work on the study beside this one.
    let report = Sweep::file(&file)
        .store(out.join("study"))
        .progress(|progress| assert!(progress.done <= progress.total)) // Here a bar would move.
        .run()?;
    let mut said = vec![format!("{} trials", report.analysis.rows.len())];

    // The best point on one objective, among those that lose at most a tenth on the other.
    let best = report.best("cross", &["mono >= -10%"])?;
    said.push(format!("best: {}, mono {:.4}, cross {:.4}", best.trial.label, best.objectives[0], best.objectives[1]));

    // Its recipe, merged as any other.
    let merged = Merge::of(report.recipe(best)?).force().write(out.join("merged"))?;
    said.push(format!("merged to {}", merged.path.display()));
    Ok(said)
}

fn main() -> Result<(), Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = root.join("target/sweep");
    std::fs::create_dir_all(&out).expect("the target folder takes another");
    for line in run(&root.join("fixtures"), &out)? {
        println!("{line}");
    }
    Ok(())
}
