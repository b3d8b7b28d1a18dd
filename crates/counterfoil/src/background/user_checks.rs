//! Checks the users of sessions in use in the application's own table.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::store::LastSeen;
use counterfoil_verify::SessionId;

use crate::app::App;
use crate::operations::application_users::check_session;
use crate::runtime::error_chain::error_chain;

/// How many sessions wait for their check. Further ones are checked at their next use, a minute later.
const QUEUE_LENGTH: usize = 4096;
/// How many users are read at once.
const AT_ONCE: usize = 8;
/// How long the application's table may take to find one user.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The shortest time between two warnings.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// The sessions whose users must be checked. Without a table of the application there are none.
#[derive(Clone)]
pub(super) struct UserChecks {
    sessions: Option<Sender<SessionId>>,
    /// How many sessions were added so far.
    added: Arc<AtomicUsize>,
    queue: Arc<Mutex<Receiver<SessionId>>>,
}

impl UserChecks {
    pub(super) fn new(app: &App) -> Self {
        let (sessions, queue) = mpsc::channel(QUEUE_LENGTH);
        let sessions = app.parts.application_users.is_some().then_some(sessions);
        Self { sessions, added: Arc::default(), queue: Arc::new(Mutex::new(queue)) }
    }

    /// Adds the sessions that were used: each is here once a minute while it is in use.
    ///
    /// They are in the order of their ids. If not all of them have a place, the first one differs each time, so that no
    /// session is left out again and again.
    pub(super) fn add(&self, used: &[LastSeen]) {
        let Some(sessions) = &self.sessions else { return };
        let first = self.added.load(Ordering::Relaxed).checked_rem(used.len()).unwrap_or_default();
        let (before, after) = used.split_at(first);
        for LastSeen { session, .. } in after.iter().chain(before) {
            if sessions.try_send(*session).is_err() {
                return;
            }
            self.added.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Checks the users of the sessions that are added. Returns at once if there is no table.
    pub(super) async fn run(&self, app: &App) {
        if self.sessions.is_none() {
            return std::future::pending().await;
        }
        let mut queue = self.queue.lock().await;
        let mut batch = Vec::with_capacity(AT_ONCE);
        let mut warned_at: Option<Instant> = None;
        while queue.recv_many(&mut batch, AT_ONCE).await > 0 {
            let mut checks: JoinSet<Option<String>> =
                batch.drain(..).map(|session| check(app.clone(), session)).collect();
            while let Some(checked) = checks.join_next().await {
                let Some(error) = checked.unwrap_or_else(|error| Some(error.to_string())) else { continue };
                if warned_at.is_none_or(|at| at.elapsed() >= WARNING_INTERVAL) {
                    warned_at = Some(Instant::now());
                    tracing::warn!(
                        %error,
                        "the user of a session in use could not be checked in the application's table; the session continues"
                    );
                }
            }
        }
    }
}

/// Ends the sessions of a user who is missing in the table, or has another epoch there. Returns why it could not be
/// checked.
async fn check(app: App, session: SessionId) -> Option<String> {
    let (client_info, now) = (ClientInfo::default(), app.now());
    match timeout(TIMEOUT, check_session(&app, session, &client_info, now)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error_chain(&error)),
        Err(_) => Some(format!("no answer within {} s", TIMEOUT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use counterfoil_core::credentials::password::{
        Argon2Cost, Argon2Memory, PasswordHash, PlaintextPassword,
    };
    use counterfoil_core::model::external_id::ExternalId;
    use counterfoil_core::model::session::Mode;
    use counterfoil_core::services::account::Credentials;
    use counterfoil_core::services::application_users::{
        ApplicationPassword, ApplicationUser, UserStore, UserStoreError,
    };
    use counterfoil_core::services::issuer::NewSession;
    use counterfoil_jose::{Secret, Time};
    use counterfoil_verify::{Authenticator, ClientId, PresentedCredential};
    use tokio::time::sleep;

    use super::*;
    use crate::app::hooks::Hooks;
    use crate::background::start;
    use crate::clock::manual::ManualClock;
    use crate::settings::Settings;

    /// A table with one user, whose epoch can be changed, and which can be down.
    struct Table {
        epoch: Arc<AtomicU64>,
        hash: String,
    }

    /// The epoch while the table is down.
    const DOWN: u64 = u64::MAX;

    #[async_trait::async_trait]
    impl UserStore for Table {
        async fn find_by_login(&self, _: &str) -> Result<Option<ApplicationUser>, UserStoreError> {
            let id = ExternalId::from_json(&serde_json::json!(42)).unwrap();
            match self.epoch.load(Ordering::SeqCst) {
                DOWN => Err(UserStoreError::new("the database is down")),
                epoch => {
                    let password = ApplicationPassword::Hash(self.hash.clone());
                    Ok(Some(ApplicationUser::new(id, "ada", password).epoch(epoch)))
                }
            }
        }

        async fn find(&self, _: &ExternalId) -> Result<Option<ApplicationUser>, UserStoreError> {
            self.find_by_login("ada").await
        }
    }

    #[tokio::test]
    async fn a_session_in_use_ends_within_a_minute_of_a_change_in_the_table() {
        let (dir, clock) =
            (tempfile::tempdir().unwrap(), ManualClock::new(Time::from_unix_seconds(1_764_000_000)));
        let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
        let settings = Settings::new("http://localhost".parse().unwrap(), store);
        let cost = Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 };
        let password = Secret::new("correct horse".to_owned());
        let hash = PasswordHash::new(&PlaintextPassword::new(&password), cost, &mut Argon2Memory::default())
            .unwrap();
        let epoch = Arc::new(AtomicU64::new(1));
        let table = Table { epoch: Arc::clone(&epoch), hash: hash.as_str().to_owned() };
        let hooks = Hooks { users: Some(Arc::new(table)), ..Hooks::default() };
        let settings = Settings { argon2: cost, ..settings };
        let app = App::open_with(settings, hooks, clock.clone()).await.unwrap();
        let credentials = Credentials {
            username: "ada".into(),
            password,
            client: ClientId::default(),
            mode: Mode::Session,
        };
        let user = app.parts.accounts.authenticate(&credentials, &ClientInfo::default(), app.now()).await;
        let login =
            app.parts.issuer.issue_session(user.unwrap(), NewSession::default(), app.now()).await.unwrap();
        let token = login.credential.to_string();
        let use_session = async || {
            clock.advance(Duration::from_secs(61));
            let presented = PresentedCredential::SessionToken(&token);
            app.parts.authenticator.authenticate(presented, app.now()).wait().await
        };
        let jobs = start(app.clone());

        epoch.store(DOWN, Ordering::SeqCst);
        use_session().await.unwrap();
        sleep(Duration::from_millis(1_500)).await;
        use_session().await.expect("an outage of the table ends nothing");

        epoch.store(2, Ordering::SeqCst);
        use_session().await.expect("the table is not read by a request");
        let started = Instant::now();
        while use_session().await.is_ok() {
            assert!(started.elapsed() < TIMEOUT, "the session has not ended");
            sleep(Duration::from_millis(50)).await;
        }
        jobs.cancel().await;
    }
}
