//! What is around the views of the console.

use crate::frame::{Frame, LiveFrame};
use crate::sample::{HOSTILE, Sample, frame};
use crate::view::View;
use crate::view::console::Pager;

pub(super) fn pages_around() -> Pager {
    Pager {
        first: Some("/auth/admin?b=\"".into()),
        previous: Some("/auth/admin?before=a&b=\"".into()),
        next: Some("/auth/admin?after=a&b=\"".into()),
    }
}

/// A page of the console, as an administrator sees it.
pub(super) fn page(name: &'static str, view: &impl View) -> Sample {
    Sample::new(name, &frame(Some(HOSTILE)), view)
}

/// A page with live parts: updated by the script, or loaded again after some seconds.
pub(super) fn live_page(name: &'static str, view: &impl View, every: Option<u64>) -> Sample {
    let frame = Frame { live: Some(LiveFrame { every }), ..frame(Some(HOSTILE)) };
    Sample::new(name, &frame, view)
}
