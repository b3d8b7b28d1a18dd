//! Servers, and nodes: processes with a cache in memory, the shared one and one store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::session::{EndReason, Session, SessionCredential, SessionEnd};
use counterfoil_core::model::user::User;
use counterfoil_core::services::authenticator::StoreAuthenticator;
use counterfoil_core::store::conformance::cookie_session;
use counterfoil_core::store::session_cache::MemorySessionCache;
use counterfoil_core::store::session_cache::shared::{
    SharedCacheMetrics, SharedSessionCache as _, SharedSessions,
};
use counterfoil_core::store::{AppliedChanges, Change, CommitOutcome, SessionEnding, Store};
use counterfoil_jose::{Algorithm, HmacKey, KeySet, Time, random};
use counterfoil_redis::{RedisSessionCache, RedisUrl};
use counterfoil_sqlite::SqliteStore;
use counterfoil_test_support::{CertificateAuthority, RedisServer, free_port, skip};
use counterfoil_verify::{
    AuthError, Authenticator as _, LocalVerifier, PresentedCredential, Principal, Revocations, SessionId,
    TokenVerifier, UserId,
};

pub(crate) const NOON: Time = Time::from_unix_seconds(1_764_000_000);
pub(crate) const USER: UserId = UserId::from_bytes([1; 16]);
pub(crate) const IDLE: Duration = Duration::from_secs(3600);

/// How long a test waits for what must happen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server of the test's own; `None` if the test is skipped.
#[track_caller]
pub(crate) fn server(config: &str) -> Option<RedisServer> {
    let server = RedisServer::start(config);
    if server.is_none() {
        skip("Redis is not installed");
    }
    server
}

/// A server or a sentinel, and where others find it.
pub(crate) struct Member {
    pub(crate) server: RedisServer,
    pub(crate) host: &'static str,
    pub(crate) port: u16,
}

impl Member {
    /// A server; with TLS and a certificate for `localhost`, if there is an authority. `None` if the test is skipped.
    #[track_caller]
    pub(crate) fn start(config: &str, authority: Option<&CertificateAuthority>) -> Option<Self> {
        Self::with(config, authority, server)
    }

    /// A sentinel.
    #[track_caller]
    pub(crate) fn start_sentinel(config: &str, authority: Option<&CertificateAuthority>) -> Option<Self> {
        Self::with(config, authority, RedisServer::start_sentinel)
    }

    #[track_caller]
    fn with(
        config: &str,
        authority: Option<&CertificateAuthority>,
        start: impl Fn(&str) -> Option<RedisServer>,
    ) -> Option<Self> {
        let Some(authority) = authority else {
            let server = start(config)?;
            return Some(Self { host: "127.0.0.1", port: server.port(), server });
        };
        let port = free_port();
        let server =
            start(&format!("{}\ntls-replication yes\n{config}", authority.redis_config("localhost", port)))?;
        Some(Self { server, host: "localhost", port })
    }

    /// Waits until clients are connected with TLS, and none without: only the one that asks.
    pub(crate) async fn until_encrypted(&self) {
        until("all connections are encrypted", async || {
            let clients = self.server.cli(&["client", "list"]);
            let count = |port: u16| clients.matches(&format!("laddr=127.0.0.1:{port} ")).count();
            count(self.port) > 0 && count(self.server.port()) == 1
        })
        .await;
    }
}

