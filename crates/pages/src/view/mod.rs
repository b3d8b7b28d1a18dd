//! What each page shows: one struct for each template.

mod account;
pub mod console;
mod gate;
pub mod lab;
mod problem;
pub mod reference;
mod registration;

use serde::Serialize;

pub use account::{
    ActivityItem, ActivityView, Carried, EndAllView, Mode, SecurityView, SessionItem, SessionView,
    SessionsView, Tone,
};
pub use gate::{ContinueView, Destination, EndedSession, LoginView, LogoutView, ReuseView, SignedInView};
pub use problem::ProblemView;
pub use registration::RegisterView;

use crate::message::Message;

/// A page: its fields are what its template may use.
pub trait View: Serialize {
    /// The name of the template.
    const TEMPLATE: &'static str;
}

/// What is wrong with a form, shown above it and at its fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FormErrors {
    /// Sentences about the form as a whole.
    pub general: Vec<Message>,
    /// Sentences about its fields.
    pub fields: Vec<FieldError>,
}

/// What is wrong with a field of a form.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldError {
    /// The name of the field, which is its `id` too.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub message: Message,
}

impl FormErrors {
    /// One sentence about the whole form.
    pub fn general(message: Message) -> Self {
        Self { general: vec![message], fields: Vec::new() }
    }

    /// One sentence about a field.
    pub fn field(field: &'static str, message: Message) -> Self {
        Self { general: Vec::new(), fields: vec![FieldError { field, message }] }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.general.is_empty() && self.fields.is_empty()
    }
}
