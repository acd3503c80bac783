//! What a checkpoint may look like.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use safetensors::Dtype;
use serde_json::json;

use super::support::{
    Tensor, Tensors, distance, encoder, pair, raw_safetensors, read_tensors, run, safetensors, write_json, write_model,
};

/// Merges `recipe.yaml` into `out` and gives the tensors.
fn merged(folder: &Path, out: &str) -> Tensors {
    run(folder, &["merge", "recipe.yaml", "-q", "--no-sync", "-o", out]);
    read_tensors(&folder.join(out).join("model.safetensors"))
}

/// The mean of two checkpoints, in f64.
fn mean(one: &Tensors, other: &Tensors) -> BTreeMap<String, Vec<f64>> {
    let mean = |(name, tensor): (&String, &Tensor)| {
        let values = tensor.values().iter().zip(other[name].values()).map(|(a, b)| f64::midpoint(*a, b)).collect();
        (name.clone(), values)
    };
    one.iter().map(mean).collect()
}

#[test]
fn shards_are_one_model() {
    let folder = pair();
    let expected = merged(folder.path(), "whole");
    fs::remove_file(folder.path().join("b/model.safetensors")).unwrap();
    let mut map = serde_json::Map::new();
    for (index, (name, tensor)) in encoder(2).into_iter().enumerate() {
        let shard = format!("model-0000{}-of-00002.safetensors", index % 2 + 1);
        map.insert(name.clone(), json!(shard));
        let path = folder.path().join("b").join(shard);
        let mut held = if path.exists() { read_tensors(&path) } else { Tensors::new() };
        held.insert(name, tensor);
        fs::write(path, safetensors(&held)).unwrap();
    }
    write_json(
        &folder.path().join("b/model.safetensors.index.json"),
        &json!({"metadata": {"total_size": 288}, "weight_map": map}),
    );
    assert_eq!(merged(folder.path(), "sharded"), expected);
}

#[test]
fn data_need_not_be_aligned() {
    let folder = pair();
    let expected = merged(folder.path(), "aligned");
    let bytes = fs::read(folder.path().join("b/model.safetensors")).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap().trim_end();
    for padding in 0..8 {
        let padded = format!("{header}{}", " ".repeat(padding));
        fs::write(folder.path().join("b/model.safetensors"), raw_safetensors(&padded, &bytes[8 + length..])).unwrap();
        assert_eq!(merged(folder.path(), &format!("padded-{padding}")), expected);
    }
}

#[test]
fn every_pair_of_formats_merges_into_the_wider() {
    let formats = [(Dtype::F16, 1), (Dtype::BF16, 1), (Dtype::F32, 2), (Dtype::F64, 3)];
    for (left, wide) in formats {
        for (right, wider) in formats {
            let folder = pair();
            let convert = |seed, dtype| -> Tensors {
                let tensor = |tensor: &Tensor| Tensor::floats(dtype, &tensor.shape, tensor.values());
                encoder(seed).iter().map(|(name, found)| (name.clone(), tensor(found))).collect()
            };
            let (one, other) = (convert(1, left), convert(2, right));
            write_model(&folder.path().join("a"), &one);
            write_model(&folder.path().join("b"), &other);
            let found = merged(folder.path(), "out");
            let expected = match wide.max(wider) {
                3 => Dtype::F64,
                2 => Dtype::F32,
                _ if left == right => left,
                _ => Dtype::F32,
            };
            let step = match expected {
                Dtype::F64 => 1e-15,
                Dtype::F32 => 1e-7,
                Dtype::F16 => 1e-3 / 4.0,
                _ => 1e-3 * 2.0,
            };
            for (name, values) in mean(&one, &other) {
                assert_eq!(found[&name].dtype, expected, "{left:?} and {right:?}");
                let exact = Tensor::floats(Dtype::F64, &found[&name].shape, values);
                let difference = distance(&found[&name], &exact);
                assert!(difference <= step, "{left:?} and {right:?}: {name} is {difference:.1e} away");
            }
        }
    }
}

