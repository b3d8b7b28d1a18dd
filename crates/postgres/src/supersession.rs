//! The end of the processes that had the store open before a program that has it for itself.

use tokio::time::sleep;

use crate::error::QueryError;
use crate::statement::Connection;
use crate::tables::{nodes, writers};

/// Removes the processes that have ended without a stop, and waits until neither they nor their verifiers accept anything: a
/// node that is cut off from the database does until its lease is over, and a verifier of it until the lease after that. The
/// connection has the store for itself.
///
/// The rows of the nodes are removed last: if this program is interrupted before, the next one counts them again, and so does a
/// wait for the fleet.
pub(crate) async fn supersede_others(connection: &Connection) -> Result<(), QueryError> {
    writers::remove_all(connection).await?;
    let (lease, _) = nodes::longest_leases(connection).await?;
    sleep(lease + lease / 4).await;
    // No node promises anything from here on.
    let (_, promised) = nodes::longest_leases(connection).await?;
    sleep(promised + promised / 4).await;
    nodes::remove_all(connection).await
}
