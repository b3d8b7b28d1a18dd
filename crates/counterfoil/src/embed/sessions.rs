//! A user's sessions, for the application's own account page.

use std::net::IpAddr;

use counterfoil_core::model::session::{ClientInfo as CoreClientInfo, Mode, Session};
use counterfoil_core::store::{Page, SessionCursor};
use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_verify::{ClientId, CredentialSource, Principal, SessionId};

use crate::app::App;
use crate::embed::Counterfoil;
use crate::embed::client_info::ClientInfo;
use crate::embed::error::Error;
use crate::http::error::AppError;
use crate::http::set_cookie::SetCookies;
use crate::operations::presented_session::PresentedSession;
use crate::operations::scope_limit::check_account_access;
use crate::operations::sessions;

/// How many sessions are read at a time.
const PAGE_SIZE: u32 = 100;

/// How many sessions are listed at most. One user could otherwise make each list slow with thousands of logins.
const MAX_LISTED: usize = 1_000;

/// The sessions of one user. What it ends is in the audit log as the act of the user.
#[derive(Debug)]
pub struct UserSessions<'a> {
    app: &'a App,
    principal: Principal,
    client_info: CoreClientInfo,
}

/// A live session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserSession {
    /// The `sid` of the session's tokens.
    pub id: SessionId,
    /// The kind of credential.
    pub mode: Mode,
    /// The client application.
    pub client_id: ClientId,
    /// The user's name for the device.
    pub label: Option<String>,
    /// The client IP that was last seen.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` that was last seen.
    pub user_agent: Option<String>,
    /// When the user logged in, in Unix seconds.
    pub created_at: u64,
    /// When it was last used, in Unix seconds, to the minute.
    pub seen_at: u64,
    /// When it expires if it is not used, in Unix seconds.
    pub idle_expires_at: u64,
    /// When it expires at the latest, in Unix seconds.
    pub expires_at: u64,
    /// Whether it is the session of the principal.
    pub is_current: bool,
}

/// The session that [`UserSessions::end_all`] keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Except {
    /// The session of the principal: "log out on all other devices".
    Current,
    /// None: "log out everywhere".
    None,
}

/// The sessions that were ended.
#[derive(Debug)]
pub struct EndedSessions {
    count: usize,
    cookies: SetCookies,
}

impl EndedSessions {
    /// How many there were.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The cookies to clear, a part of the response. Empty if the current session continues.
    pub fn cookies(&self) -> SetCookies {
        self.cookies.clone()
    }
}

impl Counterfoil {
    /// The sessions of the user of `principal`.
    ///
    /// ```no_run
    /// use axum::extract::State;
    /// use axum::response::{IntoResponse, Redirect};
    /// use counterfoil::{Counterfoil, Error, Except, Principal};
    ///
    /// async fn log_out_everywhere(
    ///     State(auth): State<Counterfoil>,
    ///     user: Principal,
    /// ) -> Result<impl IntoResponse, Error> {
    ///     let ended = auth.sessions(&user).end_all(Except::None).await?;
    ///     Ok((ended.cookies(), Redirect::to("/")))
    /// }
    /// ```
    pub fn sessions(&self, principal: &Principal) -> UserSessions<'_> {
        UserSessions { app: self.app(), principal: principal.clone(), client_info: CoreClientInfo::default() }
    }
}

impl UserSessions<'_> {
    /// Records this client in the audit log, with what it ends.
    #[must_use]
    pub fn by_client(self, client: &ClientInfo) -> Self {
        Self { client_info: client.to_core(), ..self }
    }

    /// The live sessions, newest first; at most 1,000.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCredential`](crate::ErrorKind::InvalidCredential) if the principal has no session, as one of
    /// a machine token; [`Unavailable`](crate::ErrorKind::Unavailable) if the store cannot be read.
    pub async fn list(&self) -> Result<Vec<UserSession>, Error> {
        let PresentedSession { session, user } = self.current()?;
        let now = self.app.now();
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = Page { after: after.take(), limit: PAGE_SIZE };
            let page = sessions::list(self.app, user, page, now).await.map_err(|error| self.error(error))?;
            let is_last = page.len() < PAGE_SIZE as usize;
            after = page
                .last()
                .map(|last| SessionCursor { authenticated_at: last.authenticated_at, id: last.id });
            all.extend(page.into_iter().map(|one| UserSession::new(one, session)));
            if is_last || all.len() >= MAX_LISTED {
                return Ok(all);
            }
        }
    }

    /// Ends one session of the user.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the user has no such session;
    /// [`NotAllowed`](crate::ErrorKind::NotAllowed) if the credential is limited by scope, without `counterfoil:account`;
    /// [`RateLimited`](crate::ErrorKind::RateLimited) if the user has ended too many
    /// ([`WriteRateLimits`](crate::WriteRateLimits)); [`Unavailable`](crate::ErrorKind::Unavailable) if the end is not
    /// durable.
    pub async fn end(&self, id: SessionId) -> Result<EndedSessions, Error> {
        let current = self.current_with_account_access()?;
        let (client, now) = (self.client_info.clone(), self.app.now());
        let ended =
            sessions::end_one(self.app, current, id, client, now).await.map_err(|error| self.error(error))?;
        if !ended {
            return Err(self.error(AppError::NotFound));
        }
        Ok(self.ended(1, id == current.session))
    }

    /// Ends all sessions of the user, in all modes.
    ///
    /// # Errors
    ///
    /// As [`end`](Self::end), but for `NotFound`.
    pub async fn end_all(&self, except: Except) -> Result<EndedSessions, Error> {
        let current = self.current_with_account_access()?;
        let kept = match except {
            Except::Current => Some(current.session),
            Except::None => None,
        };
        let (client, now) = (self.client_info.clone(), self.app.now());
        let ended = sessions::end_all(self.app, current, kept, client, now).await;
        Ok(self.ended(ended.map_err(|error| self.error(error))?, except == Except::None))
    }

    fn current(&self) -> Result<PresentedSession, Error> {
        PresentedSession::from_principal(&self.principal)
            .ok_or_else(|| self.error(ClientError::from(InvalidCredential::WrongKind)))
    }

    fn current_with_account_access(&self) -> Result<PresentedSession, Error> {
        let forbidden = |error| self.error(AppError::auth(error, CredentialSource::None));
        check_account_access(&self.principal).map_err(forbidden)?;
        self.current()
    }

    fn ended(&self, count: usize, includes_current: bool) -> EndedSessions {
        let cookies = SetCookies::new(&self.app.parts.cookies);
        EndedSessions { count, cookies: if includes_current { cookies.clear_all() } else { cookies } }
    }

    fn error(&self, error: impl Into<AppError>) -> Error {
        Error::new(self.app, error)
    }
}

impl UserSession {
    fn new(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id,
            mode: session.mode(),
            idle_expires_at: session.ends_at().unix_seconds(),
            created_at: session.authenticated_at.unix_seconds(),
            seen_at: session.seen_at.unix_seconds(),
            expires_at: session.expires_at.unix_seconds(),
            is_current: session.id == current,
            client_id: session.client,
            label: session.label,
            ip: session.client_info.ip,
            user_agent: session.client_info.user_agent,
        }
    }
}
