//! The readers of untrusted files against inputs made at random.
//!
//! `cargo test` runs every target for a moment. With cargo-bolero and a nightly toolchain one runs for as long as wanted, led
//! by coverage: `cargo bolero test suite::fuzz::a_recipe --toolchain nightly --profile test --corpus-dir DIR --crashes-dir DIR`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use admix::checkpoint::{Checkpoint, HeaderError, disagreements, parse_header};
use admix::convert::found_in;
use admix::method;
use admix::recipe::{Parameters, Place, Recipe};
use bolero::{ValueGenerator, check, produce};
use safetensors::SafeTensors;
use serde_json::Value;

use super::support::{copy_folder, repository};

/// How long `cargo test` runs a target.
const MOMENT: Duration = Duration::from_millis(700);
/// The longest input.
const LONGEST: usize = 64 * 1024;

/// A text changed at random: where, how many bytes are taken out, and the token put in.
type Edits = Vec<(u16, u8, u8)>;

fn edits(most: usize) -> impl ValueGenerator<Output = Edits> {
    produce::<Edits>().with().len(0..=most)
}

/// Makes the edits; `tokens` stand between `¦`.
fn edited(sound: &[u8], edits: &Edits, tokens: &str) -> Vec<u8> {
    let tokens: Vec<&str> = tokens.split('¦').collect();
    let mut bytes = sound.to_vec();
    for &(at, cut, token) in edits {
        let start = usize::from(at) * (bytes.len() + 1) / (usize::from(u16::MAX) + 1);
        // Most edits take out little: the rest of a line would rarely leave anything to read.
        let cut = usize::from(cut) % 8;
        let end = (start + cut).min(bytes.len());
        bytes.splice(start..end, tokens[usize::from(token) % tokens.len()].bytes());
    }
    bytes
}

/// One sentence, which a terminal shows as it is.
fn check_message(message: &str) {
    assert!(!message.is_empty() && !message.contains(char::is_control), "{message:?}");
}

// --- Headers ---

#[test]
fn a_header() {
    check!().with_test_time(MOMENT).for_each(|bytes: &[u8]| {
        check_header(bytes);
        check_header(&file_of(bytes));
    });
}

#[test]
fn a_header_of_edited_tensors() {
    let tensor = (0..DTYPES.len(), produce::<Vec<usize>>().with().values(0..5_usize).len(0..4_usize));
    let tensors = produce::<Vec<_>>().with().values(tensor).len(0..5_usize);
    let input = (tensors, edits(3), -1..=2_isize);
    let header = |(tensors, edits, more): (Vec<(usize, Vec<usize>)>, Edits, isize)| {
        let (sound, end) = header_of(&tensors);
        let header = edited(sound.as_bytes(), &edits, JSON);
        (String::from_utf8_lossy(&header).into_owned(), end.saturating_add_signed(more))
    };
    check!().with_test_time(MOMENT).with_generator(input).map(header).for_each(|(header, data)| {
        check_header(&file_of(header.as_bytes()));
        check_header(&with_length(header.as_bytes(), *data));
    });
}

