//! The pages of an account: devices, password, activity.

use serde::Serialize;

use crate::device::Device;
use crate::moment::Moment;
use crate::view::{FormErrors, View};

/// The mode of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// An opaque session token.
    Session,
    /// An access token alone.
    Jwt,
    /// An access token with a refresh token.
    Hybrid,
}

/// What a device carries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Carried {
    /// The mode.
    pub mode: Mode,
    /// The number of the current refresh token, in mode `hybrid`.
    pub rotation: Option<u64>,
}

/// A session in the list of devices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionItem {
    /// The id.
    pub id: String,
    /// The device.
    pub device: Device,
    /// Whether it is the session of this page.
    pub is_current: bool,
    /// The address from which it was last used.
    pub ip: Option<String>,
    /// The client application, if it is not the default one.
    pub client: Option<String>,
    /// When the user signed in.
    pub signed_in: Moment,
    /// When it was last used.
    pub seen: Moment,
    /// When it ends if it is not used.
    pub idle_end: Moment,
    /// When it ends at the latest.
    pub end: Moment,
    /// The part of its longest life that is left, in percent.
    pub left: u8,
    /// What the device carries.
    pub carried: Carried,
}

/// The list of devices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionsView {
    /// The sessions, that of this page first.
    pub sessions: Vec<SessionItem>,
    /// The cursor of the next page.
    pub next: Option<String>,
    /// The latest events.
    pub activity: Vec<ActivityItem>,
    /// Whether the password is a temporary one.
    pub password_change_required: bool,
}

impl View for SessionsView {
    const TEMPLATE: &'static str = "sessions.html";
}

/// One device, with what has happened to its session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionView {
    /// The session.
    pub session: SessionItem,
    /// Its events, newest first.
    pub activity: Vec<ActivityItem>,
    /// What is wrong with the form that was sent.
    pub errors: FormErrors,
}

impl View for SessionView {
    const TEMPLATE: &'static str = "session.html";
}

/// The question before all sessions are ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndAllView {}

impl View for EndAllView {
    const TEMPLATE: &'static str = "end_all.html";
}

/// The form to change the password.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SecurityView {
    /// The username, for password managers.
    pub username: String,
    /// The fewest characters of a password.
    pub min_length: usize,
    /// Whether the password is kept elsewhere: in the application's own table.
    pub is_elsewhere: bool,
    /// Whether the password is a temporary one.
    pub password_change_required: bool,
    /// Where the user continues, as the form sends it.
    pub return_to: Option<String>,
    /// The path that leads there.
    pub continue_url: Option<String>,
    /// What is wrong with the form that was sent.
    pub errors: FormErrors,
}

impl View for SecurityView {
    const TEMPLATE: &'static str = "security.html";
}

/// How grave an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Usual.
    Plain,
    /// The user did something.
    Good,
    /// Worth a look.
    Warn,
    /// A sign of an attack.
    Bad,
}

/// An event of the account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActivityItem {
    /// The id of its sentence, which may use `device`, `place` and `count`.
    pub sentence: &'static str,
    /// How grave it is.
    pub tone: Tone,
    /// The device that it is about, or from which it was done.
    pub device: Device,
    /// The address.
    pub place: Option<String>,
    /// A number in the sentence.
    pub count: u64,
    /// When it happened.
    pub at: Moment,
    /// The session, if it has a page.
    pub session: Option<String>,
}

/// What has happened to an account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActivityView {
    /// The events, newest first.
    pub events: Vec<ActivityItem>,
    /// The cursor of the next page.
    pub next: Option<String>,
    /// Only those of this session.
    pub session: Option<String>,
}

impl View for ActivityView {
    const TEMPLATE: &'static str = "activity.html";
}
