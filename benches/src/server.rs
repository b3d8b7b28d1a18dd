//! The measured server: a bare route, the same route with Counterfoil's layer, and Counterfoil's own routes.

use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use clap::Args;
use counterfoil::operator::Command;
use counterfoil::{App, CacheUrl, Counterfoil, IssuerUrl, Principal, Settings, StoreUrl, WriteRateLimits};
use counterfoil_core::services::login_rate_limiter::RateLimit;
use counterfoil_jose::Secret;
use counterfoil_load::machine::affinity;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::empty_layer::EmptyLayer;

/// The name of the only user.
pub(crate) const USERNAME: &str = "bench";
/// The password of the only user.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// The master key of the temporary databases, which nodes on one database share.
const MASTER_KEY: &str = "y6WLT_t-_Vy0wM44xoIfJkyC6nELVlb-zH9oxMBZM18";
/// The body of the responses of the measured routes.
pub(crate) const BODY: &str = "hello";

/// The options of the measured server.
#[derive(Args)]
pub(crate) struct Options {
    /// Hashes passwords with minimal cost, so that a hundred thousand logins take seconds.
    #[arg(long)]
    cheap_hashing: bool,
    /// The issuer, if it is not at the address of the server.
    #[arg(long)]
    issuer: Option<IssuerUrl>,
    /// Serves this filled store instead of a new one with one user.
    #[arg(long)]
    store: Option<PathBuf>,
    /// Serves the filled store in this PostgreSQL database.
    #[arg(long, conflicts_with = "store")]
    database: Option<StoreUrl>,
    /// A Redis server before the database.
    #[arg(long, requires = "database")]
    cache: Option<CacheUrl>,
    /// How many sessions are cached in memory; by default as many as by default in an installation.
    #[arg(long)]
    session_cache_size: Option<usize>,
}

/// Serves until standard input ends.
pub(crate) fn run(options: &Options) -> Result<()> {
    // Before the first thread is started, because threads inherit it.
    affinity::pin_to(affinity::SERVER_CORE)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(serve(options))
}

async fn serve(options: &Options) -> Result<()> {
    let dir = tempfile::Builder::new().prefix("counterfoil-bench-").tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let counterfoil = open(options, dir.path(), address).await?;
    let router = router(counterfoil.app()).into_make_service_with_connect_info::<SocketAddr>();

    println!("{address}");
    // Without it a small response may wait for the client's acknowledgement.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).with_graceful_shutdown(end_of_input()).await?;
    counterfoil.close().await?;
    Ok(dir.close()?)
}

/// The measured routes: the same handler without authentication, behind a layer that does nothing, and with authentication.
pub(crate) fn router(app: &App) -> Router {
    Router::new()
        .route("/protected", get(async |_: Principal| BODY))
        .layer(app.layer())
        .merge(Router::new().route("/layered", get(async || BODY)).layer(EmptyLayer::default()))
        .route("/bare", get(async || BODY))
        .merge(app.routes())
}

/// Opens the store, without rate limits of changes. Without a refresh grace period each refresh is a rotation, and so a
/// commit.
async fn open(options: &Options, dir: &std::path::Path, address: SocketAddr) -> Result<Counterfoil> {
    let file = || StoreUrl::Sqlite(options.store.clone().unwrap_or_else(|| dir.join("counterfoil.db")));
    let store = options.database.clone().unwrap_or_else(file);
    let issuer = options.issuer.clone().map_or_else(|| format!("http://{address}").parse(), Ok)?;
    let mut settings = Settings::new(issuer, store);
    settings.refresh_reuse_grace = std::time::Duration::ZERO;
    settings.cache.clone_from(&options.cache);
    if options.database.is_some() {
        settings.master_key.text = Some(Secret::new(MASTER_KEY.to_owned()));
    }
    if let Some(size) = options.session_cache_size {
        settings.session_cache_size = size;
    }
    // One client sends the requests of thousands.
    settings.write_rate_limits = WriteRateLimits::off();
    // One user logs in thousands of times.
    settings.max_sessions = None;
    // All logins come from one address and are of one user, which these limits are for.
    let off = RateLimit { max: u32::MAX, window: std::time::Duration::from_secs(1) };
    settings.rate_limits.successful_per_account = off;
    settings.rate_limits.successful_per_ip = off;
    settings.password_hashing_max_share = 100;
    if options.cheap_hashing {
        (settings.argon2.memory_kib, settings.argon2.iterations) = (8, 1);
    }
    let counterfoil = Counterfoil::with_settings(settings).await?;
    if options.store.is_some() || options.database.is_some() {
        return Ok(counterfoil);
    }
    let (username, password) = (USERNAME.to_owned(), Secret::new(PASSWORD.to_owned()));
    let user = Command::UserAdd { username, password, email: None, roles: Vec::new() };
    counterfoil.app().administer(user).await?;
    Ok(counterfoil)
}

async fn end_of_input() {
    let (ended, end) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = io::stdin().read(&mut [0]);
        drop(ended);
    });
    let _ = end.await;
}
