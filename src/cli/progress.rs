//! Progress bars: what is done, the rate, the time left. Only on a terminal, on one line of it, however narrow it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::render;

/// What a bar counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// Bytes that are read.
    Bytes,
    /// Work of encoding, in tokens or bytes, because texts come longest first; the message says the texts.
    #[cfg(feature = "eval")]
    Encoding,
    /// Texts of a trial; the message says which trial.
    #[cfg(feature = "eval")]
    Texts,
    /// Trials of a sweep.
    #[cfg(feature = "eval")]
    Trials,
    /// How often all texts were encoded; the message says of what.
    #[cfg(feature = "eval")]
    Rounds,
    /// Nothing: all is merged, and the system writes it to the disk.
    Syncing,
}

/// Columns below which there is no room for a bar beside its numbers.
const WIDE: usize = 72;

impl Counted {
    /// What is shown in a terminal of so many columns. A message has what is left, and what it lacks room for is cut.
    const fn template(self, columns: usize) -> &'static str {
        let is_wide = columns >= WIDE;
        match self {
            Self::Bytes if is_wide => {
                "{bar:24} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left{wide_msg}"
            }
            Self::Bytes => "{decimal_bytes}/{decimal_total_bytes}  {eta} left{wide_msg}",
            #[cfg(feature = "eval")]
            Self::Encoding if is_wide => "{bar:24} {eta:>4} left  {wide_msg}",
            #[cfg(feature = "eval")]
            Self::Encoding => "{eta:>4} left  {wide_msg}",
            #[cfg(feature = "eval")]
            Self::Texts if is_wide => "{bar:24} {pos}/{len} texts  {wide_msg}",
            #[cfg(feature = "eval")]
            Self::Texts => "{pos}/{len} texts  {wide_msg}",
            #[cfg(feature = "eval")]
            Self::Trials if is_wide => "{bar:24} {pos}/{len} trials{wide_msg}",
            #[cfg(feature = "eval")]
            Self::Trials => "{pos}/{len} trials{wide_msg}",
            #[cfg(feature = "eval")]
            Self::Rounds if is_wide => "{bar:24} {pos}/{len} encoded  {eta} left  {wide_msg}",
            #[cfg(feature = "eval")]
            Self::Rounds => "{pos}/{len} encoded  {eta} left  {wide_msg}",
            Self::Syncing if is_wide => "{bar:24} {decimal_total_bytes}, syncing to disk{wide_msg}",
            Self::Syncing => "syncing to disk{wide_msg}",
        }
    }

    fn style(self, columns: usize) -> ProgressStyle {
        ProgressStyle::with_template(self.template(columns)).unwrap_or_else(|_| ProgressStyle::default_bar())
    }
}

/// A bar over `length` of what is counted; hidden when `quiet` or when stderr is no terminal.
pub(super) fn bar(counted: Counted, length: u64, quiet: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::hidden());
    bar.set_style(counted.style(columns()));
    if !quiet {
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        // A bar of trials shows when the first one begins.
        if length > 0 {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
    }
    bar
}

fn columns() -> usize {
    render::stderr_columns().unwrap_or(80)
}

/// Says that all is merged and the system writes it to the disk.
pub(super) fn syncing(bar: &ProgressBar) {
    bar.set_position(bar.length().unwrap_or_default());
    bar.set_style(Counted::Syncing.style(columns()));
    bar.tick();
}

/// Adds up what threads report of a bar's work. What is read once more than was expected counts no further than to its end.
pub(super) fn advance(bar: &ProgressBar) -> impl Fn(u64) + Sync + '_ {
    let (done, length) = (AtomicU64::new(0), bar.length().unwrap_or_default());
    move |more| bar.set_position((done.fetch_add(more, Ordering::Relaxed) + more).min(length))
}

#[cfg(all(test, feature = "eval"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    /// A terminal that keeps what was written.
    #[derive(Clone, Debug)]
    struct Terminal(u16, Arc<Mutex<Vec<String>>>);

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            self.0
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.1.lock().unwrap().push(text.to_owned());
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn drawn(counted: Counted, columns: u16, act: impl Fn(&ProgressBar)) -> Vec<String> {
        let terminal = Terminal(columns, Arc::default());
        let bar = ProgressBar::with_draw_target(
            Some(999_990_000_000),
            ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255),
        );
        bar.set_style(counted.style(columns.into()));
        act(&bar);
        bar.abandon();
        terminal.1.lock().unwrap().clone()
    }

    #[test]
    fn bars_fit_on_one_line_of_a_narrow_terminal() {
        for counted in
            [Counted::Bytes, Counted::Encoding, Counted::Texts, Counted::Trials, Counted::Rounds, Counted::Syncing]
        {
            for columns in [40, 80, 200] {
                let lines = drawn(counted, columns, |bar| {
                    let length =
                        if matches!(counted, Counted::Bytes | Counted::Syncing) { 999_990_000_000 } else { 99_999 };
                    bar.set_length(length);
                    bar.set_position(length - 1);
                    bar.set_message("w1=0.5 w2=0.25 한국어 모델 (12/345)  ".repeat(8));
                });
                assert!(!lines.concat().trim().is_empty(), "{counted:?}");
                assert!(lines.iter().all(|line| line.width() <= columns.into()), "{counted:?} {columns} {lines:?}");
            }
        }
    }

    #[test]
    fn a_merge_does_not_pass_its_end_and_says_that_it_is_syncing() {
        let lines = drawn(Counted::Bytes, 80, |bar| {
            bar.set_length(1_000);
            let advance = advance(bar);
            (0..5).for_each(|_| advance(400));
            assert_eq!(bar.position(), 1_000);
        });
        assert!(lines.concat().contains("1.00 kB/1.00 kB"), "{lines:?}");
        let lines = drawn(Counted::Bytes, 40, syncing);
        assert!(lines.concat().contains("syncing to disk"), "{lines:?}");
    }
}
