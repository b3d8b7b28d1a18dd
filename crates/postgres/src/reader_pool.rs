//! Reads: a pool of connections that cannot write.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};

use tokio::time::timeout;

use counterfoil_core::store::StoreError;
use counterfoil_core::store::metrics::StoreMetrics;
use counterfoil_verify::UserId;

use crate::connection::{Connector, FORMER_PRIMARY_RETRIES, session_settings};
use crate::error::QueryError;
use crate::hosts::CONNECT_TIMEOUT;
use crate::state::StoreState;
use crate::statement::Connection;
use crate::timeline::Timeline;

/// The most lists that wait or are read at a time: all of them, and those of one user.
const MAX_LISTS: usize = 256;
const MAX_LISTS_OF_USER: usize = 16;

/// The most callers that wait for a connection of a pool. Beyond it they get an error at once: when the database is slow, more
/// of them would wait and get none.
const MAX_WAITING: usize = 1024;

/// How many connections a pool has, and how long a caller waits.
pub(crate) struct PoolLimits {
    /// The most connections.
    pub(crate) connections: usize,
    /// The time within which a connection must become free.
    pub(crate) wait: Duration,
    /// The time within which a statement must be answered.
    pub(crate) statement: Duration,
}

/// The connections that read.
pub(crate) struct ReaderPool {
    pool: Pool,
    acquire_timeout: Duration,
    statement_timeout: Duration,
    state: Arc<StoreState>,
    metrics: Arc<StoreMetrics>,
    timeline: Arc<Timeline>,
}

impl ReaderPool {
    /// A pool without a connection yet.
    pub(crate) fn new(
        connector: &Connector,
        limits: &PoolLimits,
        state: Arc<StoreState>,
        metrics: Arc<StoreMetrics>,
    ) -> Result<Self, deadpool_postgres::BuildError> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let settings =
            format!("{}; SET default_transaction_read_only = on", session_settings(limits.statement));
        let trusting = Arc::clone(&state);
        let timeline = Arc::clone(connector.timeline());
        let (of_new, of_used) = (Arc::clone(&timeline), Arc::clone(&timeline));
        let pool =
            Pool::builder(Manager::from_connect(tokio_postgres::Config::new(), connector.clone(), recycling))
                .max_size(limits.connections)
                .runtime(Runtime::Tokio1)
                .wait_timeout(Some(limits.wait))
                .create_timeout(Some(connector.connect_timeout()))
                .recycle_timeout(Some(CONNECT_TIMEOUT))
                .post_create(Hook::async_fn(move |connection: &mut Connection, _| {
                    let (settings, timeline) = (settings.clone(), Arc::clone(&of_new));
                    Box::pin(async move {
                        connection.batch_execute(&settings).await.map_err(HookError::Backend)?;
                        timeline
                            .check(connection)
                            .await
                            .map_err(|error| HookError::message(error.to_string()))
                    })
                }))
                .pre_recycle(Hook::sync_fn(move |_, metrics| {
                    match of_used.was_promoted_since(metrics.created) {
                        true => Err(HookError::message("the connection is to a former primary")),
                        false => Ok(()),
                    }
                }))
                .pre_recycle(Hook::sync_fn(move |_, metrics| match trusting.trusts_reader(metrics.created) {
                    true => Ok(()),
                    false => Err(HookError::message("the primary may be another server since")),
                }))
                .build()?;
        // The server answers first: it knows what the statement waits for.
        let statement_timeout = limits.statement + Duration::from_secs(1);
        let acquire_timeout = limits.wait + connector.connect_timeout();
        Ok(Self { pool, acquire_timeout, statement_timeout, state, metrics, timeline })
    }

    /// A connection of the pool, with its session set up, within the time that a caller waits for one to become free and the
    /// time for a new one. The limits of the pool do not include the set-up.
    async fn connection(&self) -> Result<Object, StoreError> {
        if self.pool.status().waiting >= MAX_WAITING {
            self.metrics.read_refused();
            let reason = "too many requests wait for a connection to the database";
            return Err(StoreError::Unavailable { reason, source: None });
        }
        let waiting = self.metrics.read_waits();
        let connection = timeout(self.acquire_timeout, self.connection_to_primary()).await;
        drop(waiting);
        let connection = connection.map_err(|_| QueryError::TimedOut).and_then(|made| Ok(made?));
        connection.map_err(|error| {
            self.metrics.read_refused();
            error.into()
        })
    }

    /// A connection to a former primary is refused by its hook, and the next attempt may find the other host.
    async fn connection_to_primary(&self) -> Result<Object, PoolError> {
        for _ in 0..FORMER_PRIMARY_RETRIES {
            match self.pool.get().await {
                Err(PoolError::PostCreateHook(HookError::Message(_))) => {}
                connection => return connection,
            }
        }
        self.pool.get().await
    }

    /// Takes a connection, if the store is open.
    pub(crate) async fn start(&self) -> Result<Reading<'_>, StoreError> {
        self.state.check_open()?;
        let started = Instant::now();
        let connection = self.connection().await?;
        Ok(Reading { pool: self, connection, started })
    }

    /// Closes every connection that is not in use, and refuses every later read.
    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

