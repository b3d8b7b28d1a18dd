//! What an operator changes about the look of the pages.

use serde::Serialize;

use crate::accent::Accent;
use crate::language::Language;
use crate::logo::Logo;
use crate::overrides::Overrides;
use crate::renderer::Renderer;
use crate::style_sheet::StyleSheet;
use crate::theme_file::ThemeFile;

/// The look of the pages. The default is ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Theme {
    /// The color of buttons, links and marks.
    pub accent: Option<Accent>,
    /// A style sheet after ours.
    pub style_sheet: Option<StyleSheet>,
    /// A picture in place of our mark.
    pub logo: Option<Logo>,
    /// The languages that are offered, in this order; the first one if a browser asks for none of them. All if it is empty.
    pub languages: Vec<Language>,
    /// Templates and texts that replace ours.
    pub overrides: Option<Overrides>,
}

/// What a page names of a [`Theme`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ThemeFrame {
    /// The names of the style sheets, for after ours.
    style_sheets: Vec<String>,
    /// The name of the logo.
    logo: Option<String>,
    /// The languages that the page offers; all if it is empty.
    #[serde(skip)]
    languages: Vec<Language>,
    /// What renders the page, if it is not ours.
    #[serde(skip)]
    overrides: Option<Overrides>,
}

impl Theme {
    /// What a page names of it.
    pub fn to_frame(&self) -> ThemeFrame {
        let name = |file: &ThemeFile| file.name().to_owned();
        ThemeFrame {
            style_sheets: self.style_sheets().map(name).collect(),
            logo: self.logo.as_ref().map(Logo::file).map(name),
            languages: self.languages.clone(),
            overrides: self.overrides.clone(),
        }
    }

    /// The languages that are offered.
    pub fn offered_languages(&self) -> &[Language] {
        offered(&self.languages)
    }

    /// The file with this name. A file of another version has another name.
    pub fn find(&self, name: &str) -> Option<&ThemeFile> {
        self.style_sheets().chain(self.logo.iter().map(Logo::file)).find(|file| file.name() == name)
    }

    /// The style sheets in the order in which a page loads them.
    fn style_sheets(&self) -> impl Iterator<Item = &ThemeFile> {
        let accent = self.accent.iter().map(Accent::style_sheet);
        accent.chain(self.style_sheet.iter().map(StyleSheet::file))
    }
}

impl ThemeFrame {
    /// The languages that the page offers.
    pub(crate) fn offered_languages(&self) -> &[Language] {
        offered(&self.languages)
    }

    /// What renders the page.
    pub(crate) fn renderer(&self) -> &Renderer {
        match &self.overrides {
            Some(overrides) => overrides.renderer(),
            None => Renderer::embedded(),
        }
    }
}

fn offered(languages: &[Language]) -> &[Language] {
    if languages.is_empty() { &Language::ALL } else { languages }
}
