//! Tests of [`super`].
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use super::*;

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/tokenizer_files")
}

/// FNV-1a of 64 bits over the numbers of a text's tokens.
fn hash(ids: &[u32]) -> u64 {
    let bytes = ids.iter().flat_map(|id| id.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

fn expected(folder: &Path) -> Vec<u64> {
    let bytes = std::fs::read(folder.join("expected.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let data = tensors.tensor("hashes").unwrap().data().to_vec();
    data.chunks_exact(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap())).collect()
}

#[test]
fn older_files_give_the_tokens_that_transformers_gives() {
    let texts: Vec<String> = serde_json::from_slice(&std::fs::read(goldens().join("texts.json")).unwrap()).unwrap();
    assert!(texts.len() >= 2000);
    let mut classes = 0;
    let mut off = Vec::new();
    for entry in std::fs::read_dir(goldens()).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        classes += 1;
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let tokenizer = Tokenizer::open(&Checkpoint::open(&folder).unwrap()).unwrap();
        for (text, right) in texts.iter().zip(expected(&folder)) {
            let ids = tokenizer.ids(text).unwrap();
            if hash(&ids) != right {
                off.push(format!("{name}: {text:?} {ids:?}"));
            }
        }
    }
    assert_eq!(classes, 10);
    assert!(off.is_empty(), "{} texts are off, such as {:#?}", off.len(), &off[..off.len().min(20)]);
}

#[test]
fn a_damaged_vocabulary_is_refused_by_its_name() {
    for (class, file, content, problem) in [
        ("xlm-roberta", "sentencepiece.bpe.model", &b"{}"[..], "it is no sentencepiece model"),
        ("t5", "spiece.model", b"\x0a\xff", "it is no sentencepiece model"),
        ("bert", "vocab.txt", b"\xff\xfe\n", "it is not UTF-8"),
        ("roberta", "merges.txt", b"a b c\n", "merges.txt has the line \"a b c\", expected two tokens"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(goldens().join(class)).unwrap() {
            let from = entry.unwrap().path();
            std::fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
        }
        std::fs::write(folder.path().join(file), content).unwrap();
        let error = Tokenizer::open(&Checkpoint::open(folder.path()).unwrap()).unwrap_err().to_string();
        assert!(error.contains(problem), "{class}: {error}");
    }
}
