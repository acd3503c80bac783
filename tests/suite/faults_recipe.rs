//! Recipes that are refused: exit code 2, with line and column, and nothing is written.

use std::fs;
use std::path::Path;

use super::fault_table::{FAULT, Fault, check};
use super::support::{LINEAR, pair, stderr};

fn recipe(folder: &Path, text: &str) {
    fs::write(folder.join("recipe.yaml"), text).unwrap();
}

/// The linear recipe with one text put in place of another.
fn changed(folder: &Path, from: &str, to: &str) {
    assert!(LINEAR.contains(from));
    recipe(folder, &LINEAR.replacen(from, to, 1));
}

/// A recipe of `ties` with that density.
fn ties(folder: &Path, density: &str) {
    let text =
        "merge_method: ties\nbase_model: a\nmodels:\n  - model: b\n    parameters:\n      weight: 1\n      density: ";
    recipe(folder, &format!("{text}{density}\n"));
}

/// A recipe of `della` with those parameters of its model.
fn della(folder: &Path, parameters: &str) {
    let text = "merge_method: della\nbase_model: a\nmodels:\n  - model: b\n    parameters:\n      weight: 1\n";
    recipe(folder, &format!("{text}{parameters}"));
}

const RECIPE: Fault = Fault { code: 2, ..FAULT };

#[test]
fn texts_that_are_no_recipe_are_refused_at_their_place() {
    check(
        &[
            Fault {
                name: "syntax error",
                arrange: |folder| changed(folder, "  - model: b", "  - model: [b"),
                says: &["recipe.yaml:"],
                ..RECIPE
            },
            Fault {
                name: "bad indentation",
                arrange: |folder| changed(folder, "    parameters:", "   parameters:"),
                says: &["recipe.yaml:4:4"],
                ..RECIPE
            },
            Fault {
                name: "empty",
                arrange: |folder| recipe(folder, ""),
                says: &["empty"],
                hint: "merge_method",
                ..RECIPE
            },
            Fault {
                name: "no file",
                arrange: |folder| fs::remove_file(folder.join("recipe.yaml")).unwrap(),
                says: &["cannot read the recipe recipe.yaml"],
                hint: "path",
                ..RECIPE
            },
            Fault {
                name: "no text",
                arrange: |folder| fs::write(folder.join("recipe.yaml"), b"merge_method: \xff\n").unwrap(),
                says: &["recipe.yaml is not UTF-8"],
                ..RECIPE
            },
            Fault {
                name: "unknown key",
                arrange: |folder| changed(folder, "models:", "model:"),
                says: &["`model`", "recipe.yaml:2:1"],
                hint: "`models`",
                ..RECIPE
            },
            Fault {
                name: "unknown key of a model",
                arrange: |folder| changed(folder, "    parameters:", "    parametres:"),
                says: &["`parametres`", "recipe.yaml:4:5"],
                hint: "`parameters`",
                ..RECIPE
            },
            Fault {
                name: "unknown parameter",
                arrange: |folder| changed(folder, "weight: 0.5", "wieght: 0.5"),
                says: &["`wieght`", "recipe.yaml:5:7"],
                hint: "did you mean `weight`?",
                ..RECIPE
            },
            Fault {
                name: "unknown method",
                arrange: |folder| changed(folder, "linear", "linaer"),
                says: &["unknown merge method `linaer`", "recipe.yaml:1:15"],
                hint: "did you mean `linear`?",
                ..RECIPE
            },
            Fault {
                name: "modules beside models",
                arrange: |folder| recipe(folder, &format!("{LINEAR}modules: {{text: {{}}}}\n")),
                says: &["the recipe has both `modules` and `models`", "the module has no `models`", "recipe.yaml:2:1"],
                hint: "leave `modules` out",
                ..RECIPE
            },
            Fault {
                name: "chat template that is none",
                arrange: |folder| recipe(folder, &format!("{LINEAR}chat_template: chat-ml\n")),
                says: &["`chat-ml` is no Jinja text, which has a `{`, nor the name of a template", "recipe.yaml:9:16"],
                hint: "`alpaca`, `chatml`, `exaone`, `llama3` and `mistral`",
                ..RECIPE
            },
            Fault {
                name: "variable without a value",
                arrange: |folder| changed(folder, "0.5", "${ratio}"),
                says: &["`${ratio}` has no value", "recipe.yaml:5:15"],
                hint: "--set ratio=",
                ..RECIPE
            },
        ],
        pair,
    );
}

#[test]
fn settings_that_do_not_go_together_are_refused_at_their_place() {
    check(
        &[
            Fault {
                name: "epsilon too large for the density",
                arrange: |folder| della(folder, "      density: 0.4\n      epsilon: [0.1, 0.45]\n"),
                says: &["must lie between 0 and 1, found 0.4 and 0.45", "recipe.yaml:8:16"],
                hint: "`epsilon` must be below 0.4",
                ..RECIPE
            },
            Fault {
                name: "density too large for the epsilon that is the default",
                arrange: |folder| della(folder, "      density: 0.9\n"),
                says: &["found 0.9 and 0.15", "recipe.yaml:7:16"],
                hint: "`epsilon` must be below 0.1",
                ..RECIPE
            },
        ],
        pair,
    );
}

