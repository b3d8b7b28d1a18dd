//! The last use of a session: it extends the idle timeout, and is written in batches.

use std::time::Duration;

use counterfoil_core::model::session::{EndReason, Session};
use counterfoil_verify::SessionId;

use crate::harness::{Engine, NOON, revocation_context};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

impl Engine {
    /// Writes the recorded uses to the store, as the server does every second.
    async fn write_last_seen(&self) {
        self.store.record_last_seen(&self.cache.take_last_seen()).await.unwrap();
    }

    async fn stored(&self, session: SessionId) -> Session {
        self.store.session(session).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_session_stays_active_while_it_is_used_and_ends_when_idle() {
    let engine = Engine::start().await;
    engine.ada().await;
    let opened = engine.session(NOON).await;
    let mut now = NOON;

    for _ in 0..10 {
        now = now + opened.session.idle - MINUTE;
        assert!(engine.authenticate_session(&opened.credential, now).await.is_ok());
        engine.write_last_seen().await;
    }

    assert_eq!(engine.stored(opened.session.id).await.seen_at, now);
    assert!(engine.authenticate_session(&opened.credential, now + opened.session.idle).await.is_err());
}

#[tokio::test]
async fn a_use_extends_the_session_before_it_is_written() {
    let engine = Engine::start().await;
    engine.ada().await;
    let opened = engine.session(NOON).await;
    let idle = opened.session.idle;

    // The first is checked against the store, the others against the cache. None is written to the store.
    for used in [NOON + HOUR, NOON + idle, NOON + idle + HOUR] {
        assert!(engine.authenticate_session(&opened.credential, used).await.is_ok());
    }

    assert_eq!(engine.stored(opened.session.id).await, opened.session);
}

#[tokio::test]
async fn after_a_crash_the_idle_timeout_counts_from_the_last_written_use() {
    let engine = Engine::start().await;
    engine.ada().await;
    let opened = engine.session(NOON).await;
    assert!(engine.authenticate_session(&opened.credential, NOON + HOUR).await.is_ok());
    engine.write_last_seen().await;
    assert!(engine.authenticate_session(&opened.credential, NOON + HOUR + MINUTE).await.is_ok());

    let engine = engine.restarted().await;

    let end = NOON + HOUR + opened.session.idle;
    assert!(engine.authenticate_session(&opened.credential, end).await.is_err());
    assert!(engine.authenticate_session(&opened.credential, end - MINUTE).await.is_ok());
}

#[tokio::test]
async fn a_use_that_is_written_late_does_not_reopen_an_ended_session() {
    let engine = Engine::start().await;
    engine.ada().await;
    let opened = engine.session(NOON).await;
    assert!(engine.authenticate_session(&opened.credential, NOON + HOUR).await.is_ok());

    engine
        .revoker
        .end_session(opened.session.id, &revocation_context(EndReason::Logout), NOON + HOUR)
        .await
        .unwrap();
    let ended = engine.stored(opened.session.id).await;
    engine.write_last_seen().await;

    assert_eq!(engine.stored(opened.session.id).await, ended);
    assert!(engine.authenticate_session(&opened.credential, NOON + HOUR).await.is_err());
}
