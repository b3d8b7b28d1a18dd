//! Verifies an access token: signature and claims in, principal or the reason of the rejection out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

use counterfoil_jose::{Algorithm, KeySet, Time, VerifiedJws, jws};

use crate::auth_error::{AuthError, InvalidReason};
use crate::credential::CredentialKind;
use crate::id::KeyId;
use crate::principal::{Principal, PrincipalParts};
use crate::token::builder::{TokenVerifierBuilder, VerifierBuildError};
use crate::token::cache::TokenCache;
use crate::token::claims::AccessClaims;
use crate::token::foreign_claims::{ForeignClaims, RelaxedChecks, verify_untyped};
use crate::token::registered_claims::RegisteredClaims;

/// The only `typ` that is accepted by default (RFC 9068, section 2.1).
const ACCESS_TOKEN: [&str; 1] = ["at+jwt"];

/// Verifies access tokens of one issuer (RFC 9068, section 4), without I/O.
///
/// It does not check revocations; [`LocalVerifier`](crate::LocalVerifier) does.
///
/// ```
/// use counterfoil_jose::{Algorithm, KeySet, SigningKey, Time};
/// use counterfoil_verify::TokenVerifier;
///
/// let key = SigningKey::generate(Algorithm::Es256)?;
/// let verifier = TokenVerifier::builder("https://auth.example", "https://shop.example", &[Algorithm::Es256])
///     .build(KeySet::new([key.verifying_key()])?)?;
///
/// let now = Time::from_unix_seconds(1_764_000_000);
/// let error = verifier.verify("not a token", now).unwrap_err();
/// assert_eq!(error.to_string(), "the credential is not valid");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Issuer, audience and algorithms are required:
///
/// ```compile_fail,E0061
/// use counterfoil_verify::TokenVerifier;
///
/// let incomplete = TokenVerifier::builder("https://auth.example");
/// ```
pub struct TokenVerifier {
    settings: TokenVerifierBuilder,
    /// Keys and cache are replaced together, so that a token of a removed key is never found in the cache.
    current: ArcSwap<KeysAndCache>,
    signatures: SignatureCounter,
}

/// The number of valid signatures. It has cache lines of its own, because everything else is read for each
/// token.
#[derive(Default)]
#[repr(align(128))]
struct SignatureCounter(AtomicU64);

struct KeysAndCache {
    keys: KeySet,
    cache: TokenCache,
}

impl KeysAndCache {
    fn new(keys: KeySet, cache_size: usize) -> Self {
        Self { keys, cache: TokenCache::with_capacity(cache_size) }
    }
}

impl TokenVerifier {
    /// Starts a verifier for tokens that `issuer` issued for `audience` and signed with one of `algorithms`.
    /// Issuer and audience are compared exactly.
    pub fn builder(issuer: &str, audience: &str, algorithms: &[Algorithm]) -> TokenVerifierBuilder {
        TokenVerifierBuilder::new(issuer, audience, algorithms)
    }

    fn new(settings: TokenVerifierBuilder, keys: KeySet) -> Self {
        let current = ArcSwap::from_pointee(KeysAndCache::new(keys, settings.cache_size));
        Self { settings, current, signatures: SignatureCounter::default() }
    }

    /// Replaces the keys and empties the cache.
    pub fn set_keys(&self, keys: KeySet) {
        self.current.store(Arc::new(KeysAndCache::new(keys, self.settings.cache_size)));
    }

    /// The issuer whose tokens are accepted.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// How long a token is accepted after its `exp`.
    pub(crate) const fn leeway(&self) -> Duration {
        self.settings.leeway
    }

    /// Verifies the signature and the claims of a token at `now`.
    ///
    /// For a token in the cache, found by all its bytes, only the times are checked again.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidCredential`], with a reason for the log.
    pub fn verify(&self, token: &str, now: Time) -> Result<Principal, AuthError> {
        let current = self.current.load();
        if let Some(principal) = current.cache.get(token) {
            return self.check_cached(&current.cache, token, principal, now);
        }
        let (claims, verified) = self.verify_signature(&current.keys, token)?;
        self.check_claims(&claims.registered(), now)?;
        let principal = claims.into_principal(&verified)?;
        self.signatures.0.fetch_add(1, Ordering::Relaxed);
        current.cache.insert(token, &principal);
        Ok(principal)
    }

