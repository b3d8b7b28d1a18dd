//! The extractor that authorizes administrators: a user with the role `admin`, or a program with an admin
//! key.

use axum::extract::FromRequestParts;
use http::request::Parts;

use counterfoil_core::credentials::admin_key::{AdminKey, AdminKeyId};
use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::{ClientInfo, EndReason};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_jose::Time;
use counterfoil_verify::{
    AcceptedCredentials, AuthError, CredentialSource, InvalidReason, PresentedCredential, SessionId,
    is_safe_method,
};

use crate::app::App;
use crate::http::client_info::request_ip;
use crate::http::current_user::CurrentUser;
use crate::http::error::AppError;
use crate::http::presented_sessions::read_one_credential;
use crate::operations::admin::admin_keys;
use crate::operations::recent_login::has_recent_login;
use crate::operations::scope_limit::may_administer;

/// An authorized administrator, with the time of the check.
#[derive(Debug, Clone)]
pub(in crate::routes) struct Administrator {
    /// The actor in the audit log.
    pub(super) actor: Actor,
    /// When the credential was checked.
    pub(super) now: Time,
    /// The session of a user. A program with an admin key has none.
    session: Option<SessionId>,
}

impl Administrator {
    /// The context of a change by this administrator.
    pub(super) fn context(&self, client_info: ClientInfo) -> RevocationContext {
        RevocationContext { actor: self.actor.clone(), reason: EndReason::ByAdmin, client_info }
    }

    /// Requires a login within the last ten minutes, as the console does for the same changes: a copied credential must neither
    /// delete users nor make credentials that outlive it. A program with an admin key never logs in, and needs none.
    ///
    /// # Errors
    ///
    /// [`AppError::RecentLoginRequired`], or if the store cannot be read.
    pub(super) async fn require_recent_login(&self, app: &App) -> Result<(), AppError> {
        match self.session {
            Some(session) if !has_recent_login(app, session, self.now).await? => {
                Err(AppError::RecentLoginRequired)
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl FromRequestParts<App> for Administrator {
    type Rejection = AppError;

    /// An admin key is accepted as a bearer token only, and by these routes only.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        let (now, accepted) = (app.now(), AcceptedCredentials::SESSION_OR_ACCESS_TOKEN);
        let presented = read_one_credential(app, &parts.headers, accepted, now).await?;
        match presented.credential {
            PresentedCredential::AccessToken(text)
                if presented.source == CredentialSource::Bearer && text.starts_with(AdminKey::PREFIX) =>
            {
                let key = authenticate_admin_key(app, text).await?;
                if !is_safe_method(&parts.method) {
                    app.parts.write_rate_limiter.count_admin_key(key, request_ip(parts, app), now)?;
                }
                Ok(Self { actor: Actor::AdminKey(key), now, session: None })
            }
            PresentedCredential::AccessToken(_)
            | PresentedCredential::SessionToken(_)
            | PresentedCredential::None => require_role(CurrentUser::from_request_parts(parts, app).await?),
        }
    }
}

async fn authenticate_admin_key(app: &App, text: &str) -> Result<AdminKeyId, AppError> {
    let malformed = |_| rejected_admin_key("malformed", "malformed: not an admin key");
    let key: AdminKey = text.parse().map_err(malformed)?;
    let id = admin_keys::authenticate(app, &key).await?;
    app.check_freshness().map_err(|error| AppError::auth(error, CredentialSource::Bearer))?;
    id.ok_or_else(unknown_admin_key)
}

/// The error for an admin key that does not exist.
pub(super) fn unknown_admin_key() -> AppError {
    rejected_admin_key("unknown", "unknown: no such admin key")
}

fn rejected_admin_key(code: &'static str, message: &'static str) -> AppError {
    let error = AuthError::InvalidCredential(InvalidReason::RecordRejected { code, message });
    AppError::auth(error, CredentialSource::Bearer)
}

/// Requires the role, and a credential without a scope.
fn require_role(current_user: CurrentUser) -> Result<Administrator, AppError> {
    if !may_administer(&current_user.principal) {
        return Err(AppError::AdministratorRequired);
    }
    let CurrentUser { user, now, session, .. } = current_user;
    Ok(Administrator { actor: Actor::User(user), now, session: Some(session) })
}

#[cfg(test)]
mod tests {
    use counterfoil_verify::Freshness;
    use http::Request;
    use http::header::AUTHORIZATION;
    use tempfile::TempDir;

    use super::*;
    use crate::settings::Settings;

    #[tokio::test]
    async fn a_node_that_may_not_know_of_a_removed_admin_key_accepts_none() {
        let dir = TempDir::new().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
        let app = App::open(Settings::new("https://auth.example".parse().unwrap(), store)).await.unwrap();
        let context = RevocationContext {
            actor: Actor::Operator,
            reason: EndReason::ByAdmin,
            client_info: ClientInfo::default(),
        };
        let (key, _) = app.parts.administration.create_admin_key("a key", &context, app.now()).await.unwrap();
        let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {key}")).body(()).unwrap();
        let (mut parts, ()) = request.into_parts();
        assert!(Administrator::from_request_parts(&mut parts, &app).await.is_ok());

        app.parts.session_cache.revocations().set_freshness(Freshness::NEVER);

        let refused = Administrator::from_request_parts(&mut parts, &app).await.unwrap_err();
        assert!(format!("{refused:?}").contains("StaleRevocations"), "{refused:?}");
    }
}
