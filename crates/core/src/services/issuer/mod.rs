//! The issuer: three verbs for three ways to carry the other half, and the refresh.

mod minting;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::{Time, random};
use counterfoil_verify::{AccessClaims, RevocationPosition, SessionId, TokenId};

use crate::client_error::{ClientError, InvalidCredential};
use crate::credentials::access_token::AccessToken;
use crate::credentials::refresh_token::{RefreshToken, Salt};
use crate::credentials::session_token::SessionToken;
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::client::Lifetimes;
use crate::model::session::{
    ClientInfo, EndReason, RefreshGracePeriod, RefreshOutcome, Session, SessionCredential,
};
use crate::services::account::{AccountService, AuthenticatedUser};
use crate::services::keys::keyring::Keyring;
use crate::services::refresh_replay_counter::RefreshReplayCounter;
use crate::services::revoker::RevocationRetention;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, SessionContext, Store};

pub use minting::{MintRequest, MintSubject, MintedToken};

/// The media type of our access tokens (RFC 9068, section 2.1).
pub const ACCESS_TYP: &str = "at+jwt";

/// The longest life of a token from [`Issuer::exchange`].
pub const MAX_EXCHANGED_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// Tears tickets in two: keeps one half, hands over the other.
pub struct Issuer {
    store: Arc<dyn Store>,
    keys: Arc<Keyring>,
    issuer: String,
    retention: Arc<RevocationRetention>,
    grace: RefreshGracePeriod,
    replay_counter: RefreshReplayCounter,
    max_sessions: Option<NonZeroU32>,
}

/// What a login brings besides who it is.
#[derive(Debug, Clone, Default)]
pub struct NewSession {
    /// Where from.
    pub client_info: ClientInfo,
    /// What the user calls the device.
    pub label: Option<String>,
    /// The live session of the same browser, which the new one takes the place of.
    pub replaces: Option<SessionId>,
    /// The most characters of an access token that its carrier takes; any number unless said otherwise.
    pub max_token_length: Option<usize>,
}

impl NewSession {
    /// The token, if its carrier takes one as long.
    fn check_token_length(&self, access: IssuedAccessToken) -> Result<IssuedAccessToken, ClientError> {
        if self.max_token_length.is_none_or(|max| access.token.length() <= max) {
            return Ok(access);
        }
        let detail = "must be `bearer`: the access token is too large for a cookie".to_owned();
        Err(ClientError::Field { field: "transport", detail })
    }
}

/// A login, and what the client is to carry away of it.
#[derive(Debug)]
pub struct IssuedSession<T> {
    /// The record.
    pub session: Session,
    /// The client's half.
    pub credential: T,
    /// The user, as judged.
    pub user: crate::model::user::User,
}

/// An access token with its life.
#[derive(Debug)]
pub struct IssuedAccessToken {
    /// The token.
    pub token: AccessToken,
    /// When it expires: a whole second.
    pub expires_at: Time,
}

/// What the hybrid's client carries.
#[derive(Debug)]
pub struct TokenPair {
    /// For every request.
    pub access: IssuedAccessToken,
    /// For the next pair.
    pub refresh: RefreshToken,
    /// When the refresh token expires if it is not used.
    pub refresh_expires_at: Time,
}

/// What an exchange asks for.
#[derive(Debug, Clone, Default)]
pub struct TokenRequest {
    /// For whom; the issuer itself if none is named.
    pub audience: Option<String>,
    /// With which scope; the same as shown if none is named.
    pub scope: Option<String>,
}

/// What an exchange is bounded by: the access token that was shown, if it was one.
#[derive(Debug, Clone)]
pub struct AccessBounds {
    /// When that expires.
    pub expires_at: Time,
    /// What that may be used for.
    pub scope: Option<String>,
}

impl Issuer {
    /// Issues in the name of `name`, byte for byte.
    pub fn new(
        store: Arc<dyn Store>,
        keys: Arc<Keyring>,
        issuer: String,
        retention: Arc<RevocationRetention>,
        grace: RefreshGracePeriod,
    ) -> Self {
        let replay_counter = RefreshReplayCounter::new(grace.length);
        Self { store, keys, issuer, retention, grace, replay_counter, max_sessions: None }
    }

    /// The same, with a cap on the live sessions of one user: a login beyond it takes the place of the oldest.
    #[must_use]
    pub fn with_max_sessions(self, max_sessions: Option<NonZeroU32>) -> Self {
        Self { max_sessions, ..self }
    }

