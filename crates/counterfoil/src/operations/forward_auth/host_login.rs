//! Logins at hosts that do not get the cookies of the issuer.
//!
//! ```text
//!   browser                      guarded host                      issuer
//!      |  GET /.counterfoil/start       |                              |
//!      |------------------------------->|  sets the state              |
//!      |  GET /v1/host-login?host=…&state=…&return_to=…                |
//!      |-------------------------------------------------------------->|  authenticates, makes a code
//!      |  GET /.counterfoil/callback?code=…&state=…&return_to=…        |
//!      |------------------------------->|  compares the state, uses the code, sets the host token
//! ```
//!
//! The state binds the code to the browser, the code binds the login to the host, and the host token is accepted at its host only.

use std::collections::BTreeSet;
use std::time::Duration;

use counterfoil_core::ClientError;
use counterfoil_core::credentials::host_token::{
    BrowserPersistence, CodeBinding, HostLoginCode, HostToken, LoginState,
};
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::{InternalError, ServiceError};
use counterfoil_jose::Time;
use counterfoil_verify::{AuthError, CredentialKind, CredentialSource, Principal, check_csrf};
use http::{HeaderMap, HeaderValue, Method};

use crate::app::App;
use crate::limits::write_rate::Writer;
use crate::operations::logout;
use crate::operations::presented_session::PresentedSession;
use crate::settings::guarded_origins::GuardedOrigin;

use super::error::ForwardAuthError;
use super::forwarded_request::{is_host, is_target};
use super::guarded_host::{HostCall, check_opens_page};
use super::login_redirect::{callback_url, host_login_url, login_location_for_host, redirect};
use super::verify::VerifyError;

/// How long a login may take from its start to its end.
pub(crate) const STATE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The longest target of a login, in bytes.
const MAX_TARGET: usize = 2048;

/// A login that has begun.
#[derive(Debug)]
pub(crate) struct StartedLogin {
    /// What the browser keeps in a cookie.
    pub(crate) state: LoginState,
    /// Where it continues: at the issuer.
    pub(crate) location: HeaderValue,
}

/// What a browser asks the issuer for, in the name of a guarded host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostLoginRequest<'a> {
    /// The host, with a port if it is not the default one.
    pub(crate) host: &'a str,
    /// The state, as the host has made it.
    pub(crate) state: &'a LoginState,
    /// Where the browser continues at the host.
    pub(crate) target: &'a str,
    /// Whether the login page is shown to a user who is logged in, too.
    pub(crate) login_is_required: bool,
    /// Whether the browser keeps the cookies of the issuer.
    pub(crate) persistence: BrowserPersistence,
}

/// A login at a host that is complete.
#[derive(Debug)]
pub(crate) struct HostLogin {
    /// The new credential; `None` if the browser has a valid one.
    pub(crate) token: Option<IssuedHostToken>,
    /// Where the browser continues: at the same host.
    pub(crate) location: HeaderValue,
}

/// A host token with its session.
#[derive(Debug)]
pub(crate) struct IssuedHostToken {
    pub(crate) token: HostToken,
    pub(crate) session: PresentedSession,
    /// How long the browser keeps it; `None`: until it is closed.
    pub(crate) max_age: Option<Duration>,
}

/// Begins a login: the browser gets a state, and continues at the issuer. A state that it has is kept, so that logins in several
/// tabs do not disturb each other.
///
/// # Errors
///
/// If the request is not one of a page at a guarded host.
pub(crate) fn start(
    app: &App,
    call: HostCall<'_>,
    return_to: Option<&str>,
    login_is_required: bool,
    now: Time,
) -> Result<StartedLogin, VerifyError> {
    let guarded = call.guarded_host(app, now)?;
    check_opens_page(call.headers)?;
    let kept = call.single_cookie(app.parts.forward_auth.cookie_names.state);
    let state = match kept.and_then(|text| text.parse().ok()) {
        Some(state) => state,
        None => LoginState::generate().map_err(|error| ServiceError::from(InternalError::from(error)))?,
    };
    let target = return_to.filter(|text| is_valid_target(text)).unwrap_or("/");
    let location = host_login_url(&app.settings().api_url(), guarded.host(), &state, target);
    let reauth = if login_is_required { "&reauth=1" } else { "" };
    Ok(StartedLogin { state, location: redirect(&format!("{location}{reauth}")) })
}

/// Whether a browser may be sent there at the host: a path of it, which no parser takes for something else.
pub(crate) fn is_valid_target(text: &str) -> bool {
    is_target(text) && text.len() <= MAX_TARGET
}

/// Sends a browser whose user is authenticated back to the host, with a code; another one to the login page.
///
/// # Errors
///
/// If the host is not guarded, or is no other host; if a credential cannot be checked, or may not open another login; a rate
/// limit.
pub(crate) async fn issue(
    app: &App,
    headers: &HeaderMap,
    request: HostLoginRequest<'_>,
    authenticated: Result<Principal, AuthError>,
    now: Time,
) -> Result<HeaderValue, VerifyError> {
    check_opens_page(headers)?;
    let guarded = find_host(app, request.host).ok_or(ForwardAuthError::HostNotGuarded)?;
    let principal = match authenticated {
        Ok(principal) if !request.login_is_required => principal,
        Ok(_) => return login_page(app, &request, AuthError::MissingCredential),
        Err(error @ (AuthError::MissingCredential | AuthError::InvalidCredential(_))) => {
            return login_page(app, &request, error);
        }
        Err(error) => return Err(VerifyError::Auth(error, CredentialSource::Cookie)),
    };
    // A credential that is limited must not become one that is not.
    let session = logout::find_by_principal(app, &principal).await.map_err(VerifyError::Operation)?;
    let Some(PresentedSession { session, user }) = session else {
        return login_page(app, &request, AuthError::MissingCredential);
    };
    let writer = Writer { session: Some(session), user: Some(user), ip: None };
    app.parts.write_rate_limiter.count(&writer, now).map_err(ServiceError::from)?;
    let origin = guarded.origin().as_str();
    let binding = CodeBinding { state: request.state, origin, target: request.target };
    let issued_at = app.now_to_issue()?;
    // What a token opens ends with it: a thief of an access token must not get a login that lives longer.
    let expires_at = match principal.credential_kind() {
        CredentialKind::AccessToken => principal.expires_at(),
        _ => Time::from_unix_ms(u64::MAX),
    };
    let until = (request.persistence, expires_at);
    let code = app.parts.host_logins.issue_code(session, binding, until, issued_at).await?;
    Ok(redirect(&callback_url(origin, &code, request.state, request.target)))
}

