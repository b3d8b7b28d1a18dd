//! `/v1/session/data`: what an application keeps with a login, on our side.

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
use crate::http::current_user::Caller;
use crate::http::error::AppError;
use crate::http::json_body::Patch;
use crate::routes::responses::{
    BadRequest, Forbidden, PreconditionFailed, TooLarge, TooManyRequests, TooSlow, Unauthorized, Unavailable,
    UnsupportedType,
};

/// Tells the data of this login: the object itself, empty if there are none.
#[utoipa::path(
    get, path = "/v1/session/data", tag = "protected",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "The data", body = Object, headers(("ETag" = String))),
        BadRequest, Unauthorized, Unavailable,
    )
)]
pub(super) async fn show(State(app): State<App>, caller: Caller) -> Result<Response, AppError> {
    Ok(answer(session_data::load(&*app.store, caller.session).await?))
}

/// Merges a patch (RFC 7396) into the data of this login.
#[utoipa::path(
    patch, path = "/v1/session/data", tag = "protected",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("If-Match" = Option<String>, Header, description = "Only if the data have one of these tags")),
    request_body(content((Object = "application/json"), (Object = "application/merge-patch+json"))),
    responses(
        (status = 200, description = "The data as they are now", body = Object, headers(("ETag" = String))),
        BadRequest, Unauthorized, Forbidden, PreconditionFailed, TooLarge, TooSlow, UnsupportedType, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn merge(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Patch(patch): Patch,
) -> Result<Response, AppError> {
    let expected = match Condition::of(&headers)? {
        Condition::None => None,
        Condition::OneOf(revisions) => Some(present_one(&app, caller.session, &revisions).await?),
    };
    Ok(answer(session_data::merge(&*app.store, caller.session, patch, expected, caller.now).await?))
}

fn answer(data: SessionData) -> Response {
    let tag =
        HeaderValue::from_str(&format!("\"{}\"", data.revision)).expect("a number in quotes is a header");
    ([(ETAG, tag)], Json(data.members)).into_response()
}

/// The present revision, if it is one of those; what came in between is found by the store.
async fn present_one(app: &App, session: SessionId, revisions: &[u64]) -> Result<u64, AppError> {
    match revisions {
        [one] => Ok(*one),
        several => {
            let present = session_data::load(&*app.store, session).await?.revision;
            several.contains(&present).then_some(present).ok_or_else(|| ClientError::Precondition.into())
        }
    }
}

/// What `If-Match` asks for (RFC 9110, section 13.1.1).
#[derive(Debug, PartialEq, Eq)]
enum Condition {
    /// Nothing: it is not there, or takes whatever there is.
    None,
    /// One of these revisions. A tag that is not of ours is of no revision.
    OneOf(Vec<u64>),
}

impl Condition {
    fn of(headers: &HeaderMap) -> Result<Self, AppError> {
        let lines =
            headers.get_all(IF_MATCH).into_iter().map(|line| line.to_str().map_err(|_| AppError::IfMatch));
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        if lines.is_empty() || lines == ["*"] {
            return Ok(Self::None);
        }
        let tags = lines.iter().flat_map(|line| line.split(',')).map(str::trim).filter(|tag| !tag.is_empty());
        let revisions = tags.map(revision_of).collect::<Result<Vec<_>, _>>()?;
        if revisions.is_empty() {
            return Err(AppError::IfMatch);
        }
        Ok(Self::OneOf(revisions.into_iter().flatten().collect()))
    }
}

/// The revision that a tag names. A weak tag never matches, nor does one that we have not written.
fn revision_of(tag: &str) -> Result<Option<u64>, AppError> {
    let strong = tag.strip_prefix("W/").unwrap_or(tag);
    let inner = strong.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(AppError::IfMatch)?;
    let revision: Option<u64> = inner.parse().ok().filter(|number: &u64| number.to_string() == inner);
    Ok(revision.filter(|_| strong == tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(line: &'static str) -> Option<Condition> {
        Condition::of(&HeaderMap::from_iter([(IF_MATCH, HeaderValue::from_static(line))])).ok()
    }

    #[test]
    fn a_condition_names_revisions() {
        assert_eq!(Condition::of(&HeaderMap::new()).unwrap(), Condition::None);
        assert_eq!(condition("*"), Some(Condition::None));
        assert_eq!(condition("\"3\""), Some(Condition::OneOf(vec![3])));
        assert_eq!(condition("\"3\", \"4\""), Some(Condition::OneOf(vec![3, 4])));
    }

    #[test]
    fn what_is_not_our_tag_matches_nothing() {
        for line in ["W/\"3\"", "\"abc\"", "\"03\"", "\"+3\"", "\"-1\"", "\"\""] {
            assert_eq!(condition(line), Some(Condition::OneOf(vec![])), "{line}");
        }
        for line in ["3", "\"3", "", ",", "* , *"] {
            assert_eq!(condition(line), None, "{line}");
        }
    }
}
