//! Whose settings of use a merge has: modules, pooling, prompts, similarity, the longest input.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{
    Tensors, admix, copy_folder, distance, edit_json, names, read_json, read_tensors, repository, run, stderr,
    stdout_json, tolerance,
};

/// A folder with copies of the models in tests/goldens/settings.
fn models() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&repository().join("tests/goldens/settings"), folder.path());
    folder
}

/// The recipe whose merge sentence-transformers was asked about.
const MERGE: &str = "\
merge_method: task_arithmetic
base_model: bert
models:
  - {model: one, parameters: {weight: 0.6}}
  - {model: other, parameters: {weight: 0.3}}
";

/// Merges a recipe into `out` and gives what it says.
fn merge(folder: &Path, recipe: &str, more: &[&str]) -> String {
    fs::write(folder.join("recipe.yaml"), recipe).unwrap();
    let arguments = [&["merge", "recipe.yaml", "-o", "out", "--force", "--no-sync"], more].concat();
    stderr(&run(folder, &arguments))
}

/// The error of a recipe that is refused: exit code, and what it says.
fn refused(folder: &Path, recipe: &str, more: &[&str]) -> (i32, String) {
    fs::write(folder.join("recipe.yaml"), recipe).unwrap();
    let output = admix(folder).args(["merge", "recipe.yaml", "-o", "refused"]).args(more).output().unwrap();
    assert!(!folder.join("refused").exists());
    (output.status.code().unwrap(), stderr(&output))
}

