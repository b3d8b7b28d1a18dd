//! The layers for a role and a scope, below the layer of an embedded Counterfoil.

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use axum::routing::get;
use counterfoil::operator::Command;
use counterfoil::{Counterfoil, Limits, RequireRole, RequireScope, Secret};
use serde_json::json;

use crate::client::send;
use crate::fixture::Fixture;

#[tokio::test]
async fn the_layers_for_a_role_and_a_scope_are_below_that_of_counterfoil() {
    let fixture = Fixture::new();
    let argon2 = fixture.settings().argon2;
    let store = format!("sqlite:{}", fixture.path("shop.db").display());
    let builder = Counterfoil::builder().store(store).configure(move |settings| settings.argon2 = argon2);
    let auth = builder.open().await.unwrap();
    for (username, roles) in [("ada", vec!["manager".to_owned()]), ("bob", vec![])] {
        let password = Secret::new("correct horse".into());
        let user = Command::UserAdd { username: username.into(), password, email: None, roles };
        auth.app().administer(user).await.unwrap();
    }
    let prices = Router::new().route("/prices", get("1 EUR")).route_layer(RequireRole::new("manager"));
    let orders = Router::new().route("/orders", get("none")).route_layer(RequireScope::new("orders:read"));
    let router = prices.merge(orders).layer(auth.layer()).merge(auth.routes());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    tokio::spawn(counterfoil::serve(router, listener, Limits::default(), std::future::pending()));

    let (manager, scoped) = (json!({}), json!({ "scope": "orders:read" }));
    for (username, request, [prices, orders]) in
        [("ada", &manager, [200, 403]), ("bob", &manager, [403, 403]), ("bob", &scoped, [403, 200])]
    {
        for mode in ["session", "jwt"] {
            let header = log_in(to, username, mode, request).await;
            for (path, expected) in [("/prices", prices), ("/orders", orders)] {
                let reply = send(to, &format!("GET {path}"), &[&header], "").await;
                assert_eq!(reply.status, expected, "{username} {mode} {request} {path}: {reply:?}");
                let names_the_issuer = |body: &str| body.contains("http://localhost:3000/problems/");
                assert!(expected == 200 || names_the_issuer(&reply.body), "{reply:?}");
            }
        }
    }
    for path in ["/prices", "/orders"] {
        assert_eq!(send(to, &format!("GET {path}"), &[], "").await.status, 401, "{path}");
    }
    auth.close().await.unwrap();
}

/// The header with the credential of a login.
async fn log_in(to: SocketAddr, username: &str, mode: &str, request: &serde_json::Value) -> String {
    let mut body = json!({ "username": username, "password": "correct horse", "mode": mode });
    body.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
    let reply = send(to, "POST /v1/login", &[], &body.to_string()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let member = if mode == "session" { "session_token" } else { "access_token" };
    format!("authorization: Bearer {}", reply.json()[member].as_str().unwrap())
}
