//! The session cache and the store together answer as the store alone, whatever happens.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_core::InvalidCredential;
use counterfoil_core::credentials::host_token::HostToken;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::client::Lifetimes;
use counterfoil_core::model::session::{EndReason, Session, SessionCredential, SessionEnd};
use counterfoil_core::model::user::User;
use counterfoil_core::services::authenticator::StoreAuthenticator;
use counterfoil_core::services::host_login::HostLogins;
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_core::services::revoker::RevocationRetention;
use counterfoil_core::store::conformance::cookie_session;
use counterfoil_core::store::session_cache::{
    CacheLookup, CacheVersion, MemorySessionCache, SessionCache as _,
};
use counterfoil_core::store::{Change, CommitListener as _, CutoffScope, SessionEnding, Store};
use counterfoil_jose::{Algorithm, KeySet, SealingKey, Time, random};
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{
    AuthError, Authenticator as _, ClientId, LocalVerifier, PresentedCredential, Principal, Revocations,
    SessionId, TokenVerifier, UserId,
};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

use crate::harness::{NOON, SCHEDULE};

const USERS: usize = 2;
const SESSIONS: usize = 4;
const IDLE: Duration = Duration::from_secs(3600);
/// The guarded host of the host tokens.
const HOST: &str = "https://app.example";

/// One step of a history. Numbers are the indices of users and sessions.
#[derive(Debug, Clone)]
enum Step {
    /// Time passes.
    Wait(Duration),
    /// A request with a token whose secret is wrong, and one with a host token of another host.
    ForgedRequest { session: usize },
    /// A request that has read the store, and has not yet put the session into the cache.
    SlowRequest { session: usize },
    /// The slow requests go on.
    FinishSlowRequests,
    /// A commit of one change.
    Commit(Kind),
    /// A commit failed with an unknown outcome, as far as the cache knows.
    FailedCommit,
}

#[derive(Debug, Clone)]
enum Kind {
    LogIn { session: usize },
    End { session: usize },
    EndAllOf { user: usize, except: Option<usize> },
    EndOldestOf { user: usize, except: usize, keep: u32 },
    ReplaceSession { session: usize, ends: bool },
    RefreshPosition { session: usize },
    RefreshPositionsOf { user: usize },
    RefreshCookiePositions,
    ReplaceUser { user: usize, is_disabled: bool },
    RemoveUser { user: usize },
    ReplaceClient { is_enabled: bool },
    CutOffUser { user: usize },
    CutOffClient,
    CutOffEveryone,
}

fn any_step() -> impl Strategy<Value = Step> {
    let session = || 0..SESSIONS;
    prop_oneof![
        3 => (1..50_u64).prop_map(|minutes| Step::Wait(Duration::from_secs(60 * minutes))),
        1 => session().prop_map(|session| Step::ForgedRequest { session }),
        3 => session().prop_map(|session| Step::SlowRequest { session }),
        2 => Just(Step::FinishSlowRequests),
        8 => any_kind().prop_map(Step::Commit),
        1 => Just(Step::FailedCommit),
    ]
}

/// A step, and the sessions whose tokens are presented after it.
fn any_checked_step() -> impl Strategy<Value = (Step, Vec<bool>)> {
    (any_step(), prop::collection::vec(prop::bool::weighted(0.7), SESSIONS))
}

fn any_kind() -> impl Strategy<Value = Kind> {
    let (user, session) = (|| 0..USERS, || 0..SESSIONS);
    prop_oneof![
        12 => session().prop_map(|session| Kind::LogIn { session }),
        2 => session().prop_map(|session| Kind::End { session }),
        1 => (user(), prop::option::of(session())).prop_map(|(user, except)| Kind::EndAllOf { user, except }),
        1 => (user(), session(), 0..2_u32)
            .prop_map(|(user, except, keep)| Kind::EndOldestOf { user, except, keep }),
        2 => (session(), any::<bool>()).prop_map(|(session, ends)| Kind::ReplaceSession { session, ends }),
        1 => session().prop_map(|session| Kind::RefreshPosition { session }),
        1 => user().prop_map(|user| Kind::RefreshPositionsOf { user }),
        1 => Just(Kind::RefreshCookiePositions),
        3 => (user(), prop::bool::weighted(0.2))
            .prop_map(|(user, is_disabled)| Kind::ReplaceUser { user, is_disabled }),
        1 => user().prop_map(|user| Kind::RemoveUser { user }),
        2 => prop::bool::weighted(0.8).prop_map(|is_enabled| Kind::ReplaceClient { is_enabled }),
        1 => user().prop_map(|user| Kind::CutOffUser { user }),
        1 => Just(Kind::CutOffClient),
        1 => Just(Kind::CutOffEveryone),
    ]
}

