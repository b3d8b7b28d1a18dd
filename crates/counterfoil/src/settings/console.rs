//! The settings of the console: the pages of administrators.

/// The console at `/admin`, for users with the role `admin`.
///
/// ```
/// use counterfoil::ConsoleSettings;
///
/// assert!(!ConsoleSettings::default().enabled);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConsoleSettings {
    /// Whether there is a console. It is one of the pages: it is served where they are.
    pub enabled: bool,
}

impl ConsoleSettings {
    /// The same settings after `change`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}
