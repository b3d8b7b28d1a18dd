//! Limits how often a warning is logged whose cause a client can repeat at will.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use counterfoil_jose::Time;

/// How long a warning of one kind is not repeated.
const INTERVAL: Duration = Duration::from_secs(60);

/// When a warning of each kind was last logged. There must be few kinds.
#[derive(Debug)]
pub(crate) struct WarningRate<K>(Mutex<HashMap<K, Time>>);

impl<K> Default for WarningRate<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> WarningRate<K> {
    /// Whether a warning of this kind is due: the last one is a minute old.
    pub(crate) fn is_due(&self, kind: K, now: Time) -> bool {
        // A panic while it was locked leaves nothing inconsistent behind.
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.get(&kind).is_some_and(|last| now < *last + INTERVAL) {
            return false;
        }
        logged.insert(kind, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    #[test]
    fn a_kind_is_logged_once_a_minute() {
        let rate = WarningRate::default();

        assert!(rate.is_due("a", NOON));
        assert!(!rate.is_due("a", NOON + INTERVAL / 2));
        assert!(rate.is_due("b", NOON + INTERVAL / 2), "another kind");
        assert!(rate.is_due("a", NOON + INTERVAL));
    }
}
