//! The revocations that a verifier holds in memory: read for each request, changed by each publication.

pub(crate) mod freshness;
pub(crate) mod log;
pub(crate) mod query;
mod subject_hash;
mod sync;
mod table;
#[cfg(feature = "ended")]
mod waiters;

use std::fmt;
use std::sync::{Arc, PoisonError};

use counterfoil_jose::Time;

use crate::revocation::freshness::Freshness;
use crate::revocation::log::{RevocationEntry, RevocationPosition, RevocationSubject, SubjectKind};
use crate::revocation::query::RevocationQuery;
use crate::revocation::subject_hash::SubjectHash;
use crate::revocation::sync::{ArcSwap, Mutex};
use crate::revocation::table::{Table, TableEntry};
#[cfg(feature = "ended")]
use crate::revocation::waiters::{Waiter, Waiters};

/// The number of tables over which the sessions, tokens and users are distributed. A publication copies only
/// the tables that it changes: with a million entries, about 170 KB each.
const SHARDS: usize = 256;

/// The active revocations of a revocation log.
///
/// Readers see one immutable view that is replaced as a whole: they never wait, and the head that they see is
/// never ahead of the entries. An entry is removed only when it expires; merging a snapshot removes nothing.
/// An entry takes about 45 bytes; without entries nothing is allocated.
///
/// ```
/// use counterfoil_verify::{
///     RevocationEntry, RevocationPosition, RevocationQuery, RevocationSubject, Revocations, SessionId, Time,
/// };
///
/// let session = SessionId::from_bytes([1; 16]);
/// let revocations = Revocations::new();
/// revocations.publish(
///     &[RevocationEntry {
///         position: RevocationPosition::new(8),
///         subject: RevocationSubject::Session(session),
///         until: Some(Time::from_unix_seconds(1_764_001_020)),
///     }],
///     RevocationPosition::new(8),
/// );
///
/// let query = RevocationQuery::new(RevocationPosition::new(9)).session(session);
/// assert!(revocations.check(&query).revoked.is_some());
/// assert_eq!(revocations.head(), RevocationPosition::new(8));
/// ```
pub struct Revocations {
    view: ArcSwap<View>,
    /// Serializes publications. Readers never lock it.
    publishing: Mutex<()>,
    #[cfg(feature = "ended")]
    waiters: Waiters,
}

/// What one view of the revocations says about a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct RevocationStatus {
    /// The kind of entry that revokes the credential, if one does.
    pub revoked: Option<SubjectKind>,
    /// How long the view is valid. Compare it with a clock that is read after the lookup.
    pub freshness: Freshness,
}

#[derive(Clone)]
struct View {
    head: RevocationPosition,
    freshness: Freshness,
    /// Sessions, tokens and users: empty, or `SHARDS` tables.
    ids: Vec<Arc<Table>>,
    /// Few entries, usually none.
    clients: Table,
    keys: Table,
    everyone: Option<TableEntry>,
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new()
    }
}

impl Revocations {
    /// An empty set that is always fresh: for the process that publishes the revocations.
    pub fn new() -> Self {
        Self::with_freshness(Freshness::Always)
    }

    /// An empty set with this freshness. A verifier that follows a feed starts with [`Freshness::NEVER`], so that it accepts
    /// nothing before the first poll.
    pub fn with_freshness(freshness: Freshness) -> Self {
        let view = View {
            head: RevocationPosition::START,
            freshness,
            ids: Vec::new(),
            clients: Table::default(),
            keys: Table::default(),
            everyone: None,
        };
        Self {
            view: ArcSwap::from_pointee(view),
            publishing: Mutex::new(()),
            #[cfg(feature = "ended")]
            waiters: Waiters::default(),
        }
    }

    /// Merges `entries` and moves the head forward to `head`; the head never moves back.
    ///
    /// When it returns, every thread sees both. No thread ever sees the head without the entries. Then it wakes the
    /// connections that wait for one of the entries (`Principal::ended`).
    pub fn publish(&self, entries: &[RevocationEntry], head: RevocationPosition) {
        self.change(|view| {
            view.merge(entries, Time::EPOCH);
            view.head = view.head.max(head);
        });
        #[cfg(feature = "ended")]
        self.waiters.wake(entries);
    }

    /// Sets how long the current view is valid. Renew a lease only after all entries of a complete poll are
    /// published.
    pub fn set_freshness(&self, freshness: Freshness) {
        self.change(|view| view.freshness = freshness);
    }

    /// Removes the entries that have expired at `now`: every credential that they revoke has expired too.
    pub fn prune(&self, now: Time) {
        self.change(|view| view.prune(now));
    }

    /// How long the current view is valid.
    pub fn freshness(&self) -> Freshness {
        self.view.load().freshness
    }

    /// The position up to which all entries are known.
    pub fn head(&self) -> RevocationPosition {
        self.view.load().head
    }

    /// The number of revoked subjects.
    pub fn len(&self) -> usize {
        self.view.load().len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A waiter for the entries that concern `query`; see [`Waiters::register`].
    #[cfg(feature = "ended")]
    pub(crate) fn waiter(&self, query: &RevocationQuery) -> Waiter {
        self.waiters.register(query)
    }

    /// How many `Principal::ended` wait.
    #[cfg(feature = "ended")]
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// The heap memory of the entries, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.view.load().memory_bytes()
    }

    /// Looks up all subjects of a credential in one view.
    pub fn check(&self, query: &RevocationQuery) -> RevocationStatus {
        self.view.load().check(|| query)
    }

