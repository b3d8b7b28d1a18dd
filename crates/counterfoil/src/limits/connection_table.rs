//! The open connections of a listener by client IP, and which of them is closed to make room for another.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::task::AbortHandle;

use crate::limits::connection_activity::ConnectionActivity;
use crate::limits::quota::IpKey;

/// How many connections of one client IP are examined to find one without a request in progress. It bounds the work
/// for a new connection while an attacker keeps requests in progress on all of its connections.
const MAX_EXAMINED: usize = 64;

/// The open connections. A connection that is closed to make room leaves the table at once.
#[derive(Debug, Default)]
pub(super) struct ConnectionTable {
    next_id: u64,
    total: usize,
    sources: HashMap<IpKey, Source>,
    /// The number of connections of each client IP, to find the largest.
    by_count: BTreeSet<(usize, IpKey)>,
}

/// The connections of one client IP by their number. Later connections have larger numbers.
#[derive(Debug, Default)]
struct Source {
    connections: BTreeMap<u64, Entry>,
    /// Those that had time to send a request and have sent none.
    pending: BTreeSet<u64>,
    /// How many have not had this time yet.
    arriving: usize,
    /// Where the search for a connection without a request in progress continues.
    cursor: u64,
}

#[derive(Debug)]
struct Entry {
    activity: Arc<ConnectionActivity>,
    /// The task that serves the connection, as soon as it is known.
    task: Option<AbortHandle>,
    phase: Phase,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has not had time to send a request.
    Arriving,
    /// It had time to send a request and has sent none.
    Pending,
    /// It has sent a request.
    Heard,
}

impl ConnectionTable {
    /// The number of open connections.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// The number of open connections of one client IP.
    pub(super) fn count(&self, ip: &IpKey) -> usize {
        self.sources.get(ip).map_or(0, |source| source.connections.len())
    }

    /// The number of connections of one client IP that have sent no request, although they had time to.
    pub(super) fn pending_count(&self, ip: &IpKey) -> usize {
        self.sources.get(ip).map_or(0, |source| source.pending.len())
    }

    /// Whether a connection of this client IP has not had time to send a request.
    pub(super) fn has_arriving(&self, ip: &IpKey) -> bool {
        self.sources.get(ip).is_some_and(|source| source.arriving > 0)
    }

    /// The client IPs with the most connections, the largest first.
    pub(super) fn largest(&self) -> impl Iterator<Item = (usize, IpKey)> {
        self.by_count.iter().rev().copied()
    }

    /// The number of the next connection. Numbers are not used again.
    pub(super) fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Adds a connection.
    pub(super) fn insert(&mut self, ip: IpKey, id: u64, activity: Arc<ConnectionActivity>) {
        self.change(ip, |source| {
            source.arriving += 1;
            source.connections.insert(id, Entry { activity, task: None, phase: Phase::Arriving });
        });
    }

    /// Removes a connection. One that is no longer in the table is ignored.
    pub(super) fn remove(&mut self, ip: IpKey, id: u64) {
        self.change(ip, |source| {
            source.set_phase(id, Phase::Heard);
            source.connections.remove(&id);
        });
    }

    /// Sets the task that serves a connection, so that it can be closed.
    pub(super) fn set_task(&mut self, ip: &IpKey, id: u64, task: AbortHandle) {
        if let Some(entry) = self.sources.get_mut(ip).and_then(|source| source.connections.get_mut(&id)) {
            entry.task = Some(task);
        }
    }

    /// Sets how far a connection has come.
    pub(super) fn set_phase(&mut self, ip: &IpKey, id: u64, phase: Phase) {
        if let Some(source) = self.sources.get_mut(ip) {
            source.set_phase(id, phase);
        }
    }

    /// Closes the oldest connection of one client IP that has sent no request. Returns false without one.
    pub(super) fn close_oldest_pending(&mut self, ip: IpKey) -> bool {
        let oldest = self.sources.get(&ip).and_then(|source| source.pending.first().copied());
        oldest.is_some_and(|id| self.close(ip, id))
    }

    /// Closes a connection of one client IP without a request in progress: the oldest that has sent none, else one
    /// of the oldest. Returns false if none was found.
    pub(super) fn close_idle(&mut self, ip: IpKey) -> bool {
        if self.close_oldest_pending(ip) {
            return true;
        }
        let idle = self.sources.get_mut(&ip).and_then(Source::find_idle);
        idle.is_some_and(|id| self.close(ip, id))
    }

    /// Closes the oldest connection of one client IP, even with a request in progress.
    pub(super) fn close_oldest(&mut self, ip: IpKey) -> bool {
        let oldest = self.sources.get(&ip).and_then(|source| source.connections.keys().next().copied());
        oldest.is_some_and(|id| self.close(ip, id))
    }

    /// Ends the task of a connection, and with it the connection.
    fn close(&mut self, ip: IpKey, id: u64) -> bool {
        let entry = self.sources.get(&ip).and_then(|source| source.connections.get(&id));
        let Some(task) = entry.and_then(|entry| entry.task.as_ref()) else { return false };
        task.abort();
        self.remove(ip, id);
        true
    }

    /// Applies `change` and updates the counts. A client IP without connections takes no memory.
    fn change(&mut self, ip: IpKey, change: impl FnOnce(&mut Source)) {
        let source = self.sources.entry(ip).or_default();
        let before = source.connections.len();
        change(source);
        let after = source.connections.len();
        if after == 0 {
            self.sources.remove(&ip);
        }
        self.by_count.remove(&(before, ip));
        if after > 0 {
            self.by_count.insert((after, ip));
        }
        self.total = self.total + after - before;
    }
}

impl Source {
    fn set_phase(&mut self, id: u64, phase: Phase) {
        let Some(entry) = self.connections.get_mut(&id) else { return };
        match std::mem::replace(&mut entry.phase, phase) {
            Phase::Arriving => self.arriving -= 1,
            Phase::Pending => _ = self.pending.remove(&id),
            Phase::Heard => {}
        }
        match phase {
            Phase::Arriving => self.arriving += 1,
            Phase::Pending => _ = self.pending.insert(id),
            Phase::Heard => {}
        }
    }

    /// The oldest connection without a request in progress, among the next [`MAX_EXAMINED`].
    fn find_idle(&mut self) -> Option<u64> {
        let from_cursor = self.connections.range(self.cursor..);
        let up_to_cursor = self.connections.range(..self.cursor);
        for (id, entry) in from_cursor.chain(up_to_cursor).take(MAX_EXAMINED) {
            if entry.activity.is_idle() {
                return Some(*id);
            }
            self.cursor = id + 1;
        }
        None
    }
}
