//! Login: creates the session and issues its first credential.

use std::time::Duration;

use counterfoil_jose::{Time, random};
use counterfoil_verify::SessionId;

use crate::credentials::refresh_token::Salt;
use crate::credentials::session_token::SessionToken;
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::client::Lifetimes;
use crate::model::session::{EndReason, Mode, Session, SessionCredential};
use crate::services::account::{AccountService, AuthenticatedUser};
use crate::services::issuer::{IssuedAccessToken, IssuedSession, Issuer, NewSession, TokenPair, seconds};
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, Expectation, Transaction, TransactionPart};

impl Issuer {
    /// Mode `session`: issues an opaque token that is checked against the session record.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`](crate::ClientError::Field) if the client may not request the scope or the audience; an error
    /// if the user or the client changed since the login and the change rejects it.
    pub async fn issue_session(
        &self,
        authenticated: AuthenticatedUser,
        new_session: NewSession,
        now: Time,
    ) -> Result<IssuedSession<SessionToken>, ServiceError> {
        let token = SessionToken::generate(SessionId::from_bytes(random::bytes()?))?;
        let credential = SessionCredential::Cookie(token.hash());
        let create = NewRecord { id: token.session(), credential, new_session: &new_session, now };
        let opened = self.create_session(create, authenticated, |_, _| Ok(()), |(), _| Ok(())).await?;
        Ok(IssuedSession { session: opened.session, credential: token, user: opened.user })
    }

    /// Mode `jwt`: issues a signed token that is verified locally. Its session record is listed, and ended by a logout.
    ///
    /// # Errors
    ///
    /// As [`Issuer::issue_session`]; [`ClientError::Field`](crate::ClientError::Field) also if the token is too long for the
    /// transport.
    pub async fn issue_access_token(
        &self,
        authenticated: AuthenticatedUser,
        new_session: NewSession,
        now: Time,
    ) -> Result<IssuedSession<IssuedAccessToken>, ServiceError> {
        let id = SessionId::from_bytes(random::bytes()?);
        let create =
            NewRecord { id, credential: SessionCredential::AccessOnly, new_session: &new_session, now };
        self.create_session(
            create,
            authenticated,
            |session, authenticated| {
                let lifetime = seconds(authenticated.client().lifetimes.jwt);
                let content =
                    self.token_content(session, authenticated.user(), lifetime, authenticated.pos(), now)?;
                self.first_claims(content, new_session.max_token_length)
            },
            |claims, session| self.sign_first(claims, session),
        )
        .await
    }

