//! Administration over HTTP: authorization, and the effect of each operation.

mod audit_log;
mod authorization;
mod clients;
pub(crate) mod documented_statuses;
mod keys;
mod revocations;
mod users;

use serde_json::{Value, json};

use counterfoil::operator::Command;

use crate::client::{Answer, Request};
use crate::test_server::{PASSWORD, Site, text};

/// An administrator with an admin key, which no revocation of users or sessions affects.
pub(crate) struct Admin<'s> {
    pub(crate) site: &'s Site,
    pub(crate) bearer: String,
}

impl<'s> Admin<'s> {
    pub(crate) async fn of(site: &'s Site) -> Self {
        let made = site.app.administer(Command::AdminKeyAdd { name: "tests".into() }).await.unwrap();
        Self { site, bearer: text(&made, "key").to_owned() }
    }

    pub(crate) async fn send(&self, method: &str, path: &str) -> Answer {
        Request::new(method, path).bearer(&self.bearer).send(self.site).await
    }

    pub(crate) async fn send_json(&self, method: &str, path: &str, body: &Value) -> Answer {
        Request::new(method, path).bearer(&self.bearer).json(body).send(self.site).await
    }

    /// Gets a resource that exists.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Sends a request that must succeed.
    pub(crate) async fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.send_json(method, path, body).await;
        assert!(matches!(answer.status, 200 | 201), "{method} {path} {body}: {answer:?}");
        answer.json()
    }

    pub(crate) async fn revoke(&self, subject: &str) -> Value {
        self.done("POST", "/v1/revocations", &json!({ "subject": subject })).await
    }

    pub(crate) async fn change_user(&self, id: &str, change: Value) -> Value {
        self.done("PATCH", &format!("/v1/admin/users/{id}"), &change).await
    }
}

/// A user's credentials: one login in each mode.
pub(crate) struct Carried {
    pub(crate) user: String,
    pub(crate) session: Value,
    pub(crate) jwt: Value,
    pub(crate) hybrid: Value,
}

impl Carried {
    /// Logs in once in each mode, through this client.
    pub(crate) async fn by(site: &Site, name: &str, client: &str) -> Self {
        let login = async |mode: &str| {
            let form = json!({ "username": name, "password": PASSWORD, "mode": mode, "client_id": client });
            let answer = Request::post("/v1/login").json(&form).send(site).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.json()
        };
        let [session, jwt, hybrid] = [login("session").await, login("jwt").await, login("hybrid").await];
        Self { user: text(&session["user"], "id").to_owned(), session, jwt, hybrid }
    }

    /// Which are accepted: session token, access token of `jwt`, access token of `hybrid`, refresh token.
    pub(crate) async fn alive(&self, site: &Site) -> [bool; 4] {
        [
            site.me(text(&self.session, "session_token")).await == 200,
            site.me(text(&self.jwt, "access_token")).await == 200,
            site.me(text(&self.hybrid, "access_token")).await == 200,
            self.refresh(site).await.status == 200,
        ]
    }

    /// Sends the refresh token, which can be repeated within the grace period.
    pub(crate) async fn refresh(&self, site: &Site) -> Answer {
        let body = json!({ "refresh_token": text(&self.hybrid, "refresh_token") });
        Request::post("/v1/refresh").json(&body).send(site).await
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
