//! Tokens that an operator has minted by hand: for machines, and for trying things out as a user.

use std::time::Duration;

use counterfoil_jose::{Time, random};
use counterfoil_verify::{AccessClaims, ClientId, RevocationPosition, SessionId, TokenId, UserId};

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
const OPERATOR_AMR: &str = "operator";

/// The most characters of a machine's name.
const MAX_SUBJECT_LENGTH: usize = 128;

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
    pub subject: MintSubject,
    /// Who is to take it; the issuer itself if nobody is named.
    pub audience: Option<String>,
    /// With which scope.
    pub scope: Option<String>,
    /// How long it lives; as long as that of a login in mode `jwt` if nothing is said.
    pub lifetime: Option<Duration>,
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
    pub async fn mint(
        &self,
        request: &MintRequest,
        context: &RevocationContext,
        now: Time,
    ) -> Result<MintedToken, ServiceError> {
        match &request.subject {
            MintSubject::User(user) => self.mint_for_user(*user, request, context, now).await,
            MintSubject::Machine(name) => self.mint_for_machine(name, request, context, now).await,
        }
    }

    async fn mint_for_user(
        &self,
        user: UserId,
        request: &MintRequest,
        context: &RevocationContext,
        now: Time,
    ) -> Result<MintedToken, ServiceError> {
        for _ in 0..ATTEMPTS {
            let authenticated = self.authenticated_user(user).await?;
            let lifetime = self.minted_lifetime(request, authenticated.client.lifetimes.jwt)?;
            let id = SessionId::from_bytes(random::bytes()?);
            let new_session = NewSession { label: Some("minted by hand".into()), ..NewSession::default() };
            let opened = Session::new(id, SessionCredential::AccessOnly, &authenticated, &new_session, now);
            let scope = request.scope.clone();
            let session = Session { idle: lifetime, expires_at: now + lifetime, scope, ..opened };
            let subject = (user.to_string(), authenticated.user.roles.clone());
            let session_and_client = (session.id, &session.client);
            let claims =
                self.minted_claims(request, subject, session_and_client, authenticated.pos, (now, lifetime))?;
            let event = AuditEvent::by_actor(
                AuditEventKind::TokenMinted,
                context.actor.clone(),
                &context.client_info,
                now,
            )
            .with_user(user)
            .with_session(session.id, session.client.clone())
            .with_detail(claims.jti.to_string());
            let changes = [
                Change::ExpectEpoch(user, authenticated.user.epoch),
                Change::ExpectClient(authenticated.client.id.clone(), authenticated.client.revision),
                Change::InsertSession(Box::new(session.clone())),
                Change::RecordEvent(Box::new(event)),
            ];
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return self.sign_minted(&claims, Some(session.id));
            }
        }
        Err(InternalError::Contention.into())
    }

    /// Judges a user by an operator's word, as a login would have: the head of the log first.
    async fn authenticated_user(&self, user: UserId) -> Result<AuthenticatedUser, ServiceError> {
        let pos = self.store.revocation_log_head().await?;
        let client = self.minting_client().await?;
        let user = self.store.user(user).await?.filter(User::is_enabled).ok_or(ClientError::LoginFailed)?;
        Ok(AuthenticatedUser { user, client, pos, amr: vec![OPERATOR_AMR.into()], mode: Mode::Jwt })
    }

    async fn minting_client(&self) -> Result<Client, ServiceError> {
        let client = self.store.client(&ClientId::default()).await?;
        Ok(client.filter(|client| client.allows(Mode::Jwt)).ok_or(ClientError::Client("mode jwt"))?)
    }

    /// The claims of a token in the login `session`, or of none.
    fn minted_claims(
        &self,
        request: &MintRequest,
        (sub, roles): (String, Vec<String>),
        (session, client): (SessionId, &ClientId),
        pos: Position,
        (now, lifetime): (Time, Duration),
    ) -> Result<AccessClaims, ServiceError> {
        Ok(AccessClaims {
            iss: self.issuer.clone(),
            aud: vec![request.audience.clone().unwrap_or_else(|| self.issuer.clone())],
            sub,
            client_id: client.clone(),
            iat: now.unix_seconds(),
            exp: (now + lifetime).unix_seconds(),
            nbf: None,
            jti: TokenId::from_bytes(random::bytes()?),
            sid: session,
            auth_time: now.unix_seconds(),
            amr: vec![OPERATOR_AMR.into()],
            acr: None,
            scope: request.scope.clone(),
            roles,
            pos,
            extra: serde_json::Map::new(),
        })
    }

    async fn mint_for_machine(
        &self,
        name: &str,
        request: &MintRequest,
        context: &RevocationContext,
        now: Time,
    ) -> Result<MintedToken, ServiceError> {
        validate_machine_name(name)?;
        let pos = self.store.revocation_log_head().await?;
        let client = self.minting_client().await?;
        let lifetime = self.minted_lifetime(request, client.lifetimes.jwt)?;
        // Of no login: nothing is found under it, and the issuer's own routes let nobody in by it.
        let session = SessionId::from_bytes(random::bytes()?);
        let subject = (name.to_owned(), Vec::new());
        let claims = self.minted_claims(request, subject, (session, &client.id), pos, (now, lifetime))?;
        let event = AuditEvent::by_actor(
            AuditEventKind::TokenMinted,
            context.actor.clone(),
            &context.client_info,
            now,
        )
        .with_client(client.id.clone())
        .with_detail(format!("{} for {name}", claims.jti));
        let expected = Change::ExpectClient(client.id.clone(), client.revision);
        match self.store.commit(&[expected, Change::RecordEvent(Box::new(event))]).await? {
            CommitOutcome::Applied(_) => self.sign_minted(&claims, None),
            CommitOutcome::Conflict(_) => Err(InternalError::Contention.into()),
        }
    }

    fn sign_minted(
        &self,
        claims: &AccessClaims,
        session: Option<SessionId>,
    ) -> Result<MintedToken, ServiceError> {
        let compact = self.keys.active_keys().signing_key().sign(ACCESS_TYP, &claims.to_json())?;
        let expires_at = Time::from_unix_seconds(claims.exp);
        let access = IssuedAccessToken { token: AccessToken::signed(compact), expires_at };
        Ok(MintedToken { access, id: claims.jti, session })
    }

    /// The life that is wanted, or the usual one, within what the log of revocations covers.
    fn minted_lifetime(&self, request: &MintRequest, default_seconds: u64) -> Result<Duration, ClientError> {
        let (lifetime, max) = (
            request.lifetime.unwrap_or(Duration::from_secs(default_seconds)),
            self.retention.max_access_lifetime(),
        );
        if lifetime < Duration::from_secs(1) || lifetime > max {
            let detail = format!("is to be 1 to {} seconds, as long as any client's tokens", max.as_secs());
            return Err(ClientError::Field { field: "lifetime", detail });
        }
        Ok(lifetime)
    }
}

/// A machine is called by visible ASCII that nobody takes for a user.
fn validate_machine_name(name: &str) -> Result<(), ClientError> {
    let invalid = |detail: &str| Err(ClientError::Field { field: "subject", detail: detail.into() });
    let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic());
    if name.is_empty() || name.len() > MAX_SUBJECT_LENGTH || !is_plain {
        return invalid("is to be 1 to 128 characters of visible ASCII");
    }
    if name.parse::<UserId>().is_ok() {
        return invalid("reads like the id of a user; a user has logins of their own");
    }
    Ok(())
}
