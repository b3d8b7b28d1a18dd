//! A store with many sessions in it, written directly: a million logins over HTTP would take minutes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::session::{ClientInfo, Session, SessionCredential};
use counterfoil_core::model::user::User;
use counterfoil_core::store::{Change, CommitOutcome, Store};
use counterfoil_jose::Time;
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{ClientId, RevocationPosition, SessionId, UserId};

/// How many sessions share a commit.
const AT_A_TIME: usize = 1_000;

/// How many sessions a user has.
const OF_A_USER: usize = 10;

const DAY: Duration = Duration::from_secs(86_400);

/// Makes the store `file` with `count` sessions that were used just now, and gives the token of every one of
/// which the number is a multiple of `every`.
pub(crate) fn fill(file: &Path, count: usize, every: usize) -> Result<Vec<String>> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
        let store = SqliteStore::open(file)?;
        let shown = insert(&store, count, every).await;
        store.close().await?;
        shown
    })
}

async fn insert(store: &Arc<SqliteStore>, count: usize, every: usize) -> Result<Vec<String>> {
    let now = Time::EPOCH + SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let (mut shown, mut changes) = (Vec::with_capacity(count / every + 1), Vec::new());
    for number in 0..count {
        if number % OF_A_USER == 0 {
            changes.push(Change::InsertUser(Box::new(user(number, now)?)));
        }
        // In the order of their ids, which appends to the table. How it was filled does not show later.
        let token = SessionToken::draw(SessionId::from_bytes(numbered(number)))?;
        changes.push(Change::InsertSession(Box::new(session(&token, number, now))));
        if number % every == 0 {
            shown.push(token.to_string());
        }
        if changes.len() >= AT_A_TIME || number + 1 == count {
            let committed = store.commit(&std::mem::take(&mut changes)).await?;
            ensure!(matches!(committed, CommitOutcome::Applied(_)), "the store was not empty");
        }
    }
    Ok(shown)
}

/// A user for the ten sessions from `number` on.
fn user(number: usize, now: Time) -> Result<User> {
    Ok(User {
        id: UserId::from_bytes(numbered(number / OF_A_USER)),
        username: format!("user{number}").parse()?,
        email: None,
        email_verified: false,
        password: None,
        roles: Vec::new(),
        disabled_at: None,
        epoch: 0,
        not_before: RevocationPosition::START,
        created_at: now,
        revision: 0,
    })
}

fn session(token: &SessionToken, number: usize, now: Time) -> Session {
    Session {
        id: token.session(),
        user: UserId::from_bytes(numbered(number / OF_A_USER)),
        client: ClientId::default(),
        stub: SessionCredential::Cookie(token.digest()),
        authenticated_at: now,
        amr: vec!["pwd".into()],
        seen_at: now,
        idle: DAY,
        expires_at: now + 30 * DAY,
        pos: RevocationPosition::START,
        scope: None,
        from: ClientInfo { ip: Some([192, 0, 2, 1].into()), user_agent: Some("Mozilla/5.0".into()) },
        label: None,
        ended: None,
        revision: 0,
    }
}

/// Sixteen bytes that rise with the number in front, and look like drawn ones behind.
fn numbered(number: usize) -> [u8; 16] {
    let number = number as u64;
    let (high, low) = (number << 32, number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
}
