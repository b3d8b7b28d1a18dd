//! An access token goes in; who it speaks for, or why it is refused, comes out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

use counterfoil_jose::{Algorithm, KeySet, Time, Verified, jws};

use crate::auth_error::{AuthError, InvalidReason};
use crate::credential::CredentialKind;
use crate::id::KeyId;
use crate::principal::{Principal, PrincipalParts};
use crate::token::builder::{TokenVerifierBuilder, VerifierBuildError};
use crate::token::cache::TokenCache;
use crate::token::claims::AccessClaims;
use crate::token::foreign_claims::{ForeignClaims, RelaxedChecks, verify_untyped};
use crate::token::registered_claims::RegisteredClaims;

/// The one type of token that is taken (RFC 9068, section 2.1).
const ACCESS_TOKEN: [&str; 1] = ["at+jwt"];

/// Verifies access tokens of one issuer (RFC 9068, section 4), without I/O.
///
/// It knows no revocations: [`LocalVerifier`](crate::LocalVerifier) asks for them each time.
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
/// let refused = verifier.verify("not a token", now).unwrap_err();
/// assert_eq!(refused.to_string(), "the credential is not valid");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// There is none without issuer, audience and algorithms:
///
/// ```compile_fail,E0061
/// use counterfoil_verify::TokenVerifier;
///
/// let careless = TokenVerifier::builder("https://auth.example");
/// ```
pub struct TokenVerifier {
    settings: TokenVerifierBuilder,
    /// The keys and what they verified are swapped together: a token that a key verified that is no
    /// longer there is never found.
    current: ArcSwap<KeysAndCache>,
    signatures: Signatures,
}

/// How many signatures have current. Nothing that is read for each token shares its cache lines.
#[derive(Default)]
#[repr(align(128))]
struct Signatures(AtomicU64);

struct KeysAndCache {
    keys: KeySet,
    cache: TokenCache,
}

impl KeysAndCache {
    fn new(keys: KeySet, tokens: usize) -> Self {
        Self { keys, cache: TokenCache::with_capacity(tokens) }
    }
}

impl TokenVerifier {
    /// Begins a verifier for tokens that `issuer` has issued for `audience` and signed with one of
    /// `algorithms`. All three are compared exactly.
    pub fn builder(issuer: &str, audience: &str, algorithms: &[Algorithm]) -> TokenVerifierBuilder {
        TokenVerifierBuilder::new(issuer, audience, algorithms)
    }

    fn with_settings(settings: TokenVerifierBuilder, keys: KeySet) -> Self {
        let current = ArcSwap::from_pointee(KeysAndCache::new(keys, settings.cache_size));
        Self { settings, current, signatures: Signatures::default() }
    }

    /// Takes other keys. Whatever the former ones verified is verified anew.
    pub fn set_keys(&self, keys: KeySet) {
        self.current.store(Arc::new(KeysAndCache::new(keys, self.settings.cache_size)));
    }

    /// The issuer whose tokens are taken.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Judges a token at `now` by its signature and claims.
    ///
    /// A token that was verified before is found again by all its bytes; then the signature is not
    /// judged anew, its times are.
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

    /// How many tokens were good by their signature since the beginning. All others that
    /// [`TokenVerifier::verify`] found good were remembered.
    pub fn verified_signatures(&self) -> u64 {
        self.signatures.0.load(Ordering::Relaxed)
    }

    /// How many tokens are remembered now.
    pub fn cached_tokens(&self) -> usize {
        self.current.load().cache.len()
    }

    /// Judges a token that may have expired, to learn whose it was: for a logout that comes late. All
    /// else is judged as by [`TokenVerifier::verify`], and nothing is remembered.
    ///
    /// The principal is authentic and is to be let in nowhere: its `expires_at` may have passed.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidCredential`], with a reason for the log.
    pub fn verify_ignoring_expiry(&self, token: &str, now: Time) -> Result<Principal, AuthError> {
        let (claims, verified) = self.verify_signature(&self.current.load().keys, token)?;
        // As it was judged when it was good for the last time, if that is over.
        let last = Time::from_unix_seconds(claims.registered().exp) - Duration::from_millis(1);
        self.check_claims(&claims.registered(), now.min(last))?;
        Ok(claims.into_principal(&verified)?)
    }

    fn verify_signature(&self, keys: &KeySet, token: &str) -> Result<(Claims, Verified), InvalidReason> {
        let (allowed, relaxed) = (&self.settings.algorithms, self.settings.relaxed.as_ref());
        let verified = match relaxed {
            Some(RelaxedChecks { untyped: true, .. }) => verify_untyped(token, keys, allowed),
            Some(_) | None => jws::verify(token, keys, allowed, &ACCESS_TOKEN),
        }
        .map_err(InvalidReason::Token)?;
        // Nothing of the claims is read before this line.
        let claims = match relaxed.filter(|relaxed| relaxed.foreign_claims) {
            Some(relaxed) => Claims::Foreign(ForeignClaims::from_json(&verified.payload, relaxed)?),
            None => Claims::Native(
                AccessClaims::from_json(&verified.payload).map_err(|_| InvalidReason::MalformedClaims)?,
            ),
        };
        Ok((claims, verified))
    }