    /// The keys that it signs with.
    pub fn keys(&self) -> &Keyring {
        &self.keys
    }

    /// Mode `session`: an opaque token that is judged against the record.
    ///
    /// # Errors
    ///
    /// If the login lost against a change of the user that it was judged by.
    pub async fn issue_session(
        &self,
        authenticated: AuthenticatedUser,
        new_session: NewSession,
        now: Time,
    ) -> Result<IssuedSession<SessionToken>, ServiceError> {
        let token = SessionToken::generate(SessionId::from_bytes(random::bytes()?))?;
        let credential = SessionCredential::Cookie(token.hash());
        let opened = self
            .create_session(token.session(), credential, authenticated, &new_session, now, |_, _| Ok(()))
            .await?;
        Ok(IssuedSession { session: opened.session, credential: token, user: opened.user })
    }

    /// Mode `jwt`: a signed token that is judged locally. Its record is what a list shows and a logout ends.
    ///
    /// # Errors
    ///
    /// As [`Issuer::issue_session`]; [`ClientError::Field`] if the token is too long for its carrier.
    pub async fn issue_access_token(
        &self,
        authenticated: AuthenticatedUser,
        new_session: NewSession,
        now: Time,
    ) -> Result<IssuedSession<IssuedAccessToken>, ServiceError> {
        let id = SessionId::from_bytes(random::bytes()?);
        self.create_session(
            id,
            SessionCredential::AccessOnly,
            authenticated,
            &new_session,
            now,
            |session, authenticated| {
                let lifetime = seconds(authenticated.client.lifetimes.jwt);
                let access = self.sign_access_token(
                    session,
                    &authenticated.user.roles,
                    self.default_audience(),
                    lifetime,
                    authenticated.pos,
                    now,
                )?;
                Ok(new_session.check_token_length(access)?)
            },
        )
        .await
    }

    /// Mode `hybrid`: a short signed token, and one to get the next pair with.
    ///
    /// # Errors
    ///
    /// As [`Issuer::issue_access_token`].
    pub async fn issue_token_pair(
        &self,
        authenticated: AuthenticatedUser,
        new_session: NewSession,
        now: Time,
    ) -> Result<IssuedSession<TokenPair>, ServiceError> {
        let id = SessionId::from_bytes(random::bytes()?);
        let credential = SessionCredential::Refresh {
            key_id: self.keys.active_keys().refresh_token_key().id(),
            salt: Salt::generate()?,
            counter: 0,
            rotated_at: now,
        };
        self.create_session(id, credential, authenticated, &new_session, now, |session, authenticated| {
            let lifetime = seconds(authenticated.client.lifetimes.access);
            let pair =
                self.token_pair(session, &authenticated.user.roles, None, lifetime, authenticated.pos, now)?;
            Ok(TokenPair { access: new_session.check_token_length(pair.access)?, ..pair })
        })
        .await
    }

    /// Makes the record, if what the login was judged by still holds; else judges it anew. What the client is to
    /// carry away is torn off before the commit: where that cannot be, no login is left behind.
    async fn create_session<T>(
        &self,
        id: SessionId,
        credential: SessionCredential,
        mut authenticated: AuthenticatedUser,
        new_session: &NewSession,
        now: Time,
        issue: impl Fn(&Session, &AuthenticatedUser) -> Result<T, ServiceError>,
    ) -> Result<IssuedSession<T>, ServiceError> {
        for _ in 0..ATTEMPTS {
            let session = Session::new(id, credential, &authenticated, new_session, now);
            let credential = issue(&session, &authenticated)?;
            match self.store.commit(&self.session_changes(&session, &authenticated, new_session, now)).await?
            {
                CommitOutcome::Applied(_) => {
                    return Ok(IssuedSession { session, credential, user: authenticated.user });
                }
                CommitOutcome::Conflict(0 | 1) => {
                    authenticated = AccountService::revalidate(&*self.store, &authenticated).await?
                }
                // 128 random bits that are taken are no coincidence.
                CommitOutcome::Conflict(_) => return Err(InternalError::Contention.into()),
            }
        }
        Err(InternalError::Contention.into())
    }

