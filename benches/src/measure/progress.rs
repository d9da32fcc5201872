//! The bar on standard error; there is none when that is not a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far a run has come, in expected milliseconds. Nothing is drawn while something is measured:
/// the generator is the only thread.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Shows an empty bar.
    pub(crate) fn begin(expected_ms: u64) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(expected_ms), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:20} {percent:>3} %, {eta} left  {msg}")
            .expect("the template is valid")
            .progress_chars("=> ");
        bar.set_style(style);
        Progress(bar)
    }

    /// Says what begins.
    pub(crate) fn say(&self, what: String) {
        self.0.set_message(what);
        self.0.tick();
    }

    /// Moves the bar on.
    pub(crate) fn advance(&self, expected_ms: u64) {
        self.0.inc(expected_ms);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
