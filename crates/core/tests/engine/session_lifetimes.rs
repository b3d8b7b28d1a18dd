//! How long sessions and their tokens last.

use std::time::Duration;

use counterfoil_core::model::client::{Client, Lifetimes};
use counterfoil_core::store::{Change, CommitOutcome};
use counterfoil_verify::ClientId;

use crate::harness::{Engine, NOON, after, nowhere};

#[tokio::test]
async fn use_extends_a_session_up_to_its_absolute_lifetime() {
    let engine = Engine::start().await;
    engine.ada().await;
    let used = engine.session(NOON).await;
    let idle = engine.session(NOON).await;

    let day = 86_400;
    for hour in 1..=30 {
        engine.authenticate_session(&used.credential, after(hour * 3600)).await.unwrap();
    }

    assert!(engine.authenticate_session(&used.credential, after(30 * 3600 + day - 1)).await.is_ok());
    assert!(engine.authenticate_session(&idle.credential, after(day)).await.is_err());
    let mut now = after(30 * 3600 + day - 1);
    while now < after(30 * day) {
        engine.authenticate_session(&used.credential, now).await.unwrap();
        now = now + Duration::from_secs(day - 61);
    }
    assert!(
        engine.authenticate_session(&used.credential, after(30 * day)).await.is_err(),
        "the absolute lifetime is over"
    );
}

#[tokio::test]
async fn a_session_in_constant_use_outlives_a_short_idle_timeout() {
    let engine = Engine::start().await;
    engine.ada().await;
    let client = engine.store.client(&ClientId::default()).await.unwrap().unwrap();
    let lifetimes = Lifetimes { session_idle: 10, ..client.lifetimes };
    let short = Client { lifetimes, revision: client.revision + 1, ..client };
    let changed = engine.store.commit(&[Change::replace_client(short)].into()).await;
    assert!(matches!(changed, Ok(CommitOutcome::Applied(_))));
    let session = engine.session(NOON).await;

    for second in 0..100 {
        assert!(
            engine.authenticate_session(&session.credential, after(second)).await.is_ok(),
            "second {second}"
        );
    }
    assert!(engine.authenticate_session(&session.credential, after(110)).await.is_err());
}

/// A session that has idled is deleted soon. A token that is valid for longer could not be revoked by its session.
#[tokio::test]
async fn an_access_token_does_not_outlive_the_idle_timeout_of_its_session() {
    let engine = Engine::start().await;
    engine.ada().await;
    let client = engine.store.client(&ClientId::default()).await.unwrap().unwrap();
    let lifetimes = Lifetimes { access: 3_600, refresh_idle: 60, ..client.lifetimes };
    let short = Client { lifetimes, revision: client.revision + 1, ..client };
    let changed = engine.store.commit(&[Change::replace_client(short)].into()).await;
    assert!(matches!(changed, Ok(CommitOutcome::Applied(_))));

    let pair = engine.pair(NOON).await.credential;
    let principal = engine.authenticate_access_token(&pair.access, NOON).await.unwrap();
    assert_eq!(principal.expires_at(), after(60));

    let refreshed =
        engine.issuer.refresh(&pair.refresh, None, &nowhere(), after(50)).await.unwrap().credential;
    let principal = engine.authenticate_access_token(&refreshed.access, after(50)).await.unwrap();
    assert_eq!(principal.expires_at(), after(110));
}
