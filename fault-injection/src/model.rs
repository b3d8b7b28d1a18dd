//! The state that the server must have, derived from a history: accounts, sessions and their tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::history::{Entry, History, IssuedCredentials, Operation, Outcome};

/// How many access tokens of a session are kept, the newest ones.
const MAX_ACCESS_TOKENS: usize = 3;

/// The state of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// The login was acknowledged, and no request to end it was sent.
    Active,
    /// Its end was acknowledged.
    Ended,
    /// A request to end it has an unknown outcome.
    Unknown,
}

/// A session as its client knows it.
#[derive(Debug, Clone)]
pub struct ExpectedSession {
    /// The username.
    pub user: String,
    /// The state of the session.
    pub state: SessionState,
    /// The session token, in mode `session`.
    pub session_token: Option<String>,
    /// The newest access tokens.
    pub access_tokens: Vec<String>,
    /// All refresh tokens in their order, the newest last.
    pub refresh_tokens: Vec<String>,
    /// Whether a refresh with the newest refresh token has an unknown outcome.
    pub has_unknown_refresh: bool,
}

/// An account as its user knows it.
#[derive(Debug, Clone, Default)]
pub struct ExpectedAccount {
    /// The passwords of which exactly one is accepted: two or more if a change has an unknown outcome.
    pub possible_passwords: Vec<String>,
    /// Earlier passwords, which are not accepted.
    pub former_passwords: Vec<String>,
}

/// The state that the server must have.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// By username.
    pub accounts: BTreeMap<String, ExpectedAccount>,
    /// By session id.
    pub sessions: BTreeMap<String, ExpectedSession>,
}

impl Model {
    /// The state that clients knew at `time`.
    pub fn at_time(history: &History, time: Duration) -> Self {
        let mut model = Self::default();
        model.apply(&history.entries(), time);
        model
    }

    /// The state at the end of the history.
    pub fn from_history(history: &History) -> Self {
        Self::at_time(history, Duration::MAX)
    }

    /// Applies `entries` as clients knew them at `time`.
    pub fn apply(&mut self, entries: &[Entry], time: Duration) {
        for entry in entries {
            let Some(outcome) = entry.outcome_at(time) else { continue };
            match outcome {
                Outcome::Rejected(_) => {}
                Outcome::Acknowledged(credentials) => {
                    self.apply_acknowledged(&entry.operation, credentials);
                }
                Outcome::Unknown => self.apply_unknown(&entry.operation),
            }
        }
    }

    fn apply_acknowledged(&mut self, operation: &Operation, credentials: &IssuedCredentials) {
        match operation {
            Operation::Register { user, password } => {
                let account = self.accounts.entry(user.clone()).or_default();
                account.possible_passwords = vec![password.clone()];
            }
            Operation::Login { user } => {
                let session = ExpectedSession::new(user, credentials);
                self.sessions.insert(credentials.session.clone(), session);
            }
            Operation::Refresh { session, .. } => {
                if let Some(session) = self.sessions.get_mut(session) {
                    session.apply_refresh(credentials);
                }
            }
            Operation::EndSession { session } => self.set_state(session, SessionState::Ended),
            Operation::EndAllSessions { user } => self.set_states(user, None, SessionState::Ended),
            Operation::ChangePassword { user, session, password } => {
                self.set_states(user, Some(session), SessionState::Ended);
                if let Some(session) = self.sessions.get_mut(session) {
                    let state = session.state;
                    *session = ExpectedSession { state, ..ExpectedSession::new(user, credentials) };
                }
                let account = self.accounts.entry(user.clone()).or_default();
                account.former_passwords.append(&mut account.possible_passwords);
                account.possible_passwords.push(password.clone());
            }
        }
    }

    fn apply_unknown(&mut self, operation: &Operation) {
        match operation {
            // The client has nothing that could be checked.
            Operation::Register { .. } | Operation::Login { .. } => {}
            Operation::Refresh { session, .. } => {
                if let Some(session) = self.sessions.get_mut(session) {
                    session.has_unknown_refresh = true;
                }
            }
            Operation::EndSession { session } => self.set_state(session, SessionState::Unknown),
            Operation::EndAllSessions { user } => self.set_states(user, None, SessionState::Unknown),
            // The credentials of its session are the former or the new ones.
            Operation::ChangePassword { user, password, .. } => {
                self.set_states(user, None, SessionState::Unknown);
                let account = self.accounts.entry(user.clone()).or_default();
                account.possible_passwords.push(password.clone());
            }
        }
    }

