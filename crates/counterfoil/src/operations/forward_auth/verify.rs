//! Decides about one request of a proxy.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::{Map, Value, json};

use counterfoil_core::services::{InternalError, ServiceError};
use counterfoil_jose::Time;
use counterfoil_verify::{
    AuthError, Authenticator as _, ClientId, CredentialKind, CredentialSource, InvalidReason, Principal,
    check_csrf, cookie_values, read_credentials,
};

use crate::app::App;
use crate::clock::ClockJumpPending;
use crate::counters::Outcome;
use crate::keys::forward_assertions::ForwardClaims;
use crate::operations::error::OperationError;
use crate::settings::guarded_origins::GuardedOrigin;

use super::decision::{Decision, decide};
use super::error::ForwardAuthError;
use super::forwarded_request::ForwardedRequest;
use super::identity::{Identity, StoredUser};
use super::login_redirect::{host_start_location, login_location};
use super::navigation::{is_navigation, is_websocket_handshake};
use super::proxy::Proxy;
use super::requirements::Requirements;

/// A request of a proxy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForwardedCall<'a> {
    /// The proxy in the path.
    pub(crate) proxy: Proxy,
    /// The options in the path.
    pub(crate) options: &'a str,
    /// What follows them in the URI, of a proxy that forwards the path there.
    pub(crate) target: Option<&'a str>,
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    /// The address of the peer, if the server knows it.
    pub(crate) peer: Option<IpAddr>,
    /// The address of the client of the proxy.
    pub(crate) client: Option<IpAddr>,
}

/// What the proxy gets.
#[derive(Debug)]
pub(crate) enum ForwardAuthAnswer {
    /// The request passes, for this user, or without one.
    Allowed {
        /// The user. Their headers are empty without one.
        identity: Option<Identity>,
        /// The signed statement about the user, if it is configured.
        assertion: Option<String>,
        /// Where the credential was presented.
        source: CredentialSource,
    },
    /// The browser is sent to the login page.
    Redirect(HeaderValue),
}

/// Why the request does not pass.
#[derive(Debug)]
pub(crate) enum VerifyError {
    /// The request is refused.
    Refused(ForwardAuthError),
    /// The credential is missing, invalid or not sufficient, or could not be checked.
    Auth(AuthError, CredentialSource),
    /// A rate limit, or an internal failure.
    Operation(OperationError),
}

impl From<ForwardAuthError> for VerifyError {
    fn from(error: ForwardAuthError) -> Self {
        Self::Refused(error)
    }
}

impl From<ServiceError> for VerifyError {
    fn from(error: ServiceError) -> Self {
        Self::Operation(error.into())
    }
}

impl From<ClockJumpPending> for VerifyError {
    fn from(error: ClockJumpPending) -> Self {
        Self::Operation(error.into())
    }
}

/// Decides whether the request passes. Nothing that a client can send replaces what the proxy must say.
///
/// # Errors
///
/// [`VerifyError`]; a request never passes because something failed.
pub(crate) async fn verify(
    app: &App,
    call: ForwardedCall<'_>,
    now: Time,
) -> Result<ForwardAuthAnswer, VerifyError> {
    let peer = call.peer.filter(|peer| app.settings().forward_auth.is_proxy(*peer));
    let peer = peer.ok_or(ForwardAuthError::UntrustedProxy)?;
    let requirements = Requirements::parse(call.options).map_err(ForwardAuthError::from)?;
    let shared = &app.parts.forward_auth;
    let line = (call.method, call.target);
    let request = ForwardedRequest::read(call.proxy, line, call.uri, call.headers, &shared.origins)?;
    shared.rate_limiter.count(call.client.unwrap_or(peer), peer, now).map_err(ServiceError::from)?;
    check_site(app, &request, call.headers)?;

    let (result, source) = authenticate(app, &call, &request, &requirements, now).await?;
    // The login page shows its form although there is a session, which is too old.
    let is_logged_in = result.is_ok();
    let is_navigation = || is_navigation(&request.method, call.headers);
    match decide(result, source, &requirements, is_navigation, now) {
        Decision::Allow(principal) => {
            let identity = identify(app, principal, source).await?;
            let assertion = match app.settings().forward_auth.assertion {
                true => Some(assert(app, &identity, request.guarded.origin().as_str())?),
                false => None,
            };
            Ok(ForwardAuthAnswer::Allowed { identity: Some(identity), assertion, source })
        }
        Decision::AllowAnonymous => {
            Ok(ForwardAuthAnswer::Allowed { identity: None, assertion: None, source })
        }
        Decision::SendToLogin(error) => match location(app, &request, is_logged_in) {
            Some(location) if call.proxy.knows_few_statuses() => {
                Err(ForwardAuthError::LoginRequired { location, error, presented_in: source }.into())
            }
            Some(location) => Ok(ForwardAuthAnswer::Redirect(location)),
            None => Err(VerifyError::Auth(error, source)),
        },
        Decision::Refuse(error) => Err(VerifyError::Auth(error, source)),
    }
}

