//! Weight files and folders that are damaged or incomplete: exit code 3, and nothing is written.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::fault_table::{FAULT, Fault, check};
use super::support::{encoder, pair, raw_safetensors, safetensors, write_json};

/// Puts these bytes in the place of the weights of `b`.
fn weights(folder: &Path, bytes: &[u8]) {
    fs::write(folder.join("b/model.safetensors"), bytes).unwrap();
}

/// Puts a file with this header and 16 bytes of data in the place of the weights of `b`.
fn header(folder: &Path, header: &str) {
    weights(folder, &raw_safetensors(header, &[0; 16]));
}

/// Puts a length in the place of the header's.
fn header_length(folder: &Path, length: u64) {
    let mut bytes = safetensors(&encoder(2));
    bytes[..8].copy_from_slice(&length.to_le_bytes());
    weights(folder, &bytes);
}

/// Cuts the weights of `b` into an index and one shard, `shard.safetensors`, and changes the index.
fn shard(folder: &Path, from: &str, to: &str) {
    let names: Vec<String> = encoder(2).into_keys().collect();
    fs::rename(folder.join("b/model.safetensors"), folder.join("b/shard.safetensors")).unwrap();
    let map: serde_json::Map<_, _> = names.into_iter().map(|name| (name, json!("shard.safetensors"))).collect();
    let index = json!({"metadata": {}, "weight_map": map}).to_string().replacen(from, to, 1);
    fs::write(folder.join("b/model.safetensors.index.json"), index).unwrap();
}

