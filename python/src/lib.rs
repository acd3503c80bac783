//! The native half of the Python package `admix_merge`: admix's library, called with JSON and answering with JSON.
//!
//! Every function runs its work on a thread of its own with the GIL released (`run`), so that Ctrl-C works. What Python sees, with
//! types and documentation, is written in Python, in `package/`.
//!
//! The module is made without the macros of PyO3: their crates would ask for other features of what the library's own macros
//! use, and everything would be compiled once more for the module.

mod failure;
mod learning;
mod merging;
mod program;
mod run;
mod scoring;
mod studies;

use std::ffi::{CStr, OsString};
use std::path::PathBuf;

use pyo3::ffi::{PyModule_Create, PyModuleDef, PyModuleDef_HEAD_INIT, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};

/// Makes the module, which Python calls by this name.
#[expect(unsafe_code, reason = "Python finds the function by its name")]
#[unsafe(no_mangle)]
pub extern "C" fn PyInit__native() -> *mut PyObject {
    Python::attach(|py| match module(py) {
        Ok(module) => module.into_ptr(),
        Err(error) => {
            error.restore(py);
            std::ptr::null_mut()
        }
    })
}

/// A module without functions. Python takes only one that was made from a definition, which it keeps.
#[expect(unsafe_code, reason = "PyO3 makes such a module by its macros alone")]
fn empty(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    let definition = Box::leak(Box::new(PyModuleDef {
        m_base: PyModuleDef_HEAD_INIT,
        m_name: c"_native".as_ptr(),
        m_doc: std::ptr::null(),
        // Its state is not Python's.
        m_size: -1,
        m_methods: std::ptr::null_mut(),
        m_slots: std::ptr::null_mut(),
        m_traverse: None,
        m_clear: None,
        m_free: None,
    }));
    // SAFETY: the thread is attached to Python, and the definition is never freed.
    let made = unsafe { Bound::from_owned_ptr_or_err(py, PyModule_Create(definition)) }?;
    Ok(made.cast_into::<PyModule>()?)
}

fn module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    hide_caught_panics();
    let module = empty(py)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    let watched: [(&'static CStr, Watched); 6] = [
        (c"merge", merging::merge),
        (c"inspect", merging::inspect),
        (c"score", scoring::score),
        (c"learn", learning::learn),
        (c"sweep", studies::sweep),
        (c"confirm", studies::confirm),
    ];
    for (name, call) in watched {
        add(&module, name, move |arguments| {
            let (text, watch): (String, Option<Bound<'_, PyAny>>) = arguments.extract()?;
            call(arguments.py(), &text, watch)
        })?;
    }
    let plain: [(&'static CStr, Plain); 8] = [
        (c"plan", merging::plan),
        (c"splits", scoring::splits),
        (c"study", studies::study),
        (c"status", studies::status),
        (c"recommend", studies::recommend),
        (c"write_point", studies::write_point),
        (c"figures", studies::figures),
        (c"report", studies::report),
    ];
    for (name, call) in plain {
        add(&module, name, move |arguments| {
            let (text,): (String,) = arguments.extract()?;
            call(arguments.py(), &text)
        })?;
    }
    add(&module, c"methods", |_| Ok(merging::methods()))?;
    add(&module, c"command_line", |arguments| {
        let (file, given): (PathBuf, Vec<OsString>) = arguments.extract()?;
        Ok(program::command_line(arguments.py(), file, given).to_string())
    })?;
    Ok(module)
}

/// A function of a request, and of what is told how far the work is.
type Watched = fn(Python<'_>, &str, Option<Bound<'_, PyAny>>) -> PyResult<String>;

/// A function of a request or a path.
type Plain = fn(Python<'_>, &str) -> PyResult<String>;

/// Adds a function to the module.
fn add(
    module: &Bound<'_, PyModule>,
    name: &'static CStr,
    call: impl Fn(&Bound<'_, PyTuple>) -> PyResult<String> + Send + Sync + 'static,
) -> PyResult<()> {
    let call = move |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| call(arguments);
    let function = PyCFunction::new_closure(module.py(), Some(name), None, call)?;
    module.add(name.to_string_lossy().into_owned(), function)
}

/// The readers of parquet and of tokenizers panic on some damaged files. admix catches that, and nothing of it is shown.
fn hide_caught_panics() {
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !admix::catches_panics() {
            shown(panic);
        }
    }));
}
