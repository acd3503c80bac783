//! Merges by `regmean`, for which texts run through the models.

use std::fs;
use std::path::Path;

use super::support::{
    Tensors, admix, copy_folder, read_json, read_tensors, repository, run, stderr, stdout_json, write_model,
};
use tempfile::TempDir;

/// A folder with a golden encoder and a second model beside it, their texts and a recipe.
fn golden(name: &str, parameters: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let goldens = repository().join("tests/goldens");
    copy_folder(&goldens.join("encoders").join(name), &folder.path().join("first"));
    copy_folder(&goldens.join("regmean").join(format!("{name}-tuned")), &folder.path().join("second"));
    for texts in ["one.txt", "two.jsonl"] {
        fs::copy(goldens.join("regmean").join(texts), folder.path().join(texts)).unwrap();
    }
    let recipe = format!(
        "merge_method: regmean\nmodels:\n  - {{model: first, texts: one.txt}}\n  - {{model: second, texts: two.jsonl, \
         parameters: {{weight: 0.5}}}}\nparameters: {parameters}\n"
    );
    fs::write(folder.path().join("recipe.yaml"), recipe).unwrap();
    folder
}

fn expected(name: &str) -> Tensors {
    read_tensors(&repository().join("tests/goldens/regmean").join(format!("{name}.safetensors")))
}

/// The largest difference between two models, where every tensor must be in both.
fn largest_difference(found: &Tensors, expected: &Tensors) -> f64 {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let of_tensor = |(name, tensor): (&String, &super::support::Tensor)| {
        let pairs = tensor.values().into_iter().zip(expected[name].values());
        pairs.map(|(found, expected)| (found - expected).abs()).fold(0.0, f64::max)
    };
    found.iter().map(of_tensor).fold(0.0, f64::max)
}

fn merge(folder: &Path, more: &[&str]) -> Tensors {
    let mut arguments = vec!["merge", "recipe.yaml", "-o", "out", "-q", "--force"];
    arguments.extend(more);
    run(folder, &arguments);
    read_tensors(&folder.join("out/model.safetensors"))
}

