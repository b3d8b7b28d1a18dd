//! Tokens that were verified, so that a signature is judged once and not at each request.

use std::fmt;
use std::hash::{Hash, Hasher, RandomState};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, Weighter};

use crate::principal::Principal;

/// The end of a token that is hashed: the last 32 bytes of its signature. Only tokens that the
/// issuer signed are kept, so nobody but the issuer can make two of them meet; and hashing this much
/// costs a tenth of hashing all.
const HASHED_SUFFIX: usize = 43;

/// What one principal takes beside its token, roughly, in bytes.
const PRINCIPAL_BYTES: u64 = 640;

/// What one token is reckoned with where a number of tokens is turned into a bound of bytes.
const ASSUMED_TOKEN_BYTES: u64 = 768;

/// Principals by their token, bounded in bytes; who is asked for often stays.
///
/// A hit is a hit only if the whole token is the same, byte for byte. It says that the signature
/// held and what the claims were, and no more: times and revocations are the caller's to judge. What
/// was refused is never kept. The cache belongs to one set of keys and goes with it.
pub(crate) struct TokenCache {
    cache: Option<Cache<CachedToken, Principal, WeightInBytes, RandomState>>,
}

impl TokenCache {
    /// Room for about `tokens`; none for 0.
    pub(crate) fn with_capacity(tokens: usize) -> Self {
        let bytes = (tokens as u64).saturating_mul(PRINCIPAL_BYTES + ASSUMED_TOKEN_BYTES);
        let new =
            || Cache::with(tokens, bytes, WeightInBytes, RandomState::new(), DefaultLifecycle::default());
        Self { cache: (tokens > 0).then(new) }
    }

    /// Whose token this is, if it was verified before.
    pub(crate) fn get(&self, token: &str) -> Option<Principal> {
        self.cache.as_ref()?.get(&TokenKey(token))
    }

    /// Keeps a token whose signature held.
    pub(crate) fn insert(&self, token: &str, principal: &Principal) {
        if let Some(cache) = &self.cache {
            cache.insert(CachedToken(token.into()), principal.clone());
        }
    }

    /// Drops a token that has expired.
    pub(crate) fn remove(&self, token: &str) {
        if let Some(cache) = &self.cache {
            cache.remove(&TokenKey(token));
        }
    }

    /// How many are kept.
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

/// A token that is looked for.
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
    /// The whole token: one that shares its signature with another is another token.
    fn equivalent(&self, kept: &CachedToken) -> bool {
        self.0 == &*kept.0
    }
}

#[derive(Clone)]
struct WeightInBytes;

impl Weighter<CachedToken, Principal> for WeightInBytes {
    fn weight(&self, kept: &CachedToken, _: &Principal) -> u64 {
        kept.0.len() as u64 + PRINCIPAL_BYTES
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_jose::Time;

    use crate::credential::CredentialKind;
    use crate::principal::PrincipalParts;

    use super::*;

    fn principal(subject: &str) -> Principal {
        Principal::from_verified(PrincipalParts::new(CredentialKind::AccessToken, subject, Time::EPOCH))
    }

    #[test]
    fn however_many_tokens_are_shown_no_more_are_kept_than_there_is_room_for() {
        let cache = TokenCache::with_capacity(100);
        for number in 0..10_000 {
            cache.insert(&format!("{number:0>300}"), &principal("a"));
        }

        assert!((1..=160).contains(&cache.len()), "{} kept", cache.len());
    }

    #[test]
    fn tokens_with_one_signature_are_told_apart() {
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
    fn a_cache_without_room_keeps_nothing() {
        let cache = TokenCache::with_capacity(0);
        cache.insert("a", &principal("a"));

        assert!(cache.get("a").is_none());
    }
}