/// Ends a login: compares the state with that of the browser, and uses the code.
///
/// # Errors
///
/// [`ForwardAuthError::HostLoginInvalid`] for another browser, and for a code that is not valid here or was used.
pub(crate) async fn complete(
    app: &App,
    call: HostCall<'_>,
    (code, state, target): (&str, &str, &str),
    now: Time,
) -> Result<HostLogin, VerifyError> {
    let guarded = call.guarded_host(app, now)?;
    check_opens_page(call.headers)?;
    if !is_valid_target(target) {
        return Err(ForwardAuthError::HostLoginInvalid.into());
    }
    let origin = guarded.origin().as_str();
    // An absolute address: `//other.example` is a path of this host.
    let location = redirect(&format!("{origin}{target}"));
    let token = match redeem(app, call, origin, (code, state, target), now).await {
        Ok(token) => Some(token),
        // Another tab has completed its login, or the user has come back to this page.
        Err(VerifyError::Refused(_)) if has_host_session(app, call, origin, now).await? => None,
        Err(error) => return Err(error),
    };
    Ok(HostLogin { token, location })
}

async fn redeem(
    app: &App,
    call: HostCall<'_>,
    origin: &str,
    (code, state, target): (&str, &str, &str),
    now: Time,
) -> Result<IssuedHostToken, VerifyError> {
    let kept = call.single_cookie(app.parts.forward_auth.cookie_names.state);
    let kept: Option<LoginState> = kept.and_then(|text| text.parse().ok());
    let state = state.parse::<LoginState>().ok().filter(|state| kept.is_some_and(|kept| kept.matches(state)));
    let state = state.ok_or(ForwardAuthError::HostLoginInvalid)?;
    let code: HostLoginCode = code.parse().map_err(|_| ForwardAuthError::HostLoginInvalid)?;
    let binding = CodeBinding { state: &state, origin, target };
    let issued_at = app.now_to_issue()?;
    let redeemed = app.parts.host_logins.redeem(&code, binding, issued_at).await;
    let redeemed = redeemed.map_err(|error| match error {
        ServiceError::Client(ClientError::Credential(reason)) => {
            tracing::info!(%reason, "a code of a login at a host is refused");
            VerifyError::Refused(ForwardAuthError::HostLoginInvalid)
        }
        error => error.into(),
    })?;
    let max_age = match redeemed.persistence {
        BrowserPersistence::Lifetime => Some(redeemed.expires_at.since(now)),
        BrowserPersistence::UntilClosed => None,
    };
    let session = PresentedSession::from_session(&redeemed.session);
    Ok(IssuedHostToken { token: redeemed.token, session, max_age })
}

async fn has_host_session(
    app: &App,
    call: HostCall<'_>,
    origin: &str,
    now: Time,
) -> Result<bool, VerifyError> {
    Ok(find_host_session(app, call, origin, now).await?.is_some())
}

/// Ends the session of the host token, in all modes and at all hosts. Without a valid one nothing happens.
///
/// # Errors
///
/// If the request is not one of a page of the host itself; if the session cannot be ended durably.
pub(crate) async fn log_out(
    app: &App,
    call: HostCall<'_>,
    client_info: &ClientInfo,
    now: Time,
) -> Result<(), VerifyError> {
    let guarded = call.guarded_host(app, now)?;
    check_csrf(&Method::POST, call.headers, &guarded.policy, true).map_err(ForwardAuthError::from)?;
    let session = find_host_session(app, call, guarded.origin().as_str(), now).await?;
    logout::log_out(app, session.into_iter().collect::<BTreeSet<_>>(), client_info, now).await?;
    Ok(())
}

async fn find_host_session(
    app: &App,
    call: HostCall<'_>,
    origin: &str,
    now: Time,
) -> Result<Option<PresentedSession>, VerifyError> {
    let Some(token) = call.single_cookie(app.parts.forward_auth.cookie_names.token) else { return Ok(None) };
    let session = app.parts.host_logins.find(token, origin, now).await?;
    Ok(session.as_ref().map(PresentedSession::from_session))
}

/// A guarded host with a login of its own.
fn find_host<'a>(app: &'a App, host: &str) -> Option<&'a GuardedOrigin> {
    let is_secure = app.settings().issuer.is_secure();
    let host = Some(host).filter(|host| is_host(host))?;
    app.parts.forward_auth.origins.find_with_login(is_secure, host)
}

/// The login page, which leads back to the same request. It need not show its form again then.
fn login_page(
    app: &App,
    request: &HostLoginRequest<'_>,
    error: AuthError,
) -> Result<HeaderValue, VerifyError> {
    let Some(login_url) = &app.settings().login_url else {
        return Err(VerifyError::Auth(error, CredentialSource::Cookie));
    };
    let back = |target: &str| host_login_url(&app.settings().api_url(), request.host, request.state, target);
    Ok(login_location_for_host(login_url.as_str(), back, request.target, request.login_is_required))
}
