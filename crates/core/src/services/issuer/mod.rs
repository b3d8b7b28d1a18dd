//! The issuer: three verbs for three ways to carry the other half, and the refresh.

mod minting;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::{Time, random};
use counterfoil_verify::{AccessClaims, Position, SessionId, TokenId};

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
pub const EXCHANGED: Duration = Duration::from_secs(15 * 60);

/// Tears tickets in two: keeps one half, hands over the other.
pub struct Issuer {
    store: Arc<dyn Store>,
    keys: Arc<Keyring>,
    name: String,
    horizon: Arc<RevocationRetention>,
    grace: RefreshGracePeriod,
    repeats: RefreshReplayCounter,
    most_sessions: Option<NonZeroU32>,
}

/// What a login brings besides who it is.
#[derive(Debug, Clone, Default)]
pub struct NewSession {
    /// Where from.
    pub from: ClientInfo,
    /// What the user calls the device.
    pub label: Option<String>,
    /// The live session of the same browser, which the new one takes the place of.
    pub replaces: Option<SessionId>,
    /// The most characters of an access token that its carrier takes; any number unless said otherwise.
    pub longest_token: Option<usize>,
}

impl NewSession {
    /// The token, if its carrier takes one as long.
    fn judge_length(&self, access: IssuedAccessToken) -> Result<IssuedAccessToken, ClientError> {
        if self.longest_token.is_none_or(|longest| access.token.length() <= longest) {
            return Ok(access);
        }
        let detail = "is to be `body`: the access token is too large for a cookie".to_owned();
        Err(ClientError::Field { field: "carrier", detail })
    }
}

