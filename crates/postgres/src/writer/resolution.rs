//! How the outcome of a commit is found out whose answer was lost.

use std::sync::Arc;
use std::time::Instant;

use tokio::time::{sleep, timeout};

use counterfoil_core::store::StoreError;

use super::{RECONNECT_INTERVAL, Writer};
use crate::error::QueryError;
use crate::error_class::store_error;
use crate::write_request::{Executed, WriteRequest};
use crate::writer::batch::{Undecided, outputs};
use crate::writer_connection::ANSWER_TIMEOUT;

impl Writer {
    /// Finds out whether a commit was executed whose answer was lost.
    ///
    /// The next connection raises the epoch of the writer. That waits until the transaction is decided, if it is in
    /// progress, and no statement that is still on its way finds its epoch afterwards. Then the id of the last commit says
    /// whether it was this one. Until then no caller gets an answer.
    ///
    /// A program that had the store for itself gives up after a while: a server that has started meanwhile keeps the store locked as
    /// long as it serves. The outcome stays unknown then, and the store must be opened again.
    pub(super) async fn resolve(
        &mut self,
        batch: Vec<WriteRequest>,
        mut undecided: Undecided,
        started: Instant,
    ) {
        tracing::warn!(error = %undecided.error, requests = batch.len(), "the outcome of a commit is not known yet");
        let asked_at = Instant::now();
        loop {
            self.reconnect().await;
            match self.current.as_ref().map(|current| current.takeover.last_commit) {
                Some(Some(id)) if id == undecided.id => {
                    match self.complete_later(&mut undecided.executed).await {
                        Ok(()) => {
                            tracing::info!(requests = batch.len(), "the commit was executed");
                            return self.finish(batch, outputs(undecided.executed), started);
                        }
                        Err(error) => {
                            tracing::warn!(%error, "what the commit has done could not be read");
                            self.current = None;
                        }
                    }
                }
                Some(Some(_) | None) => {
                    tracing::info!(
                        requests = batch.len(),
                        "the commit was not executed; nothing was changed"
                    );
                    self.open();
                    let error = Arc::new(undecided.error);
                    return self.fail(batch, || store_error(Arc::clone(&error)));
                }
                None => {}
            }
            if let Some(error) = self.end_of_search(asked_at) {
                return self.fail(batch, error);
            }
            sleep(RECONNECT_INTERVAL).await;
        }
    }

    /// The error with which a search that began at `asked_at` ends now, without a result; `None` if it continues.
    fn end_of_search(&self, asked_at: Instant) -> Option<fn() -> StoreError> {
        if self.state.check_not_ended().is_err() {
            return Some(|| StoreError::Poisoned);
        }
        if self.state.is_closing() && asked_at.elapsed() > ANSWER_TIMEOUT {
            return Some(|| StoreError::OutcomeUnknown);
        }
        if asked_at.elapsed() <= self.connector.limits().resolution {
            return None;
        }
        tracing::error!("the outcome of a commit is not known, and the database cannot be asked any more");
        // The listeners have not heard of the commit, which may be there.
        self.state.poison();
        Some(|| StoreError::OutcomeUnknown)
    }

    /// Reads what the lost answer to a commit would have said.
    async fn complete_later(&self, executed: &mut [Result<Executed, StoreError>]) -> Result<(), QueryError> {
        let Some(current) = &self.current else { return Err(QueryError::TimedOut) };
        for executed in executed.iter_mut().flatten() {
            let completed = executed.complete_later(&current.connection);
            timeout(ANSWER_TIMEOUT, completed).await.map_err(|_| QueryError::TimedOut)??;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_postgres::{Client, NoTls};

    use counterfoil_core::model::user::User;
    use counterfoil_core::store::conformance::NOON;
    use counterfoil_core::store::{Change, Store, Transaction};
    use counterfoil_test_support::{PostgresServer, skip};
    use counterfoil_verify::UserId;

    use super::*;
    use crate::store::PostgresStore;
    use crate::store_lock::Access;
    use crate::url::PostgresUrl;
    use crate::writer_connection::WriterLimits;

    /// Makes the server end a session while it commits a user.
    const END_AT_COMMIT: &str = "
        CREATE FUNCTION end_session() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER end_session AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION end_session()";

    /// Waits for the lock of the store, as a server that starts, and holds it.
    const SHARE: &str =
        "SELECT pg_advisory_lock_shared(hashtextextended('counterfoil store ' || current_schema(), 0))";

    const IS_WAITING: &str = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";

    async fn connect(url: &PostgresUrl) -> Client {
        let (client, connection) = url.config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    async fn insert(store: &PostgresStore, number: u8) -> StoreError {
        let user =
            User::new(UserId::from_bytes([number; 16]), format!("user{number}").parse().unwrap(), NOON);
        store.commit(&Transaction::new([Change::insert_user(user)])).await.unwrap_err()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_program_that_had_the_store_for_itself_does_not_wait_for_a_server_that_has_started_meanwhile() {
        let Some(server) = PostgresServer::shared() else { return skip("PostgreSQL is not installed") };
        let url: PostgresUrl = server.new_database().parse().unwrap();
        let limits = WriterLimits { resolution: Duration::from_millis(100), ..WriterLimits::ALONE };
        let store = PostgresStore::open_with(&url, Arc::new(|| None), (Access::Alone, limits)).await.unwrap();
        let (observer, starting) = (connect(&url).await, connect(&url).await);
        observer.batch_execute(END_AT_COMMIT).await.unwrap();
        let started = tokio::spawn(async move {
            starting.batch_execute(SHARE).await.unwrap();
            starting
        });
        while !observer.query_one(IS_WAITING, &[]).await.unwrap().get::<_, bool>(0) {
            sleep(Duration::from_millis(10)).await;
        }

        let outcome = timeout(Duration::from_secs(15), insert(&store, 1)).await.expect("it gives up");

        assert!(matches!(outcome, StoreError::OutcomeUnknown), "{outcome:?}");
        let next = insert(&store, 2).await;
        assert!(matches!(next, StoreError::Poisoned), "{next:?}");
        store.close().await.unwrap();
        drop(started.await.unwrap());
    }
}
