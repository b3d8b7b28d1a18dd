//! Issues credentials: one record per login, with a session token, an access token or a token pair.

mod configured_claims;
mod exchange;
mod exchange_log;
mod login;
mod minting;
mod password_change;
mod refresh;
mod requested_access;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};

use counterfoil_jose::{Time, jws, random};
use counterfoil_verify::{
    AccessClaims, ClientId, RevocationPosition, SessionId, StatusListReference, TokenId,
};

use crate::client_error::{ClientError, InvalidCredential};
use crate::credentials::access_token::AccessToken;
use crate::credentials::refresh_token::RefreshToken;
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::session::{ClientInfo, RefreshGracePeriod, Session};
use crate::model::user::User;
use crate::services::ServiceError;
use crate::services::issuer::exchange_log::ExchangeLog;
use crate::services::keys::keyring::Keyring;
use crate::services::refresh_replay_counter::RefreshReplayCounter;
use crate::services::revoker::RevocationRetention;
use crate::services::status_lists::StatusReferences;
use crate::store::{EXPIRED_SESSION_RETENTION, Store};

pub use configured_claims::{ClaimsContext, ClaimsError, ClaimsProvider};
pub use minting::{MintRequest, MintSubject, MintedToken};
pub use password_change::{PresentedForChange, RenewedCredential};

/// The `typ` header of access tokens (RFC 9068, section 2.1).
pub const ACCESS_TYP: &str = "at+jwt";

/// The longest lifetime of a token from [`Issuer::exchange`].
pub const MAX_EXCHANGED_LIFETIME: Duration = Duration::from_secs(15 * 60);

const _: () = assert!(
    EXPIRED_SESSION_RETENTION.as_secs() >= MAX_EXCHANGED_LIFETIME.as_secs() + 2 * 60,
    "a token is revoked by its session, which must be found as long as the token is valid"
);

/// Creates sessions and issues their credentials: session tokens, access tokens and refresh tokens.
pub struct Issuer {
    store: Arc<dyn Store>,
    keys: Arc<Keyring>,
    issuer: String,
    retention: Arc<RevocationRetention>,
    grace: RefreshGracePeriod,
    replay_counter: RefreshReplayCounter,
    /// When a refresh token was last rotated, in Unix milliseconds; 0: not yet.
    last_rotation: AtomicU64,
    /// How many refresh tokens were rotated since the start.
    rotations: AtomicU64,
    exchange_log: ExchangeLog,
    max_sessions: Option<NonZeroU32>,
    claims: Option<ClaimsProvider>,
    /// The references of access tokens to the status lists; `None`: there are none.
    status_references: Option<StatusReferences>,
    /// Whether access tokens have the claim `preferred_username`.
    has_username_claim: bool,
}

/// The attributes of a session to create, besides the user.
#[derive(Debug, Clone, Default)]
pub struct NewSession {
    /// IP address and user agent of the login.
    pub client_info: ClientInfo,
    /// The user's name for the device.
    pub label: Option<String>,
    /// The requested scope (RFC 6749, section 3.3); `None`: not limited by scope.
    pub scope: Option<String>,
    /// The requested audience of the access tokens; `None`: the issuer itself.
    pub audience: Option<String>,
    /// The active session of the same browser, which ends when this one is created.
    pub replaces: Option<SessionId>,
    /// The maximum length of the access token in characters; a browser drops a cookie that is too large. `None`: no
    /// maximum.
    pub max_token_length: Option<usize>,
}

/// The token, unless it is longer than the transport allows.
fn check_token_length(
    access: IssuedAccessToken,
    max_length: Option<usize>,
) -> Result<IssuedAccessToken, ClientError> {
    check_length(access.token.length(), max_length)?;
    Ok(access)
}

/// Checks that the transport allows a token of this length.
fn check_length(length: usize, max_length: Option<usize>) -> Result<(), ClientError> {
    if max_length.is_none_or(|max| length <= max) {
        return Ok(());
    }
    let detail = "must be `bearer`: the access token is too large for a cookie".to_owned();
    Err(ClientError::Field { field: "transport", detail })
}

/// A new or refreshed session, with the credential for the client.
#[derive(Debug)]
pub struct IssuedSession<T> {
    /// The session as stored.
    pub session: Session,
    /// The credential for the client.
    pub credential: T,
    /// The user of the session.
    pub user: User,
}

impl<T> IssuedSession<T> {
    /// The same session with the credential in another form.
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> IssuedSession<U> {
        IssuedSession { session: self.session, credential: form(self.credential), user: self.user }
    }
}

/// An access token with its expiry.
#[derive(Debug)]
pub struct IssuedAccessToken {
    /// The token.
    pub token: AccessToken,
    /// When it expires, in whole seconds.
    pub expires_at: Time,
}

/// The credentials of mode `hybrid`.
#[derive(Debug)]
pub struct TokenPair {
    /// Authenticates requests.
    pub access: IssuedAccessToken,
    /// Gets the next pair.
    pub refresh: RefreshToken,
    /// When the refresh token expires unless it is used.
    pub refresh_expires_at: Time,
}

