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

/// What a type of problem of the API means. Its texts are for developers, and English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProblemTypeView {
    /// The name.
    pub name: &'static str,
    /// The status with which it is answered.
    pub status: u16,
    /// The problem in a few words.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What the sender of the request can do.
    pub remedy: &'static str,
}

impl View for ProblemTypeView {
    const TEMPLATE: &'static str = "problem_type.html";
}
