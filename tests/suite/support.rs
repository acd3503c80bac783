//! Tiny checkpoints, the program, and reading back what it wrote.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How far embeddings in float32 may be from those of others. Where a float32 number is multiplied as two bfloat16 numbers, the
/// tests' small models with random weights take that further than real ones, whose cosines differ by 1e-10.
#[cfg(feature = "eval")]
pub(crate) fn tolerance() -> f32 {
    if admix::kernel::tile_level().is_some_and(admix::kernel::TileLevel::splits) { 6e-5 } else { 1e-5 }
}

/// A tensor of a test's checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

/// The tensors of a checkpoint by name.
pub(crate) type Tensors = BTreeMap<String, Tensor>;

impl Tensor {
    /// A tensor of floating-point numbers, rounded to `dtype`.
    pub(crate) fn floats(dtype: Dtype, shape: &[usize], values: impl IntoIterator<Item = f64>) -> Self {
        let mut bytes = Vec::new();
        for value in values {
            match dtype {
                Dtype::F64 => bytes.extend(value.to_le_bytes()),
                Dtype::F32 => bytes.extend((value as f32).to_le_bytes()),
                Dtype::F16 => bytes.extend(f16::from_f64(value).to_le_bytes()),
                Dtype::BF16 => bytes.extend(bf16::from_f64(value).to_le_bytes()),
                other => panic!("{other:?} is no format of floating-point numbers"),
            }
        }
        assert_eq!(bytes.len() * 8, shape.iter().product::<usize>() * dtype.bitsize());
        Self { dtype, shape: shape.to_vec(), bytes }
    }

    /// A float32 tensor whose values depend on position and `seed`: of order one, and no two alike.
    pub(crate) fn random(shape: &[usize], seed: u32) -> Self {
        let count = shape.iter().product::<usize>() as u32;
        Self::floats(Dtype::F32, shape, (0..count).map(|index| f64::from(mix(index, seed)) / 4_294_967_296.0 - 0.5))
    }

    /// A tensor of 64-bit integers.
    pub(crate) fn integers(shape: &[usize], values: impl IntoIterator<Item = i64>) -> Self {
        let bytes = values.into_iter().flat_map(i64::to_le_bytes).collect();
        Self { dtype: Dtype::I64, shape: shape.to_vec(), bytes }
    }

    /// The numbers.
    pub(crate) fn values(&self) -> Vec<f64> {
        let bytes = self.bytes.as_slice();
        match self.dtype {
            Dtype::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
            Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
            Dtype::F16 => bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f64()).collect(),
            Dtype::BF16 => bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f64()).collect(),
            other => panic!("{other:?} is no format of floating-point numbers"),
        }
    }
}

