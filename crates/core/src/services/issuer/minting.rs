//! Tokens that an operator has minted by hand: for machines, and for trying things out as a user.

use std::time::Duration;

use counterfoil_jose::{Time, random};
use counterfoil_verify::{AccessClaims, ClientId, Position, SessionId, TokenId, UserId};

use crate::client_error::ClientError;
use crate::credentials::access_token::AccessToken;
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::client::Client;
use crate::model::session::{Mode, Session, SessionCredential};
use crate::model::user::User;
use crate::services::account::AuthenticatedUser;
use crate::services::issuer::{ACCESS_TYP, IssuedAccessToken, Issuer, NewSession};
use crate::services::revoker::RevocationContext;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome};

/// What `amr` says of a token that nobody proved anything for: a service that asks for a password or a
/// second factor finds neither.
const BY_HAND: &str = "operator";

/// The most characters of a machine's name.
const LONGEST_SUBJECT: usize = 128;

/// Whom a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MintSubject {
    /// A user, in a login of its own: it stands in their list, and ends as any other does.
    User(UserId),
    /// Something that is no user and has no record: the token alone can be revoked, by its id.
    Machine(String),
}

/// What an operator wants minted.
#[derive(Debug, Clone)]
pub struct MintRequest {
    /// For whom.
    pub whom: MintSubject,
    /// Who is to take it; the issuer itself if nobody is named.
    pub audience: Option<String>,
    /// With which scope.
    pub scope: Option<String>,
    /// How long it lives; as long as that of a login in mode `jwt` if nothing is said.
    pub life: Option<Duration>,
}

/// What was minted.
#[derive(Debug)]
pub struct MintedToken {
    /// The token.
    pub access: IssuedAccessToken,
    /// By what it is revoked alone.
    pub id: TokenId,
    /// The login that it is of, where there is one.
    pub session: Option<SessionId>,
}

impl Issuer {
    /// Mints an access token by hand. It is journalled before it is handed over.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`] for a name that a machine cannot have, or a life that is longer than that of any
    /// token which clients may be given: revocations are remembered no longer. [`ClientError::LoginFailed`] for a user who
    /// is disabled, or gone.
    pub async fn mint_by_hand(
        &self,
        minting: &MintRequest,
        reason: &RevocationContext,
        now: Time,
    ) -> Result<MintedToken, ServiceError> {
        match &minting.whom {
            MintSubject::User(user) => self.mint_for_user(*user, minting, reason, now).await,
            MintSubject::Machine(name) => self.mint_for_machine(name, minting, reason, now).await,
        }
    }