    fn session_changes(
        &self,
        session: &Session,
        authenticated: &AuthenticatedUser,
        new_session: &NewSession,
        now: Time,
    ) -> Vec<Change> {
        let event =
            AuditEvent::by_user(AuditEventKind::LoginSucceeded, session.user, &new_session.client_info, now)
                .with_session(session.id, session.client.clone());
        let mut changes = vec![
            Change::ExpectEpoch(authenticated.user.id, authenticated.user.epoch),
            Change::ExpectClient(authenticated.client.id.clone(), authenticated.client.revision),
            Change::InsertSession(Box::new(session.clone())),
            Change::RecordEvent(Box::new(AuditEvent {
                detail: Some(session.mode().as_str().into()),
                ..event
            })),
        ];
        let session_ended = |reason| {
            let event = AuditEvent::by_user(
                AuditEventKind::SessionEnded,
                session.user,
                &new_session.client_info,
                now,
            );
            Change::RecordSessionEnds(Box::new(event.with_reason(reason)))
        };
        if let Some(old) = new_session.replaces {
            changes.push(Change::EndSession(old, self.retention.session_ending(EndReason::Replaced, now)));
            changes.push(session_ended(EndReason::Replaced));
        }
        if let Some(max) = self.max_sessions {
            changes.push(Change::EndOldestSessionsOf {
                user: session.user,
                except: session.id,
                keep: max.get() - 1,
                ending: self.retention.session_ending(EndReason::SessionLimit, now),
            });
            changes.push(session_ended(EndReason::SessionLimit));
        }
        changes
    }

