//! `/admin/configuration`: every setting, its value, where it was set, and its default.

use axum::extract::State;
use axum::response::Response;

use counterfoil_pages::view::console::{ConfigurationView, SettingRow};

use crate::app::App;
use crate::http::error::AppError;
use crate::pages::console::administrator::ConsoleAdministrator;
use crate::pages::console::response::show as show_page;
use crate::pages::page_request::PageRequest;
use crate::settings::description::SettingDescription;

/// Shows the settings, as the program that has read them describes them: without secrets.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    request: PageRequest,
    administrator: ConsoleAdministrator,
) -> Result<Response, AppError> {
    let settings = app.settings().descriptions.iter().map(row).collect();
    show_page(&app, &request, &administrator, &ConfigurationView { settings })
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
