//! `/v1/admin/clients`: adds, lists and changes client applications.

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_core::model::client::LifetimesChange;
use counterfoil_core::model::session::{ClientInfo, Mode};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::{JsonBody, PatchBody};
use crate::http::path::path_id;
use crate::operations::admin::clients;
use crate::operations::admin::requests::ClientChangeRequest;
use crate::operations::admin::responses::ClientResponse;
use crate::operations::admin::views::client::ClientList;
use crate::operations::pagination::PageSize;
use crate::routes::admin::administrator::Administrator;
use crate::routes::problem_responses::{
    BadRequest, Conflict, Forbidden, InvalidFields, NotFound, RecentLoginRequired, RequestTimeout, TooLarge,
    TooManyRequests, Unauthorized, Unavailable, UnsupportedMediaType,
};
use crate::routes::query_parameters::QueryParameters;

/// A client to add. Absent members are copied from the client `default`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct NewClient {
    /// 1 to 128 letters, digits, `-`, `.`, `_` and `~`.
    id: String,
    /// A name for people; the id by default.
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
    /// Whether it may be used.
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
    Ok(Json(clients::list(&app, query.page(PageSize::ADMIN)?).await?))
}

/// Adds a client.
#[utoipa::path(
    post, path = "/v1/admin/clients", operation_id = "admin_add_client",
    tag = "administration", request_body = NewClient,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 201, description = "Added", body = ClientResponse),
        BadRequest, RecentLoginRequired, Forbidden, Conflict, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn add(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    JsonBody(request): JsonBody<NewClient>,
) -> Result<(StatusCode, Json<ClientResponse>), AppError> {
    administrator.require_recent_login(&app).await?;
    let NewClient { id, name, modes, audiences, scopes, lifetimes, enabled } = request;
    let form = ClientChangeRequest {
        name,
        modes,
        audiences: Some(audiences),
        scopes: Some(scopes),
        lifetimes,
        enabled,
    };
    let context = administrator.context(client);
    let client = clients::add(&app, &id, form, &context, administrator.now).await?;
    Ok((StatusCode::CREATED, Json(client)))
}

/// Returns a client.
#[utoipa::path(
    get, path = "/v1/admin/clients/{id}", operation_id = "admin_client", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a client")),
    responses(
        (status = 200, description = "The client", body = ClientResponse),
        BadRequest, Unauthorized, Forbidden, NotFound, Unavailable,
    )
)]
pub(in crate::routes) async fn show(
    State(app): State<App>,
    _: Administrator,
    uri: Uri,
) -> Result<Json<ClientResponse>, AppError> {
    Ok(Json(clients::find(&app, &path_id(&uri, 3)?).await?.ok_or(AppError::NotFound)?))
}

/// Changes a client. Disabling it invalidates all its credentials at once.
#[utoipa::path(
    patch, path = "/v1/admin/clients/{id}", operation_id = "admin_change_client",
    tag = "administration", request_body = ClientChangeRequest,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a client")),
    responses(
        (status = 200, description = "The changed client", body = ClientResponse),
        BadRequest, RecentLoginRequired, Forbidden, NotFound, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn change(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    uri: Uri,
    PatchBody(request): PatchBody<ClientChangeRequest>,
) -> Result<Json<ClientResponse>, AppError> {
    administrator.require_recent_login(&app).await?;
    let context = administrator.context(client);
    Ok(Json(clients::change(&app, &path_id(&uri, 3)?, request, &context, administrator.now).await?))
}