#[test]
fn linear_layers_are_those_that_torch_fits_in_float64_with_activations_of_either_kind() {
    for name in ["bert", "xlm-roberta"] {
        let own = golden(name, "{}");
        let found = merge(own.path(), &[]);
        let difference = largest_difference(&found, &expected(&format!("{name}-own")));
        assert!(difference < 1e-5, "{name}: {difference}");

        let merged = golden(name, "{alpha: 0.7, merged_activations: true}");
        let found = merge(merged.path(), &[]);
        let difference = largest_difference(&found, &expected(&format!("{name}-merged")));
        assert!(difference < 1e-5, "{name}, merged activations: {difference}");
        // The two goldens are far enough apart for that to mean something.
        let apart = largest_difference(&expected(&format!("{name}-own")), &expected(&format!("{name}-merged")));
        assert!(apart > 1e-2, "{apart}");
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let folder = golden("bert", "{merged_activations: true}");
    let bytes = |threads: &str| {
        let mut command = admix(folder.path());
        command.env("RAYON_NUM_THREADS", threads);
        let output = command
            .args(["merge", "recipe.yaml", "-o", "out", "-q", "--force", "--threads", threads])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        fs::read(folder.path().join("out/model.safetensors")).unwrap()
    };
    let one = bytes("1");
    assert!(one == bytes("2") && one == bytes("5"));
}

#[test]
fn every_class_of_model_with_layers_is_merged() {
    let goldens = repository().join("tests/goldens/encoders");
    let folder = tempfile::tempdir().unwrap();
    fs::copy(repository().join("tests/goldens/regmean/one.txt"), folder.path().join("one.txt")).unwrap();
    let recipe = "merge_method: regmean\ntexts: one.txt\nmodels: [{model: first}, {model: second}]\n";
    fs::write(folder.path().join("recipe.yaml"), recipe).unwrap();
    for class in [
        "albert",
        "deberta-v2",
        "distilbert",
        "electra",
        "embedding_gemma2",
        "gte",
        "lfm2",
        "modernbert",
        "mt5",
        "qwen3",
    ] {
        for model in ["first", "second"] {
            let place = folder.path().join(model);
            let _ = fs::remove_dir_all(&place);
            copy_folder(&goldens.join(class), &place);
        }
        // The same model twice is itself, whatever texts say.
        let weights = "second/model.safetensors";
        let found = merge(folder.path(), &[]);
        let original = read_tensors(&folder.path().join(weights));
        let difference = largest_difference(&found, &original);
        assert!(difference < 1e-6, "{class}: {difference}");

        // With another model it is not the mean.
        let mut other = original.clone();
        for (index, tensor) in other.values_mut().enumerate().filter(|(_, tensor)| tensor.shape.len() == 2) {
            *tensor = super::support::Tensor::random(&tensor.shape.clone(), index as u32);
        }
        fs::write(folder.path().join(weights), super::support::safetensors(&other)).unwrap();
        let found = merge(folder.path(), &[]);
        let is_mean = |name: &str| {
            let values = found[name].values().into_iter().zip(original[name].values()).zip(other[name].values());
            values.into_iter().all(|((found, one), two)| (found - f64::midpoint(one, two)).abs() < 1e-5)
        };
        let (fitted, averaged): (Vec<&String>, Vec<&String>) = found.keys().partition(|name| !is_mean(name));
        assert!(fitted.iter().any(|name| name.contains("layer")), "{class}: {averaged:?}");
        assert!(
            !fitted.iter().any(|name| name.contains("embeddings.") || name.contains("embed_tokens")),
            "{class}: {fitted:?}"
        );
    }
}

#[test]
fn the_bundled_retrievers_merge_and_score_and_the_record_names_the_texts() {
    let fixtures = repository().join("fixtures");
    let folder = tempfile::tempdir().unwrap();
    for model in ["cross-ko-en", "mono-ko"] {
        copy_folder(&fixtures.join("retrievers").join(model), &folder.path().join(model));
    }
    for set in ["ko-en", "ko-ko"] {
        copy_folder(&fixtures.join("bilingual").join(set), &folder.path().join(set));
    }
    let recipe =
        "merge_method: regmean\nmodels:\n  - {model: cross-ko-en, texts: ko-en}\n  - {model: mono-ko, texts: ko-ko}\n";
    fs::write(folder.path().join("recipe.yaml"), recipe).unwrap();
    let said = run(folder.path(), &["merge", "recipe.yaml", "-o", "out", "--json"]);
    assert_eq!(stdout_json(&said)["method"], "regmean");
    let score = |model: &str, data: &str| {
        let scored = run(folder.path(), &["score", model, "--data", data, "--split", "test", "--json", "-q"]);
        stdout_json(&scored)["models"][0]["datasets"][0]["metrics"]["ndcg@10"].as_f64().unwrap()
    };
    // Each of the two is better at its own task than the other, and the merge has some of both.
    for (data, own, other) in [("ko-en", "cross-ko-en", "mono-ko"), ("ko-ko", "mono-ko", "cross-ko-en")] {
        let (merged, own, other) = (score("out", data), score(own, data), score(other, data));
        assert!(own > other && merged > other + 0.02, "{data}: {merged}, {own}, {other}");
    }
    let plan = stdout_json(&run(folder.path(), &["plan", "recipe.yaml", "--json"]));
    assert_eq!(plan["texts"][1], serde_json::json!({"model": "mono-ko", "path": "ko-ko", "bytes": null}));
    let record = read_json(&folder.path().join("out/admix.json"));
    assert_eq!(record["recipe"].as_str().unwrap(), recipe);
    assert_eq!(record["texts"][0]["path"], "ko-en");
    assert!(fs::read_to_string(folder.path().join("out/README.md")).unwrap().contains("RegMean"));
}

#[test]
fn what_cannot_be_merged_so_is_refused_by_one_sentence() {
    let folder = golden("bert", "{}");
    let path = folder.path();
    fs::write(path.join("empty.txt"), "\n  \n").unwrap();
    copy_folder(&repository().join("tests/goldens/encoders/albert"), &path.join("albert"));
    copy_folder(&repository().join("tests/goldens/encoders/static"), &path.join("static"));
    let head = "merge_method: regmean\n";
    let models = "models: [{model: first}, {model: second}]\n";
    let stage = "name: inner\nmerge_method: regmean\ntexts: one.txt\nmodels: [{model: first}, {model: second}]\n---\n\
                 merge_method: linear\nmodels: [{model: inner}, {model: first}]\nparameters: {weight: 1}\n";
    let cases: [(String, i32, &str); 11] = [
        (format!("{head}{models}"), 2, "`regmean` needs `texts`, a few hundred of which run through the models"),
        (
            format!("{head}models: [{{model: first, texts: one.txt}}, {{model: second}}]\n"),
            2,
            "`texts` for the model `second`",
        ),
        (format!("{head}{models}texts: none.txt\n"), 2, "there are no texts at `none.txt`"),
        (format!("{head}{models}texts: empty.txt\n"), 2, "empty.txt` has no texts"),
        (format!("{head}{models}texts: [one.txt]\n"), 2, "expected the path of a file of texts, found a list"),
        (format!("{head}{models}texts: one.txt\nparameters: {{alpha: 1.5}}\n"), 2, "`alpha` must be between 0 and 1"),
        (format!("{head}{models}texts: one.txt\nparameters: {{weight: 0}}\n"), 2, "the weights of all models are 0"),
        (
            format!("{head}models: [{{model: albert}}]\ntexts: one.txt\nparameters: {{merged_activations: true}}\n"),
            2,
            "shares one between several depths",
        ),
        (format!("{head}models: [{{model: static}}]\ntexts: one.txt\n"), 3, "a static embedding has no layers"),
        (stage.to_owned(), 2, "the document `inner` merges by `regmean`"),
        (
            format!("{head}slices: [{{sources: [{{model: first, layer_range: [0, 1]}}]}}]\ntexts: one.txt\n"),
            2,
            "`regmean` merges whole models, and the recipe has `slices`",
        ),
    ];
    for (recipe, code, said) in cases {
        fs::write(path.join("recipe.yaml"), &recipe).unwrap();
        let output = admix(path).args(["merge", "recipe.yaml", "-o", "out"]).output().unwrap();
        let shown = stderr(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(output.status.code() == Some(code) && shown.contains(said), "{recipe}{:?}\n{shown}", output.status);
        assert!(!path.join("out").exists(), "{recipe}");
    }
    // A folder of a class that no encoder runs.
    let other = tempfile::tempdir().unwrap();
    for model in ["a", "b"] {
        write_model(&other.path().join(model), &super::support::encoder(1));
        super::support::edit_json(&other.path().join(model).join("config.json"), |config| {
            config["model_type"] = "unheard_of".into();
        });
    }
    fs::write(other.path().join("one.txt"), "a text\n").unwrap();
    fs::write(
        other.path().join("recipe.yaml"),
        format!("{head}models: [{{model: a}}, {{model: b}}]\ntexts: one.txt\n"),
    )
    .unwrap();
    let output = admix(other.path()).args(["merge", "recipe.yaml", "-o", "out"]).output().unwrap();
    assert!(
        output.status.code() != Some(0) && stderr(&output).contains("cannot be encoded with"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn texts_that_nothing_reads_are_warned_of_and_sweeps_and_learning_are_refused() {
    let folder = golden("bert", "{}");
    let path = folder.path();
    let linear =
        "merge_method: linear\nmodels: [{model: first}, {model: second}]\nparameters: {weight: 1}\ntexts: one.txt\n";
    fs::write(path.join("linear.yaml"), linear).unwrap();
    let output = admix(path).args(["merge", "linear.yaml", "-o", "mean"]).output().unwrap();
    assert!(stderr(&output).contains("`texts` has no effect: `linear` reads no texts"), "{}", stderr(&output));
    let arguments = ["learn", "recipe.yaml", "--unlabelled", "first=one.txt", "-o", "learned.yaml"];
    let output = admix(path).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("`regmean` has no parameter that can be learned"), "{}", stderr(&output));
    copy_folder(&repository().join("fixtures/bilingual/ko-ko"), &path.join("ko-ko"));
    let sweep = "study: tiny\nrecipe:\n  merge_method: regmean\n  texts: one.txt\n  models: [{model: first}, {model: second}]\n  \
                 parameters: {alpha: \"${a}\"}\nparams: {a: {min: 0, max: 1, step: 0.5}}\ndata: {ko: ko-ko}\nobjectives: {one: {metric: \
                 ndcg@10, mean: [ko]}, two: {metric: recall@10, mean: [ko]}}\nselect: {split: dev}\nreport: {split: test}\nstore: study\n";
    fs::write(path.join("sweep.yaml"), sweep).unwrap();
    let output = admix(path).args(["sweep", "plan", "sweep.yaml"]).output().unwrap();
    let shown = stderr(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(2), "{shown}");
    assert!(
        shown.contains("`regmean` runs texts through the models for every merge, which sweeps do not do"),
        "{shown}"
    );
}
