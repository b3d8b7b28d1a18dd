//! The settings of the pages for people: sign-in, registration, account.

#[cfg(feature = "pages")]
use counterfoil_pages::Theme;
use counterfoil_verify::Origin;

/// The pages that people see in a browser.
///
/// ```
/// use counterfoil::PagesSettings;
///
/// let pages = PagesSettings::default().with(|pages| pages.name = "Shop".to_owned());
/// assert!(pages.enabled);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PagesSettings {
    /// Whether the server has the pages. An application that embeds Counterfoil merges `Counterfoil::pages` instead.
    pub enabled: bool,
    /// The name of the product, at the top of each page.
    pub name: String,
    /// The origins of applications to which the sign-in page may lead back, besides the trusted ones.
    pub return_origins: Vec<Origin>,
    /// Where users who cannot sign in get help: an `https` or `mailto` URL.
    pub help_url: Option<String>,
    /// The look of the pages.
    #[cfg(feature = "pages")]
    pub theme: Theme,
}

impl Default for PagesSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            name: "Counterfoil".to_owned(),
            return_origins: Vec::new(),
            help_url: None,
            #[cfg(feature = "pages")]
            theme: Theme::default(),
        }
    }
}

impl PagesSettings {
    /// The same settings after `change`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}