/// Refuses a request that a page of another site could have sent with the cookies of the user. Browsers do not apply the
/// same-origin policy to WebSockets, so every handshake is checked too.
fn check_site(
    app: &App,
    request: &ForwardedRequest<'_>,
    headers: &HeaderMap,
) -> Result<(), ForwardAuthError> {
    let (method, policy) = (&request.method, &request.guarded.policy);
    let checked = if !is_websocket_handshake(headers) {
        check_csrf(method, headers, policy, true).map_err(ForwardAuthError::from)
    } else if headers.contains_key(ORIGIN) {
        check_csrf(&Method::POST, headers, policy, true).map_err(ForwardAuthError::from)
    } else {
        Err(ForwardAuthError::HandshakeWithoutOrigin)
    };
    // Most requests pass, and their cookies need not be searched.
    let has_cookie = || {
        let has_host_token = host_tokens(app, request.guarded, headers).next().is_some();
        has_host_token || app.parts.cookies.names().any_present(headers)
    };
    checked.or_else(|error| if has_cookie() { Err(error) } else { Ok(()) })
}

/// The result of authentication, and where the credential was presented.
async fn authenticate(
    app: &App,
    call: &ForwardedCall<'_>,
    request: &ForwardedRequest<'_>,
    requirements: &Requirements,
    now: Time,
) -> Result<(Result<Principal, AuthError>, CredentialSource), ForwardAuthError> {
    let selected = requirements.source.map(|source| select(call.headers, source));
    let headers = selected.as_ref().unwrap_or(call.headers);
    let presented = read_credentials(headers, app.parts.cookies.names(), requirements.accepted());
    let presented = presented.map_err(|_| ForwardAuthError::MultipleCredentials(call.proxy))?;
    let mut host_tokens = host_tokens(app, request.guarded, headers);
    let Some(token) = host_tokens.next() else {
        let result = app.parts.authenticator.authenticate(presented.credential, now).wait().await;
        return Ok((result, presented.source));
    };
    if !presented.credential.is_none() || host_tokens.any(|other| other != token) {
        return Err(ForwardAuthError::MultipleCredentials(call.proxy));
    }
    let origin = request.guarded.origin().as_str();
    let result = app.parts.host_logins.authenticate(token, origin, now).await;
    app.parts.metrics.credential_checks.record_host_token(&result);
    Ok((result, CredentialSource::Cookie))
}

/// The host tokens of the request, at a host with a login of its own.
fn host_tokens<'a>(
    app: &'a App,
    guarded: &GuardedOrigin,
    headers: &'a HeaderMap,
) -> impl Iterator<Item = &'a str> {
    let has_login = guarded.has_login(app.settings().issuer.is_secure());
    has_login.then(|| cookie_values(headers, app.parts.forward_auth.cookie_names.token)).into_iter().flatten()
}

