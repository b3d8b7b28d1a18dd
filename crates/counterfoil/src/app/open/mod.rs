//! Opens an installation: locks and checks the store, loads the keys, starts the clock and the hashing
//! threads.

mod checked;
mod loaded;
mod master_key;
mod session_caches;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use counterfoil_core::model::client::Lifetimes;
use counterfoil_core::services::administration;
use counterfoil_core::services::issuer::MAX_EXCHANGED_LIFETIME;
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_core::services::login_rate_limiter::LoginRateLimiter;
use counterfoil_core::store::NodeId;
use counterfoil_core::store::session_cache::MemorySessionCache;
use counterfoil_verify::{Freshness, LocalVerifier, Revocations, TokenVerifier};

use crate::app::App;
use crate::app::backend::{OpenedStore, open_store};
use crate::app::error::OpenError;
use crate::app::hooks::{EventNotifier, Hooks};
use crate::app::node_follower::{self as follower, FollowedPosition, NodeFollower};
use crate::app::open::checked::Checked;
use crate::app::open::loaded::Loaded;
use crate::clock::checkpoint;
use crate::clock::state_keys::StateKeys;
use crate::clock::{Clock, ClockSource, SystemClock};
use crate::feed::Feed;
use crate::feed::status_lists::StatusLists;
use crate::keys::master_key_file;
use crate::passwords::hash_pool::HashPool;
use crate::passwords::hash_queue::HashPoolOptions;
use crate::settings::Settings;
use crate::settings::data_dir;
use crate::store::copy_mark;
use crate::store::node::Node;
use crate::store::rollback_guard::RollbackGuard;
use crate::store::shutdown_mark;

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
        let master_key = master_key::load_or_create(&*store, master_key).await?;
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
        let shared_cache =
            session_caches::open_shared(&*store, &settings, &master_key, (&revocations, &clock)).await?;
        let (session_cache, metrics) =
            session_caches::subscribe(&*store, &settings, (revocations, node.clone())).await?;
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
