//! `sources`: soups of many checkpoints of a run.

use std::fs;
use std::path::Path;

use admix::RecipeBuilder;
use admix::recipe::Recipe;
use serde_json::Value;
use tempfile::TempDir;

use super::fault_table::{FAULT, Fault, check};
#[cfg(feature = "eval")]
use super::support::{Tensor, copy_folder, repository, safetensors};
use super::support::{admix, encoder, names, read_json, read_tensors, run, stderr, stdout_json, write_model};

/// The steps of the run, as a plain sort by name does not have them.
const STEPS: [u32; 7] = [100, 200, 300, 900, 1000, 1100, 2000];

/// numpy: `w = 0.8 ** np.arange(4, -1, -1.0); w / w.sum()`.
const DECAY: [f64; 5] = [
    0.121_846_739_647_786_79,
    0.152_308_424_559_733_48,
    0.190_385_530_699_666_82,
    0.237_981_913_374_583_55,
    0.297_477_391_718_229_4,
];

/// Writes the checkpoints of a run.
fn train(folder: &Path) {
    for step in STEPS {
        write_model(&folder.join(format!("checkpoints/step-{step}")), &encoder(step));
    }
}

/// A folder with the checkpoints of a run and a recipe.
fn soup(recipe: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path());
    fs::write(folder.path().join("recipe.yaml"), recipe).unwrap();
    folder
}

/// Holds that the merge is the weighted sum of some steps' checkpoints, computed in float64.
fn holds(out: &Path, steps: &[u32], weights: &[f64]) {
    assert_eq!(steps.len(), weights.len());
    let models: Vec<_> = steps.iter().map(|step| encoder(*step)).collect();
    for (name, found) in read_tensors(&out.join("model.safetensors")) {
        let values: Vec<Vec<f64>> = models.iter().map(|tensors| tensors[&name].values()).collect();
        let sum = |at: usize| values.iter().zip(weights).map(|(values, weight)| values[at] * weight).sum::<f64>();
        for (at, value) in found.values().into_iter().enumerate() {
            assert!((value - sum(at)).abs() < 1e-6, "{name}[{at}]: {value}, expected {}", sum(at));
        }
    }
}

fn folders(of: &Value) -> Vec<&str> {
    of["models"].as_array().unwrap().iter().map(|model| model["folder"].as_str().unwrap()).collect()
}

#[test]
fn weights_are_those_of_float64_for_every_window_and_decay() {
    for (keys, steps, weights) in [
        ("", &STEPS[..], &[1.0 / 7.0; 7][..]),
        ("window: 5\n", &STEPS[2..], &[0.2; 5][..]),
        ("window: 5\ndecay: 0.8\n", &STEPS[2..], &DECAY[..]),
        ("window: 2\ndecay: 0.5\n", &STEPS[5..], &[1.0 / 3.0, 2.0 / 3.0][..]),
        ("decay: 1\nwindow: 7\n", &STEPS[..], &[1.0 / 7.0; 7][..]),
        ("window: 1\n", &STEPS[6..], &[1.0][..]),
        ("window: 2\ndecay: 0.5\nparameters: {normalize: false}\n", &STEPS[5..], &[1.0 / 3.0, 2.0 / 3.0][..]),
    ] {
        let folder = soup(&format!("merge_method: linear\nsources: checkpoints/step-*\n{keys}"));
        run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
        holds(&folder.path().join("out"), steps, weights);
        let record = read_json(&folder.path().join("out/admix.json"));
        let expected: Vec<String> = steps.iter().map(|step| format!("checkpoints/step-{step}")).collect();
        assert_eq!(folders(&record["sources"]), expected, "{keys}");
        for (model, weight) in record["sources"]["models"].as_array().unwrap().iter().zip(weights) {
            assert!((model["weight"].as_f64().unwrap() - weight).abs() < 1e-15, "{keys}: {model}");
        }
    }
}

