//! `/v1/admin/users`: adds, lists, changes and deletes users, and lists their sessions.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::account::Registration;
use counterfoil_jose::Secret;
use counterfoil_verify::UserId;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::{JsonBody, PatchBody, secret};
use crate::http::path::path_id;
use crate::operations::admin::requests::UserChangeRequest;
use crate::operations::admin::responses::{UserDetailsResponse, UserResponse};
use crate::operations::admin::views::user::UserList;
use crate::operations::admin::{self, users};
use crate::operations::external_id_schema::ExternalIdSchema;
use crate::operations::pagination::PageSize;
use crate::operations::views::SessionList;
use crate::routes::admin::administrator::Administrator;
use crate::routes::problem_responses::{
    BadRequest, Conflict, Forbidden, InvalidFields, LastAdministrator, NotFound, RecentLoginRequired,
    RequestTimeout, TooLarge, TooManyRequests, Unauthorized, Unavailable, UnsupportedMediaType,
};
use crate::routes::query_parameters::QueryParameters;

/// A user to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct NewUser {
    /// The name to log in with, as in `POST /v1/register`.
    username: String,
    /// 8 to 256 characters of any kind.
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
    /// An e-mail address. Stored unverified.
    email: Option<String>,
    /// The roles; `admin` may use the administration API. By default none.
    #[serde(default)]
    roles: Vec<String>,
    /// The application's own id of the user, or null.
    #[schema(value_type = Option<ExternalIdSchema>)]
    external_id: Option<Value>,
}

/// Lists users by name.
#[utoipa::path(
    get, path = "/v1/admin/users", operation_id = "admin_list_users", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; by default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
        ("username" = Option<String>, Query, description = "The name of the one user to return"),
    ),
    responses(
        (status = 200, description = "Users", body = UserList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    query: QueryParameters,
) -> Result<Json<UserList>, AppError> {
    query.allow_only(&["limit", "after", "username"])?;
    let page = query.page(PageSize::ADMIN)?;
    if let Some(name) = query.get("username")? {
        let user = users::find_by_username(&app, name).await?;
        return Ok(Json(UserList::new(user.as_slice(), None)));
    }
    Ok(Json(users::list(&app, page).await?))
}

/// Adds a user, also if registration is closed.
#[utoipa::path(
    post, path = "/v1/admin/users", operation_id = "admin_add_user",
    tag = "administration", request_body = NewUser,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 201, description = "Added", body = UserResponse),
        BadRequest, RecentLoginRequired, Forbidden, Conflict, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn add(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    JsonBody(request): JsonBody<NewUser>,
) -> Result<(StatusCode, Json<UserResponse>), AppError> {
    // The user is a login that outlives the session of the administrator.
    administrator.require_recent_login(&app).await?;
    let NewUser { username, password, email, roles, external_id } = request;
    let registration = Registration { username, password, email, roles, external_id };
    let user = users::add(&app, registration, administrator.actor, &client, administrator.now).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// Returns a user, with what the rate limits count for them.
///
/// For each limit: the count, the maximum, and until when it rejects attempts.
#[utoipa::path(
    get, path = "/v1/admin/users/{id}", operation_id = "admin_user", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("id" = String, Path, description = "The id of a user"),
        ("ip" = Option<String>, Query, description = "A client IP: what is counted for the user from it is shown as well"),
    ),
    responses(
        (status = 200, description = "The user", body = UserDetailsResponse),
        BadRequest, Unauthorized, Forbidden, NotFound, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn show(
    State(app): State<App>,
    administrator: Administrator,
    query: QueryParameters,
    uri: Uri,
) -> Result<Json<UserDetailsResponse>, AppError> {
    query.allow_only(&["ip"])?;
    let ip = query.get("ip")?.map(str::parse::<IpAddr>).transpose();
    let ip = ip.map_err(|_| AppError::field("ip", "must be an IP address"))?;
    let user = users::find(&app, path_id(&uri, 3)?).await?.ok_or(AppError::NotFound)?;
    Ok(Json(users::details(&app, &user, ip, administrator.now).await?))
}

/// Changes a user.
///
/// Disabling a user invalidates all their credentials. Changed roles apply at once: sessions continue, and
/// access tokens with the previous roles are invalid.
#[utoipa::path(
    patch, path = "/v1/admin/users/{id}", operation_id = "admin_change_user",
    tag = "administration", request_body = UserChangeRequest,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a user")),
    responses(
        (status = 200, description = "The changed user", body = UserResponse),
        BadRequest, RecentLoginRequired, Forbidden, NotFound, LastAdministrator, TooLarge, RequestTimeout,
        UnsupportedMediaType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn change(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    uri: Uri,
    PatchBody(request): PatchBody<UserChangeRequest>,
) -> Result<Json<UserResponse>, AppError> {
    if !request.only_disables() {
        administrator.require_recent_login(&app).await?;
    }
    let context = administrator.context(client);
    Ok(Json(users::change(&app, path_id(&uri, 3)?, request, &context, administrator.now).await?))
}

/// Deletes a user with all sessions and data.
///
/// The audit log keeps the user id; the username becomes available.
#[utoipa::path(
    delete, path = "/v1/admin/users/{id}", operation_id = "admin_delete_user", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a user")),
    responses(
        (status = 204, description = "Deleted"),
        BadRequest, RecentLoginRequired, Forbidden, NotFound, LastAdministrator, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn remove(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    uri: Uri,
) -> Result<StatusCode, AppError> {
    administrator.require_recent_login(&app).await?;
    let context = administrator.context(client);
    users::delete(&app, path_id(&uri, 3)?, &context, administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the live sessions of a user, newest first.
#[utoipa::path(
    get, path = "/v1/admin/users/{id}/sessions", operation_id = "admin_list_user_sessions",
    tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("id" = String, Path, description = "The id of a user"),
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; by default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
    ),
    responses(
        (status = 200, description = "Live sessions", body = SessionList),
        BadRequest, Unauthorized, Forbidden, NotFound, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn sessions(
    State(app): State<App>,
    administrator: Administrator,
    uri: Uri,
    query: QueryParameters,
) -> Result<Json<SessionList>, AppError> {
    query.allow_only(&["limit", "after"])?;
    let page = query.page(PageSize::ADMIN)?;
    let user: UserId = path_id(&uri, 3)?;
    if users::find(&app, user).await?.is_none() {
        return Err(AppError::NotFound);
    }
    Ok(Json(admin::sessions::list(&app, user, page, administrator.now).await?))
}
