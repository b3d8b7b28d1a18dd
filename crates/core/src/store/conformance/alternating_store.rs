//! A store that is two processes on one database, of which one executes a call and the other the next.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationLogId, RevocationPosition, SessionId, UserId};

use crate::credentials::admin_key::AdminKeyId;
use crate::credentials::verifier_key::VerifierKeyId;
use crate::model::admin_key::AdminKeyRecord;
use crate::model::audit_event::AuditEvent;
use crate::model::client::Client;
use crate::model::external_id::ExternalId;
use crate::model::key::KeyRecord;
use crate::model::session::Session;
use crate::model::status_index::StatusIndex;
use crate::model::user::User;
use crate::model::username::Skeletons;
use crate::model::verifier_key::VerifierKeyRecord;
use crate::store::metrics::StoreMetrics;
use crate::store::{
    AdminKeyCursor, AuditEventNumber, AuditEventQuery, AuditRetention, CommitListener, CommitOutcome,
    CounterIncrement, CounterKey, CounterValue, ExpiryEvents, LastSeen, LoginName, Page, PendingSessionEnd,
    PortionCount, PurgedEvents, RevocationLogPage, Scan, SessionContext, SessionCursor, SessionData,
    SessionQuery, SessionsByMode, StatusListState, StatusRevocationPage, Store, StoreError, Transaction,
    VerifierKeyCursor,
};

/// Two processes that have one database open. Each call is executed by the one that has not answered the last one.
pub struct AlternatingStore {
    stores: [Arc<dyn Store>; 2],
    answers: AtomicUsize,
}

impl AlternatingStore {
    /// A store of these two, which have the same database open.
    pub fn new(stores: [Arc<dyn Store>; 2]) -> Self {
        Self { stores, answers: AtomicUsize::new(0) }
    }

    /// The process that executes the next call.
    fn next(&self) -> &dyn Store {
        &*self.stores[self.answers.load(Ordering::SeqCst) % 2]
    }

    /// Passes an answer on, after which it is the turn of the other process. A call whose caller does not wait for the answer
    /// is followed by one to the same process: between two processes there is no order before the first has answered.
    fn answered<T>(&self, answer: T) -> T {
        self.answers.fetch_add(1, Ordering::SeqCst);
        answer
    }
}