#[test]
fn plan_record_and_card_say_which_checkpoints_weigh_what() {
    let folder = soup("merge_method: linear\nsources: checkpoints/step-*\nwindow: 5\ndecay: 0.8\n");
    let shown = String::from_utf8(run(folder.path(), &["plan", "recipe.yaml"]).stdout).unwrap();
    let from = "from the last 5 of 7 checkpoints of checkpoints/step-*, weights decaying by 0.8\n";
    assert!(shown.contains(from), "{shown}");
    let lines = [
        "   0.1218  checkpoints/step-300\n",
        "   0.1523  checkpoints/step-900\n",
        "   0.1904  checkpoints/step-1000\n",
        "   0.2380  checkpoints/step-1100\n",
        "   0.2975  checkpoints/step-2000\n",
    ];
    let places: Vec<usize> = lines.iter().map(|line| shown.find(line).unwrap_or_else(|| panic!("{shown}"))).collect();
    assert!(places.is_sorted(), "{shown}");
    assert!(shown.contains("\nlinear of the 5 checkpoints to float32: normalize true\n"), "{shown}");
    let planned = stdout_json(&run(folder.path(), &["plan", "recipe.yaml", "--json"]));
    assert_eq!((&planned["sources"]["matched"], &planned["sources"]["window"]), (&7.into(), &5.into()));
    assert_eq!(planned["sources"]["decay"], 0.8);
    assert_eq!(planned["sources"]["models"][4]["weight"], DECAY[4]);
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
    let card = fs::read_to_string(folder.path().join("out/README.md")).unwrap();
    assert!(card.contains("step-300 (configuration and tokenizer): weight 0.1218\n"), "{card}");
    assert!(card.contains("step-2000: weight 0.2975\n"), "{card}");
    assert!(card.contains("`sources` chose the last 5 of 7 checkpoints"), "{card}");
}

#[test]
fn globs_begin_at_the_recipe_wherever_one_stands() {
    let folder = soup("");
    fs::create_dir_all(folder.path().join("recipes")).unwrap();
    let text = "merge_method: linear\nsources: [../checkpoints/step-?00, ../checkpoints/step-2000]\nwindow: 3\n";
    fs::write(folder.path().join("recipes/soup.yaml"), text).unwrap();
    // What lies where the glob would lead from the current folder is none of it.
    write_model(&folder.path().join("elsewhere/checkpoints/step-500"), &encoder(5));
    fs::create_dir_all(folder.path().join("elsewhere/here")).unwrap();
    let recipe = folder.path().join("recipes/soup.yaml");
    for (here, recipe) in
        [("", "recipes/soup.yaml"), ("recipes", "soup.yaml"), ("elsewhere/here", recipe.to_str().unwrap())]
    {
        let out = folder.path().join("out");
        run(&folder.path().join(here), &["merge", recipe, "-q", "--force", "-o", out.to_str().unwrap()]);
        holds(&out, &[300, 900, 2000], &[1.0 / 3.0; 3]);
    }
    // A glob from the current folder is no glob from the recipe's.
    fs::write(folder.path().join("recipes/wrong.yaml"), "merge_method: linear\nsources: checkpoints/step-*\n").unwrap();
    let wrong = admix(folder.path()).args(["plan", "recipes/wrong.yaml"]).output().unwrap();
    let said = stderr(&wrong);
    assert!(said.contains("nothing matches `checkpoints/step-*` in `recipes`, the recipe's folder"), "{said}");
    assert!(said.contains("hint: it is there from the current folder"), "{said}");
    // From stdin, the current folder is the recipe's.
    let text = "merge_method: linear\nsources: step-[12]000\n";
    let mut merge = admix(&folder.path().join("checkpoints"));
    let merged = merge.args(["merge", "-", "-q", "-o", "../piped"]).write_stdin(text).output().unwrap();
    assert!(merged.status.success(), "{}", stderr(&merged));
    holds(&folder.path().join("piped"), &[1000, 2000], &[0.5; 2]);
}

