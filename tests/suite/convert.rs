//! `admix convert`: what torch saved comes out as safetensors, and what does more than hold tensors is refused.

use std::fs;
use std::path::Path;

use admix::convert::found_in;
use flate2::Crc;
use safetensors::Dtype;
use serde_json::json;

use super::support::{
    admix, copy_folder, names, parse_tensors, read_json, read_tensors, repository, run, snapshot, stderr, stdout_json,
};

/// A pickle of one call of a name.
fn call(module: &str, name: &str) -> Vec<u8> {
    let mut pickle = b"\x80\x02c".to_vec();
    pickle.extend(format!("{module}\n{name}\n").bytes());
    pickle.extend(b"X\x04\x00\x00\x00true\x85R.");
    pickle
}

/// A state dict with `w`, a tensor of `shape` and `strides` over the storage `0` of `elements` floats.
fn state_dict(elements: i32, offset: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let number = |pickle: &mut Vec<u8>, number: i32| {
        pickle.push(b'J');
        pickle.extend(number.to_le_bytes());
    };
    let text = |pickle: &mut Vec<u8>, text: &str| {
        pickle.push(b'X');
        pickle.extend((text.len() as u32).to_le_bytes());
        pickle.extend(text.bytes());
    };
    let mut pickle = b"\x80\x02}".to_vec();
    text(&mut pickle, "w");
    pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    text(&mut pickle, "storage");
    pickle.extend(b"ctorch\nFloatStorage\n");
    text(&mut pickle, "0");
    text(&mut pickle, "cpu");
    number(&mut pickle, elements);
    pickle.extend(b"tQ");
    number(&mut pickle, offset);
    for list in [shape, strides] {
        pickle.push(b'(');
        for item in list {
            number(&mut pickle, *item);
        }
        pickle.push(b't');
    }
    pickle.extend(b"\x89ccollections\nOrderedDict\n)RtRs.");
    pickle
}

/// An archive as torch writes it: files one after the other, stored as they are.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut list) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = Crc::new();
        crc.update(content);
        let start = bytes.len() as u32;
        let (sum, size) = (crc.sum().to_le_bytes(), (content.len() as u32).to_le_bytes());
        let length = (name.len() as u16).to_le_bytes();
        let common = [&b"\0\0\0\0\0\0\0\0"[..], &sum, &size, &size, &length, &[0, 0]].concat();
        bytes.extend([&b"PK\x03\x04\x14\0"[..], &common, name.as_bytes(), content].concat());
        list.extend(
            [&b"PK\x01\x02\x14\0\x14\0"[..], &common, &[0; 10], &start.to_le_bytes(), name.as_bytes()].concat(),
        );
    }
    let (start, size, count) = (bytes.len() as u32, list.len() as u32, files.len() as u16);
    bytes.extend(list);
    let count = count.to_le_bytes();
    bytes.extend(
        [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size.to_le_bytes(), &start.to_le_bytes(), &[0, 0]].concat(),
    );
    bytes
}

/// An archive with a pickle and a storage of four floats.
fn with_pickle(pickle: &[u8]) -> Vec<u8> {
    archive(&[("m/data.pkl", pickle), ("m/byteorder", b"little"), ("m/data/0", &[0; 16])])
}

/// The message that a file is refused with.
fn refused(file: &[u8]) -> String {
    let message = found_in(file).map_err(|error| error.to_string()).unwrap_err();
    assert!(!message.contains(char::is_control), "{message:?}");
    message
}

