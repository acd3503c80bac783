//! `chat_template`: the merge has the template that the recipe says, wherever a loader looks for it. What `auto` takes was
//! compared with mergekit 0.1.5 once, and the outputs were loaded with transformers 5.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{LINEAR, admix, edit_json, names, pair, read_json, run, stderr};

const ONE: &str = "{% for message in messages %}one: {{ message['content'] }}{% endfor %}";
const TWO: &str = "{% for message in messages %}two: {{ message['content'] }}\n{% endfor %}";

/// Two encoders with tokenizers and a third; none has a template.
fn models() -> TempDir {
    let folder = pair();
    for model in ["a", "b"] {
        let model = folder.path().join(model);
        fs::write(model.join("vocab.txt"), "[PAD]\n[UNK]\n").unwrap();
        // A number that would not survive being read and written.
        let config = "{\n  \"model_max_length\": 1000000000000000019884624838656,\n  \"tokenizer_class\": \"BertTokenizer\"\n}\n";
        fs::write(model.join("tokenizer_config.json"), config).unwrap();
    }
    super::support::copy_folder(&folder.path().join("b"), &folder.path().join("c"));
    folder
}

fn recipe(folder: &Path, more: &str) {
    let third = "  - model: c\n    parameters:\n      weight: 0.5\n";
    fs::write(folder.join("recipe.yaml"), format!("{LINEAR}{third}{more}")).unwrap();
}

/// Merges `recipe.yaml` and gives the template of the output, and what was said on the way.
fn merged(folder: &Path) -> (Value, String) {
    let output = run(folder, &["merge", "recipe.yaml", "--no-sync", "--force", "-o", "out"]);
    let template = read_json(&folder.join("out/tokenizer_config.json"))["chat_template"].take();
    (template, stderr(&output))
}

#[test]
fn auto_is_the_template_that_most_models_have() {
    let models = models();
    let folder = models.path();
    recipe(folder, "chat_template: auto\n");
    let (template, said) = merged(folder);
    assert_eq!(template, Value::Null);
    assert!(said.contains("`chat_template: auto` finds no model with a chat template"), "{said}");

    edit_json(&folder.join("a/tokenizer_config.json"), |config| config["chat_template"] = json!(ONE));
    assert_eq!(merged(folder).0, ONE);
    // Among equals it is the donor's.
    fs::write(folder.join("c/chat_template.jinja"), format!("\n{TWO}\n")).unwrap();
    assert_eq!(merged(folder).0, ONE);
    // Of several templates the default counts, white space around it does not, and a file goes before the configuration.
    let several = json!([{"name": "tool_use", "template": ONE}, {"name": "default", "template": format!("  {TWO}")}]);
    edit_json(&folder.join("b/tokenizer_config.json"), |config| config["chat_template"] = several);
    edit_json(&folder.join("c/tokenizer_config.json"), |config| config["chat_template"] = json!(ONE));
    let (template, said) = merged(folder);
    assert_eq!(template, TWO);
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn a_text_replaces_what_the_donor_has_and_nothing_else() {
    let models = models();
    let folder = models.path();
    let before = fs::read_to_string(folder.join("a/tokenizer_config.json")).unwrap();
    fs::write(folder.join("a/chat_template.jinja"), ONE).unwrap();
    recipe(folder, &format!("chat_template: |-\n  {}\n", TWO.replace('\n', "\n  ")));
    assert_eq!(merged(folder).0, TWO);
    assert_eq!(names(&folder.join("out")).iter().filter(|name| name.starts_with("chat_template")).count(), 0);
    let added =
        |text: &str| before.replace("\"BertTokenizer\"", &format!("\"BertTokenizer\",\n  \"chat_template\": {text}"));
    let after = fs::read_to_string(folder.join("out/tokenizer_config.json")).unwrap();
    assert_eq!(after, added(&json!(TWO).to_string()));

    // One that is there already is not there twice.
    fs::write(folder.join("a/tokenizer_config.json"), added("\"old\"")).unwrap();
    merged(folder);
    assert_eq!(fs::read_to_string(folder.join("out/tokenizer_config.json")).unwrap(), added(&json!(TWO).to_string()));
    // A tokenizer without a configuration gets one.
    fs::remove_file(folder.join("a/tokenizer_config.json")).unwrap();
    assert_eq!(merged(folder).0, TWO);
    // Without the key everything is as the donor has it.
    recipe(folder, "");
    run(folder, &["merge", "recipe.yaml", "--no-sync", "--force", "-o", "out"]);
    assert_eq!(fs::read_to_string(folder.join("out/chat_template.jinja")).unwrap(), ONE);
    assert!(!folder.join("out/tokenizer_config.json").exists());
}

#[test]
fn the_template_of_a_document_is_that_of_its_folder() {
    let models = models();
    let folder = models.path();
    for model in ["a", "b"] {
        let config = folder.join(model).join("tokenizer_config.json");
        edit_json(&config, |config| config["chat_template"] = json!(ONE));
    }
    let document = |name: &str, models: &str, more: &str| {
        format!("{name}merge_method: linear\nmodels: [{models}]\nparameters: {{weight: 1}}\n{more}")
    };
    let template = format!("chat_template: {}\n", json!(TWO));
    let first = |model: &str| document("", &format!("{{model: {model}}}, {{model: a}}"), &template);
    for last in ["", "chat_template: auto\n"] {
        let last = |middle: &str| document("", &format!("{{model: {middle}}}, {{model: c}}"), last);
        fs::write(folder.join("recipe.yaml"), first("b")).unwrap();
        run(folder, &["merge", "recipe.yaml", "--no-sync", "--force", "-o", "middle"]);
        fs::write(folder.join("recipe.yaml"), last("middle")).unwrap();
        assert_eq!(merged(folder).0, TWO);
        let expected = fs::read(folder.join("out/tokenizer_config.json")).unwrap();
        fs::write(folder.join("recipe.yaml"), format!("name: first\n{}---\n{}", first("b"), last("first"))).unwrap();
        assert_eq!(merged(folder).0, TWO);
        assert_eq!(fs::read(folder.join("out/tokenizer_config.json")).unwrap(), expected);
    }
}

#[test]
fn a_merge_without_a_tokenizer_has_no_template() {
    let folder = pair();
    fs::write(folder.path().join("recipe.yaml"), format!("{LINEAR}chat_template: {}\n", json!(ONE))).unwrap();
    let output = admix(folder.path()).args(["merge", "recipe.yaml", "--no-sync", "-o", "out"]).output().unwrap();
    assert!(output.status.success());
    assert!(
        stderr(&output).contains("`chat_template` has no effect: `a`, whose files the output has, has no tokenizer")
    );
    assert!(!folder.path().join("out/tokenizer_config.json").exists());
}

#[test]
fn a_template_that_is_no_text_is_refused() {
    let models = models();
    recipe(models.path(), "chat_template: auto\n");
    fs::write(models.path().join("b/chat_template.jinja"), b"\xff\xfe").unwrap();
    let output = admix(models.path()).args(["merge", "recipe.yaml", "-o", "out"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stderr(&output).contains("cannot read `b/chat_template.jinja`: it is not UTF-8 text"),
        "{}",
        stderr(&output)
    );
    assert!(!models.path().join("out").exists());
}