#[test]
fn documents_and_other_methods_have_sources_too() {
    let folder = soup(
        "name: tail\nmerge_method: linear\nsources: checkpoints/step-*\nwindow: 2\ndecay: 0.5\n---\n\
         merge_method: linear\nmodels:\n- {model: tail, parameters: {weight: 0.6}}\n\
         - {model: checkpoints/step-100, parameters: {weight: 0.4}}\ndtype: float32\n",
    );
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
    holds(&folder.path().join("out"), &[1100, 2000, 100], &[0.2, 0.4, 0.4]);
    let record = read_json(&folder.path().join("out/admix.json"));
    let tail = &record["documents"][0];
    assert_eq!(folders(&tail["sources"]), ["checkpoints/step-1100", "checkpoints/step-2000"]);
    assert!(record.get("sources").is_none());
    // The base is among the matches and is not merged with itself.
    let text =
        "merge_method: task_arithmetic\nbase_model: checkpoints/step-100\nsources: checkpoints/step-*\nwindow: 7\n";
    fs::write(folder.path().join("recipe.yaml"), text).unwrap();
    run(folder.path(), &["merge", "recipe.yaml", "-q", "--force", "-o", "out"]);
    holds(&folder.path().join("out"), &STEPS[1..], &[1.0 / 6.0; 6]);
    for method in ["karcher", "multislerp", "model_stock", "ties", "della"] {
        let needs_base = matches!(method, "model_stock" | "ties" | "della");
        let base = if needs_base { "base_model: checkpoints/step-100\n" } else { "" };
        let density = if matches!(method, "ties" | "della") { "parameters: {density: 0.5}\n" } else { "" };
        let list = |weight: &str| -> String {
            STEPS[4..]
                .iter()
                .map(|step| format!("- model: checkpoints/step-{step}\n{weight}"))
                .collect::<Vec<_>>()
                .concat()
        };
        let weight = if matches!(method, "karcher" | "model_stock") {
            String::new()
        } else {
            format!("  parameters: {{weight: {}}}\n", 1.0 / 3.0)
        };
        let listed = format!("merge_method: {method}\n{base}models:\n{}{density}", list(&weight));
        let soup = format!("merge_method: {method}\n{base}sources: checkpoints/step-*\nwindow: 3\n{density}");
        let merged = [listed, soup].map(|text| {
            fs::write(folder.path().join("recipe.yaml"), text).unwrap();
            run(folder.path(), &["merge", "recipe.yaml", "-q", "--force", "-o", "out"]);
            fs::read(folder.path().join("out/model.safetensors")).unwrap()
        });
        assert!(merged[0] == merged[1], "{method}");
    }
}

#[test]
fn variables_stand_for_window_and_decay() {
    let folder = soup("merge_method: linear\nsources: checkpoints/${name}-*\nwindow: ${last}\ndecay: ${decay}\n");
    let set = ["--set", "name=step", "--set", "last=2", "--set", "decay=0.5"];
    run(folder.path(), &[&["merge", "recipe.yaml", "-q", "-o", "out"][..], &set].concat());
    holds(&folder.path().join("out"), &STEPS[5..], &[1.0 / 3.0, 2.0 / 3.0]);
    let checked = admix(folder.path()).args(["check", "recipe.yaml"]).output().unwrap();
    assert!(stderr(&checked).contains("`${last}` has no value"), "{}", stderr(&checked));
    assert!(!stderr(&checked).contains("error"), "{}", stderr(&checked));
}

#[test]
fn names_that_are_odd_are_taken_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    for (name, seed) in [("step 9@x+y", 9), ("step 10${z}", 10), ("ste[p] 1", 11), (".step 8", 8)] {
        write_model(&folder.path().join("runs").join(name), &encoder(seed));
    }
    fs::write(folder.path().join("recipe.yaml"), "merge_method: linear\nsources: \"runs/step *\"\n").unwrap();
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
    holds(&folder.path().join("out"), &[9, 10], &[0.5; 2]);
    fs::write(folder.path().join("recipe.yaml"), "merge_method: linear\nsources: runs/ste[[]p] 1\n").unwrap();
    run(folder.path(), &["merge", "recipe.yaml", "-q", "--force", "-o", "out"]);
    holds(&folder.path().join("out"), &[11], &[1.0]);
}

/// A run and a recipe of it.
fn arrange(folder: &Path, recipe: &str) {
    train(folder);
    fs::write(folder.join("recipe.yaml"), recipe).unwrap();
}

const SOUP: Fault = Fault { code: 2, ..FAULT };

