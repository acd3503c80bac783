//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;

use super::render::Usage;

/// Writes `path` through a file beside it that is renamed when it is complete. `replace` says whether a file that is there
/// may go.
pub(super) fn write(
    path: &Path,
    replace: bool,
    fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let cannot = || format!("cannot write `{}`", path.display());
    let placed = File::create_new(&temporary).with_context(cannot).and_then(|file| {
        let mut file = BufWriter::new(file);
        // What the system says names no file.
        fill(&mut file).map_err(|error| if error.is::<io::Error>() { error.context(cannot()) } else { error })?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error).with_context(cannot)?;
        file.sync_all().with_context(cannot)?;
        // Asked again: the work before may have taken hours.
        if !replace && path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        fs::rename(&temporary, path).with_context(cannot)
    });
    if placed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    placed
}

/// The error for a file that is there and may not be replaced.
pub(super) fn exists(path: &Path) -> anyhow::Error {
    Usage::with_hint(format!("`{}` exists", path.display()), "`--force` replaces it").into()
}
