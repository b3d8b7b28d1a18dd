//! `/admin/configuration`: every setting, its value, where it was set, and its default.

use axum::response::Response;

use counterfoil_pages::view::console::{ConfigurationView, SettingRow};

use crate::http::error::AppError;
use crate::pages::console::page::ConsolePage;
use crate::settings::description::SettingDescription;

/// Shows the settings, as the program that has read them describes them: without secrets.
pub(in crate::pages) async fn show(page: ConsolePage) -> Result<Response, AppError> {
    let settings = page.app.settings().descriptions.iter().map(row).collect();
    page.show(&ConfigurationView { settings })
}

fn row(setting: &SettingDescription) -> SettingRow {
    SettingRow {
        name: setting.name.clone(),
        value: setting.value.clone(),
        origin: setting.origin.clone(),
        default: setting.default.clone(),
        is_set: setting.is_set(),
    }
}
