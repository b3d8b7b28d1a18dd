//! The whole installation in one value: what a request needs, put together once.

pub(crate) mod preflight;
pub(crate) mod readiness;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Extension;
use tokio::sync::Notify;
use tower::layer::util::Stack;

use counterfoil_core::model::client::Lifetimes;
use counterfoil_core::model::key::KeyRecord;
use counterfoil_core::model::session::RefreshGracePeriod;
use counterfoil_core::services::account::AccountService;
use counterfoil_core::services::administration::{self, Administration};
use counterfoil_core::services::authenticator::Authenticator;
use counterfoil_core::services::issuer::{EXCHANGED, Issuer};
use counterfoil_core::services::keys::active_keys::{ActiveKeysError, opens_all};
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_core::services::login_rate_limiter::LoginRateLimiter;
use counterfoil_core::services::password_hasher::HashingError;
use counterfoil_core::services::password_policy::PasswordPolicy;
use counterfoil_core::services::revoker::Revoker;
use counterfoil_core::store::session_cache::SessionCache;
use counterfoil_core::store::{Store, StoreError};
use counterfoil_jose::{SealingKey, Time};
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{
    AuthLayer, CookieNames, CsrfLayer, LocalVerifier, OriginPolicy, Position, Revocations, TokenVerifier,
};

use crate::clock::checkpoint;
use crate::clock::{Clock, ClockUnsettled, Machine, Source};
use crate::counters::{CountingAuthenticator, Metrics};
use crate::keys::master_key::{self, Found, MasterKeyError, Replacement};
use crate::limits::body_memory::Bodies;
use crate::passwords::breached::{BreachedError, BreachedFile};
use crate::passwords::hash_pool::{HashPool, PoolSize};
use crate::settings::Settings;
use crate::settings::data_dir::{self, DataDirError};
use crate::settings::store_url::StoreUrl;
use crate::store::last_seen;
use crate::store::rollback_guard::{LogHead, LogHeadError};

/// An installation that is open: the store is ours, the keys are at hand, the clock runs.
///
/// It is cheap to clone, and all clones are one. Nothing runs by itself yet: [`crate::server::serve`] and
/// [`crate::Counterfoil`] add the work that comes round every minute.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What an open installation consists of; for this crate alone, whose handlers write `app.sign_in`.
#[doc(hidden)]
pub struct Inner {
    pub(crate) settings: Settings,
    log_head: Option<LogHead>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) memory: Arc<SessionCache>,
    pub(crate) keys: Arc<Keyring>,
    /// Told when the schedule of the keys is to be looked at before its time.
    pub(crate) keys_asked: Notify,
    pub(crate) sign_in: AccountService,
    pub(crate) issuer: Issuer,
    pub(crate) revoker: Revoker,
    pub(crate) administration: Administration,
    pub(crate) authenticator: Arc<CountingAuthenticator>,
    pub(crate) hashing: Arc<HashPool>,
    pub(crate) tally: Metrics,
    pub(crate) verifier: Arc<LocalVerifier>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) origins: Arc<OriginPolicy>,
    pub(crate) cookie_names: CookieNames,
    pub(crate) bodies: Bodies,
    pub(crate) started: Time,
    pub(crate) is_closing: AtomicBool,
    /// Whether the keys as they are kept could not be taken up.
    pub(crate) has_stale_keys: AtomicBool,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What the host's routes are wrapped in: cross-site writes are refused, and everybody else is told apart.
pub type HostLayer = Stack<Extension<App>, Stack<AuthLayer, CsrfLayer>>;