/// The bytes with others at a place.
fn patched(file: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn every_dtype_and_view_of_torch_keeps_its_values() {
    let goldens = repository().join("tests/goldens/torch");
    let expected = read_tensors(&goldens.join("all.safetensors"));
    for name in ["zip", "legacy", "wrapped", "protocol4", "unchecked"] {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model");
        fs::create_dir(&model).unwrap();
        fs::copy(goldens.join(format!("{name}.bin")), model.join("pytorch_model.bin")).unwrap();
        run(folder.path(), &["convert", "model", "-o", "out", "-q"]);
        let found = read_tensors(&folder.path().join("out/model.safetensors"));
        for (name, tensor) in &found {
            assert_eq!(tensor, &expected[name], "{name}");
        }
        let wanted = expected.iter().filter(|(tensor, _)| match name {
            "zip" => true,
            "unchecked" => !tensor.starts_with("dtype."),
            _ => !["uint16", "uint32", "uint64", "float8"].iter().any(|newer| tensor.contains(newer)),
        });
        assert_eq!(found.len(), wanted.count(), "{name}");
        assert!(name == "unchecked" || found["dtype.bfloat16"].dtype == Dtype::BF16);
    }
}

#[test]
fn weights_that_torch_saved_are_read_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    copy_folder(&repository().join("fixtures/torch"), &root.join("model"));
    run(root, &["convert", "model", "-o", "converted", "-q"]);
    let said = stderr(&run(root, &["blend", "model", "converted", "-o", "merged", "--no-sync"]));
    assert!(said.contains("`model` has weights in pytorch_model.bin"), "{said}");
    assert!(said.contains("`admix convert` writes them as safetensors"), "{said}");
    for name in ["model.safetensors", "2_Dense/model.safetensors"] {
        let [converted, merged] = ["converted", "merged"].map(|of| read_tensors(&root.join(of).join(name)));
        assert_eq!(converted, merged, "{name}");
    }
    let embed = |model: &str| {
        let out = format!("{model}.npy");
        admix(root).args(["embed", model, "-o", &out, "-q"]).write_stdin("a cat\n고양이\n").assert().success();
        fs::read(root.join(out)).unwrap()
    };
    if cfg!(feature = "eval") {
        assert_eq!(embed("model"), embed("converted"));
    }
}

#[test]
fn a_sentence_transformers_folder_is_converted_whole() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let model = root.join("model");
    copy_folder(&repository().join("fixtures/torch"), &model);
    fs::write(model.join("training_args.bin"), call("os", "system")).unwrap();
    fs::write(model.join("README.md"), "a card").unwrap();
    fs::create_dir(model.join(".git")).unwrap();
    let done = run(root, &["convert", "model", "-o", "out", "--json"]);
    let summary = stdout_json(&done);
    assert_eq!(summary["files"].as_array().unwrap().len(), 3, "{summary}");
    assert!(
        stderr(&done).contains("`training_args.bin` is left out: it belongs to a training run"),
        "{}",
        stderr(&done)
    );
    let out = root.join("out");
    assert_eq!(
        names(&out),
        [
            "1_Pooling",
            "2_Dense",
            "README.md",
            "admix.json",
            "config.json",
            "config_sentence_transformers.json",
            "model.safetensors",
            "modules.json",
            "sentence_bert_config.json",
            "sparse_linear.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
        ]
    );
    assert_eq!(names(&out.join("2_Dense")), ["config.json", "model.safetensors"]);
    assert_eq!(read_json(&out.join("admix.json"))["files"][0]["from"], json!("2_Dense/pytorch_model.bin"));
    run(root, &["inspect", "out"]);
    // A second run needs --force, and then gives the same bytes.
    let before = snapshot(&out);
    let again = admix(root).args(["convert", "model", "-o", "out"]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "{}", stderr(&again));
    run(root, &["convert", "model", "-o", "out", "--force", "-q"]);
    assert_eq!(snapshot(&out), before);
    // Nothing is left to convert, which is said.
    let nothing = admix(root).args(["convert", "out", "-o", "more"]).output().unwrap();
    assert_eq!(nothing.status.code(), Some(3));
    assert!(stderr(&nothing).contains("holds no weights saved by torch\nhint: it is a safetensors folder already"));
    assert_eq!(names(root), ["model", "out"]);
}

