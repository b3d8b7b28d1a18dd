//! Reads of lists: on a thread and a connection of their own, so that no other request waits for them.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use counterfoil_core::store::StoreError;
use counterfoil_core::store::metrics::StoreMetrics;
use counterfoil_verify::UserId;

use crate::reader_pool::ReaderPool;
use crate::state::StoreState;

/// The most lists that wait or are read at a time: all of them, and those of one user.
const MAX_WAITING: usize = 256;
const MAX_WAITING_OF_USER: usize = 16;

/// Whose list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ListOwner {
    /// A user, who lists what belongs to them.
    User(UserId),
    /// An administrator, or a job of the server.
    Administration,
}

/// Reads lists, one after the other.
///
/// A list has up to a thousand rows and takes some milliseconds. On the threads that serve requests, a few users who list
/// what they have in a loop would delay everybody. Here they wait for each other, and each of them has a share of the
/// queue.
pub(crate) struct ListLane {
    pool: ReaderPool,
    metrics: Arc<StoreMetrics>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<(ListOwner, Job)>,
    /// The lists of each owner that wait or are read.
    counts: HashMap<ListOwner, usize>,
    total: usize,
    is_closed: bool,
}

/// Reads one list and answers the caller.
type Job = Box<dyn FnOnce(&ReaderPool) + Send>;

impl ListLane {
    /// Opens a connection to `path` and starts the thread, which ends when the lane is closed.
    pub(crate) fn start(
        path: &Path,
        state: Arc<StoreState>,
        metrics: Arc<StoreMetrics>,
    ) -> rusqlite::Result<Arc<Self>> {
        let pool = ReaderPool::open(path, 1, state, Arc::clone(&metrics))?;
        let (queue, changed) = (Mutex::default(), Condvar::new());
        let lane = Arc::new(Self { pool, metrics, queue, changed });
        let of_thread = Arc::clone(&lane);
        let started = std::thread::Builder::new().name("sqlite-lists".into()).spawn(move || of_thread.run());
        match started {
            Ok(_) => Ok(lane),
            Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(Box::new(error))),
        }
    }

    /// Reads a list of `owner`, when those that were requested before are read. A caller that stops waiting cancels it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] at once if too many lists wait.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        owner: ListOwner,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = move |pool: &ReaderPool| {
            if !reply.is_closed() {
                let _ = reply.send(pool.read(query));
            }
        };
        self.push(owner, Box::new(job))?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    fn push(&self, owner: ListOwner, job: Job) -> Result<(), StoreError> {
        let mut queue = self.lock();
        if queue.is_closed {
            return self.pool.read(|_| Ok(()));
        }
        if !queue.admit(owner) {
            self.metrics.list_refused();
            return Err(StoreError::Unavailable { reason: "too many lists are being read", source: None });
        }
        queue.jobs.push_back((owner, job));
        self.changed.notify_one();
        Ok(())
    }

    fn run(&self) {
        while let Some((owner, job)) = self.next_job() {
            // Without an answer the caller gets an error.
            let _ = catch_unwind(AssertUnwindSafe(|| job(&self.pool)));
            self.lock().release(owner);
        }
    }

    /// Waits for a job; `None` once the lane is closed.
    fn next_job(&self) -> Option<(ListOwner, Job)> {
        let is_idle = |queue: &mut Queue| queue.jobs.is_empty() && !queue.is_closed;
        let mut queue = self.changed.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        if queue.is_closed { None } else { queue.jobs.pop_front() }
    }

    /// Refuses what waits and every later list, and closes the connection after the read in progress.
    pub(crate) fn close(&self) {
        let waiting = {
            let mut queue = self.lock();
            queue.is_closed = true;
            std::mem::take(&mut queue.jobs)
        };
        self.changed.notify_all();
        drop(waiting);
        self.pool.close();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Counts a list of `owner`, if there is room for it.
    fn admit(&mut self, owner: ListOwner) -> bool {
        let count = self.counts.get(&owner).copied().unwrap_or_default();
        let max = match owner {
            ListOwner::User(_) => MAX_WAITING_OF_USER,
            ListOwner::Administration => MAX_WAITING,
        };
        let has_room = self.total < MAX_WAITING && count < max;
        if has_room {
            self.counts.insert(owner, count + 1);
            self.total += 1;
        }
        has_room
    }

    fn release(&mut self, owner: ListOwner) {
        self.total -= 1;
        match self.counts.get_mut(&owner) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                self.counts.remove(&owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::file::open;

    fn lane() -> (Arc<ListLane>, open::OpenedDatabase) {
        let opened = open::open_temporary().unwrap();
        let lane = ListLane::start(&opened.path, Arc::default(), Arc::default()).unwrap();
        (lane, opened)
    }

    #[tokio::test]
    async fn a_user_has_a_share_of_the_queue_and_the_others_are_served() {
        let (lane, _opened) = lane();
        let (release, blocked) = mpsc::channel::<()>();
        let (ada, bob) =
            (ListOwner::User(UserId::from_bytes([1; 16])), ListOwner::User(UserId::from_bytes([2; 16])));
        // Occupies the thread until the sender is dropped.
        lane.push(ada, Box::new(move |_| while blocked.recv().is_ok() {})).unwrap();
        for _ in 1..MAX_WAITING_OF_USER {
            lane.push(ada, Box::new(|_| ())).unwrap();
        }

        let refused = lane.read(ada, |_| Ok(())).await;
        let other =
            lane.read(bob, |connection| connection.query_row("SELECT 7", [], |row| row.get::<_, i64>(0)));
        let (_, other) = tokio::join!(async { drop(release) }, other);

        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
        assert_eq!(other.unwrap(), 7);
        assert_eq!(lane.metrics.lists_refused(), 1);
        assert_eq!(lane.read(ada, |_| Ok(1)).await.unwrap(), 1, "the share is free again");
        lane.close();
    }

    #[tokio::test]
    async fn a_closed_lane_refuses_waiting_and_later_lists() {
        let (lane, _opened) = lane();
        let (release, blocked) = mpsc::channel::<()>();
        lane.push(ListOwner::Administration, Box::new(move |_| while blocked.recv().is_ok() {})).unwrap();
        let waiting = lane.read(ListOwner::Administration, |_| Ok(()));
        let closing = async {
            lane.close();
            drop(release);
        };
        let (waiting, ()) = tokio::join!(waiting, closing);

        assert!(matches!(waiting, Err(StoreError::Closed)));
        assert!(matches!(lane.read(ListOwner::Administration, |_| Ok(())).await, Err(StoreError::Closed)));
    }
}
