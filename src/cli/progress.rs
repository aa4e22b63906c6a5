//! How far a long command is, on standard error: a bar on a terminal, a line now and then elsewhere.
//!
//! Owns how that looks. Results go to standard output, and never here.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use super::output::note;

/// Elsewhere than on a terminal there is a line for each so many percent.
const STEP: u64 = 10;

/// The progress of one command. Each `what` is a part of it, with a bar of its own.
pub struct Progress {
    /// Whether somebody looks at it.
    is_terminal: bool,
    part: Option<Part>,
}

struct Part {
    what: &'static str,
    bar: ProgressBar,
    /// The last line that was printed, in percent.
    printed: u64,
}

impl Progress {
    /// Begins it; nothing is shown yet.
    pub fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), part: None }
    }

    /// Says that `done` of `total` is done of a part; in bytes, or by number.
    pub fn set(&mut self, what: &'static str, done: u64, total: u64, is_bytes: bool) {
        if self.part.as_ref().is_none_or(|part| part.what != what) {
            self.finish();
            let bar = if self.is_terminal { ProgressBar::new(total) } else { ProgressBar::hidden() };
            bar.set_style(style(is_bytes));
            bar.set_message(what);
            self.part = Some(Part { what, bar, printed: 0 });
        }
        let Some(part) = &mut self.part else { return };
        part.bar.set_position(done.min(total));
        let percent = (done.min(total) * 100).checked_div(total).unwrap_or(100);
        if !self.is_terminal && percent >= part.printed + STEP {
            part.printed = percent - percent % STEP;
            note!("{what}: {}%", part.printed);
        }
    }

    /// Ends the part that is shown.
    pub fn finish(&mut self) {
        if let Some(part) = self.part.take() {
            part.bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    /// What is said next begins a line.
    fn drop(&mut self) {
        if let Some(part) = self.part.take() {
            part.bar.finish_and_clear();
        }
    }
}

fn style(is_bytes: bool) -> ProgressStyle {
    let template = if is_bytes {
        "{msg:>8} {wide_bar} {bytes} of {total_bytes}, {eta} left"
    } else {
        "{msg:>8} {wide_bar} {pos} of {len}, {eta} left"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
