//! Limits how many new connections are served before their first request, so that a burst does not delay established
//! ones.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::limits::quota::IpKey;

/// The number of connections per CPU that may be served without having sent a request. The requests of that many
/// connections may arrive at once and delay others.
const MAX_ADMITTED_PER_CPU: usize = 4;

/// How long a new connection waits at most. Then it is served all the same: many client IPs at once delay new
/// connections by this much, and no more.
const MAX_WAIT: Duration = Duration::from_millis(100);

/// Counts the connections that are served and have not sent a request yet, and admits further ones in turn: one of each
/// client IP. So a client that connects without end does not delay the connections of others.
///
/// `cargo xtask soak load-spike` measures it together with the low priority of the hash threads. The p99
/// latency of other requests during 1,000 logins was 25-138 ms without both, and 1-8 ms with both and a Tokio
/// event interval of 8.
#[derive(Debug, Clone)]
pub(crate) struct AdmissionControl(Arc<Mutex<Queue>>);

#[derive(Debug)]
struct Queue {
    free: usize,
    waiting: HashMap<IpKey, VecDeque<oneshot::Sender<AdmissionPermit>>>,
    /// The client IPs with waiting connections, each once, in the order of their turns.
    turns: VecDeque<IpKey>,
}

/// Counts one connection as admitted until it is dropped.
#[derive(Debug)]
pub(crate) struct AdmissionPermit(AdmissionControl);

impl AdmissionControl {
    /// Starts without connections.
    pub(crate) fn new() -> Self {
        Self::with_limit(MAX_ADMITTED_PER_CPU * available_parallelism().map_or(1, usize::from))
    }

    fn with_limit(free: usize) -> Self {
        Self(Arc::new(Mutex::new(Queue { free, waiting: HashMap::new(), turns: VecDeque::new() })))
    }

    /// Waits until a connection of `ip` may be served. After [`MAX_WAIT`] it returns `None`: the connection is served
    /// without being counted.
    pub(crate) async fn admit(&self, ip: IpKey) -> Option<AdmissionPermit> {
        let turn = {
            let mut queue = self.lock();
            if queue.free > 0 {
                queue.free -= 1;
                return Some(AdmissionPermit(self.clone()));
            }
            queue.push(ip)
        };
        timeout(MAX_WAIT, turn).await.ok()?.ok()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The queue is consistent after each of its methods, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AdmissionPermit {
    fn drop(&mut self) {
        let next = self.0.lock().pop();
        if let Some(next) = next {
            // If that connection has given up, this drops the new permit, and the next one gets it.
            let _ = next.send(Self(self.0.clone()));
        }
    }
}

impl Queue {
    fn push(&mut self, ip: IpKey) -> oneshot::Receiver<AdmissionPermit> {
        let (sender, receiver) = oneshot::channel();
        let waiting = self.waiting.entry(ip).or_default();
        if waiting.is_empty() {
            self.turns.push_back(ip);
        }
        waiting.push_back(sender);
        receiver
    }

    /// The connection whose turn is next. Without one, another may be admitted later.
    fn pop(&mut self) -> Option<oneshot::Sender<AdmissionPermit>> {
        while let Some(ip) = self.turns.pop_front() {
            let Some(waiting) = self.waiting.get_mut(&ip) else { continue };
            // Those that have given up no longer wait.
            let next = std::iter::from_fn(|| waiting.pop_front()).find(|sender| !sender.is_closed());
            if waiting.is_empty() {
                self.waiting.remove(&ip);
            } else {
                self.turns.push_back(ip);
            }
            if next.is_some() {
                return next;
            }
        }
        self.free += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    const CROWD: IpKey = [1; 17];
    const OTHER: IpKey = [2; 17];

    /// Starts to wait for a connection of `ip`.
    async fn wait(admission: &AdmissionControl, ip: IpKey) -> JoinHandle<Option<AdmissionPermit>> {
        let admission = admission.clone();
        let waiting = tokio::spawn(async move { admission.admit(ip).await });
        yield_now().await;
        waiting
    }

    #[tokio::test]
    async fn beyond_the_limit_a_connection_waits_for_a_permit_or_the_timeout() {
        let admission = AdmissionControl::with_limit(2);
        let first = admission.admit(CROWD).await;
        let second = admission.admit(CROWD).await;
        assert!(first.is_some() && second.is_some());

        assert!(admission.admit(CROWD).await.is_none(), "it is served without a permit");

        drop(first);
        assert!(admission.admit(CROWD).await.is_some());
    }

    #[tokio::test]
    async fn a_crowd_of_one_ip_delays_a_connection_of_another_by_one_turn() {
        let admission = AdmissionControl::with_limit(1);
        let permit = admission.admit(CROWD).await;
        let first_of_crowd = wait(&admission, CROWD).await;
        let second_of_crowd = wait(&admission, CROWD).await;
        let other = wait(&admission, OTHER).await;

        drop(permit);
        let permit = first_of_crowd.await.unwrap();
        drop(permit);

        assert!(other.await.unwrap().is_some());
        assert!(second_of_crowd.await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_connection_that_has_given_up_takes_no_turn() {
        let admission = AdmissionControl::with_limit(1);
        let permit = admission.admit(CROWD).await;
        let gone = wait(&admission, CROWD).await;
        let other = wait(&admission, OTHER).await;
        gone.abort();
        let _ = gone.await;

        drop(permit);

        assert!(other.await.unwrap().is_some());
        assert_eq!(admission.lock().free, 1, "the permit of the last one is available again");
    }
}