/// The time of all nodes of a test.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(NOON.unix_ms())))
    }

    pub(crate) fn now(&self) -> Time {
        Time::from_unix_ms(self.0.load(Ordering::SeqCst))
    }

    pub(crate) fn pass(&self, duration: Duration) {
        self.0.fetch_add(u64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

/// The key that all nodes of an installation have.
pub(crate) fn key() -> HmacKey {
    HmacKey::new(&[7; 32])
}

/// A process: a store, a shared cache, and what it knows of changes. Its memory is empty for each request, so that each asks
/// the shared cache.
pub(crate) struct Node {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cache: Arc<RedisSessionCache>,
    pub(crate) shared: Arc<SharedSessions>,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) clock: TestClock,
}

impl Node {
    /// A node that is connected and hears of all commits of the store.
    pub(crate) async fn connected(store: &Arc<dyn Store>, url: &str, clock: &TestClock) -> Self {
        let node = Self::start(store, url, clock, key());
        node.store.subscribe(Arc::clone(&node.shared) as _);
        node.settle().await;
        node
    }

    /// Waits until the node is connected and trusts what it reads from here on.
    pub(crate) async fn settle(&self) {
        self.until("it is connected", || self.metrics().is_connected()).await;
        // The first look-up by a new connection finds out that it is one.
        let unknown = SessionToken::generate(SessionId::from_bytes([0; 16])).unwrap();
        let misses = || self.metrics().misses.load(Ordering::SeqCst);
        let before = misses();
        until("a look-up is answered", async || {
            assert!(self.authenticate(&unknown).await.is_err());
            misses() > before
        })
        .await;
        self.clock.pass(Duration::from_secs(6));
    }

    /// A node that hears of no commit.
    pub(crate) fn start(store: &Arc<dyn Store>, url: &str, clock: &TestClock, key: HmacKey) -> Self {
        let url: RedisUrl = url.parse().unwrap();
        let cache = RedisSessionCache::start(url, key, || None);
        Self::with_cache(store, cache, clock)
    }

    pub(crate) fn with_cache(
        store: &Arc<dyn Store>,
        cache: Arc<RedisSessionCache>,
        clock: &TestClock,
    ) -> Self {
        let revocations = Arc::new(Revocations::new());
        let read = clock.clone();
        let shared = SharedSessions::new(
            Arc::clone(&cache) as _,
            Arc::clone(&revocations),
            Arc::new(move || read.now()),
        );
        let (store, shared, clock) = (Arc::clone(store), Arc::new(shared), clock.clone());
        Self { store, cache, shared, revocations, clock }
    }

    pub(crate) fn metrics(&self) -> &SharedCacheMetrics {
        self.cache.metrics()
    }

    pub(crate) fn hits(&self) -> u64 {
        self.metrics().hits.load(Ordering::SeqCst)
    }

    /// Waits for a condition.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        until(what, async || condition()).await;
    }

    /// Authenticates by the shared cache or the store.
    pub(crate) async fn authenticate(&self, token: &SessionToken) -> Result<Principal, AuthError> {
        authenticate(&self.store, Some(&self.shared), token, self.clock.now()).await
    }

    /// Authenticates by the store alone.
    pub(crate) async fn authenticate_by_store(&self, token: &SessionToken) -> Result<Principal, AuthError> {
        authenticate(&self.store, None, token, self.clock.now()).await
    }

    /// Authenticates until the answer comes from the cache.
    pub(crate) async fn until_cached(&self, token: &SessionToken) {
        let hits = self.hits();
        let started = Instant::now();
        while self.hits() == hits {
            self.authenticate(token).await.unwrap();
            assert!(started.elapsed() < PATIENCE, "it is not answered from the cache: {:?}", self.metrics());
        }
    }

    /// Logs a user in.
    pub(crate) async fn log_in(&self) -> SessionToken {
        let token = SessionToken::generate(SessionId::from_bytes(random::bytes().unwrap())).unwrap();
        let pos = self.store.revocation_log_head().await.unwrap();
        self.commit([Change::insert_session(session(&token, USER, self.clock.now(), pos))]).await;
        token
    }

    pub(crate) async fn commit(&self, changes: impl Into<Vec<Change>>) -> AppliedChanges {
        match self.store.commit(&changes.into().into()).await.unwrap() {
            CommitOutcome::Applied(applied) => applied,
            CommitOutcome::Conflict(part) => panic!("{part:?}"),
        }
    }

    /// Ends a session.
    pub(crate) async fn end(&self, session: SessionId) -> AppliedChanges {
        self.commit([Change::end_session(session, self.ending())]).await
    }

    pub(crate) fn ending(&self) -> SessionEnding {
        let end = SessionEnd { at: self.clock.now(), reason: EndReason::ByUser };
        SessionEnding { end, remember_until: self.clock.now() + IDLE }
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A store in memory with one user.
pub(crate) async fn store() -> Arc<dyn Store> {
    let store: Arc<dyn Store> = SqliteStore::in_memory().unwrap();
    let user = User { roles: vec!["editor".into()], ..User::new(USER, "ada".parse().unwrap(), NOON) };
    let outcome = store.commit(&[Change::insert_user(user)].into()).await.unwrap();
    assert!(matches!(outcome, CommitOutcome::Applied(_)));
    store
}

pub(crate) fn session(
    token: &SessionToken,
    user: UserId,
    now: Time,
    pos: counterfoil_verify::RevocationPosition,
) -> Session {
    Session {
        credential: SessionCredential::Cookie(token.hash()),
        authenticated_at: now,
        seen_at: now,
        idle: IDLE,
        expires_at: now + 4 * IDLE,
        pos,
        ..cookie_session(token.session(), user)
    }
}

/// Authenticates with nothing in memory.
pub(crate) async fn authenticate(
    store: &Arc<dyn Store>,
    shared: Option<&Arc<SharedSessions>>,
    token: &SessionToken,
    now: Time,
) -> Result<Principal, AuthError> {
    let memory = Arc::new(MemorySessionCache::new(100, Arc::new(Revocations::new())));
    let authenticator =
        StoreAuthenticator::new(Arc::clone(store), memory, verifier()).with_shared_cache(shared.cloned());
    let text = token.to_string();
    authenticator.authenticate(PresentedCredential::SessionToken(&text), now).wait().await
}

/// Verifies no access token: it has no keys.
fn verifier() -> Arc<LocalVerifier> {
    let tokens = TokenVerifier::builder("https://a.example", "https://a.example", &[Algorithm::Es256]);
    let tokens = Arc::new(tokens.build(KeySet::default()).unwrap());
    Arc::new(LocalVerifier::new(tokens, Arc::new(Revocations::new()), || NOON))
}

/// What a handler can see of an answer.
pub(crate) fn summary(answer: Result<Principal, AuthError>) -> Result<String, AuthError> {
    answer.map(|principal| {
        let (roles, scopes) = (principal.roles(), principal.scopes().collect::<Vec<_>>());
        format!("{principal:?} {roles:?} {scopes:?} {:?} {:?}", principal.position(), principal.expires_at())
    })
}
