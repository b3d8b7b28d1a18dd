//! Refresh with concurrent requests, lost responses and stolen tokens.

use std::collections::HashSet;
use std::sync::Arc;

use counterfoil_core::credentials::refresh_token::{RefreshToken, RefreshTokenKey};
use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_core::model::session::{ClientInfo, Crash, EndReason, SessionCredential};
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::issuer::{IssuedSession, TokenPair};
use counterfoil_core::services::password_hasher::InlineHasher;
use counterfoil_core::store::{Change, CommitOutcome};
use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_jose::{Secret, Time};
use counterfoil_sqlite::SqliteStore;

use crate::harness::{CHEAP, Engine, GRACE, NOON, after, nowhere};

/// How often the race is repeated, and how many callers refresh concurrently.
const ROUNDS: u64 = 1000;
const CALLERS: usize = 32;

async fn refresh(
    engine: &Engine,
    presented: &RefreshToken,
    now: Time,
) -> Result<IssuedSession<TokenPair>, ServiceError> {
    engine.issuer.refresh(presented, None, &nowhere(), now).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_refreshes_of_one_token_get_one_successor() {
    let engine = Arc::new(Engine::start().await);
    engine.ada().await;
    let mut held = engine.pair(NOON).await.credential.refresh;

    for round in 1..=ROUNDS {
        let now = after(round * 11);
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (engine, presented) = (engine.clone(), held.clone());
                tokio::spawn(async move { refresh(&engine, &presented, now).await })
            })
            .collect();
        let mut successors = HashSet::new();
        for caller in callers {
            let pair = caller.await.unwrap().expect("a valid token is refreshed").credential;
            assert!(engine.authenticate_access_token(&pair.access, now).await.is_ok());
            successors.insert(pair.refresh.to_string());
        }

        assert_eq!(successors.len(), 1, "round {round}: all callers get the same successor");
        held = successors.into_iter().next().unwrap().parse().unwrap();
        assert_eq!(held.counter(), round, "one rotation in each round");
    }
    println!("{ROUNDS} rounds of {CALLERS} parallel refreshes");
}

#[tokio::test]
async fn a_reused_refresh_token_ends_the_session() {
    let engine = Engine::start().await;
    engine.ada().await;
    let stolen = engine.pair(NOON).await.credential.refresh;
    let owners = refresh(&engine, &stolen, after(20)).await.unwrap().credential;
    let owners = refresh(&engine, &owners.refresh, after(40)).await.unwrap().credential;

    let replayed = refresh(&engine, &stolen, after(60)).await;

    assert!(matches!(
        replayed,
        Err(ServiceError::Client(ClientError::Credential(InvalidCredential::RefreshReuseDetected)))
    ));
    assert!(
        refresh(&engine, &owners.refresh, after(60)).await.is_err(),
        "the owner's refresh token is revoked"
    );
    assert!(
        engine.authenticate_access_token(&owners.access, after(60)).await.is_err(),
        "the access tokens are revoked"
    );
    let events = engine.audit_events().await;
    let event = events.iter().find(|event| event.kind == AuditEventKind::RefreshReuseDetected).unwrap();
    assert_eq!(event.reason, Some(EndReason::RefreshReuseDetected));
}

#[tokio::test]
async fn a_forged_mac_does_not_end_the_session() {
    let engine = Engine::start().await;
    engine.ada().await;
    let pair = engine.pair(NOON).await;
    let rotated = refresh(&engine, &pair.credential.refresh, after(20)).await.unwrap();
    let SessionCredential::Refresh { key_id, salt, .. } = rotated.session.credential else { panic!() };
    let before = engine.audit_events().await.len();

    let guessed = RefreshTokenKey::new(key_id, &Secret::new([0; 32]));
    for counter in [0, 1, 2, u64::MAX] {
        // Even with the salt and the key id, which a stolen store contains.
        let forged = RefreshToken::new(&guessed, &salt, rotated.session.id, counter);
        let rejected = refresh(&engine, &forged, after(60)).await;
        assert!(
            matches!(
                rejected,
                Err(ServiceError::Client(ClientError::Credential(InvalidCredential::Unknown)))
            ),
            "{counter}"
        );
    }

    assert_eq!(engine.audit_events().await.len(), before, "nothing was written");
    assert!(refresh(&engine, &rotated.credential.refresh, after(60)).await.is_ok());
}

