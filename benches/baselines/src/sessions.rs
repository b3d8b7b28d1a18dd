//! An axum application with tower-sessions, as its documentation shows it: a login stores the user in the session, and the
//! protected route reads it.

use std::io::{self, Read as _};

use anyhow::{Context as _, Result};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};
use tower_sessions_sqlx_store::SqliteStore;

/// The body of the responses of the measured routes, as of the other applications.
const BODY: &str = "hello";

/// The key of the user in a session.
const USER: &str = "user";

/// The number of connections to Redis, as in the example of the store.
const REDIS_CONNECTIONS: usize = 6;

/// What a session contains.
#[derive(Serialize, Deserialize)]
struct User {
    id: String,
    username: String,
    roles: Vec<String>,
}

/// Serves until standard input ends. One thread, as of the other applications.
pub(crate) fn run(store: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        if store.starts_with("redis://") {
            let pool = Pool::new(Config::from_url(store)?, None, None, None, REDIS_CONNECTIONS)?;
            pool.init().await.context("cannot connect to Redis")?;
            serve(RedisStore::new(pool)).await
        } else {
            let options = SqliteConnectOptions::new().filename(store).create_if_missing(true);
            let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
            let store = SqliteStore::new(SqlitePool::connect_with(options).await?);
            store.migrate().await?;
            serve(store).await
        }
    })
}

async fn serve(store: impl SessionStore + Clone) -> Result<()> {
    let expiry = Expiry::OnInactivity(time::Duration::days(1));
    let sessions = SessionManagerLayer::new(store).with_secure(false).with_expiry(expiry);
    let app = Router::new()
        .route("/v1/login", post(log_in))
        .route("/protected", get(protected))
        .layer(sessions)
        .route("/bare", get(async || BODY));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    Ok(axum::serve(listener, app).with_graceful_shutdown(end_of_input()).await?)
}

/// Stores a session, and answers with the value of its cookie.
async fn log_in(session: Session) -> Result<Json<Value>, StatusCode> {
    let failed = |_| StatusCode::SERVICE_UNAVAILABLE;
    let user = User {
        id: "652f1c2e9b1e8a0012345678".to_owned(),
        username: "lovelace".to_owned(),
        roles: vec!["editor".to_owned()],
    };
    session.insert(USER, user).await.map_err(failed)?;
    session.save().await.map_err(failed)?;
    let id = session.id().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Json(json!({ "session_token": id.to_string() })))
}

async fn protected(session: Session) -> Result<&'static str, StatusCode> {
    match session.get::<User>(USER).await {
        Ok(Some(_)) => Ok(BODY),
        Ok(None) => Err(StatusCode::UNAUTHORIZED),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn end_of_input() {
    let (ended, end) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = io::stdin().read(&mut [0]);
        drop(ended);
    });
    let _ = end.await;
}