/// What an exchange requests.
#[derive(Debug, Clone, Default)]
pub struct TokenRequest {
    /// The audience; `None`: the issuer itself.
    pub audience: Option<String>,
    /// The scope; `None`: the same as the presented credential's.
    pub scope: Option<String>,
}

/// The limits of an exchange for which an access token was presented: the new token cannot do more than that one.
#[derive(Debug, Clone)]
pub struct AccessBounds {
    /// When the presented token expires.
    pub expires_at: Time,
    /// The scope of the presented token.
    pub scope: Option<String>,
}

/// What an access token states, before it becomes claims.
struct AccessGrant {
    subject: String,
    roles: Vec<String>,
    username: Option<String>,
    client: ClientId,
    session: SessionId,
    audience: Vec<String>,
    scope: Option<String>,
    authenticated_at: Time,
    amr: Vec<String>,
    acr: Option<String>,
    /// The revocation log position at which the login was checked.
    pos: RevocationPosition,
    issued_at: Time,
    expires_at: Time,
    status: Option<StatusListReference>,
    further_claims: Map<String, Value>,
}

/// An access token of a session, before it is signed.
struct TokenContent<'a> {
    session: &'a Session,
    user: &'a User,
    audience: Vec<String>,
    scope: Option<String>,
    /// The external id and the configured claims.
    further_claims: Map<String, Value>,
    /// The revocation log position at which the session was checked.
    pos: RevocationPosition,
    issued_at: Time,
    /// At the latest the end of the session.
    expires_at: Time,
}

impl Issuer {
    /// Creates an issuer. `issuer` becomes the claim `iss` byte for byte (RFC 7519, section 4.1.1).
    pub fn new(
        store: Arc<dyn Store>,
        keys: Arc<Keyring>,
        issuer: String,
        retention: Arc<RevocationRetention>,
        grace: RefreshGracePeriod,
    ) -> Self {
        let replay_counter = RefreshReplayCounter::new(grace.length);
        let exchange_log = ExchangeLog::default();
        Self {
            store,
            keys,
            issuer,
            retention,
            grace,
            replay_counter,
            last_rotation: AtomicU64::new(0),
            rotations: AtomicU64::new(0),
            exchange_log,
            max_sessions: None,
            claims: None,
            status_references: None,
            has_username_claim: true,
        }
    }

    /// Limits the active sessions of one user. A login above the limit ends the oldest session.
    #[must_use]
    pub fn with_max_sessions(self, max_sessions: Option<NonZeroU32>) -> Self {
        Self { max_sessions, ..self }
    }

    /// Adds the claims of `claims` to every access token of a user; `None`: no further claims.
    #[must_use]
    pub fn with_claims(self, claims: Option<ClaimsProvider>) -> Self {
        Self { claims, ..self }
    }

    /// Gives every session with access tokens an entry in the status lists, which its tokens name in the claim `status`.
    #[must_use]
    pub fn with_status_references(self, status_references: Option<StatusReferences>) -> Self {
        Self { status_references, ..self }
    }

    /// Sets whether access tokens name their user in `preferred_username` (OpenID Connect Core 1.0, section 5.1); they do by
    /// default.
    #[must_use]
    pub fn with_username_claim(self, has_username_claim: bool) -> Self {
        Self { has_username_claim, ..self }
    }

    /// The signing keys and refresh token keys.
    pub fn keys(&self) -> &Keyring {
        &self.keys
    }

    /// When a refresh token was last rotated by this process; `None`: not yet.
    pub fn last_rotation(&self) -> Option<Time> {
        match self.last_rotation.load(Ordering::Relaxed) {
            0 => None,
            ms => Some(Time::from_unix_ms(ms)),
        }
    }

    /// The pair of a hybrid session with this access token.
    fn token_pair(&self, session: &Session, access: IssuedAccessToken) -> Result<TokenPair, ServiceError> {
        let keys = self.keys.active_keys();
        let key = session
            .refresh_token_key_id()
            .and_then(|id| keys.refresh_token_key_by_id(id))
            .ok_or(InvalidCredential::Unknown)?;
        Ok(TokenPair {
            access,
            refresh: session.refresh_token(key).ok_or(InvalidCredential::WrongKind)?,
            refresh_expires_at: session.ends_at(),
        })
    }

