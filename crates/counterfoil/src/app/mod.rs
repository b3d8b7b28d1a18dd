//! An open installation: everything that request handlers and background jobs use, in one value.

pub(crate) mod backend;
pub(crate) mod error;
pub(crate) mod forward_auth;
pub(crate) mod hooks;
mod known_password;
pub(crate) mod live;
mod node_follower;
mod open;
#[cfg(feature = "admin")]
pub(crate) mod preflight;
pub(crate) mod readiness;
pub(crate) mod readiness_check;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use http::Extensions;
use tokio::sync::Notify;

use counterfoil_core::model::session::RefreshGracePeriod;
use counterfoil_core::services::account::AccountService;
use counterfoil_core::services::administration::Administration;
use counterfoil_core::services::application_users::ApplicationUsers;
use counterfoil_core::services::host_login::HostLogins;
use counterfoil_core::services::issuer::Issuer;
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_core::services::revoker::Revoker;
use counterfoil_core::store::session_cache::MemorySessionCache;
use counterfoil_core::store::session_cache::shared::SharedSessions;
use counterfoil_core::store::{FileBackup, NodeId, Store, StoreError};
use counterfoil_jose::Time;
use counterfoil_verify::{AuthError, AuthLayer, AuthState, CsrfLayer, LocalVerifier, OriginPolicy};

use crate::app::forward_auth::ForwardAuth;
use crate::app::live::Live;
use crate::app::readiness_check::ReadinessCheck;
use crate::clock::checkpoint;
use crate::clock::state_keys::StateKeys;
use crate::clock::{Clock, ClockJumpPending};
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
use crate::store::job_locks;
use crate::store::last_seen;
use crate::store::node::Node;
use crate::store::rollback_guard::RollbackGuard;
use crate::store::shutdown_mark;

pub(crate) use hooks::Hooks;

/// An open installation: the store is locked by this process, the keys are loaded, the clock runs.
///
/// Clones are cheap and share the installation. No background job runs yet: [`serve`](crate::serve) and
/// [`Counterfoil`](crate::Counterfoil) start them.
#[derive(Clone)]
pub struct App {
    pub(crate) parts: Arc<AppParts>,
}

/// The parts of an [`App`].
pub(crate) struct AppParts {
    pub(crate) settings: Settings,
    rollback_guard: Option<RollbackGuard>,
    /// The identity of this process among those that have the store open.
    pub(crate) node_id: NodeId,
    /// The keys under which this process saves what a later start needs.
    pub(crate) state_keys: StateKeys,
    /// This process as a node; `None` if it is the only one that can have the store open.
    pub(crate) node: Option<Arc<Node>>,
    /// Renews the lease of the node until the app is closed.
    following: Mutex<Option<Task>>,
    pub(crate) store: Arc<dyn Store>,
    /// `None` if the store is not a file.
    pub(crate) file_backup: Option<Arc<dyn FileBackup>>,
    pub(crate) session_cache: Arc<MemorySessionCache>,
    /// `None` if no cache is set.
    pub(crate) shared_cache: Option<Arc<SharedSessions>>,
    pub(crate) keys: Arc<Keyring>,
    /// Wakes the job that rotates keys before its next scheduled time.
    pub(crate) key_schedule_changed: Notify,
    pub(crate) accounts: AccountService,
    /// `None` if the users are those of the store.
    pub(crate) application_users: Option<Arc<ApplicationUsers>>,
    pub(crate) issuer: Issuer,
    pub(crate) revoker: Revoker,
    pub(crate) administration: Administration,
    pub(crate) authenticator: Arc<CountingAuthenticator>,
    pub(crate) hashing: Arc<HashPool>,
    pub(crate) metrics: Metrics,
    pub(crate) verifier: Arc<LocalVerifier>,
    pub(crate) feed: Arc<Feed>,
    /// The streams of live updates for administrators.
    pub(crate) live: Live,
    pub(crate) status_lists: StatusLists,
    pub(crate) clock: Arc<Clock>,
    pub(crate) origins: Arc<OriginPolicy>,
    pub(crate) cookies: Arc<Cookies>,
    pub(crate) bodies: BodyMemoryLimiter,
    pub(crate) untrusted_proxies: UntrustedProxies,
    pub(crate) write_rate_limiter: WriteRateLimiter,
    #[cfg(feature = "admin")]
    pub(crate) doctor_rate_limiter: DoctorRateLimiter,
    pub(crate) introspection_rate_limiter: IntrospectionRateLimiter,
    pub(crate) forward_auth: ForwardAuth,
    pub(crate) host_logins: HostLogins,
    pub(crate) audit_log_limit: AuditLogLimit,
    pub(crate) started_at: Time,
    pub(crate) refresh_grace: RefreshGracePeriod,
    pub(crate) is_shutting_down: AtomicBool,
    /// Ends [`Settings::shutdown_delay`](crate::Settings::shutdown_delay) early.
    pub(crate) skips_shutdown_delay: Notify,
    /// Whether the keys in the store could not be loaded.
    pub(crate) has_stale_keys: AtomicBool,
    /// Many probes of readiness at a time share its runs.
    store_check: SharedRun<Option<ReadinessCheck>>,
    /// The OpenAPI document, serialized at the first request for it.
    pub(crate) openapi: OnceLock<Bytes>,
}