/// What a request has read, before it puts the session into the cache.
struct SlowRequest {
    version: CacheVersion,
    session: Session,
    principal: Principal,
}

struct Installation {
    store: Arc<dyn Store>,
    cache: Arc<MemorySessionCache>,
    keys: Arc<Keyring>,
    verifier: Arc<LocalVerifier>,
    /// The newest session of each index, and its token.
    tokens: Vec<SessionToken>,
    /// The host token of each of these sessions. It ends before the session.
    host_tokens: Vec<HostToken>,
    slow: Vec<SlowRequest>,
    now: Time,
}

fn user_id(user: usize) -> UserId {
    UserId::from_bytes([u8::try_from(user).unwrap() + 1; 16])
}

fn new_user(user: usize) -> User {
    User::new(user_id(user), format!("user{user}").parse().unwrap(), NOON)
}

/// A session that begins at `now`.
fn session_of(token: &SessionToken, user: usize, now: Time) -> Session {
    Session {
        credential: SessionCredential::Cookie(token.hash()),
        authenticated_at: now,
        seen_at: now,
        idle: IDLE,
        expires_at: now + 4 * IDLE,
        ..cookie_session(token.session(), user_id(user))
    }
}

/// The token of a session for the host with this origin. It ends before the session.
fn host_token(keys: &Keyring, session: &Session, origin: &str) -> HostToken {
    let keys = keys.active_keys();
    let bound = (session.id, session.credential_binding());
    HostToken::new(keys.refresh_token_key(), bound, session.authenticated_at + 3 * IDLE, origin)
}

/// Verifies no access token: it has no keys.
fn verifier() -> Arc<LocalVerifier> {
    let tokens = TokenVerifier::builder("https://a.example", "https://a.example", &[Algorithm::Es256]);
    let tokens = Arc::new(tokens.build(KeySet::default()).unwrap());
    Arc::new(LocalVerifier::new(tokens, Arc::new(Revocations::new()), || NOON))
}

/// What a handler can see of an answer.
fn summary(answer: Result<Principal, AuthError>) -> Result<String, AuthError> {
    answer.map(|principal| {
        let (roles, scopes) = (principal.roles(), principal.scopes().collect::<Vec<_>>());
        format!("{principal:?} {roles:?} {scopes:?} {:?} {:?}", principal.position(), principal.expires_at())
    })
}

fn empty_cache() -> Arc<MemorySessionCache> {
    Arc::new(MemorySessionCache::new(100, Arc::new(Revocations::new())))
}

impl Installation {
    async fn new() -> Self {
        let store: Arc<dyn Store> = SqliteStore::in_memory().unwrap();
        let cache = empty_cache();
        store.subscribe(cache.clone());
        let retention = Arc::new(RevocationRetention::new(Lifetimes::default().max_access_lifetime()));
        let master = SealingKey::from_bytes([7; 32]);
        let keys = Keyring::open(Arc::clone(&store), master, SCHEDULE, retention, NOON).await.unwrap();
        let token = |number| SessionToken::generate(SessionId::from_bytes([number; 16])).unwrap();
        let tokens: Vec<_> = (1..=4).map(token).collect();
        let mut installation = Self {
            store,
            cache,
            verifier: verifier(),
            host_tokens: tokens
                .iter()
                .map(|token| host_token(&keys, &session_of(token, 0, NOON), HOST))
                .collect(),
            keys: Arc::new(keys),
            tokens,
            slow: Vec::new(),
            now: NOON,
        };
        let users = (0..USERS).map(new_user).map(Change::insert_user).collect::<Vec<_>>();
        installation.commit(users).await;
        for session in 0..SESSIONS {
            installation.log_in(session).await;
        }
        installation
    }

