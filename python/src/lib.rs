//! The native half of the Python package `admix_merge`: admix's library, called with JSON and answering with JSON.
//!
//! Every function runs its work on a thread of its own with the GIL released (`run`), so that Ctrl-C works. What Python sees, with
//! types and documentation, is written in Python, in `package/`.

mod failure;
mod learning;
mod merging;
mod program;
mod run;
mod scoring;
mod studies;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    hide_caught_panics();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(merging::merge, module)?)?;
    module.add_function(wrap_pyfunction!(merging::plan, module)?)?;
    module.add_function(wrap_pyfunction!(merging::inspect, module)?)?;
    module.add_function(wrap_pyfunction!(merging::methods, module)?)?;
    module.add_function(wrap_pyfunction!(scoring::score, module)?)?;
    module.add_function(wrap_pyfunction!(scoring::splits, module)?)?;
    module.add_function(wrap_pyfunction!(learning::learn, module)?)?;
    module.add_function(wrap_pyfunction!(studies::sweep, module)?)?;
    module.add_function(wrap_pyfunction!(studies::confirm, module)?)?;
    module.add_function(wrap_pyfunction!(studies::study, module)?)?;
    module.add_function(wrap_pyfunction!(studies::status, module)?)?;
    module.add_function(wrap_pyfunction!(studies::recommend, module)?)?;
    module.add_function(wrap_pyfunction!(studies::write_point, module)?)?;
    module.add_function(wrap_pyfunction!(studies::figures, module)?)?;
    module.add_function(wrap_pyfunction!(studies::report, module)?)?;
    module.add_function(wrap_pyfunction!(program::command_line, module)?)?;
    Ok(())
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
