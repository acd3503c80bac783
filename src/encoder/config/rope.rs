//! Rotary position embeddings: the angle by which each pair of a head's numbers is rotated per token.

use serde_json::Value;

use super::super::error::Error;
use super::json::Json;

/// The kinds of scaling; `ntk` is only the GTE models' own.
const KINDS: &str = "default, linear, dynamic, llama3 or yarn";

/// The rotation of one head: pair `i` is rotated by `position · frequencies[i]`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::encoder) struct Rope {
    /// Radians per token, for each pair of numbers of a head.
    pub(in crate::encoder) frequencies: Vec<f32>,
    /// The factor on rotated numbers.
    pub(in crate::encoder) scale: f32,
}

/// Where the parameters of a rotation are in the file.
pub(super) struct Source<'a> {
    /// The kind of layers, where a model has different rotations.
    pub(super) kind: Option<&'a str>,
    /// The key of the base in older files, and its default.
    pub(super) theta: (&'a str, f64),
    /// Whether `rope_scaling` is for these layers.
    pub(super) scaled: bool,
    /// The width of a head.
    pub(super) size: usize,
    /// The longest input.
    pub(super) longest: usize,
}

/// The objects that have the parameters, in order of precedence.
struct Parameters<'a>(Vec<Json<'a>>);

impl<'a> Parameters<'a> {
    fn of(json: Json<'a>, source: &Source<'_>) -> Result<Self, Error> {
        let mut objects = Vec::new();
        objects.extend(json.object("rope_scaling").filter(|_| source.scaled));
        if let Some(all) = json.object("rope_parameters") {
            let nested = all.object("full_attention").or_else(|| all.object("sliding_attention")).is_some();
            match source.kind {
                None if nested => {
                    return Err(json.refuse("`rope_parameters` has an object for each type of layer, expected one"));
                }
                None => objects.push(all),
                Some(_) if all.find(&["rope_type", "rope_theta"]).is_some() => {
                    return Err(json.refuse("`rope_parameters` is one object, expected one for each type of layer"));
                }
                Some(kind) => objects.extend(all.object(kind)),
            }
        }
        Ok(Self(objects))
    }

    fn float(&self, key: &str) -> Result<Option<f64>, Error> {
        self.0.iter().find_map(|json| json.float_if(key).transpose()).transpose()
    }

    fn needed(&self, json: Json<'_>, kind: &str, key: &str) -> Result<f64, Error> {
        self.float(key)?.ok_or_else(|| json.refuse(format!("rotary positions of type {kind:?} have no `{key}`")))
    }

    fn value(&self, keys: &[&str]) -> Option<&'a Value> {
        self.0.iter().find_map(|json| json.find(keys))
    }
}

impl Rope {
    /// Reads the parameters, in older and newer spellings.
    pub(super) fn read(json: Json<'_>, source: &Source<'_>) -> Result<Self, Error> {
        let parameters = Parameters::of(json, source)?;
        for object in std::iter::once(&json).chain(&parameters.0) {
            object.expect("partial_rotary_factor", 1)?;
            for key in ["mrope_section", "mixed_b", "llama_4_scaling_beta"] {
                object.expect_none(key)?;
            }
        }
        let (key, default) = source.theta;
        let theta = parameters.float("rope_theta")?.map_or_else(|| json.float(key, default), Ok)?;
        let kind = parameters.value(&["rope_type", "type"]);
        let inverse = |theta| frequencies(theta, source.size);
        let plain = |frequencies| Self { frequencies, scale: 1.0 };
        match kind.map_or(Some("default"), Value::as_str) {
            // Dynamic scaling begins beyond the longest input that is accepted.
            Some("default" | "dynamic") => Ok(plain(inverse(theta))),
            Some("linear") => {
                let factor = parameters.needed(json, "linear", "factor")? as f32;
                Ok(plain(inverse(theta).into_iter().map(|x| x / factor).collect()))
            }
            Some("llama3") => Ok(plain(llama3(json, &parameters, source, inverse(theta))?)),
            Some("yarn") => yarn(json, &parameters, source, theta),
            _ => {
                let kind = kind.unwrap_or(&Value::Null);
                Err(json.refuse(format!("rotary positions are of type {kind}, expected {KINDS}")))
            }
        }
    }