    async fn mint_for_user(
        &self,
        user: UserId,
        minting: &MintRequest,
        reason: &RevocationContext,
        now: Time,
    ) -> Result<MintedToken, ServiceError> {
        for _ in 0..ATTEMPTS {
            let judged = self.judged_by_hand(user).await?;
            let life = self.life_by_hand(minting, judged.client.lifetimes.jwt)?;
            let id = SessionId::from_bytes(random::bytes()?);
            let opening = NewSession { label: Some("minted by hand".into()), ..NewSession::default() };
            let opened = Session::open(id, SessionCredential::AccessOnly, &judged, &opening, now);
            let scope = minting.scope.clone();
            let session = Session { idle: life, expires_at: now + life, scope, ..opened };
            let who = (user.to_string(), judged.user.roles.clone());
            let of = (session.id, &session.client);
            let claims = self.claims_by_hand(minting, who, of, judged.pos, (now, life))?;
            let event = AuditEvent::by(AuditEventKind::TokenMinted, reason.actor.clone(), &reason.from, now)
                .about(user)
                .in_session(session.id, session.client.clone())
                .telling(claims.jti.to_string());
            let changes = [
                Change::ExpectEpoch(user, judged.user.epoch),
                Change::ExpectClient(judged.client.id.clone(), judged.client.revision),
                Change::InsertSession(Box::new(session.clone())),
                Change::Record(Box::new(event)),
            ];
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return self.minted(&claims, Some(session.id));
            }
        }
        Err(InternalError::Contention.into())
    }

    /// Judges a user by an operator's word, as a login would have: the head of the log first.
    async fn judged_by_hand(&self, user: UserId) -> Result<AuthenticatedUser, ServiceError> {
        let pos = self.store.head().await?;
        let client = self.client_by_hand().await?;
        let user = self.store.user(user).await?.filter(User::is_enabled).ok_or(ClientError::LoginFailed)?;
        Ok(AuthenticatedUser { user, client, pos, amr: vec![BY_HAND.into()], mode: Mode::Jwt })
    }

    async fn client_by_hand(&self) -> Result<Client, ServiceError> {
        let client = self.store.client(&ClientId::default()).await?;
        Ok(client.filter(|client| client.allows(Mode::Jwt)).ok_or(ClientError::Client("mode jwt"))?)
    }

    /// The claims of a token in the login `session`, or of none.
    fn claims_by_hand(
        &self,
        minting: &MintRequest,
        (sub, roles): (String, Vec<String>),
        (session, client): (SessionId, &ClientId),
        pos: Position,
        (now, life): (Time, Duration),
    ) -> Result<AccessClaims, ServiceError> {
        Ok(AccessClaims {
            iss: self.name.clone(),
            aud: vec![minting.audience.clone().unwrap_or_else(|| self.name.clone())],
            sub,
            client_id: client.clone(),
            iat: now.unix_seconds(),
            exp: (now + life).unix_seconds(),
            nbf: None,
            jti: TokenId::from_bytes(random::bytes()?),
            sid: session,
            auth_time: now.unix_seconds(),
            amr: vec![BY_HAND.into()],
            acr: None,
            scope: minting.scope.clone(),
            roles,
            pos,
            extra: serde_json::Map::new(),
        })
    }

    async fn mint_for_machine(
        &self,
        name: &str,
        minting: &MintRequest,
        reason: &RevocationContext,
        now: Time,
    ) -> Result<MintedToken, ServiceError> {
        judge_name(name)?;
        let pos = self.store.head().await?;
        let client = self.client_by_hand().await?;
        let life = self.life_by_hand(minting, client.lifetimes.jwt)?;
        // Of no login: nothing is found under it, and the issuer's own routes let nobody in by it.
        let session = SessionId::from_bytes(random::bytes()?);
        let who = (name.to_owned(), Vec::new());
        let claims = self.claims_by_hand(minting, who, (session, &client.id), pos, (now, life))?;
        let event = AuditEvent::by(AuditEventKind::TokenMinted, reason.actor.clone(), &reason.from, now)
            .of_client(client.id.clone())
            .telling(format!("{} for {name}", claims.jti));
        let expected = Change::ExpectClient(client.id.clone(), client.revision);
        match self.store.commit(&[expected, Change::Record(Box::new(event))]).await? {
            CommitOutcome::Applied(_) => self.minted(&claims, None),
            CommitOutcome::Conflict(_) => Err(InternalError::Contention.into()),
        }
    }

    fn minted(&self, claims: &AccessClaims, session: Option<SessionId>) -> Result<MintedToken, ServiceError> {
        let compact = self.keys.ring().signing().sign(ACCESS_TYP, &claims.to_json())?;
        let expires_at = Time::from_unix_seconds(claims.exp);
        let access = IssuedAccessToken { token: AccessToken::signed(compact), expires_at };
        Ok(MintedToken { access, id: claims.jti, session })
    }

    /// The life that is wanted, or the usual one, within what the log of revocations covers.
    fn life_by_hand(&self, minting: &MintRequest, usual: u64) -> Result<Duration, ClientError> {
        let (life, most) =
            (minting.life.unwrap_or(Duration::from_secs(usual)), self.horizon.longest_access());
        if life < Duration::from_secs(1) || life > most {
            let detail = format!("is to be 1 to {} seconds, as long as any client's tokens", most.as_secs());
            return Err(ClientError::Field { field: "lifetime", detail });
        }
        Ok(life)
    }
}

/// A machine is called by visible ASCII that nobody takes for a user.
fn judge_name(name: &str) -> Result<(), ClientError> {
    let fault = |detail: &str| Err(ClientError::Field { field: "subject", detail: detail.into() });
    let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic());
    if name.is_empty() || name.len() > LONGEST_SUBJECT || !is_plain {
        return fault("is to be 1 to 128 characters of visible ASCII");
    }
    if name.parse::<UserId>().is_ok() {
        return fault("reads like the id of a user; a user has logins of their own");
    }
    Ok(())
}
