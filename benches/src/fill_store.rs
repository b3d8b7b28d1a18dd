//! Fills a store with sessions directly: a million logins over HTTP would take minutes.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::session::{ClientInfo, Session, SessionCredential};
use counterfoil_core::model::user::User;
use counterfoil_core::store::{Change, CommitOutcome, Store};
use counterfoil_jose::Time;
use counterfoil_postgres::PostgresStore;
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{ClientId, RevocationPosition, SessionId, UserId};

use crate::ids::sorted_ids;

/// The number of changes in a commit.
const BATCH_SIZE: usize = 1_000;

/// The number of sessions of each user.
const SESSIONS_PER_USER: usize = 10;

const DAY: Duration = Duration::from_secs(86_400);

/// Creates the store `file` with `count` sessions that were used just now, and returns the token of every
/// `every`-th one.
pub(crate) fn fill_store(file: &Path, count: usize, every: usize) -> Result<Vec<String>> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
        let store = SqliteStore::open(file)?;
        let tokens = insert(&*store, count, every).await;
        store.close().await?;
        tokens
    })
}

/// Fills the database of this URL, as [`fill_store`] does a file; returns the token of every session.
pub(crate) fn fill_database(url: &str, count: usize) -> Result<Vec<String>> {
    // The thread of the caller is on the core of the client, and so is this one.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let store = PostgresStore::open(&url.parse()?).await?;
        let tokens = insert(&*store, count, 1).await;
        store.close().await?;
        tokens
    })
}

async fn insert(store: &dyn Store, count: usize, every: usize) -> Result<Vec<String>> {
    let now = Time::EPOCH + SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let (mut tokens, mut changes) = (Vec::with_capacity(count / every + 1), Vec::new());
    // In the order of the ids, so that rows are appended. The order makes no difference to reads.
    let ids = sorted_ids(count);
    for (number, id) in ids.iter().enumerate() {
        let owner = UserId::from_bytes(ids[number / SESSIONS_PER_USER]);
        if number % SESSIONS_PER_USER == 0 {
            changes.push(Change::insert_user(User::new(owner, format!("user{number}").parse()?, now)));
        }
        let token = SessionToken::generate(SessionId::from_bytes(*id))?;
        changes.push(Change::insert_session(session(&token, owner, now)));
        if number % every == 0 {
            tokens.push(token.to_string());
        }
        if changes.len() >= BATCH_SIZE || number + 1 == count {
            let committed = store.commit(&std::mem::take(&mut changes).into()).await?;
            ensure!(matches!(committed, CommitOutcome::Applied(_)), "the store was not empty");
        }
    }
    Ok(tokens)
}

fn session(token: &SessionToken, user: UserId, now: Time) -> Session {
    Session {
        id: token.session(),
        user,
        client: ClientId::default(),
        credential: SessionCredential::Cookie(token.hash()),
        authenticated_at: now,
        amr: vec!["pwd".into()],
        acr: None,
        seen_at: now,
        idle: DAY,
        expires_at: now + 30 * DAY,
        pos: RevocationPosition::START,
        scope: None,
        audience: None,
        client_info: ClientInfo { ip: Some([192, 0, 2, 1].into()), user_agent: Some("Mozilla/5.0".into()) },
        label: None,
        status_index: None,
        ended: None,
        revision: 0,
    }
}
