//! The registry of the nodes, on the connection that renews and listens.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::time::sleep;

use counterfoil_core::store::{NodeId, NodeNews, NodeRegistry, NodeRenewal, NodeRow, StoreError};

use super::PostgresStore;
use crate::node_connection::{ANSWER_TIMEOUT, commit, failure_error};
use crate::statement::{Connection, Failure, Pipeline};
use crate::tables::revocation_log::{LogNews, MAX_NEWS};
use crate::tables::{nodes, revocation_log, writers};

/// How often it is looked whether the other nodes have applied something.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// How long another node is awaited that renews its lease: or five leases, if they are longer.
const MAX_APPLY_WAIT: Duration = Duration::from_secs(10);

#[async_trait]
impl NodeRegistry for PostgresStore {
    fn id(&self) -> NodeId {
        self.node.id
    }

    async fn join(&self, name: &str, lease: Duration) -> Result<u64, StoreError> {
        self.state.check_not_ended()?;
        let statements = nodes::insert(self.node.id, name, lease);
        let rows = self.node.with(async |connection| commit(connection, writers::BEGIN, statements).await);
        Ok(nodes::read_number(&rows.await?)?)
    }

    async fn renew(&self, renewal: &NodeRenewal) -> Result<Option<NodeNews>, StoreError> {
        self.state.check_not_ended()?;
        let (id, renewal) = (self.node.id, renewal.clone());
        self.node.with(async |connection| renew(connection, id, &renewal).await).await
    }

    async fn promise(&self, lease: Duration) -> Result<(), StoreError> {
        self.state.check_not_ended()?;
        let promise = nodes::promise(self.node.id, lease);
        let rows = self.node.with(async |connection| commit(connection, "BEGIN", [promise]).await).await?;
        if rows.is_empty() {
            return Err(failure_error(Failure::Superseded));
        }
        Ok(())
    }

    async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        // Not by a connection that reads: it may lead to a former primary, where the counters of the others stand still. There
        // a renewal is not answered, and this waits for it, and then for another connection.
        self.node.with(async |connection| read_nodes(connection).await).await
    }

    async fn remove(&self, node: NodeId, renewals: u64) -> Result<(), StoreError> {
        self.state.check_not_ended()?;
        let remove = nodes::remove(node, renewals)?;
        self.node.with(async |connection| commit(connection, writers::BEGIN, [remove]).await).await.map(drop)
    }

    async fn leave(&self) -> Result<(), StoreError> {
        let leave = nodes::leave(self.node.id);
        self.node.with(async |connection| commit(connection, writers::BEGIN, [leave]).await).await.map(drop)
    }

    async fn wait_until_applied(&self) -> Result<(), StoreError> {
        let newest = self.node.with(async |connection| read_newest_change(connection).await).await?;
        let mut seen: HashMap<NodeId, (u64, Instant)> = HashMap::new();
        let started = Instant::now();
        loop {
            let rows = self.nodes().await?;
            let now = Instant::now();
            // A node that renews and applies nothing would be awaited for ever, and with it the request of a client.
            let longest = rows.iter().map(|row| row.lease).max().unwrap_or_default();
            if now.duration_since(started) > MAX_APPLY_WAIT.max(longest * 5) {
                let reason = "another node renews its lease and does not apply what was changed";
                return Err(StoreError::Unavailable { reason, source: None });
            }
            let is_awaited = |row: &NodeRow| {
                let (renewals, since) = *seen
                    .entry(row.id)
                    .and_modify(|(renewals, since)| {
                        if *renewals != row.renewals {
                            (*renewals, *since) = (row.renewals, now);
                        }
                    })
                    .or_insert((row.renewals, now));
                // A quarter longer, because clocks run at different rates.
                let is_over = renewals == row.renewals && now.duration_since(since) >= row.lease * 5 / 4;
                row.id != self.node.id && row.last_change < newest && !is_over
            };
            // Each row is looked at, so that the first sight of its counter is noted.
            if rows.iter().map(is_awaited).fold(false, |any, one| any | one) {
                sleep(LOOK_INTERVAL).await;
                continue;
            }
            return Ok(());
        }
    }

    async fn announced(&self) {
        self.node.announced().await;
    }
}

async fn read_newest_change(connection: &Connection) -> Result<u64, Failure> {
    let rows = Pipeline::new(connection, ANSWER_TIMEOUT).query(nodes::select_newest_change()).await?;
    Ok(nodes::read_number(&rows)?)
}

async fn read_nodes(connection: &Connection) -> Result<Vec<NodeRow>, Failure> {
    let rows = Pipeline::new(connection, ANSWER_TIMEOUT).query(nodes::select_all()).await?;
    Ok(nodes::read_all(&rows)?)
}

/// Commits the counter, and then reads the revocation log and the changes up to their ends.
///
/// An observer that does not see the new counter has read the rows before that commit. So what it has committed before is in
/// these reads, which have later snapshots. Read in the transaction of the counter they would lack a revocation whose
/// observer takes this node for dead while the transaction is open.
async fn renew(
    connection: &Connection,
    id: NodeId,
    renewal: &NodeRenewal,
) -> Result<Option<NodeNews>, Failure> {
    let mut pipeline = Pipeline::new(connection, ANSWER_TIMEOUT);
    pipeline.control("BEGIN");
    let is_known = !pipeline.query(nodes::renew(id, renewal)?).await?.is_empty();
    pipeline.end().await?;
    if !is_known {
        return Ok(None);
    }
    let news =
        revocation_log::read_news(&pipeline.query(revocation_log::select_news(renewal.applied)).await?)?;
    // Read later than the entries, so that every commit of an entry is in it.
    let rows = pipeline.query(nodes::changes_after(renewal.last_change)?).await?;
    let (changes, last_change) = nodes::read_changes(&rows, id, renewal.last_change)?;
    let LogNews { log, mut head, clock, mut entries } = news;
    let is_full = |count: usize| count >= MAX_NEWS as usize;
    let is_complete = !is_full(entries.len()) && !is_full(rows.len());
    if is_full(rows.len()) {
        // An applied position must not be ahead of the changes that belong to it.
        entries.clear();
        head = head.min(renewal.applied);
    } else if let Some(last) = entries.last().filter(|_| is_full(entries.len())) {
        head = last.position;
    }
    Ok(Some(NodeNews { log, entries, head, changes, last_change, is_complete, store_clock: clock }))
}
