//! Status lists: which entry the tokens of a session name, and what the lists show of each revocation.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_core::model::session::{EndReason, Session};
use counterfoil_core::services::issuer::{
    IssuedAccessToken, MintRequest, MintSubject, RenewedCredential, TokenRequest,
};
use counterfoil_core::services::status_lists::{PublishedStatuses, StatusListPermutation};
use counterfoil_jose::Time;
use counterfoil_verify::{RevocationSubject, StatusListReference};

use crate::harness::{Engine, NOON, PASSWORD, after, nowhere, revocation_context};

/// What the token says of its status.
async fn reference(engine: &Engine, access: &IssuedAccessToken) -> Option<StatusListReference> {
    let payload = counterfoil_jose::unverified::decode(&access.token.to_string()).unwrap().payload;
    let claim = payload.get("status")?;
    let reference = serde_json::from_value(claim["status_list"].clone()).unwrap();
    let principal = engine.authenticate_access_token(access, NOON).await.unwrap();
    assert_eq!(principal.status_list(), Some(&reference));
    Some(reference)
}

async fn published(engine: &Engine, now: Time) -> PublishedStatuses {
    let state = engine.store.status_list_state().await.unwrap();
    let mut statuses =
        PublishedStatuses::new(Arc::new(StatusListPermutation::new(state.permutation_key.expose())));
    statuses.catch_up(&*engine.store, now).await.unwrap();
    statuses
}

/// Whether the lists show the entry as revoked.
async fn is_revoked_at(engine: &Engine, reference: &StatusListReference, now: Time) -> bool {
    assert_eq!(reference.uri, "https://auth.example/v1/status-lists/0");
    let status = published(engine, now).await.list(0).get(usize::try_from(reference.index).unwrap());
    status.unwrap() == 1
}

async fn is_revoked(engine: &Engine, reference: &StatusListReference) -> bool {
    is_revoked_at(engine, reference, NOON).await
}

async fn exchange(engine: &Engine, session: &Session, audience: &str, now: Time) -> IssuedAccessToken {
    let request = TokenRequest { audience: Some(audience.to_owned()), scope: None };
    let presented = (session.id, session.pos);
    let (access, _) = engine.issuer.exchange(presented, None, &request, &nowhere(), now).await.unwrap();
    access
}

async fn engine() -> Engine {
    let engine = Engine::start().await.with_status_lists().await;
    engine.ada().await;
    engine
}

#[tokio::test]
async fn all_access_tokens_of_a_session_name_the_same_entry() {
    let engine = engine().await;
    let pair = engine.pair(NOON).await;
    let first = reference(&engine, &pair.credential.access).await.unwrap();
    let refreshed =
        engine.issuer.refresh(&pair.credential.refresh, None, &nowhere(), after(20)).await.unwrap();
    assert_eq!(reference(&engine, &refreshed.credential.access).await, Some(first.clone()));
    let exchanged = exchange(&engine, &pair.session, "https://auth.example", after(21)).await;
    assert_eq!(reference(&engine, &exchanged).await, Some(first.clone()));

    let jwt = engine.access(NOON).await;
    assert_ne!(reference(&engine, &jwt.credential).await, Some(first));
    assert!(!is_revoked(&engine, &reference(&engine, &jwt.credential).await.unwrap()).await);
}

#[tokio::test]
async fn a_session_token_gets_an_entry_with_its_first_exchange() {
    let engine = engine().await;
    let cookie = engine.session(NOON).await;
    assert_eq!(cookie.session.status_index, None);

    let own = "https://auth.example";
    let first = reference(&engine, &exchange(&engine, &cookie.session, own, NOON).await).await;
    let second = reference(&engine, &exchange(&engine, &cookie.session, own, after(1)).await).await;

    assert!(first.is_some());
    assert_eq!(first, second);
    assert_eq!(engine.store.status_list_state().await.unwrap().next_index, 1);
}

