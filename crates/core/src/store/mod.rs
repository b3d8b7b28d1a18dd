//! Where it is kept: many reads, one write.
//!
//! The laws that every store is held to, beyond what the methods say:
//!
//! - What [`Store::commit`] has answered is durable: it survives the process, and the power.
//! - Changes of one commit are seen together or not at all, by every reader, from one moment on.
//! - Positions of the log are drawn in the order of commits, and none is drawn twice.
//! - An ended session never lives again, whatever is swapped, merged or inserted.
//! - A store never decides: it stores and compares.
//! - After a commit of unknown outcome a store refuses everything until it has been opened anew.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod metrics;
pub mod session_cache;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use counterfoil_jose::Time;
use counterfoil_verify::{
    ClientId, RevocationEntry, RevocationLogId, RevocationPosition, RevocationSubject, SessionId, UserId,
};

use crate::credentials::admin_key::AdminKeyId;
use crate::model::admin_key::AdminKeyRecord;
use crate::model::audit_event::AuditEvent;
use crate::model::client::Client;
use crate::model::key::KeyRecord;
use crate::model::session::{EndReason, Session, SessionEnd};
use crate::model::user::User;
use crate::store::metrics::StoreMetrics;

/// Where records are kept. Reads find; [`Store::commit`] is the only way to change anything.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The session `id`, live or not.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// The session `id` with all that it is judged by, read from one snapshot.
    async fn session_context(&self, id: SessionId) -> Result<Option<SessionContext>, StoreError>;

    /// Live sessions of `user` at `now`, the newest first; at most `page.limit`. What a mark has killed is not live.
    async fn sessions_of(
        &self,
        user: UserId,
        page: Page<SessionCursor>,
        now: Time,
    ) -> Result<Vec<Session>, StoreError>;

    /// The user `id`.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user who logs in with this name, or whose *verified* address this is.
    async fn user_by_login(&self, login: &LoginName) -> Result<Option<User>, StoreError>;

    /// Users in the order of their folded names, after the one named.
    async fn users(&self, page: Page<String>) -> Result<Vec<User>, StoreError>;

    /// The client `id`.
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError>;

    /// Clients in the order of their ids, after the one named.
    async fn clients(&self, page: Page<ClientId>) -> Result<Vec<Client>, StoreError>;

    /// The admin key `id`.
    async fn admin_key(&self, id: AdminKeyId) -> Result<Option<AdminKeyRecord>, StoreError>;

    /// Every admin key, the oldest first.
    async fn admin_keys(&self) -> Result<Vec<AdminKeyRecord>, StoreError>;

    /// Every key of the installation.
    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError>;

    /// Every entry of the log after `after`, with the head, from one snapshot.
    async fn revocation_log_after(&self, after: RevocationPosition) -> Result<RevocationLogPage, StoreError>;

    /// The head of the log: whatever is committed later stands behind it.
    async fn revocation_log_head(&self) -> Result<RevocationPosition, StoreError>;

    /// Which log it is, of all logs that there are.
    async fn revocation_log_id(&self) -> Result<RevocationLogId, StoreError>;

    /// The data of a session, `None` if none was ever kept.
    async fn session_data(&self, session: SessionId) -> Result<Option<SessionData>, StoreError>;

    /// A fact about the installation, by its name.
    async fn metadata(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Lines of the journal, the newest first.
    async fn audit_events(
        &self,
        query: &AuditEventQuery,
    ) -> Result<Vec<(AuditEventNumber, AuditEvent)>, StoreError>;

    /// The newest time that any record holds: the clock never starts before it.
    async fn newest_time(&self) -> Result<Time, StoreError>;

    /// Applies every change in one durable transaction, or none.
    ///
    /// [`CommitOutcome::Conflict`] names the first change whose expectation no longer held. If `changes` append to
    /// the log, their positions are drawn last, so that the order of positions is the order of commits.
    ///
    /// Once it was handed over a commit is carried out whether or not the caller waits for it.
    async fn commit(&self, changes: &[Change]) -> Result<CommitOutcome, StoreError>;

    /// Writes down that sessions were used. Each moves `seen_at` forward, never back, and raises the revision of
    /// a session that has not ended; for all others it changes nothing.
    ///
    /// No witness is told: nobody is judged more strictly because a session was used, and whoever remembers
    /// sessions has seen the use first.
    async fn record_last_seen(&self, uses: &[LastSeen]) -> Result<(), StoreError>;

    /// Spends from durable counters, each in one statement, and tells what their windows hold now, in the same
    /// order. Of callers who spend at the same time each is told another sum.
    async fn increment_counters(
        &self,
        increments: &[CounterIncrement],
        now: Time,
    ) -> Result<Vec<CounterValue>, StoreError>;

    /// What the windows of these counters hold, in the same order, read from one snapshot. A counter that is not
    /// there, or whose window is over, holds nothing until `now`.
    async fn counters(&self, counters: &[CounterKey], now: Time) -> Result<Vec<CounterValue>, StoreError>;

    /// Drops what has expired at `now`, at most `limit` rows; returns how many. `now` is a settled time: what
    /// is dropped by a clock that is later set back would be missed.
    async fn purge(&self, now: Time, limit: u32) -> Result<u64, StoreError>;

    /// Tells `witness` of every commit, in their order, before any caller is answered.
    fn subscribe(&self, listener: Arc<dyn CommitListener>);

    /// What it has had to do since it was opened.
    fn metrics(&self) -> &StoreMetrics;

    /// Writes a consistent copy to the new file `to`, while work goes on.
    async fn backup(&self, to: &Path) -> Result<(), StoreError>;

    /// Finishes what was handed over, and closes. What comes later is refused.
    async fn close(&self) -> Result<(), StoreError>;
}

