//! The composition of the services from what an installation has loaded.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use tokio::sync::Notify;

use counterfoil_core::model::session::{Crash, RefreshGracePeriod};
use counterfoil_core::services::account::AccountService;
use counterfoil_core::services::administration::Administration;
use counterfoil_core::services::application_users::ApplicationUsers;
use counterfoil_core::services::authenticator::StoreAuthenticator;
use counterfoil_core::services::failure_log::FailureLog;
use counterfoil_core::services::host_login::HostLogins;
use counterfoil_core::services::issuer::Issuer;
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_core::services::login_rate_limiter::LoginRateLimiter;
use counterfoil_core::services::password_policy::PasswordPolicy;
use counterfoil_core::services::revoker::{RevocationRetention, Revoker};
use counterfoil_core::services::status_lists::StatusReferences;
use counterfoil_core::store::session_cache::MemorySessionCache;
use counterfoil_core::store::session_cache::shared::SharedSessions;
use counterfoil_core::store::{FileBackup, NodeId, Store};
use counterfoil_jose::Time;
use counterfoil_verify::{LocalVerifier, OriginPolicy};

use crate::app::forward_auth::ForwardAuth;
use crate::app::hooks::Hooks;
use crate::app::live::Live;
use crate::app::{App, AppParts};
use crate::clock::Clock;
use crate::clock::state_keys::StateKeys;
use crate::counters::{CountingAuthenticator, Metrics};
use crate::feed::Feed;
use crate::feed::status_lists::StatusLists;
use crate::limits::body_memory::BodyMemoryLimiter;
#[cfg(feature = "admin")]
use crate::limits::doctor_rate::DoctorRateLimiter;
use crate::limits::introspection_rate::IntrospectionRateLimiter;
use crate::limits::untrusted_proxies::UntrustedProxies;
use crate::limits::write_rate::WriteRateLimiter;
use crate::passwords::hash_pool::HashPool;
use crate::runtime::shared_run::SharedRun;
use crate::runtime::task::Task;
use crate::settings::Settings;
use crate::settings::cookie_options::Cookies;
use crate::store::audit_log::AuditLogLimit;
use crate::store::node::Node;
use crate::store::rollback_guard::RollbackGuard;

/// The parts that the services of an installation share.
pub(super) struct Loaded {
    pub(super) node_id: NodeId,
    pub(super) state_keys: StateKeys,
    pub(super) node: Option<Arc<Node>>,
    pub(super) following: Option<Task>,
    pub(super) last_write_before_crash: Option<Time>,
    pub(super) store: Arc<dyn Store>,
    pub(super) file_backup: Option<Arc<dyn FileBackup>>,
    pub(super) guard: Option<RollbackGuard>,
    pub(super) session_cache: Arc<MemorySessionCache>,
    pub(super) shared_cache: Option<Arc<SharedSessions>>,
    pub(super) metrics: Metrics,
    pub(super) clock: Arc<Clock>,
    pub(super) rate_limiter: LoginRateLimiter,
    pub(super) retention: Arc<RevocationRetention>,
    pub(super) keys: Arc<Keyring>,
    pub(super) verifier: Arc<LocalVerifier>,
    pub(super) feed: Arc<Feed>,
    pub(super) status_lists: StatusLists,
    pub(super) hashing: Arc<HashPool>,
}

impl Loaded {
    pub(super) fn into_app(
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
