//! The shared cache and the store together answer as the store alone, whatever happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::{Just, ProptestConfig, Strategy, TestCaseError, any, prop, prop_oneof};
use proptest::test_runner::TestRunner;

use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::session::{EndReason, Session, SessionEnd};
use counterfoil_core::model::user::User;
use counterfoil_core::store::{Change, CommitListener as _, CutoffScope};
use counterfoil_jose::{HmacKey, random};
use counterfoil_test_support::RedisServer;
use counterfoil_verify::{ClientId, SessionId, UserId};

use crate::fixture::{Node, TestClock, server, session, store, summary};

const USERS: usize = 2;
const SESSIONS: usize = 4;

/// One step of a history. Numbers are the indices of users and sessions.
#[derive(Debug, Clone)]
enum Step {
    Wait(Duration),
    LogIn(usize),
    End(usize),
    EndAllOf(usize),
    ReplaceSession {
        session: usize,
        ends: bool,
    },
    RefreshPosition(usize),
    RefreshPositionsOf(usize),
    RefreshCookiePositions,
    ReplaceUser {
        user: usize,
        is_disabled: bool,
    },
    ReplaceClient {
        is_enabled: bool,
    },
    CutOffUser(usize),
    CutOffEveryone,
    /// A commit failed with an unknown outcome.
    FailedCommit,
    /// Redis loses everything.
    Flush,
    /// A token with another secret.
    ForgedRequest(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let (user, session) = (|| 0..USERS, || 0..SESSIONS);
    prop_oneof![
        12 => (2_000..20_000_u64).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        2 => session().prop_map(Step::LogIn),
        2 => session().prop_map(Step::End),
        1 => user().prop_map(Step::EndAllOf),
        2 => (session(), any::<bool>()).prop_map(|(session, ends)| Step::ReplaceSession { session, ends }),
        1 => session().prop_map(Step::RefreshPosition),
        1 => user().prop_map(Step::RefreshPositionsOf),
        1 => Just(Step::RefreshCookiePositions),
        2 => (user(), prop::bool::weighted(0.3))
            .prop_map(|(user, is_disabled)| Step::ReplaceUser { user, is_disabled }),
        1 => prop::bool::weighted(0.8).prop_map(|is_enabled| Step::ReplaceClient { is_enabled }),
        1 => user().prop_map(Step::CutOffUser),
        1 => Just(Step::CutOffEveryone),
        1 => Just(Step::FailedCommit),
        1 => Just(Step::Flush),
        2 => session().prop_map(Step::ForgedRequest),
    ]
}

struct Installation<'s> {
    redis: &'s RedisServer,
    node: Node,
    tokens: Vec<SessionToken>,
}

fn user_id(user: usize) -> UserId {
    UserId::from_bytes([u8::try_from(user).unwrap() + 1; 16])
}

impl<'s> Installation<'s> {
    async fn new(redis: &'s RedisServer) -> Self {
        let (store, clock) = (store().await, TestClock::new());
        let key = HmacKey::new(&random::bytes::<32>().unwrap());
        let node = Node::start(&store, &redis.url(), &clock, key);
        store.subscribe(Arc::clone(&node.shared) as _);
        node.until("it is connected", || node.metrics().is_connected()).await;
        let other = User::new(user_id(1), "grace".parse().unwrap(), clock.now());
        node.commit([Change::insert_user(other)]).await;
        let token = |number| SessionToken::generate(SessionId::from_bytes([number; 16])).unwrap();
        let mut installation = Self { redis, node, tokens: (1..=4).map(token).collect() };
        for session in 0..SESSIONS {
            installation.log_in(session).await;
        }
        installation
    }

    async fn log_in(&mut self, number: usize) {
        let token = SessionToken::generate(SessionId::from_bytes(random::bytes().unwrap())).unwrap();
        let pos = self.node.store.revocation_log_head().await.unwrap();
        let record = session(&token, user_id(number % USERS), self.node.clock.now(), pos);
        self.tokens[number] = token;
        self.commit(Some(Change::insert_session(record))).await;
    }