#[test]
fn shards_keep_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let model = root.join("model");
    copy_folder(&repository().join("fixtures/torch"), &model);
    fs::rename(model.join("pytorch_model.bin"), model.join("pytorch_model-00001-of-00002.bin")).unwrap();
    fs::write(model.join("pytorch_model-00002-of-00002.bin"), with_pickle(&state_dict(4, 0, &[2, 2], &[1, 2])))
        .unwrap();
    let mut map = serde_json::Map::new();
    for (tensor, ..) in found_in(&fs::read(model.join("pytorch_model-00001-of-00002.bin")).unwrap()).unwrap() {
        map.insert(tensor, json!("pytorch_model-00001-of-00002.bin"));
    }
    map.insert("w".into(), json!("pytorch_model-00002-of-00002.bin"));
    let index = |map: &serde_json::Map<_, _>| {
        fs::write(model.join("pytorch_model.bin.index.json"), json!({"weight_map": map}).to_string())
    };
    index(&map).unwrap();
    run(root, &["convert", "model", "-o", "out", "-q"]);
    let index_out = read_json(&root.join("out/model.safetensors.index.json"));
    assert_eq!(index_out["weight_map"]["w"], json!("model-00002-of-00002.safetensors"));
    assert_eq!(index_out["weight_map"].as_object().unwrap().len(), map.len());
    run(root, &["inspect", "out"]);
    for (shard, says) in [
        (
            "pytorch_model-00001-of-00002.bin",
            "says that tensor `w` is in `pytorch_model-00001-of-00002.bin`, but it is not",
        ),
        ("pytorch_model-00003-of-00002.bin", "which does not exist"),
        ("../pytorch_model.bin", "which is not the name of a file in the same folder"),
    ] {
        map.insert("w".into(), json!(shard));
        index(&map).unwrap();
        let refused = admix(root).args(["convert", "model", "-o", "more"]).output().unwrap();
        assert!(refused.status.code() == Some(3) && stderr(&refused).contains(says), "{}", stderr(&refused));
        assert_eq!(names(root), ["model", "out"]);
    }
}

#[test]
fn pickles_that_do_more_than_hold_tensors_are_refused_and_not_run() {
    let dangerous = [
        (call("os", "system"), "asks for `os.system` at byte 42"),
        (call("posix", "system"), "asks for `posix.system`"),
        (call("builtins", "eval"), "asks for `builtins.eval`"),
        (call("torch", "load"), "asks for `torch.load`"),
        (call("torch._utils", "_rebuild_sparse_tensor"), "asks for `torch._utils._rebuild_sparse_tensor`"),
        (call("collections", "OrderedDict"), "calls `OrderedDict` at byte"),
        (b"\x80\x02(ios\nsystem\nX\x01\0\0\0xo.".to_vec(), "opcode 0x69 (INST) at byte 43"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93)\x81.".to_vec(), "asks for `os.system` at byte"),
        (b"\x80\x02ccollections\nOrderedDict\n)\x81.".to_vec(), "opcode 0x81 (NEWOBJ)"),
        (b"\x80\x02\x82\x01.".to_vec(), "opcode 0x82 (EXT1)"),
        (b"\x80\x02\xff.".to_vec(), "opcode 0xff (unknown) at byte 42"),
        (b"\x80\x02}X\x01\0\0\0aN)R.".to_vec(), "calls None at byte"),
    ];
    for (pickle, says) in dangerous {
        let message = refused(&with_pickle(&pickle));
        assert!(message.contains(says), "{says}: {message}");
    }
}

#[test]
fn a_refused_file_is_one_sentence_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("model")).unwrap();
    fs::write(root.join("model/pytorch_model.bin"), with_pickle(&call("os", "system"))).unwrap();
    let output = admix(root).args(["convert", "model", "-o", "out"]).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.starts_with("error: `model/pytorch_model.bin`: the pickle asks for `os.system` at byte 42,"),
        "{said}"
    );
    assert!(said.contains("\nhint: nothing of it was run"), "{said}");
    assert_eq!(names(root), ["model"]);
    // A file whose numbers were changed does not match its checksum.
    let sound = with_pickle(&state_dict(4, 0, &[4], &[1]));
    let numbers = found_in(&sound).unwrap().remove(0).2;
    fs::write(root.join("model/pytorch_model.bin"), patched(&sound, numbers.start, &[1])).unwrap();
    let output = admix(root).args(["convert", "model", "-o", "out"]).output().unwrap();
    let said = stderr(&output);
    assert!(
        output.status.code() == Some(3) && said.contains("`m/data/0` in the archive does not match its checksum"),
        "{said}"
    );
    assert_eq!(names(root), ["model"]);
}

