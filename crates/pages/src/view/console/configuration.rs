//! The configuration.

use serde::Serialize;

use crate::view::View;

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingRow {
    /// The key, as in the file.
    pub name: String,
    /// The value; `None`: the default, which has no fixed value.
    pub value: Option<String>,
    /// Where it was set.
    pub origin: String,
    /// The default.
    pub default: String,
    /// Whether it does not have its default.
    pub is_set: bool,
}

/// Every setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigurationView {
    /// The settings, in the order of the documentation. Empty: an application has set them in code.
    pub settings: Vec<SettingRow>,
}

impl View for ConfigurationView {
    const TEMPLATE: &'static str = "console/configuration.html";
}
