//! Templates and texts of the operator that replace ours.
//!
//! What an operator writes is compiled and rendered with every sample before a server starts with it, so that a mistake in it is
//! found there and not by a user. A mistake that would make what a user typed into markup, or a form useless, is refused too.

mod error;
mod forms;
mod markup;
mod nearest;
mod rendered;
mod templates;
mod texts;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::renderer::Renderer;

pub use error::{OverrideError, OverrideErrors, OverrideKind};

/// A file of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideFile {
    /// Its path below the directory, with `/`: `console/users.html`, `en.ftl`.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

impl OverrideFile {
    /// The longest file, in bytes.
    pub const MAX_LEN: usize = 64 * 1024;
}

/// Templates and texts that replace ours. They fit every view.
///
/// ```
/// use counterfoil_pages::{OverrideFile, Overrides};
///
/// let texts = |text: &str| vec![OverrideFile { name: "en.ftl".into(), content: text.into() }];
/// assert!(Overrides::new(vec![], texts("sign-in = Enter")).is_ok());
/// let errors = Overrides::new(vec![], texts("sign-in = Enter { $name }")).unwrap_err();
/// assert_eq!(errors.to_string(), "en.ftl, line 1: `sign-in` has no value `name`; it has none");
/// ```
#[derive(Clone)]
pub struct Overrides {
    inner: Arc<Inner>,
}

struct Inner {
    /// The templates by their names.
    templates: BTreeMap<String, String>,
    /// The texts by the names of their files.
    texts: BTreeMap<String, String>,
    renderer: Arc<Renderer>,
}

impl Overrides {
    /// Checks the files, and compiles them together with ours.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with a file: an unknown name, a text that has no such value, a template that does not fit a view.
    pub fn new(templates: Vec<OverrideFile>, texts: Vec<OverrideFile>) -> Result<Self, OverrideErrors> {
        let templates = templates::read(templates);
        let texts = texts::read(texts);
        let (templates, texts) = error::both(templates, texts)?;
        let formatted = texts::build(&texts)?;
        let renderer = templates::compile(&templates, formatted)?;
        rendered::check(&renderer, &templates)?;
        Ok(Self { inner: Arc::new(Inner { templates, texts, renderer: Arc::new(renderer) }) })
    }

    /// What renders pages with them. For the tests of this crate.
    #[doc(hidden)]
    pub fn renderer(&self) -> &Arc<Renderer> {
        &self.inner.renderer
    }
}

impl PartialEq for Overrides {
    fn eq(&self, other: &Self) -> bool {
        (&self.inner.templates, &self.inner.texts) == (&other.inner.templates, &other.inner.texts)
    }
}

impl Eq for Overrides {}

/// The names of the files only.
impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (templates, texts) = (self.inner.templates.keys(), self.inner.texts.keys());
        f.debug_set().entries(templates).entries(texts).finish()
    }
}

/// The text of a file, if it is short enough.
fn text(kind: OverrideKind, file: OverrideFile) -> Result<(String, String), OverrideError> {
    if file.content.len() > OverrideFile::MAX_LEN {
        return Err(OverrideError::new(kind, &file.name, None, "is longer than 64 KiB"));
    }
    match String::from_utf8(file.content) {
        Ok(text) => Ok((file.name, text)),
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(OverrideError::new(kind, &file.name, Some(line), "is not UTF-8 text"))
        }
    }
}

/// The number of the line at this byte.
fn line_at(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}
