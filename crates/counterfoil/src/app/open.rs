//! Opens an installation: locks and checks the store, loads the keys, starts the clock and the hashing
//! threads.

use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use counterfoil_core::model::client::Lifetimes;
use counterfoil_core::model::key::KeyRecord;
use counterfoil_core::model::session::{Crash, RefreshGracePeriod};
use counterfoil_core::services::account::AccountService;
use counterfoil_core::services::administration::{self, Administration};
use counterfoil_core::services::application_users::ApplicationUsers;
use counterfoil_core::services::authenticator::StoreAuthenticator;
use counterfoil_core::services::failure_log::FailureLog;
use counterfoil_core::services::host_login::HostLogins;
use counterfoil_core::services::issuer::{Issuer, MAX_EXCHANGED_LIFETIME};
use counterfoil_core::services::keys::active_keys::opens_all;
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_core::services::login_rate_limiter::LoginRateLimiter;
use counterfoil_core::services::password_policy::PasswordPolicy;
use counterfoil_core::services::revoker::{RevocationRetention, Revoker};
use counterfoil_core::services::status_lists::StatusReferences;
use counterfoil_core::store::session_cache::MemorySessionCache;
use counterfoil_core::store::session_cache::shared::SharedSessions;
use counterfoil_core::store::{FileBackup, NodeId, Store, load_revocations};
use counterfoil_jose::{SealingKey, Time};
use counterfoil_verify::{Freshness, LocalVerifier, OriginPolicy, Revocations, TokenVerifier};

use crate::app::backend::{OpenedStore, check_cache, open_store, start_cache};
use crate::app::error::OpenError;
use crate::app::forward_auth::ForwardAuth;
use crate::app::hooks::{EventNotifier, Hooks};
use crate::app::live::Live;
use crate::app::node_follower::{self as follower, FollowedPosition, NodeFollower};
use crate::app::{App, AppParts};
use crate::clock::checkpoint;
use crate::clock::state_keys::StateKeys;
use crate::clock::{Clock, ClockSource, SystemClock};
use crate::counters::{CountingAuthenticator, Metrics};
use crate::feed::Feed;
use crate::feed::status_lists::StatusLists;
use crate::keys::master_key::ResolvedMasterKey;
use crate::keys::master_key_file::{self, MasterKeyError};
use crate::keys::master_key_rotation::PendingMasterKey;
use crate::limits::body_memory::BodyMemoryLimiter;
#[cfg(feature = "admin")]
use crate::limits::doctor_rate::DoctorRateLimiter;
use crate::limits::introspection_rate::IntrospectionRateLimiter;
use crate::limits::untrusted_proxies::UntrustedProxies;
use crate::limits::write_rate::WriteRateLimiter;
use crate::passwords::breached::{BreachedError, BreachedFile};
use crate::passwords::hash_pool::HashPool;
use crate::passwords::hash_queue::HashPoolOptions;
use crate::runtime::shared_run::SharedRun;
use crate::runtime::task::Task;
use crate::settings::Settings;
use crate::settings::cookie_options::Cookies;
use crate::settings::data_dir;
use crate::store::audit_log::AuditLogLimit;
use crate::store::copy_mark;
use crate::store::node::Node;
use crate::store::rollback_guard::RollbackGuard;
use crate::store::shutdown_mark;

/// The number of revocations that are read from the store at a time: a few megabytes.
const REVOCATIONS_PAGE_SIZE: NonZeroU32 = NonZeroU32::new(1 << 16).expect("it is not 0");

/// The future of an installation that is being opened.
type OpenFuture = Pin<Box<dyn Future<Output = Result<App, OpenError>> + Send>>;

