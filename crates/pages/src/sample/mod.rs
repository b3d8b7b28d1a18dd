//! Samples of every view: usual, empty, with errors, longest, and with hostile text. Templates are rendered with them by the
//! tests, and at the start of a server with templates of its own.

mod console;
mod operation;
mod people;

use minijinja::value::{Serde, Value};

use crate::language::Language;
use crate::message::Message;
use crate::renderer::Frame;
use crate::theme::ThemeFrame;
use crate::view::View;

/// A name that a page must show as text: markup, quotes, and characters that change the direction of text. In an attribute
/// without quotes it becomes further attributes.
pub const HOSTILE: &str =
    "<script>alert(1)</script>\"'><img src=x onerror=y>&amp;\u{202e}evil\u{2067}{{ 7*7 }}";

/// What the paths of the samples begin with.
pub(crate) const BASE: &str = "/auth";

/// The time of the samples, in Unix seconds.
const NOON: u64 = 1_764_000_000;

/// A view with what is around it.
#[derive(Debug, Clone)]
pub struct Sample {
    name: &'static str,
    template: &'static str,
    frame: Frame,
    page: Value,
}

impl Sample {
    /// The pages of people: sign-in, registration, account and errors. They are in every language.
    pub fn people() -> Vec<Self> {
        people::people()
    }

    /// The pages of the console, which are in English.
    pub fn console() -> Vec<Self> {
        console::console()
    }

    /// All of them.
    pub fn all() -> Vec<Self> {
        [Self::people(), Self::console(), Self::live_parts()].concat()
    }

    /// The parts of the console that are updated, each alone. Their names are their topics.
    pub fn live_parts() -> Vec<Self> {
        console::live_parts()
    }

    fn new<V: View>(name: &'static str, frame: &Frame, view: &V) -> Self {
        Self { name, template: V::TEMPLATE, frame: frame.clone(), page: Value::from(Serde(view)) }
    }

    /// What it shows, in a few words.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The name of its template.
    pub fn template(&self) -> &'static str {
        self.template
    }

    /// The languages in which its page is shown.
    pub(crate) fn languages(&self) -> &'static [Language] {
        if self.template.contains('/') { &[Language::English] } else { &Language::ALL }
    }

    /// The names of the view's fields.
    pub fn fields(&self) -> Vec<String> {
        let keys = self.page.try_iter().map(|keys| keys.map(|key| key.to_string()).collect());
        keys.unwrap_or_default()
    }

    pub(crate) fn frame(&self) -> &Frame {
        &self.frame
    }

    pub(crate) fn page(&self) -> &Value {
        &self.page
    }
}

/// What is around a page of a signed-in user; without one, of the pages before.
fn frame(user: Option<&str>) -> Frame {
    Frame {
        product: HOSTILE.into(),
        base: BASE.into(),
        host: "auth.example".into(),
        here: "/auth/login?return_to=%2Fa%22b".into(),
        user: user.map(Into::into),
        request_id: "p3vQ0n9Jr2hK5cXw".into(),
        notice: Some(Message::new("notice-ended-others").with("count", 3)),
        live: None,
        theme: ThemeFrame::default(),
    }
}
