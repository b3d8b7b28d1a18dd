//! The extractor [`SessionData`]: data that an application stores with a session on the server, in all modes.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use counterfoil_core::services::ServiceError;
use counterfoil_verify::{AuthError, CredentialSource, InvalidReason, Principal, Problem, SessionId};

use crate::app::App;
use crate::http::client_info::request_ip;
use crate::http::error::AppError;
use crate::limits::write_rate::Writer;
use crate::operations::session_data;

/// The data of the request's session: one JSON object.
///
/// It is read before the handler runs and changed by [`merge`](Self::merge), member by member: of two
/// concurrent requests that change different members, both succeed, and a session that ends in between stays
/// ended. The route must be behind the layer of [`App::layer`].
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
    writer: Writer,
    members: Map<String, Value>,
}

/// The data could not be read or changed.
///
/// The response is 401 if the session has ended, 413 if the data would be larger than
/// [`LARGEST`](counterfoil_core::services::session_data::MAX_BYTES) bytes, 429 above a rate limit, 422 for a patch that is not an
/// object, 503 if the store failed, and 500 if the application expects another type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionDataError {
    /// A patch must be an object: each member replaces the stored one, and `null` removes it.
    #[error("a patch of session data must be an object")]
    NotAnObject,
    /// A stored member has another type than the handler expects. Holds its name.
    #[error("the member `{0}` of the session data has another type than expected")]
    UnexpectedType(String),
    /// The change was rejected, or the store failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl SessionData {
    /// A member, if it exists.
    ///
    /// # Errors
    ///
    /// [`SessionDataError::UnexpectedType`] if it is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, member: &str) -> Result<Option<T>, SessionDataError> {
        let Some(value) = self.members.get(member) else { return Ok(None) };
        T::deserialize(value).map(Some).map_err(|_| SessionDataError::UnexpectedType(member.to_owned()))
    }

    /// All members, as last read.
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// Applies a merge patch (RFC 7396) to the stored data, durably, and updates this value.
    ///
    /// # Errors
    ///
    /// If the session has ended, the data would be too large, or the session or its user is above its limits
    /// ([`WriteRateLimits`](crate::WriteRateLimits)). Then nothing is changed.
    pub async fn merge(&mut self, patch: Value) -> Result<(), SessionDataError> {
        let Value::Object(patch) = patch else { return Err(SessionDataError::NotAnObject) };
        let now = self.app.now();
        self.app.parts.write_rate_limiter.count(&self.writer, now).map_err(ServiceError::from)?;
        self.members = session_data::merge(&self.app, self.session, patch, None, now).await?.members;
        Ok(())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SessionData {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let principal = <Principal as FromRequestParts<S>>::from_request_parts(parts, state).await;
        let principal = principal.map_err(IntoResponse::into_response)?;
        let app = App::from_extensions(&parts.extensions);
        let app =
            app.ok_or_else(|| Problem::missing_auth_layer().for_request(&parts.extensions).into_response())?;
        // A machine token and a token of another issuer have no session, and so no data.
        let no_session = || {
            AppError::auth(
                AuthError::InvalidCredential(InvalidReason::CredentialKindNotAccepted),
                CredentialSource::None,
            )
            .into_response()
        };
        let session = principal.session_id().ok_or_else(no_session)?;
        let data = session_data::load(&app, session)
            .await
            .map_err(|error| SessionDataError::from(error).into_response())?;
        let writer =
            Writer { session: Some(session), user: principal.user_id(), ip: request_ip(parts, &app) };
        Ok(Self { app, session, writer, members: data.members })
    }
}

impl From<SessionDataError> for AppError {
    fn from(error: SessionDataError) -> Self {
        match error {
            SessionDataError::NotAnObject => Self::field("data", "must be an object"),
            SessionDataError::UnexpectedType(_) => Self::SessionDataType,
            SessionDataError::Service(error) => error.into(),
        }
    }
}

impl IntoResponse for SessionDataError {
    fn into_response(self) -> Response {
        match &self {
            Self::Service(ServiceError::Internal(_)) | Self::UnexpectedType(_) => {
                tracing::error!(error = %self, "session data failed");
            }
            Self::Service(ServiceError::Client(_)) | Self::NotAnObject => {}
        }
        AppError::from(self).into_response()
    }
}