    /// Sets the state of one session. An ended session stays ended.
    fn set_state(&mut self, id: &str, state: SessionState) {
        if let Some(session) = self.sessions.get_mut(id)
            && session.state != SessionState::Ended
        {
            session.state = state;
        }
    }

    /// Sets the state of all sessions of a user. Ended sessions stay ended.
    fn set_states(&mut self, user: &str, except: Option<&String>, state: SessionState) {
        for (id, session) in &mut self.sessions {
            if session.user == user && Some(id) != except && session.state != SessionState::Ended {
                session.state = state;
            }
        }
    }
}

impl ExpectedSession {
    fn new(user: &str, credentials: &IssuedCredentials) -> Self {
        Self {
            user: user.to_owned(),
            state: SessionState::Active,
            session_token: credentials.session_token.clone(),
            access_tokens: credentials.access_token.iter().cloned().collect(),
            refresh_tokens: credentials.refresh_token.iter().cloned().collect(),
            has_unknown_refresh: false,
        }
    }

    /// Applies the response to a refresh: a new refresh token, or the newest one again.
    pub fn apply_refresh(&mut self, credentials: &IssuedCredentials) {
        self.has_unknown_refresh = false;
        self.access_tokens.extend(credentials.access_token.clone());
        self.access_tokens.drain(..self.access_tokens.len().saturating_sub(MAX_ACCESS_TOKENS));
        if self.refresh_tokens.last() != credentials.refresh_token.as_ref() {
            self.refresh_tokens.extend(credentials.refresh_token.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(session: &str, refresh_token: &str) -> IssuedCredentials {
        let refresh_token = Some(refresh_token.to_owned());
        IssuedCredentials { session: session.to_owned(), refresh_token, ..IssuedCredentials::default() }
    }

    /// An entry that starts and completes at the given seconds.
    fn entry(operation: Operation, started: u64, completed: Option<(u64, Outcome)>) -> Entry {
        let at = Duration::from_secs;
        let completed = completed.map(|(second, outcome)| (at(second), outcome));
        Entry { operation, started_at: at(started), completed }
    }

    /// A login from second 1 to 2, a refresh from 3 to 5, and a logout from 6 to 8.
    fn login_refresh_and_logout() -> Vec<Entry> {
        let (user, session) = ("ada".to_owned(), "s".to_owned());
        let refresh = Operation::Refresh { session: session.clone(), refresh_token: "t0".into() };
        let logout = Operation::EndSession { session };
        vec![
            entry(Operation::Login { user }, 1, Some((2, Outcome::Acknowledged(credentials("s", "t0"))))),
            entry(refresh, 3, Some((5, Outcome::Acknowledged(credentials("", "t1"))))),
            entry(logout, 6, Some((8, Outcome::Acknowledged(IssuedCredentials::default())))),
        ]
    }

    fn session_at(second: u64) -> Option<ExpectedSession> {
        let mut model = Model::default();
        model.apply(&login_refresh_and_logout(), Duration::from_secs(second));
        model.sessions.remove("s")
    }

    #[test]
    fn an_operation_without_a_response_at_that_time_has_an_unknown_outcome() {
        assert!(session_at(1).is_none(), "the login is not acknowledged yet");
        let during_refresh = session_at(4).unwrap();
        assert!(during_refresh.has_unknown_refresh);
        assert_eq!(during_refresh.refresh_tokens, ["t0"]);
        assert_eq!(during_refresh.state, SessionState::Active);
        let after_refresh = session_at(5).unwrap();
        assert!(!after_refresh.has_unknown_refresh);
        assert_eq!(after_refresh.refresh_tokens, ["t0", "t1"]);
        assert_eq!(session_at(7).unwrap().state, SessionState::Unknown);
        assert_eq!(session_at(8).unwrap().state, SessionState::Ended);
    }

    #[test]
    fn a_password_change_with_an_unknown_outcome_leaves_two_possible_passwords() {
        let (user, session) = ("ada".to_owned(), "s".to_owned());
        let register = Operation::Register { user: user.clone(), password: "a".into() };
        let change = Operation::ChangePassword { user, session, password: "b".into() };
        let acknowledged = Outcome::Acknowledged(IssuedCredentials::default());
        let mut model = Model::default();

        model.apply(&[entry(register, 1, Some((1, acknowledged))), entry(change, 2, None)], Duration::MAX);

        assert_eq!(model.accounts["ada"].possible_passwords, ["a", "b"]);
        assert!(model.accounts["ada"].former_passwords.is_empty());
    }
}
