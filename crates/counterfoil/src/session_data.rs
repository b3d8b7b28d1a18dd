//! What an application keeps with a login, on our side: the cart of `req.session`, in all three modes.

use axum::Extension;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use counterfoil_core::services::{ServiceError, session_data};
use counterfoil_verify::{AuthError, CredentialSource, InvalidReason, Principal, SessionId};

use crate::app::App;
use crate::http::error::AppError;

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

/// The data could not be read or changed.
///
/// As an answer it is 401 if the session has ended meanwhile, 413 if the data would have more than
/// [`LARGEST`](counterfoil_core::services::session_data::LARGEST) bytes, 422 for a patch that is none, 503 if the store
/// could not do it, and 500 for a type that the application itself has mistaken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionDataError {
    /// A patch is an object: each of its members takes the place of the kept one, `null` removes it.
    #[error("a patch of session data is an object")]
    NotAnObject,
    /// A member is there, and is not of the type that was asked for.
    #[error("the member `{0}` of the session data is of another type")]
    OtherType(String),
    /// It was refused, or the store could not do it.
    #[error(transparent)]
    Trouble(#[from] ServiceError),
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
        let (store, now) = (&*self.app.store, self.app.now());
        self.members = session_data::merge(store, self.session, patch, None, now).await?.members;
        Ok(())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SessionData {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let principal = <Principal as FromRequestParts<S>>::from_request_parts(parts, state).await;
        let principal = principal.map_err(IntoResponse::into_response)?;
        let app = Extension::<App>::from_request_parts(parts, state).await;
        let Extension(app) = app.map_err(IntoResponse::into_response)?;
        // Only a foreign issuer's token has no session, and no data either.
        let nobody = || {
            AppError::denied(
                AuthError::InvalidCredential(InvalidReason::CredentialKindNotAccepted),
                CredentialSource::None,
            )
            .into_response()
        };
        let session = principal.session_id().ok_or_else(nobody)?;
        let kept = session_data::load(&*app.store, session)
            .await
            .map_err(|e| SessionDataError::from(e).into_response())?;
        Ok(Self { app, session, members: kept.members })
    }
}

impl From<SessionDataError> for AppError {
    fn from(error: SessionDataError) -> Self {
        match error {
            SessionDataError::NotAnObject => Self::field("data", "is to be an object"),
            SessionDataError::OtherType(_) => Self::OtherType,
            SessionDataError::Trouble(trouble) => trouble.into(),
        }
    }
}

impl IntoResponse for SessionDataError {
    fn into_response(self) -> Response {
        match &self {
            Self::Trouble(ServiceError::Internal(_)) | Self::OtherType(_) => {
                tracing::error!(error = %self, "session data failed");
            }
            Self::Trouble(ServiceError::Client(_)) | Self::NotAnObject => {}
        }
        AppError::from(self).into_response()
    }
}