    /// The number of tokens accepted after verifying their signatures. All other accepted tokens came from
    /// the cache.
    pub fn verified_signatures(&self) -> u64 {
        self.signatures.0.load(Ordering::Relaxed)
    }

    /// The number of tokens in the cache.
    pub fn cached_tokens(&self) -> usize {
        self.current.load().cache.len()
    }

    /// Verifies a token that may have expired, to learn its session: for a late logout. All other checks are
    /// those of [`TokenVerifier::verify`]; nothing is cached.
    ///
    /// The principal is authentic but must not be granted access: its `expires_at` may have passed.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidCredential`], with a reason for the log.
    pub fn verify_ignoring_expiry(&self, token: &str, now: Time) -> Result<Principal, AuthError> {
        let (claims, verified) = self.verify_signature(&self.current.load().keys, token)?;
        // An expired token is checked at the last instant at which it was valid.
        let last_valid = claims.registered().exp - Duration::from_millis(1);
        self.check_claims(&claims.registered(), now.min(last_valid))?;
        Ok(claims.into_principal(&verified)?)
    }

    /// As [`TokenVerifier::verify_ignoring_expiry`], for a token that the issuer issued for any audience: an issuer ends the
    /// session of such a token, too.
    ///
    /// # Errors
    ///
    /// As [`TokenVerifier::verify_ignoring_expiry`].
    pub fn verify_ignoring_expiry_and_audience(
        &self,
        token: &str,
        now: Time,
    ) -> Result<Principal, AuthError> {
        let (claims, verified) = self.verify_signature(&self.current.load().keys, token)?;
        let last_valid = claims.registered().exp - Duration::from_millis(1);
        self.check_issuer(&claims.registered())?;
        self.check_times(&claims.registered(), now.min(last_valid))?;
        Ok(claims.into_principal(&verified)?)
    }

    fn verify_signature(&self, keys: &KeySet, token: &str) -> Result<(Claims, VerifiedJws), InvalidReason> {
        let (allowed, relaxed) = (&self.settings.algorithms, self.settings.relaxed.as_ref());
        let verified = match relaxed {
            Some(RelaxedChecks { untyped: true, .. }) => verify_untyped(token, keys, allowed),
            Some(_) | None => jws::verify(token, keys, allowed, &ACCESS_TOKEN),
        }
        .map_err(InvalidReason::Token)?;
        // No claim is read before this line.
        let claims = match relaxed.filter(|relaxed| relaxed.foreign_claims) {
            Some(relaxed) => Claims::Foreign(ForeignClaims::from_json(&verified.payload, relaxed)?),
            None => {
                let claims = AccessClaims::from_json(&verified.payload);
                Claims::Native(claims.map_err(|_| InvalidReason::MalformedClaims)?)
            }
        };
        Ok((claims, verified))
    }

    /// Checks the times of a cached token. The cache saves the signature, not the check of the times.
    fn check_cached(
        &self,
        cache: &TokenCache,
        token: &str,
        principal: Principal,
        now: Time,
    ) -> Result<Principal, AuthError> {
        if now >= principal.expires_at() + self.settings.leeway {
            cache.remove(token);
            return Err(InvalidReason::Expired.into());
        }
        if principal.not_before().is_some_and(|not_before| not_before > now + self.settings.leeway) {
            return Err(InvalidReason::NotYetValid.into());
        }
        Ok(principal)
    }

    fn check_claims(&self, claims: &RegisteredClaims<'_>, now: Time) -> Result<(), InvalidReason> {
        self.check_issuer(claims)?;
        let relaxed = self.settings.relaxed.as_ref();
        let is_for_audience = claims.aud.iter().any(|aud| self.settings.audiences.contains(aud));
        if !is_for_audience && !relaxed.is_some_and(|relaxed| relaxed.any_audience) {
            return Err(InvalidReason::WrongAudience);
        }
        self.check_times(claims, now)
    }

