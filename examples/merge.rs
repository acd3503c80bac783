//! Merges retrievers in three ways: by weights, by a method with parameters, and by a recipe file.
//!
//! `cargo run --example merge` writes to `target/merge`.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "an example shows what it does")]

use std::path::Path;

use admix::{Cancel, Diagnose, Error, Merge};

/// Merges the models in `fixtures` into folders in `out`, and gives one line a merge.
///
/// # Panics
/// Where what the example shows does not hold.
pub fn run(fixtures: &Path, out: &Path) -> Result<Vec<String>, Error> {
    let model = |name: &str| fixtures.join("retrievers").join(name);
    let mut said = Vec::new();

    // The commonest merge: a weighted average. The folder that it writes is a model folder like those it was made from, with
    // tokenizer, pooling and a model card, and it appears when it is complete.
    let merged = Merge::linear([(model("base"), 0.4), (model("cross-ko-en"), 0.6)])
        .force() // Replaces what an earlier run has written.
        .write(out.join("linear"))?;
    said.push(format!("{} tensors in {}", merged.report.tensors, merged.path.display()));

    // Other methods have constructors, too, or are called by their names. Parameters have the names that recipes give them.
    let models = [(model("mono-ko"), 0.5), (model("mono-en"), 0.5)];
    let merged = Merge::ties(model("base"), models)
        .density(0.2)
        .parameter("lambda", 0.9)
        .progress(|progress| assert!(progress.done <= progress.total)) // Here a bar would move.
        .force()
        .write(out.join("ties"))?;
    said.push(format!("{} tensors in {}", merged.report.tensors, merged.path.display()));

    // A recipe file is read as the command line reads it. `set` gives its variables their values.
    let recipe = out.join("recipe.yaml");
    let text = "merge_method: slerp\nbase_model: BASE\nmodels: [{model: OTHER}]\nparameters: {t: \"${t}\"}\n";
    let text = text.replace("BASE", &quoted(&model("base"))).replace("OTHER", &quoted(&model("mono-ko")));
    std::fs::write(&recipe, text).expect("the output folder takes a file");
    let merged = Merge::recipe(&recipe).set("t", 0.3).force().write(out.join("slerp"))?;
    said.push(format!("{} tensors in {}", merged.report.tensors, merged.path.display()));

    // What is wrong is said before a tensor is read, with a hint where there is one.
    let error = Merge::linear([(model("base"), 1.0)]).setting("dtyp", "float16").plan().expect_err("a typing error");
    said.push(format!("{error} ({})", error.hint().unwrap_or_default()));

    // A token ends a merge from elsewhere: another thread, or a signal. Nothing is left of the output then.
    let cancel = Cancel::new();
    cancel.cancel();
    let error =
        Merge::linear([(model("base"), 1.0)]).cancel(&cancel).write(out.join("never")).expect_err("it was ended");
    said.push(error.to_string());
    Ok(said)
}

/// A path as YAML takes it, whatever characters it has.
fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

fn main() -> Result<(), Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = root.join("target/merge");
    std::fs::create_dir_all(&out).expect("the target folder takes another");
    for line in run(&root.join("fixtures"), &out)? {
        println!("{line}");
    }
    Ok(())
}
