//! Who may administer: a user with the role `admin`, or a program with an admin key.

use axum::extract::FromRequestParts;
use http::request::Parts;

use counterfoil_core::credentials::admin_key::AdminKey;
use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::{ClientInfo, EndReason};
use counterfoil_core::model::user::User;
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_jose::Time;
use counterfoil_verify::{
    AcceptedCredentials, AuthError, CredentialSource, InvalidReason, PresentedCredential, read_credentials,
};

use crate::app::App;
use crate::http::current_user::Caller;
use crate::http::error::AppError;
use crate::http::presented_sessions;

/// Somebody who may administer, and the time by which that was judged.
#[derive(Debug, Clone)]
pub(in crate::routes) struct Administrator {
    /// What the journal calls them.
    pub(super) actor: Actor,
    /// When.
    pub(super) now: Time,
}

impl Administrator {
    /// The reason of what they do, from there.
    pub(super) fn reason(&self, client_info: ClientInfo) -> RevocationContext {
        RevocationContext { actor: self.actor.clone(), reason: EndReason::ByAdmin, client_info }
    }
}

impl FromRequestParts<App> for Administrator {
    type Rejection = AppError;

    /// An admin key comes as a bearer and never as a cookie. Nowhere else is one read.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        let (now, reads) = (app.now(), AcceptedCredentials::SESSION_OR_ACCESS_TOKEN);
        let Ok(found) = read_credentials(&parts.headers, &app.cookie_names, reads) else {
            return Err(presented_sessions::ambiguous(app, &parts.headers, reads, now).await);
        };
        match found.credential {
            PresentedCredential::AccessToken(text)
                if found.source == CredentialSource::Bearer && text.starts_with(AdminKey::PREFIX) =>
            {
                by_key(app, text, now).await
            }
            PresentedCredential::AccessToken(_)
            | PresentedCredential::SessionToken(_)
            | PresentedCredential::None => by_role(Caller::from_request_parts(parts, app).await?),
        }
    }
}

async fn by_key(app: &App, text: &str, now: Time) -> Result<Administrator, AppError> {
    let refused = |why| {
        AppError::denied(
            AuthError::InvalidCredential(InvalidReason::SessionRejected(why)),
            CredentialSource::Bearer,
        )
    };
    let shown: AdminKey = text.parse().map_err(|_| refused("malformed"))?;
    let kept = app.administration.verify_admin_key(&shown).await?.ok_or_else(|| refused("unknown"))?;
    Ok(Administrator { actor: Actor::AdminKey(kept.id), now })
}

/// A token that was limited to a scope was limited for a reason, whoever's it is.
fn by_role(caller: Caller) -> Result<Administrator, AppError> {
    let is_limited = caller.principal.scopes().next().is_some();
    if !caller.principal.has_role(User::ADMINISTRATOR) || is_limited {
        return Err(AppError::NotAdministrator);
    }
    Ok(Administrator { actor: Actor::User(caller.user), now: caller.now })
}
