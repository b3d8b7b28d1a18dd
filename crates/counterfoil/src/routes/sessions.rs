//! `/v1/sessions`: a user's own logins, to look at and to end.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::{ClientInfo, EndReason, Mode, Session};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::store::{Page, SessionCursor};
use counterfoil_jose::{Time, base64url};
use counterfoil_verify::SessionId;

use crate::app::App;
use crate::http::client_info::Whence;
use crate::http::current_user::Caller;
use crate::http::error::AppError;
use crate::http::set_cookie::SetCookies;
use crate::routes::answers::ModeName;
use crate::routes::query::Parameters;
use crate::routes::responses::{BadRequest, Forbidden, InvalidFields, NotFound, Unauthorized, Unavailable};

/// How many rows a page has unless it is said otherwise.
const USUAL: u32 = 50;

/// How many it has at most.
const MOST: u32 = 100;

/// One login in the list of a user.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionRow {
    id: String,
    #[schema(value_type = ModeName)]
    mode: Mode,
    client_id: String,
    /// What the user calls the device, or null.
    label: Option<String>,
    /// Where from it was last seen, or null.
    ip: Option<String>,
    user_agent: Option<String>,
    /// Unix seconds.
    created_at: u64,
    /// Unix seconds, to the minute.
    seen_at: u64,
    /// Unix seconds: when it ends if it is not used any more.
    idle_expires_at: u64,
    /// Unix seconds: when it ends however much it is used.
    expires_at: u64,
    /// Whether it is the one that asks.
    current: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionList {
    sessions: Vec<SessionRow>,
    /// What to send as `after` for the next page, or null at the end.
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RevokedCount {
    /// How many logins ended.
    revoked: usize,
}

/// Lists the live logins of the caller, the newest first.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "protected", security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100 rows; 50 unless said otherwise"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "Live logins", body = SessionList),
        BadRequest, Unauthorized, InvalidFields, Unavailable,
    )
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<SessionList>, AppError> {
    parameters.only(&["limit", "after"])?;
    let limit = parameters.one("limit")?.map_or(Ok(USUAL), judge_limit)?;
    let after = parameters.one("after")?.map(cursor_of).transpose()?;

    // One row more than asked for tells whether there is another page.
    let page = Page { after, limit: limit + 1 };
    let mut found = app.store.sessions_of(caller.user, page, caller.now).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| has_more).map(text_of);
    let sessions = found.into_iter().map(|session| row(session, caller.session)).collect();
    Ok(Json(SessionList { sessions, next }))
}

/// Ends one login of the caller.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", tag = "protected",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a login of one's own")),
    responses(
        (status = 204, description = "It has ended"),
        BadRequest, Unauthorized, Forbidden, NotFound, Unavailable,
    )
)]
pub(super) async fn end_one(
    State(app): State<App>,
    caller: Caller,
    Whence(from): Whence,
    uri: Uri,
    headers: HeaderMap,
) -> Result<impl IntoResponse, AppError> {
    // As it was sent: an id has one text, and no escapes.
    let id = uri.path().rsplit('/').next().unwrap_or_default();
    let id: SessionId = id.parse().map_err(|_| AppError::NotFound)?;
    if !app.revoker.end_own_session(caller.user, id, &by_user(&caller, from), caller.now).await? {
        return Err(AppError::NotFound);
    }
    let cookies = SetCookies::none(app.cookie_names);
    let cookies = if id == caller.session { cookies.clear_shown(&headers) } else { cookies };
    Ok((StatusCode::NO_CONTENT, cookies, ()))
}

/// Ends all logins of the caller, but the one that asks unless it is said otherwise.
#[utoipa::path(
    delete, path = "/v1/sessions", tag = "protected", security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("except" = Option<String>, Query, description = "`current` (unless said otherwise) or `none`")),
    responses(
        (status = 200, description = "They have ended", body = RevokedCount),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(super) async fn end_all(
    State(app): State<App>,
    caller: Caller,
    Whence(from): Whence,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<impl IntoResponse, AppError> {
    parameters.only(&["except"])?;
    let except = match parameters.one("except")? {
        None | Some("current") => Some(caller.session),
        Some("none") => None,
        Some(_) => return Err(AppError::field("except", "is to be current or none")),
    };
    let revoked =
        app.revoker.end_user_sessions(caller.user, except, &by_user(&caller, from), caller.now).await?;
    let cookies = SetCookies::none(app.cookie_names);
    let cookies = if except.is_none() { cookies.clear_shown(&headers) } else { cookies };
    Ok((cookies, Json(RevokedCount { revoked })))
}

fn by_user(caller: &Caller, client_info: ClientInfo) -> RevocationContext {
    RevocationContext { actor: Actor::User(caller.user), reason: EndReason::ByUser, client_info }
}

fn row(session: Session, current: SessionId) -> SessionRow {
    let idle_expires_at = session.ends_at().unix_seconds();
    SessionRow {
        id: session.id.to_string(),
        mode: session.mode(),
        client_id: session.client.to_string(),
        ip: session.client_info.ip.map(|ip| ip.to_string()),
        user_agent: session.client_info.user_agent,
        label: session.label,
        created_at: session.authenticated_at.unix_seconds(),
        seen_at: session.seen_at.unix_seconds(),
        idle_expires_at,
        expires_at: session.expires_at.unix_seconds(),
        current: session.id == current,
    }
}

fn judge_limit(text: &str) -> Result<u32, AppError> {
    let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    limit.ok_or_else(|| AppError::field("limit", format!("is to be a number from 1 to {MOST}")))
}

/// A place in the list as a client hands it back: no secret, and worth nothing to who makes one up.
fn text_of(session: &Session) -> String {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&session.authenticated_at.unix_ms().to_be_bytes());
    bytes[8..].copy_from_slice(session.id.as_bytes());
    base64url::encode(bytes)
}

fn cursor_of(text: &str) -> Result<SessionCursor, AppError> {
    let bytes: [u8; 24] = base64url::decode_exact(text)
        .map_err(|_| AppError::field("after", "is to be what `next` said, unchanged"))?;
    let (time, id) = bytes.split_first_chunk().expect("24 bytes begin with eight");
    let id: [u8; 16] = id.try_into().expect("and end with sixteen");
    Ok(SessionCursor {
        authenticated_at: Time::from_unix_ms(u64::from_be_bytes(*time)),
        id: SessionId::from_bytes(id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_cursor_is_refused_or_a_place_in_the_list() {
        for bad in ["", "x", "%00", &"A".repeat(31), &"A".repeat(33), "' OR 1=1 --"] {
            assert!(cursor_of(bad).is_err(), "{bad}");
        }
        assert_eq!(cursor_of(&"_".repeat(32)).unwrap().authenticated_at, Time::from_unix_ms(u64::MAX));
    }

    #[test]
    fn a_limit_is_a_number_within_bounds() {
        assert_eq!(judge_limit("100").unwrap(), 100);
        for bad in ["0", "101", "-1", "1e1", "", "99999999999999999999"] {
            assert!(judge_limit(bad).is_err(), "{bad}");
        }
    }
}