#[test]
fn a_prefix_is_no_difference_and_the_first_spelling_stays() {
    let plain = pair();
    let expected = merged(plain.path(), "out");
    let prefixed = |tensors: &Tensors| -> Tensors {
        tensors.iter().map(|(name, tensor)| (format!("bert.{name}"), tensor.clone())).collect()
    };
    let folder = pair();
    write_model(&folder.path().join("b"), &prefixed(&encoder(2)));
    assert_eq!(merged(folder.path(), "out"), expected);
    let folder = pair();
    write_model(&folder.path().join("a"), &prefixed(&encoder(1)));
    assert_eq!(merged(folder.path(), "out"), prefixed(&expected));
}

#[test]
fn gamma_and_beta_are_weight_and_bias() {
    let folder = pair();
    let norm = |seed, weight: &str, bias: &str| -> Tensors {
        let mut tensors = encoder(seed);
        tensors.insert(format!("embeddings.LayerNorm.{weight}"), Tensor::random(&[4], seed + 10));
        tensors.insert(format!("embeddings.LayerNorm.{bias}"), Tensor::random(&[4], seed + 20));
        tensors
    };
    write_model(&folder.path().join("a"), &norm(1, "weight", "bias"));
    write_model(&folder.path().join("b"), &norm(2, "weight", "bias"));
    let expected = merged(folder.path(), "new");
    write_model(&folder.path().join("b"), &norm(2, "gamma", "beta"));
    assert_eq!(merged(folder.path(), "old"), expected);
}

#[test]
fn position_ids_of_one_model_are_copied() {
    for holder in ["a", "b"] {
        let folder = pair();
        let ids = Tensor::integers(&[1, 6], 0..6);
        let mut tensors = encoder(if holder == "a" { 1 } else { 2 });
        tensors.insert("embeddings.position_ids".into(), ids.clone());
        write_model(&folder.path().join(holder), &tensors);
        assert_eq!(merged(folder.path(), "out")["embeddings.position_ids"], ids);
    }
}

#[test]
fn a_scalar_and_an_empty_tensor_merge() {
    let folder = pair();
    for (model, seed) in [("a", 1), ("b", 2)] {
        let mut tensors = encoder(seed);
        tensors.insert("logit_scale".into(), Tensor::floats(Dtype::F32, &[], [f64::from(seed)]));
        tensors.insert("unused.weight".into(), Tensor::floats(Dtype::F32, &[0, 4], []));
        write_model(&folder.path().join(model), &tensors);
    }
    let found = merged(folder.path(), "out");
    assert_eq!(found["logit_scale"], Tensor::floats(Dtype::F32, &[], [1.5]));
    assert_eq!(found["unused.weight"].shape, [0, 4]);
}

#[test]
fn a_tensor_that_a_model_lacks_is_merged_from_the_others() {
    let folder = pair();
    let mut tensors = encoder(2);
    let name = "encoder.layer.0.output.dense.bias";
    tensors.remove(name);
    write_model(&folder.path().join("b"), &tensors);
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out", "--allow", "missing-tensor"]);
    let found = read_tensors(&folder.path().join("out/model.safetensors"));
    assert_eq!(found[name], encoder(1)[name]);
}

#[test]
fn links_as_in_the_cache_of_the_hub_are_followed() {
    let folder = pair();
    let expected = merged(folder.path(), "out");
    let repository = folder.path().join("cache/models--org--b");
    let snapshot = repository.join("snapshots/0123456789abcdef0123456789abcdef01234567");
    fs::create_dir_all(&snapshot).unwrap();
    fs::rename(folder.path().join("b"), repository.join("blobs")).unwrap();
    for name in ["config.json", "model.safetensors"] {
        std::os::unix::fs::symlink(format!("../../blobs/{name}"), snapshot.join(name)).unwrap();
    }
    std::os::unix::fs::symlink(&snapshot, folder.path().join("b")).unwrap();
    assert_eq!(merged(folder.path(), "linked"), expected);
}
