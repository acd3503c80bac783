//! Reads values of a config.json, with errors that name the file and the key.

use std::path::Path;

use serde_json::{Map, Value};

use super::super::error::Error;
use crate::kernel::Activation;

/// A config.json, or an object in it. A key with the value null counts as missing.
#[derive(Clone, Copy)]
pub(in crate::encoder) struct Json<'a> {
    pub(in crate::encoder) path: &'a Path,
    pub(in crate::encoder) map: &'a Map<String, Value>,
}

impl<'a> Json<'a> {
    /// The value of the first of `keys` that exists.
    pub(in crate::encoder) fn find(self, keys: &[&str]) -> Option<&'a Value> {
        keys.iter().find_map(|&key| self.map.get(key).filter(|value| !value.is_null()))
    }

    /// A string.
    pub(in crate::encoder) fn text(self, key: &str) -> Option<&'a str> {
        self.find(&[key]).and_then(Value::as_str)
    }

    /// An object.
    pub(in crate::encoder) fn object(self, key: &str) -> Option<Self> {
        let map = self.find(&[key])?.as_object()?;
        Some(Self { map, ..self })
    }

    /// `true` or `false`.
    pub(in crate::encoder) fn flag(self, key: &str, default: bool) -> Result<bool, Error> {
        match self.find(&[key]) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.found(key, value, "true or false")),
        }
    }

    /// A required positive integer, under any of `keys`.
    pub(in crate::encoder) fn number(self, keys: &[&str]) -> Result<usize, Error> {
        let key = keys.first().copied().unwrap_or_default();
        self.number_if(keys)?.ok_or_else(|| self.refuse(format!("`{key}` is missing")))
    }

    /// An optional positive integer.
    pub(in crate::encoder) fn number_if(self, keys: &[&str]) -> Result<Option<usize>, Error> {
        let key = keys.first().copied().unwrap_or_default();
        let Some(value) = self.find(keys) else { return Ok(None) };
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        // Implausibly large values would only take memory before the tensors are found not to fit.
        let number = number.filter(|number| (1..=1 << 24).contains(number));
        number.map(Some).ok_or_else(|| self.found(key, value, "a positive integer"))
    }

    /// A positive number.
    pub(in crate::encoder) fn float(self, key: &str, default: f64) -> Result<f64, Error> {
        Ok(self.float_if(key)?.unwrap_or(default))
    }

    /// An optional positive number.
    pub(in crate::encoder) fn float_if(self, key: &str) -> Result<Option<f64>, Error> {
        let Some(value) = self.find(&[key]) else { return Ok(None) };
        let number = value.as_f64().filter(|number| *number > 0.0 && number.is_finite());
        number.map(Some).ok_or_else(|| self.found(key, value, "a positive number"))
    }

    /// The epsilon that is added to a variance.
    pub(in crate::encoder) fn epsilon(self, keys: &[&str], default: f64) -> Result<f32, Error> {
        let Some(value) = self.find(keys) else { return Ok(default as f32) };
        let key = keys.iter().find(|&&key| self.find(&[key]).is_some()).copied().unwrap_or_default();
        let number = value.as_f64().filter(|number| (0.0..1.0).contains(number));
        number.map(|number| number as f32).ok_or_else(|| self.found(key, value, "0 to 1"))
    }

    /// The activation under the first of `keys` that exists.
    pub(in crate::encoder) fn activation(self, keys: &[&str], default: Activation) -> Result<Activation, Error> {
        let Some(value) = self.find(keys) else { return Ok(default) };
        match value.as_str().unwrap_or_default() {
            "gelu" | "gelu_python" => Ok(Activation::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" | "gelu_python_tanh" => Ok(Activation::GeluTanh),
            "relu" => Ok(Activation::Relu),
            "silu" | "swish" => Ok(Activation::Silu),
            "tanh" => Ok(Activation::Tanh),
            _ => {
                let key = keys.iter().find(|&&key| self.find(&[key]).is_some()).copied().unwrap_or_default();
                Err(self.found(key, value, "gelu, gelu_new, relu, silu or tanh"))
            }
        }
    }

    /// Refuses a value that would change the computation.
    pub(in crate::encoder) fn expect(self, key: &str, expected: impl Into<Value>) -> Result<(), Error> {
        let expected = expected.into();
        match self.find(&[key]) {
            Some(value) if !same(value, &expected) => Err(self.found(key, value, &expected.to_string())),
            _ => Ok(()),
        }
    }

    /// Refuses a key that has a value.
    pub(in crate::encoder) fn expect_none(self, key: &str) -> Result<(), Error> {
        match self.find(&[key]) {
            Some(value) => Err(self.found(key, value, "none")),
            None => Ok(()),
        }
    }

    /// An error about a value.
    pub(in crate::encoder) fn found(self, key: &str, value: &Value, expected: &str) -> Error {
        self.refuse(format!("`{key}` is {value}, expected {expected}"))
    }

    /// An error about this file.
    pub(in crate::encoder) fn refuse(self, problem: impl Into<String>) -> Error {
        Error::setting(self.path, problem)
    }
}

/// Whether two values are the same, however a number is written.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}
