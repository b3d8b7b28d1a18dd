//! What entry before its time, as a verifier holds it: asked at each request, changed at each publication.

pub(crate) mod freshness;
pub(crate) mod log;
pub(crate) mod subject_hash;
mod table;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use counterfoil_jose::Time;

use crate::revocation::freshness::Freshness;
use crate::revocation::log::{RevocationEntry, RevocationPosition, RevocationSubject, SubjectKind};
use crate::revocation::subject_hash::{RevocationQuery, SubjectHash};
use crate::revocation::table::{Table, TableEntry};

/// Into how many tables the sessions, tokens and users are by_shard. A publication copies those alone
/// that it changes: with a million entries, some 170 KB for each.
const SHARDS: usize = 256;

/// The live part of the revocation log (protocol: one log).
///
/// Readers see one immutable view, swapped whole: they wait for nobody, and the head that they see
/// never runs ahead of the entries. An entry leaves by its own term alone; merging a snapshot takes
/// nothing away. About 45 bytes an entry, nothing at all where there is none.
///
/// ```
/// use counterfoil_jose::Time;
/// use counterfoil_verify::{RevocationEntry, RevocationPosition, RevocationQuery, Revocations, SessionId, RevocationSubject};
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
    /// One publication at a time; readers never take it.
    publishing: Mutex<()>,
}

/// What the revocations know of a credential, from one view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct RevocationStatus {
    /// By which entry it is revoked, if it is.
    pub revoked: Option<SubjectKind>,
    /// How long the view may be relied on; compare it with a clock that is read after the query.
    pub freshness: Freshness,
}

#[derive(Clone)]
struct View {
    head: RevocationPosition,
    freshness: Freshness,
    /// Sessions, tokens and users: empty, or `SHARDS` tables.
    ids: Vec<Arc<Table>>,
    /// Few or none, so they are looked for only if there are any.
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
    /// Nothing is revoked, and nothing has been heard: fit for the process that publishes.
    pub fn new() -> Self {
        Self::with_freshness(Freshness::Always)
    }

    /// Nothing is revoked; relied on for as long as `freshness` says. A verifier that follows a feed
    /// begins with `Freshness::Until(Time::EPOCH)`, which never holds.
    pub fn with_freshness(freshness: Freshness) -> Self {
        let view = View {
            head: RevocationPosition::START,
            freshness,
            ids: Vec::new(),
            clients: Table::default(),
            keys: Table::default(),
            everyone: None,
        };
        Self { view: ArcSwap::from_pointee(view), publishing: Mutex::new(()) }
    }

    /// Merges `entries` and moves the head to `head`, never back.
    ///
    /// When it returns, every thread sees both; at no instant does one see the head without them.
    pub fn publish(&self, entries: &[RevocationEntry], head: RevocationPosition) {
        self.change(|view| {
            view.merge(entries, Time::EPOCH);
            view.head = view.head.max(head);
        });
    }

    /// Sets how long the present view may be relied on: a lease is renewed after the entries of a
    /// complete poll have been published.
    pub fn set_freshness(&self, freshness: Freshness) {
        self.change(|view| view.freshness = freshness);
    }

    /// Forgets the entries whose term is over at `now`: all that they killed has expired.
    pub fn prune(&self, now: Time) {
        self.change(|view| view.prune(now));
    }

    /// The position up to which all entries are known.
    pub fn head(&self) -> RevocationPosition {
        self.view.load().head
    }

    /// How many subjects are current.
    pub fn len(&self) -> usize {
        self.view.load().len()
    }

    /// Whether none is current.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that the entries take.
    pub fn memory_bytes(&self) -> usize {
        self.view.load().bytes()
    }

    /// Looks for all names of a credential in one view.
    pub fn check(&self, query: &RevocationQuery) -> RevocationStatus {
        self.view.load().status(|| query)
    }

    /// The same, for a query that is made only if something is revoked.
    pub(crate) fn check_with<'a>(&self, query: impl FnOnce() -> &'a RevocationQuery) -> RevocationStatus {
        self.view.load().status(query)
    }

    /// By which entry the credential is revoked, if it is. For whoever needs no lease: the issuer itself.
    pub fn revoked_as(&self, query: &RevocationQuery) -> Option<SubjectKind> {
        self.check(query).revoked
    }

    fn change(&self, change: impl FnOnce(&mut View)) {
        // The view is swapped whole at the end: a panic of another publisher left it as it was.
        let _publishing = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut view = View::clone(&self.view.load());
        change(&mut view);
        self.view.store(Arc::new(view));
    }
}

impl View {
    fn probed<'a>(&self, query: impl FnOnce() -> &'a RevocationQuery) -> RevocationStatus {
        let revoked = if self.is_empty() { None } else { self.revoked(query()) };
        RevocationStatus { revoked, freshness: self.freshness }
    }

    const fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.clients.len() == 0 && self.keys.len() == 0 && self.everyone.is_none()
    }

    /// A key, a session or a token is dead whatever the position says: who holds the key writes any
    /// position, and a session's tokens die with it. All other entries end what came before them.
    fn revoked(&self, query: &RevocationQuery) -> Option<SubjectKind> {
        let is_earlier = |entry: TableEntry| query.position < entry.position;
        if !self.ids.is_empty() {
            if self.find_id(query.session).is_some() {
                return Some(SubjectKind::Session);
            }
            if self.find_id(query.token).is_some() {
                return Some(SubjectKind::Token);
            }
            if self.find_id(query.user).is_some_and(is_earlier) {
                return Some(SubjectKind::User);
            }
        }
        if query.key.is_some_and(|key| self.keys.find(key).is_some()) {
            return Some(SubjectKind::Key);
        }
        if query.client.and_then(|client| self.clients.find(client)).is_some_and(is_earlier) {
            return Some(SubjectKind::Client);
        }
        self.everyone.is_some_and(is_earlier).then_some(SubjectKind::Everyone)
    }

    fn find_id(&self, hash: Option<SubjectHash>) -> Option<TableEntry> {
        hash.and_then(|hash| self.ids[shard_of(hash)].find(hash))
    }

    fn merge(&mut self, entries: &[RevocationEntry], now: Time) {
        let mut by_shard: Vec<Vec<(SubjectHash, TableEntry)>> = Vec::new();
        let (mut clients, mut keys) = (Vec::new(), Vec::new());
        for entry in entries {
            let entry = TableEntry { position: entry.position, until: entry.until };
            let hash = SubjectHash::for_subject(&entry.subject);
            match (&entry.subject, hash) {
                (RevocationSubject::Client(_), Some(hash)) => clients.push((hash, entry)),
                (RevocationSubject::Key(_), Some(hash)) => keys.push((hash, entry)),
                (_, Some(hash)) => {
                    by_shard.resize_with(SHARDS, Vec::new);
                    by_shard[shard_of(hash)].push((hash, entry));
                }
                (_, None) => {
                    self.everyone = Some(self.everyone.map_or(entry, |current| current.merge(entry)))
                }
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

    fn bytes(&self) -> usize {
        let ids: usize = self.ids.iter().map(|table| size_of::<Arc<Table>>() + table.bytes()).sum();
        ids + self.clients.bytes() + self.keys.bytes()
    }
}

fn merge_into(table: &mut Table, added: &[(SubjectHash, TableEntry)], now: Time) {
    if !added.is_empty() {
        *table = table.merged_with(added, now);
    }
}

/// Bits of the fingerprint that choose neither its slot nor its bits in the filter.
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
