#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::diagnose::Diagnose as _;

/// A folder of the Hub's cache, below that of a repository's.
const SNAPSHOT: &str = "models--a--b/snapshots/0123456789abcdef0123456789abcdef01234567";

fn inside(folder: &Path) -> ModelPath {
    ModelPath::of(folder, crate::checkpoint::Links::Inside).unwrap()
}

/// Safetensors content: float32 vectors of that length by name, each filled with its place in the list.
fn content(tensors: &[(&str, usize)]) -> Vec<u8> {
    let data: Vec<Vec<u8>> = (0_u8..).zip(tensors).map(|(fill, (_, length))| vec![fill; length * 4]).collect();
    let views = tensors.iter().zip(&data).map(|((name, length), data)| {
        (*name, safetensors::tensor::TensorView::new(Dtype::F32, vec![*length], data).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

fn single(tensors: &[(&str, usize)]) -> (TempDir, Weights) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(SINGLE), content(tensors)).unwrap();
    let weights = Weights::open(&inside(folder.path())).unwrap().unwrap();
    (folder, weights)
}

fn sharded(index: &str, shards: &[(&str, &[(&str, usize)])]) -> (TempDir, Result<Option<Weights>, Error>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, tensors) in shards {
        fs::write(folder.path().join(name), content(tensors)).unwrap();
    }
    fs::write(folder.path().join(INDEX), format!(r#"{{"metadata":{{}},"weight_map":{index}}}"#)).unwrap();
    let opened = Weights::open(&inside(folder.path()));
    (folder, opened)
}

#[test]
fn tensors_are_found_by_canonical_name_and_read_in_place() {
    let (_folder, weights) = single(&[
        ("bert.encoder.layer.1.bias", 3),
        ("bert.embeddings.LayerNorm.gamma", 2),
        ("cls.predictions.bias", 1),
    ]);
    let names: Vec<&str> = weights.tensors().iter().map(|tensor| tensor.canonical.as_str()).collect();
    assert_eq!(names, ["cls.predictions.bias", "embeddings.LayerNorm.weight", "encoder.layer.1.bias"]);
    let bias = weights.get("encoder.layer.1.bias").unwrap();
    assert_eq!((bias.float(), bias.elements(), bias.byte_len()), (Some(DType::F32), 3, 12));
    assert_eq!(weights.bytes(bias), [0; 12]);
    weights.release(bias, 0..usize::MAX);
    assert_eq!(weights.bytes(bias), [0; 12]);
    assert_eq!(weights.byte_len(), 24);
}

#[test]
fn names_that_only_others_have_are_spelt_as_here() {
    let (_folder, weights) = single(&[("bert.encoder.layer.0.bias", 1), ("pooler.bias", 1), ("cls.bias", 1)]);
    assert_eq!(weights.prefix(), "bert.");
    assert_eq!(weights.respell("encoder.layer.0.bias"), "bert.encoder.layer.0.bias");
    assert_eq!(weights.respell("pooler.bias"), "pooler.bias");
    assert_eq!(weights.respell("embeddings.weight"), "bert.embeddings.weight");
    assert_eq!(weights.respell("lm_head.bias"), "lm_head.bias");
    assert_eq!(single(&[("linear.weight", 1)]).1.prefix(), "");
}

#[test]
fn names_that_would_collide_stay_as_they_are() {
    let (_folder, weights) = single(&[("bert.encoder.layer.0.bias", 1), ("encoder.layer.0.bias", 1), ("bert.x", 1)]);
    let names: Vec<&str> = weights.tensors().iter().map(|tensor| tensor.canonical.as_str()).collect();
    assert_eq!(names, ["bert.encoder.layer.0.bias", "bert.x", "encoder.layer.0.bias"]);
    assert_eq!(weights.prefix(), "");
}

#[test]
fn shards_are_one_set_of_tensors() {
    let (folder, opened) = sharded(
        r#"{"a":"one.safetensors","b":"two.safetensors"}"#,
        &[("one.safetensors", &[("a", 2)]), ("two.safetensors", &[("b", 3), ("c", 1)])],
    );
    let weights = opened.unwrap().unwrap();
    assert_eq!(weights.tensors().len(), 3);
    assert_eq!(weights.file_of(weights.get("c").unwrap()).unwrap(), folder.path().join("two.safetensors"));
    assert_eq!(weights.bytes(weights.get("c").unwrap()), [1; 4]);
    assert_eq!(weights.files().count(), 2);
}

#[test]
fn an_index_that_does_not_fit_its_shards_is_refused() {
    let one: (&str, &[(&str, usize)]) = ("one.safetensors", &[("a", 2)]);
    let refusal = |index: &str, shards: &[(&str, &[(&str, usize)])]| sharded(index, shards).1.unwrap_err().to_string();
    assert!(
        refusal(r#"{"a":"two.safetensors"}"#, &[one])
            .contains("names the shard `two.safetensors`, which does not exist")
    );
    assert!(
        refusal(r#"{"b":"one.safetensors"}"#, &[one])
            .contains("says that tensor `b` is in `one.safetensors`, but it is not")
    );
    let two = ("two.safetensors", one.1);
    assert!(refusal(r#"{"a":"one.safetensors","b":"two.safetensors"}"#, &[one, two]).contains("tensor `a` is in both"));
    for name in ["../one.safetensors", "/etc/passwd", "..", "", "x/one.safetensors", r"..\\one.safetensors"] {
        let message = refusal(&format!(r#"{{"a":"{name}"}}"#), &[one]);
        assert!(message.contains("not the name of a file in the same folder"), "{message}");
    }
    assert!(refusal("{}", &[one]).ends_with("holds no tensors"));
    assert!(refusal("3", &[one]).contains("line 1"));
}

#[test]
fn weights_in_other_formats_are_refused_with_a_way_out() {
    for name in FOREIGN {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), b"x").unwrap();
        let error = Weights::open(&inside(folder.path())).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        let of_torch = name.contains(".bin") || *name == "model.pt";
        assert_eq!(error.hint().unwrap().contains("admix convert "), of_torch, "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("adapter_model.safetensors"), content(&[("a", 1)])).unwrap();
    assert!(matches!(Weights::open(&inside(folder.path())), Err(Error::Adapter { .. })));
    assert!(Weights::open(&inside(tempfile::tempdir().unwrap().path())).unwrap().is_none());
}

#[test]
fn a_damaged_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SINGLE);
    fs::write(&path, b"").unwrap();
    assert_eq!(
        Weights::open(&inside(folder.path())).unwrap_err().to_string(),
        format!("`{}`: the file is empty", path.display())
    );
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(Weights::open(&inside(folder.path())).unwrap_err().to_string().ends_with("is not a regular file"));
}

#[cfg(unix)]
#[test]
fn links_into_a_cache_are_followed_and_broken_ones_reported() {
    let cache = tempfile::tempdir().unwrap();
    let (blobs, snapshot) = (cache.path().join("models--a--b/blobs"), cache.path().join(SNAPSHOT));
    fs::create_dir_all(&blobs).unwrap();
    fs::create_dir_all(&snapshot).unwrap();
    fs::write(blobs.join("f00"), content(&[("a", 1)])).unwrap();
    std::os::unix::fs::symlink("../../blobs/f00", snapshot.join(SINGLE)).unwrap();
    assert_eq!(Weights::open(&inside(&snapshot)).unwrap().unwrap().tensors().len(), 1);
    fs::remove_file(blobs.join("f00")).unwrap();
    let error = Weights::open(&inside(&snapshot)).unwrap_err();
    assert!(error.to_string().ends_with("is a link to a file that does not exist"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn weights_can_be_read_from_many_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&single(&[("a", 1)]).1);
}