/// The modules, prompts and longest input that a folder states.
fn stated(folder: &Path) -> (Vec<String>, Value, Value, Value) {
    let modules = read_json(&folder.join("modules.json"));
    let kinds = modules.as_array().unwrap().iter();
    let kinds = kinds.map(|module| module["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned()).collect();
    let overall = read_json(&folder.join("config_sentence_transformers.json"));
    let pooling = read_json(&folder.join("1_Pooling/config.json"))["pooling_mode"].clone();
    let inspected = stdout_json(&run(folder.parent().unwrap(), &["inspect", folder.to_str().unwrap(), "--json"]));
    (kinds, overall["prompts"].clone(), pooling, inspected["max_seq_length"].clone())
}

/// Holds that a folder embeds the golden texts as sentence-transformers did, with each prompt and without.
#[cfg(feature = "eval")]
fn embeds_as(folder: &Path, model: &str, expected: &str) {
    let texts: Vec<String> = serde_json::from_value(read_json(&folder.join("texts.json"))).unwrap();
    let goldens = read_tensors(&folder.join("expected.safetensors"));
    for (name, prompt) in [("plain", ["--prompt", ""]), ("query", ["--prompt-name", "query"])] {
        let arguments = ["embed", model, "-q", "--force", "-o", "embeddings.safetensors"];
        let output = admix(folder).args(arguments).args(prompt).write_stdin(texts.join("\n") + "\n").output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let found = &read_tensors(&folder.join("embeddings.safetensors"))["embeddings"];
        let difference = distance(found, &goldens[&format!("{expected}.{name}")]);
        assert!(difference < 0.3 * f64::from(tolerance()), "{expected}, {name}: {difference:.1e}");
    }
}

#[cfg(not(feature = "eval"))]
fn embeds_as(_: &Path, _: &str, _: &str) {}

/// Moves the transformer of a model into `0_Transformer`, as older versions of sentence-transformers save it.
fn to_old_layout(model: &Path) {
    let inner = model.join("0_Transformer");
    fs::create_dir(&inner).unwrap();
    for name in ["config.json", "model.safetensors", "sentence_bert_config.json", "tokenizer.json"] {
        fs::rename(model.join(name), inner.join(name)).unwrap();
    }
    fs::rename(model.join("tokenizer_config.json"), inner.join("tokenizer_config.json")).unwrap();
    edit_json(&model.join("modules.json"), |modules| modules[0]["path"] = json!("0_Transformer"));
}

#[test]
fn a_merge_over_a_plain_base_is_used_as_its_fine_tunes_are() {
    let folder = models();
    let folder = folder.path();
    for name in ["LICENSE", "generation_config.json", "modeling_own.py"] {
        fs::write(folder.join("bert").join(name), "{}").unwrap();
        fs::write(folder.join("one").join(name), "of one").unwrap();
    }
    fs::write(folder.join("one/module_of_one.py"), "of one").unwrap();
    let said = merge(folder, MERGE, &[]);
    let expected = "the merge has its pooling, prompts and other settings of use from `one`: `bert` has none";
    assert!(said.contains(expected), "{said}");
    embeds_as(folder, "out", "merge");
    let out = folder.join("out");
    assert_eq!(stated(&out), stated(&folder.join("one")));
    for name in ["LICENSE", "generation_config.json", "modeling_own.py"] {
        assert_eq!(fs::read_to_string(out.join(name)).unwrap(), "{}", "{name}");
    }
    assert_eq!(fs::read_to_string(out.join("module_of_one.py")).unwrap(), "of one");
    // The tokenizer is the base's, with the base's own length; the fine-tunes' has to be said beside it.
    assert!(
        fs::read(out.join("tokenizer_config.json")).unwrap()
            == fs::read(folder.join("bert/tokenizer_config.json")).unwrap()
    );
    assert_eq!(read_json(&out.join("sentence_bert_config.json"))["max_seq_length"], 12);
    let record = read_json(&out.join("admix.json"));
    assert_eq!((&record["configuration_from"], &record["settings_from"]), (&json!("bert"), &json!("one")));
    assert!(record["warnings"].as_array().unwrap().iter().any(|warning| warning.as_str().unwrap().contains(expected)));
    let card = fs::read_to_string(out.join("README.md")).unwrap();
    assert!(card.contains("library_name: sentence-transformers\n"), "{card}");
    assert!(card.contains("- one (settings of use)\n- other\n- bert (configuration and tokenizer)\n"), "{card}");

    let plan = run(folder, &["plan", "recipe.yaml"]);
    assert!(stderr(&plan).contains(expected));
    let shown = String::from_utf8(plan.stdout).unwrap();
    assert!(shown.contains("  configuration and tokenizer from bert\n  settings of use from one\n"), "{shown}");
    let plan = stdout_json(&run(folder, &["plan", "recipe.yaml", "--json"]));
    assert_eq!((&plan["donor"], &plan["settings"]), (&json!("bert"), &json!("one")));
}

#[test]
fn transformers_in_a_folder_of_their_own_merge_with_those_at_the_top() {
    for old in [&["one"][..], &["other"], &["one", "other"]] {
        let folder = models();
        let folder = folder.path();
        fs::write(folder.join("bert/LICENSE"), "free").unwrap();
        for name in old {
            to_old_layout(&folder.join(name));
        }
        merge(folder, MERGE, &[]);
        embeds_as(folder, "out", "merge");
        let inner = if old[0] == "one" { folder.join("out/0_Transformer") } else { folder.join("out") };
        let files = ["config.json", "model.safetensors", "sentence_bert_config.json", "tokenizer.json"];
        assert!(files.iter().all(|name| inner.join(name).is_file()), "{:?}", names(&inner));
        assert_eq!(fs::read_to_string(folder.join("out/LICENSE")).unwrap(), "free");
    }
}

#[test]
fn a_model_with_an_adapter_is_used_as_the_adapters_folder_says() {
    let folder = models();
    let folder = folder.path();
    let recipe = "merge_method: passthrough\nmodels: [{model: qwen3+adapter}]\n";
    assert!(!merge(folder, recipe, &[]).contains("warning"));
    embeds_as(folder, "out", "adapter");
    assert_eq!(read_json(&folder.join("out/admix.json"))["settings_from"], "adapter");
    let card = fs::read_to_string(folder.join("out/README.md")).unwrap();
    assert!(
        card.contains("- qwen3 with the adapter adapter (configuration, tokenizer and settings of use)\n"),
        "{card}"
    );

    // A base with settings of its own gives way, and the recipe may keep them.
    copy_folder(&folder.join("qwen3"), &folder.join("mean"));
    for name in ["1_Pooling", "2_Normalize"] {
        copy_folder(&folder.join("adapter").join(name), &folder.join("mean").join(name));
    }
    for name in ["modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"] {
        fs::copy(folder.join("adapter").join(name), folder.join("mean").join(name)).unwrap();
    }
    edit_json(&folder.join("mean/1_Pooling/config.json"), |config| config["pooling_mode"] = json!("mean"));
    let recipe = recipe.replace("qwen3", "mean");
    let said = merge(folder, &recipe, &[]);
    let differs = "`mean+adapter` is used as the folder of its adapter says, and not as that of the model: pooling mode \
                   mean without it, lasttoken with it";
    assert!(said.contains(differs), "{said}");
    embeds_as(folder, "out", "adapter");
    let said = merge(folder, &format!("{recipe}settings_source: mean\n"), &[]);
    assert!(
        said.contains("`mean+adapter` is used as it is without its adapter, whose folder says otherwise"),
        "{said}"
    );
    assert_eq!(stated(&folder.join("out")).2, "mean");
    assert_eq!(read_json(&folder.join("out/admix.json"))["settings_from"], "mean");
}

#[test]
fn an_adapters_folder_brings_its_modules_with_weights() {
    let folder = models();
    let folder = folder.path();
    copy_folder(&folder.join("one/2_Dense"), &folder.join("adapter/3_Dense"));
    edit_json(&folder.join("adapter/modules.json"), |modules| {
        modules.as_array_mut().unwrap().insert(2, json!({"idx": 2, "name": "2", "path": "3_Dense", "type": "m.Dense"}));
    });
    copy_folder(&folder.join("adapter"), &folder.join("second"));
    fs::copy(folder.join("other/2_Dense/model.safetensors"), folder.join("second/3_Dense/model.safetensors")).unwrap();
    let recipe = "merge_method: task_arithmetic\nbase_model: qwen3\nmodels: [{model: qwen3+adapter}, {model: qwen3+second}]\n\
                  parameters: {weight: 0.4}\n";
    let said = merge(folder, recipe, &[]);
    let among =
        "the module `3_Dense` (Dense) is merged from `qwen3+adapter` and `qwen3+second` alone: `qwen3` has none";
    assert!(said.contains(among), "{said}");
    is_average(folder, "3_Dense", [0.5, 0.5]);
    let record = read_json(&folder.join("out/admix.json"));
    assert_eq!(record["models"][0]["weights"].as_array().unwrap().len(), 2, "{record:#}");
}

/// Holds that a Dense module of `out` is the weighted average of those of `one` and `other`.
fn is_average(folder: &Path, module: &str, weights: [f64; 2]) {
    let read = |path: String| -> Tensors { read_tensors(&folder.join(path).join("model.safetensors")) };
    let (one, other) = (read("one/2_Dense".to_owned()), read("other/2_Dense".to_owned()));
    let out = read(format!("out/{module}"));
    assert_eq!(out.len(), 2);
    for (name, tensor) in out {
        for ((found, one), other) in tensor.values().iter().zip(one[&name].values()).zip(other[&name].values()) {
            assert!((found - weights[0] * one - weights[1] * other).abs() < 1e-6, "{name}");
        }
    }
}

#[test]
fn a_module_that_the_base_lacks_is_the_average_of_the_fine_tunes() {
    let folder = models();
    let folder = folder.path();
    copy_folder(&folder.join("one"), &folder.join("third"));
    for name in ["modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"] {
        fs::remove_file(folder.join("third").join(name)).unwrap();
    }
    let listed = "models:\n- {model: one, parameters: {weight: 0.2}}\n- {model: other, parameters: {weight: 0.6}}\n";
    let alike = "models: [{model: one}, {model: other}]\n";
    let plain = "- {model: bert, parameters: {weight: 0.3}}\n";
    for (recipe, weights) in [
        (format!("merge_method: ties\nbase_model: bert\n{listed}parameters: {{density: 0.5}}\n"), [0.25, 0.75]),
        (format!("merge_method: dare_linear\nbase_model: bert\n{listed}parameters: {{density: 0.5}}\n"), [0.25, 0.75]),
        (format!("merge_method: multislerp\nbase_model: bert\n{listed}"), [0.25, 0.75]),
        (format!("merge_method: linear\n{listed}{plain}"), [0.25, 0.75]),
        (format!("merge_method: linear\n{listed}{plain}parameters: {{normalize: false}}\n"), [0.25, 0.75]),
        (format!("merge_method: linear\n{}", listed.replacen("models:\n", &format!("models:\n{plain}"), 1)), [0.25, 0.75]),
        (format!("merge_method: ties\nbase_model: bert\n{listed}{plain}").replace("bert, par", "third, par"), [0.25, 0.75]),
        (format!("merge_method: model_stock\nbase_model: bert\n{alike}"), [0.5, 0.5]),
        (format!("merge_method: sce\nbase_model: bert\n{alike}"), [0.5, 0.5]),
        (format!("merge_method: task_arithmetic\nbase_model: bert\n{alike}parameters: {{weight: 0}}\n"), [0.5, 0.5]),
        ("merge_method: slerp\nbase_model: bert\nmodels: [{model: one}]\nparameters: {t: 0.3}\n".to_owned(), [1.0, 0.0]),
        ("merge_method: slerp\nbase_model: one\nmodels: [{model: bert}]\nparameters: {t: 0.3}\nsettings_source: one\n".to_owned(), [1.0, 0.0]),
    ] {
        merge(folder, &recipe, &[]);
        is_average(folder, "2_Dense", weights);
    }
    let (code, said) = refused(folder, &MERGE.replace("0.3", "-0.6"), &[]);
    assert_eq!(code, 2);
    assert!(said.contains("only some models have it, and their weights sum to zero"), "{said}");
    // Where the base has the module, a model without it is refused as ever.
    let (code, said) = refused(
        folder,
        &MERGE
            .replace("base_model: bert", "base_model: one")
            .replace("other", "third")
            .replace("model: one, par", "model: other, par"),
        &[],
    );
    assert_eq!(code, 3);
    assert!(said.contains("`one` has the module `2_Dense` (Dense) with weights, `third` has not"), "{said}");
}

/// Makes `other` a retriever that is used in another way than `one`, and has no Dense module.
fn make_differ(folder: &Path) {
    edit_json(&folder.join("other/modules.json"), |modules| {
        let modules = modules.as_array_mut().unwrap();
        modules.truncate(2);
    });
    fs::remove_dir_all(folder.join("other/2_Dense")).unwrap();
    edit_json(&folder.join("other/1_Pooling/config.json"), |config| config["pooling_mode"] = json!("mean"));
    edit_json(&folder.join("other/config_sentence_transformers.json"), |config| {
        config["prompts"] = json!({"query": "search: "});
    });
    edit_json(&folder.join("other/tokenizer_config.json"), |config| config["model_max_length"] = json!(20));
}

#[test]
fn fine_tunes_that_disagree_over_a_plain_base_are_refused_with_both_names() {
    let folder = models();
    let folder = folder.path();
    make_differ(folder);
    let (code, said) = refused(folder, MERGE, &[]);
    assert_eq!(code, 3);
    assert!(said.contains("the models disagree on pooling mode: `one` has cls, `other` has mean"), "{said}");
    assert!(
        said.contains("`--allow pooling` goes on with what `one` has; `settings_source: MODEL` in the recipe"),
        "{said}"
    );
    let said = merge(folder, MERGE, &["--allow", "modules,pooling,normalize,prompts,max-length"]);
    assert!(said.contains("`one` has cls, `other` has mean; the merge has what `one` has"), "{said}");
    assert_eq!(stated(&folder.join("out")), stated(&folder.join("one")));
    is_average(&dense_restored(folder), "2_Dense", [1.0, 0.0]);
}

/// The folder, with the Dense module of `other` back beside it for [`is_average`].
fn dense_restored(folder: &Path) -> std::path::PathBuf {
    copy_folder(&repository().join("tests/goldens/settings/other/2_Dense"), &folder.join("other/2_Dense"));
    folder.to_owned()
}

#[test]
fn the_recipe_chooses_whose_settings_count() {
    let folder = models();
    let folder = folder.path();
    make_differ(folder);
    for (source, model) in [("one", "one"), ("other", "other"), ("{model: {path: other}}", "other")] {
        let said = merge(folder, &format!("{MERGE}settings_source: {source}\n"), &[]);
        assert!(
            said.contains("disagree on pooling mode") && said.contains(&format!("the merge has what `{model}` has"))
        );
        assert!(!said.contains("settings of use from"), "{said}");
        assert_eq!(stated(&folder.join("out")), stated(&folder.join(model)));
        assert_eq!(folder.join("out/2_Dense").exists(), model == "one");
        let left_out = "`one` has the module `2_Dense` (Dense) with weights, `other` has not; it is left out";
        assert_eq!(said.contains(left_out), model == "other", "{said}");
    }
    // A base that is a retriever is the donor unless the recipe says otherwise.
    let over_one = "merge_method: slerp\nbase_model: one\nmodels: [{model: other}]\nparameters: {t: 0.5}\n";
    assert_eq!(refused(folder, over_one, &[]).0, 3);
    for (source, model) in [("base", "one"), ("other", "other")] {
        merge(folder, &format!("{over_one}settings_source: {source}\n"), &[]);
        assert_eq!(stated(&folder.join("out")), stated(&folder.join(model)));
        assert_eq!(read_json(&folder.join("out/admix.json"))["configuration_from"], "one");
    }
    let (code, said) = refused(folder, &format!("{MERGE}settings_source: base\n"), &[]);
    assert_eq!(code, 2);
    assert!(said.contains("`settings_source` names `bert`, which does not say how it is used: it has no modules.json"));
    assert!(said.contains("recipe.yaml:6:18"), "{said}");
    let (code, said) = refused(folder, &format!("{MERGE}settings_source: another\n"), &[]);
    assert_eq!(code, 2);
    assert!(
        said.contains("`another` is not one of the models that are merged") && said.contains("did you mean `other`?")
    );
}

#[test]
fn modules_of_another_shape_are_refused_whoever_counts() {
    let folder = models();
    let folder = folder.path();
    edit_json(&folder.join("other/2_Dense/config.json"), |config| config["bias"] = json!(false));
    let path = folder.join("other/2_Dense/model.safetensors");
    let mut tensors = read_tensors(&path);
    tensors.remove("linear.bias");
    fs::write(&path, super::support::safetensors(&tensors)).unwrap();
    for more in ["", "settings_source: one\n", "settings_source: other\n"] {
        let (code, said) = refused(folder, &format!("{MERGE}{more}"), &[]);
        assert!(code == 3 && said.contains("tensor `2_Dense/linear.bias` is in `one` and not in `other`"), "{said}");
    }
    // A tensor that the chosen module does not have would keep the folder from being loaded.
    let said = merge(folder, &format!("{MERGE}settings_source: other\n"), &["--allow", "missing-tensor"]);
    assert!(said.contains("`2_Dense/linear.bias` is left out: the module of `other` has no such tensor"), "{said}");
    assert_eq!(read_tensors(&folder.join("out/2_Dense/model.safetensors")).len(), 1);
}

#[test]
fn a_document_is_used_as_its_models_are() {
    let folder = models();
    let folder = folder.path();
    let stage = MERGE.replace("merge_method", "name: inner\nmerge_method");
    let last = "merge_method: task_arithmetic\nbase_model: bert\nmodels: [{model: inner}]\nparameters: {weight: 1}\n";
    let said = merge(folder, &format!("{stage}---\n{last}"), &[]);
    assert!(said.contains("settings of use from `inner`"), "{said}");
    assert!(said.contains("warning: document `inner`: the merge has its pooling"), "{said}");
    embeds_as(folder, "out", "merge");
    assert_eq!(read_json(&folder.join("out/admix.json"))["settings_from"], "one");
    assert_eq!(read_json(&folder.join("out/sentence_bert_config.json"))["max_seq_length"], 12);

    make_differ(folder);
    assert_eq!(refused(folder, &format!("{stage}---\n{last}"), &[]).0, 3);
    let chosen = format!("{stage}settings_source: other\n---\n{last}settings_source: inner\n");
    merge(folder, &chosen, &["--intermediates", "stages"]);
    assert_eq!(stated(&folder.join("out")), stated(&folder.join("other")));
    // Stage by stage it is the same folder.
    let bytes = |path: &str| fs::read(folder.join(path)).unwrap();
    let files = ["model.safetensors", "modules.json", "sentence_bert_config.json", "1_Pooling/config.json"];
    let at_once: Vec<_> = files.iter().map(|name| bytes(&format!("out/{name}"))).collect();
    merge(folder, &last.replace("inner", "stages/inner"), &[]);
    assert!(files.iter().zip(at_once).all(|(name, expected)| bytes(&format!("out/{name}")) == expected));
}

#[test]
fn init_and_blend_know_what_fine_tunes_disagree_on() {
    let folder = models();
    let folder = folder.path();
    make_differ(folder);
    let said = stderr(&run(folder, &["init", "bert", "one", "other", "--base", "bert", "--force"]));
    assert!(said.contains("the models disagree on pooling mode: `one` has cls, `other` has mean"), "{said}");
    let recipe = fs::read_to_string(folder.join("recipe.yaml")).unwrap();
    assert!(recipe.contains("# The models disagree on pooling mode: one has cls, other has mean.\n"), "{recipe}");
    assert!(recipe.contains("\n# settings_source: one\n"), "{recipe}");
    fs::write(folder.join("chosen.yaml"), recipe.replace("# settings_source", "settings_source")).unwrap();
    assert!(stderr(&run(folder, &["check", "chosen.yaml"])).contains("the merge has what `one` has"));

    let blend = ["blend", "one", "other", "-o", "out", "--force"];
    assert_eq!(admix(folder).args(blend).output().unwrap().status.code(), Some(3));
    run(folder, &[&blend[..], &["--settings-source", "other"]].concat());
    assert_eq!(stated(&folder.join("out")), stated(&folder.join("other")));
    // `base` is a word of recipes, and may be a folder.
    let output = run(folder, &["blend", "one", "base", "--settings-source", "base", "--print-recipe"]);
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("settings_source: {model: {path: base}}\n"));
}

#[cfg(feature = "eval")]
#[test]
fn examples_weigh_plain_models_as_the_merge_uses_them() {
    let folder = models();
    let folder = folder.path();
    let lines = "{\"query\": \"the cat\", \"pos\": [\"cat on the mat\"], \"neg\": [\"고양이\"]}\n\
                 {\"query\": \"고양이\", \"pos\": [\"매트\"], \"neg\": [\"a cat\"]}\n";
    fs::write(folder.join("examples.jsonl"), lines).unwrap();
    let loss = |model: &str| {
        let weighed = run(folder, &["cocktail", model, "one", "--examples", "examples.jsonl", "--json", "-q"]);
        stdout_json(&weighed)["models"][0]["loss"].as_f64().unwrap()
    };
    let plain = loss("bert");
    // The plain base in the fine-tune's folder, whose Dense module it then has.
    copy_folder(&folder.join("one"), &folder.join("dressed"));
    fs::copy(folder.join("bert/model.safetensors"), folder.join("dressed/model.safetensors")).unwrap();
    assert!((plain - loss("dressed")).abs() < 1e-9, "{plain}");
}
