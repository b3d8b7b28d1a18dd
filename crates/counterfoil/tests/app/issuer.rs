//! A server whose issuer is its own address, for tests of the verifiers of its tokens.

use std::net::{SocketAddr, TcpListener};

use counterfoil::operator::Command;
use counterfoil::{App, Settings};
use counterfoil_jose::{Algorithm, Secret};
use counterfoil_verify::{JwksOptions, RemoteVerifier, TokenVerifier, TokenVerifierBuilder};
use serde_json::{Value, json};

use crate::client::{Reply, send};
use crate::fixture::{Fixture, TestServer};

/// The audience of the tokens.
pub(crate) const SHOP: &str = "http://127.0.0.1:4000";

/// A server whose issuer is its own address, with one logged-in user, an admin key and a verifier key.
pub(crate) struct Issuer {
    pub(crate) server: TestServer,
    pub(crate) url: String,
    pub(crate) admin_key: String,
    pub(crate) verifier_key: String,
    pub(crate) session: String,
    settings: Settings,
}

impl Issuer {
    pub(crate) async fn open(fixture: &Fixture, roles: &[&str]) -> Self {
        Self::open_with(fixture, roles, |_| {}).await
    }

    pub(crate) async fn open_with(
        fixture: &Fixture,
        roles: &[&str],
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let settings = fixture.settings().with(|settings| {
            settings.issuer = url.parse().unwrap();
            change(settings);
        });
        let app = App::open(settings.clone()).await.unwrap();
        let ada = Command::UserAdd {
            username: "ada".into(),
            password: Secret::new("correct horse".into()),
            email: None,
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
        };
        app.administer(ada).await.unwrap();
        let admin_key = app.administer(Command::AdminKeyAdd { name: "rotator".into() }).await.unwrap();
        let verifier_key = app.administer(Command::VerifierKeyAdd { name: "shop".into() }).await.unwrap();
        let server = TestServer::serve_on(listener, app).await;
        let session = log_in(server.address).await;
        let text = |value: &Value| value["key"].as_str().unwrap().to_owned();
        let (admin_key, verifier_key) = (text(&admin_key), text(&verifier_key));
        Self { server, url, admin_key, verifier_key, session, settings }
    }

    /// Shuts the server down and starts it again at the same address.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(async |_| {}).await
    }

    /// As `restart`, with something done in between.
    pub(crate) async fn restart_after(self, while_stopped: impl AsyncFnOnce(&Settings)) -> Self {
        let address = self.address();
        self.server.shut_down().await;
        while_stopped(&self.settings).await;
        let app = App::open(self.settings.clone()).await.unwrap();
        let server = TestServer::serve_on(TcpListener::bind(address).unwrap(), app).await;
        Self { server, ..self }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    pub(crate) async fn send(&self, request: &str, bearer: &str, body: &str) -> Reply {
        send(self.address(), request, &[&format!("authorization: Bearer {bearer}")], body).await
    }

    /// Logs in once more. Returns the session token.
    pub(crate) async fn log_in(&self) -> String {
        log_in(self.address()).await
    }

    pub(crate) async fn log_out(&self, session: &str) {
        let reply = self.send("POST /v1/logout", session, "").await;
        assert_eq!(reply.status, 204, "{reply:?}");
    }

    /// Issues an access token for the shop with this scope.
    pub(crate) async fn issue_token(&self, scope: &str) -> String {
        self.issue_token_for(&self.session, scope).await
    }

    pub(crate) async fn issue_token_for(&self, session: &str, scope: &str) -> String {
        let form = json!({ "audience": SHOP, "scope": scope }).to_string();
        let reply = self.send("POST /v1/token", session, &form).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Rotates immediately, so the new key signs before any verifier can have fetched it.
    pub(crate) async fn rotate_now(&self) {
        let reply = self.send("POST /v1/admin/keys", &self.admin_key, r#"{"now":true}"#).await;
        assert_eq!(reply.status, 201, "{reply:?}");
    }

    /// The settings of a verifier of the tokens for the shop.
    pub(crate) fn tokens(&self) -> TokenVerifierBuilder {
        TokenVerifier::builder(&self.url, SHOP, &[Algorithm::Es256])
    }

    pub(crate) fn verifier(&self, options: JwksOptions) -> RemoteVerifier {
        RemoteVerifier::start(self.tokens(), options).unwrap()
    }
}

async fn log_in(address: SocketAddr) -> String {
    let form = r#"{"username":"ada","password":"correct horse"}"#;
    let login = send(address, "POST /v1/login", &[], form).await.json();
    login["session_token"].as_str().unwrap().to_owned()
}