impl App {
    /// Opens the store, creates the keys if the store is new, and starts the clock.
    ///
    /// Invalid settings are found before anything is created.
    ///
    /// # Errors
    ///
    /// What is wrong; [`OpenError::hint`] says what to do. Nothing that existed was changed.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        Self::open_with(settings, Hooks::default(), SystemClock).await
    }

    /// Opens with functions of the embedding application.
    #[cfg(test)]
    pub(crate) async fn open_with_hooks(settings: Settings, hooks: Hooks) -> Result<Self, OpenError> {
        Self::open_with(settings, hooks, SystemClock).await
    }

    /// Opens with another clock than the system's, for tests that depend on time.
    ///
    /// # Errors
    ///
    /// As [`App::open`].
    pub async fn open_with_clock(settings: Settings, source: impl ClockSource) -> Result<Self, OpenError> {
        Self::open_with(settings, Hooks::default(), source).await
    }

    /// Opens with functions of the embedding application and another clock than the system's.
    pub(crate) fn open_with(settings: Settings, hooks: Hooks, source: impl ClockSource) -> OpenFuture {
        Self::open_boxed(settings, hooks, Box::new(source))
    }

    /// The future is boxed here, and has no type parameter, so that its code is compiled in this crate alone. Every crate that
    /// awaits an `async fn` compiles it for itself, with all that it awaits and starts: here the stores.
    #[inline(never)]
    fn open_boxed(settings: Settings, hooks: Hooks, source: Box<dyn ClockSource>) -> OpenFuture {
        Box::pin(Self::open_and_check(settings, hooks, source))
    }

    async fn open_and_check(
        settings: Settings,
        hooks: Hooks,
        source: Box<dyn ClockSource>,
    ) -> Result<Self, OpenError> {
        data_dir::check_existing(&settings)?;
        let checked = Checked::new(&settings, hooks)?;
        let guard = settings.rollback_guard_file().map(RollbackGuard::new);
        if let Some(guard) = &guard
            && !Self::store_exists(&settings)
        {
            guard.check_no_former_store()?;
        }
        let created_dir = data_dir::create(&settings)?;
        let opened = open_store(&settings.store, checked.hooks.store.clone()).await;
        if let (Err(_), Some(dir)) = (&opened, created_dir) {
            // Fails if it is not empty.
            let _ = std::fs::remove_dir(dir);
        }
        let opened = opened?;
        restrict_own_files(&settings, guard.as_ref())?;
        let store = Arc::clone(&opened.store);
        let parts = (opened, guard);
        // Its future is large, and this one would contain it.
        match Box::pin(Self::open_with_store(settings, parts, checked, source)).await {
            Ok(app) => Ok(app),
            Err(error) => {
                let _ = store.close().await;
                Err(error)
            }
        }
    }

    async fn open_with_store(
        settings: Settings,
        (opened, guard): (OpenedStore, Option<RollbackGuard>),
        Checked { master_key, password_policy, cookies, hooks }: Checked,
        source: Box<dyn ClockSource>,
    ) -> Result<Self, OpenError> {
        let OpenedStore { store, file_backup } = opened;
        copy_mark::check(&*store).await?;
        // Before anything is read from or written to a store that may have been rolled back.
        if let Some(guard) = &guard {
            guard.check(&*store).await?;
        }
        let state_keys = StateKeys::new(&*store, &settings.node.display_name());
        let grace = settings.refresh_reuse_grace;
        let wall = source.read().wall;
        let last_write = shutdown_mark::last_write_before_crash(&*store, &state_keys, grace, wall).await?;
        let master_key = load_or_create_master_key(&*store, master_key).await?;
        let clock = Arc::new(checkpoint::start(&*store, &state_keys, source).await?);
        let node = store.node_registry().map(|_| Arc::new(Node::new(&settings.node, Arc::clone(&clock))));
        // Before anything is read that stays in memory: every later commit is announced to this node.
        let last_change = match &node {
            Some(node) => follower::join(&*store, node).await?,
            None => None,
        };
        let freshness = if node.is_some() { Freshness::NEVER } else { Freshness::Always };
        let revocations = Arc::new(Revocations::with_freshness(freshness));
        // Before the cache in memory, which must hear of a commit later.
        let shared_cache = open_shared_cache(&*store, &settings, &master_key, (&revocations, &clock)).await?;
        let (session_cache, metrics) = subscribe(&*store, &settings, (revocations, node.clone())).await?;
        let applied = session_cache.revocations().head();
        if let Some(listener) = hooks.on_event.clone() {
            store.subscribe(Arc::new(EventNotifier::start(listener).map_err(OpenError::Thread)?));
        }
        let rate_limit_key = master_key.derive_hmac_key(b"login_rate_limit");
        let rate_limiter = LoginRateLimiter::new(Arc::clone(&store), rate_limit_key, settings.rate_limits);
        let retention = Arc::new(administration::load_retention(&*store, MAX_EXCHANGED_LIFETIME).await?);
        let (schedule, token_retention) = (settings.schedule(), Arc::clone(&retention));
        let keys = Keyring::open(Arc::clone(&store), master_key, schedule, token_retention, clock.now());
        let node_id = match store.node_registry() {
            Some(registry) => registry.id(),
            None => NodeId::generate().map_err(OpenError::Randomness)?,
        };
        let keys = Arc::new(keys.await?.with_node(node_id));
        log_if_algorithm_is_unused(&keys);
        let verifier = Arc::new(local_verifier(&settings, &keys, &session_cache, &clock)?);
        let feed = Feed::open(
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&keys),
            settings.feed,
            node.clone(),
        )
        .await?;
        let feed = Arc::new(feed);
        let following = match node.clone().zip(last_change) {
            None => None,
            Some((node, last_change)) => {
                let position = FollowedPosition::new(applied, last_change);
                let follower = NodeFollower {
                    node,
                    store: Arc::clone(&store),
                    clock: Arc::clone(&clock),
                    session_cache: Arc::clone(&session_cache),
                    shared_cache: shared_cache.clone(),
                    keys: Arc::clone(&keys),
                    retention: Arc::clone(&retention),
                    feed: Arc::clone(&feed),
                    position,
                };
                Some(follower.start().await?)
            }
        };
        let urls = (settings.issuer.to_string(), settings.api_url());
        let status_lists =
            StatusLists::open(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&keys), urls).await?;
        let hashing = start_hash_pool(&settings)?;
        if let Some(guard) = &guard {
            guard.initialize(&*store).await?;
        }
        // After every check, so that a start that fails leaves the mark.
        shutdown_mark::begin(&*store, &state_keys, clock.checkpoint()).await?;
        let loaded = Loaded {
            node_id,
            state_keys,
            node,
            following,
            last_write_before_crash: last_write,
            store,
            file_backup,
            guard,
            session_cache,
            shared_cache,
            metrics,
            clock,
            rate_limiter,
            retention,
            keys,
            verifier,
            feed,
            status_lists,
            hashing,
        };
        Ok(loaded.into_app(settings, (password_policy, cookies, hooks)))
    }
}

