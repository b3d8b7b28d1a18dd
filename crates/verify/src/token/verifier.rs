//! An access token goes in; who it speaks for, or why it is refused, comes out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

use counterfoil_jose::{Algorithm, KeySet, Time, Verified, jws};

use crate::auth_error::{Denied, Reason};
use crate::credential::Carrier;
use crate::id::KeyId;
use crate::principal::{Principal, PrincipalParts};
use crate::token::builder::{SettingsError, TokenVerifierBuilder};
use crate::token::cache::TokenCache;
use crate::token::claims::AccessClaims;
use crate::token::foreign_claims::{ForeignClaims, Loosened, verify_untyped};
use crate::token::registered_claims::Terms;

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
    held: ArcSwap<Held>,
    signatures: Signatures,
}

/// How many signatures have held. Nothing that is read for each token shares its cache lines.
#[derive(Default)]
#[repr(align(128))]
struct Signatures(AtomicU64);

struct Held {
    keys: KeySet,
    cache: TokenCache,
}

impl Held {
    fn new(keys: KeySet, tokens: usize) -> Self {
        Self { keys, cache: TokenCache::with_room(tokens) }
    }
}

impl TokenVerifier {
    /// Begins a verifier for tokens that `issuer` has issued for `audience` and signed with one of
    /// `algorithms`. All three are compared exactly.
    pub fn builder(issuer: &str, audience: &str, algorithms: &[Algorithm]) -> TokenVerifierBuilder {
        TokenVerifierBuilder::new(issuer, audience, algorithms)
    }

    fn with_settings(settings: TokenVerifierBuilder, keys: KeySet) -> Self {
        let held = ArcSwap::from_pointee(Held::new(keys, settings.cache));
        Self { settings, held, signatures: Signatures::default() }
    }

