//! `/v1/admin/users`: who there is, what they may do, and the end of it.

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::user::Username;
use counterfoil_core::services::account::Registration;
use counterfoil_core::services::administration::validate_roles;
use counterfoil_core::store::{LoginName, Page};
use counterfoil_jose::Secret;
use counterfoil_verify::UserId;

use crate::admin::UserChangeRequest;
use crate::admin::pagination::{parse_session_cursor, session_cursor};
use crate::admin::responses::{SessionResponse, UserResponse};
use crate::app::App;
use crate::http::client_info::Whence;
use crate::http::error::AppError;
use crate::http::json_body::{StrictJson, secret};
use crate::routes::admin::administrator::Administrator;
use crate::routes::admin::{cut, id_in, limit_of, no_cursor};
use crate::routes::query::Parameters;
use crate::routes::responses::{
    BadRequest, Conflict, Forbidden, InvalidFields, NotFound, TooLarge, TooManyRequests, TooSlow,
    Unauthorized, Unavailable, UnsupportedType,
};

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct UserList {
    users: Vec<UserResponse>,
    /// What to send as `after` for the next page, or null at the end.
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct OneUser {
    user: UserResponse,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct SessionsOfUser {
    sessions: Vec<SessionResponse>,
    /// What to send as `after` for the next page, or null at the end.
    next: Option<String>,
}

/// Whom to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct NewUser {
    username: String,
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
    /// As claimed.
    email: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
}

/// Lists users by name.
#[utoipa::path(
    get, path = "/v1/admin/users", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; 100 unless said otherwise"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("username" = Option<String>, Query, description = "Only the user of this name"),
    ),
    responses(
        (status = 200, description = "Users", body = UserList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    parameters: Parameters,
) -> Result<Json<UserList>, AppError> {
    parameters.only(&["limit", "after", "username"])?;
    let limit = limit_of(&parameters)?;
    if let Some(name) = parameters.one("username")? {
        return named(&app, name).await;
    }
    let after = parameters.one("after")?.map(str::to_owned);
    let mut users = app.store.users(Page { after, limit: limit + 1 }).await?;
    let next = cut(&mut users, limit, |user| user.username.folded().to_owned());
    Ok(Json(UserList { users: users.iter().map(UserResponse::from).collect(), next }))
}

/// The list of the one user of this name; a text that can be nobody's name is nobody's.
async fn named(app: &App, name: &str) -> Result<Json<UserList>, AppError> {
    let found = match name.parse::<Username>() {
        Ok(name) => app.store.user_by_login(&LoginName::Username(name.folded().to_owned())).await?,
        Err(_) => None,
    };
    Ok(Json(UserList { users: found.iter().map(UserResponse::from).collect(), next: None }))
}

/// Adds a user, also where registration is closed to strangers.
#[utoipa::path(
    post, path = "/v1/admin/users", tag = "administration", request_body = NewUser,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 201, description = "Added", body = OneUser),
        BadRequest, Unauthorized, Forbidden, Conflict, TooLarge, TooSlow, UnsupportedType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn add(
    State(app): State<App>,
    administrator: Administrator,
    Whence(from): Whence,
    StrictJson(form): StrictJson<NewUser>,
) -> Result<(StatusCode, Json<OneUser>), AppError> {
    let NewUser { username, password, email, roles } = form;
    validate_roles(&roles)?;
    let wanted = Registration { username, password, email, roles };
    let user = app.accounts.register(wanted, administrator.actor, &from, administrator.now).await?;
    Ok((StatusCode::CREATED, Json(OneUser { user: UserResponse::from(&user) })))
}

/// Shows a user.
#[utoipa::path(
    get, path = "/v1/admin/users/{id}", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a user")),
    responses(
        (status = 200, description = "The user", body = OneUser),
        BadRequest, Unauthorized, Forbidden, NotFound, Unavailable,
    )
)]
pub(in crate::routes) async fn show(
    State(app): State<App>,
    _: Administrator,
    uri: Uri,
) -> Result<Json<OneUser>, AppError> {
    let user = app.store.user(id_in(&uri)?).await?.ok_or(AppError::NotFound)?;
    Ok(Json(OneUser { user: UserResponse::from(&user) }))
}

/// Changes a user. Who is disabled holds nothing more; who has other roles goes on under these, and access tokens
/// that say otherwise are dead.
#[utoipa::path(
    patch, path = "/v1/admin/users/{id}", tag = "administration", request_body = UserChangeRequest,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a user")),
    responses(
        (status = 200, description = "The user as they are now", body = OneUser),
        BadRequest, Unauthorized, Forbidden, NotFound, TooLarge, TooSlow, UnsupportedType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn change(
    State(app): State<App>,
    administrator: Administrator,
    Whence(from): Whence,
    uri: Uri,
    StrictJson(form): StrictJson<UserChangeRequest>,
) -> Result<Json<OneUser>, AppError> {
    let (change, reason) = (form.into(), administrator.reason(from));
    let user = app.administration.change_user(id_in(&uri)?, &change, &reason, administrator.now).await?;
    Ok(Json(OneUser { user: UserResponse::from(&user) }))
}

/// Deletes a user with their logins and all that is known of them. The journal keeps the id; the name is free.
#[utoipa::path(
    delete, path = "/v1/admin/users/{id}", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a user")),
    responses(
        (status = 204, description = "They are gone"),
        BadRequest, Unauthorized, Forbidden, NotFound, Unavailable,
    )
)]
pub(in crate::routes) async fn remove(
    State(app): State<App>,
    administrator: Administrator,
    Whence(from): Whence,
    uri: Uri,
) -> Result<StatusCode, AppError> {
    let reason = administrator.reason(from);
    app.administration.delete_user(id_in(&uri)?, &reason, administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the live logins of a user, the newest first.
#[utoipa::path(
    get, path = "/v1/admin/users/{id}/sessions", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("id" = String, Path, description = "The id of a user"),
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; 100 unless said otherwise"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "Live logins", body = SessionsOfUser),
        BadRequest, Unauthorized, Forbidden, NotFound, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn sessions(
    State(app): State<App>,
    administrator: Administrator,
    uri: Uri,
    parameters: Parameters,
) -> Result<Json<SessionsOfUser>, AppError> {
    parameters.only(&["limit", "after"])?;
    let limit = limit_of(&parameters)?;
    let after =
        parameters.one("after")?.map(|text| parse_session_cursor(text).ok_or_else(no_cursor)).transpose()?;
    let user: UserId = id_in(&uri)?;
    if app.store.user(user).await?.is_none() {
        return Err(AppError::NotFound);
    }
    let page = Page { after, limit: limit + 1 };
    let mut found = app.store.sessions_of(user, page, administrator.now).await?;
    let next = cut(&mut found, limit, session_cursor);
    Ok(Json(SessionsOfUser { sessions: found.iter().map(SessionResponse::from).collect(), next }))
}
