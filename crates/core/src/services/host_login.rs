//! Logins at other hosts: the issuer gives a browser a code, and the host exchanges it for a token of its own.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::{Time, base64url};
use counterfoil_verify::{AuthError, CredentialMonitor, LocalVerifier, Principal, SessionId};

use crate::client_error::InvalidCredential;
use crate::credentials::host_token::{
    BrowserPersistence, CODE_LIFETIME, CodeBinding, CredentialBinding, HostLoginCode, HostToken,
};
use crate::credentials::session_token::TokenHash;
use crate::model::session::Session;
use crate::services::ServiceError;
use crate::services::authenticator::use_session;
use crate::services::keys::keyring::Keyring;
use crate::services::session_monitor::SessionMonitor;
use crate::store::session_cache::{CacheLookup, SessionCache};
use crate::store::{CounterIncrement, CounterKey, SessionContext, Store, StoreError};

/// How long a used code is remembered: longer than it could be used.
const USED_CODE_RETENTION: Duration = CODE_LIFETIME.saturating_mul(2);

/// Issues and redeems codes, and checks host tokens. Nothing is stored for a host, so a host token is valid as long as its
/// session and the credential it was opened with are, and ends with the session at all hosts.
pub struct HostLogins {
    store: Arc<dyn Store>,
    cache: Arc<dyn SessionCache>,
    keys: Arc<Keyring>,
    verifier: Arc<LocalVerifier>,
    monitor: Arc<dyn CredentialMonitor>,
}

/// What a host gets for a code.
#[derive(Debug)]
pub struct RedeemedCode {
    /// The credential of this host.
    pub token: HostToken,
    /// The session.
    pub session: Session,
    /// When the credential ends, or before with the session.
    pub expires_at: Time,
    /// Whether the browser keeps the credential.
    pub persistence: BrowserPersistence,
}

impl HostLogins {
    /// Uses the sessions of `store`. `cache` must listen to its commits, and learns of the uses; `verifier` says whether this process
    /// knows all revocations.
    pub fn new(
        store: Arc<dyn Store>,
        cache: Arc<impl SessionCache>,
        keys: Arc<Keyring>,
        verifier: Arc<LocalVerifier>,
    ) -> Self {
        let cache: Arc<dyn SessionCache> = cache;
        let monitor = Arc::new(SessionMonitor::new(&store, &cache, &verifier));
        Self { store, cache, keys, verifier, monitor }
    }

    /// A code for a session whose user is authenticated, for a token that ends at `token_expires_at`. Nothing is stored.
    ///
    /// # Errors
    ///
    /// If the session is not active now, or cannot be read.
    pub async fn issue_code(
        &self,
        session: SessionId,
        binding: CodeBinding<'_>,
        (persistence, token_expires_at): (BrowserPersistence, Time),
        now: Time,
    ) -> Result<HostLoginCode, ServiceError> {
        let context = self.store.session_context(session).await?.ok_or(InvalidCredential::Unknown)?;
        check_active(&context, now)?;
        let session = context.session;
        let keys = self.keys.active_keys();
        let bound = (session.id, session.credential_binding());
        // At the latest with the session.
        let until = (persistence, token_expires_at.min(session.expires_at));
        Ok(HostLoginCode::generate(keys.refresh_token_key(), bound, binding, until, now)?)
    }

    /// Exchanges a code for the token of the host that the binding names. Of any number of concurrent calls with one code, at any
    /// number of processes, one succeeds: the store counts its uses.
    ///
    /// # Errors
    ///
    /// [`InvalidCredential`] if the code is forged, expired, used or bound to something else, or if its session is not active.
    /// Then it stays unused.
    pub async fn redeem(
        &self,
        code: &HostLoginCode,
        binding: CodeBinding<'_>,
        now: Time,
    ) -> Result<RedeemedCode, ServiceError> {
        if code.has_expired(now) {
            return Err(InvalidCredential::Expired.into());
        }
        let context = self.store.session_context(code.session()).await?.ok_or(InvalidCredential::Unknown)?;
        let (keys, credential) = (self.keys.active_keys(), context.session.credential_binding());
        if !keys.refresh_token_keys().any(|key| code.has_valid_mac(key, credential, binding)) {
            return Err(InvalidCredential::Unknown.into());
        }
        check_active(&context, now)?;
        let session = context.session;
        // Only an authentic code writes something. A session that ends meanwhile makes the token worthless.
        let increment = CounterIncrement {
            key: CounterKey(format!("host-login-code {}", base64url::encode(code.digest()))),
            amount: 1,
            window: USED_CODE_RETENTION,
            while_previous_at_most: None,
        };
        let uses = self.store.increment_counters(&[increment], now).await?;
        if uses.first().is_none_or(|uses| uses.count != 1) {
            return Err(InvalidCredential::Unknown.into());
        }
        let (bound, expires_at) = ((session.id, credential), code.token_expires_at());
        let token = HostToken::new(keys.refresh_token_key(), bound, expires_at, binding.origin);
        Ok(RedeemedCode { token, session, expires_at, persistence: code.persistence() })
    }

