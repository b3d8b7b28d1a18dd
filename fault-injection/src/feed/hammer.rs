//! Clients that present revoked tokens without pause, to find an acceptance after the revocation is in force (I1).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::feed::follower::{Verdict, View};
use crate::http::Request;
use crate::load::AsyncConnection;
use crate::rng::Rng;

/// The pause of a client between two requests.
const PAUSE: Duration = Duration::from_millis(1);

/// How many views a client asks for each request that it sends.
const VIEWS_PER_REQUEST: usize = 8;

/// A token, and the moment from which every verifier refuses it.
#[derive(Debug)]
pub struct Target {
    /// The access token.
    pub token: String,
    dead_at: OnceLock<Instant>,
}

/// The targets of all clients, and what they have found.
#[derive(Debug, Default)]
pub struct Targets {
    targets: Mutex<Vec<Arc<Target>>>,
    stop: AtomicBool,
    presented: AtomicUsize,
    /// Acceptances by requests that began after the token was dead.
    late: Mutex<Vec<String>>,
}

impl Target {
    /// From `at` on it must be refused.
    pub fn dies_at(&self, at: Instant) {
        let _ = self.dead_at.set(at);
    }

    fn is_dead(&self, at: Instant) -> bool {
        self.dead_at.get().is_some_and(|dead_at| *dead_at < at)
    }
}

impl Targets {
    /// Adds a token, which is valid still.
    pub fn add(&self, token: &str) -> Arc<Target> {
        let target = Arc::new(Target { token: token.to_owned(), dead_at: OnceLock::new() });
        self.lock().push(Arc::clone(&target));
        target
    }

    /// Ends all clients.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// How often a token was presented.
    pub fn presented(&self) -> usize {
        self.presented.load(Ordering::Relaxed)
    }

    /// The late acceptances so far.
    pub fn late(&self) -> Vec<String> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Presents tokens to the verifiers at `addresses`, two clients each, and to `views`, until stopped.
    pub async fn hammer(self: &Arc<Self>, addresses: &[SocketAddr], views: &Arc<Vec<Arc<View>>>) {
        let mut clients = JoinSet::new();
        for (number, address) in addresses.iter().chain(addresses).enumerate() {
            let (targets, address, views) = (Arc::clone(self), *address, Arc::clone(views));
            clients.spawn(async move { targets.present(address, &views, number as u64 + 1).await });
        }
        clients.join_all().await;
    }

    async fn present(&self, address: SocketAddr, views: &[Arc<View>], seed: u64) {
        let (mut connection, mut rng) = (AsyncConnection::new(address), Rng::from_seed(seed));
        while !self.stop.load(Ordering::SeqCst) {
            if let Some(target) = self.choose(&mut rng) {
                self.present_to(&mut connection, address, &target).await;
                for _ in 0..VIEWS_PER_REQUEST.min(views.len()) {
                    if let Some(view) = rng.choose(views) {
                        self.look(view, &target);
                    }
                }
            }
            sleep(PAUSE).await;
        }
    }

    async fn present_to(&self, connection: &mut AsyncConnection, address: SocketAddr, target: &Target) {
        let started_at = Instant::now();
        self.presented.fetch_add(1, Ordering::Relaxed);
        let response = connection.send(&Request::get("/").bearer(&target.token)).await;
        if response.is_ok_and(|response| response.status == 200) && target.is_dead(started_at) {
            self.report(format!("the verifier {address} accepted a revoked token"));
        }
    }

    fn look(&self, view: &View, target: &Target) {
        let started_at = Instant::now();
        self.presented.fetch_add(1, Ordering::Relaxed);
        if view.verify(&target.token) == Verdict::Accepted && target.is_dead(started_at) {
            self.report("a verifier in this process accepted a revoked token".to_owned());
        }
    }

    fn report(&self, violation: String) {
        self.late.lock().unwrap_or_else(PoisonError::into_inner).push(violation);
    }

    /// The newest target or any one.
    fn choose(&self, rng: &mut Rng) -> Option<Arc<Target>> {
        let targets = self.lock();
        if rng.chance(50) { targets.last().cloned() } else { rng.choose(&targets).cloned() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Target>>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