#[tokio::test]
async fn a_lost_response_is_repeated_with_the_same_refresh_token() {
    let engine = Engine::start().await;
    engine.ada().await;
    let first = engine.pair(NOON).await.credential.refresh;

    let lost = refresh(&engine, &first, after(20)).await.unwrap();
    let again = refresh(&engine, &first, after(30)).await.unwrap();

    assert_eq!(lost.credential.refresh.to_string(), again.credential.refresh.to_string());
    assert_ne!(lost.credential.access.token.to_string(), again.credential.access.token.to_string());
    assert_eq!(engine.issuer.rotations(), 1, "the repetition is no rotation");
}

#[tokio::test]
async fn the_audit_log_has_one_rotation_an_hour_and_each_from_another_client() {
    let engine = Engine::start().await;
    engine.ada().await;
    let mut token = engine.pair(NOON).await.credential.refresh;
    let elsewhere = ClientInfo { user_agent: Some("other".into()), ..nowhere() };
    let hour = 3600 - NOON.unix_seconds() % 3600;

    let mut recorded = Vec::new();
    let requests = [(hour, nowhere()), (hour + 20, nowhere()), (hour + 40, elsewhere.clone())];
    for (at, client) in requests.into_iter().chain([(hour + 60, elsewhere.clone()), (hour + 3600, elsewhere)])
    {
        token = engine.issuer.refresh(&token, None, &client, after(at)).await.unwrap().credential.refresh;
        let events = engine.audit_events().await;
        recorded.push(events.iter().filter(|event| event.kind == AuditEventKind::Refreshed).count());
    }

    assert_eq!(recorded, [1, 1, 2, 2, 3]);
}

#[tokio::test]
async fn a_retry_from_another_client_is_recorded_in_the_audit_log() {
    let engine = Engine::start().await;
    engine.ada().await;
    let first = engine.pair(NOON).await.credential.refresh;
    refresh(&engine, &first, after(20)).await.unwrap();
    let elsewhere = ClientInfo { user_agent: Some("other".into()), ..nowhere() };

    engine.issuer.refresh(&first, None, &elsewhere, after(25)).await.unwrap();

    assert!(engine.audit_events().await.iter().any(|event| event.kind == AuditEventKind::RefreshRetried));
}

#[tokio::test]
async fn a_refresh_response_is_repeated_at_most_64_times() {
    let engine = Engine::start().await;
    engine.ada().await;
    let first = engine.pair(NOON).await.credential.refresh;
    refresh(&engine, &first, after(20)).await.unwrap();

    let mut answered = 0;
    let rejected = loop {
        match refresh(&engine, &first, after(21)).await {
            Ok(_) => answered += 1,
            Err(rejected) => break rejected,
        }
    };

    assert_eq!(answered, 64);
    assert!(matches!(rejected, ServiceError::Client(ClientError::RateLimited(_))));
}

#[tokio::test]
async fn a_used_refresh_token_is_still_used_after_a_crash() {
    let store = SqliteStore::in_memory().unwrap();
    let hasher = Arc::new(InlineHasher::new(CHEAP).unwrap());
    let engine = Engine::on(store.clone(), hasher.clone(), GRACE, None).await;
    engine.ada().await;
    let stolen = engine.pair(NOON).await.credential.refresh;
    let second = refresh(&engine, &stolen, after(20)).await.unwrap().credential.refresh;
    let third = refresh(&engine, &second, after(40)).await.unwrap().credential.refresh;
    drop(engine);

    let crash = Crash { last_write: after(40), serving_since: after(3600) };
    let engine = Engine::on(store, hasher, GRACE, Some(crash)).await;

    let repeated = refresh(&engine, &second, after(3605)).await.unwrap();
    assert_eq!(
        repeated.credential.refresh.to_string(),
        third.to_string(),
        "a retry after the crash gets the same token"
    );
    let replayed = refresh(&engine, &stolen, after(3606)).await;
    assert!(matches!(
        replayed,
        Err(ServiceError::Client(ClientError::Credential(InvalidCredential::RefreshReuseDetected)))
    ));
}