    /// Judges a refresh token and answers with the next pair, or with the same again.
    ///
    /// # Errors
    ///
    /// [`ClientError::Credential`] for whatever is wrong with the token, its session, user or client; a replay
    /// has ended the session when this returns.
    pub async fn refresh(
        &self,
        presented: &RefreshToken,
        narrowed: Option<&str>,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<IssuedSession<TokenPair>, ServiceError> {
        for _ in 0..ATTEMPTS {
            // With the head: what is revoked after this line stands behind it.
            let session_context =
                self.store.session_context(presented.session()).await?.ok_or(InvalidCredential::Unknown)?;
            let key = session_context.session.refresh_token_key_id().ok_or(InvalidCredential::WrongKind)?;
            let keys = self.keys.active_keys();
            let key = keys.refresh_token_key_by_id(key).ok_or(InvalidCredential::Unknown)?;
            let outcome = session_context.session.rotate(presented, key, self.grace, now)?;
            let scope = match outcome {
                // Whatever else is asked for: the family ends.
                RefreshOutcome::ReuseDetected => None,
                RefreshOutcome::Rotate(_)
                | RefreshOutcome::RepeatCurrent
                | RefreshOutcome::RepeatWithinGrace => {
                    session_context.check_access()?;
                    // Before anything turns: who asks for too much still holds a good token.
                    narrowed_scope(session_context.session.scope.as_deref(), narrowed)?
                }
            };
            let Some(session) = self.apply_refresh(&session_context, outcome, client_info, now).await? else {
                continue;
            };
            let lifetime = seconds(session_context.client.lifetimes.access);
            let pair = self.token_pair(
                &session,
                &session_context.user.roles,
                scope,
                lifetime,
                session_context.revocation_log_head,
                now,
            )?;
            return Ok(IssuedSession { session, credential: pair, user: session_context.user });
        }
        Err(InternalError::Contention.into())
    }

    /// Makes the judgement durable. `None` if somebody was faster, and it must be judged again.
    async fn apply_refresh(
        &self,
        session_context: &SessionContext,
        outcome: RefreshOutcome,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<Option<Session>, ServiceError> {
        let stored = &session_context.session;
        match outcome {
            RefreshOutcome::Rotate(next) => {
                self.store_rotation(session_context, *next, client_info, now).await
            }
            RefreshOutcome::RepeatCurrent | RefreshOutcome::RepeatWithinGrace => {
                self.repeat_response(stored, client_info, now).await.map(Some)
            }
            RefreshOutcome::ReuseDetected => {
                let ending = Change::EndSession(
                    stored.id,
                    self.retention.session_ending(EndReason::RefreshReuseDetected, now),
                );
                let event = session_event(stored, AuditEventKind::RefreshReuseDetected, client_info, now);
                let event = AuditEvent {
                    actor: Actor::Anonymous,
                    ..event.with_reason(EndReason::RefreshReuseDetected)
                };
                match self.store.commit(&[ending, Change::RecordEvent(Box::new(event))]).await? {
                    CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => {
                        Err(InvalidCredential::RefreshReuseDetected.into())
                    }
                }
            }
        }
    }

    async fn store_rotation(
        &self,
        session_context: &SessionContext,
        next: Session,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<Option<Session>, ServiceError> {
        let next = Session { client_info: client_info.clone(), ..next };
        let changes = [
            Change::ExpectEpoch(session_context.user.id, session_context.user.epoch),
            Change::ExpectClient(session_context.client.id.clone(), session_context.client.revision),
            Change::ReplaceSession(Box::new(next.clone())),
            Change::RecordEvent(Box::new(session_event(&next, AuditEventKind::Refreshed, client_info, now))),
        ];
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(_) => Ok(Some(next)),
            CommitOutcome::Conflict(_) => Ok(None),
        }
    }

    /// How many refreshes were answered again so far, for whoever watches.
    pub fn repeated_refreshes(&self) -> u64 {
        self.replay_counter.allowed()
    }

    /// Gives the same answer again: nothing turns. Told to the journal if it goes somewhere else.
    async fn repeat_response(
        &self,
        stored: &Session,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<Session, ServiceError> {
        let SessionCredential::Refresh { counter, .. } = stored.credential else {
            return Err(InvalidCredential::WrongKind.into());
        };
        if !self.replay_counter.allow(stored.id, counter, now) {
            return Err(ClientError::RateLimited(self.grace.length).into());
        }
        if stored.client_info != *client_info {
            let event = session_event(stored, AuditEventKind::RefreshRetried, client_info, now);
            let _: CommitOutcome = self.store.commit(&[Change::RecordEvent(Box::new(event))]).await?;
        }
        Ok(stored.clone())
    }

    /// Mints an access token from a live session, for this audience and with this scope.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotGranted`] for more than the client may ask for, or the shown token had;
    /// [`ClientError::Credential`] if that has expired, be it by less than a verifier's leeway.
    pub async fn exchange(
        &self,
        session: SessionId,
        bounds: Option<&AccessBounds>,
        request: &TokenRequest,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<(IssuedAccessToken, Option<String>), ServiceError> {
        let session_context = self.store.session_context(session).await?.ok_or(InvalidCredential::Unknown)?;
        session_context.session.check_active(now)?;
        session_context.check_access()?;
        // Without leeway: who trades a token just after its end for the next would have one for ever.
        if bounds.is_some_and(|bounds| bounds.expires_at <= now) {
            return Err(InvalidCredential::Expired.into());
        }
        let scope = self.granted_scope(&session_context, bounds, request)?;
        let audience = request.audience.clone().map_or_else(|| self.default_audience(), |one| vec![one]);
        let lifetime = bounds.map_or(MAX_EXCHANGED_LIFETIME, |bounds| {
            MAX_EXCHANGED_LIFETIME.min(bounds.expires_at.since(now))
        });
        let stored = Session { scope: scope.clone(), ..session_context.session };
        let access = self.sign_access_token(
            &stored,
            &session_context.user.roles,
            audience,
            lifetime,
            session_context.revocation_log_head,
            now,
        )?;
        let event = Change::RecordEvent(Box::new(session_event(
            &stored,
            AuditEventKind::TokenExchanged,
            client_info,
            now,
        )));
        match self.store.commit(&[Change::ExpectActive(session, now), event]).await? {
            CommitOutcome::Applied(_) => Ok((access, scope)),
            CommitOutcome::Conflict(_) => Err(InvalidCredential::Ended.into()),
        }
    }

    /// The scope of an exchange, if audience and scope are within what may be asked for.
    fn granted_scope(
        &self,
        session_context: &SessionContext,
        bounds: Option<&AccessBounds>,
        request: &TokenRequest,
    ) -> Result<Option<String>, ClientError> {
        let allowed =
            |audience: &String| *audience == self.issuer || session_context.client.allows_audience(audience);
        if !request.audience.as_ref().is_none_or(allowed) {
            return Err(ClientError::NotGranted("audience"));
        }
        let request = request.scope.as_deref();
        let scope = match (bounds, &session_context.session.scope) {
            (Some(bounds), _) => narrowed_scope(bounds.scope.as_deref(), request)?,
            (None, Some(granted)) => narrowed_scope(Some(granted), request)?,
            // A login that was limited to no scope may ask for any that its client may have.
            (None, None) => request,
        };
        if scope.is_some_and(|scope| !session_context.client.allows_scope(scope)) {
            return Err(ClientError::NotGranted("scope"));
        }
        Ok(scope.map(str::to_owned))
    }

    fn token_pair(
        &self,
        session: &Session,
        roles: &[String],
        scope: Option<&str>,
        lifetime: Duration,
        pos: Position,
        now: Time,
    ) -> Result<TokenPair, ServiceError> {
        let keys = self.keys.active_keys();
        let key = session
            .refresh_token_key_id()
            .and_then(|id| keys.refresh_token_key_by_id(id))
            .ok_or(InvalidCredential::Unknown)?;
        let narrowed = Session { scope: scope.map(str::to_owned), ..session.clone() };
        Ok(TokenPair {
            access: self.sign_access_token(&narrowed, roles, self.default_audience(), lifetime, pos, now)?,
            refresh: session.refresh_token(key).ok_or(InvalidCredential::WrongKind)?,
            refresh_expires_at: session.ends_at(),
        })
    }

    /// Signs an access token of `session`. It never outlives the session's absolute end.
    fn sign_access_token(
        &self,
        session: &Session,
        roles: &[String],
        audience: Vec<String>,
        lifetime: Duration,
        pos: Position,
        now: Time,
    ) -> Result<IssuedAccessToken, ServiceError> {
        let expires_at = (now + lifetime).min(session.expires_at);
        let claims = AccessClaims {
            iss: self.issuer.clone(),
            aud: audience,
            sub: session.user.to_string(),
            client_id: session.client.clone(),
            iat: now.unix_seconds(),
            exp: expires_at.unix_seconds(),
            nbf: None,
            jti: TokenId::from_bytes(random::bytes()?),
            sid: session.id,
            auth_time: session.authenticated_at.unix_seconds(),
            amr: session.amr.clone(),
            acr: None,
            scope: session.scope.clone(),
            roles: roles.to_vec(),
            pos,
            extra: serde_json::Map::new(),
        };
        let compact = self.keys.active_keys().signing_key().sign(ACCESS_TYP, &claims.to_json())?;
        Ok(IssuedAccessToken {
            token: AccessToken::signed(compact),
            expires_at: Time::from_unix_seconds(expires_at.unix_seconds()),
        })
    }

    fn default_audience(&self) -> Vec<String> {
        vec![self.issuer.clone()]
    }
}

impl Session {
    /// Opens the record of a login with this stub.
    pub fn new(
        id: SessionId,
        credential: SessionCredential,
        authenticated: &AuthenticatedUser,
        new_session: &NewSession,
        now: Time,
    ) -> Self {
        let (idle, absolute) = session_lifetimes(&credential, &authenticated.client.lifetimes);
        Self {
            id,
            user: authenticated.user.id,
            client: authenticated.client.id.clone(),
            credential,
            authenticated_at: now,
            amr: authenticated.amr.clone(),
            seen_at: now,
            idle,
            expires_at: now + absolute,
            pos: authenticated.pos,
            scope: None,
            client_info: new_session.client_info.clone(),
            label: new_session.label.clone(),
            ended: None,
            revision: 0,
        }
    }
}

/// How long a session with this stub may lie unused, and lives at most.
fn session_lifetimes(credential: &SessionCredential, lifetimes: &Lifetimes) -> (Duration, Duration) {
    let (idle, absolute) = match credential {
        SessionCredential::Cookie(_) => (lifetimes.session_idle, lifetimes.session_absolute),
        SessionCredential::AccessOnly => (lifetimes.jwt, lifetimes.jwt),
        SessionCredential::Refresh { .. } => (lifetimes.refresh_idle, lifetimes.refresh_absolute),
    };
    (seconds(idle), seconds(absolute))
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// An event of this session, by its user.
fn session_event(session: &Session, kind: AuditEventKind, client_info: &ClientInfo, now: Time) -> AuditEvent {
    AuditEvent::by_user(kind, session.user, client_info, now).with_session(session.id, session.client.clone())
}

/// The scope that was asked for, if all of it was granted; what was granted, if none was asked for.
fn narrowed_scope<'a>(
    granted: Option<&'a str>,
    asked: Option<&'a str>,
) -> Result<Option<&'a str>, ClientError> {
    let Some(asked) = asked else { return Ok(granted) };
    let granted: Vec<&str> = granted.unwrap_or_default().split(' ').collect();
    if asked.split(' ').all(|one| !one.is_empty() && granted.contains(&one)) {
        return Ok(Some(asked));
    }
    Err(ClientError::NotGranted("scope"))
}
