//! What every page has around its content.

use serde::Serialize;

use crate::message::Message;
use crate::theme_frame::ThemeFrame;

/// What every page has around its content.
#[derive(Debug, Clone, Serialize)]
pub struct Frame {
    /// The name of the product, in the title and at the top.
    pub product: String,
    /// What the paths of the pages begin with; empty at the root.
    pub base: String,
    /// The host of the issuer.
    pub host: String,
    /// The path of this page, to which a change of the language returns.
    pub here: String,
    /// The username, if the user is signed in.
    pub user: Option<String>,
    /// The id of the request, to tell to support.
    pub request_id: String,
    /// What has just happened.
    pub notice: Option<Message>,
    /// How the page stays up to date. `None`: it has no live parts, and no script.
    pub live: Option<LiveFrame>,
    /// What the operator has changed about the look.
    pub theme: ThemeFrame,
}

/// How a page with live parts stays up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LiveFrame {
    /// After how many seconds the browser loads the page again. `None`: it does not, and a script receives updates.
    pub every: Option<u64>,
}