/// Who is told of every commit: the memory in front of a store, which must be exact.
///
/// The store's one writer calls it after the commit and before any caller is answered, also for a caller
/// who no longer waits.
pub trait CommitListener: Send + Sync {
    /// `changes` are durable, with this result.
    fn on_commit(&self, changes: &[Change], applied: &AppliedChanges);

    /// A commit failed with unknown outcome: nothing that was held in memory can be relied on.
    fn on_failure(&self);
}

/// One change, or one expectation. A commit takes a list of them.
#[derive(Debug, Clone)]
pub enum Change {
    /// Expects that the user's epoch is still this one.
    ExpectEpoch(UserId, u64),
    /// Expects that the client's revision is still this one.
    ExpectClient(ClientId, u64),
    /// Expects that the session is live at this time.
    ExpectActive(SessionId, Time),
    /// Expects that the admin key has not been removed.
    ExpectAdminKey(AdminKeyId),
    /// Inserts a user; lost if the id or the folded name is taken.
    InsertUser(Box<User>),
    /// Puts a user in the place of its predecessor, by revision.
    ReplaceUser(Box<User>),
    /// Removes a user with all their sessions, the data of those, and the admin keys that they made; lost if
    /// there is none.
    ///
    /// It appends nothing: what kills the user's tokens stands beside it in the same commit.
    RemoveUser(UserId),
    /// Inserts a session; lost if the id is taken, or if its user or client is unknown.
    InsertSession(Box<Session>),
    /// Puts a session in the place of its predecessor, by revision; lost if that has ended. Whose it is, through
    /// which client and when and how it was opened never changes: lost if any of them differs.
    ReplaceSession(Box<Session>),
    /// Ends a session if it has not ended yet, and then appends its entry to the log.
    EndSession(SessionId, SessionEnding),
    /// Ends every session of a user that has not ended yet, but `except`; one entry for each.
    EndSessionsOf {
        /// Whose.
        user: UserId,
        /// The one that is spared.
        except: Option<SessionId>,
        /// How they end.
        ending: SessionEnding,
    },
    /// Ends the live sessions of a user but `except` and the `keep` newest of the others; one entry for each.
    EndOldestSessionsOf {
        /// Whose.
        user: UserId,
        /// The one that is spared whatever its age: the login that this commit is about.
        except: SessionId,
        /// How many others are spared.
        keep: u32,
        /// How they end; its time is that by which a session is live.
        ending: SessionEnding,
    },
    /// Sets the `pos` of a session to the last position that this commit draws (or the head). Lost if the session
    /// has ended or lies below a mark: nothing brings back what a mark has killed.
    ///
    /// Its revision rises: who has read it before would put the old `pos` back.
    RefreshPosition(SessionId),
    /// The same for every session of a user that has not ended and lies below no mark.
    RefreshPositionsOf(UserId),
    /// The same for every cookie session that has not ended and lies below no mark.
    RefreshCookiePositions,
    /// Merges a patch into the session's data (RFC 7396), member by member, in one statement.
    ///
    /// Lost if the session is not live at `now`, if the data's revision is not `expected`, or if the
    /// outcome would have more than `limit` bytes.
    MergeData {
        /// Whose data.
        session: SessionId,
        /// The patch: an object.
        patch: serde_json::Map<String, serde_json::Value>,
        /// The revision that the client has seen (`If-Match`); 0 stands for no data yet.
        expected_revision: Option<u64>,
        /// The most bytes that the outcome may have.
        max_bytes: usize,
        /// When.
        now: Time,
    },
    /// Inserts a client; lost if the id is taken.
    InsertClient(Box<Client>),
    /// Puts a client in the place of its predecessor, by revision.
    ReplaceClient(Box<Client>),
    /// Inserts a key; lost if the id is taken.
    InsertKey(Box<KeyRecord>),
    /// Puts a key in the place of its predecessor, by revision.
    ReplaceKey(Box<KeyRecord>),
    /// Appends to the log.
    AppendRevocation {
        /// What is revoked.
        subject: RevocationSubject,
        /// Why.
        reason: EndReason,
        /// When: a lower bound of the position, in Unix milliseconds.
        at: Time,
        /// How long it must be remembered; `None`: for ever (keys).
        remember_until: Option<Time>,
    },
    /// Begins another log: it has this id, and every position that is drawn from here on, by this commit too, lies
    /// above `after`. What the log held it still holds.
    ///
    /// For a store that was put back from a backup: whoever has followed the former log must hear that it is over.
    StartRevocationLog {
        /// Its id.
        id: RevocationLogId,
        /// A position that no position of the former log lies above.
        after: RevocationPosition,
    },
    /// Raises a durable mark to the last position that this commit draws: what a user, a client or everyone
    /// was given so far stays dead when the log has forgotten it. A mark never falls, whatever is swapped.
    SetCutoff(CutoffScope),
    /// Sets a fact.
    SetMetadata(&'static str, Vec<u8>),
    /// Sets a durable counter, whatever it held, with the end of its window.
    SetCounter(CounterKey, CounterValue),
    /// Writes a line in the journal.
    RecordEvent(Box<AuditEvent>),
    /// Records this audit event for each session that this commit has ended since its previous `RecordSessionEnds`,
    /// with that session, its user and its client filled in.
    RecordSessionEnds(Box<AuditEvent>),
    /// Inserts an admin key; lost if the id is taken, or if the user who made it is unknown.
    InsertAdminKey(Box<AdminKeyRecord>),
    /// Removes an admin key; lost if there is none.
    RemoveAdminKey(AdminKeyId),
    /// Removes every admin key that a user made, and writes this line for each, with the id of the key.
    RemoveAdminKeysOf(UserId, Box<AuditEvent>),
}

/// That a session was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSeen {
    /// Which.
    pub session: SessionId,
    /// When.
    pub at: Time,
}

