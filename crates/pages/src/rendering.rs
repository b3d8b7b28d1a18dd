//! Pages and samples as HTML.

use minijinja::value::{Serde, Value};

use crate::frame::Frame;
use crate::language::Language;
use crate::renderer::{RenderError, Renderer};
use crate::sample::Sample;
use crate::view::View;

impl Renderer {
    /// The page as HTML.
    ///
    /// # Errors
    ///
    /// If a template or a text does not fit the view; no view of this crate's samples does.
    pub fn render<V: View>(
        &self,
        language: Language,
        frame: &Frame,
        view: &V,
    ) -> Result<String, RenderError> {
        let languages = (language, frame.theme.offered_languages());
        self.render_template(V::TEMPLATE, languages, Value::from(Serde(frame)), Value::from(Serde(view)))
    }

    /// A sample as HTML.
    ///
    /// # Errors
    ///
    /// As [`Renderer::render`].
    pub fn render_sample(&self, language: Language, sample: &Sample) -> Result<String, RenderError> {
        let frame = sample.frame();
        let languages = (language, frame.theme.offered_languages());
        self.render_template(sample.template(), languages, Value::from(Serde(frame)), sample.page().clone())
    }
}

impl Frame {
    /// The page with this frame as HTML, with the templates and texts of its theme.
    ///
    /// # Errors
    ///
    /// As [`Renderer::render`].
    pub fn render(&self, language: Language, view: &impl View) -> Result<String, RenderError> {
        self.theme.renderer().render(language, self, view)
    }
}
