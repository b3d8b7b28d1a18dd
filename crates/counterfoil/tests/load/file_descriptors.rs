//! The server recovers after it ran out of file descriptors.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::test_server::TestServer;

/// Lowers the descriptor limit of this process. Dropping it restores the limit.
struct DescriptorLimit(Rlimit);

impl DescriptorLimit {
    /// Leaves `free` descriptors above the open ones.
    fn with_free(free: u64) -> Self {
        let (open, previous) =
            (std::fs::read_dir("/proc/self/fd").unwrap().count() as u64, getrlimit(Resource::Nofile));
        setrlimit(Resource::Nofile, Rlimit { current: Some(open + free), maximum: previous.maximum })
            .unwrap();
        Self(previous)
    }
}

impl Drop for DescriptorLimit {
    fn drop(&mut self) {
        setrlimit(Resource::Nofile, self.0).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_free_descriptors_recovers_when_some_are_closed() {
    let server = TestServer::with_settings(|_| {}).await;
    server.probe().await;
    let limit = DescriptorLimit::with_free(20);
    let mut open = Vec::new();
    // Both ends are in this process, so each accepted connection uses two descriptors.
    while let Ok(stream) = TcpStream::connect(server.address).await {
        open.push(stream);
        assert!(open.len() < 100, "the limit has no effect");
    }
    sleep(Duration::from_millis(300)).await;

    drop(open);
    drop(limit);

    timeout(Duration::from_secs(10), server.probe()).await.unwrap();
}
