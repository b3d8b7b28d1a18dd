//! `/admin/clients`: client applications, and one of them with its lifetimes.

use axum::extract::Request;
use axum::response::Response;
use http::Uri;

use counterfoil_core::model::client::Lifetimes;
use counterfoil_core::model::session::{ClientInfo, Mode};
use counterfoil_pages::view::console::{ClientPageView, ClientRow, ClientsView, LifetimeRow, Pager};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::path::path_id;
use crate::operations::admin::clients;
use crate::operations::admin::requests::ClientChangeRequest;
use crate::operations::admin::views::client::{ClientView, LifetimesView};
use crate::operations::pagination::Pagination;
use crate::pages::console::danger::sign_in_again;
use crate::pages::console::filter::with_query;
use crate::pages::console::page::{ConsolePage, console_path};

/// How many clients a page has.
const CLIENTS: u32 = 50;

/// Lists clients: the same operation as `GET /v1/admin/clients`.
pub(in crate::pages) async fn list(page: ConsolePage) -> Result<Response, AppError> {
    page.show(&view(&page.app, page.query.get("after")).await?)
}

/// Adds a client: the same operation as `POST /v1/admin/clients`.
pub(in crate::pages) async fn add(
    page: ConsolePage,
    client: ClientInfo,
    request: Request,
) -> Result<Response, AppError> {
    if let Some(login) = sign_in_again(&page, "/clients").await? {
        return Ok(login);
    }
    let fields = FormFields::read(request, &page.app, &["id", "name"]).await?;
    let (id, name) = (fields.text("id"), fields.text("name"));
    let added = async {
        let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        let request = ClientChangeRequest { name, ..ClientChangeRequest::default() };
        let context = page.administrator.context(client);
        Ok(clients::add(&page.app, id.trim(), request, &context, page.now()).await?)
    };
    match added.await {
        Ok(added) => Ok(page.changed(&format!("/clients/{}", added.client.id))),
        Err(error) => {
            let view = view(&page.app, None).await?;
            let with_error = |text| ClientsView { error: Some(text), id, name, ..view };
            Ok(page.answer_error(error, with_error))
        }
    }
}

/// Shows one client: the same operation as `GET /v1/admin/clients/{id}`.
pub(in crate::pages) async fn show(page: ConsolePage) -> Result<Response, AppError> {
    let client = find(&page.app, &page.uri).await?;
    let view = ClientPageView { client: row(&client), lifetimes: lifetimes(&client.lifetimes) };
    page.show(&view)
}

/// The client that the path names.
pub(super) async fn find(app: &App, uri: &Uri) -> Result<ClientView, AppError> {
    let id = path_id(uri, 2)?;
    Ok(clients::find(app, &id).await?.ok_or(AppError::NotFound)?.client)
}

async fn view(app: &App, after: Option<&str>) -> Result<ClientsView, AppError> {
    let list = clients::list(app, Pagination::new(after, CLIENTS)?).await?;
    let path = console_path(app, "/clients");
    let next = list.next.map(|after| with_query(&path, &[("after", &after)]));
    Ok(ClientsView {
        clients: list.items.iter().map(row).collect(),
        pages: Pager { first: after.is_some().then_some(path), next, ..Pager::default() },
        id: String::new(),
        name: String::new(),
        error: None,
    })
}

fn row(client: &ClientView) -> ClientRow {
    ClientRow {
        id: client.id.clone(),
        name: client.name.clone(),
        modes: client.modes.iter().map(|mode| Mode::as_str(*mode)).collect(),
        audiences: client.audiences.clone(),
        scopes: client.scopes.clone(),
        is_enabled: client.enabled,
    }
}

/// The lifetimes beside their ceilings.
fn lifetimes(lifetimes: &LifetimesView) -> Vec<LifetimeRow> {
    let ceiling = Lifetimes::CEILING;
    let row = |name, text, value: u64, ceiling: u64| LifetimeRow {
        name,
        text,
        value: duration(value),
        ceiling: duration(ceiling),
        share: (value.saturating_mul(100) / ceiling.max(1)).clamp(1, 100),
    };
    vec![
        row("session_idle", "Session that is not used", lifetimes.session_idle, ceiling.session_idle),
        row("session_absolute", "Session", lifetimes.session_absolute, ceiling.session_absolute),
        row("jwt", "Access token of mode jwt", lifetimes.jwt, ceiling.jwt),
        row("access", "Access token of mode hybrid", lifetimes.access, ceiling.access),
        row("refresh_idle", "Refresh token that is not used", lifetimes.refresh_idle, ceiling.refresh_idle),
        row(
            "refresh_absolute",
            "Session of mode hybrid",
            lifetimes.refresh_absolute,
            ceiling.refresh_absolute,
        ),
    ]
}

/// Seconds in the largest unit that divides them.
fn duration(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length));
    unit.map_or_else(|| format!("{seconds}s"), |(length, name)| format!("{}{name}", seconds / length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_largest_unit_that_divides_it() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (900, "15m"), (3_601, "3601s"), (86_400, "1d"), (129_600, "36h")]
        {
            assert_eq!(duration(seconds), text);
        }
    }
}
