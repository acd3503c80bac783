//! Numbers in files as the bits of float64, in hexadecimal: to the last bit.

use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

pub(super) fn serialize<S: Serializer>(values: &[f64], to: S) -> Result<S::Ok, S::Error> {
    values.iter().map(|value| format!("{:016x}", value.to_bits())).collect::<Vec<_>>().serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let value = |text: &String| u64::from_str_radix(text, 16).map(f64::from_bits).map_err(serde::de::Error::custom);
    texts.iter().map(value).collect()
}