#[test]
fn settings_that_make_no_sense_are_refused_at_their_place() {
    check(
        &[
            Fault {
                name: "missing parameter of a model",
                arrange: |folder| changed(folder, "    parameters:\n      weight: 0.5\n", ""),
                says: &["missing parameter `weight` for the model `a`"],
                hint: "parameters: {weight:",
                ..RECIPE
            },
            Fault {
                name: "missing shared parameter",
                arrange: |folder| recipe(folder, "merge_method: slerp\nbase_model: a\nmodels: [{model: b}]\n"),
                says: &["missing parameter `t`", "recipe.yaml:1:15"],
                hint: "parameters: {t:",
                ..RECIPE
            },
            Fault {
                name: "slerp of three",
                arrange: |folder| {
                    let text = "merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}, {model: c}]\nparameters: {t: 0.5}\n";
                    recipe(folder, text);
                },
                says: &["`slerp` merges exactly 1 model besides its base, found 2", "recipe.yaml:3:1"],
                hint: "the base is `a`",
                ..RECIPE
            },
            Fault {
                name: "no base",
                arrange: |folder| recipe(folder, "merge_method: ties\nmodels: [{model: b}]\nparameters: {weight: 1}\n"),
                says: &["`ties` needs a `base_model`"],
                hint: "base_model: FOLDER",
                ..RECIPE
            },
            Fault {
                name: "model listed twice",
                arrange: |folder| changed(folder, "model: b", "model: a"),
                says: &["`a` is listed twice", "recipe.yaml:6:12"],
                hint: "once",
                ..RECIPE
            },
            Fault {
                name: "negative density",
                arrange: |folder| ties(folder, "-0.1"),
                says: &["`density` must be between 0 and 1, found `-0.1`", "recipe.yaml:7:16"],
                ..RECIPE
            },
            Fault {
                name: "density above 1",
                arrange: |folder| ties(folder, "1.5"),
                says: &["`density` must be between 0 and 1, found `1.5`", "recipe.yaml:7:16"],
                ..RECIPE
            },
            Fault {
                name: "NaN",
                arrange: |folder| changed(folder, "0.5", ".nan"),
                says: &["`weight` must be a finite number", "recipe.yaml:5:15"],
                ..RECIPE
            },
            Fault {
                name: "infinity",
                arrange: |folder| changed(folder, "0.5", ".inf"),
                says: &["`weight` must be a finite number", "recipe.yaml:5:15"],
                ..RECIPE
            },
            Fault {
                name: "a word for a number",
                arrange: |folder| changed(folder, "0.5", "half"),
                says: &["`weight` must be a number", "recipe.yaml:5:15"],
                ..RECIPE
            },
            Fault {
                name: "weights that sum to zero",
                arrange: |folder| changed(folder, "0.5", "-0.5"),
                says: &["the weights sum to zero", "recipe.yaml:5:15"],
                hint: "`normalize: false`",
                ..RECIPE
            },
            Fault {
                name: "layers that no model has",
                arrange: |folder| {
                    let text = "merge_method: passthrough\nslices: [{sources: [{model: a, layer_range: [1, 3]}]}]\n";
                    recipe(folder, text);
                },
                says: &["layers 1 to 3 are asked of `a`, which has 2", "recipe.yaml:2:"],
                ..RECIPE
            },
        ],
        pair,
    );
}

#[test]
fn a_misused_command_line_is_refused() {
    let folder = pair();
    for (arguments, says) in [
        (&["merge", "recipe.yaml"][..], "no folder to write is given"),
        (&["merge", "recipe.yaml", "-o", "out", "--allow", "everything"], "invalid value 'everything' for '--allow"),
        (&["merge", "recipe.yaml", "-o", "out", "--shard-size", "5 apples"], "apples"),
        (&["merge", "recipe.yaml", "-o", "out", "--dtype", "int8"], "float16, bfloat16, float32 or float64"),
        (&["merge", "recipe.yaml", "-o", "out", "--set", "ratio"], "NAME=VALUE"),
        (&["merge", "recipe.yaml", "out", "-o", "out"], "cannot be used with"),
        (&["blend", "a=x", "b", "-o", "out"], "not a number"),
        (&["blend", "a", "b", "--method", "mean", "-o", "out"], "invalid value 'mean' for '--method"),
        (&["blend", "b", "--method", "ties", "--base", "a", "--param", "density=2", "-o", "out"], "between 0 and 1"),
        (&["blend", "a", "b", "c", "--method", "ties", "-o", "out"], "`--base FOLDER`"),
        (&["frobnicate"], "frobnicate"),
    ] {
        let refused = super::support::admix(folder.path()).args(arguments).assert().code(2);
        let said = stderr(refused.get_output());
        assert!(said.contains(says), "{arguments:?}: {said}");
        assert_eq!(super::support::names(folder.path()), ["a", "b", "recipe.yaml"], "{arguments:?}");
    }
}
