//! Login with a password: authenticates, stores a session, and ends the sessions that it replaces.

use std::collections::BTreeSet;

use counterfoil_core::model::session::{ClientInfo, EndReason, Mode};
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::account::{AuthenticatedUser, Credentials};
use counterfoil_core::services::issuer::{IssuedSession, NewSession};
use counterfoil_jose::{Secret, Time};

use crate::app::App;
use crate::operations::credential::IssuedCredential;
use crate::operations::error::OperationError;
use crate::operations::logout::find_replaceable;
use crate::operations::presented_session::{PresentedSession, end_sessions};
use crate::runtime::task::run_detached;
use crate::settings::cookie_options::CookieKind;

/// A login, as an entrance has read it.
#[derive(Debug)]
pub(crate) struct LoginRequest {
    /// Who logs in, from which client, in which mode.
    pub(crate) credentials: Credentials,
    /// The user's name for the device, which [`validate_label`](super::label::validate_label) has checked.
    pub(crate) label: Option<String>,
    /// The requested scope: words of printable ASCII, separated by single spaces (RFC 6749, section 3.3).
    pub(crate) scope: Option<String>,
    /// The requested audience of the access tokens; `None`: the issuer.
    pub(crate) audience: Option<String>,
    /// IP address and user agent.
    pub(crate) client_info: ClientInfo,
    /// Whether the client gets its credentials as cookies, which limits their size.
    pub(crate) in_cookies: bool,
    /// The credentials in the request's cookies: their sessions end when the login succeeds.
    pub(crate) replaced: Vec<(CookieKind, Secret<String>)>,
}

/// Logs in. It completes even if the client disconnects, so that each attempt is counted.
///
/// # Errors
///
/// [`ClientError::LoginFailed`](counterfoil_core::ClientError::LoginFailed) for an unknown user, a wrong password
/// and a disabled user alike; a rate limit; a full hash queue; a store that fails.
pub(crate) async fn login(
    app: &App,
    request: LoginRequest,
    now: Time,
) -> Result<IssuedSession<Vec<IssuedCredential>>, OperationError> {
    let detached = app.clone();
    let result = run_detached(async move { log_in(&detached, request, now).await }).await;
    app.parts.metrics.logins.count(result)
}

async fn log_in(
    app: &App,
    request: LoginRequest,
    now: Time,
) -> Result<IssuedSession<Vec<IssuedCredential>>, OperationError> {
    let LoginRequest { credentials, label, scope, audience, client_info, in_cookies, replaced } = request;
    let (client, mode) = (&credentials.client, credentials.mode);
    app.parts.issuer.check_request(client, mode, scope.as_deref(), audience.as_deref()).await?;
    let authenticated = app.parts.accounts.authenticate(&credentials, &client_info, now).await?;
    // Previous sessions are ended only after successful authentication: a cross-site request with a wrong
    // password must not log a user out.
    let mut previous = find_replaced_sessions(app, &replaced, now).await?;
    let replaces = previous.pop_first().map(|presented| presented.session);
    let max_token_length = in_cookies.then(|| CookieKind::Access.max_value_len(app.parts.cookies.names()));
    let from = client_info.clone();
    let session = NewSession { client_info: from, label, scope, audience, replaces, max_token_length };
    let issued = issue(app, credentials.mode, authenticated, session, now).await?;
    // A browser with cookies of several sessions keeps the new one only.
    end_sessions(app, previous, EndReason::Replaced, &client_info, now).await?;
    Ok(issued)
}

/// Issues a session with the credentials of its mode.
async fn issue(
    app: &App,
    mode: Mode,
    user: AuthenticatedUser,
    session: NewSession,
    now: Time,
) -> Result<IssuedSession<Vec<IssuedCredential>>, ServiceError> {
    Ok(match mode {
        Mode::Session => {
            let IssuedSession { session, credential, user } =
                app.parts.issuer.issue_session(user, session, now).await?;
            let credential = IssuedCredential::from_session_token(&credential, &session);
            IssuedSession { session, credential, user }
        }
        Mode::Jwt => {
            let issued = app.parts.issuer.issue_access_token(user, session, now).await?;
            issued.map(|access| IssuedCredential::from_access_token(&access))
        }
        Mode::Hybrid => {
            let issued = app.parts.issuer.issue_token_pair(user, session, now).await?;
            issued.map(|pair| IssuedCredential::from_token_pair(&pair))
        }
    })
}

async fn find_replaced_sessions(
    app: &App,
    replaced: &[(CookieKind, Secret<String>)],
    now: Time,
) -> Result<BTreeSet<PresentedSession>, OperationError> {
    let mut sessions = BTreeSet::new();
    for (kind, text) in replaced {
        sessions.extend(find_replaceable(app, *kind, text.expose(), now).await?);
    }
    Ok(sessions)
}