impl App {
    /// The current time. A handler reads it once and passes it on; no other code reads a clock.
    pub fn now(&self) -> Time {
        self.parts.clock.now()
    }

    /// The current time, for a handler that issues credentials.
    ///
    /// # Errors
    ///
    /// After a clock jump that an operator has not accepted; 503.
    pub(crate) fn now_to_issue(&self) -> Result<Time, ClockJumpPending> {
        self.parts.clock.now_to_issue()
    }

    /// The settings that it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    /// The installation whose [`App::layer`] the request with these extensions has passed.
    pub(crate) fn from_extensions(extensions: &Extensions) -> Option<Self> {
        AuthState::from_extensions(extensions)?.application().map(|parts| Self { parts })
    }

    /// Authenticates requests.
    pub(crate) fn auth_layer(&self) -> AuthLayer {
        let (authenticator, clock) = (Arc::clone(&self.parts.authenticator), Arc::clone(&self.parts.clock));
        AuthLayer::new(authenticator, clock).with_cookie_names(Arc::clone(self.parts.cookies.names()))
    }

    /// Refuses cross-site writes with a cookie of this issuer.
    pub(crate) fn csrf_layer(&self) -> CsrfLayer {
        CsrfLayer::new(Arc::clone(&self.parts.origins), Arc::clone(self.parts.cookies.names()))
    }

    /// Makes the readiness check fail, so that load balancers send no new requests.
    pub(crate) fn start_draining(&self) {
        self.parts.is_shutting_down.store(true, Ordering::SeqCst);
    }

    /// Ends the [`Settings::shutdown_delay`](crate::Settings::shutdown_delay) of a server that is shutting down, or that will be: requests in
    /// progress are still finished. `counterfoil serve` calls it at a second SIGTERM or SIGINT.
    ///
    /// ```no_run
    /// # async fn example(app: counterfoil::App, listener: std::net::TcpListener) -> std::io::Result<()> {
    /// let signals = app.clone();
    /// app.serve(listener, async move {
    ///     let _ = tokio::signal::ctrl_c().await;
    ///     tokio::spawn(async move {
    ///         let _ = tokio::signal::ctrl_c().await;
    ///         signals.skip_shutdown_delay();
    ///     });
    /// })
    /// .await
    /// # }
    /// ```
    pub fn skip_shutdown_delay(&self) {
        self.parts.skips_shutdown_delay.notify_one();
    }

    /// As [`start_draining`](Self::start_draining), and ends the polls that wait and the streams.
    pub(crate) fn start_shutdown(&self) {
        self.start_draining();
        self.parts.feed.close();
        self.parts.live.close();
    }

    /// Saves the rollback guard. An outdated file does not prevent a start, so an error is only logged.
    pub(crate) async fn save_rollback_guard(&self) {
        if let Some(guard) = &self.parts.rollback_guard
            && let Err(error) = guard.save(&*self.parts.store).await
        {
            tracing::warn!(?error, "the rollback-guard was not saved; a rollback could remain undetected");
        }
    }

    /// Checks that what was read before this call may be accepted, from memory or from the store: a node without a lease may read
    /// from a database that is no longer the primary.
    ///
    /// # Errors
    ///
    /// [`AuthError::StaleRevocations`] if this node may not know of the latest revocations.
    pub(crate) fn check_freshness(&self) -> Result<(), AuthError> {
        if self.parts.verifier.is_fresh() { Ok(()) } else { Err(AuthError::StaleRevocations) }
    }

    /// Ends the lease of this node, and removes its row unless a verifier relies on a response of it still. Then another node
    /// removes the row later: until then a wait for the fleet waits for that verifier too.
    async fn leave(&self) -> Result<(), StoreError> {
        let (Some(node), Some(registry)) = (&self.parts.node, self.parts.store.node_registry()) else {
            return Ok(());
        };
        let following = self.parts.following.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(following) = following {
            following.cancel().await;
        }
        node.lease.end();
        if self.parts.feed.has_promised() { Ok(()) } else { registry.leave().await }
    }

    /// Saves the clock checkpoint, the last-seen times of sessions, the failures that were counted, the rollback guard and
    /// the mark of a clean shutdown, completes pending writes, and closes the store.
    ///
    /// # Errors
    ///
    /// If the store was not closed cleanly. Acknowledged writes are durable in any case.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.close_boxed().await
    }

    /// Boxed here for the reason that [`App::open`] is.
    #[inline(never)]
    fn close_boxed(&self) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + '_>> {
        Box::pin(self.save_and_close())
    }

    async fn save_and_close(&self) -> Result<(), StoreError> {
        self.start_shutdown();
        let last_seen =
            last_seen::write(&*self.parts.store, &self.parts.session_cache.take_last_seen()).await;
        let failures = self.parts.accounts.record_counted_failures(None).await;
        let checkpoint =
            checkpoint::save(&*self.parts.store, &self.parts.state_keys, &self.parts.clock).await;
        self.save_rollback_guard().await;
        let released = job_locks::release(&*self.parts.store, self.parts.node_id).await;
        let mark = shutdown_mark::end(&*self.parts.store, &self.parts.state_keys).await;
        let left = self.leave().await;
        self.parts.store.close().await?;
        left.and(last_seen).and(failures).and(checkpoint).and(released).and(mark)
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("settings", &self.parts.settings).finish_non_exhaustive()
    }
}