#[test]
fn what_sources_do_not_lead_to_is_refused_at_its_place() {
    check(
        &[
            Fault {
                name: "nothing matches",
                arrange: |folder| arrange(folder, "merge_method: linear\nsources: checkpoints/stpe-*\n"),
                says: &["nothing matches `checkpoints/stpe-*`", "recipe.yaml:2:10", "^^^^^^"],
                ..SOUP
            },
            Fault {
                name: "a folder that is not there",
                arrange: |folder| arrange(folder, "merge_method: linear\nsources:\n- checkpoints/step-*\n- last\n"),
                says: &["there is no folder `last`", "recipe.yaml:4:3"],
                ..SOUP
            },
            Fault {
                name: "a file",
                arrange: |folder| {
                    arrange(folder, "merge_method: linear\nsources: checkpoints/*\n");
                    fs::write(folder.join("checkpoints/trainer_state.json"), "{}").unwrap();
                },
                says: &[
                    "`checkpoints/trainer_state.json`, which is not a checkpoint: it is not a folder",
                    "recipe.yaml:2:10",
                ],
                hint: "step-[0-9]*",
                ..SOUP
            },
            Fault {
                name: "another folder",
                arrange: |folder| {
                    arrange(folder, "merge_method: linear\nsources: checkpoints/*\n");
                    fs::create_dir(folder.join("checkpoints/logs")).unwrap();
                },
                says: &["`checkpoints/logs`, which is not a checkpoint: it has no `config.json`", "recipe.yaml:2:10"],
                hint: "a glob that matches nothing but checkpoints",
                ..SOUP
            },
            Fault {
                name: "an adapter",
                arrange: |folder| {
                    arrange(folder, "merge_method: linear\nsources: checkpoints/*\n");
                    fs::create_dir(folder.join("checkpoints/lora")).unwrap();
                    fs::write(folder.join("checkpoints/lora/adapter_config.json"), "{}").unwrap();
                },
                says: &["`checkpoints/lora`", "it is an adapter, which `models` takes as `model: BASE+ADAPTER`"],
                hint: "glob",
                ..SOUP
            },
            Fault {
                name: "one folder twice",
                arrange: |folder| {
                    arrange(folder, "merge_method: linear\nsources: [checkpoints/step-*, checkpoints/step-900]\n");
                },
                says: &["the model `checkpoints/step-900` is listed twice", "recipe.yaml:2:31"],
                hint: "write globs that match each folder once",
                ..SOUP
            },
            Fault {
                name: "a glob of any depth",
                arrange: |folder| arrange(folder, "merge_method: linear\nsources: \"**/step-*\"\n"),
                says: &["`**/step-*` has `**`, which is not read", "recipe.yaml:2:10"],
                hint: "runs/*/step-*",
                ..SOUP
            },
            Fault {
                name: "braces",
                arrange: |folder| arrange(folder, "merge_method: linear\nsources: checkpoints/step-{1,2}00\n"),
                says: &["there is no folder `checkpoints/step-{1,2}00`"],
                hint: "write a list of globs",
                ..SOUP
            },
        ],
        || tempfile::tempdir().unwrap(),
    );
}

#[test]
fn a_link_to_a_checkpoint_that_is_matched_too_is_the_same_checkpoint() {
    let folder = soup("merge_method: linear\nsources: checkpoints/*\n");
    let link = folder.path().join("checkpoints/zz-last");
    std::os::unix::fs::symlink("step-2000", &link).unwrap();
    let merged = admix(folder.path()).args(["merge", "recipe.yaml", "-o", "out"]).output().unwrap();
    let said = stderr(&merged);
    assert_eq!(merged.status.code(), Some(2), "{said}");
    let twice = "the model `checkpoints/zz-last` is listed twice: it is `checkpoints/step-2000`";
    assert!(said.contains(twice) && said.contains("recipe.yaml:2:10"), "{said}");
    // One that leads to nothing is named, too.
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("step-3000", &link).unwrap();
    let merged = admix(folder.path()).args(["merge", "recipe.yaml", "-o", "out"]).output().unwrap();
    assert!(stderr(&merged).contains("it is a link to nothing"), "{}", stderr(&merged));
    assert_eq!(names(folder.path()), ["checkpoints", "recipe.yaml"]);
}

#[test]
fn window_and_decay_are_checked_at_their_place() {
    check(
        &[
            Fault {
                name: "a window larger than the run",
                arrange: |folder| arrange(folder, "merge_method: linear\nsources: checkpoints/step-*\nwindow: 8\n"),
                says: &["`window` asks for the last 8, and `sources` has 7 checkpoints", "recipe.yaml:3:9"],
                hint: "write `window: 7`, or leave it out to merge all",
                ..SOUP
            },
            Fault {
                name: "no whole number",
                arrange: |folder| arrange(folder, "merge_method: linear\nsources: checkpoints/step-*\nwindow: 2.5\n"),
                says: &["`window` must be a whole number between 1 and 1000, found `2.5`", "recipe.yaml:3:9"],
                ..SOUP
            },
            Fault {
                name: "a decay of 0",
                arrange: |folder| arrange(folder, "merge_method: linear\nsources: checkpoints/step-*\ndecay: 0\n"),
                says: &["`decay` must be above 0 and at most 1, found `0`", "recipe.yaml:3:8"],
                hint: "window: 1",
                ..SOUP
            },
            Fault {
                name: "a growth",
                arrange: |folder| arrange(folder, "merge_method: linear\nsources: checkpoints/step-*\ndecay: 1.2\n"),
                says: &["`decay` must be above 0 and at most 1, found `1.2`"],
                hint: "0.8 gives each checkpoint 0.8 times the weight of the next one",
                ..SOUP
            },
        ],
        || tempfile::tempdir().unwrap(),
    );
}

