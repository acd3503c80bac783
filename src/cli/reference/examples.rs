//! An example of every key. Each is the text of whole top-level keys; the rest of the file is left out.

/// An example of some keys.
pub(super) struct Example {
    /// Where the map stands whose keys it shows, or the search.
    pub(super) of: &'static str,
    /// What it does.
    pub(super) says: &'static str,
    /// The keys.
    pub(super) yaml: &'static str,
}

const fn example(of: &'static str, says: &'static str, yaml: &'static str) -> Example {
    Example { of, says, yaml }
}

/// Of recipes.
pub(super) const RECIPE: &[Example] = &[
    example(
        "the top of the recipe",
        "A weighted average that is computed in float32 and written in bfloat16:",
        "\
merge_method: linear
models:
  - model: models/base
    parameters: {weight: 0.4}
  - model: models/ko-en
    parameters: {weight: 0.6}
dtype: bfloat16
",
    ),
    example(
        "the top of the recipe",
        "Differences from a base. The output has the tokenizer, the chat template and the settings of use of chosen models:",
        "\
merge_method: task_arithmetic
base_model: models/base
models:
  - model: models/ko-en
parameters: {weight: 0.8}
out_dtype: float16
tokenizer_source: union
settings_source: models/ko-en
chat_template: auto
",
    ),
    example(
        "the top of the recipe",
        "Linear layers fitted to what they get from texts, the same for both models:",
        "\
merge_method: regmean
models:
  - model: models/ko-en
  - model: models/ko-ko
texts: texts/questions.txt
",
    ),
    example(
        "an entry of `models`",
        "Texts of its own for each model:",
        "\
merge_method: regmean
models:
  - model: models/ko-en
    texts: texts/ko-en.jsonl
  - model: models/ko-ko
    texts: texts/ko-ko.txt
    parameters: {weight: 0.5}
",
    ),
    example(
        "the top of the recipe",
        "The last five checkpoints of a run, each with 0.8 times the weight of the next one:",
        "\
merge_method: linear
sources: checkpoints/step-*
window: 5
decay: 0.8
",
    ),
    example(
        "the top of the recipe",
        "Runs of layers instead of whole models. Other documents of the recipe may name this one's merge `stacked`:",
        "\
name: stacked
merge_method: passthrough
slices:
  - sources:
      - {model: models/base, layer_range: [0, 2]}
  - sources:
      - {model: models/ko-en, layer_range: [1, 3]}
",
    ),
    example(
        "the top of the recipe",
        "The vocabulary of all models, with the number of rows rounded up to a multiple of 64:",
        "\
tokenizer: {source: union, pad_to_multiple_of: 64}
",
    ),
    example(
        "the top of the recipe",
        "One part of a model under its name, as mergekit-multi writes it:",
        "\
modules:
  text_model:
    models: [{model: models/base}, {model: models/ko-en}]
    parameters: {weight: 0.5}
",
    ),
    example(
        "an entry of `modules`",
        "The module has models or slices, and parameters that come before the recipe's:",
        "\
modules:
  text_model:
    slices:
      - sources: [{model: models/base, layer_range: [0, 3]}, {model: models/ko-en, layer_range: [0, 3]}]
    parameters: {weight: 0.5}
",
    ),
    example(
        "an entry of `modules`",
        "The same with whole models:",
        "\
modules:
  text_model:
    models: [{model: models/base}, {model: models/ko-en}]
    parameters: {weight: 0.5}
",
    ),
    example(
        "an entry of `models`",
        "A model and its share:",
        "\
models:
  - model: models/base
    parameters: {weight: 0.4}
  - model: models/ko-en
    parameters: {weight: 0.6}
",
    ),
    example(
        "an entry of `slices`",
        "A slice with a base and parameters of its own:",
        "\
slices:
  - base_model: models/base
    sources:
      - {model: models/base, layer_range: [0, 3]}
      - {model: models/ko-en, layer_range: [0, 3]}
    parameters: {weight: 0.5}
",
    ),
    example(
        "an entry of `sources`",
        "Layers 0, 1 and 2 of two models, one of them at a weight of its own:",
        "\
slices:
  - sources:
      - {model: models/base, layer_range: [0, 3], parameters: {weight: 0.3}}
      - {model: models/ko-en, layer_range: [0, 3], parameters: {weight: 0.7}}
",
    ),
    example(
        "an entry of a parameter's list",
        "Another weight for tensors whose name contains `attention`, and another for the embedding rows of Korean tokens:",
        "\
parameters:
  weight:
    - {filter: attention, value: 0.3}
    - {rows: {script: Hangul}, value: 0.9}
    - {value: 0.5}
",
    ),
    example(
        "`rows` of a condition",
        "Rows of Korean and Chinese tokens:",
        "\
parameters:
  weight:
    - {rows: {script: [Hangul, Han]}, value: 0.9}
    - {value: 0.5}
",
    ),
    example(
        "the map form of `model` and `base_model`",
        "A model with a LoRA adapter. The text `models/base+adapters/ko` means the same:",
        "\
models:
  - model:
      model: {path: models/base}
      lora: {path: adapters/ko}
  - model:
      model: {path: models/ko-en}
      override_architecture: BertModel
",
    ),
    example(
        "`model` in the map form of a model reference",
        "A commit of a model of the Hub:",
        "\
models:
  - model: {model: {path: org/name, revision: main}}
  - model: models/ko-en
",
    ),
    example(
        "`tokenizer`",
        "The vocabulary of all models, a rule for one token, and padding:",
        "\
tokenizer:
  source: union
  pad_to_multiple_of: 64
  tokens:
    \"<query>\": {source: models/ko-en, force: true}
",
    ),
    example(
        "an entry of `tokens`",
        "Every model takes the row of `ko-en` for this token:",
        "\
tokenizer:
  tokens:
    \"<query>\": {source: models/ko-en, force: true}
",
    ),
    example(
        "`source` in the rule of a token",
        "The row of another token of a model, a row by its number, and zeros:",
        "\
tokenizer:
  source: union
  tokens:
    \"<query>\": {source: {kind: model_token, model: models/ko-en, token: \"<s>\"}}
    \"<passage>\": {source: {kind: model_token, model: models/ko-en, token_id: 2}}
    \"<unused>\": {source: {kind: zero}}
",
    ),
];

