//! The administrator of a console page.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::{ClientInfo, EndReason};
use counterfoil_core::services::revoker::RevocationContext;

use crate::app::App;
use crate::http::current_user::CurrentUser;
use crate::http::error::AppError;
use crate::operations::scope_limit::may_administer;
use crate::pages::user::{is_signed_out, to_sign_in};

/// A signed-in user with the role `admin`, whose credential is not limited by scope. One who is not signed in is sent to the
/// sign-in page; for everyone else there is no console. A form is counted as a change.
#[derive(Debug)]
pub(super) struct ConsoleAdministrator {
    /// The credential, and the session.
    pub(super) current: CurrentUser,
    /// The username.
    pub(super) name: String,
}

impl ConsoleAdministrator {
    /// The actor in the audit log.
    pub(super) const fn actor(&self) -> Actor {
        Actor::User(self.current.user)
    }

    /// The context of a change.
    pub(super) fn context(&self, client_info: ClientInfo) -> RevocationContext {
        RevocationContext { actor: self.actor(), reason: EndReason::ByAdmin, client_info }
    }
}

impl FromRequestParts<App> for ConsoleAdministrator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let current = match CurrentUser::from_request_parts(parts, app).await {
            Ok(current) => current,
            Err(error) if is_signed_out(&error) => return Err(to_sign_in(app, parts)),
            Err(error) => return Err(error.into_response()),
        };
        if !may_administer(&current.principal) {
            return Err(AppError::NotFound.into_response());
        }
        match app.parts.store.user(current.user).await {
            Ok(Some(user)) => Ok(Self { current, name: user.username.to_string() }),
            Ok(None) => Err(to_sign_in(app, parts)),
            Err(error) => Err(AppError::from(error).into_response()),
        }
    }
}
