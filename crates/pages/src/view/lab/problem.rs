//! What the lab refuses.

use serde::Serialize;

use crate::view::View;

/// Why a request to the lab was refused, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabProblemView {
    /// The status.
    pub status: u16,
    /// What is wrong.
    pub title: String,
    /// What to do.
    pub text: String,
    /// The path of the page from which to go on.
    pub link: String,
}

impl View for LabProblemView {
    const TEMPLATE: &'static str = "lab/problem.html";
}
