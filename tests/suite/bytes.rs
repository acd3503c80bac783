//! The output does not depend on threads, tiles or instruction sets.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use admix::Cancel;
use admix::kernel::SimdLevel;
use admix::merge::{self, Access, Sink, SinkError};
use admix::plan::{self, Plan};
use admix::recipe::Recipe;
use safetensors::Dtype;
use tempfile::TempDir;

use super::support::{Tensor, Tensors, admix, mix, run, tensors, write_model};

/// More than five tiles of the largest size here, and no whole number of blocks.
pub(crate) const ELEMENTS: usize = 5 * 65_536 + 4321;

/// Steps of an eighth: with few magnitudes most differences have equals, and every format holds them exactly.
fn base_value(index: u32, seed: u32) -> f64 {
    f64::from(mix(index, seed) % 32) / 8.0 - 2.0
}

/// One of ±1/4, ±1/2, ±3/4, ±1; many elements share each magnitude.
pub(crate) fn change(index: u32, seed: u32) -> f64 {
    let pick = mix(index, seed) % 8;
    f64::from(pick % 4 + 1) / 4.0 * if pick < 4 { 1.0 } else { -1.0 }
}

fn model(dtype: Dtype, elements: usize, change: impl Fn(u32) -> f64) -> Tensors {
    let tensor = |shape: &[usize], seed| {
        let count = shape.iter().product::<usize>() as u32;
        Tensor::floats(dtype, shape, (0..count).map(|index| base_value(index, seed) + change(index ^ seed)))
    };
    tensors([
        ("embeddings.weight", tensor(&[elements], 0)),
        ("pooler.bias", tensor(&[1000], 1)),
        ("pooler.scale", tensor(&[1], 2)),
        // Rows that no block and no tile ends with, a row longer than the smallest tile, and three dimensions.
        ("dense.weight", tensor(&[1201, 97], 3)),
        ("wide.weight", tensor(&[3, 20_011], 4)),
        ("deep.weight", tensor(&[7, 3, 11], 5)),
    ])
}

/// A folder with `base`, `one` and `two` in that format.
pub(crate) fn models(dtype: Dtype) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_model(&folder.path().join("base"), &model(dtype, ELEMENTS, |_| 0.0));
    write_model(&folder.path().join("one"), &model(dtype, ELEMENTS, |index| change(index, 7)));
    write_model(&folder.path().join("two"), &model(dtype, ELEMENTS, |index| change(index, 8)));
    folder
}

/// The output's tensors, in memory.
struct Memory(Vec<Mutex<Vec<u8>>>);

