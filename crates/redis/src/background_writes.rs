//! Writes to the cache, for which no request waits.

use std::sync::Arc;
use std::time::Duration;

use redis::Cmd;
use tokio::sync::{Semaphore, mpsc};

use counterfoil_core::store::session_cache::shared::SharedCacheMetrics;

use crate::link::Link;

/// The most writes that wait: half a megabyte. More are dropped, which costs a read of the store each.
const MAX_WAITING: usize = 4096;

/// How many writes are under way at a time.
const MAX_CONCURRENT: usize = 64;

/// Stores a value unless the key has a higher revision: the first three bytes, big endian. Anything else under the
/// key is replaced.
const SCRIPT: &str = r"
local function revision(value)
  local a, b, c = string.byte(value, 1, 3)
  return (a * 256 + b) * 256 + c
end
local old = redis.pcall('GET', KEYS[1])
if type(old) == 'string' and #old >= 3 and revision(old) > revision(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
";

struct Write {
    key: Vec<u8>,
    value: Vec<u8>,
    age: Duration,
}

/// The queue of writes.
pub(crate) struct BackgroundWrites {
    queue: mpsc::Sender<Write>,
    link: Arc<Link>,
}

impl BackgroundWrites {
    /// The queue, and the task that executes it until the queue is dropped.
    pub(crate) fn new(link: Arc<Link>) -> (Self, impl Future<Output = ()> + Send) {
        let (queue, waiting) = mpsc::channel(MAX_WAITING);
        (Self { queue, link: Arc::clone(&link) }, execute(link, waiting))
    }

    /// Queues a write.
    pub(crate) fn push(&self, key: Vec<u8>, value: Vec<u8>, age: Duration) {
        if self.queue.try_send(Write { key, value, age }).is_err() {
            SharedCacheMetrics::count(&self.link.metrics.dropped_writes);
        }
    }
}

async fn execute(link: Arc<Link>, mut waiting: mpsc::Receiver<Write>) {
    let places = Arc::new(Semaphore::new(MAX_CONCURRENT));
    while let Some(write) = waiting.recv().await {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let link = Arc::clone(&link);
        tokio::spawn(async move {
            if link.call::<()>(&write.command()).await.is_err() {
                SharedCacheMetrics::count(&link.metrics.dropped_writes);
            }
            drop(place);
        });
    }
}

impl Write {
    fn command(&self) -> Cmd {
        let age_ms = u64::try_from(self.age.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = redis::cmd("EVAL");
        command.arg(SCRIPT).arg(1).arg(&self.key).arg(&self.value).arg(age_ms);
        command
    }
}
