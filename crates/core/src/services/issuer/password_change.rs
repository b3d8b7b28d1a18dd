//! A password change in a session: the session stays, with a new credential.

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationPosition, SessionId};

use crate::client_error::{ClientError, InvalidCredential};
use crate::credentials::refresh_token::Salt;
use crate::credentials::session_token::SessionToken;
use crate::model::audit_event::Actor;
use crate::model::session::{ClientInfo, Mode, Session, SessionCredential};
use crate::services::account::{AuthorizedPasswordChange, KeptSession, PasswordChangeContext, complete_ends};
use crate::services::issuer::{
    AccessBounds, IssuedAccessToken, IssuedSession, Issuer, MAX_EXCHANGED_LIFETIME, TokenContent, TokenPair,
    check_token_length, seconds,
};
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{CommitOutcome, Expectation, SessionContext, Transaction};

/// The new credential of a session, after its former ones became invalid.
#[derive(Debug)]
pub enum RenewedCredential {
    /// Mode `session`.
    SessionToken(SessionToken),
    /// Mode `jwt`; and in each mode, if a limited access token was presented.
    AccessToken(IssuedAccessToken),
    /// Mode `hybrid`.
    TokenPair(TokenPair),
}

/// The session for which the password is changed, and how it is presented.
#[derive(Debug)]
pub struct PresentedForChange<'a> {
    /// The session.
    pub session: SessionId,
    /// The limits of the presented access token; `None` for a session token.
    pub access: Option<&'a AccessBounds>,
    /// The maximum length of the new access token in characters
    /// ([`NewSession::max_token_length`](crate::services::issuer::NewSession::max_token_length)).
    pub max_token_length: Option<usize>,
}

impl Issuer {
    /// Changes the password, ends every other session of the user, and replaces the credentials of this session, in one
    /// commit. When it returns, every token that the session had is invalid: its session token or refresh token, and all
    /// its access tokens, exchanged ones included. A former refresh token is unknown, so its use is no reuse and ends
    /// nothing. Otherwise the thief of a credential would keep this session.
    ///
    /// A limited access token, which is one that was exchanged for a narrower scope or for a session token, gets a new token
    /// with the same limits. The session's own credential is then replaced by one that no client gets.
    ///
    /// # Errors
    ///
    /// [`ClientError::Credential`] if the session has ended;
    /// [`ClientError::PasswordChangeFailed`] if the password was changed in the meantime;
    /// [`ClientError::Field`] if the new token is too long for its transport. Then nothing
    /// is changed.
    pub async fn change_password(
        &self,
        mut change: AuthorizedPasswordChange,
        presented: &PresentedForChange<'_>,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<IssuedSession<RenewedCredential>, ServiceError> {
        let context = PasswordChangeContext { actor: Actor::User(change.user()), client_info, now };
        for _ in 0..ATTEMPTS {
            let stored = self.store.session_context(presented.session).await?;
            let stored = stored.ok_or(InvalidCredential::Unknown)?;
            stored.session.check_active(now)?;
            stored.check_access()?;
            if stored.user.id != change.user() {
                return Err(InvalidCredential::Unknown.into());
            }
            let revalidated = change.revalidated(Some(stored.user.clone()));
            change = revalidated.map_err(ClientError::PasswordChangeFailed)?;
            let mut renewal = self.renewal(stored, presented.access, client_info, now)?;
            // Before the commit: a token that cannot be issued must not cost the session. The position is not known yet.
            let head = renewal.context.revocation_log_head;
            if let Some(access) = self.renewed_access(&renewal, head, now)? {
                check_token_length(access, presented.max_token_length)?;
            }
            // The tokens of before are revoked and the session stays, so the next tokens name another index.
            let replaced = self.status_references.as_ref().zip(renewal.context.session.status_index);
            let kept = KeptSession {
                session: &renewal.context.session,
                revoked_index: replaced.map(|(_, index)| index),
            };
            let mut changes = change.changes(&self.retention, Some(kept), &context);
            changes.extend(replaced.map(|(lists, index)| lists.assign(presented.session, Some(index), now)));
            let expectation = Expectation::ActiveSession(presented.session, now);
            match self.store.commit(&Transaction::new(changes).expecting([expectation])).await? {
                CommitOutcome::Applied(applied) => {
                    complete_ends(&*self.store, &applied).await;
                    let former = renewal.context.session.status_index;
                    renewal.context.session.status_index = applied.status_index.or(former);
                    renewal.context.user.password_change_required = false;
                    let position = applied.entries.last().map_or(head, |last| last.position);
                    return self.issue_renewal(renewal, position, now);
                }
                CommitOutcome::Conflict(_) => {}
            }
        }
        Err(InternalError::Contention.into())
    }