    /// The scaling of GTE models: with a `factor` f the base is multiplied by f, and all frequencies are divided by
    /// f^(2/size).
    pub(super) fn read_ntk(json: Json<'_>, source: &Source<'_>) -> Result<Self, Error> {
        let parameters = Parameters::of(json, source)?;
        if parameters.value(&["rope_type", "type"]).and_then(Value::as_str) != Some("ntk") {
            return Self::read(json, source);
        }
        if let Some(value) = parameters.value(&["mixed_b"]) {
            return Err(json.found("mixed_b", value, "none"));
        }
        let (key, default) = source.theta;
        let theta = parameters.float("rope_theta")?.map_or_else(|| json.float(key, default), Ok)?;
        let factor = parameters.needed(json, "ntk", "factor")?;
        let shrunk = libm::pow(factor, 2.0 / source.size as f64) as f32;
        let frequencies = frequencies(theta * factor, source.size);
        Ok(Self { frequencies: frequencies.into_iter().map(|x| x / shrunk).collect(), scale: 1.0 })
    }
}

/// `theta^(−2i/size)`.
fn frequencies(theta: f64, size: usize) -> Vec<f32> {
    powers(theta, size).into_iter().map(|x| 1.0 / x).collect()
}

/// `theta^(2i/size)`.
fn powers(theta: f64, size: usize) -> Vec<f32> {
    let exponent = |i: usize| (2 * i) as f32 / size as f32;
    (0..size / 2).map(|i| libm::pow(theta, f64::from(exponent(i))) as f32).collect()
}

/// The length that a model was first trained with.
fn original(json: Json<'_>, parameters: &Parameters<'_>, source: &Source<'_>) -> Result<f64, Error> {
    const KEY: &str = "original_max_position_embeddings";
    let stated = json.float_if(KEY)?.map_or_else(|| parameters.float(KEY), |length| Ok(Some(length)))?;
    Ok(stated.unwrap_or(source.longest as f64))
}

/// The scaling of Llama 3.1: low frequencies are divided by `factor`, high ones stay, and those between are interpolated.
fn llama3(
    json: Json<'_>,
    parameters: &Parameters<'_>,
    source: &Source<'_>,
    frequencies: Vec<f32>,
) -> Result<Vec<f32>, Error> {
    let needed = |key| parameters.needed(json, "llama3", key).map(|x| x as f32);
    let (factor, low, high) = (needed("factor")?, needed("low_freq_factor")?, needed("high_freq_factor")?);
    let original = original(json, parameters, source)? as f32;
    let scaled = frequencies.into_iter().map(|frequency| {
        let wavelength = std::f32::consts::TAU / frequency;
        if wavelength < original / high {
            frequency
        } else if wavelength > original / low {
            frequency / factor
        } else {
            let smooth = (original / wavelength - low) / (high - low);
            (1.0 - smooth) * frequency / factor + smooth * frequency
        }
    });
    Ok(scaled.collect())
}

/// Yarn (arXiv 2309.00071): high frequencies stay, low ones are divided by `factor`, with a ramp between.
fn yarn(json: Json<'_>, parameters: &Parameters<'_>, source: &Source<'_>, theta: f64) -> Result<Rope, Error> {
    let factor = parameters.needed(json, "yarn", "factor")?;
    let original = original(json, parameters, source)?;
    let size = source.size as f64;
    // The pair that makes this many rotations within the original length.
    let pair = |turns: f64| size * libm::log(original / (turns * std::f64::consts::TAU)) / (2.0 * libm::log(theta));
    let mut low = pair(parameters.float("beta_fast")?.unwrap_or(32.0));
    let mut high = pair(parameters.float("beta_slow")?.unwrap_or(1.0));
    if parameters.value(&["truncate"]).and_then(Value::as_bool) != Some(false) {
        (low, high) = (low.floor(), high.ceil());
    }
    let (low, mut high) = (low.max(0.0) as f32, high.min(size - 1.0) as f32);
    if (high - low).abs() < f32::MIN_POSITIVE {
        high += 0.001;
    }
    let factor_of_turns = factor as f32;
    let frequencies = powers(theta, source.size).into_iter().enumerate().map(|(i, power)| {
        let kept = 1.0 - ((i as f32 - low) / (high - low)).clamp(0.0, 1.0);
        1.0 / (factor_of_turns * power) * (1.0 - kept) + 1.0 / power * kept
    });
    Ok(Rope { frequencies: frequencies.collect(), scale: yarn_scale(parameters, factor)? })
}

/// The factor of `YaRN` on queries and keys.
fn yarn_scale(parameters: &Parameters<'_>, factor: f64) -> Result<f32, Error> {
    let scale = |weight: f64| if factor <= 1.0 { 1.0 } else { 0.1 * weight * libm::log(factor) + 1.0 };
    let stated = parameters.float("attention_factor")?;
    let pair = (parameters.float("mscale")?, parameters.float("mscale_all_dim")?);
    Ok(match (stated, pair) {
        (Some(stated), _) => stated,
        (None, (Some(up), Some(down))) => scale(up) / scale(down),
        _ => scale(1.0),
    } as f32)
}

#[cfg(test)]
#[path = "rope_tests.rs"]
mod tests;
