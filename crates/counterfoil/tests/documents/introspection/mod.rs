//! `docs/introspection.md`: programs of others introspect and revoke tokens as the page says.

mod apache;
mod authlib;
mod curl;
mod go;
mod node;
mod python_frameworks;
mod spring;

use counterfoil::operator::Command;
use serde_json::{Value, json};

use crate::client::Request;
use crate::test_server::{PASSWORD, TestServer, text};

const PAGE: &str = include_str!("../../../../../docs/introspection.md");

/// The audience of the tokens, as on the page.
const AUDIENCE: &str = "https://shop.example";

/// The code of the page in this language.
fn code(language: &str) -> String {
    let (_, rest) = PAGE.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// An issuer, and the verifier key of a resource server.
struct Issuer {
    server: TestServer,
    id: String,
    key: String,
}

impl Issuer {
    async fn start() -> Self {
        let server = TestServer::open().await;
        server.register("ada").await;
        let made = server.app.administer(Command::VerifierKeyAdd { name: "orders".into() }).await.unwrap();
        Self { server, id: text(&made, "id").to_owned(), key: text(&made, "key").to_owned() }
    }

    /// The URL of an endpoint.
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.origin)
    }

    /// Code of the page, for this issuer and this key.
    fn fill_in(&self, code: &str) -> String {
        let code = code.replace("http://localhost:3000", &self.server.origin);
        let code = code.replace("cfv_ID.SECRET", &self.key);
        ["=", " "].iter().fold(code, |code, before| {
            code.replace(&format!("{before}ID\n"), &format!("{before}{}\n", self.id))
        })
    }

    /// A login with tokens for the audience of the page.
    async fn login(&self) -> Value {
        let form = json!({ "username": "ada", "password": PASSWORD, "mode": "hybrid", "audience": AUDIENCE });
        let response = Request::post("/v1/login").json(&form).send(&self.server).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.json()
    }
}
