//! Rows of vocabulary tensors with parameters of their own, by the script of their tokens.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use admix::kernel::SimdLevel;
use admix::merge::{Access, TILE};
use safetensors::Dtype;
use tempfile::TempDir;

use super::bytes::{merge, plan};
use super::fault_table::{FAULT, Fault, check};
use super::support::{
    LINEAR, Tensor, Tensors, config, mix, pair, read_tensors, run, stdout_json, tensors, write_json, write_model,
};

/// Rows of the vocabulary tensors; the last few have no token.
const ROWS: usize = 401;
const TOKENS: usize = 390;
/// Elements of a row: no tile and no block ends with one.
const WIDTH: usize = 97;

const EMBEDDINGS: &str = "embeddings.word_embeddings.weight";
const BIAS: &str = "cls.predictions.bias";
const DENSE: &str = "pooler.dense.weight";

/// A token and its class: 0 for Hangul, 1 for Latin and special, 2 for all others.
fn token(row: usize) -> (&'static str, usize) {
    const KINDS: [(&str, usize); 10] = [
        ("한글", 0),
        ("##는", 0),
        ("\u{1112}\u{1161}\u{11ab}", 0),
        ("the", 1),
        ("##ing", 1),
        ("[MASK]", 1),
        ("漢字", 2),
        ("2024", 2),
        ("A형", 2),
        ("да", 2),
    ];
    KINDS[mix(row as u32, 5) as usize % KINDS.len()]
}

fn class(row: usize) -> usize {
    if row < TOKENS { token(row).1 } else { 2 }
}

fn model(folder: &Path, name: &str, rows: &[(&str, Tensor)]) {
    let folder = folder.join(name);
    let tensors: Tensors = rows.iter().map(|(name, tensor)| ((*name).to_owned(), tensor.clone())).collect();
    write_model(&folder, &tensors);
    let mut config = config();
    config["vocab_size"] = ROWS.into();
    write_json(&folder.join("config.json"), &config);
    let lines: Vec<&str> = (0..TOKENS).map(|row| token(row).0).collect();
    fs::write(folder.join("vocab.txt"), lines.join("\n")).unwrap();
}

/// A folder with `base`, `one` and `two`.
fn models(dtype: Dtype) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    // Steps of an eighth: many differences are zero or equal.
    let tensor = |shape: &[usize], seed: u32| {
        let count = shape.iter().product::<usize>() as u32;
        Tensor::floats(dtype, shape, (0..count).map(|index| f64::from(mix(index, seed) % 64) / 8.0 - 4.0))
    };
    for (at, name) in ["base", "one", "two"].into_iter().enumerate() {
        let seed = 10 * at as u32;
        let rows = [
            (EMBEDDINGS, tensor(&[ROWS, WIDTH], seed)),
            (BIAS, tensor(&[ROWS], seed + 1)),
            (DENSE, tensor(&[WIDTH, WIDTH], seed + 2)),
        ];
        model(folder.path(), name, &rows);
    }
    folder
}

/// A value for each class of rows of the embeddings. Of the bias, rows of Hangul are treated as all others.
fn by_row([hangul, latin, others]: [f64; 3]) -> String {
    format!(
        "[{{filter: word_embeddings, rows: {{script: hangul}}, value: {hangul}}}, \
         {{rows: {{script: [Latin, special]}}, value: {latin}}}, {{value: {others}}}]"
    )
}

/// Methods with shared parameters, and which parameter differs by row.
const METHODS: [(&str, &str); 22] = [
    ("linear", "weight"),
    ("linear normalize:false", "weight"),
    ("slerp_chain", "weight"),
    ("task_arithmetic base lambda:0.7", "weight"),
    ("task_arithmetic base normalize:true", "weight"),
    ("task_arithmetic base", "lambda"),
    ("nuslerp base", "weight"),
    ("nuslerp base nuslerp_flatten:false", "weight"),
    ("nuslerp base nuslerp_flatten:false nuslerp_row_wise:true", "weight"),
    ("nuslerp", "weight"),
    ("multislerp base", "weight"),
    ("multislerp", "weight"),
    ("ties base density:0.4", "weight"),
    ("ties base density:0.4 rescale:true normalize:false", "lambda"),
    ("dare_linear base density:0.6", "weight"),
    ("dare_ties base density:0.6", "weight"),
    ("della base density:0.5 epsilon:0.2", "weight"),
    ("breadcrumbs base density:0.5", "weight"),
    ("breadcrumbs_ties base density:0.5", "lambda"),
    ("slerp base", "t"),
    ("nearswap base", "t"),
    ("passthrough", "scale"),
];