    /// The next revision of the session, with a new credential.
    fn renewal<'a>(
        &self,
        stored: SessionContext,
        access: Option<&'a AccessBounds>,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<Renewal<'a>, ServiceError> {
        let token = SessionToken::generate(stored.session.id)?;
        let credential = match stored.session.credential {
            SessionCredential::Cookie(_) => SessionCredential::Cookie(token.hash()),
            SessionCredential::AccessOnly => SessionCredential::AccessOnly,
            // With another salt every former token has a wrong MAC.
            SessionCredential::Refresh { .. } => SessionCredential::Refresh {
                key_id: self.keys.active_keys().refresh_token_key().id(),
                salt: Salt::generate()?,
                counter: 0,
                rotated_at: now,
            },
        };
        let limits = access.filter(|access| self.is_limited(access, &stored.session));
        // No leeway, as at an exchange: the new token ends when this one does.
        if limits.is_some_and(|limits| limits.expires_at <= now) {
            return Err(InvalidCredential::Expired.into());
        }
        let session = stored.session.with_credential(credential, client_info.clone(), now);
        Ok(Renewal { context: SessionContext { session, ..stored }, token, limits })
    }

    /// Whether an access token for this issuer can do less than the session's own credential.
    fn is_limited(&self, access: &AccessBounds, session: &Session) -> bool {
        session.mode() == Mode::Session
            || access.scope != session.scope
            || self.audience_of(session) != self.default_audience()
    }

    /// The new access token, if the answer has one.
    fn renewed_access(
        &self,
        renewal: &Renewal<'_>,
        position: RevocationPosition,
        now: Time,
    ) -> Result<Option<IssuedAccessToken>, ServiceError> {
        let SessionContext { session, user, client, .. } = &renewal.context;
        let lifetime = match (session.mode(), renewal.limits) {
            (_, Some(limits)) => MAX_EXCHANGED_LIFETIME.min(limits.expires_at.since(now)),
            (Mode::Session, None) => return Ok(None),
            (Mode::Jwt, None) => seconds(client.lifetimes.jwt),
            (Mode::Hybrid, None) => seconds(client.lifetimes.access),
        };
        let content = self.token_content(session, user, lifetime, position, now)?;
        let content = match renewal.limits {
            None => content,
            Some(limits) => {
                TokenContent { scope: limits.scope.clone(), audience: self.default_audience(), ..content }
            }
        };
        Ok(Some(self.sign_access_token(content)?))
    }

    /// Issues the credential after the commit, at the position of the revocation of the former ones.
    fn issue_renewal(
        &self,
        renewal: Renewal<'_>,
        position: RevocationPosition,
        now: Time,
    ) -> Result<IssuedSession<RenewedCredential>, ServiceError> {
        let access = self.renewed_access(&renewal, position, now)?;
        let Renewal { context: SessionContext { session, user, .. }, token, limits } = renewal;
        let credential = match (access, session.mode(), limits) {
            (None, ..) => RenewedCredential::SessionToken(token),
            (Some(access), Mode::Hybrid, None) => {
                RenewedCredential::TokenPair(self.token_pair(&session, access)?)
            }
            (Some(access), ..) => RenewedCredential::AccessToken(access),
        };
        Ok(IssuedSession { session, credential, user })
    }
}

/// A session with its new credential, before the commit.
struct Renewal<'a> {
    /// The session with its new credential, its user and its client.
    context: SessionContext,
    /// The session token of mode `session`; unused in the other modes.
    token: SessionToken,
    /// The limits of the presented token, if it can do less than the session's own credential.
    limits: Option<&'a AccessBounds>,
}