#[tokio::test]
async fn a_minted_token_of_a_user_has_an_entry_and_that_of_a_machine_has_none() {
    let engine = engine().await;
    let ada = engine.ada_id().await;
    let mint = async |subject| {
        let request = MintRequest { subject, audience: None, scope: None, lifetime: None };
        engine.issuer.mint(&request, &revocation_context(EndReason::ByAdmin), NOON).await.unwrap().access
    };
    assert!(reference(&engine, &mint(MintSubject::User(ada)).await).await.is_some());
    assert_eq!(reference(&engine, &mint(MintSubject::Machine("nightly-report".into())).await).await, None);
}

#[tokio::test]
async fn without_status_lists_a_token_names_no_entry_and_a_refresh_adds_it_later() {
    let engine = Engine::start().await;
    engine.ada().await;
    let pair = engine.pair(NOON).await;
    assert_eq!(reference(&engine, &pair.credential.access).await, None);

    let engine = engine.with_status_lists().await;
    let second = engine.issuer.refresh(&pair.credential.refresh, None, &nowhere(), after(20)).await.unwrap();
    let third = engine.issuer.refresh(&second.credential.refresh, None, &nowhere(), after(40)).await.unwrap();

    assert!(reference(&engine, &third.credential.access).await.is_some());
}

#[tokio::test]
async fn the_lists_show_every_end_of_a_session() {
    let engine = engine().await;
    let ada = engine.ada_id().await;
    let context = revocation_context(EndReason::Logout);

    let jwt = engine.access(NOON).await;
    let entry = reference(&engine, &jwt.credential).await.unwrap();
    assert!(engine.revoker.end_session(jwt.session.id, &context, NOON).await.unwrap());
    assert!(is_revoked(&engine, &entry).await, "a logout");

    let pair = engine.pair(NOON).await;
    let entry = reference(&engine, &pair.credential.access).await.unwrap();
    let reused = pair.credential.refresh;
    let next = engine.issuer.refresh(&reused, None, &nowhere(), after(20)).await.unwrap();
    engine.issuer.refresh(&next.credential.refresh, None, &nowhere(), after(40)).await.unwrap();
    assert!(engine.issuer.refresh(&reused, None, &nowhere(), after(60)).await.is_err());
    assert!(is_revoked(&engine, &entry).await, "the reuse of a refresh token");

    let (kept, other) = (engine.access(NOON).await, engine.access(NOON).await);
    let kept_entry = reference(&engine, &kept.credential).await.unwrap();
    let entry = reference(&engine, &other.credential).await.unwrap();
    engine.revoker.end_user_sessions(ada, Some(kept.session.id), &context, NOON).await.unwrap();
    assert!(is_revoked(&engine, &entry).await, "the end of all other sessions");
    assert!(!is_revoked(&engine, &kept_entry).await);

    engine.administration.revoke(&RevocationSubject::User(ada), None, &context, NOON).await.unwrap();
    assert!(is_revoked(&engine, &kept_entry).await, "the revocation of a user");
}

/// Its former tokens are revoked although it has not ended: a thief of a token could otherwise use it until it expires.
/// More than one commit ends.
#[tokio::test]
async fn the_lists_show_the_end_of_all_sessions_of_a_deleted_user() {
    let engine = engine().await;
    let mut entries = Vec::new();
    for _ in 0..300 {
        let access = engine.access(NOON).await.credential;
        entries.push(reference(&engine, &access).await.unwrap());
    }

    let deletion = revocation_context(EndReason::ByAdmin);
    engine.administration.delete_user(engine.ada_id().await, &deletion, NOON).await.unwrap();

    let list = published(&engine, NOON).await.list(0);
    assert!(entries.iter().all(|entry| list.get(usize::try_from(entry.index).unwrap()) == Some(1)));
}

