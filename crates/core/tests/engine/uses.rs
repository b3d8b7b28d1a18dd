//! A session that is used lives on; one that lies unused does not.

use std::time::Duration;

use counterfoil_core::model::session::{EndReason, Session};
use counterfoil_verify::SessionId;

use crate::harness::{Engine, NOON, because};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

impl Engine {
    /// Writes down what was noted, as the roof does every second.
    async fn write_uses(&self) {
        self.store.note_uses(&self.memory.take_uses()).await.unwrap();
    }

    async fn kept(&self, session: SessionId) -> Session {
        self.store.session(session).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_session_lives_as_long_as_it_is_used_and_dies_when_it_is_not() {
    let engine = Engine::start().await;
    engine.ada().await;
    let opened = engine.session(NOON).await;
    let mut now = NOON;

    for _ in 0..10 {
        now = now + opened.session.idle - MINUTE;
        assert!(engine.admit_session(&opened.issued, now).await.is_ok());
        engine.write_uses().await;
    }

    assert_eq!(engine.kept(opened.session.id).await.seen_at, now);
    assert!(engine.admit_session(&opened.issued, now + opened.session.idle).await.is_err());
}

#[tokio::test]
async fn a_use_counts_before_it_is_written_down() {
    let engine = Engine::start().await;
    engine.ada().await;
    let opened = engine.session(NOON).await;
    let idle = opened.session.idle;

    // The first is judged by the store, the second from memory; nothing is written down meanwhile.
    for used in [NOON + HOUR, NOON + idle, NOON + idle + HOUR] {
        assert!(engine.admit_session(&opened.issued, used).await.is_ok());
    }

    assert_eq!(engine.kept(opened.session.id).await, opened.session);
}

#[tokio::test]
async fn after_a_crash_a_session_lives_no_longer_than_its_last_use_that_was_written_down() {
    let engine = Engine::start().await;
    engine.ada().await;
    let opened = engine.session(NOON).await;
    assert!(engine.admit_session(&opened.issued, NOON + HOUR).await.is_ok());
    engine.write_uses().await;
    assert!(engine.admit_session(&opened.issued, NOON + HOUR + MINUTE).await.is_ok());

    let engine = engine.restarted().await;

    let end = NOON + HOUR + opened.session.idle;
    assert!(engine.admit_session(&opened.issued, end).await.is_err());
    assert!(engine.admit_session(&opened.issued, end - MINUTE).await.is_ok());
}

#[tokio::test]
async fn a_use_on_its_way_brings_no_ended_session_back() {
    let engine = Engine::start().await;
    engine.ada().await;
    let opened = engine.session(NOON).await;
    assert!(engine.admit_session(&opened.issued, NOON + HOUR).await.is_ok());

    engine.revoker.end(opened.session.id, &because(EndReason::Logout), NOON + HOUR).await.unwrap();
    let ended = engine.kept(opened.session.id).await;
    engine.write_uses().await;

    assert_eq!(engine.kept(opened.session.id).await, ended);
    assert!(engine.admit_session(&opened.issued, NOON + HOUR).await.is_err());
}