/// A login, and what the client is to carry away of it.
#[derive(Debug)]
pub struct IssuedSession<T> {
    /// The record.
    pub session: Session,
    /// The client's half.
    pub issued: T,
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
        name: String,
        horizon: Arc<RevocationRetention>,
        grace: RefreshGracePeriod,
    ) -> Self {
        let repeats = RefreshReplayCounter::new(grace.length);
        Self { store, keys, name, horizon, grace, repeats, most_sessions: None }
    }

    /// The same, with a cap on the live sessions of one user: a login beyond it takes the place of the oldest.
    #[must_use]
    pub fn with_most_sessions(self, most_sessions: Option<NonZeroU32>) -> Self {
        Self { most_sessions, ..self }
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
    pub async fn open_session(
        &self,
        judged: AuthenticatedUser,
        opening: NewSession,
        now: Time,
    ) -> Result<IssuedSession<SessionToken>, ServiceError> {
        let token = SessionToken::draw(SessionId::from_bytes(random::bytes()?))?;
        let stub = SessionCredential::Cookie(token.digest());
        let opened = self.open(token.session(), stub, judged, &opening, now, |_, _| Ok(())).await?;
        Ok(IssuedSession { session: opened.session, issued: token, user: opened.user })
    }

    /// Mode `jwt`: a signed token that is judged locally. Its record is what a list shows and a logout ends.
    ///
    /// # Errors
    ///
    /// As [`Issuer::open_session`]; [`ClientError::Field`] if the token is too long for its carrier.
    pub async fn issue_access(
        &self,
        judged: AuthenticatedUser,
        opening: NewSession,
        now: Time,
    ) -> Result<IssuedSession<IssuedAccessToken>, ServiceError> {
        let id = SessionId::from_bytes(random::bytes()?);
        self.open(id, SessionCredential::AccessOnly, judged, &opening, now, |session, judged| {
            let life = seconds(judged.client.lifetimes.jwt);
            let access =
                self.mint(session, &judged.user.roles, self.own_audience(), life, judged.pos, now)?;
            Ok(opening.judge_length(access)?)
        })
        .await
    }

    /// Mode `hybrid`: a short signed token, and one to get the next pair with.
    ///
    /// # Errors
    ///
    /// As [`Issuer::issue_access`].
    pub async fn issue_pair(
        &self,
        judged: AuthenticatedUser,
        opening: NewSession,
        now: Time,
    ) -> Result<IssuedSession<TokenPair>, ServiceError> {
        let id = SessionId::from_bytes(random::bytes()?);
        let stub = SessionCredential::Refresh {
            pepper: self.keys.ring().pepper().id(),
            salt: Salt::draw()?,
            turn: 0,
            since: now,
        };
        self.open(id, stub, judged, &opening, now, |session, judged| {
            let life = seconds(judged.client.lifetimes.access);
            let pair = self.pair(session, &judged.user.roles, None, life, judged.pos, now)?;
            Ok(TokenPair { access: opening.judge_length(pair.access)?, ..pair })
        })
        .await
    }

    /// Makes the record, if what the login was judged by still holds; else judges it anew. What the client is to
    /// carry away is torn off before the commit: where that cannot be, no login is left behind.
    async fn open<T>(
        &self,
        id: SessionId,
        stub: SessionCredential,
        mut judged: AuthenticatedUser,
        opening: &NewSession,
        now: Time,
        tear: impl Fn(&Session, &AuthenticatedUser) -> Result<T, ServiceError>,
    ) -> Result<IssuedSession<T>, ServiceError> {
        for _ in 0..ATTEMPTS {
            let session = Session::open(id, stub, &judged, opening, now);
            let issued = tear(&session, &judged)?;
            match self.store.commit(&self.opening_changes(&session, &judged, opening, now)).await? {
                CommitOutcome::Applied(_) => return Ok(IssuedSession { session, issued, user: judged.user }),
                CommitOutcome::Conflict(0 | 1) => {
                    judged = AccountService::again(&*self.store, &judged).await?
                }
                // 128 random bits that are taken are no coincidence.
                CommitOutcome::Conflict(_) => return Err(InternalError::Contention.into()),
            }
        }
        Err(InternalError::Contention.into())
    }

    fn opening_changes(
        &self,
        session: &Session,
        judged: &AuthenticatedUser,
        opening: &NewSession,
        now: Time,
    ) -> Vec<Change> {
        let event = AuditEvent::by_user(AuditEventKind::SignedIn, session.user, &opening.from, now)
            .in_session(session.id, session.client.clone());
        let mut changes = vec![
            Change::ExpectEpoch(judged.user.id, judged.user.epoch),
            Change::ExpectClient(judged.client.id.clone(), judged.client.revision),
            Change::InsertSession(Box::new(session.clone())),
            Change::Record(Box::new(AuditEvent { detail: Some(session.mode().as_str().into()), ..event })),
        ];
        let ending = self.horizon.ending(EndReason::Replaced, now);
        changes.extend(opening.replaces.map(|old| Change::EndSession(old, ending)));
        changes.extend(self.most_sessions.map(|most| Change::EndOldestSessionsOf {
            user: session.user,
            except: session.id,
            keep: most.get() - 1,
            ending,
        }));
        let replaced = AuditEvent::by_user(AuditEventKind::SessionEnded, session.user, &opening.from, now);
        changes.push(Change::RecordSessionEnds(Box::new(replaced.because(EndReason::Replaced))));
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
        shown: &RefreshToken,
        narrowed: Option<&str>,
        from: &ClientInfo,
        now: Time,
    ) -> Result<IssuedSession<TokenPair>, ServiceError> {
        for _ in 0..ATTEMPTS {
            // With the head: what is revoked after this line stands behind it.
            let standing = self.store.standing(shown.session()).await?.ok_or(InvalidCredential::Unknown)?;
            let pepper = standing.session.pepper().ok_or(InvalidCredential::WrongKind)?;
            let ring = self.keys.ring();
            let pepper = ring.pepper_of(pepper).ok_or(InvalidCredential::Unknown)?;
            let judgement = standing.session.rotate(shown, pepper, self.grace, now)?;
            let scope = match judgement {
                // Whatever else is asked for: the family ends.
                RefreshOutcome::ReuseDetected => None,
                RefreshOutcome::Rotate(_)
                | RefreshOutcome::RepeatCurrent
                | RefreshOutcome::RepeatWithinGrace => {
                    standing.holds()?;
                    // Before anything turns: who asks for too much still holds a good token.
                    narrow(standing.session.scope.as_deref(), narrowed)?
                }
            };
            let Some(session) = self.settle(&standing, judgement, from, now).await? else { continue };
            let life = seconds(standing.client.lifetimes.access);
            let pair = self.pair(&session, &standing.user.roles, scope, life, standing.head, now)?;
            return Ok(IssuedSession { session, issued: pair, user: standing.user });
        }
        Err(InternalError::Contention.into())
    }

    /// Makes the judgement durable. `None` if somebody was faster, and it must be judged again.
    async fn settle(
        &self,
        standing: &SessionContext,
        judgement: RefreshOutcome,
        from: &ClientInfo,
        now: Time,
    ) -> Result<Option<Session>, ServiceError> {
        let kept = &standing.session;
        match judgement {
            RefreshOutcome::Rotate(next) => self.advance(standing, *next, from, now).await,
            RefreshOutcome::RepeatCurrent | RefreshOutcome::RepeatWithinGrace => {
                self.repeat(kept, from, now).await.map(Some)
            }
            RefreshOutcome::ReuseDetected => {
                let ending =
                    Change::EndSession(kept.id, self.horizon.ending(EndReason::RefreshReuseDetected, now));
                let event = of(kept, AuditEventKind::RefreshReplayed, from, now);
                let event =
                    AuditEvent { actor: Actor::Anonymous, ..event.because(EndReason::RefreshReuseDetected) };
                match self.store.commit(&[ending, Change::Record(Box::new(event))]).await? {
                    CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => {
                        Err(InvalidCredential::RefreshReuseDetected.into())
                    }
                }
            }
        }
    }

    async fn advance(
        &self,
        standing: &SessionContext,
        next: Session,
        from: &ClientInfo,
        now: Time,
    ) -> Result<Option<Session>, ServiceError> {
        let next = Session { from: from.clone(), ..next };
        let changes = [
            Change::ExpectEpoch(standing.user.id, standing.user.epoch),
            Change::ExpectClient(standing.client.id.clone(), standing.client.revision),
            Change::ReplaceSession(Box::new(next.clone())),
            Change::Record(Box::new(of(&next, AuditEventKind::Refreshed, from, now))),
        ];
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(_) => Ok(Some(next)),
            CommitOutcome::Conflict(_) => Ok(None),
        }
    }

    /// How many refreshes were answered again so far, for whoever watches.
    pub fn repeated(&self) -> u64 {
        self.repeats.allowed()
    }

    /// Gives the same answer again: nothing turns. Told to the journal if it goes somewhere else.
    async fn repeat(&self, kept: &Session, from: &ClientInfo, now: Time) -> Result<Session, ServiceError> {
        let SessionCredential::Refresh { turn, .. } = kept.stub else {
            return Err(InvalidCredential::WrongKind.into());
        };
        if !self.repeats.allow(kept.id, turn, now) {
            return Err(ClientError::RateLimited(self.grace.length).into());
        }
        if kept.from != *from {
            let event = of(kept, AuditEventKind::RefreshRepeated, from, now);
            let _: CommitOutcome = self.store.commit(&[Change::Record(Box::new(event))]).await?;
        }
        Ok(kept.clone())
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
        wanted: &TokenRequest,
        from: &ClientInfo,
        now: Time,
    ) -> Result<(IssuedAccessToken, Option<String>), ServiceError> {
        let standing = self.store.standing(session).await?.ok_or(InvalidCredential::Unknown)?;
        standing.session.is_live(now)?;
        standing.holds()?;
        // Without leeway: who trades a token just after its end for the next would have one for ever.
        if bounds.is_some_and(|bounds| bounds.expires_at <= now) {
            return Err(InvalidCredential::Expired.into());
        }
        let scope = self.grant(&standing, bounds, wanted)?;
        let audience = wanted.audience.clone().map_or_else(|| self.own_audience(), |one| vec![one]);
        let life = bounds.map_or(EXCHANGED, |bounds| EXCHANGED.min(bounds.expires_at.since(now)));
        let kept = Session { scope: scope.clone(), ..standing.session };
        let access = self.mint(&kept, &standing.user.roles, audience, life, standing.head, now)?;
        let event = Change::Record(Box::new(of(&kept, AuditEventKind::Exchanged, from, now)));
        match self.store.commit(&[Change::ExpectLive(session, now), event]).await? {
            CommitOutcome::Applied(_) => Ok((access, scope)),
            CommitOutcome::Conflict(_) => Err(InvalidCredential::Ended.into()),
        }
    }

    /// The scope of an exchange, if audience and scope are within what may be asked for.
    fn grant(
        &self,
        standing: &SessionContext,
        bounds: Option<&AccessBounds>,
        wanted: &TokenRequest,
    ) -> Result<Option<String>, ClientError> {
        let allowed = |audience: &String| *audience == self.name || standing.client.allows_audience(audience);
        if !wanted.audience.as_ref().is_none_or(allowed) {
            return Err(ClientError::NotGranted("audience"));
        }
        let wanted = wanted.scope.as_deref();
        let scope = match (bounds, &standing.session.scope) {
            (Some(bounds), _) => narrow(bounds.scope.as_deref(), wanted)?,
            (None, Some(granted)) => narrow(Some(granted), wanted)?,
            // A login that was limited to no scope may ask for any that its client may have.
            (None, None) => wanted,
        };
        if scope.is_some_and(|scope| !standing.client.allows_scope(scope)) {
            return Err(ClientError::NotGranted("scope"));
        }
        Ok(scope.map(str::to_owned))
    }

    fn pair(
        &self,
        session: &Session,
        roles: &[String],
        scope: Option<&str>,
        life: Duration,
        pos: Position,
        now: Time,
    ) -> Result<TokenPair, ServiceError> {
        let ring = self.keys.ring();
        let pepper = session.pepper().and_then(|id| ring.pepper_of(id)).ok_or(InvalidCredential::Unknown)?;
        let narrowed = Session { scope: scope.map(str::to_owned), ..session.clone() };
        Ok(TokenPair {
            access: self.mint(&narrowed, roles, self.own_audience(), life, pos, now)?,
            refresh: session.refresh_token(pepper).ok_or(InvalidCredential::WrongKind)?,
            refresh_expires_at: session.ends_at(),
        })
    }

    /// Signs an access token of `session`. It never outlives the session's absolute end.
    fn mint(
        &self,
        session: &Session,
        roles: &[String],
        audience: Vec<String>,
        life: Duration,
        pos: Position,
        now: Time,
    ) -> Result<IssuedAccessToken, ServiceError> {
        let expires_at = (now + life).min(session.expires_at);
        let claims = AccessClaims {
            iss: self.name.clone(),
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
        let compact = self.keys.ring().signing().sign(ACCESS_TYP, &claims.to_json())?;
        Ok(IssuedAccessToken {
            token: AccessToken::signed(compact),
            expires_at: Time::from_unix_seconds(expires_at.unix_seconds()),
        })
    }

    fn own_audience(&self) -> Vec<String> {
        vec![self.name.clone()]
    }
}

