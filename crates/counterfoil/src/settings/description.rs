//! The settings as an administrator sees them.

/// A setting, as the program that has read it describes it. It contains no secret.
///
/// ```
/// use counterfoil::SettingDescription;
///
/// let setting = SettingDescription::new("max_sessions", Some("7".into()), "counterfoil.toml, line 3".into(), "100".into());
/// assert!(setting.is_set());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SettingDescription {
    /// The key, as in the file.
    pub name: String,
    /// The value, written as in a variable. `None`: the default, which has no fixed value.
    pub value: Option<String>,
    /// Where it was set, or `default`.
    pub origin: String,
    /// The default, or what describes it.
    pub default: String,
}

impl SettingDescription {
    /// A setting with this value, which was set at `origin`.
    pub fn new(name: impl Into<String>, value: Option<String>, origin: String, default: String) -> Self {
        Self { name: name.into(), value, origin, default }
    }

    /// Whether it does not have its default.
    pub fn is_set(&self) -> bool {
        self.origin != "default"
    }
}
