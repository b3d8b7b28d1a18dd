//! Live sessions.

use serde::Serialize;

use crate::device::Device;
use crate::moment::Moment;
use crate::view::console::Pager;
use crate::view::{Mode, View};

/// A live session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionRow {
    /// The id.
    pub id: String,
    /// The id of the user.
    pub user: String,
    /// The name of the user.
    pub username: Option<String>,
    /// The device.
    pub device: Device,
    /// The mode.
    pub mode: Mode,
    /// The client application.
    pub client: String,
    /// The address from which it was last used.
    pub ip: Option<String>,
    /// When the user signed in.
    pub signed_in: Moment,
    /// When it was last used.
    pub seen: Moment,
    /// When it ends at the latest.
    pub end: Moment,
    /// Whether it is the session of this page.
    pub is_current: bool,
}

/// Which sessions are shown, as it was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SessionFilter {
    /// The id of a user.
    pub user: String,
    /// An address.
    pub ip: String,
    /// A mode.
    pub mode: String,
}

/// A page of live sessions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionsPageView {
    /// Which sessions are shown.
    pub filter: SessionFilter,
    /// The sessions, newest first.
    pub sessions: Vec<SessionRow>,
    /// The neighbouring pages.
    pub pages: Pager,
    /// What is wrong with the filter.
    pub error: Option<String>,
}

impl View for SessionsPageView {
    const TEMPLATE: &'static str = "console/sessions.html";
}
