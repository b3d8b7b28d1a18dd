//! Counts the event streams of each verifier key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use counterfoil_core::credentials::verifier_key::VerifierKeyId;

use crate::feed::error::FeedError;

/// How many streams each key has open.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenStreams(Arc<Mutex<HashMap<VerifierKeyId, usize>>>);

/// A stream that counts as open until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenStream {
    /// The key of its client.
    pub(crate) key: VerifierKeyId,
    all: OpenStreams,
}

impl OpenStreams {
    /// Counts another stream of `key`.
    ///
    /// # Errors
    ///
    /// If it has `max` streams.
    pub(crate) fn open(&self, key: VerifierKeyId, max: usize) -> Result<OpenStream, FeedError> {
        // The map is consistent after each statement, so a poisoned lock is safe to use.
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = streams.entry(key).or_default();
        if *count >= max {
            return Err(FeedError::TooManyStreams);
        }
        *count += 1;
        Ok(OpenStream { all: self.clone(), key })
    }

    /// How many streams are open.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut streams = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = streams.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_limited_number_of_streams() {
        let (streams, key) = (OpenStreams::default(), VerifierKeyId::from_bytes([1; 16]));
        let first = streams.open(key, 2).unwrap();
        let _second = streams.open(key, 2).unwrap();

        assert!(matches!(streams.open(key, 2), Err(FeedError::TooManyStreams)));
        assert!(streams.open(VerifierKeyId::from_bytes([2; 16]), 2).is_ok());
        drop(first);
        assert!(streams.open(key, 2).is_ok() && streams.len() == 1);
    }
}