    async fn execute(&mut self, step: &Step) {
        match step {
            Step::Wait(duration) => self.now = self.now + *duration,
            Step::ForgedRequest { session } => {
                let stored = self.store.session(self.tokens[*session].session()).await.unwrap();
                self.check(&SessionToken::generate(self.tokens[*session].session()).unwrap()).await;
                if let Some(stored) = stored {
                    self.check_host_token(&host_token(&self.keys, &stored, "https://other.example")).await;
                }
            }
            Step::SlowRequest { session } => self.start_slow_request(&self.tokens[*session].clone()).await,
            Step::FinishSlowRequests => {
                for request in self.slow.drain(..) {
                    self.cache.insert(&request.session, request.principal, request.version);
                }
            }
            Step::Commit(kind) => self.commit_one(kind).await,
            Step::FailedCommit => self.cache.on_failure(),
        }
    }

    /// Compares the answer with the cache and the answer of the store alone.
    async fn check(&self, token: &SessionToken) {
        let with_cache = self.authenticate(&self.cache, token).await;
        self.store.record_last_seen(&self.cache.take_last_seen()).await.unwrap();
        let alone = self.authenticate(&empty_cache(), token).await;
        assert_eq!(summary(with_cache), summary(alone));
    }

    /// The same for a host token.
    async fn check_host_token(&self, token: &HostToken) {
        let with_cache = self.authenticate_at_host(&self.store, &self.cache, token).await;
        self.store.record_last_seen(&self.cache.take_last_seen()).await.unwrap();
        let alone = self.authenticate_at_host(&self.store, &empty_cache(), token).await;
        assert_eq!(summary(with_cache), summary(alone));
    }

    async fn authenticate_at_host(
        &self,
        store: &Arc<dyn Store>,
        cache: &Arc<MemorySessionCache>,
        token: &HostToken,
    ) -> Result<Principal, AuthError> {
        let (keys, verifier) = (Arc::clone(&self.keys), Arc::clone(&self.verifier));
        let logins = HostLogins::new(Arc::clone(store), Arc::clone(cache), keys, verifier);
        logins.authenticate(&token.to_string(), HOST, self.now).await
    }

    async fn authenticate(
        &self,
        cache: &Arc<MemorySessionCache>,
        token: &SessionToken,
    ) -> Result<Principal, AuthError> {
        let (store, verifier) = (Arc::clone(&self.store), Arc::clone(&self.verifier));
        let authenticator = StoreAuthenticator::new(store, Arc::clone(cache), verifier);
        let text = token.to_string();
        let presented = PresentedCredential::SessionToken(&text);
        authenticator.authenticate(presented, self.now).wait().await
    }

    async fn start_slow_request(&mut self, token: &SessionToken) {
        let version = self.cache.version(token.session());
        if let Ok(principal) = self.authenticate(&empty_cache(), token).await {
            let session = self.store.session(token.session()).await.unwrap().unwrap();
            self.slow.push(SlowRequest { version, session, principal });
        }
    }

    async fn log_in(&mut self, session: usize) {
        let token = SessionToken::generate(SessionId::from_bytes(random::bytes().unwrap())).unwrap();
        let record = Session {
            pos: self.store.revocation_log_head().await.unwrap(),
            ..session_of(&token, session % USERS, self.now)
        };
        self.host_tokens[session] = host_token(&self.keys, &record, HOST);
        self.tokens[session] = token;
        self.commit([Change::insert_session(record)]).await;
    }

    /// Commits changes, which may conflict.
    async fn commit(&self, changes: impl Into<Vec<Change>>) {
        let _ = self.store.commit(&changes.into().into()).await.unwrap();
    }