    fn check_issuer(&self, claims: &RegisteredClaims<'_>) -> Result<(), InvalidReason> {
        let relaxed = self.settings.relaxed.as_ref();
        let is_from_issuer = claims.iss == Some(&*self.settings.issuer);
        if !is_from_issuer && !relaxed.is_some_and(|relaxed| relaxed.any_issuer) {
            return Err(InvalidReason::WrongIssuer);
        }
        Ok(())
    }

    fn check_times(&self, claims: &RegisteredClaims<'_>, now: Time) -> Result<(), InvalidReason> {
        let leeway = self.settings.leeway;
        if now >= claims.exp + leeway {
            return Err(InvalidReason::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf > now + leeway) {
            return Err(InvalidReason::NotYetValid);
        }
        if claims.iat > now + leeway {
            return Err(InvalidReason::IssuedInFuture);
        }
        // Whole seconds: an issuer that reads its clock twice may write some milliseconds more.
        let lifetime = claims.exp.since(claims.iat).as_secs();
        if claims.exp < claims.iat || lifetime > self.settings.max_lifetime.as_secs() {
            return Err(InvalidReason::LifetimeNotAllowed);
        }
        Ok(())
    }
}

impl TokenVerifierBuilder {
    /// Builds the verifier with the keys of its issuer.
    ///
    /// # Errors
    ///
    /// The setting that would make verification unsafe.
    pub fn build(self, keys: KeySet) -> Result<TokenVerifier, VerifierBuildError> {
        self.validate()?;
        Ok(TokenVerifier::new(self, keys))
    }
}

/// The claims of a token whose signature is valid.
enum Claims {
    /// Of a Counterfoil issuer.
    Native(AccessClaims),
    /// Of another issuer.
    Foreign(ForeignClaims),
}

impl Claims {
    fn registered(&self) -> RegisteredClaims<'_> {
        match self {
            Self::Native(AccessClaims { iss, aud, iat, nbf, exp, .. }) => {
                let [iat, exp] = [iat, exp].map(|seconds| Time::from_unix_seconds(*seconds));
                RegisteredClaims { iss: Some(iss), aud, iat, nbf: nbf.map(Time::from_unix_seconds), exp }
            }
            Self::Foreign(claims) => claims.registered(),
        }
    }

    fn into_principal(self, verified: &VerifiedJws) -> Result<Principal, InvalidReason> {
        match self {
            Self::Native(claims) => native_principal(claims, verified),
            Self::Foreign(claims) => Ok(Principal::from_verified(claims.into_parts(verified))),
        }
    }
}

fn native_principal(claims: AccessClaims, verified: &VerifiedJws) -> Result<Principal, InvalidReason> {
    // A key that the revocation log cannot name could not be revoked.
    let key_id = KeyId::from_shared(&verified.kid).map_err(|_| InvalidReason::MalformedClaims)?;
    // The token is valid from the later of `nbf` and `iat`; a cached token is checked against that time.
    let not_before = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
    Ok(Principal::from_verified(PrincipalParts {
        credential_kind: CredentialKind::AccessToken,
        user_id: claims.sub.parse().ok(),
        subject: claims.sub,
        session_id: Some(claims.sid),
        client_id: Some(claims.client_id),
        token_id: Some(claims.jti),
        key_id: Some(key_id),
        position: claims.pos,
        token_fingerprint: None,
        audiences: claims.aud,
        scope: claims.scope,
        roles: claims.roles,
        username: claims.preferred_username,
        amr: claims.amr,
        acr: claims.acr,
        authenticated_at: Some(Time::from_unix_seconds(claims.auth_time)),
        not_before: Some(Time::from_unix_seconds(not_before)),
        expires_at: Time::from_unix_seconds(claims.exp),
        status_list: claims.status,
        extra: claims.extra,
    }))
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier").field("settings", &self.settings).finish_non_exhaustive()
    }
}