/// Sets mode 0600 on the files that this program has made outside of the store, if a platform has changed it since. The
/// caller has the lock of the store.
fn restrict_own_files(settings: &Settings, guard: Option<&RollbackGuard>) -> Result<(), OpenError> {
    if let Some(file) = settings.default_master_key_file().filter(|_| settings.master_key.file.is_none()) {
        master_key_file::restrict_own(&file)?;
    }
    guard.map_or(Ok(()), |guard| guard.restrict().map_err(OpenError::from))
}

/// What the settings lead to without the store, and the functions of the host. An error here changes nothing.
struct Checked {
    master_key: ResolvedMasterKey,
    password_policy: PasswordPolicy,
    cookies: Cookies,
    hooks: Hooks,
}

impl Checked {
    fn new(settings: &Settings, hooks: Hooks) -> Result<Self, OpenError> {
        check_cache(settings).map_err(OpenError::Cache)?;
        let is_local = settings.issuer.is_loopback() && !settings.issuer.is_secure();
        if settings.development_mode.is_some() && !is_local {
            return Err(OpenError::DevelopmentMode(settings.issuer.clone()));
        }
        settings.forward_auth.check_hosts()?;
        Ok(Self {
            hooks,
            password_policy: password_policy(settings)?,
            cookies: settings.cookies.for_issuer(&settings.issuer)?,
            master_key: settings.master_key.resolve(settings.default_master_key_file())?,
        })
    }
}

/// The parts that the services of an installation share.
struct Loaded {
    node_id: NodeId,
    state_keys: StateKeys,
    node: Option<Arc<Node>>,
    following: Option<Task>,
    last_write_before_crash: Option<Time>,
    store: Arc<dyn Store>,
    file_backup: Option<Arc<dyn FileBackup>>,
    guard: Option<RollbackGuard>,
    session_cache: Arc<MemorySessionCache>,
    shared_cache: Option<Arc<SharedSessions>>,
    metrics: Metrics,
    clock: Arc<Clock>,
    rate_limiter: LoginRateLimiter,
    retention: Arc<RevocationRetention>,
    keys: Arc<Keyring>,
    verifier: Arc<LocalVerifier>,
    feed: Arc<Feed>,
    status_lists: StatusLists,
    hashing: Arc<HashPool>,
}

