//! The pages before an account: sign in, sign out, and the way back to an application.

use serde::Serialize;

use crate::device::Device;
use crate::message::Message;
use crate::moment::Moment;
use crate::view::{FormErrors, View};

/// Where the user arrives after signing in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Destination {
    /// The host, if it is another origin.
    pub host: Option<String>,
    /// The path with its query.
    pub path: String,
    /// What the form sends as `return_to`.
    pub return_to: String,
}

/// The session of a credential that the browser still has. Only the holder of the genuine secret sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EndedSession {
    /// Why it ended.
    pub reason: Message,
    /// When it ended, if that is known.
    pub at: Option<Moment>,
}

/// The form to sign in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoginView {
    /// Where the user arrives; `None`: at the account.
    pub destination: Option<Destination>,
    /// The client application, if it is not the default one.
    pub client: Option<String>,
    /// The name that was typed before an error.
    pub username: String,
    /// Whether the browser shall keep the login after it was closed.
    pub remember: bool,
    /// Whether users may register.
    pub can_register: bool,
    /// Where users get help.
    pub help_url: Option<String>,
    /// Why the former session of this browser ended.
    pub ended: Option<EndedSession>,
    /// What is wrong with the form that was sent.
    pub errors: FormErrors,
}

impl View for LoginView {
    const TEMPLATE: &'static str = "login.html";
}

/// The answer to a signed-in user who opens the sign-in page on the way to another origin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignedInView {
    /// The username.
    pub username: String,
    /// Where the link leads.
    pub destination: Destination,
    /// The address to which the user continues.
    pub continue_url: String,
    /// The address of the form for another account.
    pub other_account_url: String,
}

impl View for SignedInView {
    const TEMPLATE: &'static str = "signed_in.html";
}

/// The question before signing out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogoutView {
    /// Where the user arrives.
    pub return_to: Option<String>,
    /// What is wrong, if a sign-out has failed.
    pub errors: FormErrors,
}

impl View for LogoutView {
    const TEMPLATE: &'static str = "logout.html";
}

/// The page that leads from this origin to another one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContinueView {
    /// The address.
    pub destination: Destination,
}

impl View for ContinueView {
    const TEMPLATE: &'static str = "continue.html";
}

/// What a user learns after signing in: a refresh token of theirs was used twice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReuseView {
    /// The device whose token was used.
    pub device: Device,
    /// When that was.
    pub at: Moment,
    /// Where the user continues.
    pub continue_url: String,
}

impl View for ReuseView {
    const TEMPLATE: &'static str = "reuse.html";
}
