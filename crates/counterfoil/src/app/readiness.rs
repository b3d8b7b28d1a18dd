//! What is missing for serving, by a word each: for `/readyz`, the metrics and whoever is woken by them.

use std::sync::atomic::Ordering;

use crate::app::App;
use crate::clock::checkpoint;

/// Something without which requests should go elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It was told to end.
    Closing,
    /// The store answers nothing: it has failed, and must be opened anew.
    Store,
    /// The store takes no writes: the disk is full, read-only or broken. What is there can be read.
    StoreWrites,
    /// The clock has leapt, and nothing is issued until that is settled.
    Clock,
    /// The keys as they are kept could not be taken up.
    Keys,
    /// Passwords wait, and no thread has taken one for far too long.
    Hashing,
}

impl Missing {
    /// All that can be missing.
    pub(crate) const ALL: [Self; 6] =
        [Self::Closing, Self::Store, Self::StoreWrites, Self::Clock, Self::Keys, Self::Hashing];

    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Closing => "closing",
            Self::Store => "store",
            Self::StoreWrites => "store_writes",
            Self::Clock => "clock",
            Self::Keys => "keys",
            Self::Hashing => "hashing",
        }
    }
}

impl App {
    /// What is missing for serving, by words that `docs/operate.md` explains; empty if nothing is.
    pub async fn readiness(&self) -> Vec<&'static str> {
        self.missing().await.into_iter().map(Missing::as_str).collect()
    }

    /// The same, not as words yet.
    pub(crate) async fn missing(&self) -> Vec<Missing> {
        let store = self.missing_of_store().await;
        let others = [
            (self.is_closing.load(Ordering::SeqCst), Missing::Closing),
            (!self.clock.may_issue(), Missing::Clock),
            (self.has_stale_keys.load(Ordering::Relaxed), Missing::Keys),
            (self.hashing.is_stuck(), Missing::Hashing),
        ];
        let mut missing: Vec<_> = others.into_iter().filter_map(|(is, what)| is.then_some(what)).collect();
        missing.extend(store);
        missing.sort_by_key(|missing| *missing as usize);
        missing
    }

    /// Asks the store for a reading, and where its last transaction failed for a small one: nobody else may be
    /// writing, since everybody was sent elsewhere.
    async fn missing_of_store(&self) -> Option<Missing> {
        if let Err(error) = self.store.head().await {
            tracing::error!(%error, "the store does not answer");
            return Some(Missing::Store);
        }
        if !self.store.figures().is_refusing() {
            return None;
        }
        let written = checkpoint::save(&*self.store, &self.clock).await;
        written.is_err().then_some(Missing::StoreWrites)
    }
}