#[async_trait]
impl Store for AlternatingStore {
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.answered(self.next().session(id).await)
    }

    async fn session_context(&self, id: SessionId) -> Result<Option<SessionContext>, StoreError> {
        self.answered(self.next().session_context(id).await)
    }

    async fn sessions_of(
        &self,
        user: UserId,
        page: Page<SessionCursor>,
        now: Time,
    ) -> Result<Vec<Session>, StoreError> {
        self.answered(self.next().sessions_of(user, page, now).await)
    }

    async fn count_active_sessions(&self, client: Option<ClientId>, now: Time) -> Result<u64, StoreError> {
        self.answered(self.next().count_active_sessions(client, now).await)
    }

    async fn count_sessions_by_mode(
        &self,
        portion: Page<SessionCursor>,
        now: Time,
    ) -> Result<PortionCount<SessionsByMode, SessionCursor>, StoreError> {
        self.answered(self.next().count_sessions_by_mode(portion, now).await)
    }

    async fn sessions(
        &self,
        query: &SessionQuery,
        page: Page<SessionCursor>,
        now: Time,
    ) -> Result<Scan<Session, SessionCursor>, StoreError> {
        self.answered(self.next().sessions(query, page, now).await)
    }

    async fn has_sessions_to_end(&self, user: UserId, except: Option<SessionId>) -> Result<bool, StoreError> {
        self.answered(self.next().has_sessions_to_end(user, except).await)
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.answered(self.next().user(id).await)
    }

    async fn usernames(&self, users: &[UserId]) -> Result<Vec<(UserId, String)>, StoreError> {
        self.answered(self.next().usernames(users).await)
    }

    async fn user_by_login(&self, login: &LoginName) -> Result<Option<User>, StoreError> {
        self.answered(self.next().user_by_login(login).await)
    }

    async fn user_by_skeletons(&self, skeletons: &Skeletons) -> Result<Option<User>, StoreError> {
        self.answered(self.next().user_by_skeletons(skeletons).await)
    }

    async fn user_by_external_id(&self, id: &ExternalId) -> Result<Option<User>, StoreError> {
        self.answered(self.next().user_by_external_id(id).await)
    }

    async fn another_administrator(&self, user: UserId) -> Result<Option<User>, StoreError> {
        self.answered(self.next().another_administrator(user).await)
    }

    async fn users(&self, page: Page<String>) -> Result<Vec<User>, StoreError> {
        self.answered(self.next().users(page).await)
    }

    async fn users_before(&self, name: &str, limit: u32) -> Result<Vec<User>, StoreError> {
        self.answered(self.next().users_before(name, limit).await)
    }

    async fn count_users(&self, portion: Page<String>) -> Result<PortionCount<u64, String>, StoreError> {
        self.answered(self.next().count_users(portion).await)
    }

    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.answered(self.next().client(id).await)
    }

    async fn clients(&self, page: Page<ClientId>) -> Result<Vec<Client>, StoreError> {
        self.answered(self.next().clients(page).await)
    }

    async fn admin_key(&self, id: AdminKeyId) -> Result<Option<AdminKeyRecord>, StoreError> {
        self.answered(self.next().admin_key(id).await)
    }

    async fn admin_keys(&self, page: Page<AdminKeyCursor>) -> Result<Vec<AdminKeyRecord>, StoreError> {
        self.answered(self.next().admin_keys(page).await)
    }

    async fn verifier_key(&self, id: VerifierKeyId) -> Result<Option<VerifierKeyRecord>, StoreError> {
        self.answered(self.next().verifier_key(id).await)
    }

    async fn verifier_keys(
        &self,
        page: Page<VerifierKeyCursor>,
    ) -> Result<Vec<VerifierKeyRecord>, StoreError> {
        self.answered(self.next().verifier_keys(page).await)
    }

    async fn pending_session_ends(&self, limit: u32) -> Result<Vec<PendingSessionEnd>, StoreError> {
        self.answered(self.next().pending_session_ends(limit).await)
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.answered(self.next().keys().await)
    }

    async fn revocation_log_after(
        &self,
        after: RevocationPosition,
        limit: NonZeroU32,
    ) -> Result<RevocationLogPage, StoreError> {
        self.answered(self.next().revocation_log_after(after, limit).await)
    }

    async fn revocation_log_head(&self) -> Result<RevocationPosition, StoreError> {
        self.answered(self.next().revocation_log_head().await)
    }

    async fn revocation_log_id(&self) -> Result<RevocationLogId, StoreError> {
        self.answered(self.next().revocation_log_id().await)
    }

    async fn status_list_state(&self) -> Result<StatusListState, StoreError> {
        self.answered(self.next().status_list_state().await)
    }

    async fn status_revocations_after(
        &self,
        after: RevocationPosition,
        limit: NonZeroU32,
    ) -> Result<StatusRevocationPage, StoreError> {
        self.answered(self.next().status_revocations_after(after, limit).await)
    }

    async fn status_indexes_below(
        &self,
        client: Option<&ClientId>,
        below: RevocationPosition,
        after: Option<SessionId>,
    ) -> Result<Scan<StatusIndex, SessionId>, StoreError> {
        self.answered(self.next().status_indexes_below(client, below, after).await)
    }

    async fn session_data(&self, session: SessionId) -> Result<Option<SessionData>, StoreError> {
        self.answered(self.next().session_data(session).await)
    }

    async fn metadata(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.answered(self.next().metadata(key).await)
    }

    async fn metadata_with_prefix(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.answered(self.next().metadata_with_prefix(prefix).await)
    }

    async fn audit_events(
        &self,
        query: &AuditEventQuery,
    ) -> Result<Scan<(AuditEventNumber, AuditEvent), AuditEventNumber>, StoreError> {
        self.answered(self.next().audit_events(query).await)
    }

    async fn newest_time(&self) -> Result<Time, StoreError> {
        self.answered(self.next().newest_time().await)
    }

    async fn commit(&self, transaction: &Transaction) -> Result<CommitOutcome, StoreError> {
        self.answered(self.next().commit(transaction).await)
    }

    async fn record_last_seen(&self, uses: &[LastSeen]) -> Result<(), StoreError> {
        self.answered(self.next().record_last_seen(uses).await)
    }

    async fn increment_counters(
        &self,
        increments: &[CounterIncrement],
        now: Time,
    ) -> Result<Vec<CounterValue>, StoreError> {
        self.answered(self.next().increment_counters(increments, now).await)
    }

    async fn counters(&self, counters: &[CounterKey], now: Time) -> Result<Vec<CounterValue>, StoreError> {
        self.answered(self.next().counters(counters, now).await)
    }

    async fn purge(&self, now: Time, limit: u32, expiries: ExpiryEvents) -> Result<u64, StoreError> {
        self.answered(self.next().purge(now, limit, expiries).await)
    }

    async fn purge_audit_log(
        &self,
        retention: AuditRetention,
        now: Time,
        limit: u32,
    ) -> Result<PurgedEvents, StoreError> {
        self.answered(self.next().purge_audit_log(retention, now, limit).await)
    }

    fn subscribe(&self, listener: Arc<dyn CommitListener>) {
        for store in &self.stores {
            store.subscribe(Arc::clone(&listener));
        }
    }

    fn metrics(&self) -> &StoreMetrics {
        self.stores[0].metrics()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.stores[0].close().await?;
        self.stores[1].close().await
    }
}