impl Session {
    /// Opens the record of a login with this stub.
    pub fn open(
        id: SessionId,
        stub: SessionCredential,
        judged: &AuthenticatedUser,
        opening: &NewSession,
        now: Time,
    ) -> Self {
        let (idle, absolute) = lives(&stub, &judged.client.lifetimes);
        Self {
            id,
            user: judged.user.id,
            client: judged.client.id.clone(),
            stub,
            authenticated_at: now,
            amr: judged.amr.clone(),
            seen_at: now,
            idle,
            expires_at: now + absolute,
            pos: judged.pos,
            scope: None,
            from: opening.from.clone(),
            label: opening.label.clone(),
            ended: None,
            revision: 0,
        }
    }
}

/// How long a session with this stub may lie unused, and lives at most.
fn lives(stub: &SessionCredential, lifetimes: &Lifetimes) -> (Duration, Duration) {
    let (idle, absolute) = match stub {
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
fn of(session: &Session, kind: AuditEventKind, from: &ClientInfo, now: Time) -> AuditEvent {
    AuditEvent::by_user(kind, session.user, from, now).in_session(session.id, session.client.clone())
}

/// The scope that was asked for, if all of it was granted; what was granted, if none was asked for.
fn narrow<'a>(granted: Option<&'a str>, asked: Option<&'a str>) -> Result<Option<&'a str>, ClientError> {
    let Some(asked) = asked else { return Ok(granted) };
    let granted: Vec<&str> = granted.unwrap_or_default().split(' ').collect();
    if asked.split(' ').all(|one| !one.is_empty() && granted.contains(&one)) {
        return Ok(Some(asked));
    }
    Err(ClientError::NotGranted("scope"))
}
