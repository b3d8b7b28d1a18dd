//! The measured server: a bare route, the same route behind the layer, and all routes of Counterfoil, in this process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use counterfoil::operator::Command;
use counterfoil::operator::inspection::IssuerCheck;
use counterfoil::{App, Counterfoil, Principal, SessionId, Settings, WriteRateLimits};
use counterfoil_core::model::session::Session;
use counterfoil_core::services::login_rate_limiter::RateLimit;
use counterfoil_core::store::Store as _;
use counterfoil_jose::Secret;
use counterfoil_sqlite::SqliteStore;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::LoadError;
use crate::machine::affinity;
use crate::rig::clock::LabClock;
use crate::rig::listener;

/// The name of the user of the lab.
pub const USERNAME: &str = "lab";
/// The password of the user of the lab, whose server listens on loopback only and has a temporary store.
pub const PASSWORD: &str = "correct horse battery staple";
/// The path of the handler without authentication.
pub const BARE: &str = "/bare";
/// The path of the same handler behind the layer.
pub const PROTECTED: &str = "/protected";
/// The body of both: 2 bytes.
const BODY: &str = "ok";

/// The cost of a password hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hashing {
    /// Minimal, so that many thousand logins take seconds.
    Cheap,
    /// The default of an installation.
    Default,
}

/// How a server is started.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The directory of the store. A store that exists is opened.
    pub dir: PathBuf,
    /// The cost of its password hashes.
    pub hashing: Hashing,
    /// Whether its threads run on the core of the server.
    pub is_pinned: bool,
    /// How long the answer to a refresh is repeated. With zero, each refresh is a rotation, and so a commit.
    pub reuse_grace: Duration,
    /// The time that it uses.
    pub clock: LabClock,
    /// How many access tokens it caches.
    pub token_cache_size: usize,
}

/// A running server.
pub struct MeasuredServer {
    /// Where it listens, on loopback.
    pub address: SocketAddr,
    app: App,
    store: Arc<SqliteStore>,
    runtime: Handle,
    /// A key with which services follow the feed.
    pub verifier_key: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), LoadError>>>,
}

/// What the thread of the server reports when it listens.
struct Started {
    address: SocketAddr,
    app: App,
    store: Arc<SqliteStore>,
    runtime: Handle,
    verifier_key: String,
}

impl MeasuredServer {
    /// Starts a server on a thread of its own, and waits until it listens.
    pub fn start(options: ServerOptions) -> Result<Self, LoadError> {
        let (report, started) = mpsc::channel::<Started>();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("lab-server".to_owned());
        let thread = thread.spawn(move || serve_on_this_thread(&options, &report, stopped));
        let thread = thread.map_err(LoadError::start("the measured server"))?;
        match started.recv() {
            Ok(Started { address, app, store, runtime, verifier_key }) => {
                let (stop, thread) = (Some(stop), Some(thread));
                Ok(Self { address, app, store, runtime, verifier_key, stop, thread })
            }
            Err(_) => {
                Err(join(thread).err().unwrap_or(LoadError::Timeout("the start of the measured server")))
            }
        }
    }

    /// The session with this id, as it is stored.
    pub fn session(&self, id: SessionId) -> Result<Option<Session>, LoadError> {
        self.runtime.block_on(self.store.session(id)).map_err(LoadError::start("a read of the store"))
    }

    /// The position of the newest entry of the revocation log.
    pub fn revocation_log_head(&self) -> Result<u64, LoadError> {
        let head = self.runtime.block_on(self.store.revocation_log_head());
        Ok(head.map_err(LoadError::start("a read of the store"))?.number())
    }

    /// Runs a command of an operator.
    pub fn administer(&self, command: Command) -> Result<(), LoadError> {
        let answer = self.runtime.block_on(self.app.administer(command));
        answer.map(drop).map_err(LoadError::start("a command of an operator"))
    }

    /// What it says about a token that names one of its keys.
    pub fn check(&self, token: &str) -> Option<IssuerCheck> {
        IssuerCheck::of(&self.app, token)
    }

    /// Closes the store under the running server: every later read and write fails.
    pub fn close_store(&self) -> Result<(), LoadError> {
        self.runtime.block_on(self.store.close()).map_err(LoadError::start("the end of the store"))
    }

    /// How often it has read from the store.
    pub fn store_reads(&self) -> u64 {
        self.store.metrics().reads.snapshot().count()
    }

    /// How often it has written to the store.
    pub fn store_commits(&self) -> u64 {
        self.store.metrics().commits.snapshot().count()
    }