/// The header of tensors, each a dtype and a shape, that lie one after the other, and where their data ends.
fn header_of(tensors: &[(usize, Vec<usize>)]) -> (String, usize) {
    let mut end = 0;
    let entry = |(index, (dtype, shape)): (usize, &(usize, Vec<usize>))| {
        let ((dtype, bits), start) = (DTYPES[*dtype], end);
        end += shape.iter().product::<usize>() * bits / 8;
        format!(r#","t{index}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#)
    };
    let entries: Vec<String> = tensors.iter().enumerate().map(entry).collect();
    (format!(r#"{{"__metadata__":{{"format":"pt"}}{}}}"#, entries.concat()), end)
}

/// A file with that header and as much data as it asks for: to the largest end, else to the largest number.
fn file_of(header: &[u8]) -> Vec<u8> {
    let end = |entry: &Value| entry.get("data_offsets")?.get(1)?.as_u64();
    let entries = serde_json::from_slice::<serde_json::Map<_, _>>(header).unwrap_or_default();
    let numbers =
        header.split(|byte| !byte.is_ascii_digit()).filter_map(|digits| str::from_utf8(digits).ok()?.parse().ok());
    let within = |end: &u64| *end <= LONGEST as u64;
    let data = entries.values().filter_map(end).max().or_else(|| numbers.filter(within).max()).filter(within);
    with_length(header, data.map_or(0, |data| data as usize))
}

fn with_length(header: &[u8], data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header);
    bytes.resize(bytes.len() + data, 0);
    bytes
}

/// Holds that what is accepted lies in the file once, and that the format's own reader accepts the same.
fn check_header(file: &[u8]) {
    let ours = parse_header(file);
    // The format's reader adds to an end that may be the largest number before it compares, and takes the last of two entries.
    if matches!(ours, Err(HeaderError::OutOfRange { .. } | HeaderError::Duplicate { .. })) {
        return;
    }
    let theirs = SafeTensors::read_metadata(file);
    let (entries, (length, metadata)) = match (ours, theirs) {
        (Ok(entries), Ok(theirs)) => (entries, theirs),
        (Err(_), Err(_)) => return,
        (ours, theirs) => {
            assert!(spelling(file), "ours: {ours:?}, theirs: {theirs:?}");
            return;
        }
    };
    let start = 8 + length;
    let mut covered = start;
    for entry in &entries {
        assert_eq!(entry.range.start, covered, "{}", entry.name);
        covered = entry.range.end;
        let info = metadata.info(&entry.name).unwrap();
        let range = start + info.data_offsets.0..start + info.data_offsets.1;
        assert_eq!((entry.dtype, &entry.shape, &entry.range), (info.dtype, &info.shape, &range), "{}", entry.name);
    }
    assert_eq!(covered, file.len());
    assert_eq!(entries.len(), metadata.tensors().len());
}

/// Whether a header is spelt in a way that the format's reader takes otherwise and that no writer uses: unsound JSON in a
/// member that nobody reads, which it does not skip, and a dtype as a map, which it accepts.
fn spelling(file: &[u8]) -> bool {
    let length = file.first_chunk().map_or(0, |length| u64::from_le_bytes(*length) as usize);
    let header = file.get(8..8 + length).unwrap_or_default();
    let Ok(entries) = serde_json::from_slice::<serde_json::Map<String, Value>>(header) else { return true };
    entries.values().any(|entry| entry.get("dtype").or_else(|| entry.get(0)).is_some_and(Value::is_object))
}

// --- Recipes ---

#[test]
fn a_recipe() {
    check!().with_test_time(MOMENT).for_each(|bytes: &[u8]| check_recipe(&String::from_utf8_lossy(bytes)));
}

#[test]
fn an_edited_recipe() {
    let recipes = recipes();
    let input = (0..recipes.len(), edits(6));
    let text =
        |(choice, edits): (usize, Edits)| String::from_utf8_lossy(&edited(&recipes[choice], &edits, YAML)).into_owned();
    check!().with_test_time(MOMENT).with_generator(input).map(text).for_each(|text| check_recipe(text));
}

#[test]
fn every_recipe_of_the_repository() {
    for recipe in recipes() {
        check_recipe(&String::from_utf8(recipe).unwrap());
    }
}

/// The recipes of the repository.
fn recipes() -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = ["recipes", "tests/goldens/recipes"]
        .iter()
        .flat_map(|folder| fs::read_dir(repository().join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Holds that places lie in the text and that settings give finite numbers.
fn check_recipe(text: &str) {
    if text.len() > LONGEST {
        return;
    }
    let variables: BTreeMap<String, String> = [("a", "1"), ("b", ""), ("m", "org/a"), ("t", "[0, ${a}]\n")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    match Recipe::parse(text, "fuzz", &variables) {
        Ok(recipe) => check_accepted(&recipe, text),
        Err(error) => {
            check_message(error.message());
            error.hint().into_iter().for_each(check_message);
            error.place().into_iter().for_each(|place| check_place(place, text));
        }
    }
}

fn check_accepted(recipe: &Recipe, text: &str) {
    recipe.warnings.iter().for_each(|warning| check_message(warning));
    check_settings(&recipe.parameters);
    assert!(!recipe.slices.is_empty());
    for slice in &recipe.slices {
        check_settings(&slice.parameters);
        slice.sources.iter().for_each(|source| check_settings(&source.parameters));
    }
    assert!(!recipe.models().is_empty());
    // Aliases make many sources of a short text, and every place is a pass over it.
    for source in recipe.slices.iter().flat_map(|slice| &slice.sources).take(20) {
        check_place(&recipe.place(&source.at).unwrap(), text);
        check_place(&recipe.place(&source.model.at).unwrap(), text);
    }
}

fn check_settings(parameters: &Parameters) {
    for (name, setting) in parameters.iter() {
        for t in [0.0, 0.5, 1.0] {
            for tensor in ["embeddings.word_embeddings.weight", "encoder.layer.1.attention.self.query.bias", ""] {
                match setting.evaluate(tensor, t) {
                    Some(method::Value::Number(number)) => assert!(number.is_finite(), "{name}"),
                    Some(method::Value::Flag(_)) | None => {}
                }
            }
        }
    }
}

fn check_place(place: &Place, text: &str) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = text.split('\n').nth(place.line - 1).unwrap();
    assert!(line.starts_with(&place.text), "{place:?}");
    let end = place.text.chars().count() + 1;
    assert!((1..=end).contains(&place.column), "{place:?}");
    assert!(place.length > 0 && place.column + place.length <= end.max(place.column + 1), "{place:?}");
}

// --- Files that torch saved ---

#[test]
fn a_file_of_torch_with_edited_bytes() {
    let goldens = repository().join("tests/goldens/torch");
    let sound: Vec<Vec<u8>> =
        ["zip.bin", "legacy.bin", "protocol4.bin"].iter().map(|name| fs::read(goldens.join(name)).unwrap()).collect();
    let byte = (produce::<u16>(), produce::<u8>());
    let bytes = produce::<Vec<(u16, u8)>>().with().values(byte).len(0..=6_usize);
    let input = (0..sound.len(), bytes, produce::<Option<u16>>());
    let file = |(choice, bytes, cut): (usize, Vec<(u16, u8)>, Option<u16>)| {
        let mut file = sound[choice].clone();
        for (at, byte) in bytes {
            let length = file.len();
            file[usize::from(at) % length] = byte;
        }
        // Most damage is to what is there, not to where it ends.
        file.truncate(cut.filter(|cut| cut % 4 == 0).map_or(file.len(), |cut| usize::from(cut) % file.len()));
        file
    };
    check!().with_test_time(MOMENT).with_generator(input).map(file).for_each(|file| check_torch(file));
}

#[test]
fn a_file_of_torch() {
    check!().with_test_time(MOMENT).for_each(|bytes: &[u8]| {
        check_torch(bytes);
        check_torch(&[b"\x80\x02", bytes].concat());
    });
}

/// Holds that what is accepted lies in the file.
fn check_torch(file: &[u8]) {
    match found_in(file) {
        Ok(tensors) => {
            assert!(!tensors.is_empty());
            assert!(tensors.iter().all(|(_, _, storage)| storage.start <= storage.end && storage.end <= file.len()));
        }
        Err(error) => check_message(&error.to_string()),
    }
}

// --- Model folders ---

#[test]
fn a_folder_with_one_edited_file() {
    let sound = repository().join("fixtures/tiny-dense/base");
    let other = Checkpoint::open(&sound).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("model");
    copy_folder(&sound, &folder);
    let files: Vec<Vec<u8>> = FILES.iter().map(|file| fs::read(sound.join(file)).unwrap_or_default()).collect();
    let input = (0..FILES.len(), edits(4));
    let content = |(file, edits): (usize, Edits)| {
        let content = edited(&files[file], &edits, JSON);
        (file, String::from_utf8_lossy(&content).into_owned())
    };
    // A file is removed first: some file systems wait for the disk when one is overwritten.
    let put = |file: usize, content: &[u8]| {
        let path = folder.join(FILES[file]);
        fs::remove_file(&path).unwrap();
        fs::write(&path, content).unwrap();
    };
    check!().with_test_time(MOMENT).with_generator(input).map(content).for_each(|(file, content)| {
        put(*file, content.as_bytes());
        check_folder(&folder, &other);
        put(*file, &files[*file]);
    });
}

fn check_folder(folder: &Path, other: &Checkpoint) {
    match Checkpoint::open(folder) {
        Ok(checkpoint) => {
            for found in disagreements(&checkpoint, other).into_iter().chain(disagreements(other, &checkpoint)) {
                assert_ne!(found.left, found.right, "{}", found.what);
            }
            assert!(checkpoint.weight_bytes() > 0);
        }
        Err(error) => check_message(&error.to_string()),
    }
}

const FILES: [&str; 9] = [
    "config.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "2_Dense/config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
];

const DTYPES: [(&str, usize); 6] = [("F32", 32), ("BF16", 16), ("F4", 4), ("BOOL", 8), ("I64", 64), ("F6_E2M3", 6)];

const JSON: &str = "¦{¦}¦[¦]¦[]¦{}¦,¦:¦\"¦\"\"¦null¦true¦false¦0¦1¦-1¦8¦0.5¦1e99¦4294967296¦9223372036854775807¦\
    18446744073709551615¦18446744073709551616¦\\u0000¦\\u001b¦\\ud800¦\u{1b}¦가¦\n¦..¦/¦\"t0\":¦\
    \"__metadata__\":¦\"dtype\":¦\"shape\":¦\"data_offsets\":¦\"path\":¦\"type\":¦\"pooling_mode\":¦\
    \"prompts\":¦\"vocab\":¦\"merges\":¦\"added_tokens\":";

const YAML: &str = "¦merge_method: ¦linear¦ties¦slerp¦passthrough¦models:\n¦- model: a\n¦- {model: c}\n¦- ¦  parameters:\n¦\
    parameters: {weight: 1}\n¦weight: ¦density: ¦t: ¦normalize: ¦slices:\n¦- sources:\n¦\
    layer_range: [0, 2]\n¦base_model: a\n¦dtype: ¦float32¦value: ¦filter: ¦[¦]¦{¦}¦, ¦: ¦\n¦  ¦&x ¦*x¦\
    <<: ¦1¦0.5¦-1e308¦-1e400¦1_0¦50%¦.nan¦~¦yes¦\"¦'¦#¦\\¦|\n¦>-\n¦!!float ¦!t ¦---\n¦...\n¦? ¦${a}¦\
    ${b}¦${t}¦$${¦${¦\t¦\r¦\u{7f}¦\u{85}¦\u{2028}¦\u{feff}¦가¦%YAML 1.1\n";