/// How a session ends: when, why, and how long verifiers must remember it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionEnding {
    /// When and why.
    pub end: SessionEnd,
    /// When its last access token has certainly expired.
    pub remember_until: Time,
}

/// Whose `cutoff` is raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CutoffScope {
    /// One user's.
    User(UserId),
    /// One client's.
    Client(ClientId),
    /// The store's own.
    Everyone,
}

/// What became of a commit.
#[derive(Debug, Clone)]
#[must_use]
pub enum CommitOutcome {
    /// All of it is durable.
    Applied(AppliedChanges),
    /// Nothing was changed: the change with this index no longer held.
    Conflict(usize),
}

/// What a commit has done beyond what it was told.
#[derive(Debug, Clone, Default)]
pub struct AppliedChanges {
    /// The entries that it appended to the log, in their order.
    pub entries: Vec<RevocationEntry>,
    /// The sessions that it ended.
    pub ended_sessions: Vec<SessionId>,
    /// The session data after the last merge.
    pub session_data: Option<SessionData>,
}

/// A session with all that it is judged by.
#[derive(Debug, Clone)]
pub struct SessionContext {
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
    /// Its client.
    pub client: Client,
    /// The store's own mark.
    pub global_cutoff: RevocationPosition,
    /// The head of the log: whatever could end the session and is not in here stands behind it.
    pub revocation_log_head: RevocationPosition,
}

