//! Fingerprints of everything that affects scores: values of tensors, settings, tokenizers. Equal fingerprints mean equal
//! scores.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde_json::{Map, Value};

use crate::checkpoint::{Checkpoint, ModelKind, read_config};
use crate::kernel::{DType, SimdLevel, widen};
use crate::sweep::hash::{Parts, short};

/// Number of elements that are widened at a time.
const PART: usize = 16 * 1024;

/// The fingerprint of a tensor's values in any dtype: two halves of 64 bits, each a chain of folded products.
pub(super) fn tensor(shape: &[usize], dtype: DType, bytes: &[u8]) -> u128 {
    let mut state = (0x9e37_79b9_7f4a_7c15_u64, 0xd1b5_4a32_d192_ed03_u64);
    let mut take = |word: u64| {
        state.0 = folded(state.0 ^ word, 0xa076_1d64_78bd_642f);
        state.1 = folded(state.1 ^ word.rotate_left(32), 0xe703_7ed1_a0b4_28db);
    };
    for size in shape {
        take(*size as u64);
    }
    let mut values = vec![0.0_f32; PART];
    for part in bytes.chunks(PART * dtype.size()) {
        // A 64-bit number is not widened.
        if dtype == DType::F64 {
            for value in part.as_chunks().0 {
                take(u64::from_le_bytes(*value));
            }
            continue;
        }
        let values = values.get_mut(..part.len() / dtype.size()).unwrap_or_default();
        widen(SimdLevel::best(), part, dtype, values);
        // Both zeros are equal in a sum.
        for value in &mut *values {
            *value += 0.0;
        }
        let (pairs, rest) = values.as_chunks::<2>();
        for [a, b] in pairs {
            take(u64::from(a.to_bits()) << 32 | u64::from(b.to_bits()));
        }
        for value in rest {
            take(u64::from(value.to_bits()));
        }
    }
    u128::from(state.0) << 64 | u128::from(state.1)
}

/// Folds the two halves of a product. A factor of zero would discard everything before it.
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a | u64::from(a == 0)) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

/// The fingerprint of all tensors of a model, by module and name.
pub(super) fn model<'a>(tensors: impl Iterator<Item = (&'a str, &'a str, u128)>) -> u128 {
    let mut named: Vec<(&str, &str, u128)> = tensors.collect();
    named.sort_unstable();
    let mut all = Vec::new();
    for (module, name, fingerprint) in named {
        all.extend(module.bytes().chain([0]).chain(name.bytes()).chain([0]));
        all.extend(fingerprint.to_le_bytes());
    }
    all.resize(all.len().next_multiple_of(8), 0);
    tensor(&[all.len()], DType::F64, &all)
}

/// The fingerprint of a checkpoint's tensors.
pub(super) fn checkpoint(checkpoint: &Checkpoint) -> u128 {
    let tensors: Vec<_> = checkpoint
        .parts()
        .iter()
        .filter_map(|module| Some((module, module.weights.as_ref()?)))
        .flat_map(|(module, weights)| weights.tensors().iter().map(move |tensor| (module, weights, tensor)))
        .collect();
    let fingerprints: Vec<(&str, &str, u128)> = tensors
        .into_par_iter()
        .filter_map(|(module, weights, found)| {
            let fingerprint = tensor(&found.shape, found.float()?, weights.bytes(found));
            Some((module.folder.as_str(), found.canonical.as_str(), fingerprint))
        })
        .collect();
    model(fingerprints.into_iter())
}

/// Keys of config.json that do not affect embeddings.
const IDLE: [&str; 12] = [
    "_name_or_path",
    "architectures",
    "bos_token_id",
    "classifier_dropout",
    "dtype",
    "eos_token_id",
    "gradient_checkpointing",
    "is_decoder",
    "tie_word_embeddings",
    "torch_dtype",
    "transformers_version",
    "use_cache",
];

/// The settings of a folder that affect embeddings, except the tokenizer.
pub(super) fn settings(checkpoint: &Checkpoint) -> String {
    let settings = checkpoint.settings();
    let config = |config: &Map<String, Value>| -> String {
        let counts = |(key, value): &(&String, &Value)| {
            !IDLE.contains(&key.as_str()) && !value.is_null() && **value != Value::Bool(false)
        };
        let kept: BTreeMap<_, _> = config.iter().filter(counts).map(|(key, value)| (key, sorted(value))).collect();
        format!("{kept:?}")
    };
    let others = checkpoint.modules().iter().filter(|module| {
        module.weights.is_some() && checkpoint.main_module().is_none_or(|main| main.folder != module.folder)
    });
    let others: Vec<String> = others.map(|module| format!("{} {}", module.kind, config(&module.config))).collect();
    let (pooling, dimensions) = (&settings.pooling, settings.truncate_dim);
    let (prompt, normalize) = (settings.include_prompt, settings.normalize);
    let own = format!("{pooling:?} {prompt} {normalize} {dimensions:?} {others:?} {}", config(checkpoint.config()));
    if settings.kind != ModelKind::Sparse {
        return short(&own);
    }
    // The modules of sparse retrievers that have no weights matter, too.
    let modules = checkpoint.modules().iter();
    let modules: Vec<String> =
        modules.map(|module| format!("{} {:?} {}", module.kind, module.roles, config(&module.config))).collect();
    short(&format!("{own} {modules:?} {:?}", settings.max_active_dims))
}