    /// Mode `hybrid`: issues a short-lived access token and a refresh token.
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
        let create = NewRecord { id, credential, new_session: &new_session, now };
        self.create_session(
            create,
            authenticated,
            |session, authenticated| {
                let lifetime = seconds(authenticated.client().lifetimes.access);
                let content =
                    self.token_content(session, authenticated.user(), lifetime, authenticated.pos(), now)?;
                self.first_claims(content, new_session.max_token_length)
            },
            |claims, session| self.token_pair(session, self.sign_first(claims, session)?),
        )
        .await
    }

    /// Stores the session if user and client have not changed since the login; otherwise revalidates the login and tries
    /// again. What the credential states is made by `prepare`, before the commit: if that fails, no session is stored. It is
    /// signed by `issue` after the commit, which gives the session its index in the status lists.
    async fn create_session<C, T>(
        &self,
        NewRecord { id, credential, new_session, now }: NewRecord<'_>,
        mut authenticated: AuthenticatedUser,
        prepare: impl Fn(&Session, &AuthenticatedUser) -> Result<C, ServiceError>,
        issue: impl FnOnce(C, &Session) -> Result<T, ServiceError>,
    ) -> Result<IssuedSession<T>, ServiceError> {
        for _ in 0..ATTEMPTS {
            // In the loop: the commit checks that the client is still the one of this check.
            self.check_requested_access(authenticated.client(), &credential, new_session)?;
            let session = Session::new(id, credential, &authenticated, new_session, now);
            let prepared = prepare(&session, &authenticated)?;
            match self.store.commit(&self.session_changes(&session, &authenticated, new_session, now)).await?
            {
                CommitOutcome::Applied(applied) => {
                    let session = Session { status_index: applied.status_index, ..session };
                    let credential = issue(prepared, &session)?;
                    return Ok(IssuedSession { session, credential, user: authenticated.into_user() });
                }
                CommitOutcome::Conflict(TransactionPart::Expectation(_)) => {
                    authenticated = AccountService::revalidate(&*self.store, &authenticated).await?
                }
                // A collision of 128 random bits does not happen by chance.
                CommitOutcome::Conflict(TransactionPart::Change(_)) => {
                    return Err(InternalError::Contention.into());
                }
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
    ) -> Transaction {
        let event =
            AuditEvent::by_user(AuditEventKind::LoginSucceeded, session.user, &new_session.client_info, now)
                .with_session(session.id, session.client.clone());
        let expectations = [
            Expectation::Epoch(authenticated.user().id, authenticated.user().epoch),
            Expectation::ClientRevision(authenticated.client().id.clone(), authenticated.client().revision),
        ];
        let mut changes = vec![
            Change::insert_session(session.clone()),
            Change::record_event(AuditEvent { detail: Some(session.mode().as_str().into()), ..event }),
        ];
        // A session with a session token gets its index with the first token that it is exchanged for.
        if let Some(lists) = self.status_references.as_ref().filter(|_| session.mode() != Mode::Session) {
            changes.push(lists.assign(session.id, None, now));
        }
        let session_ended = |reason| {
            let event = AuditEvent::by_user(
                AuditEventKind::SessionEnded,
                session.user,
                &new_session.client_info,
                now,
            );
            Change::record_session_ends(event.with_reason(reason))
        };
        if let Some(old) = new_session.replaces {
            changes.push(Change::end_session(old, self.retention.session_ending(EndReason::Replaced, now)));
            changes.push(session_ended(EndReason::Replaced));
        }
        if let Some(max) = self.max_sessions {
            let ending = self.retention.session_ending(EndReason::SessionLimit, now);
            changes.push(Change::end_oldest_sessions_of(session.user, session.id, max.get() - 1, ending));
            changes.push(session_ended(EndReason::SessionLimit));
        }
        Transaction::new(changes).expecting(expectations)
    }
}

/// The session that a login creates.
struct NewRecord<'a> {
    id: SessionId,
    credential: SessionCredential,
    new_session: &'a NewSession,
    now: Time,
}

impl Session {
    /// The record of a new login.
    pub fn new(
        id: SessionId,
        credential: SessionCredential,
        authenticated: &AuthenticatedUser,
        new_session: &NewSession,
        now: Time,
    ) -> Self {
        let (idle, absolute) = session_lifetimes(&credential, &authenticated.client().lifetimes);
        Self {
            id,
            user: authenticated.user().id,
            client: authenticated.client().id.clone(),
            credential,
            authenticated_at: authenticated.auth_time(),
            amr: authenticated.amr().to_vec(),
            acr: Some(authenticated.acr().to_owned()),
            seen_at: now,
            idle,
            expires_at: now + absolute,
            pos: authenticated.pos(),
            scope: new_session.scope.clone(),
            audience: new_session.audience.clone(),
            client_info: new_session.client_info.clone(),
            label: new_session.label.clone(),
            status_index: None,
            ended: None,
            revision: 0,
        }
    }
}

/// The idle timeout and the absolute timeout of a session with this credential.
fn session_lifetimes(credential: &SessionCredential, lifetimes: &Lifetimes) -> (Duration, Duration) {
    let (idle, absolute) = match credential {
        SessionCredential::Cookie(_) => (lifetimes.session_idle, lifetimes.session_absolute),
        SessionCredential::AccessOnly => (lifetimes.jwt, lifetimes.jwt),
        SessionCredential::Refresh { .. } => (lifetimes.refresh_idle, lifetimes.refresh_absolute),
    };
    (seconds(idle), seconds(absolute))
}