const VALUES: [[f64; 3]; 2] = [[0.9, 0.0, 0.5], [0.3, 0.7, 0.2]];

/// A recipe in which `parameter` has what `values` gives for each model.
fn recipe(method: &str, parameter: &str, values: impl Fn(usize) -> String) -> String {
    let mut words = method.split(' ');
    let name = words.next().unwrap();
    let mut text = format!("merge_method: {name}\n");
    let shared: Vec<&str> = words.filter(|word| *word != "base").collect();
    if method.contains(" base") {
        text += "base_model: FOLDER/base\n";
    }
    let single = matches!(name, "slerp" | "nearswap" | "passthrough");
    text += "models:\n";
    for (at, model) in ["one", "two"].iter().enumerate().skip(usize::from(single)) {
        writeln!(text, "  - model: FOLDER/{model}").unwrap();
        match parameter {
            "weight" => writeln!(text, "    parameters: {{weight: {}}}", values(at)).unwrap(),
            "lambda" => writeln!(text, "    parameters: {{weight: {}}}", [0.8, -0.3][at]).unwrap(),
            _ => {}
        }
    }
    text += "parameters:\n  # of the method\n";
    for word in shared {
        writeln!(text, "  {}", word.replace(':', ": ")).unwrap();
    }
    if parameter != "weight" {
        writeln!(text, "  {parameter}: {}", values(0)).unwrap();
    }
    text.replace("parameters:\n  # of the method\n", if text.ends_with("method\n") { "" } else { "parameters:\n" })
}

/// Each row is what it is where all rows have its values.
#[test]
fn each_row_is_as_in_a_merge_with_its_values_throughout() {
    let folder = models(Dtype::F32);
    for (method, parameter) in METHODS {
        let whole: Vec<Tensors> = (0..3)
            .map(|class| {
                let text = recipe(method, parameter, |model| VALUES[model][class].to_string());
                merge(&plan(folder.path(), &text), 1, TILE, SimdLevel::PORTABLE, Access::Read)
            })
            .collect();
        let text = recipe(method, parameter, |model| by_row(VALUES[model]));
        let plan = plan(folder.path(), &text);
        assert!(plan.warnings.is_empty(), "{method}: {:?}", plan.warnings);
        let merged = merge(&plan, 1, TILE, SimdLevel::PORTABLE, Access::Read);
        for (name, expected) in [(EMBEDDINGS, WIDTH), (BIAS, 1)].map(|(name, width)| {
            let size = width * 4;
            let class = |row: usize| if name == BIAS && class(row) == 0 { 2 } else { class(row) };
            let rows = (0..ROWS).flat_map(|row| whole[class(row)][name].bytes[row * size..][..size].to_vec());
            (name, rows.collect::<Vec<u8>>())
        }) {
            assert!(merged[name].bytes == expected, "{method}: {name}");
        }
        assert!(merged[DENSE] == whole[2][DENSE], "{method}");
        for (threads, tile, level, access) in [
            (3, 1, SimdLevel::best(), Access::Map),
            (2, 4 * TILE, SimdLevel::available()[SimdLevel::available().len() / 2], Access::Read),
        ] {
            assert!(merge(&plan, threads, tile, level, access) == merged, "{method} with tiles of {tile}");
        }
    }
}

/// The formulas in f64, one element at a time.
fn naive(method: &str, weights: [f64; 2], whole: &Whole, base: f64, x: [f64; 2]) -> f64 {
    let delta = [x[0] - base, x[1] - base];
    let [a, b] = weights;
    match method {
        "linear" => (a * x[0] + b * x[1]) / (a + b),
        "task_arithmetic base lambda:0.7" => base + 0.7 * (a * delta[0] + b * delta[1]),
        "ties base density:0.4" => {
            let kept = [0, 1].map(|i| if delta[i].abs() >= whole.least[i] { weights[i] * delta[i] } else { 0.0 });
            let sign = if kept[0] + kept[1] >= 0.0 { 1.0 } else { -1.0 };
            let agree = [0, 1].map(|i| kept[i] * sign > 0.0);
            let sum = |of: [f64; 2]| (0..2).filter(|i| agree[*i]).map(|i| of[i]).sum::<f64>();
            base + if agree == [false; 2] { 0.0 } else { sum(kept) / sum(weights) }
        }
        "slerp base" => {
            let (t, theta) = (a, whole.angle);
            libm::sin((1.0 - t) * theta) / libm::sin(theta) * base + libm::sin(t * theta) / libm::sin(theta) * x[1]
        }
        other => panic!("{other}"),
    }
}

