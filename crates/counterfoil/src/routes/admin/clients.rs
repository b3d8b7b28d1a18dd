//! `/v1/admin/clients`: the applications that people log in through.

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::client::LifetimesChange;
use counterfoil_core::model::session::Mode;
use counterfoil_core::store::Page;
use counterfoil_verify::ClientId;

use crate::admin::ClientChangeRequest;
use crate::admin::responses::ClientResponse;
use crate::app::App;
use crate::http::client_info::Whence;
use crate::http::error::AppError;
use crate::http::json_body::StrictJson;
use crate::routes::admin::administrator::Administrator;
use crate::routes::admin::{cut, id_in, limit_of, no_cursor};
use crate::routes::query::Parameters;
use crate::routes::responses::{
    BadRequest, Conflict, Forbidden, InvalidFields, NotFound, TooLarge, TooManyRequests, TooSlow,
    Unauthorized, Unavailable, UnsupportedType,
};

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct ClientList {
    clients: Vec<ClientResponse>,
    /// What to send as `after` for the next page, or null at the end.
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct OneClient {
    client: ClientResponse,
}

/// What to add; what is left out is as with the client `default`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct NewClient {
    /// 1 to 128 letters, digits, `-`, `.`, `_` and `~`.
    id: String,
    name: Option<String>,
    /// Which of `session`, `jwt` and `hybrid` a login may have.
    #[schema(value_type = Option<Vec<String>>)]
    modes: Option<Vec<Mode>>,
    /// The audiences that its tokens may be for besides the issuer; any where there are none.
    audiences: Option<Vec<String>>,
    /// The scopes that it may ask for; any where there are none.
    scopes: Option<Vec<String>>,
    /// In seconds: `session_idle`, `session_absolute`, `jwt`, `access`, `refresh_idle`, `refresh_absolute`.
    #[schema(value_type = Object)]
    #[serde(default)]
    lifetimes: LifetimesChange,
    enabled: Option<bool>,
}

/// Lists clients by id.
#[utoipa::path(
    get, path = "/v1/admin/clients", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; 100 unless said otherwise"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "Clients", body = ClientList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    parameters: Parameters,
) -> Result<Json<ClientList>, AppError> {
    parameters.only(&["limit", "after"])?;
    let limit = limit_of(&parameters)?;
    let after = parameters.one("after")?.map(|text| text.parse().map_err(|_| no_cursor())).transpose()?;
    let mut clients = app.store.clients(Page { after, limit: limit + 1 }).await?;
    let next = cut(&mut clients, limit, |client| client.id.to_string());
    Ok(Json(ClientList { clients: clients.iter().map(ClientResponse::from).collect(), next }))
}

/// Adds a client.
#[utoipa::path(
    post, path = "/v1/admin/clients", tag = "administration", request_body = NewClient,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 201, description = "Added", body = OneClient),
        BadRequest, Unauthorized, Forbidden, Conflict, TooLarge, TooSlow, UnsupportedType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn add(
    State(app): State<App>,
    administrator: Administrator,
    Whence(from): Whence,
    StrictJson(form): StrictJson<NewClient>,
) -> Result<(StatusCode, Json<OneClient>), AppError> {
    let NewClient { id, name, modes, audiences, scopes, lifetimes, enabled } = form;
    let id: ClientId =
        id.parse().map_err(|_| AppError::field("id", "is to be 1 to 128 letters, digits, -, ., _ and ~"))?;
    let form = ClientChangeRequest {
        name,
        modes,
        audiences: Some(audiences),
        scopes: Some(scopes),
        lifetimes,
        enabled,
    };
    let reason = administrator.reason(from);
    let client = app.administration.add_client(id, form.into(), &reason, administrator.now).await?;
    Ok((StatusCode::CREATED, Json(OneClient { client: ClientResponse::from(&client) })))
}

/// Shows a client.
#[utoipa::path(
    get, path = "/v1/admin/clients/{id}", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a client")),
    responses(
        (status = 200, description = "The client", body = OneClient),
        BadRequest, Unauthorized, Forbidden, NotFound, Unavailable,
    )
)]
pub(in crate::routes) async fn show(
    State(app): State<App>,
    _: Administrator,
    uri: Uri,
) -> Result<Json<OneClient>, AppError> {
    let client = app.store.client(&id_in(&uri)?).await?.ok_or(AppError::NotFound)?;
    Ok(Json(OneClient { client: ClientResponse::from(&client) }))
}

/// Changes a client. Where it is disabled, all that was given through it is dead at once.
#[utoipa::path(
    patch, path = "/v1/admin/clients/{id}", tag = "administration", request_body = ClientChangeRequest,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a client")),
    responses(
        (status = 200, description = "The client as it is now", body = OneClient),
        BadRequest, Unauthorized, Forbidden, NotFound, TooLarge, TooSlow, UnsupportedType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn change(
    State(app): State<App>,
    administrator: Administrator,
    Whence(from): Whence,
    uri: Uri,
    StrictJson(form): StrictJson<ClientChangeRequest>,
) -> Result<Json<OneClient>, AppError> {
    let (id, change): (ClientId, _) = (id_in(&uri)?, form.into());
    let reason = administrator.reason(from);
    let client = app.administration.change_client(&id, &change, &reason, administrator.now).await?;
    Ok(Json(OneClient { client: ClientResponse::from(&client) }))
}