/// A read in progress.
pub(crate) struct Reading<'p> {
    pool: &'p ReaderPool,
    connection: Object,
    started: Instant,
}

impl Reading<'_> {
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The time within which the statement must be answered.
    pub(crate) fn timeout(&self) -> Duration {
        self.pool.statement_timeout
    }

    /// Counts the read, and gives the connection back. `None`: it was not answered in time.
    pub(crate) fn finish<T>(self, result: Option<Result<T, QueryError>>) -> Result<T, StoreError> {
        self.pool.metrics.reads.record(self.started.elapsed());
        // The store may have been closed or have lost its writer meanwhile.
        self.pool.state.check_open()?;
        if !self.pool.state.trusts_reader(Object::metrics(&self.connection).created) {
            drop(Object::take(self.connection));
            let reason = "the database was read while this node connected to its primary again";
            return Err(StoreError::Unavailable { reason, source: None });
        }
        if self.pool.timeline.was_promoted_since(self.started) {
            return Err(QueryError::FormerPrimary.into());
        }
        match result {
            Some(result) => Ok(result?),
            None => {
                drop(Object::take(self.connection));
                Err(QueryError::TimedOut.into())
            }
        }
    }
}

/// Reads with a connection of a pool: `read!(pool, |connection| query(connection))`.
macro_rules! read {
    ($pool:expr, |$connection:ident| $query:expr) => {{
        let reading = $pool.start().await?;
        let $connection = reading.connection();
        let result = tokio::time::timeout(reading.timeout(), $query).await.ok();
        reading.finish(result)
    }};
}
pub(crate) use read;

/// Whose list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ListOwner {
    /// A user, who lists what belongs to them.
    User(UserId),
    /// An administrator, or a job of the server.
    Administration,
}

/// The lists that wait or are read. A list takes some milliseconds, so lists have connections of their own, and a few
/// users who list what they have in a loop do not delay the others.
#[derive(Default)]
pub(crate) struct ListAdmission(Mutex<HashMap<ListOwner, usize>>);

/// A place among the lists, until it is dropped.
pub(crate) struct ListPlace<'a> {
    admission: &'a ListAdmission,
    owner: ListOwner,
}

impl ListAdmission {
    /// Admits a list of `owner`, if there is room for it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if too many lists wait.
    pub(crate) fn admit(
        &self,
        owner: ListOwner,
        metrics: &StoreMetrics,
    ) -> Result<ListPlace<'_>, StoreError> {
        let mut counts = self.lock();
        let max = match owner {
            ListOwner::User(_) => MAX_LISTS_OF_USER,
            ListOwner::Administration => MAX_LISTS,
        };
        let total: usize = counts.values().sum();
        let count = counts.entry(owner).or_default();
        if total >= MAX_LISTS || *count >= max {
            metrics.list_refused();
            return Err(StoreError::Unavailable { reason: "too many lists are being read", source: None });
        }
        *count += 1;
        Ok(ListPlace { admission: self, owner })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ListOwner, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ListPlace<'_> {
    fn drop(&mut self) {
        let mut counts = self.admission.lock();
        match counts.get_mut(&self.owner) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_share_of_the_lists_and_the_others_are_served() {
        let (admission, metrics) = (ListAdmission::default(), StoreMetrics::default());
        let ada = ListOwner::User(UserId::from_bytes([1; 16]));
        let grace = ListOwner::User(UserId::from_bytes([2; 16]));
        let mut places: Vec<_> =
            (0..MAX_LISTS_OF_USER).map(|_| admission.admit(ada, &metrics).unwrap()).collect();

        assert!(admission.admit(ada, &metrics).is_err());
        assert!(admission.admit(grace, &metrics).is_ok());
        assert_eq!(metrics.lists_refused(), 1);
        places.pop();
        assert!(admission.admit(ada, &metrics).is_ok(), "the share is free again");
    }
}
