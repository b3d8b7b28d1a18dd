//! Introspections as leases: a verifier that cannot reach the feed may rely on an `active` response for a moment.

use counterfoil_core::services::revocation_feed::INTROSPECTION_LEASE;
use counterfoil_core::store::StoreError;

use crate::feed::Feed;

impl Feed {
    /// Records that an introspection has arrived: a wait for the fleet that begins later takes until its lease has run
    /// out. It must be called before the state is read by which the introspection is answered.
    ///
    /// # Errors
    ///
    /// If the store cannot be written. Then nothing may be answered: a process that starts after a crash would not wait.
    pub(crate) async fn begin_introspection(&self) -> Result<(), StoreError> {
        self.promised_lease.raise_to(INTROSPECTION_LEASE).await?;
        self.introspections.record(self.uptime());
        Ok(())
    }
}