#[test]
fn damaged_pickles_say_where() {
    let mut long = b"\x80\x02".to_vec();
    long.resize(3 << 20, b']');
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "ends at byte"),
        (b"\x80\x02}".to_vec(), "ends at byte 43 without a result"),
        (b"\x80\x02X\xff\xff\xff\xff.".to_vec(), "BINUNICODE at byte 42 claims 4294967295 bytes, but 1 are left"),
        (b"\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xff.".to_vec(), "claims 18446744073709551615 bytes"),
        (b"\x80\x02X\x01\0\0\0\xff.".to_vec(), "is not text"),
        (b"\x80\x09}.".to_vec(), "of protocol 9"),
        (b"\x80\x02.".to_vec(), "STOP at byte 42 takes more than there is"),
        (b"\x80\x02}(0.".to_vec(), "POP at byte 44 takes more than there is"),
        (b"\x80\x02}u.".to_vec(), "SETITEMS at byte 43 takes more than there is"),
        (b"\x80\x02}h\x07.".to_vec(), "recalls entry 7, which was never stored"),
        (b"\x80\x02]NNs.".to_vec(), "needs a dict, found a list"),
        (b"\x80\x02NQ.".to_vec(), "needs the name of a storage, found None"),
        (b"\x80\x02\x8a\xff".to_vec(), "claims 255 bytes"),
        (long, "more than 2097152 operations"),
        (b"\x80\x02].".to_vec(), "the file holds a list, not a dict of tensors"),
        (b"\x80\x02}.".to_vec(), "the state dict has no tensors"),
        (b"\x80\x02}K\x01Ns.".to_vec(), "has a whole number as a key"),
        (b"\x80\x02}X\x01\0\0\0aNs.".to_vec(), "`a` of the state dict is None, not a tensor"),
        (state_dict(4, 1, &[4], &[1]), "tensor `w` of shape [4] reaches past the 4 elements"),
        (state_dict(4, 0, &[3], &[2]), "reaches past"),
        (state_dict(4, 0, &[i32::MAX, i32::MAX, i32::MAX], &[0, 0, 0]), "more bytes than can be counted"),
        (state_dict(4, 0, &[1 << 20, 1 << 10], &[0, 0]), "the tensors have 4294967296 bytes"),
        (state_dict(4, 0, &[2, 2], &[2]), "calls `_rebuild_tensor` at byte"),
        (state_dict(4, 0, &[2], &[-1]), "calls `_rebuild_tensor` at byte"),
        (state_dict(5, 0, &[2], &[1]), "the storage `0` should have 20 bytes, and has 16"),
        (state_dict(-1, 0, &[2], &[1]), "needs the name of a storage"),
    ];
    for (pickle, says) in cases {
        let message = refused(&with_pickle(&pickle));
        assert!(message.contains(says), "{says}: {message}");
    }
}

#[test]
fn damaged_archives_say_what_is_wrong() {
    let pickle = state_dict(4, 0, &[4], &[1]);
    let sound = with_pickle(&pickle);
    assert_eq!(found_in(&sound).unwrap().len(), 1);
    let central = sound.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let end = sound.len() - 22;
    let (entries, storage) = (found_in(&sound).unwrap(), [0; 16]);
    let numbers = entries[0].2.start;
    let named = |name: &str| archive(&[("m/data.pkl", &pickle), (name, &storage)]);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n".to_vec(), "a git-lfs pointer"),
        (vec![7; 600], "neither a zip archive nor a pickle"),
        (b"\x08\0\0\0\0\0\0\0{}      ".to_vec(), "a safetensors file"),
        (sound[..sound.len() - 1].to_vec(), "no end record"),
        (sound[..numbers].to_vec(), "no end record"),
        (patched(&sound, central + 10, &[8, 0]), "`m/data.pkl` in the archive is compressed"),
        (patched(&sound, central + 8, &[1, 0]), "is encrypted"),
        (patched(&sound, central + 20, &[1, 0, 0, 0]), "is compressed"),
        (patched(&sound, central + 20, &[0, 0, 0, 0x70, 0, 0, 0, 0x70]), "claims 1879048192 bytes"),
        (patched(&sound, central + 42, &[9, 0, 0, 0]), "no header of a file at byte 9"),
        (patched(&sound, central + 46, b"x"), "two headers of `x/data.pkl` in the archive differ"),
        (patched(&sound, central + 46, b"\xff"), "the name of entry 0 of the archive is not text"),
        (patched(&sound, end + 4, &[1]), "in several parts"),
        (patched(&sound, end + 10, &[0xff, 0xff]), "no list of entries"),
        (patched(&sound, end + 16, &[0xff, 0xff, 0xff, 0x7f]), "no list of entries at byte 2147483647"),
        (patched(&sound, central, b"XX"), "no entry at byte"),
        (named("../../m/data/0"), "holds `../../m/data/0`, which is not a plain path"),
        (named("/m/data/0"), "which is not a plain path"),
        (named("m/data.pkl"), "holds `m/data.pkl` twice"),
        (named("m/data/1"), "the archive has no `data/0`"),
        (archive(&[("m/other", b"x")]), "the archive has no `data.pkl`"),
        (archive(&[("m/data.pkl", &pickle), ("m/byteorder", b"big"), ("m/data/0", &storage)]), "order `big` of bytes"),
        (archive(&[("m/data.pkl", &pickle), ("m/constants.pkl", b"x")]), "a TorchScript program"),
    ];
    for (file, says) in cases {
        let message = refused(&file);
        assert!(message.contains(says), "{says}: {message}");
    }
    // A second entry whose bytes are those of the first.
    let twin = archive(&[("m/data.pkl", &pickle), ("m/data/0", &storage), ("m/data/1", &storage)]);
    let (one, two) = (twin.len() - 22 - 54, twin.len() - 22 - 108);
    let offset: [u8; 4] = twin[two + 42..two + 46].try_into().unwrap();
    let mut overlap = patched(&twin, one + 42, &offset);
    overlap = patched(&overlap, one + 46, b"m/data/0");
    assert!(refused(&overlap).contains("twice"), "{}", refused(&overlap));
    let inside = patched(&sound, central + 20, &[200, 0, 0, 0, 200, 0, 0, 0]);
    assert!(refused(&inside).contains("overlap in the archive"), "{}", refused(&inside));
}

