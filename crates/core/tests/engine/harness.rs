//! The whole engine on a real store in memory, with cheap hashes and a told time.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_core::Store;
use counterfoil_core::credentials::password::Cost;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::audit_event::{Actor, Event};
use counterfoil_core::model::client::Lifetimes;
use counterfoil_core::model::session::{Cause, Circumstances, Grace, Mode};
use counterfoil_core::model::user::User;
use counterfoil_core::services::Trouble;
use counterfoil_core::services::account::{Credentials, Judged, Registration, SignIn};
use counterfoil_core::services::administration::Administration;
use counterfoil_core::services::authenticator::Authenticator;
use counterfoil_core::services::issuer::{Access, Issuer, Opened, Opening, Pair};
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_core::services::keys::rotation_schedule::Schedule;
use counterfoil_core::services::login_rate_limiter::{Limits, Throttle};
use counterfoil_core::services::password_hasher::{Hashing, OnTheSpot};
use counterfoil_core::services::revoker::{Horizon, Reason, Revoker};
use counterfoil_core::store::EventQuery;
use counterfoil_core::store::session_cache::Memory;
use counterfoil_jose::{Algorithm, HmacKey, SealingKey, Secret, Time};
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{
    Authenticate as _, ClientId, Denied, LocalVerifier, Presented, Principal, Revocations, TokenVerifier,
};

pub(crate) const NOON: Time = Time::from_unix_seconds(1_764_000_000);
pub(crate) const ISSUER: &str = "https://auth.example";
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const GRACE: Duration = Duration::from_secs(10);
pub(crate) const SCHEDULE: Schedule = Schedule::DEFAULT;
pub(crate) const CHEAP: Cost = Cost { memory: 64, passes: 1, lanes: 1 };

pub(crate) struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sign_in: SignIn,
    pub(crate) issuer: Issuer,
    pub(crate) revoker: Revoker,
    pub(crate) administration: Administration,
    pub(crate) authenticator: Authenticator,
    pub(crate) memory: Arc<Memory>,
    pub(crate) keys: Arc<Keyring>,
}

pub(crate) fn after(seconds: u64) -> Time {
    NOON + Duration::from_secs(seconds)
}

impl Engine {
    pub(crate) async fn start() -> Self {
        let store = SqliteStore::in_memory().expect("a store in memory opens");
        Self::on(store, OnTheSpot::new(CHEAP).map(Arc::new).unwrap(), GRACE, Time::EPOCH).await
    }

    pub(crate) async fn on(
        store: Arc<dyn Store>,
        hashing: Arc<dyn Hashing>,
        grace: Duration,
        serving_since: Time,
    ) -> Self {
        let revocations = Arc::new(Revocations::new());
        let memory = Arc::new(Memory::new(10_000, revocations.clone()));
        store.watch(memory.clone());
        let master = SealingKey::from_bytes([7; 32]);
        let horizon = Arc::new(Horizon::new(Lifetimes::default().longest_access()));
        let keys = Keyring::open(store.clone(), master, SCHEDULE, horizon.clone(), NOON).await;
        let keys = keys.map(Arc::new).unwrap();
        let tokens = TokenVerifier::builder(ISSUER, ISSUER, &[Algorithm::Es256])
            .build(keys.ring().verifying().clone())
            .unwrap();
        let tokens = Arc::new(tokens);
        keys.tell(tokens.clone());
        let verifier = Arc::new(LocalVerifier::new(tokens, revocations, || NOON));
        Self {
            sign_in: SignIn::new(store.clone(), hashing, horizon.clone(), throttle(&store)),
            issuer: Issuer::new(
                store.clone(),
                keys.clone(),
                ISSUER.into(),
                horizon.clone(),
                Grace { length: grace, serving_since },
            ),
            revoker: Revoker::new(store.clone(), horizon.clone()),
            administration: Administration::new(store.clone(), keys.clone(), horizon),
            authenticator: Authenticator::new(store.clone(), memory.clone(), verifier),
            memory,
            keys,
            store,
        }
    }

    /// The same store with nothing remembered, as after a crash.
    pub(crate) async fn restarted(self) -> Self {
        Self::on(self.store, OnTheSpot::new(CHEAP).map(Arc::new).unwrap(), GRACE, Time::EPOCH).await
    }

    pub(crate) async fn ada(&self) -> User {
        self.register("ada").await
    }

    pub(crate) async fn register(&self, name: &str) -> User {
        let form = Registration {
            username: name.into(),
            password: Secret::new(PASSWORD.into()),
            email: None,
            roles: Vec::new(),
        };
        self.sign_in.register(form, Actor::Anonymous, &nowhere(), NOON).await.unwrap()
    }

    pub(crate) async fn judge(&self, name: &str, password: &str, now: Time) -> Result<Judged, Trouble> {
        let shown = Credentials {
            username: name.into(),
            password: Secret::new(password.into()),
            client: ClientId::default(),
            mode: Mode::Session,
        };
        self.sign_in.with_password(&shown, &nowhere(), now).await
    }

    pub(crate) async fn session(&self, now: Time) -> Opened<SessionToken> {
        let judged = self.judge("ada", PASSWORD, now).await.unwrap();
        self.issuer.open_session(judged, Opening::default(), now).await.unwrap()
    }

    pub(crate) async fn access(&self, now: Time) -> Opened<Access> {
        let judged = self.judge("ada", PASSWORD, now).await.unwrap();
        self.issuer.issue_access(judged, Opening::default(), now).await.unwrap()
    }

    pub(crate) async fn pair(&self, now: Time) -> Opened<Pair> {
        let judged = self.judge("ada", PASSWORD, now).await.unwrap();
        self.issuer.issue_pair(judged, Opening::default(), now).await.unwrap()
    }

    pub(crate) async fn admit_session(&self, token: &SessionToken, now: Time) -> Result<Principal, Denied> {
        self.authenticator.authenticate(Presented::Session(&token.to_string()), now).wait().await
    }

    pub(crate) async fn admit_access(&self, access: &Access, now: Time) -> Result<Principal, Denied> {
        self.authenticator.authenticate(Presented::Access(&access.token.to_string()), now).wait().await
    }

    pub(crate) async fn journal(&self) -> Vec<Event> {
        let query = EventQuery { limit: 10_000, ..EventQuery::default() };
        self.store.events(&query).await.unwrap().into_iter().map(|(_, event)| event).collect()
    }
}

/// With the limits of the contract.
pub(crate) fn throttle(store: &Arc<dyn Store>) -> Throttle {
    Throttle::new(store.clone(), HmacKey::new(&[9; 32]), Limits::default())
}

pub(crate) fn nowhere() -> Circumstances {
    Circumstances::default()
}

pub(crate) fn because(cause: Cause) -> Reason {
    Reason { actor: Actor::System, cause, from: nowhere() }
}