    /// A hit saves the signature; time goes on.
    fn check_cached(
        &self,
        cache: &TokenCache,
        token_id: &str,
        principal: Principal,
        now: Time,
    ) -> Result<Principal, AuthError> {
        if now >= principal.expires_at() + self.settings.leeway {
            cache.remove(token);
            return Err(InvalidReason::Expired.into());
        }
        if principal.not_before().is_some_and(|valid_from| valid_from > now + self.settings.leeway) {
            return Err(InvalidReason::NotYetValid.into());
        }
        Ok(principal)
    }

    fn check_claims(&self, registered: &RegisteredClaims<'_>, now: Time) -> Result<(), InvalidReason> {
        let relaxed = self.settings.relaxed.as_ref();
        let is_issuer = registered.iss == Some(&*self.settings.issuer);
        if !is_issuer && !relaxed.is_some_and(|relaxed| relaxed.any_issuer) {
            return Err(InvalidReason::WrongIssuer);
        }
        let is_audience = registered.aud.iter().any(|aud| self.settings.audiences.contains(aud));
        if !is_audience && !relaxed.is_some_and(|relaxed| relaxed.any_audience) {
            return Err(InvalidReason::WrongAudience);
        }
        self.check_times(registered, now)
    }

    fn check_times(&self, registered: &RegisteredClaims<'_>, now: Time) -> Result<(), InvalidReason> {
        let leeway = self.settings.leeway;
        if now >= Time::from_unix_seconds(registered.exp) + leeway {
            return Err(InvalidReason::Expired);
        }
        if registered.nbf.is_some_and(|nbf| Time::from_unix_seconds(nbf) > now + leeway) {
            return Err(InvalidReason::NotYetValid);
        }
        if Time::from_unix_seconds(registered.iat) > now + leeway {
            return Err(InvalidReason::IssuedInFuture);
        }
        match registered.exp.checked_sub(registered.iat) {
            Some(lifetime) if lifetime <= self.settings.max_lifetime.as_secs() => Ok(()),
            Some(_) | None => Err(InvalidReason::LifetimeNotAllowed),
        }
    }
}

impl TokenVerifierBuilder {
    /// The verifier, with the keys of its issuer.
    ///
    /// # Errors
    ///
    /// What would not be safe to judge by.
    pub fn build(self, keys: KeySet) -> Result<TokenVerifier, VerifierBuildError> {
        self.validate()?;
        Ok(TokenVerifier::with_settings(self, keys))
    }
}

/// The claims of a token whose signature current.
enum Claims {
    Native(AccessClaims),
    Foreign(ForeignClaims),
}

impl Claims {
    fn registered(&self) -> RegisteredClaims<'_> {
        match self {
            Self::Native(AccessClaims { iss, aud, iat, nbf, exp, .. }) => {
                RegisteredClaims { iss: Some(iss), aud, iat: *iat, nbf: *nbf, exp: *exp }
            }
            Self::Foreign(claims) => claims.registered(),
        }
    }

    fn into_principal(self, verified: &Verified) -> Result<Principal, InvalidReason> {
        match self {
            Self::Native(claims) => native_principal(claims, verified),
            Self::Foreign(claims) => Ok(Principal::from_verified(claims.into_parts(verified))),
        }
    }
}

fn native_principal(claims: AccessClaims, verified: &Verified) -> Result<Principal, InvalidReason> {
    // A key that the log could not name could not be revoked.
    let key_id: KeyId = verified.kid.parse().map_err(|_| InvalidReason::MalformedClaims)?;
    // `nbf` and `iat` both say from when on: a hit asks for the later one.
    let valid_from = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
    Ok(Principal::from_verified(PrincipalParts {
        credential_kind: CredentialKind::AccessToken,
        user_id: claims.sub.parse().ok(),
        subject: claims.sub,
        session_id: Some(claims.sid),
        client_id: Some(claims.client_id),
        token_id: Some(claims.jti),
        key_id: Some(key_id),
        position: claims.pos,
        audiences: claims.aud,
        scope: claims.scope,
        roles: claims.roles,
        amr: claims.amr,
        acr: claims.acr,
        authenticated_at: Some(Time::from_unix_seconds(claims.auth_time)),
        not_before: Some(Time::from_unix_seconds(valid_from)),
        expires_at: Time::from_unix_seconds(claims.exp),
        extra: claims.extra,
    }))
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier").field("settings", &self.settings).finish_non_exhaustive()
    }
}
