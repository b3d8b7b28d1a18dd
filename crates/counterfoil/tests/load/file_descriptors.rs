//! No descriptor is left.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::test_server::Site;

/// Lowers the limit of this process, until it is dropped.
struct Few(Rlimit);

impl Few {
    /// So that there are `more` descriptors than those that are open.
    fn more(more: u64) -> Self {
        let (open, was) =
            (std::fs::read_dir("/proc/self/fd").unwrap().count() as u64, getrlimit(Resource::Nofile));
        setrlimit(Resource::Nofile, Rlimit { current: Some(open + more), maximum: was.maximum }).unwrap();
        Self(was)
    }
}

impl Drop for Few {
    fn drop(&mut self) {
        setrlimit(Resource::Nofile, self.0).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_descriptors_recovers_when_there_are_some() {
    let site = Site::with(|_| {}).await;
    site.probe().await;
    let few = Few::more(20);
    let mut held = Vec::new();
    // Both ends are ours: of each connection that is taken in two descriptors are gone.
    while let Ok(stream) = TcpStream::connect(site.at).await {
        held.push(stream);
        assert!(held.len() < 100, "the limit does not hold");
    }
    sleep(Duration::from_millis(300)).await;

    drop(held);
    drop(few);

    timeout(Duration::from_secs(10), site.probe()).await.unwrap();
}