#[test]
fn keys_that_do_not_go_with_sources_are_refused_at_their_place() {
    check(
        &[
            Fault {
                name: "models beside them",
                arrange: |folder| {
                    let text =
                        "merge_method: linear\nmodels: [{model: checkpoints/step-100}]\nsources: checkpoints/step-*\n";
                    arrange(folder, text);
                },
                says: &["the recipe has both `sources` and `models`", "recipe.yaml:3:1"],
                hint: "keep `sources`",
                ..SOUP
            },
            Fault {
                name: "no sources",
                arrange: |folder| {
                    arrange(
                        folder,
                        "merge_method: slerp_chain\nmodels: [{model: checkpoints/step-100}]\nwindow: 2\nparameters: {t: 0.5}\n",
                    );
                },
                says: &["`window` goes with `sources`, which the recipe does not have", "recipe.yaml:3:1"],
                hint: "sources: checkpoints/step-*",
                ..SOUP
            },
            Fault {
                name: "a method without weights",
                arrange: |folder| arrange(folder, "merge_method: karcher\nsources: checkpoints/step-*\ndecay: 0.8\n"),
                says: &["`karcher` gives the models no weights, and `decay` has no meaning for it", "recipe.yaml:3:1"],
                hint: "leave `decay` out",
                ..SOUP
            },
            Fault {
                name: "weights of its own",
                arrange: |folder| {
                    let text =
                        "merge_method: linear\nsources: checkpoints/step-*\ndecay: 0.8\nparameters: {weight: 1}\n";
                    arrange(folder, text);
                },
                says: &["the recipe has both `decay` and a `weight`", "recipe.yaml:3:1"],
                hint: "leave the `weight` out",
                ..SOUP
            },
            Fault {
                name: "a base that is averaged in",
                arrange: |folder| {
                    write_model(&folder.join("base"), &encoder(1));
                    arrange(folder, "merge_method: linear\nbase_model: base\nsources: checkpoints/step-*\n");
                },
                says: &["`linear` averages its base in, and `sources` gives it no weight", "recipe.yaml:2:1"],
                hint: "leave `base_model` out",
                ..SOUP
            },
            Fault {
                name: "too many models",
                arrange: |folder| {
                    arrange(
                        folder,
                        "merge_method: slerp\nbase_model: checkpoints/step-100\nsources: checkpoints/step-*\nparameters: {t: 0.5}\n",
                    );
                },
                says: &["`slerp` merges ", "recipe.yaml:3:1"],
                hint: "base",
                ..SOUP
            },
            Fault {
                name: "models with parameters",
                arrange: |folder| arrange(folder, "merge_method: linear\nsources: [{model: checkpoints/step-100}]\n"),
                says: &["expected a glob or a folder, found a map", "recipe.yaml:2:11"],
                hint: "`models`",
                ..SOUP
            },
            Fault {
                name: "misplaced",
                arrange: |folder| {
                    arrange(folder, "merge_method: linear\nsources: checkpoints/step-*\nparameters: {decay: 0.8}\n");
                },
                says: &["`decay` belongs at the top of the recipe, not under `parameters`", "recipe.yaml:3:14"],
                hint: "beside `merge_method`",
                ..SOUP
            },
        ],
        || tempfile::tempdir().unwrap(),
    );
}