impl Loaded {
    fn into_app(
        self,
        settings: Settings,
        (password_policy, cookies, hooks): (PasswordPolicy, Cookies, Hooks),
    ) -> App {
        let (shared_store, shared_retention, shared_keys) =
            (Arc::clone(&self.store), Arc::clone(&self.retention), Arc::clone(&self.keys));
        let (store, retention, keys) =
            (|| Arc::clone(&shared_store), || Arc::clone(&shared_retention), || Arc::clone(&shared_keys));
        let started_at = self.clock.now();
        let crash =
            self.last_write_before_crash.map(|last_write| Crash { last_write, serving_since: started_at });
        let grace = RefreshGracePeriod { length: settings.refresh_reuse_grace, crash };
        let issuer = Issuer::new(store(), keys(), settings.issuer.as_str().to_owned(), retention(), grace);
        let accounts =
            AccountService::new(store(), Arc::clone(&self.hashing) as _, retention(), self.rate_limiter);
        let failures = FailureLog::new(settings.audit_log.failure_window, settings.rate_limits.ipv6_prefix);
        let administration = || Administration::new(store(), keys(), retention());
        let application_users =
            hooks.users.map(|users| Arc::new(ApplicationUsers::new(users, store(), administration())));
        let accounts = accounts.with_application_users(application_users.clone());
        let authenticator =
            StoreAuthenticator::new(store(), Arc::clone(&self.session_cache), Arc::clone(&self.verifier))
                .with_shared_cache(self.shared_cache.clone());
        let checks = Arc::clone(&self.metrics.credential_checks);
        let origins = origin_policy(&settings);
        let status_references = settings
            .status_claim
            .then(|| StatusReferences::new(settings.api_url(), self.status_lists.permutation(), retention()));
        let parts = AppParts {
            accounts: accounts
                .with_password_policy(password_policy)
                .with_username_policy(settings.usernames)
                .with_failure_log(failures),
            issuer: issuer
                .with_max_sessions(settings.max_sessions)
                .with_username_claim(settings.username_claim)
                .with_status_references(status_references)
                .with_claims(hooks.claims),
            revoker: Revoker::new(store(), retention()),
            administration: administration(),
            application_users,
            authenticator: Arc::new(CountingAuthenticator::new(authenticator, checks)),
            forward_auth: ForwardAuth::for_settings(&settings, &origins, &cookies),
            host_logins: HostLogins::new(
                store(),
                Arc::clone(&self.session_cache),
                keys(),
                Arc::clone(&self.verifier),
            ),
            origins: Arc::new(origins),
            cookies: Arc::new(cookies),
            bodies: BodyMemoryLimiter::new(&settings.limits),
            untrusted_proxies: UntrustedProxies::new(Instant::now()),
            write_rate_limiter: WriteRateLimiter::for_settings(&settings),
            #[cfg(feature = "admin")]
            doctor_rate_limiter: DoctorRateLimiter::for_settings(&settings),
            introspection_rate_limiter: IntrospectionRateLimiter::for_settings(&settings),
            audit_log_limit: AuditLogLimit::default(),
            is_shutting_down: AtomicBool::new(false),
            skips_shutdown_delay: Notify::new(),
            has_stale_keys: AtomicBool::new(false),
            store_check: SharedRun::default(),
            openapi: OnceLock::new(),
            key_schedule_changed: Notify::new(),
            rollback_guard: self.guard,
            settings,
            node_id: self.node_id,
            state_keys: self.state_keys,
            node: self.node,
            following: Mutex::new(self.following),
            store: self.store,
            file_backup: self.file_backup,
            session_cache: self.session_cache,
            shared_cache: self.shared_cache,
            keys: self.keys,
            hashing: self.hashing,
            metrics: self.metrics,
            verifier: self.verifier,
            feed: self.feed,
            live: Live::new(&*shared_store),
            status_lists: self.status_lists,
            clock: self.clock,
            started_at,
            refresh_grace: grace,
        };
        App { parts: Arc::new(parts) }
    }
}

/// The issuer's own origin and the trusted ones; in development mode those of this machine as well.
fn origin_policy(settings: &Settings) -> OriginPolicy {
    let own = OriginPolicy::new(settings.issuer.origin().clone());
    let policy = settings.trusted_origins.iter().cloned().fold(own, OriginPolicy::trust);
    if settings.development_mode.is_some() { policy.danger_trust_loopback() } else { policy }
}

