//! Counts the event streams that are open: of each owner, and of all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// How many streams each owner has open.
#[derive(Debug)]
pub(crate) struct OpenStreams<K>(Arc<Mutex<HashMap<K, usize>>>);

/// How many streams may be open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamLimits {
    /// Of one owner.
    pub(crate) per_owner: usize,
    /// Of all owners.
    pub(crate) total: usize,
}

/// As many streams are open as may be.
#[derive(Debug, thiserror::Error)]
#[error("too many event streams are open: close one first")]
pub(crate) struct TooManyStreams;

/// A stream that counts as open until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenStream<K: Copy + Eq + Hash> {
    /// Its owner.
    pub(crate) owner: K,
    all: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K> Default for OpenStreams<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Copy + Eq + Hash> OpenStreams<K> {
    /// Counts another stream of `owner`.
    ///
    /// # Errors
    ///
    /// If the owner has as many as it may have, or all have.
    pub(crate) fn open(&self, owner: K, limits: StreamLimits) -> Result<OpenStream<K>, TooManyStreams> {
        // The map is consistent after each statement, so a poisoned lock is safe to use.
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = streams.get(&owner).copied().unwrap_or_default();
        if count >= limits.per_owner || streams.values().sum::<usize>() >= limits.total {
            return Err(TooManyStreams);
        }
        streams.insert(owner, count + 1);
        Ok(OpenStream { all: Arc::clone(&self.0), owner })
    }

    /// How many streams are open.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl<K: Copy + Eq + Hash> Drop for OpenStream<K> {
    fn drop(&mut self) {
        let mut streams = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = streams.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_and_all_of_them_have_a_limited_number_of_streams() {
        let streams = OpenStreams::default();
        let limits = StreamLimits { per_owner: 2, total: 3 };
        let first = streams.open('a', limits).unwrap();
        let _second = streams.open('a', limits).unwrap();

        assert!(streams.open('a', limits).is_err());
        let third = streams.open('b', limits).unwrap();
        assert!(streams.open('c', limits).is_err(), "all have three");
        drop(third);
        drop(first);
        assert!(streams.open('a', limits).is_ok() && streams.len() == 1);
    }
}
