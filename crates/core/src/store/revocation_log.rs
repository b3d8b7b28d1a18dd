//! Loads the revocation log of a store into memory, page by page.

use std::num::NonZeroU32;

use counterfoil_verify::{RevocationPosition, Revocations};

use crate::store::{Store, StoreError};

/// Publishes every entry of the revocation log to `revocations`, reading `page_size` entries at a time.
///
/// The head of the log is published with the last page. Each page copies the tables that it changes, so a
/// small page size makes a long log slow.
///
/// # Errors
///
/// If the store cannot be read. The entries before the failed page are published then.
pub async fn load_revocations(
    store: &dyn Store,
    revocations: &Revocations,
    page_size: NonZeroU32,
) -> Result<(), StoreError> {
    let mut after = Some(RevocationPosition::START);
    while let Some(position) = after {
        let page = store.revocation_log_after(position, page_size).await?;
        revocations.publish(&page.entries, page.complete_up_to());
        after = page.next;
    }
    Ok(())
}