#[test]
fn files_of_the_old_format_are_checked_too() {
    let sound = fs::read(repository().join("tests/goldens/torch/legacy.bin")).unwrap();
    assert!(found_in(&sound).is_ok());
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"\x80\x02}.".to_vec(), "a pickle without torch's mark"),
        (sound[..40].to_vec(), "claims 16 bytes, but 8 are left"),
        (sound[..sound.len() - 1].to_vec(), "too few bytes for its storages"),
        ([&sound[..], b"x"].concat(), "bytes behind its storages"),
        (call("os", "system"), "asks for `os.system` at byte 2"),
        ([&sound[..21], &call("os", "system")].concat(), "asks for `os.system` at byte 23"),
    ];
    for (file, says) in cases {
        let message = refused(&file);
        assert!(message.contains(says), "{says}: {message}");
    }
    for cut in 0..sound.len() {
        refused(&sound[..cut]);
    }
}

#[test]
fn heads_that_are_the_embedding_are_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    let mut pickle = state_dict(4, 0, &[2, 2], &[2, 1]);
    // The same tensor, stored in the memo, under three names.
    pickle.truncate(pickle.len() - 2);
    pickle.extend(b"q\x01sX\x0e\0\0\0lm_head.weighth\x01sX\x05\0\0\0otherh\x01s.");
    fs::write(model.join("pytorch_model.bin"), with_pickle(&pickle)).unwrap();
    let converted = |config: &str, out: &str| {
        fs::write(model.join("config.json"), config).unwrap();
        run(folder.path(), &["convert", "model", "-o", out]);
        let bytes = fs::read(folder.path().join(out).join("model.safetensors")).unwrap();
        parse_tensors(&bytes).into_keys().collect::<Vec<_>>()
    };
    assert_eq!(converted("{}", "tied"), ["other", "w"]);
    assert_eq!(converted(r#"{"tie_word_embeddings": false}"#, "untied"), ["lm_head.weight", "other", "w"]);
}

#[test]
fn links_and_pipes_in_a_folder_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    let saved = folder.path().join("saved.pt");
    fs::write(&saved, with_pickle(&state_dict(4, 0, &[4], &[1]))).unwrap();
    std::os::unix::fs::symlink(&saved, model.join("head.pt")).unwrap();
    std::os::unix::fs::symlink(folder.path(), model.join("up")).unwrap();
    let done = run(folder.path(), &["convert", "model", "-o", "out"]);
    assert!(stderr(&done).contains("`up` is left out: it is a link to a folder"), "{}", stderr(&done));
    assert_eq!(names(&folder.path().join("out")), ["admix.json", "head.safetensors"]);
    clash(folder.path(), &model);
}

fn clash(root: &Path, model: &Path) {
    fs::copy(root.join("saved.pt"), model.join("head.pth")).unwrap();
    let refused = admix(root).args(["convert", "model", "-o", "more"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(stderr(&refused).contains("would both become `head.safetensors`"), "{}", stderr(&refused));
}