    /// As [`Revocations::check`], but builds the query only if there are entries.
    pub(crate) fn check_with<'a>(&self, query: impl FnOnce() -> &'a RevocationQuery) -> RevocationStatus {
        self.view.load().check(query)
    }

    /// The kind of entry that revokes the credential, if one does. It ignores the freshness: for the issuer
    /// itself.
    pub fn revoked_by(&self, query: &RevocationQuery) -> Option<SubjectKind> {
        self.check(query).revoked
    }

    fn change(&self, change: impl FnOnce(&mut View)) {
        // The view is replaced only at the end, so a panic of another publisher has left it unchanged.
        let _publishing = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut view = View::clone(&self.view.load());
        change(&mut view);
        self.view.store(Arc::new(view));
    }
}

impl View {
    fn check<'a>(&self, query: impl FnOnce() -> &'a RevocationQuery) -> RevocationStatus {
        let revoked = if self.is_empty() { None } else { self.find_revocation(query()) };
        RevocationStatus { revoked, freshness: self.freshness }
    }

    const fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.clients.len() == 0 && self.keys.len() == 0 && self.everyone.is_none()
    }

    /// An entry for a session, a token or a key applies whatever the position of the credential: a thief of a
    /// key can write any position, and a session ends with all its tokens. Other entries apply to earlier
    /// credentials only.
    fn find_revocation(&self, query: &RevocationQuery) -> Option<SubjectKind> {
        let is_later = |entry: TableEntry| query.position < entry.position;
        if !self.ids.is_empty() {
            if self.find_id(query.session).is_some() {
                return Some(SubjectKind::Session);
            }
            if self.find_id(query.token).is_some() {
                return Some(SubjectKind::Token);
            }
            if self.find_id(query.user).is_some_and(is_later) {
                return Some(SubjectKind::User);
            }
        }
        if query.key.is_some_and(|key| self.keys.find(key).is_some()) {
            return Some(SubjectKind::Key);
        }
        if query.client.and_then(|client| self.clients.find(client)).is_some_and(is_later) {
            return Some(SubjectKind::Client);
        }
        self.everyone.is_some_and(is_later).then_some(SubjectKind::Everyone)
    }

    fn find_id(&self, hash: Option<SubjectHash>) -> Option<TableEntry> {
        hash.and_then(|hash| self.ids[shard_of(hash)].find(hash))
    }

    fn merge(&mut self, entries: &[RevocationEntry], now: Time) {
        let mut by_shard: Vec<Vec<(SubjectHash, TableEntry)>> = Vec::new();
        let (mut clients, mut keys) = (Vec::new(), Vec::new());
        for RevocationEntry { position, subject, until } in entries {
            let entry = TableEntry { position: *position, until: *until };
            match (subject, SubjectHash::for_subject(subject)) {
                (RevocationSubject::Client(_), Some(hash)) => clients.push((hash, entry)),
                (RevocationSubject::Key(_), Some(hash)) => keys.push((hash, entry)),
                (_, Some(hash)) => {
                    by_shard.resize_with(SHARDS, Vec::new);
                    by_shard[shard_of(hash)].push((hash, entry));
                }
                (_, None) => self.everyone = Some(self.everyone.map_or(entry, |known| known.merge(entry))),
            }
        }
        self.merge_ids(&by_shard, now);
        merge_into(&mut self.clients, &clients, now);
        merge_into(&mut self.keys, &keys, now);
    }

    fn merge_ids(&mut self, by_shard: &[Vec<(SubjectHash, TableEntry)>], now: Time) {
        if self.ids.is_empty() && !by_shard.is_empty() {
            self.ids = vec![Arc::default(); SHARDS];
        }
        for (table, added) in self.ids.iter_mut().zip(by_shard).filter(|(_, added)| !added.is_empty()) {
            *table = Arc::new(table.merged_with(added, now));
        }
    }

    fn prune(&mut self, now: Time) {
        let is_retained = |entry: &TableEntry| entry.is_retained(now);
        for table in self.ids.iter_mut().filter(|table| !table.iter().all(|(_, entry)| is_retained(&entry))) {
            *table = Arc::new(table.merged_with(&[], now));
        }
        if self.ids.iter().all(|table| table.len() == 0) {
            self.ids = Vec::new();
        }
        self.clients = self.clients.merged_with(&[], now);
        self.keys = self.keys.merged_with(&[], now);
        self.everyone = self.everyone.filter(is_retained);
    }

    fn len(&self) -> usize {
        let ids: usize = self.ids.iter().map(|table| table.len()).sum();
        ids + self.clients.len() + self.keys.len() + usize::from(self.everyone.is_some())
    }

    fn memory_bytes(&self) -> usize {
        let ids: usize = self.ids.iter().map(|table| size_of::<Arc<Table>>() + table.memory_bytes()).sum();
        ids + self.clients.memory_bytes() + self.keys.memory_bytes()
    }
}

fn merge_into(table: &mut Table, added: &[(SubjectHash, TableEntry)], now: Time) {
    if !added.is_empty() {
        *table = table.merged_with(added, now);
    }
}

/// The table of a hash, chosen by bits that choose neither its slot nor its bits in the filter.
fn shard_of(hash: SubjectHash) -> usize {
    (hash.bits() >> 24) as usize % SHARDS
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let view = self.view.load();
        f.debug_struct("Revocations")
            .field("head", &view.head)
            .field("len", &view.len())
            .field("freshness", &view.freshness)
            .finish()
    }
}
