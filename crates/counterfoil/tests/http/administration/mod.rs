//! Administration over HTTP: authorization, and the effect of each operation.

mod audit_log;
mod authorization;
mod clients;
pub(crate) mod documented_statuses;
mod keys;
mod last_administrator;
mod lists;
mod live;
mod rate_limits;
mod recent_login;
mod revocations;
mod sessions;
mod users;

use serde_json::{Value, json};

use counterfoil::operator::Command;

use crate::client::{Request, Response};
use crate::test_server::{PASSWORD, TestServer, text};

/// An administrator with an admin key, which no revocation of users or sessions affects.
pub(crate) struct Admin<'s> {
    pub(crate) server: &'s TestServer,
    pub(crate) bearer: String,
}

impl<'s> Admin<'s> {
    pub(crate) async fn new(server: &'s TestServer) -> Self {
        let made = server.app.administer(Command::AdminKeyAdd { name: "tests".into() }).await.unwrap();
        Self { server, bearer: text(&made, "key").to_owned() }
    }

    pub(crate) async fn send(&self, method: &str, path: &str) -> Response {
        Request::new(method, path).bearer(&self.bearer).send(self.server).await
    }

    pub(crate) async fn send_json(&self, method: &str, path: &str, body: &Value) -> Response {
        Request::new(method, path).bearer(&self.bearer).json(body).send(self.server).await
    }

    /// Gets a resource that exists.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.send("GET", path).await;
        assert_eq!(response.status, 200, "{path}: {response:?}");
        response.json()
    }

    /// Sends a request that must succeed.
    pub(crate) async fn send_ok(&self, method: &str, path: &str, body: &Value) -> Value {
        let response = self.send_json(method, path, body).await;
        assert!(matches!(response.status, 200 | 201), "{method} {path} {body}: {response:?}");
        response.json()
    }

    pub(crate) async fn revoke(&self, subject: &str) -> Value {
        self.send_ok("POST", "/v1/revocations", &json!({ "subject": subject })).await
    }

    pub(crate) async fn change_user(&self, id: &str, change: Value) -> Value {
        self.send_ok("PATCH", &format!("/v1/admin/users/{id}"), &change).await
    }
}

/// A user's credentials: one login in each mode.
pub(crate) struct UserCredentials {
    pub(crate) user: String,
    pub(crate) session: Value,
    pub(crate) jwt: Value,
    pub(crate) hybrid: Value,
}

impl UserCredentials {
    /// Logs in once in each mode, through this client.
    pub(crate) async fn log_in(server: &TestServer, name: &str, client: &str) -> Self {
        let login = async |mode: &str| {
            let form = json!({ "username": name, "password": PASSWORD, "mode": mode, "client_id": client });
            let response = Request::post("/v1/login").json(&form).send(server).await;
            assert_eq!(response.status, 200, "{response:?}");
            response.json()
        };
        let [session, jwt, hybrid] = [login("session").await, login("jwt").await, login("hybrid").await];
        Self { user: text(&session["user"], "id").to_owned(), session, jwt, hybrid }
    }

    /// Which are accepted: session token, access token of `jwt`, access token of `hybrid`, refresh token.
    pub(crate) async fn accepted(&self, server: &TestServer) -> [bool; 4] {
        [
            server.me(text(&self.session, "session_token")).await == 200,
            server.me(text(&self.jwt, "access_token")).await == 200,
            server.me(text(&self.hybrid, "access_token")).await == 200,
            self.refresh(server).await.status == 200,
        ]
    }

    /// Sends the refresh token, which can be repeated within the grace period.
    pub(crate) async fn refresh(&self, server: &TestServer) -> Response {
        let body = json!({ "refresh_token": text(&self.hybrid, "refresh_token") });
        Request::post("/v1/refresh").json(&body).send(server).await
    }

    pub(crate) fn session_id(&self) -> &str {
        text(&self.session["session"], "id")
    }
}

/// A member of the header (part 0) or the claims (part 1) of an access token.
pub(crate) fn token_part(token: &str, part: usize, member: &str) -> String {
    let part = token.split('.').nth(part).unwrap();
    let json: Value = serde_json::from_slice(&counterfoil_jose::base64url::decode(part).unwrap()).unwrap();
    text(&json, member).to_owned()
}
