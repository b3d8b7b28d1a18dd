//! `/v1/admin/users`: adds, lists, changes and deletes users, and lists their sessions.

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::model::user::Username;
use counterfoil_core::services::account::Registration;
use counterfoil_core::services::administration::validate_roles;
use counterfoil_core::store::LoginName;
use counterfoil_jose::Secret;
use counterfoil_verify::UserId;

use crate::admin::UserChangeRequest;
use crate::admin::responses::{SessionResponse, UserResponse};
use crate::app::App;
use crate::http::error::AppError;
use crate::http::external_id_schema::ExternalIdSchema;
use crate::http::json_body::{JsonBody, secret};
use crate::routes::admin::administrator::Administrator;
use crate::routes::pagination::{PageRequest, PageSize, parse_session_cursor, session_cursor};
use crate::routes::path_id::path_id;
use crate::routes::problem_responses::{
    BadRequest, Conflict, Forbidden, InvalidFields, NotFound, RequestTimeout, TooLarge, TooManyRequests,
    Unauthorized, Unavailable, UnsupportedMediaType,
};
use crate::routes::query_parameters::QueryParameters;

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct UserList {
    users: Vec<UserResponse>,
    /// The value of `after` for the next page, or null at the end.
    next: Option<String>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct UserBody {
    user: UserResponse,
}

/// A page of a user's sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct UserSessionList {
    sessions: Vec<SessionResponse>,
    /// The value of `after` for the next page, or null at the end.
    next: Option<String>,
}

/// A user to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct NewUser {
    username: String,
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
    /// Stored unverified.
    email: Option<String>,
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
    let page = PageRequest::new(&query, PageSize::ADMIN, |text| Some(text.to_owned()))?;
    if let Some(name) = query.get("username")? {
        return find_by_username(&app, name).await;
    }
    let mut users = app.store.users(page.to_page()).await?;
    let next = page.finish(&mut users, |user| user.username.folded().to_owned());
    Ok(Json(UserList { users: users.iter().map(UserResponse::from).collect(), next }))
}

/// The list of the user with this name. An invalid name matches no user.
async fn find_by_username(app: &App, name: &str) -> Result<Json<UserList>, AppError> {
    let user = match name.parse::<Username>() {
        Ok(name) => app.store.user_by_login(&LoginName::Username(name.folded().to_owned())).await?,
        Err(_) => None,
    };
    Ok(Json(UserList { users: user.iter().map(UserResponse::from).collect(), next: None }))
}

/// Adds a user, also if registration is closed.
#[utoipa::path(
    post, path = "/v1/admin/users", operation_id = "admin_add_user",
    tag = "administration", request_body = NewUser,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 201, description = "Added", body = UserBody),
        BadRequest, Unauthorized, Forbidden, Conflict, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn add(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    JsonBody(request): JsonBody<NewUser>,
) -> Result<(StatusCode, Json<UserBody>), AppError> {
    let NewUser { username, password, email, roles, external_id } = request;
    validate_roles(&roles)?;
    let registration = Registration { username, password, email, roles, external_id };
    let user = app.accounts.register(registration, administrator.actor, &client, administrator.now).await?;
    Ok((StatusCode::CREATED, Json(UserBody { user: UserResponse::from(&user) })))
}

/// Returns a user.
#[utoipa::path(
    get, path = "/v1/admin/users/{id}", operation_id = "admin_user", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a user")),
    responses(
        (status = 200, description = "The user", body = UserBody),
        BadRequest, Unauthorized, Forbidden, NotFound, Unavailable,
    )
)]
pub(in crate::routes) async fn show(
    State(app): State<App>,
    _: Administrator,
    uri: Uri,
) -> Result<Json<UserBody>, AppError> {
    let user = app.store.user(path_id(&uri, 3)?).await?.ok_or(AppError::NotFound)?;
    Ok(Json(UserBody { user: UserResponse::from(&user) }))
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
        (status = 200, description = "The changed user", body = UserBody),
        BadRequest, Unauthorized, Forbidden, NotFound, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn change(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    uri: Uri,
    JsonBody(request): JsonBody<UserChangeRequest>,
) -> Result<Json<UserBody>, AppError> {
    let (change, context) = (request.into(), administrator.context(client));
    let user =
        app.administration.change_user(path_id(&uri, 3)?, &change, &context, administrator.now).await?;
    Ok(Json(UserBody { user: UserResponse::from(&user) }))
}

/// Deletes a user with all sessions and data. The audit log keeps the user id; the username becomes
/// available.
#[utoipa::path(
    delete, path = "/v1/admin/users/{id}", operation_id = "admin_delete_user", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a user")),
    responses(
        (status = 204, description = "Deleted"),
        BadRequest, Unauthorized, Forbidden, NotFound, Unavailable,
    )
)]
pub(in crate::routes) async fn remove(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    uri: Uri,
) -> Result<StatusCode, AppError> {
    let context = administrator.context(client);
    app.administration.delete_user(path_id(&uri, 3)?, &context, administrator.now).await?;
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
        (status = 200, description = "Live sessions", body = UserSessionList),
        BadRequest, Unauthorized, Forbidden, NotFound, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn sessions(
    State(app): State<App>,
    administrator: Administrator,
    uri: Uri,
    query: QueryParameters,
) -> Result<Json<UserSessionList>, AppError> {
    query.allow_only(&["limit", "after"])?;
    let page = PageRequest::new(&query, PageSize::ADMIN, parse_session_cursor)?;
    let user: UserId = path_id(&uri, 3)?;
    if app.store.user(user).await?.is_none() {
        return Err(AppError::NotFound);
    }
    let mut sessions = app.store.sessions_of(user, page.to_page(), administrator.now).await?;
    let next = page.finish(&mut sessions, session_cursor);
    Ok(Json(UserSessionList { sessions: sessions.iter().map(SessionResponse::from).collect(), next }))
}