#[tokio::test]
async fn refresh_tokens_have_an_idle_and_an_absolute_lifetime() {
    let engine = Engine::start().await;
    engine.ada().await;
    let day = 86_400;
    let unused = engine.pair(NOON).await.credential.refresh;
    let mut used = engine.pair(NOON).await.credential.refresh;

    assert!(refresh(&engine, &unused, after(7 * day)).await.is_err());
    let mut now = 0;
    while now + 6 * day < 90 * day {
        now += 6 * day;
        used = refresh(&engine, &used, after(now)).await.unwrap().credential.refresh;
    }
    assert!(refresh(&engine, &used, after(90 * day)).await.is_err());
}

#[tokio::test]
async fn a_refresh_fails_if_the_user_or_client_is_disabled() {
    for what in ["user", "client"] {
        let engine = Engine::start().await;
        let ada = engine.ada().await;
        let pair = engine.pair(NOON).await;
        let client = engine.store.client(&pair.session.client).await.unwrap().unwrap();
        let user = engine.store.user(ada.id).await.unwrap().unwrap();
        let change = match what {
            "user" => Change::replace_user(user.disabled(NOON)),
            _ => {
                let revision = client.revision + 1;
                Change::replace_client(counterfoil_core::model::client::Client {
                    enabled: false,
                    revision,
                    ..client
                })
            }
        };
        assert!(
            matches!(engine.store.commit(&[change].into()).await, Ok(CommitOutcome::Applied(_))),
            "{what}"
        );

        let rejected = refresh(&engine, &pair.credential.refresh, after(20)).await;

        assert!(
            matches!(
                rejected,
                Err(ServiceError::Client(ClientError::Credential(InvalidCredential::Disabled)))
            ),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_changed_role_is_in_the_next_token_and_the_session_continues() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let pair = engine.pair(NOON).await;
    let user = engine.store.user(ada.id).await.unwrap().unwrap();
    let change = Change::replace_user(user.with_roles(vec!["editor".into()]));
    assert!(matches!(engine.store.commit(&[change].into()).await, Ok(CommitOutcome::Applied(_))));

    let next = refresh(&engine, &pair.credential.refresh, after(20)).await.unwrap().credential;

    assert!(engine.authenticate_access_token(&next.access, after(20)).await.unwrap().has_role("editor"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refresh_concurrent_with_a_logout_leaves_no_valid_token() {
    let engine = Arc::new(Engine::start().await);
    engine.ada().await;
    for round in 0..200 {
        let pair = engine.pair(NOON).await;
        let (id, presented) = (pair.session.id, pair.credential.refresh);
        let refreshing = {
            let engine = engine.clone();
            tokio::spawn(async move { refresh(&engine, &presented, after(20)).await })
        };
        let ended = engine
            .revoker
            .end_session(id, &crate::harness::revocation_context(EndReason::Logout), after(20))
            .await
            .unwrap();
        assert!(ended);

        if let Ok(opened) = refreshing.await.unwrap() {
            assert!(
                engine.authenticate_access_token(&opened.credential.access, after(20)).await.is_err(),
                "round {round}"
            );
            assert!(refresh(&engine, &opened.credential.refresh, after(40)).await.is_err(), "round {round}");
        }
    }
}

#[tokio::test]
async fn a_token_ahead_of_the_store_does_not_end_the_session() {
    let engine = Engine::start().await;
    engine.ada().await;
    let pair = engine.pair(NOON).await;
    let SessionCredential::Refresh { salt, .. } = pair.session.credential else { panic!() };
    let ahead =
        RefreshToken::new(engine.issuer.keys().active_keys().refresh_token_key(), &salt, pair.session.id, 7);

    let rejected = refresh(&engine, &ahead, after(20)).await;

    assert!(matches!(
        rejected,
        Err(ServiceError::Client(ClientError::Credential(InvalidCredential::AheadOfStore)))
    ));
    assert!(refresh(&engine, &pair.credential.refresh, after(20)).await.is_ok());
}

#[tokio::test]
async fn a_refresh_cannot_widen_the_scope() {
    let engine = Engine::start().await;
    engine.ada().await;
    let pair = engine.pair(NOON).await;

    let widened = engine.issuer.refresh(&pair.credential.refresh, Some("admin"), &nowhere(), after(20)).await;

    assert!(matches!(widened, Err(ServiceError::Client(ClientError::NotGranted("scope")))));
    let stored = engine.store.session(pair.session.id).await.unwrap().unwrap();
    assert_eq!(stored, pair.session, "the refresh token was not rotated");
}