/// What methods find of whole tensors.
struct Whole {
    /// The smallest magnitude that stays of each task vector.
    least: [f64; 2],
    /// The angle between base and the second model.
    angle: f64,
}

impl Whole {
    fn of(base: &[f64], models: [&[f64]; 2]) -> Self {
        let least = models.map(|model| {
            let mut sizes: Vec<f64> = model.iter().zip(base).map(|(x, base)| (x - base).abs()).collect();
            sizes.sort_by(|a, b| b.total_cmp(a));
            sizes[sizes.len() * 4 / 10 - 1]
        });
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let norms = (dot(base, base) * dot(models[1], models[1])).sqrt();
        Self { least, angle: libm::acos(dot(base, models[1]) / norms) }
    }
}

#[test]
fn rows_agree_with_the_formulas_in_f64() {
    for seed in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let random = |seed: u32| Tensor::random(&[ROWS, 3], seed);
        let parts = [random(100 * seed), random(100 * seed + 1), random(100 * seed + 2)];
        for (name, tensor) in ["base", "one", "two"].into_iter().zip(&parts) {
            model(folder.path(), name, &[(EMBEDDINGS, tensor.clone())]);
        }
        let [base, one, two] = parts.map(|tensor| tensor.values());
        let whole = Whole::of(&base, [&one, &two]);
        let number = |index: u32| {
            f64::from(mix(index, seed + 77) % 1000) / 1000.0 - if index.is_multiple_of(3) { 0.0 } else { 0.2 }
        };
        let values = [[number(0), number(1), number(2)], [1.1, 0.8, 0.9]];
        for (method, parameter) in [
            ("linear", "weight"),
            ("task_arithmetic base lambda:0.7", "weight"),
            ("ties base density:0.4", "weight"),
            ("slerp base", "t"),
        ] {
            let plan = plan(folder.path(), &recipe(method, parameter, |model| by_row(values[model])));
            let merged = merge(&plan, 2, TILE, SimdLevel::best(), Access::Read)[EMBEDDINGS].values();
            for (index, got) in merged.iter().enumerate() {
                let class = class(index / 3);
                let weights = [values[0][class], values[1][class]];
                let exact = naive(method, weights, &whole, base[index], [one[index], two[index]]);
                assert!((got - exact).abs() < 1e-5 * exact.abs().max(1.0), "{method}: {got} is not {exact} at {index}");
            }
        }
    }
}

#[test]
fn rows_with_the_same_values_as_all_others_change_nothing() {
    let folder = models(Dtype::BF16);
    for values in ["[{rows: {script: Hangul}, value: 0.5}, {value: 0.5}]", "{rows: {script: Thai}, value: 3}"] {
        let plain = recipe("ties base density:0.4", "weight", |_| "0.5".to_owned());
        let rows = recipe("ties base density:0.4", "weight", |_| values.to_owned());
        // A level whose conditions hold for no row leaves all to the next.
        let rows = format!("{rows}  weight: 0.5\n");
        let result = |text: &str| merge(&plan(folder.path(), text), 2, TILE, SimdLevel::best(), Access::Read);
        assert!(result(&plain) == result(&rows), "{values}");
    }
    let unseen = plan(
        folder.path(),
        &recipe("linear", "weight", |_| "[{rows: {script: Thai}, value: 3}, {value: 1}]".to_owned()),
    );
    assert_eq!(unseen.warnings, ["`rows: {script: Thai}` holds for no row of a vocabulary tensor"]);
}

#[test]
fn the_plan_shows_the_rows() {
    let folder = models(Dtype::F32);
    let text = recipe("task_arithmetic base", "weight", |model| by_row(VALUES[model])).replace("FOLDER/", "");
    fs::write(folder.path().join("recipe.yaml"), text.replace("value: 0.9}", "value: \"${w}\"}")).unwrap();
    let arguments = ["plan", "recipe.yaml", "--set", "w=0.9"];
    let shown = String::from_utf8(run(folder.path(), &arguments).stdout).unwrap();
    let count = |wanted: usize| (0..ROWS).filter(|row| class(*row) == wanted).count();
    for part in [
        format!("{} rows Hangul   weight[one] 0.9, weight[two] 0.3\n", count(0)),
        "rows special  weight[one] 0, weight[two] 0.7\n".to_owned(),
        format!("{} rows others   weight[one] 0.5, weight[two] 0.2\n", count(2)),
    ] {
        assert!(shown.contains(&part), "no {part} in\n{shown}");
    }
    let plan = stdout_json(&run(folder.path(), &[&arguments[..], &["--json"]].concat()));
    let group = plan["groups"].as_array().unwrap().iter().find(|group| group["template"] == EMBEDDINGS).unwrap();
    assert_eq!(group["rows"][0]["name"], "Hangul");
    assert_eq!(group["rows"][0]["count"], count(0));
    assert_eq!(group["rows"][0]["parameters"]["weight[one]"], "0.9");
    let all: u64 = group["rows"].as_array().unwrap().iter().map(|rows| rows["count"].as_u64().unwrap()).sum();
    assert_eq!(all, ROWS as u64);
}