/// Of sweep files.
pub(super) const SWEEP: &[Example] = &[
    example(
        "the top of the sweep file",
        "The recipe may stand in the file, or be the path of a file beside it (`recipe: ratio.yaml`):",
        "\
study: ko-en
recipe:
  merge_method: task_arithmetic
  base_model: models/base
  models: [{model: models/ko-en, parameters: {weight: \"${w}\"}}]
params:
  w: {min: 0, max: 1, step: 0.1}
data:
  ko-ko: sets/ko-ko
  ko-en: {path: sets/ko-en, queries: 500}
objectives:
  mono: {metric: ndcg@10, mean: [ko-ko]}
  cross: {metric: ndcg@10, mean: [ko-en]}
",
    ),
    example(
        "the top of the sweep file",
        "The search sees one split; only `admix sweep confirm` sees the other. Both parents and their plain average are always \
         scored. At most forty trials run, and none begins after six hours:",
        "\
baselines: [parents, uniform]
select: {split: dev}
report: {split: test}
search: {method: racing}
budget: {trials: 40, wall: 6h}
",
    ),
    example(
        "the top of the sweep file",
        "The merged checkpoints of the Pareto front are kept (those points that no other point beats on every objective), and the \
         study has a folder of its own:",
        "\
keep: front
store: out/study
",
    ),
    example(
        "the top of the sweep file",
        "What may be lost: a share of the reference's score, a difference, or a least score, of an objective or of a data set in one \
         direction. Without a limit of its own no data set and direction may lose more than 2 %:",
        "\
keep: {ko-ko: \">= -1%\", ko-en: \">= 0.3\"}
",
    ),
    example(
        "the top of the sweep file",
        "A sweep over rerankers, which order what a retriever finds:",
        "\
rerank: {first_stage: bge-m3}
",
    ),
    example(
        "the top of the sweep file",
        "How texts are encoded and scored. Without these keys the settings are the models' own, computed in float32 on the \
         processor, with MTEB's rules:",
        "\
prompts: {query: \"query: \", document: \"passage: \"}
max_length: 256
dtype: float16
device: cuda:0
allow: [prompts]
compat: trec
",
    ),
    example(
        "a parameter under `params`",
        "Ranges in steps, and a list of values. Without a `step` any value may be taken (for `sobol`, `cmaes` and `bayes`):",
        "\
recipe:
  merge_method: ties
  base_model: models/base
  models: [{model: models/ko-en, parameters: {weight: \"${w}\", density: \"${d}\"}}]
  parameters: {lambda: \"${l}\"}
params:
  w: {min: 0, max: 1, step: 0.1}
  d: {min: 0.2, max: 1, step: 0.2}
  l: {values: [0.8, 1, 1.2]}
",
    ),
    example(
        "a parameter under `params`",
        "The same in short:",
        "\
recipe:
  merge_method: ties
  base_model: models/base
  models: [{model: models/ko-en, parameters: {weight: \"${w}\", density: \"${d}\"}}]
params:
  w: 0:1:0.1
  d: [0.2, 0.5, 1]
",
    ),
    example(
        "a parameter under `params`",
        "A weight for the attention and one for the feed-forward network of every layer, one for the table of token embeddings, and one \
         for the rest. The groups of tensors are those of `admix learn --by`:",
        "\
recipe:
  merge_method: task_arithmetic
  base_model: models/base
  models: [{model: models/ko-en, parameters: {weight: \"${w}\"}}]
params:
  w: {min: 0, max: 1, by: layer+part}
search: {method: bayes}
",
    ),
    example(
        "`simplex` under `params`",
        "Three weights that sum to 1, in steps of a quarter. A *simplex* is the set of all weights that sum to 1; with three \
         models it is a triangle:",
        "\
recipe:
  merge_method: linear
  models:
    - {model: models/base, parameters: {weight: \"${a}\"}}
    - {model: models/ko-en, parameters: {weight: \"${b}\"}}
    - {model: models/ko-ko, parameters: {weight: \"${c}\"}}
params:
  simplex: {of: [a, b, c], step: 0.25}
",
    ),
    example(
        "an entry of `data`",
        "A whole data set, the first 500 queries of another, and one that bge-m3's heads search in two ways:",
        "\
data:
  ko-ko: {path: sets/ko-ko}
  ko-en: {path: sets/ko-en, queries: 500}
  words: {path: sets/ko-ko, retrieval: sparse}
  heads: {path: sets/ko-ko, retrieval: \"dense=0.4,sparse=0.2,late=0.4\"}
",
    ),
    example(
        "an objective under `objectives`",
        "The mean of two data sets, and one data set alone:",
        "\
objectives:
  mono: {metric: ndcg@10, mean: [ko-ko, en-en]}
  cross: {metric: recall@100, mean: ko-en}
data: {ko-ko: sets/ko-ko, en-en: sets/ko-en, ko-en: sets/ko-en}
",
    ),
    example(
        "an entry of an objective's `mean`",
        "One direction of a data set that has several. The text `parallel:ko-en` means the same:",
        "\
data: {parallel: sets/ko-en, ko-ko: sets/ko-ko}
objectives:
  mono: {metric: ndcg@10, mean: [ko-ko]}
  cross: {metric: ndcg@10, mean: [{data: parallel, direction: ko-en}]}
",
    ),
    example(
        "`select` and `report`",
        "The search sees one half of the queries of the split `dev`, and the confirmation sees the other half:",
        "\
select: {split: dev, part: 1/2}
report: {split: dev, part: 2/2}
",
    ),
    example(
        "`search`",
        "A race. The seed decides which queries the samples have:",
        "\
search: {method: racing, seed: 7}
",
    ),
    example(
        "`search`",
        "An evolution strategy that searches for five balances of the objectives:",
        "\
recipe:
  merge_method: ties
  base_model: models/base
  models: [{model: models/ko-en, parameters: {weight: \"${w}\", density: \"${d}\"}}]
params: {w: {min: 0, max: 1}, d: {min: 0.1, max: 1}}
search: {method: cmaes, scalarisations: 5}
",
    ),
    example(
        "`budget`",
        "At most forty trials, and none begins after an hour and a half:",
        "\
budget: {trials: 40, wall: 1h30m}
",
    ),
    example(
        "`prompts`",
        "What is put in front of queries and documents, as E5 models expect it:",
        "\
prompts: {query: \"query: \", document: \"passage: \"}
",
    ),
    example(
        "`rerank`",
        "A sweep over rerankers, each of which orders the fifty documents that a retriever finds for a query:",
        "\
rerank: {first_stage: bge-m3, top_k: 50}
",
    ),
];

/// Of the searches.
pub(super) const SEARCHES: &[Example] = &[
    example(
        "grid",
        "Eleven trials:",
        "\
params: {w: {min: 0, max: 1, step: 0.1}}
search: grid
",
    ),
    example(
        "lattice",
        "Six points of a triangle: each model alone, and each pair in equal shares:",
        "\
recipe:
  merge_method: linear
  models:
    - {model: models/base, parameters: {weight: \"${a}\"}}
    - {model: models/ko-en, parameters: {weight: \"${b}\"}}
    - {model: models/ko-ko, parameters: {weight: \"${c}\"}}
params: {simplex: {of: [a, b, c], step: 0.5}}
search: lattice
",
    ),
    example(
        "racing",
        "Twenty-one points, of which most are stopped before they are scored on everything:",
        "\
params: {w: {min: 0, max: 1, step: 0.05}}
search: racing
",
    ),
    example(
        "sobol",
        "Sixteen points spread over a square:",
        "\
recipe:
  merge_method: ties
  base_model: models/base
  models: [{model: models/ko-en, parameters: {weight: \"${w}\", density: \"${d}\"}}]
params: {w: {min: 0, max: 1}, d: {min: 0.1, max: 1}}
search: {method: sobol, seed: 7}
budget: {trials: 16}
",
    ),
    example(
        "greedy",
        "A soup of three fine-tunes:",
        "\
recipe:
  merge_method: linear
  models:
    - {model: models/base, parameters: {weight: \"${a}\"}}
    - {model: models/ko-en, parameters: {weight: \"${b}\"}}
    - {model: models/ko-ko, parameters: {weight: \"${c}\"}}
params: {simplex: {of: [a, b, c]}}
search: greedy
",
    ),
    example(
        "cmaes",
        "At most 200 trials in search of three balances of the objectives:",
        "\
recipe:
  merge_method: ties
  base_model: models/base
  models: [{model: models/ko-en, parameters: {weight: \"${w}\", density: \"${d}\"}}]
params: {w: {min: 0, max: 1}, d: {min: 0.1, max: 1}}
search: {method: cmaes, scalarisations: 3, seed: 1}
budget: {trials: 200}
",
    ),
    example(
        "bayes",
        "A weight for every layer and part of two models; the first points have one weight for a whole model:",
        "\
recipe:
  merge_method: task_arithmetic
  base_model: models/base
  models:
    - {model: models/ko-en, parameters: {weight: \"${a}\"}}
    - {model: models/ko-ko, parameters: {weight: \"${b}\"}}
params: {a: {min: 0, max: 1, by: layer+part}, b: {min: 0, max: 1, by: layer+part}}
search: {method: bayes, seed: 1}
budget: {trials: 40}
",
    ),
];

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::recipe::Recipe;
    use crate::sweep::Spec;

    /// The example with the parts of a whole file that it lacks: each part is left out where the example has one of the words.
    fn completed(example: &str, rest: &[(&[&str], &str)]) -> String {
        let lacking = rest.iter().filter(|(words, _)| !words.iter().any(|word| example.contains(word)));
        lacking.map(|(_, part)| format!("{part}\n")).chain([example.to_owned()]).collect()
    }

    #[test]
    fn every_example_of_a_recipe_is_accepted() {
        let rest: [(&[&str], &str); 3] = [
            (&["merge_method:"], "merge_method: linear"),
            (&["models:", "sources:", "slices:", "modules:"], "models: [{model: models/base}, {model: models/ko-en}]"),
            (&["weight:", "passthrough", "decay:"], "parameters: {weight: 0.5}"),
        ];
        let folder = tempfile::tempdir().unwrap();
        for step in 1..=5 {
            let checkpoint = folder.path().join(format!("checkpoints/step-{step}"));
            std::fs::create_dir_all(&checkpoint).unwrap();
            std::fs::write(checkpoint.join("config.json"), "{}").unwrap();
        }
        for example in RECIPE {
            let text = completed(example.yaml, &rest);
            let read = Recipe::parse_in(&text, "example", Some(folder.path().to_path_buf()), &BTreeMap::new());
            assert!(read.is_ok(), "{text}\n{:?}", read.err());
        }
    }

    #[test]
    fn every_example_of_a_sweep_file_is_accepted() {
        let slerp = "recipe: {merge_method: slerp, base_model: models/base, models: [{model: models/ko-en}], parameters: {t: \"${w}\"}}";
        let rest: [(&[&str], &str); 4] = [
            (&["recipe:"], slerp),
            (&["params:"], "params: {w: {min: 0, max: 1, step: 0.1}}"),
            (&["data:"], "data: {ko-ko: sets/ko-ko, ko-en: sets/ko-en}"),
            (&["objectives:"], "objectives: {mono: {mean: [ko-ko]}, cross: {mean: [ko-en]}}"),
        ];
        let folder = tempfile::tempdir().unwrap();
        for name in ["sets/ko-ko", "sets/ko-en", "bge-m3"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        for example in SWEEP.iter().chain(SEARCHES) {
            let text = completed(example.yaml, &rest);
            let read = Spec::parse(&text, "example", Some(folder.path()));
            assert!(read.is_ok(), "{text}\n{:?}", read.err());
        }
    }
}
