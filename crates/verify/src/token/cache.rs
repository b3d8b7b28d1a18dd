//! A cache of verified tokens, so that a signature is verified once and not for each request.

use std::fmt;
use std::hash::{Hash, Hasher, RandomState};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, Weighter};

use crate::principal::Principal;

/// How many characters at the end of a token are hashed: the last 32 bytes of its signature. The cache holds
/// only tokens that the issuer signed, so only the issuer could make two of them collide. Hashing this part
/// costs a tenth of hashing the whole token.
const HASHED_SUFFIX: usize = 43;

/// The approximate size of a principal with the query of its revocations, without its token, in bytes.
const PRINCIPAL_BYTES: u64 = 640;

/// The assumed size of a token, to turn a number of tokens into a limit in bytes.
const ASSUMED_TOKEN_BYTES: u64 = 768;

/// Principals by token, limited in bytes; frequently used tokens stay.
///
/// A lookup hits only if the whole token is equal, byte for byte. A hit means that the signature was valid
/// and what the claims are; the caller must check times and revocations. Rejected tokens are never cached. A
/// cache belongs to one key set and is dropped with it.
pub(crate) struct TokenCache {
    cache: Option<Cache<CachedToken, Principal, WeightInBytes, RandomState>>,
}

impl TokenCache {
    /// A cache for about `tokens` tokens; 0 disables it.
    pub(crate) fn with_capacity(tokens: usize) -> Self {
        let bytes = (tokens as u64).saturating_mul(PRINCIPAL_BYTES + ASSUMED_TOKEN_BYTES);
        let new =
            || Cache::with(tokens, bytes, WeightInBytes, RandomState::new(), DefaultLifecycle::default());
        Self { cache: (tokens > 0).then(new) }
    }

    /// The principal of a token that was verified before.
    pub(crate) fn get(&self, token: &str) -> Option<Principal> {
        self.cache.as_ref()?.get(&TokenKey(token))
    }

    /// Adds a token whose signature is valid.
    pub(crate) fn insert(&self, token: &str, principal: &Principal) {
        if let Some(cache) = &self.cache {
            cache.insert(CachedToken(token.into()), principal.clone());
        }
    }

    /// Removes a token that has expired.
    pub(crate) fn remove(&self, token: &str) {
        if let Some(cache) = &self.cache {
            cache.remove(&TokenKey(token));
        }
    }

    /// The number of cached tokens.
    pub(crate) fn len(&self) -> usize {
        self.cache.as_ref().map_or(0, Cache::len)
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCache(..)")
    }
}

/// A token in the cache.
#[derive(PartialEq, Eq)]
struct CachedToken(Box<str>);

/// A token to look up.
struct TokenKey<'a>(&'a str);

impl Hash for CachedToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        TokenKey(&self.0).hash(state);
    }
}

impl Hash for TokenKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let bytes = self.0.as_bytes();
        state.write(&bytes[bytes.len().saturating_sub(HASHED_SUFFIX)..]);
    }
}

impl Equivalent<CachedToken> for TokenKey<'_> {
    /// Compares the whole token: two tokens may end with the same signature.
    fn equivalent(&self, cached: &CachedToken) -> bool {
        self.0 == &*cached.0
    }
}

#[derive(Clone)]
struct WeightInBytes;

impl Weighter<CachedToken, Principal> for WeightInBytes {
    fn weight(&self, cached: &CachedToken, _: &Principal) -> u64 {
        cached.0.len() as u64 + PRINCIPAL_BYTES
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_jose::Time;

    use crate::credential::CredentialKind;
    use crate::principal::PrincipalParts;

    use super::*;

    fn principal(subject: &str) -> Principal {
        let parts = PrincipalParts::new(CredentialKind::AccessToken, subject, Time::EPOCH);
        Principal::from_verified(parts)
    }

    #[test]
    fn the_cache_never_exceeds_its_capacity() {
        let cache = TokenCache::with_capacity(100);
        for number in 0..10_000 {
            cache.insert(&format!("{number:0>300}"), &principal("a"));
        }

        assert!((1..=160).contains(&cache.len()), "{} tokens cached", cache.len());
    }

    #[test]
    fn tokens_with_the_same_signature_are_distinguished() {
        let cache = TokenCache::with_capacity(100);
        let signature = "A".repeat(HASHED_SUFFIX);
        let (one, two) = (format!("one.{signature}"), format!("two.{signature}"));
        cache.insert(&one, &principal("one"));

        assert_eq!(cache.get(&one).unwrap().subject(), "one");
        assert!(cache.get(&two).is_none());
        assert!(cache.get(&signature).is_none());
        assert!(cache.get("").is_none());
    }

    #[test]
    fn a_cache_without_capacity_stores_nothing() {
        let cache = TokenCache::with_capacity(0);
        cache.insert("a", &principal("a"));

        assert!(cache.get("a").is_none());
    }
}
