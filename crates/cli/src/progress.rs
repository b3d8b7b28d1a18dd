//! Progress bars of long commands on standard error; hidden if that is not a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar for `length` bytes, with a label.
pub(crate) fn progress_bar(length: u64, label: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg:>12} {bar:30} {bytes}/{total_bytes} {eta}");
    bar.with_style(style.expect("the template is a constant")).with_message(label)
}

/// A progress bar for the verifiers that confirm a revocation.
pub(crate) fn fleet_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} verifiers {msg}");
    bar.with_style(style.expect("the template is a constant"))
}

/// A progress bar for rows, whose number is set later.
pub(crate) fn row_bar(label: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg:>12} {bar:30} {human_pos}/{human_len} rows {eta}");
    bar.with_style(style.expect("the template is a constant")).with_message(label)
}

/// Shows the time that passes during one long step, of which no part can be counted.
pub(crate) async fn with_elapsed_time<T>(label: &'static str, step: impl Future<Output = T>) -> T {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
    let bar = bar.with_style(style.expect("the template is a constant")).with_message(label);
    bar.enable_steady_tick(Duration::from_millis(200));
    let done = step.await;
    bar.finish_and_clear();
    done
}

/// A progress bar for the steps of a part, which the message names.
pub(crate) fn steps_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg:>24} {bar:30} {pos}/{len} {elapsed}");
    bar.with_style(style.expect("the template is a constant"))
}