/// Only the headers of one source of credentials.
fn select(headers: &HeaderMap, source: CredentialSource) -> HeaderMap {
    let name = match source {
        CredentialSource::Cookie => COOKIE,
        CredentialSource::Bearer | CredentialSource::None => AUTHORIZATION,
    };
    headers.get_all(&name).into_iter().map(|line| (name.clone(), line.clone())).fold(
        HeaderMap::new(),
        |mut selected, (name, line)| {
            selected.append(name, line);
            selected
        },
    )
}

/// The user of the credential.
async fn identify(
    app: &App,
    principal: Principal,
    source: CredentialSource,
) -> Result<Identity, VerifyError> {
    // A machine token has neither a session nor a user, and its subject could be taken for one.
    let (Some(user), Some(session)) = (principal.user_id(), principal.session_id()) else {
        let reason = InvalidReason::CredentialKindNotAccepted;
        return Err(VerifyError::Auth(AuthError::InvalidCredential(reason), source));
    };
    let mut stored = None;
    if principal.credential_kind() == CredentialKind::AccessToken {
        let user = app.parts.store.user(user).await.map_err(ServiceError::from)?;
        stored = user.map(|user| StoredUser {
            username: user.username.as_str().to_owned(),
            email: user.email.filter(|_| user.email_verified),
        });
    }
    Ok(Identity { principal, user, session, stored })
}

/// The signed statement about the user, for the application at this origin.
fn assert(app: &App, identity: &Identity, audience: &str) -> Result<String, VerifyError> {
    let now = app.now_to_issue()?;
    let principal = &identity.principal;
    let mut claims = Map::new();
    let mut add = |name: &str, value: Value| {
        if !value.is_null() {
            claims.insert(name.to_owned(), value);
        }
    };
    add("iss", app.settings().issuer.as_str().into());
    add("aud", audience.into());
    add("sub", identity.user.to_string().into());
    add("sid", identity.session.to_string().into());
    add("client_id", principal.client_id().map(ClientId::as_str).into());
    // That of the credential, and not the head of the log: an entry that leaves the session active moves the session past it, and
    // the revocations of other users make no new assertion.
    add("pos", principal.position().number().into());
    add("auth_time", principal.authenticated_at().map(Time::unix_seconds).into());
    add("amr", principal.amr().into());
    add("username", identity.username().into());
    add("roles", json!(principal.roles()));
    add("email", identity.email().into());
    add("external_id", principal.claim("external_id").cloned().into());
    let scope = principal.scopes().collect::<Vec<_>>().join(" ");
    add("scope", if scope.is_empty() { Value::Null } else { scope.into() });
    let keys = app.parts.keys.active_keys();
    let signed = app.parts.forward_auth.assertions.get(ForwardClaims::new(&claims), keys.signing_key(), now);
    Ok(signed.map_err(|error| ServiceError::Internal(InternalError::Signing(error)))?)
}

/// Where the browser logs in, if there is a login page: there, or at the host itself if it does not get the cookies of the issuer.
/// A guarded host with another scheme than the issuer has no login: the browser would return without a cookie, and be sent there
/// again.
fn location(app: &App, request: &ForwardedRequest<'_>, is_logged_in: bool) -> Option<HeaderValue> {
    let login_url = app.settings().login_url.as_ref()?;
    let (guarded, origin) = (request.guarded, request.guarded.origin().as_str());
    if guarded.shares_cookies {
        return Some(login_location(login_url.as_str(), origin, request.target, is_logged_in));
    }
    let has_login = guarded.has_login(app.settings().issuer.is_secure());
    has_login.then(|| host_start_location(origin, request.target, is_logged_in))
}

/// How a login at a guarded host that fails is counted.
impl From<&VerifyError> for Outcome {
    fn from(error: &VerifyError) -> Self {
        match error {
            VerifyError::Refused(ForwardAuthError::HostLoginInvalid) => Self::Failure,
            VerifyError::Refused(_) => Self::Invalid,
            VerifyError::Auth(AuthError::Unavailable | AuthError::StaleRevocations, _) => Self::Unavailable,
            VerifyError::Auth(..) => Self::Failure,
            VerifyError::Operation(error) => error.into(),
        }
    }
}
