//! Progress bars: what is done, the rate, the time left. Only on a terminal, and only when it takes a moment.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over `bytes` bytes; hidden when `quiet` or when stderr is no terminal.
pub(super) fn bar(bytes: u64, quiet: bool) -> ProgressBar {
    styled(bytes, quiet, "{bar:32} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left")
}

/// A bar over the work of encoding, in tokens or bytes, because texts come longest first; the message says the texts.
#[cfg(feature = "eval")]
pub(super) fn encoding(work: u64, quiet: bool) -> ProgressBar {
    styled(work, quiet, "{bar:32} {msg}  {eta} left")
}

fn styled(length: u64, quiet: bool, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::hidden());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if !quiet {
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        bar.enable_steady_tick(Duration::from_millis(250));
    }
    bar
}
