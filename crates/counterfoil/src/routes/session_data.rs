//! `/v1/session/data`: data that an application stores with a session on the server.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, HeaderValue};

use counterfoil_core::ClientError;
use counterfoil_core::services::session_data;
use counterfoil_core::store::SessionData;
use counterfoil_verify::SessionId;

use crate::app::App;
use crate::http::current_user::CurrentUser;
use crate::http::error::AppError;
use crate::http::json_body::MergePatch;
use crate::routes::problem_responses::{
    BadRequest, Forbidden, PreconditionFailed, RequestTimeout, TooLarge, TooManyRequests, Unauthorized,
    Unavailable, UnsupportedMediaType,
};

/// Returns the data of this session: the object itself, at first empty.
#[utoipa::path(
    get, path = "/v1/session/data", operation_id = "session_data", tag = "protected",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "The data", body = Object, headers(("ETag" = String))),
        BadRequest, Unauthorized, Unavailable,
    )
)]
pub(super) async fn show(State(app): State<App>, current_user: CurrentUser) -> Result<Response, AppError> {
    Ok(with_etag(session_data::load(&*app.store, current_user.session).await?))
}

/// Applies a merge patch (RFC 7396) to the data of this session.
#[utoipa::path(
    patch, path = "/v1/session/data", operation_id = "change_session_data", tag = "protected",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("If-Match" = Option<String>, Header, description = "The entity tags of which the data must have one")),
    request_body(content((Object = "application/json"), (Object = "application/merge-patch+json"))),
    responses(
        (status = 200, description = "The changed data", body = Object, headers(("ETag" = String))),
        BadRequest, Unauthorized, Forbidden, PreconditionFailed, TooLarge, RequestTimeout, UnsupportedMediaType,
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
    let expected = match Precondition::from_headers(&headers)? {
        Precondition::None => None,
        Precondition::OneOf(revisions) => Some(expected_revision(&app, session, &revisions).await?),
    };
    let max_of_user = app.settings().max_session_data_per_user;
    Ok(with_etag(session_data::merge(&*app.store, session, patch, expected, max_of_user, now).await?))
}

fn with_etag(data: SessionData) -> Response {
    let etag = HeaderValue::from_str(&format!("\"{}\"", data.revision))
        .expect("a number in quotes is a valid header value");
    ([(ETAG, etag)], Json(data.members)).into_response()
}

/// The revision that the store must find. Of several, the current one; the store detects a change after this
/// check.
async fn expected_revision(app: &App, session: SessionId, revisions: &[u64]) -> Result<u64, AppError> {
    match revisions {
        [revision] => Ok(*revision),
        revisions => {
            let current = session_data::load(&*app.store, session).await?.revision;
            revisions.contains(&current).then_some(current).ok_or_else(|| ClientError::Precondition.into())
        }
    }
}

/// The precondition in `If-Match` (RFC 9110, section 13.1.1).
#[derive(Debug, PartialEq, Eq)]
enum Precondition {
    /// No `If-Match`, or `*`.
    None,
    /// One of these revisions. A tag that this server did not write names no revision.
    OneOf(Vec<u64>),
}

impl Precondition {
    fn from_headers(headers: &HeaderMap) -> Result<Self, AppError> {
        let lines = headers.get_all(IF_MATCH).into_iter();
        let lines = lines.map(|line| line.to_str().map_err(|_| AppError::InvalidIfMatch));
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        if lines.is_empty() || lines == ["*"] {
            return Ok(Self::None);
        }
        let tags = lines.iter().flat_map(|line| line.split(',')).map(str::trim).filter(|tag| !tag.is_empty());
        let revisions = tags.map(parse_entity_tag).collect::<Result<Vec<_>, _>>()?;
        if revisions.is_empty() {
            return Err(AppError::InvalidIfMatch);
        }
        Ok(Self::OneOf(revisions.into_iter().flatten().collect()))
    }
}

/// The revision in an entity tag; `None` for a weak tag, which never matches, and for a tag that this server
/// did not write.
fn parse_entity_tag(tag: &str) -> Result<Option<u64>, AppError> {
    let strong = tag.strip_prefix("W/").unwrap_or(tag);
    let opaque = strong.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let opaque = opaque.ok_or(AppError::InvalidIfMatch)?;
    let revision: Option<u64> = opaque.parse().ok().filter(|number: &u64| number.to_string() == opaque);
    Ok(revision.filter(|_| strong == tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn precondition(line: &'static str) -> Option<Precondition> {
        let headers = HeaderMap::from_iter([(IF_MATCH, HeaderValue::from_static(line))]);
        Precondition::from_headers(&headers).ok()
    }

    #[test]
    fn if_match_names_revisions() {
        assert_eq!(Precondition::from_headers(&HeaderMap::new()).unwrap(), Precondition::None);
        assert_eq!(precondition("*"), Some(Precondition::None));
        assert_eq!(precondition("\"3\""), Some(Precondition::OneOf(vec![3])));
        assert_eq!(precondition("\"3\", \"4\""), Some(Precondition::OneOf(vec![3, 4])));
    }

    #[test]
    fn a_foreign_tag_matches_nothing_and_a_malformed_one_is_rejected() {
        for line in ["W/\"3\"", "\"abc\"", "\"03\"", "\"+3\"", "\"-1\"", "\"\""] {
            assert_eq!(precondition(line), Some(Precondition::OneOf(vec![])), "{line}");
        }
        for line in ["3", "\"3", "", ",", "* , *"] {
            assert_eq!(precondition(line), None, "{line}");
        }
    }
}