#[test]
fn a_text_without_a_file_has_no_folder_to_begin_at() {
    let none = &std::collections::BTreeMap::new();
    let text = "merge_method: linear\nsources: checkpoints/step-*\n";
    let error = Recipe::parse(text, "a text", none).unwrap_err();
    let message = "`checkpoints/step-*` is relative to the recipe's file, and this recipe is no file";
    assert_eq!(error.message(), message);
    assert_eq!(error.place().map(|place| (place.line, place.column)), Some((2, 10)));
    let folder = soup("");
    let text = format!("merge_method: linear\nsources: {}/checkpoints/step-*\nwindow: 3\n", folder.path().display());
    let recipe = Recipe::parse(&text, "a text", none).unwrap();
    assert_eq!(recipe.models().len(), 3);
    assert!(recipe.models()[0].path.ends_with("checkpoints/step-1000"));
    let built = RecipeBuilder::new("linear")
        .setting("sources", format!("{}/checkpoints/*", folder.path().display()))
        .setting("decay", 0.5)
        .build()
        .unwrap();
    assert_eq!(built.weighed().len(), 7);
}

#[test]
fn an_output_among_the_checkpoints_is_no_source_of_the_next_merge() {
    let folder = soup("merge_method: linear\nsources: checkpoints/*\n");
    let merge =
        || admix(folder.path()).args(["merge", "recipe.yaml", "--force", "-o", "checkpoints/soup"]).output().unwrap();
    assert!(merge().status.success());
    let again = merge();
    assert_eq!(again.status.code(), Some(2), "{}", stderr(&again));
    assert!(stderr(&again).contains("soup"), "{}", stderr(&again));
}

/// A run of six small retrievers and a data set.
#[cfg(feature = "eval")]
fn retrievers() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tiny = repository().join("fixtures/tiny");
    for (at, fixture) in ["base", "ko-ko", "ko-en"].iter().cycle().take(6).enumerate() {
        let checkpoint = folder.path().join(format!("checkpoints/step-{}", (at + 1) * 300));
        copy_folder(&tiny.join(fixture), &checkpoint);
        let weights = checkpoint.join("model.safetensors");
        let mut tensors = read_tensors(&weights);
        for (nth, tensor) in tensors.values_mut().enumerate() {
            let noise = Tensor::random(&tensor.shape, (at * 1000 + nth) as u32).values();
            let values: Vec<f64> = tensor.values().iter().zip(noise).map(|(a, b)| a + 0.05 * b).collect();
            *tensor = Tensor::floats(tensor.dtype, &tensor.shape, values);
        }
        fs::write(weights, safetensors(&tensors)).unwrap();
    }
    let words = folder.path().join("words");
    fs::create_dir(&words).unwrap();
    for language in ["en", "ko"] {
        let file = repository().join("fixtures/sets/weather").join(format!("weather.{language}"));
        let lines = fs::read_to_string(file).unwrap();
        let more = (0..4).flat_map(|copy| lines.lines().map(move |line| format!("{line} {copy}\n")));
        fs::write(words.join(format!("words.{language}")), more.collect::<String>()).unwrap();
    }
    folder
}

