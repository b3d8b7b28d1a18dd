//! How far a long command has come, for somebody who watches; nothing where standard error is no terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for a file of so many bytes.
pub(crate) fn progress_bar(length: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg:>12} {bar:30} {bytes}/{total_bytes} {eta}");
    bar.with_style(style.expect("the template is a constant")).with_message(what)
}
