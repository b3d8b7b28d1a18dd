//! The signed-in user of an account page.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::request::Parts;

use counterfoil_core::model::user::User;
use counterfoil_verify::AuthError;

use crate::app::App;
use crate::http::current_user::{AccountOwner, CurrentUser};
use crate::http::error::{AppError, AuthRejection};
use crate::http::redirect::{account_path, encode, redirect_to_path};
use crate::pages::page_request::PageRequest;

/// The signed-in user, with a credential that is not limited. Anybody else is sent to the sign-in page.
#[derive(Debug)]
pub(super) struct PageUser {
    /// The credential, and the session.
    pub(super) current: CurrentUser,
    /// The record of the user.
    pub(super) user: User,
}

impl PageUser {
    /// The username, for the frame of the page.
    pub(super) fn name(&self) -> String {
        self.user.username.to_string()
    }
}

impl FromRequestParts<App> for PageUser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let AccountOwner(current) = match AccountOwner::from_request_parts(parts, app).await {
            Ok(owner) => owner,
            Err(error) if is_signed_out(&error) => return Err(to_sign_in(app, parts)),
            Err(error) => return Err(error.into_response()),
        };
        current.check_account_access().map_err(IntoResponse::into_response)?;
        match app.parts.store.user(current.user).await {
            Ok(Some(user)) => Ok(Self { current, user }),
            Ok(None) => Err(to_sign_in(app, parts)),
            Err(error) => Err(AppError::from(error).into_response()),
        }
    }
}

pub(super) fn is_signed_out(error: &AppError) -> bool {
    let AppError::Auth(AuthRejection { error, .. }) = error else { return false };
    matches!(error, AuthError::MissingCredential | AuthError::InvalidCredential(_))
}

/// The sign-in page, which leads back to this page; after a form, to the account.
pub(super) fn to_sign_in(app: &App, parts: &Parts) -> Response {
    let request = PageRequest::new(app, &parts.uri, &parts.headers, None);
    let back = match parts.method == Method::GET {
        true => request.return_path(app.settings()),
        false => account_path(app.settings()),
    };
    let path = format!("{}/login?return_to={}", app.settings().public_prefix(), encode(&back));
    redirect_to_path(&path)
}