    /// Authenticates a request to the host with this origin, from the cache where it is exact. It counts as a use of the session.
    ///
    /// # Errors
    ///
    /// Why the token is not valid; if that cannot be decided at present.
    pub async fn authenticate(&self, token: &str, origin: &str, now: Time) -> Result<Principal, AuthError> {
        let token: HostToken = token.parse().map_err(|_| invalid(InvalidCredential::Malformed))?;
        let check = |hash: &TokenHash| {
            self.check_token(&token, CredentialBinding::of_session_token(hash), origin, now)
        };
        match self.cache.lookup_bound(token.session(), &check, now) {
            CacheLookup::Hit(principal) => Ok(principal),
            CacheLookup::Invalid(reason) => Err(invalid(reason)),
            // On the heap, because most requests do not come here, and each has room for it otherwise.
            CacheLookup::Miss => Box::pin(self.authenticate_by_store(&token, origin, now)).await,
        }
    }

    async fn authenticate_by_store(
        &self,
        token: &HostToken,
        origin: &str,
        now: Time,
    ) -> Result<Principal, AuthError> {
        // What changes from here on is not put into memory.
        let version = self.cache.version(token.session());
        let verified = self.verified(token, origin, now).await.map_err(|error| {
            tracing::error!(%error, "a session could not be read");
            AuthError::Unavailable
        })?;
        let SessionContext { session, user, .. } = verified.map_err(invalid)?;
        let principal = use_session(&*self.cache, &self.monitor, (session, user.into()), version, now);
        // One of several processes that has lost its lease may be reading from a former primary.
        if self.verifier.is_fresh() { Ok(principal) } else { Err(AuthError::StaleRevocations) }
    }

    /// The active session of a host token; `None` if the token is not valid for the host with this origin.
    ///
    /// # Errors
    ///
    /// If the session cannot be read.
    pub async fn find(&self, token: &str, origin: &str, now: Time) -> Result<Option<Session>, ServiceError> {
        let Ok(token) = token.parse() else { return Ok(None) };
        Ok(self.verified(&token, origin, now).await?.ok().map(|context| context.session))
    }

    /// The active session of a token, or why the token is not valid.
    async fn verified(
        &self,
        token: &HostToken,
        origin: &str,
        now: Time,
    ) -> Result<Result<SessionContext, InvalidCredential>, StoreError> {
        let Some(context) = self.store.session_context(token.session()).await? else {
            return Ok(Err(InvalidCredential::Unknown));
        };
        let checked = self
            .check_token(token, context.session.credential_binding(), origin, now)
            .and_then(|()| check_active(&context, now));
        Ok(checked.map(|()| context))
    }

    /// Whether a token was made for this credential and this origin, and has not ended. The MAC is compared first, so that without it
    /// nothing is learned about the session.
    fn check_token(
        &self,
        token: &HostToken,
        credential: CredentialBinding,
        origin: &str,
        now: Time,
    ) -> Result<(), InvalidCredential> {
        let keys = self.keys.active_keys();
        if !keys.refresh_token_keys().any(|key| token.has_valid_mac(key, credential, origin)) {
            return Err(InvalidCredential::Unknown);
        }
        if token.has_expired(now) { Err(InvalidCredential::Expired) } else { Ok(()) }
    }
}

fn invalid(reason: InvalidCredential) -> AuthError {
    AuthError::InvalidCredential(reason.into())
}

/// Whether the session is active, its user and client are enabled, and no cutoff revokes it.
fn check_active(context: &SessionContext, now: Time) -> Result<(), InvalidCredential> {
    context.session.check_active(now)?;
    context.check_access()
}