#[tokio::test]
async fn after_a_password_change_the_session_that_stays_has_another_entry() {
    let engine = engine().await;
    let pair = engine.pair(NOON).await;
    let former = reference(&engine, &pair.credential.access).await.unwrap();

    let changed =
        engine.change_password(&pair.session, (PASSWORD, "another long password"), NOON).await.unwrap();

    let RenewedCredential::TokenPair(renewed) = changed.credential else { panic!("a hybrid session") };
    let entry = reference(&engine, &renewed.access).await.unwrap();
    assert_ne!(entry, former);
    assert!(is_revoked(&engine, &former).await);
    assert!(!is_revoked(&engine, &entry).await);
    let refreshed = engine.issuer.refresh(&renewed.refresh, None, &nowhere(), after(20)).await.unwrap();
    assert_eq!(reference(&engine, &refreshed.credential.access).await, Some(entry));
}

#[tokio::test]
async fn the_lists_show_the_revocation_of_a_client_and_of_everyone_to_those_of_before() {
    let engine = engine().await;
    let context = revocation_context(EndReason::ByAdmin);
    for subject in [RevocationSubject::Client("default".parse().unwrap()), RevocationSubject::Everyone] {
        let before = [engine.access(NOON).await.credential, engine.pair(NOON).await.credential.access];
        engine.administration.revoke(&subject, None, &context, NOON).await.unwrap();
        let later = engine.access(after(1)).await.credential;
        for access in before {
            let payload = counterfoil_jose::unverified::decode(&access.token.to_string()).unwrap().payload;
            let entry = serde_json::from_value(payload["status"]["status_list"].clone()).unwrap();
            assert!(is_revoked(&engine, &entry).await, "{subject:?}");
        }
        assert!(!is_revoked(&engine, &reference(&engine, &later).await.unwrap()).await, "{subject:?}");
    }
}

/// A list knows sessions: one token of a session has no entry of its own.
#[tokio::test]
async fn the_revocation_of_one_token_is_not_in_the_lists() {
    let engine = engine().await;
    let jwt = engine.access(NOON).await;
    let entry = reference(&engine, &jwt.credential).await.unwrap();
    let id = engine.authenticate_access_token(&jwt.credential, NOON).await.unwrap().token_id().unwrap();

    let context = revocation_context(EndReason::ByAdmin);
    engine.administration.revoke(&RevocationSubject::Token(id), None, &context, NOON).await.unwrap();

    assert!(engine.authenticate_access_token(&jwt.credential, NOON).await.is_err());
    assert!(!is_revoked(&engine, &entry).await);
}

#[tokio::test]
async fn a_restart_and_another_node_publish_the_same_lists() {
    let engine = engine().await;
    let mut running = published(&engine, NOON).await;
    for _ in 0..20 {
        let jwt = engine.access(NOON).await;
        engine.access(NOON).await;
        let context = revocation_context(EndReason::Logout);
        engine.revoker.end_session(jwt.session.id, &context, NOON).await.unwrap();
        running.catch_up(&*engine.store, NOON).await.unwrap();
    }
    assert_eq!(running.take_changed().into_iter().collect::<Vec<_>>(), [0]);
    assert!(running.take_changed().is_empty());

    let restarted = published(&engine.restarted().await, NOON).await;

    let ones: u32 = restarted.list(0).as_bytes().iter().map(|byte| byte.count_ones()).sum();
    assert_eq!((restarted.list(0), ones), (running.list(0), 20));
    assert_eq!(restarted.list_count(), 1);
}

#[tokio::test]
async fn a_revocation_is_published_until_its_last_token_has_expired_and_no_hour_longer() {
    let engine = engine().await;
    let jwt = engine.access(NOON).await;
    let entry = reference(&engine, &jwt.credential).await.unwrap();
    engine.revoker.end_session(jwt.session.id, &revocation_context(EndReason::Logout), NOON).await.unwrap();

    let expired = jwt.credential.expires_at;
    assert!(is_revoked_at(&engine, &entry, expired + Duration::from_secs(119)).await);
    assert!(!is_revoked_at(&engine, &entry, expired + Duration::from_secs(3_600)).await);
}
