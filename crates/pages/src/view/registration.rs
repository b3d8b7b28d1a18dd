//! The form to create an account.

use serde::Serialize;

use crate::view::{Destination, FormErrors, View};

/// The form to create an account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegisterView {
    /// Where the user arrives; `None`: at the account.
    pub destination: Option<Destination>,
    /// The client application, if it is not the default one.
    pub client: Option<String>,
    /// The name that was typed before an error.
    pub username: String,
    /// The address that was typed before an error.
    pub email: String,
    /// The fewest characters of a password.
    pub min_length: usize,
    /// What is wrong with the form that was sent.
    pub errors: FormErrors,
}

impl View for RegisterView {
    const TEMPLATE: &'static str = "register.html";
}
