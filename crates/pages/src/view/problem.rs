//! The pages of errors.

use serde::Serialize;

use crate::message::Message;
use crate::view::View;

/// A request failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProblemView {
    /// The status.
    pub status: u16,
    /// What happened, as a heading.
    pub title: Message,
    /// What it means.
    pub text: Message,
    /// When the user can try again.
    pub retry: Option<Message>,
    /// Where the user can begin again: an address and its text.
    pub link: Option<(String, Message)>,
}

impl View for ProblemView {
    const TEMPLATE: &'static str = "problem.html";
}
