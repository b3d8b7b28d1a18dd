//! The operations of the store: reads take a connection of a pool, writes are sent to the writer.

use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
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
    CounterIncrement, CounterKey, CounterValue, ExpiryEvents, LastSeen, LoginName, NodeRegistry, Page,
    PendingSessionEnd, PortionCount, PurgedEvents, RevocationLogPage, Scan, SessionContext, SessionCursor,
    SessionData, SessionQuery, SessionsByMode, StatusListState, StatusRevocationPage, Store, StoreError,
    Transaction, VerifierKeyCursor,
};
use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationLogId, RevocationPosition, SessionId, UserId};

use super::PostgresStore;
use crate::reader_pool::{ListOwner, read};
use crate::tables::{
    admin_keys, audit_events, clients, counters, keys, metadata, pending_session_ends, revocation_log,
    session_data, sessions, status_indexes, users, verifier_keys, writers,
};
use crate::write_request::{Input, Output};
use crate::writer::message::Message;

/// Reads a list of `owner` with a connection for lists.
macro_rules! read_list {
    ($store:expr, $owner:expr, |$connection:ident| $query:expr) => {{
        let _place = $store.lists.admit($owner, &$store.metrics)?;
        read!($store.list_readers, |$connection| $query)
    }};
}

#[async_trait]
impl Store for PostgresStore {
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        read!(self.readers, |connection| sessions::find(connection, id))
    }

    async fn session_context(&self, id: SessionId) -> Result<Option<SessionContext>, StoreError> {
        read!(self.readers, |connection| sessions::find_context(connection, id))
    }

    async fn sessions_of(
        &self,
        user: UserId,
        page: Page<SessionCursor>,
        now: Time,
    ) -> Result<Vec<Session>, StoreError> {
        read_list!(self, ListOwner::User(user), |connection| sessions::page_of_user(
            connection, user, page, now
        ))
    }

    async fn count_active_sessions(&self, client: Option<ClientId>, now: Time) -> Result<u64, StoreError> {
        read_list!(self, ListOwner::Administration, |connection| sessions::count_active(
            connection,
            client.as_ref(),
            now
        ))
    }

    async fn count_sessions_by_mode(
        &self,
        portion: Page<SessionCursor>,
        now: Time,
    ) -> Result<PortionCount<SessionsByMode, SessionCursor>, StoreError> {
        read_list!(self, ListOwner::Administration, |connection| sessions::count_by_mode(
            connection, portion, now
        ))
    }

    async fn sessions(
        &self,
        query: &SessionQuery,
        page: Page<SessionCursor>,
        now: Time,
    ) -> Result<Scan<Session, SessionCursor>, StoreError> {
        let query = *query;
        read_list!(self, ListOwner::Administration, |connection| sessions::scan(
            connection, &query, page, now
        ))
    }

    async fn has_sessions_to_end(&self, user: UserId, except: Option<SessionId>) -> Result<bool, StoreError> {
        read!(self.readers, |connection| sessions::has_unended(connection, user, except))
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        read!(self.readers, |connection| users::find(connection, id))
    }

    async fn usernames(&self, ids: &[UserId]) -> Result<Vec<(UserId, String)>, StoreError> {
        let ids = ids.to_vec();
        read_list!(self, ListOwner::Administration, |connection| users::usernames(connection, &ids))
    }

    async fn user_by_login(&self, login: &LoginName) -> Result<Option<User>, StoreError> {
        read!(self.readers, |connection| users::find_by_login(connection, login))
    }

    async fn user_by_skeletons(&self, skeletons: &Skeletons) -> Result<Option<User>, StoreError> {
        read!(self.readers, |connection| users::find_by_skeletons(connection, skeletons))
    }

    async fn user_by_external_id(&self, id: &ExternalId) -> Result<Option<User>, StoreError> {
        read!(self.readers, |connection| users::find_by_external_id(connection, id))
    }

    async fn another_administrator(&self, user: UserId) -> Result<Option<User>, StoreError> {
        read_list!(self, ListOwner::Administration, |connection| users::another_administrator(
            connection, user
        ))
    }

    async fn users(&self, page: Page<String>) -> Result<Vec<User>, StoreError> {
        read_list!(self, ListOwner::Administration, |connection| users::page(connection, &page))
    }

    async fn users_before(&self, name: &str, limit: u32) -> Result<Vec<User>, StoreError> {
        read_list!(self, ListOwner::Administration, |connection| users::page_before(connection, name, limit))
    }

    async fn count_users(&self, portion: Page<String>) -> Result<PortionCount<u64, String>, StoreError> {
        read_list!(self, ListOwner::Administration, |connection| users::count(connection, &portion))
    }

    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        read!(self.readers, |connection| clients::find(connection, id))
    }

    async fn clients(&self, page: Page<ClientId>) -> Result<Vec<Client>, StoreError> {
        read_list!(self, ListOwner::Administration, |connection| clients::page(connection, &page))
    }

    async fn admin_key(&self, id: AdminKeyId) -> Result<Option<AdminKeyRecord>, StoreError> {
        read!(self.readers, |connection| admin_keys::find(connection, id))
    }

    async fn admin_keys(&self, page: Page<AdminKeyCursor>) -> Result<Vec<AdminKeyRecord>, StoreError> {
        read_list!(self, ListOwner::Administration, |connection| admin_keys::page(connection, page))
    }

    async fn verifier_key(&self, id: VerifierKeyId) -> Result<Option<VerifierKeyRecord>, StoreError> {
        read!(self.readers, |connection| verifier_keys::find(connection, id))
    }

    async fn verifier_keys(
        &self,
        page: Page<VerifierKeyCursor>,
    ) -> Result<Vec<VerifierKeyRecord>, StoreError> {
        read_list!(self, ListOwner::Administration, |connection| verifier_keys::page(connection, page))
    }

    async fn pending_session_ends(&self, limit: u32) -> Result<Vec<PendingSessionEnd>, StoreError> {
        read_list!(self, ListOwner::Administration, |connection| pending_session_ends::all(connection, limit))
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        read!(self.readers, |connection| keys::all(connection))
    }

    async fn revocation_log_after(
        &self,
        after: RevocationPosition,
        limit: NonZeroU32,
    ) -> Result<RevocationLogPage, StoreError> {
        read_list!(self, ListOwner::Administration, |connection| revocation_log::entries_after(
            connection, after, limit
        ))
    }

    async fn revocation_log_head(&self) -> Result<RevocationPosition, StoreError> {
        read!(self.readers, |connection| revocation_log::head(connection))
    }

    async fn revocation_log_id(&self) -> Result<RevocationLogId, StoreError> {
        read!(self.readers, |connection| revocation_log::id(connection))
    }

    async fn status_list_state(&self) -> Result<StatusListState, StoreError> {
        read!(self.readers, |connection| status_indexes::state(connection))
    }

    async fn status_revocations_after(
        &self,
        after: RevocationPosition,
        limit: NonZeroU32,
    ) -> Result<StatusRevocationPage, StoreError> {
        read_list!(self, ListOwner::Administration, |connection| status_indexes::revocations_after(
            connection, after, limit
        ))
    }

    async fn status_indexes_below(
        &self,
        client: Option<&ClientId>,
        below: RevocationPosition,
        after: Option<SessionId>,
    ) -> Result<Scan<StatusIndex, SessionId>, StoreError> {
        read_list!(self, ListOwner::Administration, |connection| status_indexes::below(
            connection, client, below, after
        ))
    }

    async fn session_data(&self, session: SessionId) -> Result<Option<SessionData>, StoreError> {
        read!(self.readers, |connection| session_data::find(connection, session))
    }

    async fn metadata(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        read!(self.readers, |connection| metadata::find(connection, key))
    }

    async fn metadata_with_prefix(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        read!(self.readers, |connection| metadata::find_with_prefix(connection, prefix))
    }

    async fn audit_events(
        &self,
        query: &AuditEventQuery,
    ) -> Result<Scan<(AuditEventNumber, AuditEvent), AuditEventNumber>, StoreError> {
        let query = query.clone();
        let owner = query.reader.map_or(ListOwner::Administration, ListOwner::User);
        read_list!(self, owner, |connection| audit_events::scan(connection, &query))
    }

    async fn newest_time(&self) -> Result<Time, StoreError> {
        read!(self.readers, |connection| writers::newest_time(connection))
    }

    async fn commit(&self, transaction: &Transaction) -> Result<CommitOutcome, StoreError> {
        match self.request(Input::Commit(transaction.clone())).await? {
            Output::Commit(outcome) => Ok(outcome),
            _ => Err(StoreError::Poisoned),
        }
    }

    async fn record_last_seen(&self, uses: &[LastSeen]) -> Result<(), StoreError> {
        self.request(Input::RecordLastSeen(uses.to_vec())).await.map(drop)
    }

    async fn increment_counters(
        &self,
        increments: &[CounterIncrement],
        now: Time,
    ) -> Result<Vec<CounterValue>, StoreError> {
        match self.request(Input::IncrementCounters(increments.to_vec(), now)).await? {
            Output::IncrementCounters(values) => Ok(values),
            _ => Err(StoreError::Poisoned),
        }
    }

    async fn counters(&self, keys: &[CounterKey], now: Time) -> Result<Vec<CounterValue>, StoreError> {
        read!(self.readers, |connection| counters::values(connection, keys, now))
    }

    async fn purge(&self, now: Time, limit: u32, expiries: ExpiryEvents) -> Result<u64, StoreError> {
        match self.request(Input::Purge(now, limit, expiries)).await? {
            Output::Purge(purged) => Ok(purged.rows),
            _ => Err(StoreError::Poisoned),
        }
    }

    async fn purge_audit_log(
        &self,
        retention: AuditRetention,
        now: Time,
        limit: u32,
    ) -> Result<PurgedEvents, StoreError> {
        match self.request(Input::PurgeAuditLog(retention, now, limit)).await? {
            Output::PurgeAuditLog(purged) => Ok(purged),
            _ => Err(StoreError::Poisoned),
        }
    }

    fn subscribe(&self, listener: Arc<dyn CommitListener>) {
        self.add_listener(listener);
    }

    fn metrics(&self) -> &StoreMetrics {
        &self.metrics
    }

    fn node_registry(&self) -> Option<&dyn NodeRegistry> {
        Some(self)
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.state.start_closing();
        let (reply, closed) = oneshot::channel();
        // If the writer has ended, the store is closed.
        if self.queue.send(Message::Close(reply)).await.is_ok() {
            let _ = closed.await;
        }
        self.readers.close();
        self.list_readers.close();
        self.node.close().await;
        Ok(())
    }
}
