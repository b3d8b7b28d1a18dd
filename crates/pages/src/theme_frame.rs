//! What a page names of the theme of the operator.

use std::sync::Arc;

use serde::Serialize;

use crate::language::Language;
use crate::renderer::Renderer;

/// What a page names of a [`Theme`](crate::Theme).
#[derive(Debug, Clone, Default, Serialize)]
pub struct ThemeFrame {
    /// The names of the style sheets, for after ours.
    pub(crate) style_sheets: Vec<String>,
    /// The name of the logo.
    pub(crate) logo: Option<String>,
    /// The languages that the page offers; all if it is empty.
    #[serde(skip)]
    pub(crate) languages: Vec<Language>,
    /// What renders the page, if it is not ours.
    #[serde(skip)]
    pub(crate) renderer: Option<Arc<Renderer>>,
}

impl ThemeFrame {
    /// The languages that the page offers.
    pub(crate) fn offered_languages(&self) -> &[Language] {
        offered(&self.languages)
    }

    /// What renders the page.
    pub(crate) fn renderer(&self) -> &Renderer {
        self.renderer.as_deref().unwrap_or_else(|| Renderer::embedded())
    }
}

/// The languages that are offered, if the operator has chosen these.
pub(crate) fn offered(languages: &[Language]) -> &[Language] {
    if languages.is_empty() { &Language::ALL } else { languages }
}