/// The cache that processes share, if one is set. It receives every later commit.
///
/// Its key depends on the revocation log as well: after a restore from a backup, and at a copy of the store, nothing of before is
/// used.
async fn open_shared_cache(
    store: &dyn Store,
    settings: &Settings,
    master_key: &SealingKey,
    (revocations, clock): (&Arc<Revocations>, &Arc<Clock>),
) -> Result<Option<Arc<SharedSessions>>, OpenError> {
    let Some(url) = &settings.cache else { return Ok(None) };
    let log = store.revocation_log_id().await?.to_string();
    let key = master_key.derive_hmac_key(&[b"session_cache\0", log.as_bytes()].concat());
    let cache = start_cache(url, key).map_err(OpenError::Cache)?;
    let clock = Arc::clone(clock);
    let shared = SharedSessions::new(cache, Arc::clone(revocations), Arc::new(move || clock.now()));
    let shared = Arc::new(shared);
    store.subscribe(Arc::clone(&shared) as _);
    Ok(Some(shared))
}

/// The session cache with all current revocations, and the metrics. Both receive every later commit.
async fn subscribe(
    store: &dyn Store,
    settings: &Settings,
    (revocations, node): (Arc<Revocations>, Option<Arc<Node>>),
) -> Result<(Arc<MemorySessionCache>, Metrics), OpenError> {
    let cache = MemorySessionCache::new(settings.session_cache_size, revocations);
    let cache = match node {
        None => cache,
        Some(node) => cache.with_lease(move || node.lease.is_held()),
    };
    let cache = Arc::new(cache);
    let metrics = Metrics::default();
    // Subscribed before the revocation log is read: a commit in between is received twice, never missed.
    store.subscribe(Arc::clone(&cache) as _);
    store.subscribe(Arc::clone(&metrics.events) as _);
    load_revocations(store, cache.revocations(), REVOCATIONS_PAGE_SIZE).await?;
    Ok((cache, metrics))
}

/// The master key that was found, or a new one if no key in the store is encrypted. This process holds the
/// lock of the store, so no other process creates a key at the same time.
async fn load_or_create_master_key(
    store: &dyn Store,
    resolved: ResolvedMasterKey,
) -> Result<SealingKey, OpenError> {
    match resolved {
        ResolvedMasterKey::Found(key, None) => Ok(key),
        ResolvedMasterKey::Found(key, Some(pending)) => choose(&store.keys().await?, key, pending),
        ResolvedMasterKey::ToCreate(file) if store.keys().await?.is_empty() => {
            Ok(master_key_file::create(&file)?)
        }
        ResolvedMasterKey::ToCreate(file) => Err(MasterKeyError::Missing { file }.into()),
    }
}

/// Chooses the master key that decrypts the stored keys after an interrupted replacement, and completes or
/// reverts the replacement.
fn choose(stored: &[KeyRecord], key: SealingKey, pending: PendingMasterKey) -> Result<SealingKey, OpenError> {
    if opens_all(stored, &key) {
        pending.discard();
        return Ok(key);
    }
    if !opens_all(stored, pending.key()) {
        // Neither key decrypts the store; loading the keys will report that.
        return Ok(key);
    }
    let newest = stored.iter().map(|key| key.changed_at).max().unwrap_or_default();
    let new = pending.key().clone();
    let old_file = pending.activate(newest)?;
    tracing::warn!(
        old_file = %old_file.display(),
        "the replacement of the master key was interrupted; it is completed now"
    );
    Ok(new)
}

/// Says that the setting has no effect. It may have its default, so this is no warning.
fn log_if_algorithm_is_unused(keys: &Keyring) {
    let (current, configured) = (keys.active_keys().signing_key().algorithm(), keys.schedule().algorithm);
    if current.is_symmetric() != configured.is_symmetric() {
        tracing::info!(
            "tokens are signed with {current}, as the keys of this store are; the setting algorithm ({configured}) has no \
             effect, because a store does not change between asymmetric keys and shared secrets"
        );
    }
}

