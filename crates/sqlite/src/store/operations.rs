//! The operations of the store: reads run on the reader pool, writes are sent to the writer.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::TrySendError;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::oneshot;

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::credentials::verifier_key::VerifierKeyId;
use counterfoil_core::model::admin_key::AdminKeyRecord;
use counterfoil_core::model::audit_event::AuditEvent;
use counterfoil_core::model::client::Client;
use counterfoil_core::model::external_id::ExternalId;
use counterfoil_core::model::key::KeyRecord;
use counterfoil_core::model::session::Session;
use counterfoil_core::model::status_index::StatusIndex;
use counterfoil_core::model::user::User;
use counterfoil_core::model::username::Skeletons;
use counterfoil_core::model::verifier_key::VerifierKeyRecord;
use counterfoil_core::store::metrics::StoreMetrics;
use counterfoil_core::store::{
    AdminKeyCursor, AuditEventNumber, AuditEventQuery, AuditRetention, CommitListener, CommitOutcome,
    CounterIncrement, CounterKey, CounterValue, ExpiryEvents, FileBackup, LastSeen, LoginName, Page,
    PendingSessionEnd, PortionCount, PurgedEvents, RevocationLogPage, Scan, SessionContext, SessionCursor,
    SessionData, SessionQuery, SessionsByMode, StatusListState, StatusRevocationPage, Store, StoreError,
    Transaction, VerifierKeyCursor,
};
use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationLogId, RevocationPosition, SessionId, UserId};

use super::SqliteStore;
use crate::file::backup;
use crate::list_lane::ListOwner;
use crate::tables::{
    admin_keys, audit_events, clients, counters, keys, metadata, newest_time, pending_session_ends,
    revocation_log, session_data, sessions, status_indexes, users, verifier_keys,
};
use crate::write_request::WriteRequest;

