//! The shared session cache in Redis.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;

use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::store::session_cache::shared::{
    CachedSession, MAX_SHARED_AGE, SharedCacheMetrics, SharedLookup, SharedSessionCache,
};
use counterfoil_jose::HmacKey;
use counterfoil_verify::SessionId;

use crate::background_writes::BackgroundWrites;
use crate::link::Link;
use crate::url::RedisUrl;
use crate::value::{StoredValue, ValueCodec};

/// Active sessions in Redis or Valkey.
///
/// It connects in the background, and again when the connection is lost. A server that is down, slow, empty, replaced by an
/// older one, or that holds foreign values costs reads of the store and nothing else.
pub struct RedisSessionCache {
    link: Arc<Link>,
    codec: ValueCodec,
    writes: BackgroundWrites,
    /// They end when the cache is dropped.
    _tasks: JoinSet<()>,
}

impl RedisSessionCache {
    /// Starts to connect to `url`. Values are authenticated with `key`, which all processes of the installation have.
    ///
    /// `reload` reads the URL again: before each attempt to connect, and now and then while connected. If it has changed, a new
    /// connection is made.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn start(
        url: RedisUrl,
        key: HmacKey,
        reload: impl Fn() -> Option<RedisUrl> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let link = Arc::new(Link::default());
        let (writes, executing) = BackgroundWrites::new(Arc::clone(&link));
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&link).keep_connected(url, Box::new(reload)));
        tasks.spawn(executing);
        Arc::new(Self { link, codec: ValueCodec::new(key), writes, _tasks: tasks })
    }
}

#[async_trait]
impl SharedSessionCache for RedisSessionCache {
    async fn find(&self, presented: &SessionToken) -> SharedLookup {
        let mut command = redis::cmd("GET");
        command.arg(self.codec.key(presented.session()));
        match self.link.call::<Option<Vec<u8>>>(&command).await {
            Err(_) => SharedLookup::Unavailable,
            Ok(None) => SharedLookup::Absent,
            Ok(Some(value)) => match self.codec.decode(&value, presented) {
                StoredValue::Session(session) => SharedLookup::Found(session),
                StoredValue::Mark => SharedLookup::Absent,
                StoredValue::Unverified => SharedLookup::Unverified,
            },
        }
    }

    fn insert(&self, session: &CachedSession, age: Duration) {
        if let Some(value) = self.codec.encode(session) {
            self.writes.push(self.codec.key(session.session.id), value, age.min(MAX_SHARED_AGE));
        }
    }

    fn supersede(&self, session: SessionId, revision: Option<u64>) {
        let mark = ValueCodec::mark(revision).to_vec();
        self.writes.push(self.codec.key(session), mark, MAX_SHARED_AGE);
    }

    fn generation(&self) -> u64 {
        self.link.generation()
    }

    fn metrics(&self) -> &SharedCacheMetrics {
        &self.link.metrics
    }
}