/// Part of the log, from one snapshot.
#[derive(Debug, Clone, Default)]
pub struct RevocationLogPage {
    /// The entries, in their order.
    pub entries: Vec<RevocationEntry>,
    /// The head.
    pub head: RevocationPosition,
}

/// What an application keeps with a session: one JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionData {
    /// The object.
    pub members: serde_json::Map<String, serde_json::Value>,
    /// Counts its changes; the first merge makes 1.
    pub revision: u64,
}

/// What somebody logs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginName {
    /// A folded username.
    Username(String),
    /// An e-mail address in lower case; only a verified one finds anybody.
    Email(String),
}

impl LoginName {
    /// The text that is looked up.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Username(text) | Self::Email(text) => text,
        }
    }
}

/// Which part of a list.
#[derive(Debug, Clone)]
pub struct Page<C> {
    /// After which row; `None`: from the beginning.
    pub after: Option<C>,
    /// How many rows at most.
    pub limit: u32,
}

/// A place in a list of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionCursor {
    /// When the session was opened.
    pub authenticated_at: Time,
    /// Which it is, among those of the same time.
    pub id: SessionId,
}

/// The number of a line of the journal.
pub type AuditEventNumber = u64;

/// Which lines of the journal.
#[derive(Debug, Clone, Default)]
pub struct AuditEventQuery {
    /// Of this user alone.
    pub user: Option<UserId>,
    /// Of this session alone.
    pub session: Option<SessionId>,
    /// Only what has revoked everything of a client, or everything of everyone.
    pub cutoffs_only: bool,
    /// Older than this line.
    pub before: Option<AuditEventNumber>,
    /// How many at most.
    pub limit: u32,
}

/// The name of a durable counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CounterKey(pub String);

/// What is taken from a durable counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterIncrement {
    /// From which.
    pub key: CounterKey,
    /// How much.
    pub amount: u32,
    /// How long its window is, if it begins with this.
    pub window: Duration,
}

/// What a durable counter holds after something was taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterValue {
    /// How much was taken in the present window, this time included.
    pub count: u64,
    /// When the window ends and the counter begins anew.
    pub resets_at: Time,
}

/// Something that the store could not do. Ours, never the client's: 503, and the cause in the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Not now: busy, full, read-only or out of reach. Nothing was changed.
    #[error("the store cannot be used now: {reason}")]
    Unavailable {
        /// What is the matter.
        reason: &'static str,
        /// What the back end said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A commit failed and its outcome is unknown; the store refuses everything until it is opened anew.
    #[error("the store has failed and must be opened anew")]
    Poisoned,
    /// A record that cannot be read: damaged, or written by somebody else.
    #[error("a record in the store cannot be read: {detail}")]
    Corrupt {
        /// Which kind of record and what is wrong.
        detail: &'static str,
        /// What the back end said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// It was closed.
    #[error("the store is closed")]
    Closed,
}

impl CommitOutcome {
    /// The result, if it was applied.
    pub fn applied(self) -> Option<AppliedChanges> {
        match self {
            Self::Applied(applied) => Some(applied),
            Self::Conflict(_) => None,
        }
    }
}

impl SessionContext {
    /// Whether user and client are enabled and no mark lies above what the session was judged by.
    ///
    /// # Errors
    ///
    /// Says which of them it is.
    pub fn check_access(&self) -> Result<(), crate::client_error::InvalidCredential> {
        use crate::client_error::InvalidCredential;

        if !self.user.is_enabled() || !self.client.enabled {
            return Err(InvalidCredential::Disabled);
        }
        let cutoff = self.user.cutoff.max(self.client.cutoff).max(self.global_cutoff);
        if self.session.pos < cutoff {
            return Err(InvalidCredential::RevokedByCutoff);
        }
        Ok(())
    }
}
