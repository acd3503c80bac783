//! Texts that are not recipes: other tools' files, Markdown, and text that is not YAML.

use super::super::ErrorKind;
use super::{good, parse, refused};

#[test]
fn files_of_other_tools_are_one_mistake() {
    for (text, place, message) in [
        (
            "base_model: a\ngate_mode: hidden\nexperts:\n- source_model: a\n  positive_prompts: [x]\n",
            "3:1 experts",
            "this is a recipe for mergekit-moe, which makes a mixture of experts of its models",
        ),
        (
            "merge_method: moe\nbase_model: a\nexperts: [{source_model: a}]\n",
            "3:1 experts",
            "this is a recipe for mergekit-moe, which makes a mixture of experts of its models",
        ),
        (
            "genome: {models: [a, b], merge_method: ties}\ntasks: [{name: x}]\n",
            "1:1 genome",
            "this is a configuration of mergekit-evolve, which searches for the numbers of a recipe",
        ),
        (
            "model: a\ndonor: b\nout_path: c\nk: 64\n",
            "2:1 donor",
            "these are options of mergekit-tokensurgeon, which gives a model another tokenizer",
        ),
        (
            "layer_slices: [{model: a, start: 0, end: 2}]\nembedding_source: a\n",
            "1:1 layer_slices",
            "this is a configuration of bakllama, which stacks layers",
        ),
        ("recipe: {}\n", "1:1 recipe", "this is a sweep file, not a recipe"),
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!(error.all().len(), 1, "{text}");
        refused(text, place, message, &error.hint().unwrap_or_default()[..5]);
    }
    // A recipe with a key of theirs is a recipe.
    let text = "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1}\nexperts: 2\n";
    refused(text, "4:1 experts", "unknown key `experts` in the recipe", "the recipe has");
}

#[test]
fn what_looks_like_a_space_is_named() {
    let tab = "a tab indents this line, and YAML indents with spaces only";
    for (text, place, message) in [
        ("merge_method: linear\nmodels:\n\t- model: a\n", "3:1 \t- model", tab),
        ("merge_method: linear\nmodels:\n  - model: a\n    parameters:\n\t\tweight: 1\n", "5:1 \t\tweight", tab),
        ("merge_method: linear\nmodels:\n  \t- model: a\n    parameters: {weight: 1}\n", "3:3 \t- model", tab),
        ("merge_method: linear\nmodels:\n-\tmodel: a\n", "3:2 \tmodel", "a tab stands here, and YAML wants spaces"),
        (
            "merge_method: linear\nmodels:\n- model: a\n \u{a0}parameters:\n    weight: 1\n",
            "4:2 \u{a0}parameters",
            "the character U+00A0 indents this line, and YAML indents with spaces only",
        ),
    ] {
        refused(text, place, message, "put spaces in its place");
        assert_eq!(parse(text).unwrap_err().kind(), ErrorKind::Syntax);
    }
    // Elsewhere tabs are spaces, and texts may hold them.
    good(
        "merge_method:\tlinear\t# x\nmodels:\n- model: a\n  parameters: {weight:\t1}\nchat_template: |\n  {% for m in ms %}\n  \t{{ m }}\n  {% endfor %}\n",
    );
}

#[test]
fn a_recipe_inside_of_another_text_is_found() {
    let card = "---\nbase_model: [a]\ntags: [merge]\n---\n# A card\n\nText: more.\n\n```yaml\nmodels:\n- model: a\nmerge_method: linear\n```\nend\n";
    let hint = "write lines 10 to 12 into a file of their own";
    refused(card, "9:1 ```yaml", "this is a Markdown text with a recipe in it, not a recipe", hint);
    let fenced = "```\nmerge_method: linear\nmodels: [{model: a}]\n```\n";
    refused(fenced, "1:1 ```", "this is a Markdown text with a recipe in it, not a recipe", "write lines 2 to 3 into");
    let cell = "%%writefile config.yaml\nmerge_method: linear\nmodels: [{model: a}]\n";
    let line = "1:1 %%writefile config.yaml";
    refused(cell, line, "the first line is a notebook's command, which is no YAML", "take the line away");
    // A template may hold fences.
    good(
        "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1}\nchat_template: |\n  ```\n  merge_method: {{ messages }}\n  ```\n",
    );
}

#[test]
fn python_objects_are_refused() {
    for (text, place, tag) in [
        ("merge_method: !!python/object/apply:os.system [x]\n", "1:15 ", "!!python/object/apply:os.system"),
        ("models: [!!python/tuple [a]]\n", "1:10 ", "!!python/tuple"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.message(), format!("the tag `{tag}` means nothing in a recipe"));
        assert!(super::underlined(&error).starts_with(place), "{}", super::underlined(&error));
    }
    good("merge_method: linear # !!python/x\nmodels: [{model: \"a !!python/y\"}]\nparameters: {weight: !!float 1}\n");
}

#[test]
fn a_document_alone_may_have_any_name() {
    for name in ["org/model v1.0", "123", "../x"] {
        good(&format!("name: {name}\nmerge_method: linear\nmodels: [{{model: a}}]\nparameters: {{weight: 1}}\n"));
    }
    let text = "name: a/b\nmerge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1}\n---\nmerge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1}\n";
    refused(text, "1:7 a/b", "a document cannot be called `a/b`", "a name is that of a folder");
}