#[test]
fn a_byte_level_tokenizer_is_read_as_bytes() {
    let folder = tempfile::tempdir().unwrap();
    // `서` in the spelling of byte-level vocabularies, its first two bytes, `Ġthe`, and a special token.
    let tokenizer = r#"{"model": {"type": "BPE", "vocab": {"ìĦľ": 0, "ìĦ": 1, "Ġthe": 2}, "merges": []},
        "added_tokens": [{"id": 3, "content": "<s>", "special": true}], "pre_tokenizer": {"type": "ByteLevel"}}"#;
    for (name, value) in [("a", 0.0), ("b", 1.0)] {
        let table = Tensor::floats(Dtype::F32, &[4, 1], [value; 4]);
        write_model(&folder.path().join(name), &tensors([("wte.weight", table)]));
        let mut config = config();
        config["vocab_size"] = 4.into();
        write_json(&folder.path().join(name).join("config.json"), &config);
        fs::write(folder.path().join(name).join("tokenizer.json"), tokenizer).unwrap();
    }
    let text = "merge_method: task_arithmetic\nbase_model: a\nmodels: [{model: b}]\nparameters:\n  weight:\n    \
                - {rows: {script: Hangul}, value: 1}\n    - {rows: {script: none}, value: 2}\n    \
                - {rows: {script: Latin}, value: 3}\n    - {rows: {script: special}, value: 4}\n    - {value: 0}\n";
    fs::write(folder.path().join("recipe.yaml"), text).unwrap();
    run(folder.path(), &["merge", "recipe.yaml", "-o", "out"]);
    assert_eq!(read_tensors(&folder.path().join("out/model.safetensors"))["wte.weight"].values(), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn a_merged_vocabulary_has_the_scripts_of_its_own_tokens() {
    let folder = tempfile::tempdir().unwrap();
    for (name, token, value) in [("a", "the", 1.0), ("b", "가", 2.0)] {
        let model = folder.path().join(name);
        write_model(&model, &tensors([(EMBEDDINGS, Tensor::floats(Dtype::F32, &[2, 1], [value; 2]))]));
        let mut config = config();
        config["vocab_size"] = 2.into();
        write_json(&model.join("config.json"), &config);
        let tokenizer = format!(
            r#"{{"model": {{"type": "BPE", "vocab": {{"<s>": 0, "{token}": 1}}, "merges": []}},
            "added_tokens": [{{"id": 0, "content": "<s>", "special": true}}]}}"#
        );
        fs::write(model.join("tokenizer.json"), tokenizer).unwrap();
    }
    let text = "merge_method: linear\ntokenizer_source: union\nmodels:\n  \
                - {model: a, parameters: {weight: [{rows: {script: Hangul}, value: 0}, {value: 0.5}]}}\n  \
                - {model: b, parameters: {weight: [{rows: {script: Hangul}, value: 3}, {value: 0.5}]}}\n\
                parameters: {normalize: false}\n";
    fs::write(folder.path().join("recipe.yaml"), text).unwrap();
    run(folder.path(), &["merge", "recipe.yaml", "-o", "out"]);
    assert_eq!(read_tensors(&folder.path().join("out/model.safetensors"))[EMBEDDINGS].values(), [1.5, 1.0, 6.0]);
}

/// The recipe of [`pair`] with a condition as the first weight, and a tokenizer for both models.
fn condition(folder: &Path, condition: &str, vocabulary: Option<(&str, &str)>) {
    fs::write(folder.join("recipe.yaml"), LINEAR.replacen("0.5", condition, 1)).unwrap();
    for model in ["a", "b"] {
        if let Some((name, text)) = vocabulary {
            fs::write(folder.join(model).join(name), text).unwrap();
        }
    }
}