#[cfg(feature = "eval")]
#[test]
fn a_sweep_varies_window_and_decay_of_the_checkpoints_that_were_there_when_it_began() {
    let folder = retrievers();
    let here = folder.path();
    let sweep = "\
study: tail
recipe:
  merge_method: linear
  sources: checkpoints/step-*
  window: ${last}
  decay: ${decay}
params: {last: [2, 6], decay: [0.5, 1]}
baselines: [uniform]
data: {words: words}
objectives:
  there: {metric: ndcg@3, mean: [\"words:en-ko\"]}
  back: {metric: ndcg@3, mean: [\"words:ko-en\"]}
store: study
";
    fs::write(here.join("sweep.yaml"), sweep).unwrap();
    let table = String::from_utf8(run(here, &["sweep", "run", "sweep.yaml", "-q", "--all"]).stdout).unwrap();
    assert!(table.contains("5/5 trials") && table.contains("last=2 decay=0.5"), "{table}");
    // A point scores as the merge of its recipe does, wherever that lies.
    fs::create_dir_all(here.join("chosen/deep")).unwrap();
    run(here, &["sweep", "pick", "study", "--trial", "last=2 decay=0.5", "-o", "chosen/deep/recipe.yaml"]);
    run(here, &["merge", "chosen/deep/recipe.yaml", "-q", "-o", "out"]);
    let weights: Vec<f64> = read_json(&here.join("out/admix.json"))["sources"]["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["weight"].as_f64().unwrap())
        .collect();
    assert!(weights.len() == 2 && (weights[0] - 1.0 / 3.0).abs() < 1e-12, "{weights:?}");
    run(here, &["sweep", "export", "study", "--json", "study.json"]);
    let study = read_json(&here.join("study.json"));
    let trials = study["trials"].as_array().unwrap();
    let point = trials.iter().find(|trial| trial["label"] == "last=2 decay=0.5").unwrap();
    let scores = stdout_json(&run(here, &["score", "out", "--data", "words", "-m", "ndcg@3", "--json"]));
    for (objective, direction) in [("there", "en-ko"), ("back", "ko-en")] {
        let sets = scores["models"][0]["datasets"].as_array().unwrap();
        let set = sets.iter().find(|set| set["direction"] == direction).unwrap();
        assert_eq!(point["objectives"][objective]["value"], set["metrics"]["ndcg@3"], "{direction}");
    }
    // A checkpoint that training adds is none of the study's.
    copy_folder(&here.join("checkpoints/step-1800"), &here.join("checkpoints/step-2100"));
    let output = admix(here).args(["sweep", "run", "sweep.yaml", "-q"]).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("step-2100"), "{said}");
}

#[cfg(feature = "eval")]
#[test]
fn init_writes_a_greedy_soup_of_many_checkpoints() {
    let folder = retrievers();
    let here = folder.path();
    let checkpoints: Vec<String> =
        names(&here.join("checkpoints")).iter().map(|name| format!("checkpoints/{name}")).collect();
    let mut arguments = vec!["init"];
    arguments.extend(checkpoints.iter().map(String::as_str));
    arguments.extend(["--method", "linear", "--data", "words"]);
    run(here, &arguments);
    let sweep = fs::read_to_string(here.join("sweep.yaml")).unwrap();
    assert!(sweep.contains("  simplex: {of: [w1, w2, w3, w4, w5, w6]}\nsearch: {method: greedy}\n"), "{sweep}");
    fs::write(here.join("sweep.yaml"), format!("{sweep}store: study\n")).unwrap();
    run(here, &["sweep", "run", "sweep.yaml", "-q"]);
    run(here, &["sweep", "export", "study", "--json", "study.json"]);
    let study = read_json(&here.join("study.json"));
    let trials = study["trials"].as_array().unwrap();
    let weights = |trial: &Value| -> Vec<f64> {
        let label = trial["label"].as_str().unwrap();
        label.split(' ').filter_map(|part| part.split_once('=')?.1.parse().ok()).collect()
    };
    let mean = |trial: &Value| {
        let objectives = trial["objectives"].as_object().unwrap().values();
        objectives.map(|objective| objective["value"].as_f64().unwrap()).sum::<f64>() / 2.0
    };
    let members = |trial: &Value| weights(trial).iter().filter(|weight| **weight > 0.0).count();
    let points: Vec<&Value> = trials.iter().filter(|trial| weights(trial).len() == 6).collect();
    let (alone, soups): (Vec<&Value>, Vec<&Value>) = points.iter().partition(|trial| members(trial) == 1);
    assert_eq!((alone.len(), soups.len()), (6, 5), "{study:#}");
    // The rule again: what a soup takes in does not lower its score.
    let mut order: Vec<(usize, f64)> = alone
        .iter()
        .map(|trial| (weights(trial).iter().position(|weight| *weight > 0.0).unwrap(), mean(trial)))
        .collect();
    order.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    let (mut soup, mut best) = (vec![order[0].0], order[0].1);
    for (candidate, _) in &order[1..] {
        let with: Vec<usize> = soup.iter().copied().chain([*candidate]).collect();
        let is = |trial: &&&Value| {
            weights(trial).iter().enumerate().all(|(at, weight)| with.contains(&at) == (*weight > 0.0))
        };
        let tried = soups.iter().find(is).unwrap_or_else(|| panic!("{with:?} was not tried"));
        if mean(tried) >= best {
            (best, soup) = (mean(tried), with);
        }
    }
    // Each checkpoint is encoded once: a point that is one of them takes its scores.
    let done = names(&here.join("study/done")).into_iter().map(|name| read_json(&here.join("study/done").join(name)));
    assert_eq!(done.filter(|done| done["timings"]["encode"].as_f64() > Some(0.0)).count(), 6 + 5);
    run(here, &["sweep", "pick", "study", "--max", "words-en-ko", "-o", "soup.yaml"]);
    run(here, &["merge", "soup.yaml", "-q", "-o", "out"]);
}