/// A number that depends on both arguments and looks random.
pub(crate) fn mix(index: u32, seed: u32) -> u32 {
    let mut x = index.wrapping_add(seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
    x ^= x >> 15;
    x = x.wrapping_mul(0x2c1b_3c6d);
    x ^= x >> 12;
    x = x.wrapping_mul(0x297a_2d39);
    x ^ (x >> 15)
}

/// The bytes of a safetensors file.
pub(crate) fn safetensors(tensors: &Tensors) -> Vec<u8> {
    let views = tensors
        .iter()
        .map(|(name, tensor)| (name, TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

/// The bytes of a safetensors file with a header as it is written here.
pub(crate) fn raw_safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// Writes a plain Hugging Face folder.
pub(crate) fn write_model(folder: &Path, tensors: &Tensors) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("model.safetensors"), safetensors(tensors)).unwrap();
    write_json(&folder.join("config.json"), &config());
}

/// The config.json of [`write_model`].
pub(crate) fn config() -> Value {
    json!({"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 4, "num_hidden_layers": 2, "vocab_size": 8, "torch_dtype": "float32"})
}

/// The tensors of an encoder of two layers.
pub(crate) fn encoder(seed: u32) -> Tensors {
    let mut tensors = Tensors::new();
    tensors.insert("embeddings.word_embeddings.weight".into(), Tensor::random(&[8, 4], seed));
    for layer in 0..2u32 {
        let dense = format!("encoder.layer.{layer}.output.dense");
        tensors.insert(format!("{dense}.weight"), Tensor::random(&[4, 4], seed + 100 * (layer + 1)));
        tensors.insert(format!("{dense}.bias"), Tensor::random(&[4], seed + 100 * (layer + 1) + 1));
    }
    tensors
}

/// Tensors by names as written.
pub(crate) fn tensors<const N: usize>(list: [(&str, Tensor); N]) -> Tensors {
    list.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect()
}

pub(crate) fn write_json(path: &Path, value: &Value) {
    fs::write(path, format!("{value:#}\n")).unwrap();
}

pub(crate) fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

/// Changes a JSON file.
pub(crate) fn edit_json(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = read_json(path);
    change(&mut value);
    write_json(path, &value);
}

/// The tensors of a safetensors file, read by the safetensors library.
pub(crate) fn read_tensors(file: &Path) -> Tensors {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    parse_tensors(&bytes)
}

pub(crate) fn parse_tensors(bytes: &[u8]) -> Tensors {
    let parsed = SafeTensors::deserialize(bytes).unwrap();
    let tensor = |view: &TensorView<'_>| Tensor {
        dtype: view.dtype(),
        shape: view.shape().to_vec(),
        bytes: view.data().to_vec(),
    };
    parsed.tensors().into_iter().map(|(name, view)| (name, tensor(&view))).collect()
}

/// The largest difference between two tensors' values.
pub(crate) fn distance(one: &Tensor, other: &Tensor) -> f64 {
    assert_eq!(one.shape, other.shape);
    one.values()
        .iter()
        .zip(other.values())
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |most, d| if d <= most { most } else { d })
}

/// The repository.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Copies a folder.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Everything below a folder: paths, and the bytes of files. A link shows where it leads.
pub(crate) fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            found.insert(path.clone(), fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes());
        } else if path.is_dir() {
            found.extend(snapshot(&path));
            found.insert(path, Vec::new());
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The program, with `folder` as its current folder.
pub(crate) fn admix(folder: &Path) -> Command {
    let mut command = Command::new(program());
    command.current_dir(folder).env_remove("ADMIX_SIMD").env("NO_COLOR", "1");
    command
}

/// The program's file.
pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_admix")
}

/// Runs the program and holds that it succeeds.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    let output = admix(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "admix {}\n{}", arguments.join(" "), stderr(&output));
    output
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn stdout_json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
}

/// A folder with two encoders, `a` and `b`, and recipe.yaml, which takes the mean of both.
pub(crate) fn pair() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_model(&folder.path().join("a"), &encoder(1));
    write_model(&folder.path().join("b"), &encoder(2));
    fs::write(folder.path().join("recipe.yaml"), LINEAR).unwrap();
    folder
}

/// The recipe of [`pair`].
pub(crate) const LINEAR: &str = "\
merge_method: linear
models:
  - model: a
    parameters:
      weight: 0.5
  - model: b
    parameters:
      weight: 0.5
";

/// A folder with copies of the fixtures `base` and `ko-en` of `fixtures/NAME`, and recipe.yaml, their mean.
pub(crate) fn retrievers(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (fixture, model) in [("base", "a"), ("ko-en", "b")] {
        copy_folder(&repository().join("fixtures").join(name).join(fixture), &folder.path().join(model));
    }
    fs::write(folder.path().join("recipe.yaml"), LINEAR).unwrap();
    folder
}

/// Says on stderr that a part of a test did not run.
#[expect(clippy::print_stderr, reason = "for whoever reads the test's output")]
pub(crate) fn skip(what: &str) {
    eprintln!("skipped: {what}");
}
