//! The question before a change that ends something.

use serde::Serialize;

use crate::view::View;

/// A question: what the change does, and a form that does it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ConfirmView {
    /// The part of the console, as the path of its list.
    pub section: &'static str,
    /// The question.
    pub question: String,
    /// What the change does, sentence by sentence.
    pub consequences: Vec<String>,
    /// A warning: the administrator would end their own session.
    pub warning: Option<String>,
    /// Why the form was refused.
    pub error: Option<String>,
    /// The path to which the form is sent.
    pub action: String,
    /// The fields of text.
    pub fields: Vec<TextField>,
    /// The checkboxes.
    pub checkboxes: Vec<Checkbox>,
    /// The text of the button.
    pub button: &'static str,
    /// The path that leads back.
    pub cancel: String,
    /// The command that does the same.
    pub twin: String,
}

impl View for ConfirmView {
    const TEMPLATE: &'static str = "console/confirm.html";
}

/// A field of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextField {
    /// Its name.
    pub name: &'static str,
    /// Its label.
    pub label: String,
    /// What belongs in it.
    pub hint: Option<&'static str>,
    /// Its value.
    pub value: String,
}

/// A checkbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkbox {
    /// Its name.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// Whether it is checked.
    pub is_checked: bool,
}
