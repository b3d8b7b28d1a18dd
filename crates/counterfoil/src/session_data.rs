//! What an application keeps with a login, on our side: the cart of `req.session`, in all three modes.

use axum::Extension;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use counterfoil_core::store::{Change, Committed, StoreError};
use counterfoil_verify::{Denied, Principal, Problem, Reason, SessionId, Shown};

use crate::app::App;

/// The most bytes that the data of one session may have.
pub const LARGEST: usize = 16 * 1024;

/// The data of the caller's session: one JSON object.
///
/// It is read when the handler is reached, and changed by [`merge`](Self::merge) alone, member by member: two
/// requests that change different members both have their way, and a session that has ended meanwhile stays
/// ended. The layer of [`App::layer`] has to stand before the route.
///
/// ```
/// use counterfoil::{SessionData, SessionDataError};
/// use serde_json::json;
///
/// async fn add_to_cart(mut data: SessionData) -> Result<String, SessionDataError> {
///     let count: u32 = data.get("count")?.unwrap_or(0);
///     data.merge(json!({ "count": count + 1 })).await?;
///     Ok(format!("{} in the cart", count + 1))
/// }
/// # let _ = add_to_cart;
/// ```
#[derive(Debug, Clone)]
pub struct SessionData {
    app: App,
    session: SessionId,
    members: Map<String, Value>,
}

/// The data could not be read or changed. As an answer it is 401, 413, 422, 500 or 503.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionDataError {
    /// The session has ended while the request was under way.
    #[error("the session has ended")]
    Ended,
    /// The data would have more than [`LARGEST`] bytes.
    #[error("the session data would be too large")]
    TooLarge,
    /// A patch is an object: each of its members takes the place of the kept one, `null` removes it.
    #[error("a patch of session data is an object")]
    NotAnObject,
    /// A member is there, and is not of the type that was asked for.
    #[error("the member `{0}` of the session data is of another type")]
    OtherType(String),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SessionData {
    /// A member, if it is there.
    ///
    /// # Errors
    ///
    /// If it is there and is no `T`.
    pub fn get<T: DeserializeOwned>(&self, member: &str) -> Result<Option<T>, SessionDataError> {
        let Some(value) = self.members.get(member) else { return Ok(None) };
        T::deserialize(value).map(Some).map_err(|_| SessionDataError::OtherType(member.to_owned()))
    }

    /// All members, as they were last read.
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// Merges a patch into what is kept (RFC 7396), durably, and takes up the outcome.
    ///
    /// # Errors
    ///
    /// If the session has ended meanwhile or the outcome would be too large. Then nothing has changed.
    pub async fn merge(&mut self, patch: Value) -> Result<(), SessionDataError> {
        let Value::Object(patch) = patch else { return Err(SessionDataError::NotAnObject) };
        let now = self.app.now();
        let change = Change::MergeData { session: self.session, patch, expected: None, limit: LARGEST, now };
        match self.app.store.commit(&[change]).await? {
            Committed::Applied(applied) => {
                self.members = applied.data.map(|data| data.members).unwrap_or_default();
                Ok(())
            }
            Committed::Lost(_) => Err(self.why_lost().await?),
        }
    }

    /// A merge without an expected revision is lost for two reasons alone.
    async fn why_lost(&self) -> Result<SessionDataError, StoreError> {
        let kept = self.app.store.session(self.session).await?;
        let is_live = kept.is_some_and(|session| session.is_live(self.app.now()).is_ok());
        Ok(if is_live { SessionDataError::TooLarge } else { SessionDataError::Ended })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SessionData {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let principal = <Principal as FromRequestParts<S>>::from_request_parts(parts, state).await;
        let principal = principal.map_err(IntoResponse::into_response)?;
        let app = Extension::<App>::from_request_parts(parts, state).await;
        let Extension(app) = app.map_err(IntoResponse::into_response)?;
        let session = principal.session().ok_or_else(|| SessionDataError::Ended.into_response())?;
        let kept = app.store.data(session).await.map_err(|e| SessionDataError::from(e).into_response())?;
        let members = kept.map(|data| data.members).unwrap_or_default();
        Ok(Self { app, session, members })
    }
}

impl From<&SessionDataError> for Problem {
    fn from(error: &SessionDataError) -> Self {
        let problem = match error {
            SessionDataError::Ended => {
                let denied = Denied::Invalid(Reason::Record("ended"));
                return Self::of_denied(&denied, Shown::Nothing);
            }
            SessionDataError::TooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "/problems/too-large", "Too large")
            }
            SessionDataError::NotAnObject => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "/problems/invalid-field", "Invalid field")
            }
            SessionDataError::OtherType(_) => {
                // What is kept was written by the application itself.
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "/problems/internal", "Internal error");
            }
            SessionDataError::Store(_) => return Self::of_denied(&Denied::Unavailable, Shown::Nothing),
        };
        problem.detail(error.to_string())
    }
}

impl IntoResponse for SessionDataError {
    fn into_response(self) -> Response {
        match &self {
            Self::Store(_) | Self::OtherType(_) => tracing::error!(error = %self, "session data failed"),
            Self::Ended | Self::TooLarge | Self::NotAnObject => {}
        }
        IntoResponse::into_response(Problem::from(&self))
    }
}
