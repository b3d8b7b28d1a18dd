//! Keys, verifiers, rate limits, health and the doctor in the console.

use serde_json::json;

use crate::administrator::administrator;
use crate::browser::{after, html};
use crate::client::Request;
use crate::test_server::text;

#[tokio::test]
async fn keys_are_rotated_after_a_question_and_revoked_with_the_id_typed() {
    let (server, mut browser) = administrator().await;
    let published = async || {
        let keys = Request::get("/.well-known/jwks.json").send(&server).await.json();
        keys["keys"].as_array().unwrap().iter().map(|key| text(key, "kid").to_owned()).collect::<Vec<_>>()
    };

    let page = html(&browser.open(&server, "/admin/keys").await);
    assert!(page.contains("<svg class=\"keys\"") && page.contains(">current<"), "{page}");
    let before = published().await;
    html(&browser.open(&server, "/admin/keys/rotate").await);
    assert_eq!(published().await, before, "a question changes nothing");
    assert_eq!(browser.post(&server, "/admin/keys/rotate", &[]).await.status, 303);
    assert_eq!(browser.post(&server, "/admin/keys/rotate-refresh-token", &[]).await.status, 303);
    assert_eq!(browser.post(&server, "/admin/keys/rotate-now", &[]).await.status, 422);
    let now = browser.post(&server, "/admin/keys/rotate-now", &[("confirm", "rotate now")]).await;
    assert_eq!(now.status, 303);

    let kid = before[0].clone();
    let path = format!("/admin/keys/{kid}/revoke");
    assert_eq!(browser.post(&server, &path, &[("confirm", "yes")]).await.status, 422);
    assert!(published().await.contains(&kid));
    let page = html(&browser.post_and_follow(&server, &path, &[("confirm", &kid)]).await);
    assert!(page.contains(">revoked<"), "{page}");
    assert!(!published().await.contains(&kid));
    assert_eq!(browser.open(&server, "/admin/keys/nothing/revoke").await.status, 404);
    assert_eq!(browser.open(&server, "/admin/keys/nothing").await.status, 404);
}

#[tokio::test]
async fn a_verifier_key_is_shown_once_and_removed_after_a_question() {
    let (server, mut browser) = administrator().await;

    let page = html(&browser.post(&server, "/admin/verifiers", &[("name", "orders")]).await);
    let key = after(&page, "<code class=\"secret mt2\">", "</code>").to_owned();
    assert!(key.starts_with("cfv_"), "{key}");
    let page = html(&browser.open(&server, "/admin/verifiers").await);
    assert!(page.contains(">orders<") && !page.contains("cfv_"), "{page}");
    assert_eq!(browser.post(&server, "/admin/verifiers", &[("name", "")]).await.status, 422);

    let path = after(&page, "href=\"/admin/verifiers/", "\"").to_owned();
    let path = format!("/admin/verifiers/{path}");
    let question = html(&browser.open(&server, &path).await);
    assert!(question.contains("Remove the verifier key orders?"), "{question}");
    let page = html(&browser.post_and_follow(&server, &path, &[]).await);
    assert!(!page.contains(">orders<"), "{page}");
    assert_eq!(browser.open(&server, &path).await.status, 404);
}

#[tokio::test]
async fn what_is_counted_for_an_account_is_shown_and_forgotten_after_a_question() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    let wrong = json!({ "username": "ada", "password": "wrong horse" });
    assert_eq!(Request::post("/v1/login").json(&wrong).send(&server).await.status, 401);

    let unasked = html(&browser.open(&server, "/admin/rate-limits").await);
    assert!(!unasked.contains("What is counted"), "{unasked}");
    let page = html(&browser.open(&server, "/admin/rate-limits?username=ada").await);
    assert!(page.contains("failed_logins") && page.contains("<td class=\"n\">1</td>"), "{page}");
    assert_eq!(browser.open(&server, "/admin/rate-limits?ip=here").await.status, 422);

    let question = html(&browser.open(&server, "/admin/rate-limits/release?username=ada").await);
    assert!(question.contains("value=\"ada\""), "{question}");
    let release = "/admin/rate-limits/release";
    assert_eq!(browser.post(&server, release, &[]).await.status, 422);
    assert_eq!(browser.post(&server, release, &[("username", "ada"), ("ip", "")]).await.status, 303);
    let page = html(&browser.open(&server, "/admin/rate-limits?username=ada").await);
    assert!(!page.contains("<td class=\"n\">1</td>"), "{page}");
}

#[tokio::test]
async fn health_names_every_readiness_check() {
    let (server, mut browser) = administrator().await;

    let page = html(&browser.open(&server, "/admin/health").await);
    for check in ["closing", "store", "store_writes", "clock", "keys", "node_lease", "hashing"] {
        assert!(page.contains(&format!("<code>{check}</code>")), "{check}: {page}");
    }
    assert!(page.contains("<b>Ready</b>") && !page.contains(">fails<"), "{page}");
}

#[tokio::test]
async fn the_doctor_shows_what_arrives_of_a_browser() {
    let (server, mut browser) = administrator().await;

    let first = browser.open(&server, "/admin/doctor").await;
    assert_eq!(first.status, 303);
    let location = first.header("location").unwrap().to_owned();
    let page = html(&browser.open(&server, &location).await);
    assert!(page.contains("arrived once, unchanged"), "{page}");
    let again = html(&browser.open(&server, &location).await);
    assert!(again.contains("did not arrive"), "the page has cleared the cookie: {again}");

    let probe = after(&page, "<code class=\"wrap\">", "</code>");
    let view = Request::get("/v1/doctor/request").bearer(probe).send(&server).await;
    assert_eq!(view.status, 200);
    assert_eq!(view.json()["is_trusted_peer"], false);
    assert_eq!(Request::get("/v1/me").bearer(probe).send(&server).await.status, 401);
}