    /// The content of an access token of this session, with the scope and the audience that were granted at the login. The
    /// application adds its claims here, so this is called before anything is stored.
    fn token_content<'a>(
        &self,
        session: &'a Session,
        user: &'a User,
        lifetime: Duration,
        pos: RevocationPosition,
        now: Time,
    ) -> Result<TokenContent<'a>, ServiceError> {
        Ok(TokenContent {
            session,
            user,
            audience: self.audience_of(session),
            scope: session.scope.clone(),
            further_claims: self.further_claims(user, session)?,
            pos,
            issued_at: now,
            // A session that idles is deleted, and could then no longer revoke a token that is still valid.
            expires_at: (now + lifetime.min(session.idle)).min(session.expires_at),
        })
    }

    /// Signs an access token of a session.
    fn sign_access_token(&self, content: TokenContent<'_>) -> Result<IssuedAccessToken, ServiceError> {
        self.sign(&self.session_claims(content)?)
    }

    /// The claims of an access token of a session.
    fn session_claims(&self, content: TokenContent<'_>) -> Result<AccessClaims, ServiceError> {
        let session = content.session;
        self.access_claims(AccessGrant {
            subject: session.user.to_string(),
            roles: content.user.roles.clone(),
            username: self.has_username_claim.then(|| content.user.username.as_str().to_owned()),
            client: session.client.clone(),
            session: session.id,
            audience: content.audience,
            scope: content.scope,
            authenticated_at: session.authenticated_at,
            amr: session.amr.clone(),
            acr: session.acr.clone(),
            pos: content.pos,
            issued_at: content.issued_at,
            expires_at: content.expires_at,
            status: self.status_of(session),
            further_claims: content.further_claims,
        })
    }

    /// The claims of an access token, with a new `jti` (RFC 9068, section 2.2).
    fn access_claims(&self, grant: AccessGrant) -> Result<AccessClaims, ServiceError> {
        Ok(AccessClaims {
            iss: self.issuer.clone(),
            aud: grant.audience,
            sub: grant.subject,
            client_id: grant.client,
            iat: grant.issued_at.unix_seconds(),
            exp: grant.expires_at.unix_seconds(),
            nbf: None,
            jti: TokenId::from_bytes(random::bytes()?),
            sid: grant.session,
            auth_time: grant.authenticated_at.unix_seconds(),
            amr: grant.amr,
            acr: grant.acr,
            scope: grant.scope,
            roles: grant.roles,
            preferred_username: grant.username,
            pos: grant.pos,
            status: grant.status,
            extra: grant.further_claims,
        })
    }

    /// Where the status of the tokens of this session is published.
    fn status_of(&self, session: &Session) -> Option<StatusListReference> {
        self.status_references.as_ref().zip(session.status_index).map(|(lists, index)| lists.reference(index))
    }

    /// The claims of the first access token of a session, which has no index in the status lists yet. The length of the
    /// token is checked now: a token that cannot be issued must not leave a session behind.
    fn first_claims(
        &self,
        content: TokenContent<'_>,
        max_length: Option<usize>,
    ) -> Result<AccessClaims, ServiceError> {
        let status = self.status_references.as_ref().map(StatusReferences::longest);
        let claims = AccessClaims { status, ..self.session_claims(content)? };
        let length = self.keys.active_keys().signing_key().signed_len(ACCESS_TYP, claims.to_json().len());
        if length > jws::MAX_LENGTH {
            return Err(ClaimsError::TooLarge.into());
        }
        check_length(length, max_length)?;
        Ok(claims)
    }

    /// Signs the first access token of a session that has an index now.
    fn sign_first(&self, claims: AccessClaims, session: &Session) -> Result<IssuedAccessToken, ServiceError> {
        self.sign(&AccessClaims { status: self.status_of(session), ..claims })
    }

    fn sign(&self, claims: &AccessClaims) -> Result<IssuedAccessToken, ServiceError> {
        let compact = self.keys.active_keys().signing_key().sign(ACCESS_TYP, &claims.to_json())?;
        if compact.len() > jws::MAX_LENGTH {
            return Err(ClaimsError::TooLarge.into());
        }
        let expires_at = Time::from_unix_seconds(claims.exp);
        Ok(IssuedAccessToken { token: AccessToken::signed(compact), expires_at })
    }

    fn default_audience(&self) -> Vec<String> {
        vec![self.issuer.clone()]
    }

    /// The audience of the access tokens that the login of this session and its refreshes issue.
    fn audience_of(&self, session: &Session) -> Vec<String> {
        session.audience.clone().map_or_else(|| self.default_audience(), |audience| vec![audience])
    }
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// An event of this session whose actor is the session's user.
fn session_event(session: &Session, kind: AuditEventKind, client_info: &ClientInfo, now: Time) -> AuditEvent {
    AuditEvent::by_user(kind, session.user, client_info, now).with_session(session.id, session.client.clone())
}

/// The requested scope if all of it was granted; the granted scope if none was requested (RFC 6749, section 6).
fn narrowed_scope<'a>(
    granted: Option<&'a str>,
    requested: Option<&'a str>,
) -> Result<Option<&'a str>, ClientError> {
    let Some(requested) = requested else { return Ok(granted) };
    let granted: Vec<&str> = granted.unwrap_or_default().split(' ').collect();
    if requested.split(' ').all(|one| !one.is_empty() && granted.contains(&one)) {
        return Ok(Some(requested));
    }
    Err(ClientError::NotGranted("scope"))
}