#[test]
fn conditions_on_rows_that_cannot_hold_are_refused_at_their_place() {
    const RECIPE: Fault = Fault { code: 2, ..FAULT };
    check(
        &[
            Fault {
                name: "unknown script",
                arrange: |folder| condition(folder, "{rows: {script: Hangull}, value: 1}", None),
                says: &["unknown script `Hangull`", "recipe.yaml:5:31", "^^^^^^^"],
                hint: "did you mean `Hangul`?",
                ..RECIPE
            },
            Fault {
                name: "unknown script in a list",
                arrange: |folder| condition(folder, "{rows: {script: [Han, Korean]}, value: 1}", None),
                says: &["unknown script `Korean`", "recipe.yaml:5:37"],
                hint: "did you mean `Hangul`?",
                ..RECIPE
            },
            Fault {
                name: "a script where a map is expected",
                arrange: |folder| condition(folder, "{rows: Hangul, value: 1}", None),
                says: &["expected `rows` as a map, found `Hangul`", "recipe.yaml:5:22"],
                hint: "write `rows: {script: Hangul}`",
                ..RECIPE
            },
            Fault {
                name: "no script",
                arrange: |folder| condition(folder, "{rows: {script: []}, value: 1}", None),
                says: &["the list of scripts is empty", "recipe.yaml:5:31"],
                hint: "Hangul, Han, Latin",
                ..RECIPE
            },
            Fault {
                name: "unknown key of rows",
                arrange: |folder| condition(folder, "{rows: {scripts: Han}, value: 1}", None),
                says: &["unknown key `scripts` in `rows`", "recipe.yaml:5:23"],
                hint: "did you mean `script`?",
                ..RECIPE
            },
            Fault {
                name: "a parameter that is one for the whole tensor",
                arrange: |folder| {
                    let text = "merge_method: ties\nbase_model: a\nmodels: [{model: b}]\nparameters:\n  weight: 1\n  \
                                density: [{rows: {script: Han}, value: 1}, {value: 0.5}]\n";
                    fs::write(folder.join("recipe.yaml"), text).unwrap();
                },
                says: &["`density` is one for all rows of a tensor", "recipe.yaml:6:14"],
                hint: "in `ties`, `rows` goes with `weight` and `lambda`",
                ..RECIPE
            },
            Fault {
                name: "a method without such parameters",
                arrange: |folder| {
                    let text = "merge_method: sce\nbase_model: a\nmodels: [{model: b}]\nparameters:\n  \
                                select_topk: {rows: {script: Han}, value: 1}\n";
                    fs::write(folder.join("recipe.yaml"), text).unwrap();
                },
                says: &["`select_topk` is one for all rows of a tensor", "recipe.yaml:5:17"],
                hint: "`sce` has no parameter that may differ from row to row",
                ..RECIPE
            },
        ],
        pair,
    );
}

#[test]
fn rows_without_a_value_or_a_token_are_refused() {
    check(
        &[
            Fault {
                name: "rows without a value",
                arrange: |folder| {
                    condition(
                        folder,
                        "{rows: {script: Han}, value: 1}",
                        Some(("vocab.txt", "a\nb\nc\nd\ne\nf\ng\n漢\n")),
                    );
                },
                says: &["`weight` has no value for tensor `embeddings.word_embeddings.weight, rows others` of `a`"],
                hint: "add an entry without a filter as the last one",
                code: 2,
                ..FAULT
            },
            Fault {
                name: "no tokenizer",
                arrange: |folder| condition(folder, "[{rows: {script: Han}, value: 1}, {value: 0}]", None),
                says: &[
                    "`rows` needs the tokens of `a`: `a` has no tokenizer.json and no other tokenizer",
                    "recipe.yaml:5:23",
                ],
                ..FAULT
            },
            Fault {
                name: "a tokenizer that cannot be read",
                arrange: |folder| {
                    condition(folder, "[{rows: {script: Han}, value: 1}, {value: 0}]", Some(("tokenizer.json", "{")));
                },
                says: &["`rows` needs the tokens of `a`: `a/tokenizer.json`: not valid: EOF", "recipe.yaml:5:23"],
                ..FAULT
            },
            Fault {
                name: "a tokenizer that says nothing of its tokens",
                arrange: |folder| {
                    condition(folder, "[{rows: {script: Han}, value: 1}, {value: 0}]", Some(("spiece.model", "x")));
                },
                says: &["`a` has no tokenizer.json, only spiece.model"],
                hint: "save_pretrained",
                ..FAULT
            },
        ],
        pair,
    );
}