/// Verifies this issuer's own tokens, without HTTP.
fn local_verifier(
    settings: &Settings,
    keys: &Keyring,
    cache: &MemorySessionCache,
    clock: &Arc<Clock>,
) -> Result<LocalVerifier, OpenError> {
    let (issuer, active) = (settings.issuer.as_str(), keys.active_keys());
    // Every active key is for one algorithm of this family, also if it was created with other settings.
    let tokens = TokenVerifier::builder(issuer, issuer, active.signing_key().algorithm().compatible())
        // The longest lifetime that any client can have.
        .max_lifetime(Lifetimes::CEILING.max_access_lifetime())
        // The tokens were issued by this clock, so an expired token is not accepted for a while longer.
        .leeway(Duration::ZERO)
        .cache_size(settings.token_cache_size)
        .build(active.verification_keys().clone())?;
    let tokens = Arc::new(tokens);
    keys.subscribe(Arc::clone(&tokens));
    let clock = Arc::clone(clock);
    Ok(LocalVerifier::new(tokens, Arc::clone(cache.revocations()), move || clock.now()))
}

/// The requirements for new passwords. The host name of the service must not be part of a password.
fn password_policy(settings: &Settings) -> Result<PasswordPolicy, BreachedError> {
    let policy = PasswordPolicy::default().with_min_length(settings.password_min_length);
    let issuer = settings.issuer.as_str();
    let host = issuer.split_once("://").map_or(issuer, |(_, host)| host);
    let policy = policy.for_service(host.split(['/', ':']).next().unwrap_or(host));
    Ok(match &settings.breached_passwords {
        Some(file) => policy.with_breached(Arc::new(BreachedFile::open(file)?)),
        None => policy,
    })
}

fn start_hash_pool(settings: &Settings) -> Result<Arc<HashPool>, OpenError> {
    let options = HashPoolOptions {
        threads: settings.password_hashing_threads,
        queue_size: settings.password_hashing_queue_size,
        max_share: settings.password_hashing_max_share,
        max_delayed_refusals: settings.password_hashing_max_delayed_refusals,
        queue_timeout: settings.password_hashing_queue_timeout,
        ..HashPoolOptions::default()
    };
    Ok(Arc::new(HashPool::start(settings.argon2, options)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use counterfoil_core::model::audit_event::Actor;
    use counterfoil_core::model::session::{ClientInfo, Mode};
    use counterfoil_core::services::account::{Credentials, Registration};
    use counterfoil_core::services::issuer::ClaimsProvider;
    use counterfoil_core::services::issuer::NewSession;
    use counterfoil_jose::Secret;
    use counterfoil_verify::{Authenticator as _, ClientId, PresentedCredential};

    use super::*;
    use crate::settings::development_mode::DevelopmentMode;

    #[tokio::test]
    async fn development_mode_is_refused_where_others_reach_the_issuer() {
        let dir = tempfile::tempdir().unwrap();
        for issuer in ["https://auth.example", "https://localhost"] {
            let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
            let settings = Settings::new(issuer.parse().unwrap(), store);
            let settings =
                settings.with(|settings| settings.development_mode = Some(DevelopmentMode::new("page")));

            let refused = App::open(settings).await.unwrap_err();

            assert!(matches!(refused, OpenError::DevelopmentMode(_)), "{issuer}: {refused}");
            assert!(refused.hint().is_some() && !dir.path().join("auth.db").exists());
        }
    }

    #[tokio::test]
    async fn the_claims_of_the_host_are_in_the_tokens() {
        let dir = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
        let settings = Settings::new("http://localhost".parse().unwrap(), store);
        let claims = ClaimsProvider::new(|user| json!({ "tenant": user.username() }));
        let hooks = Hooks { claims: Some(claims), ..Hooks::default() };
        let app = App::open_with_hooks(settings, hooks).await.unwrap();
        let password = || Secret::new("correct horse battery".to_owned());
        let (from, now) = (ClientInfo::default(), app.now());
        let ada = Registration {
            username: "ada".into(),
            password: password(),
            email: None,
            roles: Vec::new(),
            external_id: None,
        };
        app.parts.accounts.register(ada, Actor::Operator, &from, now).await.unwrap();
        let (username, client) = ("ada".into(), ClientId::default());
        let credentials = Credentials { username, password: password(), client, mode: Mode::Jwt };
        let authenticated = app.parts.accounts.authenticate(&credentials, &from, now).await.unwrap();

        let issued =
            app.parts.issuer.issue_access_token(authenticated, NewSession::default(), now).await.unwrap();

        let token = issued.credential.token.to_string();
        let presented = PresentedCredential::AccessToken(&token);
        let principal = app.parts.authenticator.authenticate(presented, app.now()).wait().await.unwrap();
        assert_eq!(principal.claim("tenant"), Some(&json!("ada")));
    }
}