    /// Stops it at once, also in the middle of responses, and closes its store.
    pub fn stop(mut self) -> Result<(), LoadError> {
        self.stop.take();
        self.thread.take().map_or(Ok(()), join)
    }
}

impl Drop for MeasuredServer {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // The error that ends the run is more interesting than this one.
            let _ = join(thread);
        }
    }
}

fn join(thread: JoinHandle<Result<(), LoadError>>) -> Result<(), LoadError> {
    thread.join().unwrap_or(Err(LoadError::Timeout("the end of the measured server")))
}

fn serve_on_this_thread(
    options: &ServerOptions,
    report: &mpsc::Sender<Started>,
    stopped: oneshot::Receiver<()>,
) -> Result<(), LoadError> {
    if options.is_pinned {
        // Before the first thread is started, because threads inherit it.
        affinity::pin_to(affinity::SERVER_CORE).map_err(LoadError::start("the measured server"))?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(LoadError::start("the measured server"))?;
    let served = runtime.block_on(serve(options, report, stopped));
    // Ends the connections.
    runtime.shutdown_timeout(Duration::from_secs(5));
    served
}

async fn serve(
    options: &ServerOptions,
    report: &mpsc::Sender<Started>,
    stopped: oneshot::Receiver<()>,
) -> Result<(), LoadError> {
    let (listener, address) = listener::bind().await?;
    let (counterfoil, store) = open(options, address).await?;
    let verifier_key = prepare(counterfoil.app()).await?;
    let router = router(counterfoil.app());
    let runtime = Handle::current();
    let app = counterfoil.app().clone();
    let _ = report.send(Started { address, app, store, runtime, verifier_key });
    listener::serve(listener, router, stopped).await?;
    counterfoil.close().await.map_err(|error| LoadError::start("the measured server")(error))
}

/// The same handler without authentication and with it, and the routes of Counterfoil.
fn router(app: &App) -> Router {
    Router::new()
        .route(PROTECTED, get(async |_: Principal| BODY))
        .layer(app.layer())
        .route(BARE, get(async || BODY))
        .merge(app.routes())
}

/// Opens the store. One client stands for thousands, so limits of one client are off.
async fn open(
    options: &ServerOptions,
    address: SocketAddr,
) -> Result<(Counterfoil, Arc<SqliteStore>), LoadError> {
    let store =
        SqliteStore::open(&options.dir.join("counterfoil.db")).map_err(LoadError::start("the store"))?;
    let (data_dir, hashing, reuse_grace) = (options.dir.clone(), options.hashing, options.reuse_grace);
    let token_cache_size = options.token_cache_size;
    let configure = move |settings: &mut Settings| {
        settings.data_dir = Some(data_dir);
        settings.refresh_reuse_grace = reuse_grace;
        settings.token_cache_size = token_cache_size;
        settings.write_rate_limits = WriteRateLimits::off();
        settings.max_sessions = None;
        settings.password_hashing_max_share = 100;
        let off = RateLimit { max: u32::MAX, window: Duration::from_secs(1) };
        settings.rate_limits.successful_per_account = off;
        settings.rate_limits.successful_per_ip = off;
        settings.rate_limits.registrations_per_ip = off;
        if hashing == Hashing::Cheap {
            (settings.argon2.memory_kib, settings.argon2.iterations) = (8, 1);
        }
    };
    let builder = Counterfoil::builder().issuer(format!("http://{address}")).store(Arc::clone(&store));
    let clock = options.clock.clone();
    let opened = builder.clock(move || clock.read()).configure(configure).open().await;
    Ok((opened.map_err(LoadError::start("the measured server"))?, store))
}

/// Adds the user of the lab, if it does not exist, and returns a new verifier key.
async fn prepare(app: &App) -> Result<String, LoadError> {
    let user = Command::UserAdd {
        username: USERNAME.to_owned(),
        password: Secret::new(PASSWORD.to_owned()),
        email: None,
        roles: Vec::new(),
    };
    let shown = app.administer(Command::UserShow { user: USERNAME.to_owned(), ip: None }).await;
    if shown.is_err() {
        app.administer(user).await.map_err(LoadError::start("the measured server"))?;
    }
    let key = app.administer(Command::VerifierKeyAdd { name: "lab".to_owned() }).await;
    let key = key.map_err(LoadError::start("the measured server"))?;
    Ok(key["key"].as_str().unwrap_or_default().to_owned())
}