impl Sink for Memory {
    fn write(&self, tensor: usize, offset: u64, bytes: &[u8]) -> Result<(), SinkError> {
        let mut held = self.0[tensor].lock().unwrap();
        held[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

/// The plan of a recipe whose models are named `FOLDER/…`.
pub(crate) fn plan(folder: &Path, recipe: &str) -> Plan {
    let text = recipe.replace("FOLDER", folder.to_str().unwrap());
    let recipe = Recipe::parse(&text, "test", &BTreeMap::new()).unwrap();
    Plan::build(recipe, &plan::Options::default()).unwrap()
}

/// Runs a plan and gives its tensors.
pub(crate) fn merge(plan: &Plan, threads: usize, tile: usize, level: SimdLevel, access: Access) -> Tensors {
    let memory = Memory(plan.tensors.iter().map(|tensor| Mutex::new(vec![0; tensor.byte_len() as usize])).collect());
    let cancel = Cancel::new();
    let options = merge::Options { threads, tile, level, access, cancel: &cancel, progress: &|_| {}, solver: None };
    merge::run(plan, &memory, options).unwrap();
    let tensor = |(planned, bytes): (&plan::PlannedTensor, Mutex<Vec<u8>>)| {
        let tensor = Tensor { dtype: planned.dtype, shape: planned.shape.clone(), bytes: bytes.into_inner().unwrap() };
        (planned.name.clone(), tensor)
    };
    plan.tensors.iter().zip(memory.0).map(tensor).collect()
}

const LINEAR: &str = "
merge_method: linear
models:
  - {model: FOLDER/base, parameters: {weight: 0.3}}
  - {model: FOLDER/one, parameters: {weight: 0.6}}
  - {model: FOLDER/two, parameters: {weight: -0.2}}
";
const SLERP: &str = "
merge_method: slerp
base_model: FOLDER/one
models: [{model: FOLDER/two}]
parameters: {t: 0.37}
";
const TIES: &str = "
merge_method: ties
base_model: FOLDER/base
models:
  - {model: FOLDER/one, parameters: {weight: 0.7, density: 0.31}}
  - {model: FOLDER/two, parameters: {weight: -0.4, density: 0.62}}
parameters: {rescale: true, lambda: 0.9}
";
const TASK_ARITHMETIC: &str = "
merge_method: task_arithmetic
base_model: FOLDER/base
models:
  - {model: FOLDER/one, parameters: {weight: 0.7}}
  - {model: FOLDER/two, parameters: {weight: 0.31}}
";
const NEARSWAP: &str = "
merge_method: nearswap
base_model: FOLDER/base
models: [{model: FOLDER/two}]
parameters: {t: 0.3}
";

/// Methods whose recipes differ in little more than their name.
const OTHERS: [(&str, &str); 23] = [
    ("nuslerp", "base weight"),
    ("nuslerp", "base weight nuslerp_flatten:false"),
    ("nuslerp", "base weight nuslerp_flatten:false nuslerp_row_wise:true"),
    ("nuslerp", "weight nuslerp_flatten:false"),
    ("multislerp", "base weight"),
    ("karcher", "base"),
    ("slerp_chain", "weight"),
    ("model_stock", "base"),
    ("model_stock", "base filter_wise:true"),
    ("dare_linear", "base weight density"),
    ("dare_ties", "base weight density normalize:true"),
    ("della", "base weight density"),
    ("della_linear", "base weight density rescale:false"),
    ("breadcrumbs", "base weight density gamma:0.05"),
    ("breadcrumbs_ties", "base weight density gamma:0.3 rescale:true"),
    ("sce", "base"),
    ("sce", "base select_topk:0.3"),
    ("ram", "base epsilon:0.3"),
    ("ramplus_tl", "base epsilon:0.6 alpha:2"),
    ("ramplus_tl", "base"),
    ("sce", "base select_topk:0"),
    ("dare_linear", "base weight density:0"),
    ("della", "base weight density:0.5 epsilon:0.4"),
];

/// The recipe for a method and its settings: `base` for a base, `NAME` for a parameter of each model, `NAME:VALUE` for one
/// that the models share.
pub(crate) fn recipe(method: &str, settings: &str) -> String {
    let words: Vec<&str> = settings.split_whitespace().collect();
    let mut text = format!("merge_method: {method}\n");
    if words.contains(&"base") {
        text.push_str("base_model: FOLDER/base\n");
    }
    let own: Vec<&str> = words.iter().copied().filter(|word| *word != "base" && !word.contains(':')).collect();
    let values = |values: [&str; 2]| {
        let pairs: Vec<String> = own.iter().zip(values).map(|(name, value)| format!("{name}: {value}")).collect();
        pairs.join(", ")
    };
    let _ = writeln!(text, "models:");
    let _ = writeln!(text, "  - {{model: FOLDER/one, parameters: {{{}}}}}", values(["0.7", "0.31"]));
    let _ = writeln!(text, "  - {{model: FOLDER/two, parameters: {{{}}}}}", values(["0.4", "0.62"]));
    let shared: Vec<String> =
        words.iter().filter_map(|word| word.split_once(':')).map(|(k, v)| format!("{k}: {v}")).collect();
    let _ = writeln!(text, "parameters: {{{}}}", shared.join(", "));
    text
}

const TILES: [(usize, Access); 4] =
    [(16_384, Access::Read), (49_152, Access::Map), (65_536, Access::Read), (65_536, Access::Map)];

/// Every method with every instruction set, each with other threads, tiles and access.
const RUNS: [(usize, usize, Access); 3] =
    [(8, 16_384, Access::Map), (2, 49_152, Access::Read), (1, 65_536, Access::Map)];

fn same_bytes(dtype: Dtype) {
    let folder = models(dtype);
    let check = |recipe: &str, runs: &[(usize, usize, Access)]| {
        let plan = plan(folder.path(), recipe);
        let expected = merge(&plan, 1, merge::TILE, SimdLevel::PORTABLE, Access::Read);
        for level in SimdLevel::available() {
            for (threads, tile, access) in runs {
                let found = merge(&plan, *threads, *tile, level, *access);
                let level = level.name();
                assert!(found == expected, "{dtype:?}, {threads} threads, {level}, {access:?} {tile}: {recipe}");
            }
        }
    };
    let every: Vec<_> = TILES.iter().flat_map(|(tile, access)| [1, 2, 8].map(|n| (n, *tile, *access))).collect();
    for recipe in [LINEAR, SLERP, TIES, TASK_ARITHMETIC, NEARSWAP] {
        check(recipe, &every);
    }
    // In half precision only the reading differs.
    let runs = if matches!(dtype, Dtype::F32 | Dtype::F64) { &RUNS[..] } else { &RUNS[..1] };
    check("merge_method: arcee_fusion\nbase_model: FOLDER/base\nmodels: [{model: FOLDER/two}]\n", runs);
    for (method, settings) in OTHERS {
        check(&recipe(method, settings), runs);
    }
}

#[test]
fn float32_gives_the_same_bytes_however_it_is_run() {
    same_bytes(Dtype::F32);
}

#[test]
fn float64_gives_the_same_bytes_however_it_is_run() {
    same_bytes(Dtype::F64);
}

#[test]
fn bfloat16_gives_the_same_bytes_however_it_is_run() {
    same_bytes(Dtype::BF16);
}

#[test]
fn float16_gives_the_same_bytes_however_it_is_run() {
    same_bytes(Dtype::F16);
}

#[test]
fn the_program_writes_the_same_file_at_every_level_and_thread_count() {
    let folder = models(Dtype::F32);
    for (name, recipe) in [("linear", LINEAR), ("slerp", SLERP), ("ties", TIES)] {
        fs::write(folder.path().join("recipe.yaml"), recipe.replace("FOLDER/", "")).unwrap();
        run(folder.path(), &["merge", "recipe.yaml", "-q", "--no-sync", "-o", name]);
        let expected = fs::read(folder.path().join(name).join("model.safetensors")).unwrap();
        for level in SimdLevel::available() {
            for threads in ["1", "2", "8"] {
                let out = format!("{name}-{}-{threads}", level.name());
                let arguments = ["merge", "recipe.yaml", "-q", "--no-sync", "--threads", threads, "-o", &out];
                admix(folder.path()).args(arguments).env("ADMIX_SIMD", level.name()).assert().success();
                let found = fs::read(folder.path().join(&out).join("model.safetensors")).unwrap();
                assert!(found == expected, "{out}");
                fs::remove_dir_all(folder.path().join(out)).unwrap();
            }
        }
    }
}

#[test]
fn a_level_the_machine_does_not_have_is_refused() {
    let folder = super::support::pair();
    let mut command = admix(folder.path());
    let refused = command.args(["merge", "recipe.yaml", "-o", "out"]).env("ADMIX_SIMD", "mmx").assert().code(2);
    let said = super::support::stderr(refused.get_output());
    assert!(said.contains("ADMIX_SIMD is `mmx`") && said.contains("hint: it has portable"), "{said}");
}
