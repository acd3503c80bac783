//! Errors of the library as Python's exceptions.

use admix::{Diagnose, Diagnosis, ExitClass};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use serde_json::{Value, json};

/// Every fault that ended the work.
pub(crate) struct Failure(Vec<Diagnosis>);

impl<E: Diagnose> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.diagnoses())
    }
}

impl Failure {
    /// A call that cannot be meant.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into()).filter(|hint: &String| !hint.is_empty());
        Self(vec![Diagnosis { hint, ..Diagnosis::error(ExitClass::Usage, message.into()) }])
    }

    /// The exception, which `admix_merge._errors` makes.
    pub(crate) fn raise(&self, py: Python<'_>) -> PyErr {
        let faults: Vec<Value> = self.0.iter().map(fault).collect();
        let made = py
            .import("admix_merge._errors")
            .and_then(|module| module.call_method1("error_of", (Value::from(faults).to_string(),)));
        match made {
            Ok(error) => PyErr::from_value(error),
            Err(error) => error,
        }
    }
}

fn fault(fault: &Diagnosis) -> Value {
    let place = fault.place.as_ref();
    json!({
        "message": fault.message,
        "hint": fault.hint,
        "file": place.map(|place| &place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "text": place.map(|place| &place.text),
        "exit_code": fault.code(),
    })
}

/// A request of the Python half, which is JSON that it wrote.
pub(crate) fn request<T: serde::de::DeserializeOwned>(text: &str) -> PyResult<T> {
    serde_json::from_str(text)
        .map_err(|error| PyRuntimeError::new_err(format!("the request is not understood: {error}")))
}
