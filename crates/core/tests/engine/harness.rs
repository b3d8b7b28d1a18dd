//! All services on a SQLite store in memory, with cheap hashes and a fixed time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use counterfoil_core::Store;
use counterfoil_core::credentials::password::Argon2Cost;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::audit_event::{Actor, AuditEvent};
use counterfoil_core::model::client::Lifetimes;
use counterfoil_core::model::session::{ClientInfo, Crash, EndReason, Mode, RefreshGracePeriod, Session};
use counterfoil_core::model::user::User;
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::account::{AccountService, AuthenticatedUser, Credentials, Registration};
use counterfoil_core::services::administration::Administration;
use counterfoil_core::services::authenticator::StoreAuthenticator;
use counterfoil_core::services::issuer::{
    AccessBounds, ClaimsProvider, IssuedAccessToken, IssuedSession, Issuer, NewSession, PresentedForChange,
    RenewedCredential, TokenPair,
};
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_core::services::keys::rotation_schedule::RotationSchedule;
use counterfoil_core::services::login_rate_limiter::{LoginRateLimiter, RateLimits};
use counterfoil_core::services::password_hasher::{InlineHasher, PasswordHasher};
use counterfoil_core::services::revoker::{RevocationContext, RevocationRetention, Revoker};
use counterfoil_core::services::status_lists::{StatusListPermutation, StatusReferences};
use counterfoil_core::store::session_cache::MemorySessionCache;
use counterfoil_core::store::{AuditEventQuery, LoginName};
use counterfoil_jose::{Algorithm, HmacKey, SealingKey, Secret, Time};
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{
    AuthError, Authenticator as _, ClientId, LocalVerifier, PresentedCredential, Principal, Revocations,
    TokenVerifier, UserId,
};

pub(crate) use counterfoil_core::store::conformance::NOON;

pub(crate) const ISSUER: &str = "https://auth.example";
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const GRACE: Duration = Duration::from_secs(10);
pub(crate) const SCHEDULE: RotationSchedule = RotationSchedule::DEFAULT;
pub(crate) const CHEAP: Argon2Cost = Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 };

pub(crate) struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) accounts: AccountService,
    pub(crate) issuer: Issuer,
    pub(crate) revoker: Revoker,
    pub(crate) administration: Administration,
    pub(crate) authenticator: StoreAuthenticator,
    pub(crate) cache: Arc<MemorySessionCache>,
    pub(crate) keys: Arc<Keyring>,
    /// What `Principal::ended` takes for the time, in milliseconds.
    pub(crate) clock: Arc<AtomicU64>,
}

pub(crate) fn after(seconds: u64) -> Time {
    NOON + Duration::from_secs(seconds)
}

impl Engine {
    pub(crate) async fn start() -> Self {
        let store = SqliteStore::in_memory().expect("a store in memory opens");
        Self::on(store, InlineHasher::new(CHEAP).map(Arc::new).unwrap(), GRACE, None).await
    }

    pub(crate) async fn on(
        store: Arc<dyn Store>,
        hasher: Arc<dyn PasswordHasher>,
        grace: Duration,
        crash: Option<Crash>,
    ) -> Self {
        let revocations = Arc::new(Revocations::new());
        let cache = Arc::new(MemorySessionCache::new(10_000, revocations.clone()));
        store.subscribe(cache.clone());
        let master = SealingKey::from_bytes([7; 32]);
        let retention = Arc::new(RevocationRetention::new(Lifetimes::default().max_access_lifetime()));
        let keys = Keyring::open(store.clone(), master, SCHEDULE, retention.clone(), NOON).await;
        let keys = keys.map(Arc::new).unwrap();
        let tokens = TokenVerifier::builder(ISSUER, ISSUER, &[Algorithm::Es256])
            .build(keys.active_keys().verification_keys().clone())
            .unwrap();
        let tokens = Arc::new(tokens);
        keys.subscribe(tokens.clone());
        let clock = Arc::new(AtomicU64::new(NOON.unix_ms()));
        let read = Arc::clone(&clock);
        let read = move || Time::from_unix_ms(read.load(Ordering::SeqCst));
        let verifier = Arc::new(LocalVerifier::new(tokens, revocations, read));
        Self {
            accounts: AccountService::new(store.clone(), hasher, retention.clone(), rate_limiter(&store)),
            issuer: Issuer::new(
                store.clone(),
                keys.clone(),
                ISSUER.into(),
                retention.clone(),
                RefreshGracePeriod { length: grace, crash },
            ),
            revoker: Revoker::new(store.clone(), retention.clone()),
            administration: Administration::new(store.clone(), keys.clone(), retention),
            authenticator: StoreAuthenticator::new(store.clone(), cache.clone(), verifier),
            cache,
            keys,
            store,
            clock,
        }
    }

    /// Sets the clock of `Principal::ended`.
    pub(crate) fn set_clock(&self, now: Time) {
        self.clock.store(now.unix_ms(), Ordering::SeqCst);
    }

    /// With these limits of logins and registrations.
    pub(crate) async fn with_limits(limits: RateLimits) -> Self {
        let engine = Self::start().await;
        let limiter = LoginRateLimiter::new(engine.store.clone(), HmacKey::new(&[9; 32]), limits);
        let hasher = InlineHasher::new(CHEAP).map(Arc::new).unwrap();
        let retention = Arc::new(RevocationRetention::new(Lifetimes::default().max_access_lifetime()));
        let accounts = AccountService::new(engine.store.clone(), hasher, retention, limiter);
        Self { accounts, ..engine }
    }