/// The fingerprint of a tokenizer's settings.
pub(super) fn tokenizer(checkpoint: &Checkpoint, max_length: usize) -> String {
    let folder = checkpoint.tokenizer().home();
    let read = |name: &str| read_config(&folder.join(name)).ok().flatten();
    let json = checkpoint.tokenizer().json().ok();
    let mut parts = Parts::default();
    if let Some(mut tokenizer) = json.and_then(|json| serde_json::from_slice::<Value>(&json).ok()) {
        if let Some(map) = tokenizer.as_object_mut() {
            // These lengths come from some training run; only the truncation side is used.
            let side = map.remove("truncation").and_then(|truncation| truncation.get("direction").cloned());
            parts.add(format!("{side:?}").as_bytes());
            map.remove("padding");
        }
        parts.add(sorted(&tokenizer).as_bytes());
    }
    // The class that loads the tokenizer replaces parts of it according to these settings.
    for name in ["tokenizer_config.json", "special_tokens_map.json"] {
        let mut config = read(name).unwrap_or_default();
        config.retain(|key, _| !matches!(key.as_str(), "chat_template" | "name_or_path" | "model_max_length"));
        parts.add(sorted(&Value::Object(config)).as_bytes());
    }
    let model = ["model_type", "tokenizer_class"].map(|key| checkpoint.config().get(key).map(sorted));
    let settings = checkpoint.settings();
    if settings.routed {
        // Queries may have a tokenizer of their own, in the folder of their route.
        parts.add(checkpoint.usage_path().as_os_str().as_encoded_bytes());
    }
    parts.add(format!("{model:?} {:?} {} {max_length}", settings.transformer, settings.lower_case).as_bytes());
    parts.finish()
}

/// Sorts the keys of all objects in a JSON value.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let entries: BTreeMap<&String, String> = map.iter().map(|(key, value)| (key, sorted(value))).collect();
            format!("{entries:?}")
        }
        Value::Array(entries) => format!("[{}]", entries.iter().map(sorted).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::path::Path;

    use super::*;

    #[test]
    fn settings_do_not_depend_on_the_order_in_which_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tiny/base");
        let config = std::fs::read_to_string(fixture.join("config.json")).unwrap();
        let with = |more: &str| {
            let model = folder.path().join("model");
            let _ = std::fs::remove_dir_all(&model);
            std::fs::create_dir(&model).unwrap();
            for name in ["model.safetensors", "tokenizer.json"] {
                std::fs::copy(fixture.join(name), model.join(name)).unwrap();
            }
            std::fs::write(model.join("config.json"), config.replacen('{', &format!("{{{more},"), 1)).unwrap();
            settings(&Checkpoint::open(&model).unwrap())
        };
        let one = with(r#""rope": {"type": "yarn", "parts": [{"low": 1, "high": 2}]}, "layers": 3"#);
        let other = with(r#""layers": 3, "rope": {"parts": [{"high": 2, "low": 1}], "type": "yarn"}"#);
        assert_eq!(one, other);
        assert_ne!(one, with(r#""layers": 3, "rope": {"parts": [{"high": 1, "low": 2}], "type": "yarn"}"#));
        assert_ne!(one, with(r#""layers": 3, "rope": {"parts": [{"high": 2}, {"low": 1}], "type": "yarn"}"#));
    }

    #[test]
    fn values_are_told_apart_and_formats_are_not() {
        let single: Vec<u8> = [1.0_f32, -0.5, 0.25].iter().flat_map(|x| x.to_le_bytes()).collect();
        let half: Vec<u8> = [1.0_f32, -0.5, 0.25].iter().flat_map(|x| half::f16::from_f32(*x).to_le_bytes()).collect();
        assert_eq!(tensor(&[3], DType::F32, &single), tensor(&[3], DType::F16, &half));
        assert_ne!(tensor(&[3], DType::F32, &single), tensor(&[3, 1], DType::F32, &single));
        for byte in 0..single.len() {
            let mut other = single.clone();
            other[byte] ^= 1;
            assert_ne!(tensor(&[3], DType::F32, &single), tensor(&[3], DType::F32, &other), "{byte}");
        }
        let zeros = vec![0; 4 * 40_000];
        assert_ne!(tensor(&[1], DType::F32, &zeros[..4]), tensor(&[1], DType::F32, &zeros));
    }
}