    async fn commit_one(&mut self, kind: &Kind) {
        let change = match kind {
            Kind::LogIn { session } => return self.log_in(*session).await,
            Kind::ReplaceSession { session, ends } => self.replaced_session(*session, *ends).await,
            Kind::ReplaceUser { user, is_disabled } => self.replaced_user(*user, *is_disabled).await,
            Kind::ReplaceClient { is_enabled } => self.replaced_client(*is_enabled).await,
            kind => Some(self.simple_change(kind)),
        };
        self.commit(Vec::from_iter(change)).await;
    }

    fn simple_change(&self, kind: &Kind) -> Change {
        let id = |session: &usize| self.tokens[*session].session();
        let end = SessionEnd { at: self.now, reason: EndReason::ByAdmin };
        let ending = SessionEnding { end, remember_until: self.now + IDLE };
        match kind {
            Kind::End { session } => Change::end_session(id(session), ending),
            Kind::EndAllOf { user, except } => {
                Change::end_sessions_of(user_id(*user), except.as_ref().map(id), ending)
            }
            Kind::EndOldestOf { user, except, keep } => {
                Change::end_oldest_sessions_of(user_id(*user), id(except), *keep, ending)
            }
            Kind::RefreshPosition { session } => Change::refresh_position(id(session)),
            Kind::RefreshPositionsOf { user } => Change::refresh_positions_of(user_id(*user)),
            Kind::RefreshCookiePositions => Change::refresh_cookie_positions(),
            Kind::RemoveUser { user } => Change::remove_user(user_id(*user)),
            Kind::CutOffUser { user } => Change::set_cutoff(CutoffScope::User(user_id(*user))),
            Kind::CutOffClient => Change::set_cutoff(CutoffScope::Client(ClientId::default())),
            Kind::CutOffEveryone => Change::set_cutoff(CutoffScope::Everyone),
            Kind::LogIn { .. }
            | Kind::ReplaceSession { .. }
            | Kind::ReplaceUser { .. }
            | Kind::ReplaceClient { .. } => unreachable!("it depends on a record"),
        }
    }

    async fn replaced_session(&self, session: usize, ends: bool) -> Option<Change> {
        let stored = self.store.session(self.tokens[session].session()).await.unwrap()?;
        let ended = ends.then_some(SessionEnd { at: self.now, reason: EndReason::Logout });
        let scope = Some("changed".to_owned());
        Some(Change::replace_session(Session { ended, scope, revision: stored.revision + 1, ..stored }))
    }

    async fn replaced_user(&self, user: usize, is_disabled: bool) -> Option<Change> {
        let stored = self.store.user(user_id(user)).await.unwrap()?;
        let (disabled_at, revision) = (is_disabled.then_some(self.now), stored.revision + 1);
        let roles = vec![format!("role{revision}")];
        Some(Change::replace_user(User { disabled_at, roles, revision, ..stored }))
    }

    async fn replaced_client(&self, enabled: bool) -> Option<Change> {
        let mut client = self.store.client(&ClientId::default()).await.unwrap()?;
        client.enabled = enabled;
        client.revision += 1;
        Some(Change::replace_client(client))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn a_cache_and_its_store_answer_as_the_store_alone(steps in prop::collection::vec(any_checked_step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut installation = Installation::new().await;
            for (step, presented) in &steps {
                installation.execute(step).await;
                for session in (0..SESSIONS).filter(|session| presented[*session]) {
                    installation.check_host_token(&installation.host_tokens[session]).await;
                    installation.check(&installation.tokens[session]).await;
                }
            }
        });
    }
}

#[tokio::test]
async fn a_host_token_is_answered_from_memory_after_its_first_request() {
    let installation = Installation::new().await;
    let (token, cache) = (&installation.host_tokens[0], &installation.cache);
    let without_sessions: Arc<dyn Store> = SqliteStore::in_memory().unwrap();

    let first = installation.authenticate_at_host(&without_sessions, cache, token).await;
    assert_eq!(first, Err(AuthError::InvalidCredential(InvalidCredential::Unknown.into())));
    installation.authenticate_at_host(&installation.store, cache, token).await.unwrap();
    installation.authenticate_at_host(&without_sessions, cache, token).await.unwrap();

    // The session token of the same session, too.
    assert!(matches!(cache.lookup(&installation.tokens[0], NOON), CacheLookup::Hit(_)));
}
