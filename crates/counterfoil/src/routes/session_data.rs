//! `/v1/session/data`: data that an application stores with a session on the server.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};

use counterfoil_core::ClientError;
use counterfoil_core::store::SessionData;
use counterfoil_verify::SessionId;

use crate::app::App;
use crate::http::current_user::CurrentUser;
use crate::http::entity_tags::{EntityTags, MalformedEntityTags};
use crate::http::error::AppError;
use crate::http::json_body::MergePatch;
use crate::operations::session_data;
use crate::routes::problem_responses::{
    AccountForbidden, BadRequest, PreconditionFailed, RequestTimeout, SessionDataTooLarge, TooManyRequests,
    Unauthorized, Unavailable, UnsupportedMediaType,
};

/// Returns the data that the application has stored with this session.
///
/// The answer is the object itself, at first `{}`.
#[utoipa::path(
    get, path = "/v1/session/data", operation_id = "session_data", tag = "protected",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("If-Match" = Option<String>, Header, description = "`ETag` values of former answers: the data must have one of them"),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` values of former answers: 304 if the data has one of them"),
    ),
    responses(
        (status = 200, description = "The data", body = Object, headers(("ETag" = String))),
        (status = 304, description = "The client has the data already", headers(("ETag" = String))),
        BadRequest, Unauthorized, PreconditionFailed, Unavailable,
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    current_user: CurrentUser,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let preconditions = Preconditions::from_headers(&headers)?;
    let data = session_data::load(&app, current_user.session).await?;
    if !preconditions.if_match_holds(data.revision) {
        return Err(ClientError::Precondition.into());
    }
    if !preconditions.if_none_match_holds(data.revision) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag(data.revision))]).into_response());
    }
    Ok(with_etag(data))
}

/// Changes the data of this session by a merge patch (RFC 7396).
///
/// A member replaces the stored one, null removes it, and others stay. Parallel changes of different members are all kept.
/// At most 16 KiB for each session.
#[utoipa::path(
    patch, path = "/v1/session/data", operation_id = "change_session_data", tag = "protected",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("If-Match" = Option<String>, Header, description = "`ETag` values of former answers: the data must have one of them"),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` values of which the data must have none; \
         `*` if nothing must have been stored yet"),
    ),
    request_body(content((Object = "application/json"), (Object = "application/merge-patch+json"))),
    responses(
        (status = 200, description = "The changed data", body = Object, headers(("ETag" = String))),
        BadRequest, Unauthorized, AccountForbidden, PreconditionFailed, SessionDataTooLarge, RequestTimeout, UnsupportedMediaType,
        TooManyRequests, Unavailable,
    )
)]
pub(super) async fn merge(
    State(app): State<App>,
    current_user: CurrentUser,
    headers: HeaderMap,
    MergePatch(patch): MergePatch,
) -> Result<Response, AppError> {
    current_user.check_own_session_access(&app).await?;
    let CurrentUser { session, now, .. } = current_user;
    let expected = expected_revision(&app, session, &Preconditions::from_headers(&headers)?).await?;
    Ok(with_etag(session_data::merge(&app, session, patch, expected, now).await?))
}

fn with_etag(data: SessionData) -> Response {
    ([(ETAG, etag(data.revision))], Json(data.members)).into_response()
}

fn etag(revision: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{revision}\"")).expect("a number in quotes is a valid header value")
}

/// The revision that the store must find, if there is a precondition: the current one, if the precondition holds for
/// it. The store detects a change after this check.
async fn expected_revision(
    app: &App,
    session: SessionId,
    preconditions: &Preconditions,
) -> Result<Option<u64>, AppError> {
    if preconditions.are_none() {
        return Ok(None);
    }
    let current = session_data::load(app, session).await?.revision;
    if preconditions.if_match_holds(current) && preconditions.if_none_match_holds(current) {
        Ok(Some(current))
    } else {
        Err(ClientError::Precondition.into())
    }
}

/// The preconditions of a request (RFC 9110, section 13.1).
#[derive(Debug)]
struct Preconditions {
    if_match: Option<EntityTags>,
    if_none_match: Option<EntityTags>,
}

impl Preconditions {
    /// A malformed precondition is refused: if it were ignored, a write could overwrite what it should protect.
    fn from_headers(headers: &HeaderMap) -> Result<Self, AppError> {
        let read = |name| {
            EntityTags::from_header(headers, name)
                .map_err(|MalformedEntityTags| AppError::InvalidPrecondition)
        };
        Ok(Self { if_match: read(&IF_MATCH)?, if_none_match: read(&IF_NONE_MATCH)? })
    }

    /// Whether no revision is a condition. `If-Match: *` matches always: a session has an object, at first an empty one.
    fn are_none(&self) -> bool {
        matches!(self.if_match, None | Some(EntityTags::Any)) && self.if_none_match.is_none()
    }

    fn if_match_holds(&self, revision: u64) -> bool {
        self.if_match.as_ref().is_none_or(|tags| tags.contains(revision))
    }

    /// `*` holds until something is stored: then a write overwrites nothing.
    fn if_none_match_holds(&self, revision: u64) -> bool {
        match &self.if_none_match {
            None => true,
            Some(EntityTags::Any) => revision == 0,
            Some(tags @ EntityTags::List(_)) => !tags.contains_weakly(revision),
        }
    }
}