    /// Commits a change, which may conflict.
    async fn commit(&self, change: Option<Change>) {
        let _ = self.node.store.commit(&Vec::from_iter(change).into()).await.unwrap();
    }

    async fn execute(&mut self, step: &Step) {
        let id = |session: &usize| self.tokens[*session].session();
        let change = match step {
            Step::Wait(duration) => return self.node.clock.pass(*duration),
            Step::LogIn(session) => return self.log_in(*session).await,
            Step::FailedCommit => return self.node.shared.on_failure(),
            Step::Flush => {
                assert_eq!(self.redis.cli(&["flushall"]), "OK");
                return;
            }
            Step::ForgedRequest(session) => {
                return self.check(&SessionToken::generate(id(session)).unwrap()).await;
            }
            Step::End(session) => Some(Change::end_session(id(session), self.node.ending())),
            Step::EndAllOf(user) => Some(Change::end_sessions_of(user_id(*user), None, self.node.ending())),
            Step::ReplaceSession { session, ends } => self.replaced_session(*session, *ends).await,
            Step::RefreshPosition(session) => Some(Change::refresh_position(id(session))),
            Step::RefreshPositionsOf(user) => Some(Change::refresh_positions_of(user_id(*user))),
            Step::RefreshCookiePositions => Some(Change::refresh_cookie_positions()),
            Step::ReplaceUser { user, is_disabled } => self.replaced_user(*user, *is_disabled).await,
            Step::ReplaceClient { is_enabled } => self.replaced_client(*is_enabled).await,
            Step::CutOffUser(user) => Some(Change::set_cutoff(CutoffScope::User(user_id(*user)))),
            Step::CutOffEveryone => Some(Change::set_cutoff(CutoffScope::Everyone)),
        };
        self.commit(change).await;
    }

    async fn replaced_session(&self, session: usize, ends: bool) -> Option<Change> {
        let stored = self.node.store.session(self.tokens[session].session()).await.unwrap()?;
        let ended = ends.then_some(SessionEnd { at: self.node.clock.now(), reason: EndReason::Logout });
        let scope = Some("changed".to_owned());
        Some(Change::replace_session(Session { ended, scope, revision: stored.revision + 1, ..stored }))
    }

    async fn replaced_user(&self, user: usize, is_disabled: bool) -> Option<Change> {
        let stored = self.node.store.user(user_id(user)).await.unwrap()?;
        let revision = stored.revision + 1;
        let disabled_at = is_disabled.then_some(self.node.clock.now());
        let roles = vec![format!("role{revision}")];
        Some(Change::replace_user(User { disabled_at, roles, revision, ..stored }))
    }

    async fn replaced_client(&self, enabled: bool) -> Option<Change> {
        let mut client = self.node.store.client(&ClientId::default()).await.unwrap()?;
        client.enabled = enabled;
        client.revision += 1;
        Some(Change::replace_client(client))
    }

    /// Compares the answer by the shared cache with that of the store alone. No use is recorded: the store would know of it
    /// before the cache does.
    async fn check(&self, token: &SessionToken) {
        let with_cache = self.node.authenticate(token).await;
        assert_eq!(summary(with_cache), summary(self.node.authenticate_by_store(token).await));
    }
}

#[test]
fn a_shared_cache_and_its_store_answer_as_the_store_alone() {
    let Some(redis) = server("") else { return };
    let hits = AtomicU64::new(0);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) };
    let steps = prop::collection::vec(any_step(), 1..40);
    let history = |steps: Vec<Step>| -> Result<(), TestCaseError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut installation = Installation::new(&redis).await;
            for step in &steps {
                installation.execute(step).await;
                for token in installation.tokens.clone() {
                    installation.check(&token).await;
                }
                // Writes are under way that no request waits for.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            hits.fetch_add(installation.node.hits(), Ordering::Relaxed);
        });
        Ok(())
    };

    TestRunner::new(config).run(&steps, history).unwrap();

    assert!(hits.into_inner() > 50, "the cache is asked, and it answers");
}
