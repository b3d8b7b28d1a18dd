//! The pages of a snapshot: read from the store and encoded once, for all verifiers that start at the same time.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use counterfoil_core::store::{Store, StoreError};
use counterfoil_verify::RevocationPosition;

use crate::feed::recent_entries::EncodedEntries;

/// How many entries a page has: about 850 KB.
const PAGE_SIZE: NonZeroU32 = NonZeroU32::new(10_000).expect("it is not 0");
/// How many pages are kept for other verifiers.
const MAX_PAGES: usize = 16;
/// How long a page is kept. An older one is as right: only the entries after its end would be more.
const KEPT_FOR: Duration = Duration::from_secs(2);

/// Reads pages, and shares each among the verifiers that start at the same time.
pub(crate) struct SnapshotPages {
    store: Arc<dyn Store>,
    pages: std::sync::Mutex<VecDeque<KeptPage>>,
}

/// A page that is being read or was read.
struct KeptPage {
    after: RevocationPosition,
    read_at: Instant,
    page: Arc<OnceCell<SnapshotPage>>,
}

/// The active entries after a position.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotPage {
    /// The entries.
    pub(crate) entries: EncodedEntries,
    /// The position up to which every active entry is known with this page and those before it.
    pub(crate) complete_up_to: RevocationPosition,
}

impl SnapshotPages {
    /// Reads from `store`.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, pages: std::sync::Mutex::default() }
    }

    /// The active entries after `after`, as many as a page holds. `head` is the published head: what the store has beyond
    /// it is left out, because its publication is still to come.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) async fn page(
        &self,
        after: RevocationPosition,
        head: RevocationPosition,
    ) -> Result<SnapshotPage, StoreError> {
        let cell = self.cell(after);
        cell.get_or_try_init(|| self.read(after, head)).await.cloned()
    }

    /// Whether a page is being read.
    #[cfg(feature = "test-util")]
    pub(super) fn is_reading(&self) -> bool {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.iter().any(|kept| kept.page.get().is_none())
    }

    fn cell(&self, after: RevocationPosition) -> Arc<OnceCell<SnapshotPage>> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        pages.retain(|page| now.duration_since(page.read_at) < KEPT_FOR);
        if let Some(kept) = pages.iter().find(|page| page.after == after) {
            return Arc::clone(&kept.page);
        }
        if pages.len() >= MAX_PAGES {
            pages.pop_front();
        }
        let page = Arc::default();
        pages.push_back(KeptPage { after, read_at: now, page: Arc::clone(&page) });
        page
    }

    async fn read(
        &self,
        after: RevocationPosition,
        head: RevocationPosition,
    ) -> Result<SnapshotPage, StoreError> {
        let mut page = self.store.revocation_log_after(after, PAGE_SIZE).await?;
        let complete_up_to = page.complete_up_to().min(head);
        page.entries.retain(|entry| entry.position <= complete_up_to);
        Ok(SnapshotPage { entries: EncodedEntries::encode(&page.entries), complete_up_to })
    }
}
