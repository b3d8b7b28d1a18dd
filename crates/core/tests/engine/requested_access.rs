//! The scope and the audience that a login requests: what its client allows, and what follows from them.

use counterfoil_core::ClientError;
use counterfoil_core::model::client::Client;
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::issuer::{
    AccessBounds, IssuedAccessToken, IssuedSession, NewSession, TokenPair, TokenRequest,
};
use counterfoil_core::store::{Change, Transaction};
use counterfoil_verify::{AccessClaims, ClientId};

use crate::harness::{Engine, ISSUER, NOON, PASSWORD, after, nowhere};

const SHOP: &str = "https://shop.example";

fn requested(scope: Option<&str>, audience: Option<&str>) -> NewSession {
    NewSession {
        scope: scope.map(str::to_owned),
        audience: audience.map(str::to_owned),
        ..NewSession::default()
    }
}

async fn pair(engine: &Engine, new_session: NewSession) -> Result<IssuedSession<TokenPair>, ServiceError> {
    let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();
    engine.issuer.issue_token_pair(authenticated, new_session, NOON).await
}

/// Limits what the client of all logins may request.
async fn restrict_client(engine: &Engine, scopes: &[&str], audiences: &[&str]) {
    let owned = |all: &[&str]| Some(all.iter().map(|one| (*one).to_owned()).collect());
    let client = engine.store.client(&ClientId::default()).await.unwrap().unwrap();
    let revision = client.revision + 1;
    let next = Client { scopes: owned(scopes), audiences: owned(audiences), revision, ..client };
    let changed = engine.store.commit(&Transaction::new([Change::replace_client(next)])).await.unwrap();
    assert!(changed.applied().is_some());
}

fn claims(access: &IssuedAccessToken) -> AccessClaims {
    let token = access.token.to_string();
    let payload = token.split('.').nth(1).unwrap();
    AccessClaims::from_json(&counterfoil_jose::base64url::decode(payload).unwrap()).unwrap()
}

fn refused_field<T: std::fmt::Debug>(issued: Result<T, ServiceError>) -> &'static str {
    match issued {
        Err(ServiceError::Client(ClientError::Field { field, .. })) => field,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_login_gets_the_requested_scope_and_audience_and_a_refresh_keeps_them() {
    let engine = Engine::start().await;
    engine.ada().await;

    let issued = pair(&engine, requested(Some("read write"), Some(SHOP))).await.unwrap();

    let first = claims(&issued.credential.access);
    assert_eq!((first.scope.as_deref(), first.aud), (Some("read write"), vec![SHOP.to_owned()]));
    let client_info = nowhere();
    let refresh = |scope| engine.issuer.refresh(&issued.credential.refresh, scope, &client_info, NOON);
    let narrowed = claims(&refresh(Some("read")).await.unwrap().credential.access);
    assert_eq!((narrowed.scope.as_deref(), narrowed.aud), (Some("read"), vec![SHOP.to_owned()]));
    let repeated = claims(&refresh(None).await.unwrap().credential.access);
    assert_eq!((repeated.scope.as_deref(), repeated.aud), (Some("read write"), vec![SHOP.to_owned()]));
    assert_eq!(
        refresh(Some("admin")).await.err().map(|error| error.to_string()).as_deref(),
        Some("not granted: scope")
    );
}

#[tokio::test]
async fn a_login_without_a_request_has_no_scope_and_the_audience_of_the_issuer() {
    let engine = Engine::start().await;
    engine.ada().await;
    restrict_client(&engine, &["read"], &[]).await;

    let plain = claims(&pair(&engine, NewSession::default()).await.unwrap().credential.access);

    assert_eq!((plain.scope, plain.aud), (None, vec![ISSUER.to_owned()]));
    let named = pair(&engine, requested(None, Some(ISSUER))).await.unwrap();
    assert_eq!(claims(&named.credential.access).aud, [ISSUER]);
}

#[tokio::test]
async fn a_login_cannot_request_what_its_client_may_not_and_opens_no_session() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    restrict_client(&engine, &["read", "write"], &[SHOP]).await;

    for (scope, audience, field) in [
        (Some("admin"), None, "scope"),
        (Some("read admin"), Some(SHOP), "scope"),
        (None, Some("https://other.example"), "audience"),
        (Some("read"), Some("https://shop.example/"), "audience"),
    ] {
        let refused = pair(&engine, requested(scope, audience)).await;
        assert_eq!(refused_field(refused), field, "{scope:?} {audience:?}");
    }
    let listed =
        engine.store.sessions_of(ada.id, counterfoil_core::store::Page { after: None, limit: 10 }, NOON);
    assert!(listed.await.unwrap().is_empty());
    assert!(pair(&engine, requested(Some("write"), Some(SHOP))).await.is_ok());
}

#[tokio::test]
async fn a_client_that_is_restricted_during_a_login_is_checked_again() {
    let engine = Engine::start().await;
    engine.ada().await;
    let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();
    restrict_client(&engine, &["read"], &[SHOP]).await;

    let refused = engine.issuer.issue_access_token(authenticated, requested(Some("write"), None), NOON).await;

    assert_eq!(refused_field(refused), "scope");
}

#[tokio::test]
async fn a_session_token_can_be_limited_by_scope_but_has_no_other_audience() {
    let engine = Engine::start().await;
    engine.ada().await;
    let login = |new_session| async {
        let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();
        engine.issuer.issue_session(authenticated, new_session, NOON).await
    };

    assert_eq!(refused_field(login(requested(None, Some(SHOP))).await), "audience");
    let issued = login(requested(Some("read"), None)).await.unwrap();

    let principal = engine.authenticate_session(&issued.credential, NOON).await.unwrap();
    assert_eq!(principal.scopes().collect::<Vec<_>>(), ["read"]);
    for (audience, scope, refused) in [(SHOP, None, "audience"), (ISSUER, Some("write"), "scope")] {
        let request = TokenRequest { audience: Some(audience.into()), scope: scope.map(str::to_owned) };
        let presented = (issued.session.id, issued.session.pos);
        let wider = engine.issuer.exchange(presented, None, &request, &nowhere(), NOON).await;
        assert!(matches!(wider, Err(ServiceError::Client(ClientError::NotGranted(what))) if what == refused));
    }
}

#[tokio::test]
async fn a_token_that_is_limited_by_scope_is_exchanged_for_its_own_audience_only() {
    let engine = Engine::start().await;
    engine.ada().await;
    let session = engine.session(NOON).await.session;
    let presented = (session.id, session.pos);
    let exchange = |scope: Option<&str>, audience: &str| {
        let bounds = AccessBounds { expires_at: after(60), scope: scope.map(str::to_owned) };
        let request = TokenRequest { audience: Some(audience.into()), scope: None };
        let engine = &engine;
        async move {
            let nowhere = nowhere();
            engine.issuer.exchange(presented, Some(&bounds), &request, &nowhere, NOON).await
        }
    };

    let other = exchange(Some("read"), SHOP).await;
    assert!(matches!(other, Err(ServiceError::Client(ClientError::NotGranted("audience")))));
    let (own, scope) = exchange(Some("read"), ISSUER).await.unwrap();
    assert_eq!((claims(&own).aud, scope.as_deref()), (vec![ISSUER.to_owned()], Some("read")));
    let (unlimited, _) = exchange(None, SHOP).await.unwrap();
    assert_eq!(claims(&unlimited).aud, [SHOP]);
}
