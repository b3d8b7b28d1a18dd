//! The templates and texts that an operator may put others in place of.

use crate::language::Language;
use crate::renderer::TEMPLATES;
use crate::texts;

/// A template or a file of texts of this crate.
///
/// ```
/// use counterfoil_pages::Original;
///
/// let names: Vec<_> = Original::texts().map(|file| file.name).collect();
/// assert_eq!(names, ["en.ftl", "de.ftl", "es.ftl", "fr.ftl", "ja.ftl", "ar.ftl"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Its path below the directory, with `/`: `console/users.html`, `en.ftl`.
    pub name: String,
    /// Its text.
    pub content: &'static str,
}

/// The folder of the templates of the lab, whose pages no server for others has.
const LAB: &str = "lab/";

impl Original {
    /// The number of the contract between templates and views. It grows when a field that a template may use is removed or changes
    /// its type.
    pub const CONTRACT: u32 = 1;

    /// Every template but those of the lab.
    pub fn templates() -> impl Iterator<Item = Self> {
        let templates = TEMPLATES.into_iter().filter(|(name, _)| !name.starts_with(LAB));
        templates.map(|(name, content)| Self { name: name.to_owned(), content })
    }

    /// The texts, a file for each language.
    pub fn texts() -> impl Iterator<Item = Self> {
        Language::ALL
            .into_iter()
            .map(|language| Self { name: text_file(language), content: texts::source(language) })
    }
}

/// The name of the file with the texts of a language.
pub(crate) fn text_file(language: Language) -> String {
    format!("{}.ftl", language.code())
}
