//! `/v1/admin/clients`: adds, lists and changes client applications.

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::client::LifetimesChange;
use counterfoil_core::model::session::{ClientInfo, Mode};
use counterfoil_verify::ClientId;

use crate::admin::ClientChangeRequest;
use crate::admin::responses::ClientResponse;
use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::JsonBody;
use crate::routes::admin::administrator::Administrator;
use crate::routes::pagination::{PageRequest, PageSize};
use crate::routes::path_id::path_id;
use crate::routes::problem_responses::{
    BadRequest, Conflict, Forbidden, InvalidFields, NotFound, RequestTimeout, TooLarge, TooManyRequests,
    Unauthorized, Unavailable, UnsupportedMediaType,
};
use crate::routes::query_parameters::QueryParameters;

/// A page of clients.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct ClientList {
    clients: Vec<ClientResponse>,
    /// The value of `after` for the next page, or null at the end.
    next: Option<String>,
}

/// A client.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct ClientBody {
    client: ClientResponse,
}

/// A client to add. Absent members are copied from the client `default`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct NewClient {
    /// 1 to 128 letters, digits, `-`, `.`, `_` and `~`.
    id: String,
    name: Option<String>,
    /// The modes that a login may request: `session`, `jwt`, `hybrid`.
    #[schema(value_type = Option<Vec<String>>)]
    modes: Option<Vec<Mode>>,
    /// The audiences that it may request, besides the issuer; null: any.
    audiences: Option<Vec<String>>,
    /// The scopes that it may request; null: any.
    scopes: Option<Vec<String>>,
    /// In seconds: `session_idle`, `session_absolute`, `jwt`, `access`, `refresh_idle`, `refresh_absolute`.
    #[schema(value_type = Object)]
    #[serde(default)]
    lifetimes: LifetimesChange,
    enabled: Option<bool>,
}

/// Lists clients by id.
#[utoipa::path(
    get, path = "/v1/admin/clients", operation_id = "admin_list_clients", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; by default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
    ),
    responses(
        (status = 200, description = "Clients", body = ClientList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    query: QueryParameters,
) -> Result<Json<ClientList>, AppError> {
    query.allow_only(&["limit", "after"])?;
    let page = PageRequest::new(&query, PageSize::ADMIN, |text| text.parse::<ClientId>().ok())?;
    let mut clients = app.store.clients(page.to_page()).await?;
    let next = page.finish(&mut clients, |client| client.id.to_string());
    Ok(Json(ClientList { clients: clients.iter().map(ClientResponse::from).collect(), next }))
}

/// Adds a client.
#[utoipa::path(
    post, path = "/v1/admin/clients", operation_id = "admin_add_client",
    tag = "administration", request_body = NewClient,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 201, description = "Added", body = ClientBody),
        BadRequest, Unauthorized, Forbidden, Conflict, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn add(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    JsonBody(request): JsonBody<NewClient>,
) -> Result<(StatusCode, Json<ClientBody>), AppError> {
    let NewClient { id, name, modes, audiences, scopes, lifetimes, enabled } = request;
    let invalid_id = |_| AppError::field("id", "must be 1 to 128 letters, digits, `-`, `.`, `_` and `~`");
    let id: ClientId = id.parse().map_err(invalid_id)?;
    let form = ClientChangeRequest {
        name,
        modes,
        audiences: Some(audiences),
        scopes: Some(scopes),
        lifetimes,
        enabled,
    };
    let context = administrator.context(client);
    let client = app.administration.add_client(id, form.into(), &context, administrator.now).await?;
    Ok((StatusCode::CREATED, Json(ClientBody { client: ClientResponse::from(&client) })))
}

/// Returns a client.
#[utoipa::path(
    get, path = "/v1/admin/clients/{id}", operation_id = "admin_client", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a client")),
    responses(
        (status = 200, description = "The client", body = ClientBody),
        BadRequest, Unauthorized, Forbidden, NotFound, Unavailable,
    )
)]
pub(in crate::routes) async fn show(
    State(app): State<App>,
    _: Administrator,
    uri: Uri,
) -> Result<Json<ClientBody>, AppError> {
    let client = app.store.client(&path_id(&uri, 3)?).await?.ok_or(AppError::NotFound)?;
    Ok(Json(ClientBody { client: ClientResponse::from(&client) }))
}

/// Changes a client. Disabling it invalidates all its credentials at once.
#[utoipa::path(
    patch, path = "/v1/admin/clients/{id}", operation_id = "admin_change_client",
    tag = "administration", request_body = ClientChangeRequest,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a client")),
    responses(
        (status = 200, description = "The changed client", body = ClientBody),
        BadRequest, Unauthorized, Forbidden, NotFound, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn change(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    uri: Uri,
    JsonBody(request): JsonBody<ClientChangeRequest>,
) -> Result<Json<ClientBody>, AppError> {
    let (id, change): (ClientId, _) = (path_id(&uri, 3)?, request.into());
    let context = administrator.context(client);
    let client = app.administration.change_client(&id, &change, &context, administrator.now).await?;
    Ok(Json(ClientBody { client: ClientResponse::from(&client) }))
}
