//! Access tokens that an operator mints by hand, for machines or to test as a user.

use std::time::Duration;

use serde_json::Map;

use counterfoil_jose::{Time, random};
use counterfoil_verify::{ClientId, RevocationPosition, SessionId, TokenId, UserId};

use crate::client_error::{ClientError, LoginFailure};
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::client::Client;
use crate::model::session::{ClientInfo, Mode, Session, SessionCredential};
use crate::model::user::User;
use crate::services::issuer::{AccessGrant, IssuedAccessToken, Issuer};
use crate::services::revoker::RevocationContext;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, Expectation, Transaction};

/// The `amr` of a minted token (RFC 8176). Nothing was authenticated, so a service that requires a password or a second
/// factor rejects the token.
const OPERATOR_AMR: &str = "operator";

/// The maximum length of a machine's name in characters.
const MAX_SUBJECT_LENGTH: usize = 128;

/// The subject of a minted token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MintSubject {
    /// A user. The token gets a new session, which is listed and can be ended like any other.
    User(UserId),
    /// A machine, which has no user and no session record. The token can be revoked by its id only.
    Machine(String),
}

/// What an operator requests.
#[derive(Debug, Clone)]
pub struct MintRequest {
    /// The subject (`sub`).
    pub subject: MintSubject,
    /// The audience (`aud`); `None`: the issuer itself.
    pub audience: Option<String>,
    /// The scope.
    pub scope: Option<String>,
    /// The lifetime; `None`: the lifetime of tokens in mode `jwt`.
    pub lifetime: Option<Duration>,
}

/// A minted token.
#[derive(Debug)]
pub struct MintedToken {
    /// The token.
    pub access: IssuedAccessToken,
    /// The token id (`jti`), by which the token can be revoked.
    pub id: TokenId,
    /// The session of the token, if the subject is a user.
    pub session: Option<SessionId>,
}

impl Issuer {
    /// Mints an access token. It is audited before it is returned.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`] for an invalid machine name, or for a lifetime longer than the longest of all clients:
    /// revocations are not kept longer, so a revoked token would become valid again. [`ClientError::LoginFailed`] for a
    /// user who is disabled or does not exist.
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
            // The position first, so that a revocation in between is not missed.
            let pos = self.store.revocation_log_head().await?;
            let client = self.minting_client().await?;
            let stored = self.store.user(user).await?.filter(User::is_enabled);
            let stored = stored.ok_or(ClientError::LoginFailed(LoginFailure::UnknownUser))?;
            let lifetime = self.minted_lifetime(request, client.lifetimes.jwt)?;
            let id = SessionId::from_bytes(random::bytes()?);
            let session = minted_session(id, (&stored, &client), request, lifetime, pos, now);
            let content = self.token_content(&session, &stored, lifetime, pos, now)?;
            let claims = self.first_claims(content, None)?;
            let event = AuditEvent::by_actor(
                AuditEventKind::TokenMinted,
                context.actor.clone(),
                &context.client_info,
                now,
            )
            .with_user(user)
            .with_session(session.id, session.client.clone())
            .with_detail(claims.jti.to_string());
            let expectations = [
                Expectation::Epoch(user, stored.epoch),
                Expectation::ClientRevision(client.id.clone(), client.revision),
            ];
            let mut changes = vec![Change::insert_session(session.clone()), Change::record_event(event)];
            changes.extend(self.status_references.as_ref().map(|lists| lists.assign(session.id, None, now)));
            let transaction = Transaction::new(changes).expecting(expectations);
            if let CommitOutcome::Applied(applied) = self.store.commit(&transaction).await? {
                let token_id = claims.jti;
                let session = Session { status_index: applied.status_index, ..session };
                let access = self.sign_first(claims, &session)?;
                return Ok(MintedToken { access, id: token_id, session: Some(session.id) });
            }
        }
        Err(InternalError::Contention.into())
    }

    fn minted_audience(&self, request: &MintRequest) -> Vec<String> {
        request.audience.clone().map_or_else(|| self.default_audience(), |audience| vec![audience])
    }

    async fn minting_client(&self) -> Result<Client, ServiceError> {
        let client = self.store.client(&ClientId::default()).await?;
        Ok(client.filter(|client| client.allows(Mode::Jwt)).ok_or(ClientError::Client("mode jwt"))?)
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
        // No session has this id, so the issuer's own routes reject the token.
        let session = SessionId::from_bytes(random::bytes()?);
        let claims = self.access_claims(AccessGrant {
            subject: name.to_owned(),
            roles: Vec::new(),
            username: None,
            client: client.id.clone(),
            session,
            audience: self.minted_audience(request),
            scope: request.scope.clone(),
            authenticated_at: now,
            amr: vec![OPERATOR_AMR.into()],
            acr: None,
            pos,
            issued_at: now,
            expires_at: now + lifetime,
            // The lists are about sessions.
            status: None,
            further_claims: Map::new(),
        })?;
        let event = AuditEvent::by_actor(
            AuditEventKind::TokenMinted,
            context.actor.clone(),
            &context.client_info,
            now,
        )
        .with_client(client.id.clone())
        .with_detail(format!("{} for {name}", claims.jti));
        let expected = Expectation::ClientRevision(client.id.clone(), client.revision);
        match self
            .store
            .commit(&Transaction::new([Change::record_event(event)]).expecting([expected]))
            .await?
        {
            CommitOutcome::Applied(_) => {
                Ok(MintedToken { access: self.sign(&claims)?, id: claims.jti, session: None })
            }
            CommitOutcome::Conflict(_) => Err(InternalError::Contention.into()),
        }
    }

    /// The requested or default lifetime, if revocations are kept for as long.
    fn minted_lifetime(&self, request: &MintRequest, default_seconds: u64) -> Result<Duration, ClientError> {
        let (lifetime, max) = (
            request.lifetime.unwrap_or(Duration::from_secs(default_seconds)),
            self.retention.max_access_lifetime(),
        );
        if lifetime < Duration::from_secs(1) || lifetime > max {
            let detail = format!(
                "must be between 1 and {} seconds, the longest lifetime of any client",
                max.as_secs()
            );
            return Err(ClientError::Field { field: "lifetime", detail });
        }
        Ok(lifetime)
    }
}

/// The session of a minted token. It is listed and can be ended like any other.
fn minted_session(
    id: SessionId,
    (user, client): (&User, &Client),
    request: &MintRequest,
    lifetime: Duration,
    pos: RevocationPosition,
    now: Time,
) -> Session {
    Session {
        id,
        user: user.id,
        client: client.id.clone(),
        credential: SessionCredential::AccessOnly,
        authenticated_at: now,
        amr: vec![OPERATOR_AMR.into()],
        acr: None,
        seen_at: now,
        idle: lifetime,
        expires_at: now + lifetime,
        pos,
        scope: request.scope.clone(),
        audience: request.audience.clone(),
        client_info: ClientInfo::default(),
        label: Some("minted by hand".into()),
        status_index: None,
        ended: None,
        revision: 0,
    }
}

/// A machine name is visible ASCII, and not a user id, so that it cannot be taken for a user.
fn validate_machine_name(name: &str) -> Result<(), ClientError> {
    let invalid = |detail: &str| Err(ClientError::Field { field: "subject", detail: detail.into() });
    let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic());
    if name.is_empty() || name.len() > MAX_SUBJECT_LENGTH || !is_plain {
        return invalid("must be 1 to 128 characters of visible ASCII");
    }
    if name.parse::<UserId>().is_ok() {
        return invalid("must not be a user id; use the subject `user` to mint for a user");
    }
    Ok(())
}