    /// The same store with empty caches, as after a crash.
    pub(crate) async fn restarted(self) -> Self {
        Self::on(self.store, InlineHasher::new(CHEAP).map(Arc::new).unwrap(), GRACE, None).await
    }

    /// With a function of the application that adds claims to access tokens.
    pub(crate) fn with_claims(self, claims: ClaimsProvider) -> Self {
        Self { issuer: self.issuer.with_claims(Some(claims)), ..self }
    }

    /// Without the claim `preferred_username` in access tokens.
    pub(crate) fn without_username_claim(self) -> Self {
        Self { issuer: self.issuer.with_username_claim(false), ..self }
    }

    /// With entries in the status lists.
    pub(crate) async fn with_status_lists(self) -> Self {
        let state = self.store.status_list_state().await.unwrap();
        let permutation = Arc::new(StatusListPermutation::new(state.permutation_key.expose()));
        let retention = Arc::new(RevocationRetention::new(Lifetimes::default().max_access_lifetime()));
        let references = StatusReferences::new(ISSUER.into(), permutation, retention);
        Self { issuer: self.issuer.with_status_references(Some(references)), ..self }
    }

    /// The id of ada, who is registered.
    pub(crate) async fn ada_id(&self) -> UserId {
        self.store.user_by_login(&LoginName::Username("ada".into())).await.unwrap().unwrap().id
    }

    pub(crate) async fn ada(&self) -> User {
        self.register("ada").await
    }

    pub(crate) async fn register(&self, name: &str) -> User {
        let registration = Registration {
            username: name.into(),
            password: Secret::new(PASSWORD.into()),
            email: None,
            roles: Vec::new(),
            external_id: None,
        };
        self.accounts.register(registration, Actor::Anonymous, &nowhere(), NOON).await.unwrap()
    }

    pub(crate) async fn authenticate(
        &self,
        name: &str,
        password: &str,
        now: Time,
    ) -> Result<AuthenticatedUser, ServiceError> {
        self.accounts.authenticate(&credentials(name, password), &nowhere(), now).await
    }

    /// Changes ada's password in this session, with its own credential.
    pub(crate) async fn change_password(
        &self,
        session: &Session,
        (current, new): (&str, &str),
        now: Time,
    ) -> Result<IssuedSession<RenewedCredential>, ServiceError> {
        let (current, new) = (Secret::new(current.into()), Secret::new(new.into()));
        let (from, passwords) = (nowhere(), (&current, &new));
        let change =
            self.accounts.authorize_password_change(session.user, session.id, passwords, &from, now).await?;
        let own = AccessBounds { expires_at: session.expires_at, scope: session.scope.clone() };
        let access = (session.mode() != Mode::Session).then_some(&own);
        let presented = PresentedForChange { session: session.id, access, max_token_length: None };
        self.issuer.change_password(change, &presented, &from, now).await
    }

    pub(crate) async fn session(&self, now: Time) -> IssuedSession<SessionToken> {
        let authenticated = self.authenticate("ada", PASSWORD, now).await.unwrap();
        self.issuer.issue_session(authenticated, NewSession::default(), now).await.unwrap()
    }

    pub(crate) async fn access(&self, now: Time) -> IssuedSession<IssuedAccessToken> {
        let authenticated = self.authenticate("ada", PASSWORD, now).await.unwrap();
        self.issuer.issue_access_token(authenticated, NewSession::default(), now).await.unwrap()
    }

    pub(crate) async fn pair(&self, now: Time) -> IssuedSession<TokenPair> {
        let authenticated = self.authenticate("ada", PASSWORD, now).await.unwrap();
        self.issuer.issue_token_pair(authenticated, NewSession::default(), now).await.unwrap()
    }

    pub(crate) async fn authenticate_session(
        &self,
        token: &SessionToken,
        now: Time,
    ) -> Result<Principal, AuthError> {
        self.authenticator
            .authenticate(PresentedCredential::SessionToken(&token.to_string()), now)
            .wait()
            .await
    }

    pub(crate) async fn authenticate_access_token(
        &self,
        access: &IssuedAccessToken,
        now: Time,
    ) -> Result<Principal, AuthError> {
        self.authenticator
            .authenticate(PresentedCredential::AccessToken(&access.token.to_string()), now)
            .wait()
            .await
    }

    pub(crate) async fn audit_events(&self) -> Vec<AuditEvent> {
        let query = AuditEventQuery { limit: 10_000, ..AuditEventQuery::default() };
        self.store.audit_events(&query).await.unwrap().rows.into_iter().map(|(_, event)| event).collect()
    }
}

/// A limiter with the default limits.
pub(crate) fn rate_limiter(store: &Arc<dyn Store>) -> LoginRateLimiter {
    LoginRateLimiter::new(store.clone(), HmacKey::new(&[9; 32]), RateLimits::default())
}

/// A login in mode `session` through the client `default`.
pub(crate) fn credentials(name: &str, password: &str) -> Credentials {
    Credentials {
        username: name.into(),
        password: Secret::new(password.into()),
        client: ClientId::default(),
        mode: Mode::Session,
    }
}

pub(crate) fn nowhere() -> ClientInfo {
    ClientInfo::default()
}

pub(crate) fn revocation_context(reason: EndReason) -> RevocationContext {
    RevocationContext { actor: Actor::System, reason, client_info: nowhere() }
}
