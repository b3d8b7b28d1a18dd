//! Each kind of revocation ends what it names and nothing else.

use serde_json::json;

use super::{Admin, Carried, token_part};
use crate::test_server::{Site, text};

const ALL: [bool; 4] = [true; 4];
const NONE: [bool; 4] = [false; 4];

/// A server with two users and a second client, before each revocation.
struct Fixture {
    site: Site,
    bearer: String,
    ada: Carried,
    /// The same user through the client `shop`.
    shop: Carried,
    eve: Carried,
}

impl Fixture {
    async fn open() -> Self {
        let site = Site::open().await;
        site.register("ada").await;
        site.register("eve").await;
        let admin = Admin::of(&site).await;
        admin.done("POST", "/v1/admin/clients", &json!({ "id": "shop" })).await;
        let ada = Carried::by(&site, "ada", "default").await;
        let shop = Carried::by(&site, "ada", "shop").await;
        let eve = Carried::by(&site, "eve", "default").await;
        let bearer = admin.bearer;
        Self { site, bearer, ada, shop, eve }
    }

    fn admin(&self) -> Admin<'_> {
        Admin { site: &self.site, bearer: self.bearer.clone() }
    }

    async fn alive(&self) -> [[bool; 4]; 3] {
        [
            self.ada.alive(&self.site).await,
            self.shop.alive(&self.site).await,
            self.eve.alive(&self.site).await,
        ]
    }

    /// Revokes this subject, and returns which credentials are accepted afterwards.
    async fn after(&self, subject: &str) -> [[bool; 4]; 3] {
        assert_eq!(self.alive().await, [ALL; 3]);
        let revoked = self.admin().revoke(subject).await;
        assert!(revoked["position"].as_u64().unwrap() > 0, "{revoked}");
        self.alive().await
    }
}

#[tokio::test]
async fn revoking_a_session_ends_only_that_session() {
    let house = Fixture::open().await;
    let subject = format!("session:{}", house.ada.session_id());
    assert_eq!(house.after(&subject).await, [[false, true, true, true], ALL, ALL]);

    let hybrid = format!("session:{}", text(&house.ada.hybrid["session"], "id"));
    house.admin().revoke(&hybrid).await;
    assert_eq!(house.alive().await, [[false, true, false, false], ALL, ALL]);
    house.admin().revoke(&hybrid).await;
}

#[tokio::test]
async fn revoking_a_user_ends_all_their_credentials() {
    let house = Fixture::open().await;
    let subject = format!("user:{}", house.ada.user);
    assert_eq!(house.after(&subject).await, [NONE, NONE, ALL]);

    assert_eq!(Carried::by(&house.site, "ada", "default").await.alive(&house.site).await, ALL);
}

#[tokio::test]
async fn revoking_an_access_token_ends_only_that_token() {
    let house = Fixture::open().await;
    let subject = format!("token:{}", token_part(text(&house.ada.hybrid, "access_token"), 1, "jti"));
    assert_eq!(house.after(&subject).await, [[true, true, false, true], ALL, ALL]);
}

#[tokio::test]
async fn revoking_a_client_ends_all_credentials_issued_through_it() {
    let house = Fixture::open().await;
    assert_eq!(house.after("client:shop").await, [ALL, NONE, ALL]);

    assert_eq!(Carried::by(&house.site, "ada", "shop").await.alive(&house.site).await, ALL);
}

#[tokio::test]
async fn revoking_a_key_ends_all_access_tokens_and_the_next_key_signs() {
    let house = Fixture::open().await;
    let kid = token_part(text(&house.ada.jwt, "access_token"), 0, "kid");
    assert_eq!(house.after(&format!("key:{kid}")).await, [[true, false, false, true]; 3]);

    let refreshed = house.ada.refresh(&house.site).await.json();
    let token = text(&refreshed, "access_token");
    assert_ne!(token_part(token, 0, "kid"), kid);
    assert_eq!(house.site.me(token).await, 200);
    assert_eq!(Carried::by(&house.site, "ada", "default").await.alive(&house.site).await, ALL);
}

#[tokio::test]
async fn revoking_everyone_ends_every_credential_except_admin_keys() {
    let house = Fixture::open().await;
    assert_eq!(house.after("everyone").await, [NONE; 3]);

    assert_eq!(Carried::by(&house.site, "eve", "default").await.alive(&house.site).await, ALL);
    let sessions = house.admin().get(&format!("/v1/admin/users/{}/sessions", house.ada.user)).await;
    assert_eq!(sessions["sessions"], json!([]), "sessions revoked by a cutoff are not listed");
}

#[tokio::test]
async fn a_revocation_returns_its_log_position_and_confirmations() {
    let house = Fixture::open().await;
    let form = json!({ "subject": "everyone", "reason": "a stolen laptop", "wait": "none" });

    let first = house.admin().done("POST", "/v1/revocations", &form).await;
    let second = house.admin().revoke("everyone").await;

    assert!(first["position"].as_u64() < second["position"].as_u64());
    // Verifiers do not receive revocations yet, so none has confirmed it.
    assert_eq!((&first["confirmed"], &first["expired"]), (&json!(0), &json!(0)));
    assert!(first["elapsed_ms"].is_u64() && first["beyond"] == json!(["jwks"]), "{first}");
    let told = &house.admin().get("/v1/admin/events").await["events"][1];
    assert_eq!((&told["kind"], &told["detail"]), (&json!("everyone_revoked"), &json!("a stolen laptop")));
}

#[tokio::test]
async fn revoking_an_unknown_subject_gets_404() {
    let house = Fixture::open().await;
    let nobody = "A".repeat(22);
    for subject in ["session:", "user:", "client:", "key:"] {
        let form = json!({ "subject": format!("{subject}{nobody}") });
        let answer = house.admin().send_json("POST", "/v1/revocations", &form).await;
        assert_eq!(answer.status, 404, "{subject}");
    }
    for (form, status) in [
        (json!({ "subject": "user:ada" }), 422),
        (json!({ "subject": "" }), 422),
        (json!({ "subject": "everyone", "wait": "long" }), 422),
        (json!({ "subject": "everyone", "wait": "fleet" }), 422),
        (json!({ "subject": "everyone", "reason": "a".repeat(201) }), 422),
        (json!({}), 422),
        (json!({ "subject": "everyone", "why": "x" }), 400),
    ] {
        let answer = house.admin().send_json("POST", "/v1/revocations", &form).await;
        assert_eq!(answer.status, status, "{form}");
    }
    assert_eq!(house.alive().await, [ALL; 3]);
}