    /// Takes other keys. Whatever the former ones verified is verified anew.
    pub fn set_keys(&self, keys: KeySet) {
        self.held.store(Arc::new(Held::new(keys, self.settings.cache)));
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
    /// [`Denied::Invalid`], with a reason for the log.
    pub fn verify(&self, token: &str, now: Time) -> Result<Principal, Denied> {
        let held = self.held.load();
        if let Some(principal) = held.cache.find(token) {
            return self.admit_again(&held.cache, token, principal, now);
        }
        let (claims, verified) = self.read(&held.keys, token)?;
        self.judge(&claims.terms(), now)?;
        let principal = claims.into_principal(&verified)?;
        self.signatures.0.fetch_add(1, Ordering::Relaxed);
        held.cache.keep(token, &principal);
        Ok(principal)
    }

    /// How many tokens were good by their signature since the beginning. All others that
    /// [`TokenVerifier::verify`] found good were remembered.
    pub fn signatures(&self) -> u64 {
        self.signatures.0.load(Ordering::Relaxed)
    }

    /// How many tokens are remembered now.
    pub fn remembered(&self) -> usize {
        self.held.load().cache.len()
    }

    /// Judges a token that may have expired, to learn whose it was: for a logout that comes late. All
    /// else is judged as by [`TokenVerifier::verify`], and nothing is remembered.
    ///
    /// The principal is authentic and is to be let in nowhere: its `expires_at` may have passed.
    ///
    /// # Errors
    ///
    /// [`Denied::Invalid`], with a reason for the log.
    pub fn verify_even_if_expired(&self, token: &str, now: Time) -> Result<Principal, Denied> {
        let (claims, verified) = self.read(&self.held.load().keys, token)?;
        // As it was judged when it was good for the last time, if that is over.
        let last = Time::from_unix_seconds(claims.terms().exp) - Duration::from_millis(1);
        self.judge(&claims.terms(), now.min(last))?;
        Ok(claims.into_principal(&verified)?)
    }

    fn read(&self, keys: &KeySet, token: &str) -> Result<(Claims, Verified), Reason> {
        let (allowed, loosened) = (&self.settings.algorithms, self.settings.loosened.as_ref());
        let verified = match loosened {
            Some(Loosened { untyped: true, .. }) => verify_untyped(token, keys, allowed),
            Some(_) | None => jws::verify(token, keys, allowed, &ACCESS_TOKEN),
        }
        .map_err(Reason::Token)?;
        // Nothing of the claims is read before this line.
        let claims = match loosened.filter(|loosened| loosened.foreign_claims) {
            Some(loosened) => Claims::Foreign(ForeignClaims::from_json(&verified.payload, loosened)?),
            None => Claims::Ours(AccessClaims::from_json(&verified.payload).map_err(|_| Reason::Claims)?),
        };
        Ok((claims, verified))
    }

    /// A hit saves the signature; time goes on.
    fn admit_again(
        &self,
        cache: &TokenCache,
        token: &str,
        principal: Principal,
        now: Time,
    ) -> Result<Principal, Denied> {
        if now >= principal.expires_at() + self.settings.leeway {
            cache.forget(token);
            return Err(Reason::Expired.into());
        }
        if principal.not_before().is_some_and(|begin| begin > now + self.settings.leeway) {
            return Err(Reason::NotYetValid.into());
        }
        Ok(principal)
    }

    fn judge(&self, terms: &Terms<'_>, now: Time) -> Result<(), Reason> {
        let loosened = self.settings.loosened.as_ref();
        let is_ours = terms.iss == Some(&*self.settings.issuer);
        if !is_ours && !loosened.is_some_and(|loosened| loosened.any_issuer) {
            return Err(Reason::Issuer);
        }
        let is_for_us = terms.aud.iter().any(|aud| self.settings.audiences.contains(aud));
        if !is_for_us && !loosened.is_some_and(|loosened| loosened.any_audience) {
            return Err(Reason::Audience);
        }
        self.judge_times(terms, now)
    }

    fn judge_times(&self, terms: &Terms<'_>, now: Time) -> Result<(), Reason> {
        let leeway = self.settings.leeway;
        if now >= Time::from_unix_seconds(terms.exp) + leeway {
            return Err(Reason::Expired);
        }
        if terms.nbf.is_some_and(|nbf| Time::from_unix_seconds(nbf) > now + leeway) {
            return Err(Reason::NotYetValid);
        }
        if Time::from_unix_seconds(terms.iat) > now + leeway {
            return Err(Reason::IssuedInFuture);
        }
        match terms.exp.checked_sub(terms.iat) {
            Some(lifetime) if lifetime <= self.settings.max_lifetime.as_secs() => Ok(()),
            Some(_) | None => Err(Reason::Lifetime),
        }
    }
}

impl TokenVerifierBuilder {
    /// The verifier, with the keys of its issuer.
    ///
    /// # Errors
    ///
    /// What would not be safe to judge by.
    pub fn build(self, keys: KeySet) -> Result<TokenVerifier, SettingsError> {
        self.judge()?;
        Ok(TokenVerifier::with_settings(self, keys))
    }
}

/// The claims of a token whose signature held.
enum Claims {
    Ours(AccessClaims),
    Foreign(ForeignClaims),
}

impl Claims {
    fn terms(&self) -> Terms<'_> {
        match self {
            Self::Ours(AccessClaims { iss, aud, iat, nbf, exp, .. }) => {
                Terms { iss: Some(iss), aud, iat: *iat, nbf: *nbf, exp: *exp }
            }
            Self::Foreign(claims) => claims.terms(),
        }
    }

    fn into_principal(self, verified: &Verified) -> Result<Principal, Reason> {
        match self {
            Self::Ours(claims) => principal_of(claims, verified),
            Self::Foreign(claims) => Ok(Principal::verified(claims.into_parts(verified))),
        }
    }
}

fn principal_of(claims: AccessClaims, verified: &Verified) -> Result<Principal, Reason> {
    // A key that the log could not name could not be revoked.
    let key: KeyId = verified.kid.parse().map_err(|_| Reason::Claims)?;
    // `nbf` and `iat` both say from when on: a hit asks for the later one.
    let begin = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
    Ok(Principal::verified(PrincipalParts {
        carrier: Carrier::AccessToken,
        user: claims.sub.parse().ok(),
        subject: claims.sub,
        session: Some(claims.sid),
        client: Some(claims.client_id),
        token: Some(claims.jti),
        key: Some(key),
        position: claims.pos,
        audiences: claims.aud,
        scope: claims.scope,
        roles: claims.roles,
        amr: claims.amr,
        acr: claims.acr,
        authenticated_at: Some(Time::from_unix_seconds(claims.auth_time)),
        not_before: Some(Time::from_unix_seconds(begin)),
        expires_at: Time::from_unix_seconds(claims.exp),
        extra: claims.extra,
    }))
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier").field("settings", &self.settings).finish_non_exhaustive()
    }
}