#[test]
fn damaged_weight_files_are_refused() {
    check(
        &[
            Fault {
                name: "empty file",
                arrange: |folder| weights(folder, b""),
                says: &["b/model.safetensors", "empty"],
                ..FAULT
            },
            Fault {
                name: "a few bytes",
                arrange: |folder| weights(folder, b"12345"),
                says: &["b/model.safetensors", "5 bytes"],
                ..FAULT
            },
            Fault {
                name: "truncated file",
                arrange: |folder| {
                    let bytes = safetensors(&encoder(2));
                    weights(folder, &bytes[..bytes.len() - 7]);
                },
                says: &["b/model.safetensors", "ends at byte"],
                hint: "download",
                ..FAULT
            },
            Fault {
                name: "header longer than the file",
                arrange: |folder| header_length(folder, 1 << 20),
                says: &["b/model.safetensors", "the header claims 1048576 bytes"],
                hint: "download",
                ..FAULT
            },
            Fault {
                name: "header of 2^63 bytes",
                arrange: |folder| header_length(folder, 1 << 63),
                says: &["b/model.safetensors", "the header claims 9223372036854775808 bytes"],
                ..FAULT
            },
            Fault {
                name: "header of 2^64 - 1 bytes",
                arrange: |folder| header_length(folder, u64::MAX),
                says: &["b/model.safetensors", "the header claims"],
                ..FAULT
            },
            Fault {
                name: "header that is no JSON",
                arrange: |folder| header(folder, "{\"w\": oops}"),
                says: &["b/model.safetensors", "tensor `w` is not valid"],
                ..FAULT
            },
            Fault {
                name: "git-lfs pointer",
                arrange: |folder| {
                    weights(folder, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
                },
                says: &["b/model.safetensors", "git-lfs pointer"],
                hint: "git lfs pull",
                ..FAULT
            },
        ],
        pair,
    );
}

#[test]
fn headers_whose_entries_are_wrong_are_refused() {
    check(
        &[
            Fault {
                name: "overlapping offsets",
                arrange: |folder| {
                    let v = r#""v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;
                    let w = r#""w":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}"#;
                    header(folder, &format!("{{{v},{w}}}"));
                },
                says: &["b/model.safetensors", "`v` and `w` overlap"],
                ..FAULT
            },
            Fault {
                name: "offsets out of range",
                arrange: |folder| header(folder, r#"{"w":{"dtype":"F32","shape":[5],"data_offsets":[0,20]}}"#),
                says: &["b/model.safetensors", "`w` ends at byte 20", "16"],
                hint: "download",
                ..FAULT
            },
            Fault {
                name: "offsets the wrong way round",
                arrange: |folder| header(folder, r#"{"w":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}"#),
                says: &["b/model.safetensors", "`w`"],
                ..FAULT
            },
            Fault {
                name: "negative offset",
                arrange: |folder| header(folder, r#"{"w":{"dtype":"F32","shape":[4],"data_offsets":[-16,0]}}"#),
                says: &["b/model.safetensors", "`w`"],
                ..FAULT
            },
            Fault {
                name: "shape that does not fit the bytes",
                arrange: |folder| header(folder, r#"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}}"#),
                says: &["b/model.safetensors", "`w` of shape [3] and dtype F32 needs 12 bytes, but has 16"],
                ..FAULT
            },
            Fault {
                name: "shape that overflows",
                arrange: |folder| {
                    header(folder, r#"{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}}"#);
                },
                says: &["b/model.safetensors", "`w`"],
                ..FAULT
            },
            Fault {
                name: "unknown dtype",
                arrange: |folder| header(folder, r#"{"w":{"dtype":"F31","shape":[4],"data_offsets":[0,16]}}"#),
                says: &["b/model.safetensors", "`w` has dtype `F31`"],
                ..FAULT
            },
        ],
        pair,
    );
}

#[test]
fn incomplete_folders_are_refused() {
    check(
        &[
            Fault {
                name: "no such folder",
                arrange: |folder| fs::rename(folder.join("b"), folder.join("c")).unwrap(),
                says: &["no such model folder: `b`", "recipe.yaml:6:12"],
                ..FAULT
            },
            Fault {
                name: "no config.json",
                arrange: |folder| fs::remove_file(folder.join("b/config.json")).unwrap(),
                says: &["`b` has no config.json"],
                hint: "save_pretrained",
                ..FAULT
            },
            Fault {
                name: "config.json that is no JSON",
                arrange: |folder| fs::write(folder.join("b/config.json"), "{").unwrap(),
                says: &["b/config.json", "line 1"],
                ..FAULT
            },
            Fault {
                name: "no weights",
                arrange: |folder| fs::remove_file(folder.join("b/model.safetensors")).unwrap(),
                says: &["`b` has no weights"],
                ..FAULT
            },
            Fault {
                name: "pytorch_model.bin that torch did not save",
                arrange: |folder| {
                    fs::rename(folder.join("b/model.safetensors"), folder.join("b/pytorch_model.bin")).unwrap();
                },
                says: &["b/pytorch_model.bin", "a safetensors file, not what torch saves"],
                ..FAULT
            },
            Fault {
                name: "index that names a file outside",
                arrange: |folder| {
                    fs::write(folder.join("outside.safetensors"), safetensors(&encoder(2))).unwrap();
                    shard(folder, "shard.safetensors", "../outside.safetensors");
                },
                says: &["b/model.safetensors.index.json", "`../outside.safetensors`"],
                ..FAULT
            },
            Fault {
                name: "absent shard",
                arrange: |folder| shard(folder, "shard.safetensors", "shard-2.safetensors"),
                says: &["b/model.safetensors.index.json", "`shard-2.safetensors`, which does not exist"],
                hint: "download",
                ..FAULT
            },
            Fault {
                name: "tensor that is not in its shard",
                arrange: |folder| shard(folder, "\"encoder.layer.0", "\"encoder.layer.7"),
                says: &["b/model.safetensors.index.json", "encoder.layer.7"],
                ..FAULT
            },
            Fault {
                name: "module outside the folder",
                arrange: |folder| {
                    write_json(
                        &folder.join("b/modules.json"),
                        &json!([{"idx": 0, "name": "0", "path": "../a", "type": "m.Transformer"}]),
                    );
                },
                says: &["b/modules.json", "`../a`"],
                ..FAULT
            },
        ],
        pair,
    );
}
