//! A service of its own that verifies the tokens of the measured server: with its public keys only, or following the feed
//! of revocations, over real sockets.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use counterfoil_jose::Algorithm;
use counterfoil_verify::{FeedOptions, JwksOptions, Principal, RemoteVerifier, TokenVerifier};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::LoadError;
use crate::rig::clock::LabClock;
use crate::rig::listener;
use crate::rig::server::PROTECTED;

/// How long the first fetch may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running service.
pub struct Follower {
    /// Where it listens, on loopback.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), LoadError>>>,
}

/// What a service knows of revocations.
#[derive(Debug, Clone)]
pub enum Revocations {
    /// It follows the feed with this verifier key.
    Feed(String),
    /// It has the public keys only.
    KeysOnly,
}

/// How a service verifies tokens.
#[derive(Debug, Clone)]
pub struct ServiceOptions {
    /// The issuer of the tokens.
    pub issuer: SocketAddr,
    /// What it knows of revocations.
    pub revocations: Revocations,
    /// Where it reaches the issuer, if that is not at its own address.
    pub via: Option<SocketAddr>,
    /// For how much longer than its expiry it accepts a token; the default of a verifier without it.
    pub leeway: Option<Duration>,
    /// The time that it uses.
    pub clock: LabClock,
}

impl Follower {
    /// Starts a service with the defaults of a verifier.
    pub fn start(issuer: SocketAddr, revocations: Revocations) -> Result<Self, LoadError> {
        let clock = LabClock::default();
        Self::start_with(ServiceOptions { issuer, revocations, via: None, leeway: None, clock })
    }

    /// Starts a service on a thread of its own, and waits until it has the keys and, with a feed, is up to date.
    pub fn start_with(options: ServiceOptions) -> Result<Self, LoadError> {
        let (report, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("lab-service".to_owned());
        let thread = thread.spawn(move || serve_on_this_thread(&options, &report, stopped));
        let thread = thread.map_err(LoadError::start("a service"))?;
        match started.recv() {
            Ok(address) => Ok(Self { address, stop: Some(stop), thread: Some(thread) }),
            Err(_) => {
                let ended = thread.join().unwrap_or(Ok(()));
                Err(ended.err().unwrap_or(LoadError::Timeout("the start of a service")))
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve_on_this_thread(
    options: &ServiceOptions,
    report: &mpsc::Sender<SocketAddr>,
    stopped: oneshot::Receiver<()>,
) -> Result<(), LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(LoadError::start("a service"))?;
    let served = runtime.block_on(serve(options, report, stopped));
    runtime.shutdown_background();
    served
}

async fn serve(
    options: &ServiceOptions,
    report: &mpsc::Sender<SocketAddr>,
    stopped: oneshot::Receiver<()>,
) -> Result<(), LoadError> {
    let issuer = format!("http://{}", options.issuer);
    let mut tokens = TokenVerifier::builder(&issuer, &issuer, &[Algorithm::Es256]);
    if let Some(leeway) = options.leeway {
        tokens = tokens.leeway(leeway);
    }
    let base = format!("http://{}", options.via.unwrap_or(options.issuer));
    let invalid = LoadError::start("a service");
    let keys = JwksOptions::from_url(&format!("{base}/.well-known/jwks.json")).map_err(invalid)?;
    let clock = options.clock.clone();
    let builder = RemoteVerifier::builder(tokens).jwks(keys.clock(move || clock.now()));
    let verifier = match &options.revocations {
        Revocations::Feed(key) => {
            let feed = FeedOptions::new(key).base_url(&base).map_err(LoadError::start("a service"))?;
            builder.feed(feed).start()
        }
        Revocations::KeysOnly => builder.start(),
    };
    let verifier = verifier.map_err(LoadError::start("a service"))?;
    let first = async {
        verifier.wait_for_first_fetch().await;
        if matches!(options.revocations, Revocations::Feed(_)) {
            verifier.wait_until_fresh().await;
        }
    };
    timeout(TIMEOUT, first).await.map_err(|_| LoadError::Timeout("the first fetch of a service"))?;
    let (listener, address) = listener::bind().await?;
    let router = Router::new().route(PROTECTED, get(async |_: Principal| "ok")).layer(verifier.layer());
    let _ = report.send(address);
    listener::serve(listener, router, stopped).await
}
