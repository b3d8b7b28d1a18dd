//! Each kind of revocation ends what it names and nothing else.

use serde_json::json;

use super::{Admin, UserCredentials, token_part};
use crate::test_server::{TestServer, text};

const ALL: [bool; 4] = [true; 4];
const NONE: [bool; 4] = [false; 4];

/// A server with two users and a second client, before each revocation.
struct Fixture {
    server: TestServer,
    bearer: String,
    ada: UserCredentials,
    /// The same user through the client `shop`.
    shop: UserCredentials,
    eve: UserCredentials,
}

impl Fixture {
    async fn open() -> Self {
        let server = TestServer::open().await;
        server.register("ada").await;
        server.register("eve").await;
        let admin = Admin::new(&server).await;
        admin.send_ok("POST", "/v1/admin/clients", &json!({ "id": "shop" })).await;
        let ada = UserCredentials::log_in(&server, "ada", "default").await;
        let shop = UserCredentials::log_in(&server, "ada", "shop").await;
        let eve = UserCredentials::log_in(&server, "eve", "default").await;
        let bearer = admin.bearer;
        Self { server, bearer, ada, shop, eve }
    }

    fn admin(&self) -> Admin<'_> {
        Admin { server: &self.server, bearer: self.bearer.clone() }
    }

    async fn accepted(&self) -> [[bool; 4]; 3] {
        [
            self.ada.accepted(&self.server).await,
            self.shop.accepted(&self.server).await,
            self.eve.accepted(&self.server).await,
        ]
    }

    /// Revokes this subject, and returns which credentials are accepted afterwards.
    async fn after(&self, subject: &str) -> [[bool; 4]; 3] {
        assert_eq!(self.accepted().await, [ALL; 3]);
        let revoked = self.admin().revoke(subject).await;
        assert!(revoked["position"].as_u64().unwrap() > 0, "{revoked}");
        self.accepted().await
    }
}

#[tokio::test]
async fn revoking_a_session_ends_only_that_session() {
    let fixture = Fixture::open().await;
    let subject = format!("session:{}", fixture.ada.session_id());
    assert_eq!(fixture.after(&subject).await, [[false, true, true, true], ALL, ALL]);

    let hybrid = format!("session:{}", text(&fixture.ada.hybrid["session"], "id"));
    fixture.admin().revoke(&hybrid).await;
    assert_eq!(fixture.accepted().await, [[false, true, false, false], ALL, ALL]);
    fixture.admin().revoke(&hybrid).await;
}

#[tokio::test]
async fn revoking_a_user_ends_all_their_credentials() {
    let fixture = Fixture::open().await;
    let subject = format!("user:{}", fixture.ada.user);
    assert_eq!(fixture.after(&subject).await, [NONE, NONE, ALL]);

    assert_eq!(
        UserCredentials::log_in(&fixture.server, "ada", "default").await.accepted(&fixture.server).await,
        ALL
    );
}

#[tokio::test]
async fn revoking_an_access_token_ends_only_that_token() {
    let fixture = Fixture::open().await;
    let subject = format!("token:{}", token_part(text(&fixture.ada.hybrid, "access_token"), 1, "jti"));
    assert_eq!(fixture.after(&subject).await, [[true, true, false, true], ALL, ALL]);
}

#[tokio::test]
async fn revoking_a_client_ends_all_credentials_issued_through_it() {
    let fixture = Fixture::open().await;
    assert_eq!(fixture.after("client:shop").await, [ALL, NONE, ALL]);

    assert_eq!(
        UserCredentials::log_in(&fixture.server, "ada", "shop").await.accepted(&fixture.server).await,
        ALL
    );
}

#[tokio::test]
async fn revoking_a_key_ends_all_access_tokens_and_the_next_key_signs() {
    let fixture = Fixture::open().await;
    let kid = token_part(text(&fixture.ada.jwt, "access_token"), 0, "kid");
    assert_eq!(fixture.after(&format!("key:{kid}")).await, [[true, false, false, true]; 3]);

    let refreshed = fixture.ada.refresh(&fixture.server).await.json();
    let token = text(&refreshed, "access_token");
    assert_ne!(token_part(token, 0, "kid"), kid);
    assert_eq!(fixture.server.me(token).await, 200);
    assert_eq!(
        UserCredentials::log_in(&fixture.server, "ada", "default").await.accepted(&fixture.server).await,
        ALL
    );
}

#[tokio::test]
async fn revoking_everyone_ends_every_credential_except_admin_keys() {
    let fixture = Fixture::open().await;
    assert_eq!(fixture.after("everyone").await, [NONE; 3]);

    assert_eq!(
        UserCredentials::log_in(&fixture.server, "eve", "default").await.accepted(&fixture.server).await,
        ALL
    );
    let sessions = fixture.admin().get(&format!("/v1/admin/users/{}/sessions", fixture.ada.user)).await;
    assert_eq!(sessions["sessions"], json!([]), "sessions revoked by a cutoff are not listed");
}

#[tokio::test]
async fn a_revocation_returns_its_log_position_and_confirmations() {
    let fixture = Fixture::open().await;
    let form = json!({ "subject": "everyone", "reason": "a stolen laptop", "wait": "none" });

    let first = fixture.admin().send_ok("POST", "/v1/revocations", &form).await;
    let second = fixture.admin().revoke("everyone").await;

    assert!(first["position"].as_u64() < second["position"].as_u64());
    // Verifiers do not receive revocations yet, so none has confirmed it.
    assert_eq!((&first["confirmed"], &first["expired"]), (&json!(0), &json!(0)));
    assert!(first["elapsed_ms"].is_u64() && first["beyond"] == json!(["jwks", "status_lists"]), "{first}");
    let event = &fixture.admin().get("/v1/admin/events").await["events"][1];
    assert_eq!((&event["kind"], &event["detail"]), (&json!("everyone_revoked"), &json!("a stolen laptop")));
}

#[tokio::test]
async fn revoking_an_unknown_subject_gets_404() {
    let fixture = Fixture::open().await;
    let unknown = "A".repeat(22);
    for subject in ["session:", "user:", "client:", "key:"] {
        let form = json!({ "subject": format!("{subject}{unknown}") });
        let response = fixture.admin().send_json("POST", "/v1/revocations", &form).await;
        assert_eq!(response.status, 404, "{subject}");
    }
    for (form, status) in [
        (json!({ "subject": "user:ada" }), 422),
        (json!({ "subject": "" }), 422),
        (json!({ "subject": "everyone", "wait": "long" }), 422),
        (json!({ "subject": "everyone", "reason": "a".repeat(201) }), 422),
        (json!({}), 422),
        (json!({ "subject": "everyone", "why": "x" }), 400),
    ] {
        let response = fixture.admin().send_json("POST", "/v1/revocations", &form).await;
        assert_eq!(response.status, status, "{form}");
    }
    assert_eq!(fixture.accepted().await, [ALL; 3]);
}
