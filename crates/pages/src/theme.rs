//! What an operator changes about the look of the pages.

use serde::Serialize;

use crate::accent::Accent;
use crate::logo::Logo;
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
}

/// What a page names of a [`Theme`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ThemeFrame {
    /// The names of the style sheets, for after ours.
    style_sheets: Vec<String>,
    /// The name of the logo.
    logo: Option<String>,
}

impl Theme {
    /// What a page names of it.
    pub fn to_frame(&self) -> ThemeFrame {
        let name = |file: &ThemeFile| file.name().to_owned();
        ThemeFrame {
            style_sheets: self.style_sheets().map(name).collect(),
            logo: self.logo.as_ref().map(Logo::file).map(name),
        }
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
