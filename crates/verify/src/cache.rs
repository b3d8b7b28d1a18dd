//! Tokens that were verified, so that a signature is judged once and not at each request.

use std::fmt;
use std::hash::{Hash, Hasher, RandomState};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, Weighter};

use crate::principal::Principal;

/// The end of a token that is hashed: the last 32 bytes of its signature. Only tokens that the
/// issuer signed are kept, so nobody but the issuer can make two of them meet; and hashing this much
/// costs a tenth of hashing all.
const HASHED: usize = 43;

/// What one principal takes beside its token, roughly, in bytes.
const PRINCIPAL: u64 = 640;

/// What one token is reckoned with where a number of tokens is turned into a bound of bytes.
const TOKEN: u64 = 384;

/// Principals by their token, bounded in bytes; who is asked for often stays.
///
/// A hit is a hit only if the whole token is the same, byte for byte. It says that the signature
/// held and what the claims were, and no more: times and revocations are the caller's to judge. What
/// was refused is never kept. The cache belongs to one set of keys and goes with it.
pub(crate) struct TokenCache {
    cache: Option<Cache<Kept, Principal, Bytes, RandomState>>,
}

impl TokenCache {
    /// Room for about `tokens`; none for 0.
    pub(crate) fn with_room(tokens: usize) -> Self {
        let bytes = (tokens as u64).saturating_mul(PRINCIPAL + TOKEN);
        let new = || Cache::with(tokens, bytes, Bytes, RandomState::new(), DefaultLifecycle::default());
        Self { cache: (tokens > 0).then(new) }
    }

    /// Whose token this is, if it was verified before.
    pub(crate) fn find(&self, token: &str) -> Option<Principal> {
        self.cache.as_ref()?.get(&Shown(token))
    }

    /// Keeps a token whose signature held.
    pub(crate) fn keep(&self, token: &str, principal: &Principal) {
        if let Some(cache) = &self.cache {
            cache.insert(Kept(token.into()), principal.clone());
        }
    }

    /// Drops a token that has expired.
    pub(crate) fn forget(&self, token: &str) {
        if let Some(cache) = &self.cache {
            cache.remove(&Shown(token));
        }
    }

    #[cfg(test)]
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
struct Kept(Box<str>);

/// A token that is looked for.
struct Shown<'a>(&'a str);

impl Hash for Kept {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Shown(&self.0).hash(state);
    }
}

impl Hash for Shown<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let bytes = self.0.as_bytes();
        state.write(&bytes[bytes.len().saturating_sub(HASHED)..]);
    }
}

impl Equivalent<Kept> for Shown<'_> {
    /// The whole token: one that shares its signature with another is another token.
    fn equivalent(&self, kept: &Kept) -> bool {
        self.0 == &*kept.0
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Kept, Principal> for Bytes {
    fn weight(&self, kept: &Kept, _: &Principal) -> u64 {
        kept.0.len() as u64 + PRINCIPAL
    }
}
