//! What the store keeps of a login, what the tokens contain, and to which client they belong.

use std::sync::Arc;

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::{EndReason, Mode, SessionCredential};
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::account::Credentials;
use counterfoil_core::services::administration::{ClientChange, UserChange};
use counterfoil_core::services::issuer::NewSession;
use counterfoil_core::services::password_hasher::InlineHasher;
use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_jose::{Secret, base64url};
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::ClientId;

use crate::harness::{CHEAP, Engine, GRACE, NOON, PASSWORD, after, nowhere, revocation_context};

/// The secret part of a credential: the text after the last dot.
fn secret_of(credential: &impl ToString) -> String {
    credential.to_string().rsplit('.').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_database_file_contains_no_secret_of_any_credential() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("auth.db");
    let store = SqliteStore::open(&file).unwrap();
    let hasher = InlineHasher::new(CHEAP).map(Arc::new).unwrap();
    let engine = Engine::on(store, hasher, GRACE, None).await;
    engine.ada().await;
    let (session, access, pair) =
        (engine.session(NOON).await, engine.access(NOON).await, engine.pair(NOON).await);
    let rotated = engine.issuer.refresh(&pair.credential.refresh, None, &nowhere(), after(20)).await.unwrap();
    let reason = counterfoil_core::services::revoker::RevocationContext {
        actor: Actor::Operator,
        ..revocation_context(EndReason::ByAdmin)
    };
    let key = engine.administration.create_admin_key("a key", &reason, NOON).await.unwrap().0;
    let verifier_key = engine.administration.create_verifier_key("a key", &reason, NOON).await.unwrap().0;
    engine.store.close().await.unwrap();

    let stored = std::fs::read(&file).unwrap();
    let holds = |bytes: &[u8]| stored.windows(bytes.len()).any(|window| window == bytes);
    let SessionCredential::Cookie(hash) = session.session.credential else {
        panic!("a cookie session has a token hash")
    };
    assert!(holds(hash.as_bytes()), "the file contains the token hash");
    for secret in [
        secret_of(&session.credential),
        secret_of(&access.credential.token),
        secret_of(&pair.credential.refresh),
        secret_of(&rotated.credential.refresh),
        secret_of(&key),
        secret_of(&verifier_key),
    ] {
        assert!(!holds(secret.as_bytes()), "the file contains the text of the secret");
        assert!(!holds(&base64url::decode(&secret).unwrap()), "the file contains the bytes of the secret");
    }
    assert!(!holds(PASSWORD.as_bytes()));
}

#[tokio::test]
async fn the_subject_of_a_token_is_the_user_id_and_never_a_name() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let change = UserChange {
        roles: Some(vec!["staff".into()]),
        email: Some(Some("lovelace@example.org".into())),
        email_verified: Some(true),
        ..UserChange::default()
    };

    let before = engine.access(NOON).await.credential;
    engine
        .administration
        .change_user(ada.id, &change, &revocation_context(EndReason::ByAdmin), NOON)
        .await
        .unwrap();
    let after = engine.access(NOON).await.credential;

    let principal = engine.authenticate_access_token(&after, NOON).await.unwrap();
    assert_eq!(principal.subject(), ada.id.to_string());
    for access in [&before, &after] {
        let text = access.token.to_string();
        let payload = base64url::decode(text.split('.').nth(1).unwrap()).unwrap();
        let payload = String::from_utf8(payload).unwrap();
        assert!(payload.contains(&format!("\"sub\":\"{}\"", ada.id)), "{payload}");
        assert!(payload.contains("\"preferred_username\":\"ada\""), "{payload}");
        assert!(payload.matches("\"ada").count() == 1 && !payload.contains("lovelace"), "{payload}");
    }
}

#[tokio::test]
async fn a_refresh_token_stays_bound_to_its_client() {
    let engine = Engine::start().await;
    engine.ada().await;
    let (mobile, reason): (ClientId, _) = ("mobile".parse().unwrap(), revocation_context(EndReason::ByAdmin));
    engine.administration.add_client(mobile.clone(), ClientChange::default(), &reason, NOON).await.unwrap();
    let presented = Credentials {
        username: "ada".into(),
        password: Secret::new(PASSWORD.into()),
        client: mobile.clone(),
        mode: Mode::Hybrid,
    };
    let authenticated = engine.accounts.authenticate(&presented, &nowhere(), NOON).await.unwrap();
    let mobile_pair =
        engine.issuer.issue_token_pair(authenticated, NewSession::default(), NOON).await.unwrap().credential;
    let others = engine.pair(NOON).await.credential;

    let next =
        engine.issuer.refresh(&mobile_pair.refresh, None, &nowhere(), after(20)).await.unwrap().credential;
    let principal = engine.authenticate_access_token(&next.access, after(20)).await.unwrap();
    let disable = ClientChange { enabled: Some(false), ..ClientChange::default() };
    engine.administration.change_client(&mobile, &disable, &reason, after(30)).await.unwrap();
    let rejected = engine.issuer.refresh(&next.refresh, None, &nowhere(), after(40)).await;
    let other = engine.issuer.refresh(&others.refresh, None, &nowhere(), after(40)).await;

    assert_eq!(principal.client_id(), Some(&mobile));
    assert!(matches!(
        rejected,
        Err(ServiceError::Client(ClientError::Credential(
            InvalidCredential::Disabled | InvalidCredential::RevokedByCutoff | InvalidCredential::Ended(_)
        )))
    ));
    assert!(other.is_ok(), "the tokens of other clients stay valid");
}

#[tokio::test]
async fn a_login_whose_token_is_too_long_for_its_transport_changes_nothing() {
    let engine = Engine::start().await;
    engine.ada().await;
    let old = engine.session(NOON).await;
    let new_session =
        || NewSession { replaces: Some(old.session.id), max_token_length: Some(64), ..NewSession::default() };

    let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();
    let access = engine.issuer.issue_access_token(authenticated, new_session(), NOON).await.map(drop);
    let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();
    let pair = engine.issuer.issue_token_pair(authenticated, new_session(), NOON).await.map(drop);

    for rejected in [access, pair] {
        assert!(
            matches!(rejected, Err(ServiceError::Client(ClientError::Field { field: "transport", .. }))),
            "{rejected:?}"
        );
    }
    let page = counterfoil_core::store::Page { after: None, limit: 10 };
    let live = engine.store.sessions_of(old.session.user, page, NOON).await.unwrap();
    assert_eq!(live.iter().map(|session| session.id).collect::<Vec<_>>(), [old.session.id]);
}