#[async_trait]
impl Store for SqliteStore {
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.readers.read(|connection| sessions::find(connection, id))
    }

    async fn session_context(&self, id: SessionId) -> Result<Option<SessionContext>, StoreError> {
        self.readers.read(|connection| sessions::find_context(connection, id))
    }

    async fn sessions_of(
        &self,
        user: UserId,
        page: Page<SessionCursor>,
        now: Time,
    ) -> Result<Vec<Session>, StoreError> {
        self.lists
            .read(ListOwner::User(user), move |connection| {
                sessions::page_of_user(connection, user, page, now)
            })
            .await
    }

    async fn count_active_sessions(&self, client: Option<ClientId>, now: Time) -> Result<u64, StoreError> {
        let read = move |connection: &Connection| sessions::count_active(connection, client.as_ref(), now);
        self.lists.read(ListOwner::Administration, read).await
    }

    async fn count_sessions_by_mode(
        &self,
        portion: Page<SessionCursor>,
        now: Time,
    ) -> Result<PortionCount<SessionsByMode, SessionCursor>, StoreError> {
        let read = move |connection: &Connection| sessions::count_by_mode(connection, portion, now);
        self.lists.read(ListOwner::Administration, read).await
    }

    async fn sessions(
        &self,
        query: &SessionQuery,
        page: Page<SessionCursor>,
        now: Time,
    ) -> Result<Scan<Session, SessionCursor>, StoreError> {
        let query = *query;
        self.lists
            .read(ListOwner::Administration, move |connection| sessions::scan(connection, &query, page, now))
            .await
    }

    async fn has_sessions_to_end(&self, user: UserId, except: Option<SessionId>) -> Result<bool, StoreError> {
        self.readers.read(|connection| sessions::has_unended(connection, user, except))
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.readers.read(|connection| users::find(connection, id))
    }

    async fn usernames(&self, ids: &[UserId]) -> Result<Vec<(UserId, String)>, StoreError> {
        let ids = ids.to_vec();
        let read = move |connection: &Connection| users::usernames(connection, &ids);
        self.lists.read(ListOwner::Administration, read).await
    }

    async fn user_by_login(&self, login: &LoginName) -> Result<Option<User>, StoreError> {
        self.readers.read(|connection| users::find_by_login(connection, login))
    }

    async fn user_by_skeletons(&self, skeletons: &Skeletons) -> Result<Option<User>, StoreError> {
        self.readers.read(|connection| users::find_by_skeletons(connection, skeletons))
    }

    async fn user_by_external_id(&self, id: &ExternalId) -> Result<Option<User>, StoreError> {
        self.readers.read(|connection| users::find_by_external_id(connection, id))
    }

    async fn another_administrator(&self, user: UserId) -> Result<Option<User>, StoreError> {
        let read = move |connection: &Connection| users::another_administrator(connection, user);
        self.lists.read(ListOwner::Administration, read).await
    }

    async fn users(&self, page: Page<String>) -> Result<Vec<User>, StoreError> {
        self.lists.read(ListOwner::Administration, move |connection| users::page(connection, &page)).await
    }

    async fn users_before(&self, name: &str, limit: u32) -> Result<Vec<User>, StoreError> {
        let name = name.to_owned();
        let read = move |connection: &_| users::page_before(connection, &name, limit);
        self.lists.read(ListOwner::Administration, read).await
    }

    async fn count_users(&self, portion: Page<String>) -> Result<PortionCount<u64, String>, StoreError> {
        self.lists.read(ListOwner::Administration, move |connection| users::count(connection, &portion)).await
    }

    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.readers.read(|connection| clients::find(connection, id))
    }

    async fn clients(&self, page: Page<ClientId>) -> Result<Vec<Client>, StoreError> {
        self.lists.read(ListOwner::Administration, move |connection| clients::page(connection, &page)).await
    }

    async fn admin_key(&self, id: AdminKeyId) -> Result<Option<AdminKeyRecord>, StoreError> {
        self.readers.read(|connection| admin_keys::find(connection, id))
    }

    async fn admin_keys(&self, page: Page<AdminKeyCursor>) -> Result<Vec<AdminKeyRecord>, StoreError> {
        self.lists.read(ListOwner::Administration, move |connection| admin_keys::page(connection, page)).await
    }

    async fn verifier_key(&self, id: VerifierKeyId) -> Result<Option<VerifierKeyRecord>, StoreError> {
        self.readers.read(|connection| verifier_keys::find(connection, id))
    }

    async fn verifier_keys(
        &self,
        page: Page<VerifierKeyCursor>,
    ) -> Result<Vec<VerifierKeyRecord>, StoreError> {
        let read = move |connection: &Connection| verifier_keys::page(connection, page);
        self.lists.read(ListOwner::Administration, read).await
    }

    async fn pending_session_ends(&self, limit: u32) -> Result<Vec<PendingSessionEnd>, StoreError> {
        let read = move |connection: &Connection| pending_session_ends::all(connection, limit);
        self.lists.read(ListOwner::Administration, read).await
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.readers.read(keys::all)
    }

    async fn revocation_log_after(
        &self,
        after: RevocationPosition,
        limit: NonZeroU32,
    ) -> Result<RevocationLogPage, StoreError> {
        let read = move |connection: &Connection| revocation_log::entries_after(connection, after, limit);
        self.lists.read(ListOwner::Administration, read).await
    }

    async fn revocation_log_head(&self) -> Result<RevocationPosition, StoreError> {
        self.readers.read(revocation_log::head)
    }

    async fn revocation_log_id(&self) -> Result<RevocationLogId, StoreError> {
        self.readers.read(revocation_log::id)
    }

    async fn status_list_state(&self) -> Result<StatusListState, StoreError> {
        self.readers.read(status_indexes::state)
    }

    async fn status_revocations_after(
        &self,
        after: RevocationPosition,
        limit: NonZeroU32,
    ) -> Result<StatusRevocationPage, StoreError> {
        let read = move |connection: &Connection| status_indexes::revocations_after(connection, after, limit);
        self.lists.read(ListOwner::Administration, read).await
    }

    async fn status_indexes_below(
        &self,
        client: Option<&ClientId>,
        below: RevocationPosition,
        after: Option<SessionId>,
    ) -> Result<Scan<StatusIndex, SessionId>, StoreError> {
        let client = client.cloned();
        let read =
            move |connection: &Connection| status_indexes::below(connection, client.as_ref(), below, after);
        self.lists.read(ListOwner::Administration, read).await
    }

    async fn session_data(&self, session: SessionId) -> Result<Option<SessionData>, StoreError> {
        self.readers.read(|connection| session_data::find(connection, session))
    }

    async fn metadata(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers.read(|connection| metadata::find(connection, key))
    }

    async fn metadata_with_prefix(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.readers.read(|connection| metadata::find_with_prefix(connection, prefix))
    }

    async fn audit_events(
        &self,
        query: &AuditEventQuery,
    ) -> Result<Scan<(AuditEventNumber, AuditEvent), AuditEventNumber>, StoreError> {
        let query = query.clone();
        let owner = query.reader.map_or(ListOwner::Administration, ListOwner::User);
        self.lists.read(owner, move |connection| audit_events::scan(connection, &query)).await
    }

    async fn newest_time(&self) -> Result<Time, StoreError> {
        self.readers.read(newest_time::read)
    }

    async fn commit(&self, transaction: &Transaction) -> Result<CommitOutcome, StoreError> {
        self.request(WriteRequest::Commit, transaction.clone()).await
    }

    async fn record_last_seen(&self, entries: &[LastSeen]) -> Result<(), StoreError> {
        self.request(WriteRequest::RecordLastSeen, entries.to_vec()).await
    }

    async fn increment_counters(
        &self,
        increments: &[CounterIncrement],
        now: Time,
    ) -> Result<Vec<CounterValue>, StoreError> {
        self.request(WriteRequest::IncrementCounters, (increments.to_vec(), now)).await
    }

    async fn counters(&self, keys: &[CounterKey], now: Time) -> Result<Vec<CounterValue>, StoreError> {
        self.readers.read(|connection| counters::values(connection, keys, now))
    }

    async fn purge(&self, now: Time, limit: u32, expiries: ExpiryEvents) -> Result<u64, StoreError> {
        self.request(WriteRequest::Purge, (now, limit, expiries)).await.map(|purged| purged.rows)
    }

    async fn purge_audit_log(
        &self,
        retention: AuditRetention,
        now: Time,
        limit: u32,
    ) -> Result<PurgedEvents, StoreError> {
        self.request(WriteRequest::PurgeAuditLog, (retention, now, limit)).await
    }

    fn subscribe(&self, listener: Arc<dyn CommitListener>) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    fn metrics(&self) -> &StoreMetrics {
        &self.metrics
    }

    async fn close(&self) -> Result<(), StoreError> {
        let (reply, closed) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        let mut request = WriteRequest::Close(reply);
        // A full queue is not an error: the writer empties it.
        while let Err(error) = queue.try_send(request) {
            let TrySendError::Full(refused) = error else { return Ok(()) };
            request = refused;
            tokio::task::yield_now().await;
        }
        // Without an answer the writer had ended before, so the store is closed.
        let _ = closed.await;
        Ok(())
    }
}

#[async_trait]
impl FileBackup for SqliteStore {
    async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.state.check_open()?;
        let lock = self.lock.upgrade().ok_or(StoreError::Closed)?;
        if self.backup_runs.swap(true, Ordering::AcqRel) {
            return Err(StoreError::Unavailable { reason: "another backup is being written", source: None });
        }
        let running = RunningBackup(Arc::clone(&self.backup_runs));
        let (done, answer) = oneshot::channel();
        let (from, to) = (self.path.clone(), to.to_owned());
        // A separate thread: a backup may take minutes, and no other task must wait for it.
        std::thread::Builder::new()
            .name("sqlite-backup".into())
            .spawn(move || {
                let copied = backup::copy(&from, &to);
                // Before the answer, so that a caller who closes the store then finds the file unlocked.
                drop((running, lock));
                let _ = done.send(copied);
            })
            .map_err(|error| StoreError::Unavailable {
                reason: "the backup thread cannot be started",
                source: Some(Box::new(error)),
            })?;
        self.receive(answer).await
    }
}

/// The backup that is being written. A backup reads the whole file, so there is one at a time.
struct RunningBackup(Arc<AtomicBool>);

impl Drop for RunningBackup {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