/// An installation did not open. Nothing that was there has been changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no usable master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The data directory is not there and cannot be made, or is something else.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store did not open.
    #[error(transparent)]
    Store(#[from] counterfoil_sqlite::OpenError),
    /// The store opened and does not work.
    #[error(transparent)]
    Broken(#[from] StoreError),
    /// The keys in the store cannot be used.
    #[error(transparent)]
    Ring(#[from] ActiveKeysError),
    /// The store is not what was last seen of it.
    #[error(transparent)]
    LogHead(#[from] LogHeadError),
    /// The list of breached passwords cannot be used.
    #[error(transparent)]
    Breached(#[from] BreachedError),
    /// Passwords cannot be hashed.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// The settings allow no safe judgement of tokens.
    #[error(transparent)]
    Verifier(#[from] counterfoil_verify::SettingsError),
}

impl OpenError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::MasterKey(error) => Some(error.hint().to_owned()),
            Self::DataDir(_) => {
                Some("name a directory whose parent exists and that this user may write".into())
            }
            Self::Store(error) => Some(error.hint().into()),
            Self::LogHead(error) => error.hint().map(Into::into),
            Self::Breached(error) => Some(error.hint().into()),
            Self::Ring(ActiveKeysError::MasterKey(..)) => Some(
                "start with the master key that this store was made with, or that it was given since".into(),
            ),
            Self::Broken(_) | Self::Ring(_) | Self::Hashing(_) | Self::Verifier(_) => None,
        }
    }
}

impl App {
    /// Opens the store, makes the keys if it is new, and starts the clock.
    ///
    /// What is wrong with the settings is found before anything is created.
    ///
    /// # Errors
    ///
    /// Says what is wrong, and [`OpenError::hint`] what to do. Nothing that was there is changed.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        Self::open_by(settings, Machine).await
    }

    /// The same, by other clocks than this machine's: for tests of what time does.
    ///
    /// # Errors
    ///
    /// As [`App::open`].
    pub async fn open_by(settings: Settings, source: impl Source) -> Result<Self, OpenError> {
        let passwords = password_policy(&settings)?;
        let found = settings.master_key.find(settings.default_master_key_file())?;
        let log_head = settings.log_head_file().map(LogHead::at);
        if let Some(log_head) = &log_head
            && !Self::has_store(&settings)
        {
            log_head.judge_absence()?;
        }
        let made = data_dir::make(&settings)?;
        let opened = open_store(&settings.store);
        if let (Err(_), Some(dir)) = (&opened, made) {
            // It is empty, or it stays.
            let _ = std::fs::remove_dir(dir);
        }
        let store = opened?;
        match Self::with_store(settings, (Arc::clone(&store), log_head), (found, passwords), source).await {
            Ok(app) => Ok(app),
            Err(error) => {
                let _ = store.close().await;
                Err(error)
            }
        }
    }

    /// Whether there is a store where `settings` say, or one would be made.
    pub fn has_store(settings: &Settings) -> bool {
        match &settings.store {
            StoreUrl::Sqlite(file) => SqliteStore::is_there(file),
        }
    }

    async fn with_store(
        settings: Settings,
        (store, log_head): (Arc<dyn Store>, Option<LogHead>),
        (found, passwords): (Found, PasswordPolicy),
        source: impl Source,
    ) -> Result<Self, OpenError> {
        // Before anything is read or made: an older store is no store of ours.
        if let Some(log_head) = &log_head {
            log_head.judge(&*store).await?;
        }
        let master = master_key_of(&*store, found).await?;
        // Watched before it is read: what is committed in between is heard twice, never missed.
        let memory = Arc::new(SessionCache::new(settings.session_cache_size, Arc::new(Revocations::new())));
        store.watch(Arc::clone(&memory) as _);
        let tally = Metrics::default();
        store.watch(Arc::clone(&tally.events) as _);
        let log = store.log_after(Position::START).await?;
        memory.revocations().publish(&log.entries, log.head);

        let clock = Arc::new(checkpoint::start(&*store, source).await?);
        let started = clock.now();
        let throttle =
            LoginRateLimiter::new(Arc::clone(&store), master.hmac_key(b"throttle"), settings.rate_limits);
        let horizon = Arc::new(administration::horizon_of(&*store, EXCHANGED).await?);
        let (schedule, longest) = (settings.schedule(), Arc::clone(&horizon));
        let keys = Arc::new(Keyring::open(Arc::clone(&store), master, schedule, longest, started).await?);
        warn_of_another_family(&keys);
        let verifier = Arc::new(own_verifier(&settings, &keys, &memory, &clock)?);
        let hashing = start_hashing(&settings)?;
        let grace = RefreshGracePeriod { length: settings.refresh_reuse_grace, serving_since: started };
        let name = settings.issuer.as_str().to_owned();
        if let Some(log_head) = &log_head {
            log_head.begin(&*store).await?;
        }
        let inner = Inner {
            sign_in: AccountService::new(
                Arc::clone(&store),
                Arc::clone(&hashing) as _,
                Arc::clone(&horizon),
                throttle,
            )
            .with_passwords(passwords),
            issuer: Issuer::new(Arc::clone(&store), Arc::clone(&keys), name, Arc::clone(&horizon), grace)
                .with_most_sessions(settings.max_sessions),
            revoker: Revoker::new(Arc::clone(&store), Arc::clone(&horizon)),
            administration: Administration::new(Arc::clone(&store), Arc::clone(&keys), horizon),
            authenticator: Arc::new(CountingAuthenticator::new(
                Authenticator::new(Arc::clone(&store), Arc::clone(&memory), Arc::clone(&verifier)),
                Arc::clone(&tally.credential_checks),
            )),
            origins: Arc::new(OriginPolicy {
                own: settings.issuer.origin().clone(),
                trusted: settings.trusted_origins.clone(),
            }),
            cookie_names: CookieNames::for_issuer(settings.issuer.as_str()),
            bodies: Bodies::new(&settings.limits),
            is_closing: AtomicBool::new(false),
            has_stale_keys: AtomicBool::new(false),
            hashing,
            tally,
            keys_asked: Notify::new(),
            settings,
            log_head,
            store,
            memory,
            keys,
            verifier,
            clock,
            started,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// The present. A handler reads it once and hands it on; nobody else reads a clock.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// The present, for a handler that issues something.
    ///
    /// # Errors
    ///
    /// While a leap of the clock is unsettled; 503.
    pub(crate) fn now_to_issue(&self) -> Result<Time, ClockUnsettled> {
        self.clock.now_to_issue()
    }

    /// What it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The layer for the host's own routes: with it their handlers take a `Principal`. Writes from other sites
    /// that carry one of our cookies are refused by it.
    pub fn layer(&self) -> HostLayer {
        Stack::new(Extension(self.clone()), Stack::new(self.auth_layer(), self.csrf_layer()))
    }

    /// Finds out who is calling.
    pub(crate) fn auth_layer(&self) -> AuthLayer {
        let (authenticator, clock) = (Arc::clone(&self.authenticator), Arc::clone(&self.clock));
        AuthLayer::new(authenticator, clock).cookies(self.cookie_names)
    }

    /// Refuses writes from other sites that carry a cookie of ours.
    pub(crate) fn csrf_layer(&self) -> CsrfLayer {
        CsrfLayer::new(Arc::clone(&self.origins), self.cookie_names)
    }

    /// Says that no new work should come: from now on we are not ready.
    pub(crate) fn begin_closing(&self) {
        self.is_closing.store(true, Ordering::SeqCst);
    }

    /// Keeps outside of the store how far it has come. A file that stays behind refuses nothing that is good, so what
    /// goes wrong is told and no more.
    pub(crate) async fn save_log_head(&self) {
        if let Some(log_head) = &self.log_head
            && let Err(error) = log_head.save(&*self.store).await
        {
            tracing::warn!(?error, "the log-head was not saved; a rollback could be overlooked");
        }
    }

    /// Saves the mark of the clock and the last uses of sessions, finishes what was handed to the store, and
    /// closes it.
    ///
    /// # Errors
    ///
    /// If the store could not be closed in good order. What it has acknowledged is safe all the same.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.begin_closing();
        let noted = last_seen::write(&*self.store, &self.memory).await;
        let saved = checkpoint::save(&*self.store, &self.clock).await;
        self.save_log_head().await;
        self.store.close().await?;
        noted.and(saved)
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The one place that knows which back ends there are.
fn open_store(url: &StoreUrl) -> Result<Arc<dyn Store>, OpenError> {
    match url {
        StoreUrl::Sqlite(file) => Ok(SqliteStore::open(file)?),
    }
}

/// A backup on its way into the place of the store.
pub(crate) type RestoringStore = counterfoil_sqlite::Restoring;
/// Why it did not get there.
pub(crate) type StoreRestoreError = counterfoil_sqlite::RestoreError;

/// Brings `backup` beside the store at `url`, and judges it.
pub(crate) fn begin_restoring(url: &StoreUrl, backup: &Path) -> Result<RestoringStore, StoreRestoreError> {
    match url {
        StoreUrl::Sqlite(file) => RestoringStore::begin(backup, file),
    }
}

/// The master key that was found, or a new one for a store that nothing is sealed in. The store is ours
/// already, so nobody else makes one at the same time.
async fn master_key_of(store: &dyn Store, found: Found) -> Result<SealingKey, OpenError> {
    match found {
        Found::Key(key, None) => Ok(key),
        Found::Key(key, Some(replacement)) => either(&store.keys().await?, key, replacement),
        Found::ToBeMade(file) if store.keys().await?.is_empty() => Ok(master_key::make(&file)?),
        Found::ToBeMade(file) => Err(MasterKeyError::Missing { file }.into()),
    }
}

/// The master key that opens the store, where a replacement was cut off: it is carried to its end, or given up.
fn either(kept: &[KeyRecord], key: SealingKey, replacement: Replacement) -> Result<SealingKey, OpenError> {
    if opens_all(kept, &key) {
        replacement.give_up();
        return Ok(key);
    }
    if !opens_all(kept, replacement.key()) {
        // Neither does, and that is what the ring will say.
        return Ok(key);
    }
    let newest = kept.iter().map(|key| key.changed_at).max().unwrap_or_default();
    let new = replacement.key().clone();
    let old = replacement.finish(newest)?;
    tracing::warn!(old = %old.display(), "the replacement of the master key was cut off, and is done now");
    Ok(new)
}

/// Says that the algorithm of the settings is not taken up, where it is not.
fn warn_of_another_family(keys: &Keyring) {
    let (signs, wanted) = (keys.ring().signing().algorithm(), keys.schedule().algorithm);
    if signs.is_symmetric() != wanted.is_symmetric() {
        tracing::warn!(
            %signs,
            %wanted,
            "the keys of this store stay as they are: no rotation leads from public keys to a shared secret or back"
        );
    }
}

/// Verifies our own tokens, for ourselves.
fn own_verifier(
    settings: &Settings,
    keys: &Keyring,
    memory: &SessionCache,
    clock: &Arc<Clock>,
) -> Result<LocalVerifier, OpenError> {
    let (issuer, ring) = (settings.issuer.as_str(), keys.ring());
    // Each key of the ring is for one algorithm, whichever was configured when it was made.
    let tokens = TokenVerifier::builder(issuer, issuer, ring.signing().algorithm().family())
        // No client can be given more; what one was given is remembered for as long as it lives.
        .max_lifetime(Lifetimes::CEILING.longest_access())
        .build(ring.verifying().clone())?;
    let tokens = Arc::new(tokens);
    keys.tell(Arc::clone(&tokens));
    let clock = Arc::clone(clock);
    Ok(LocalVerifier::new(tokens, Arc::clone(memory.revocations()), move || clock.now()))
}

/// What new passwords must be like; they are not to be built on the name that the service has in the network.
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

fn start_hashing(settings: &Settings) -> Result<Arc<HashPool>, OpenError> {
    let size = PoolSize {
        threads: settings.password_hashing_threads,
        waiting: settings.password_hashing_queue_size,
        deadline: settings.password_hashing_queue_timeout,
        ..PoolSize::default()
    };
    Ok(Arc::new(HashPool::start(settings.argon2, size)?))
}
