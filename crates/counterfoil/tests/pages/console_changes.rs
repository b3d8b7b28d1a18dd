//! Revocations and clients in the console.

use std::sync::atomic::Ordering;

use counterfoil::{SettingDescription, Settings, WriteRateLimits};
use serde_json::{Value, json};

use crate::administrator::{administrator, get};
use crate::advanced_clock::advanced_clock;
use crate::browser::{PageBrowser, after, html};
use crate::client::Request;
use crate::test_server::{TestServer, text};

#[tokio::test]
async fn a_session_and_a_token_are_revoked_after_a_question_and_the_log_shows_it() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let subject = format!("session%3A{}", text(&login["session"], "id"));
    let path = format!("/admin/revocations/revoke?subject={subject}");

    let question = html(&browser.open(&server, &path).await);
    assert!(question.contains("A session of ada ends.") && !question.contains("This is you."), "{question}");
    assert_eq!(server.me(text(&login, "access_token")).await, 200, "a question changes nothing");
    let form = [("reason", "a lost phone"), ("wait", "on")];
    let page = html(&browser.post_and_follow(&server, &path, &form).await);
    assert!(page.contains("Done. The change is in force.") && page.contains("<code>session:"), "{page}");
    assert_eq!(server.me(text(&login, "access_token")).await, 401);

    for wrong in ["", "party", "user:x", "session:AAAA"] {
        let refused = browser.open(&server, &format!("/admin/revocations/revoke?subject={wrong}")).await;
        assert_eq!(refused.status, 422, "{wrong}");
        assert!(html(&refused).contains("role=\"alert\""), "{wrong}");
    }
    let unknown = "/admin/revocations/revoke?subject=user%3AAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(browser.open(&server, unknown).await.status, 404);
}

#[tokio::test]
async fn a_user_to_be_revoked_is_named_by_name_and_from_the_question_on_by_id() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    let login = server.login("ada", "session").await;
    let (id, bearer) = (text(&login["user"], "id"), text(&login, "session_token"));

    let question = html(&browser.open(&server, "/admin/revocations/revoke?subject=user%3AAda").await);
    assert!(question.contains(&format!("Revoke user:{id}?")), "{question}");
    assert!(question.contains("Live sessions of ada that end: 1."), "{question}");
    let by_name = browser.post(&server, "/admin/revocations/revoke?subject=user%3AAda", &[]).await;
    assert_eq!(
        (by_name.status, server.me(bearer).await),
        (422, 200),
        "the name may be that of another user by now"
    );

    let path = format!("/admin/revocations/revoke?subject=user%3A{id}");
    assert_eq!(browser.post(&server, &path, &[]).await.status, 303);
    assert_eq!(server.me(bearer).await, 401);
}

#[tokio::test]
async fn everyone_is_revoked_only_with_the_word_typed() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    let ada = text(&server.login("ada", "session").await, "session_token").to_owned();
    let path = "/admin/revocations/revoke?subject=everyone";

    let question = html(&browser.open(&server, path).await);
    assert!(question.contains("This is you.") && question.contains("Type everyone to confirm"), "{question}");
    assert_eq!(browser.post(&server, path, &[("confirm", "all")]).await.status, 422);
    assert_eq!(server.me(&ada).await, 200);
    assert_eq!(browser.post(&server, path, &[("confirm", "everyone")]).await.status, 303);
    assert_eq!(server.me(&ada).await, 401);
    let login = browser.open(&server, "/admin/revocations").await;
    assert!(login.header("location").unwrap().contains("/login"), "{login:?}");
}

#[tokio::test]
async fn older_revocations_are_on_further_pages() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    let mut ids = Vec::new();
    for _ in 0..15 {
        let login = server.login("ada", "session").await;
        let id = text(&login["session"], "id").to_owned();
        let path = format!("/admin/revocations/revoke?subject=session%3A{id}");
        assert_eq!(browser.post(&server, &path, &[]).await.status, 303);
        ids.push(id);
    }

    let first = html(&browser.open(&server, "/admin/revocations").await);
    let older = after(&first, "rel=\"next\" href=\"", "\"").replace("&#x2f;", "/").replace("&#x3D;", "=");
    let second = html(&browser.open(&server, &older).await);
    for (number, id) in ids.iter().enumerate() {
        let on = |page: &str| page.contains(&format!("session:{id}"));
        assert!(on(&first) == (number >= 5) && on(&second) == (number < 5), "{number}");
    }
    assert!(!second.contains("rel=\"next\""), "{second}");
    let list = get(&server, "/v1/revocations?limit=4").await;
    assert_eq!(list["revocations"].as_array().unwrap().len(), 4);
    assert_eq!(list["revocations"][0]["subject"], format!("session:{}", ids[14]));
    assert_eq!(browser.open(&server, "/admin/revocations?after=x").await.status, 422);
}

#[tokio::test]
async fn a_client_is_added_changed_and_disabled_with_its_id_typed() {
    let (server, mut browser) = administrator().await;

    let page = html(
        &browser.post_and_follow(&server, "/admin/clients", &[("id", "shop"), ("name", "<i>Shop")]).await,
    );
    assert!(page.contains("&lt;i&gt;Shop") && page.contains(">enabled<"), "{page}");
    assert_eq!(browser.post(&server, "/admin/clients", &[("id", "shop")]).await.status, 409);
    assert_eq!(browser.post(&server, "/admin/clients", &[("id", "a b")]).await.status, 422);
    assert!(html(&browser.open(&server, "/admin/clients").await).contains("/admin/clients/shop"));

    let form = [
        ("name", "The shop"),
        ("modes", "jwt, hybrid"),
        ("audiences", "https://orders.example"),
        ("scopes", "*"),
        ("session_idle", "3600"),
        ("session_absolute", "86400"),
        ("jwt", "900"),
        ("access", "300"),
        ("refresh_idle", "3600"),
        ("refresh_absolute", "86400"),
    ];
    let settings = "/admin/clients/shop/settings";
    html(&browser.open(&server, settings).await);
    for (field, wrong) in [("access", "7200"), ("jwt", "soon"), ("modes", "party")] {
        let form = form.map(|(name, value)| (name, if name == field { wrong } else { value }));
        let refused = browser.post(&server, settings, &form).await;
        assert_eq!(refused.status, 422, "{field}");
        assert!(html(&refused).contains(&format!("value=\"{wrong}\"")), "what was typed stays");
    }
    let page = html(&browser.post_and_follow(&server, settings, &form).await);
    assert!(page.contains("The shop") && page.contains("https:&#x2f;&#x2f;orders.example"), "{page}");
    let client = get(&server, "/v1/admin/clients/shop").await["client"].clone();
    assert_eq!((&client["modes"], &client["scopes"]), (&serde_json::json!(["jwt", "hybrid"]), &Value::Null));
    assert_eq!(client["lifetimes"]["access"], 300);

    let disable = "/admin/clients/shop/disable";
    assert_eq!(browser.post(&server, disable, &[("confirm", "yes")]).await.status, 422);
    let page = html(&browser.post_and_follow(&server, disable, &[("confirm", "shop")]).await);
    assert!(page.contains(">disabled<"), "{page}");
    let page = html(&browser.post_and_follow(&server, "/admin/clients/shop/enable", &[]).await);
    assert!(page.contains(">enabled<"), "{page}");
    for missing in ["/admin/clients/none", "/admin/clients/shop/promote", "/admin/clients/none/enable"] {
        assert_eq!(browser.open(&server, missing).await.status, 404, "{missing}");
    }
}

#[tokio::test]
async fn the_settings_are_shown_as_they_are_described() {
    let server = TestServer::with(|settings| {
        settings.console.enabled = true;
        settings.descriptions = vec![
            SettingDescription::new("max_sessions", Some("7".into()), "<file>, line 3".into(), "100".into()),
            SettingDescription::new("log_level", None, "default".into(), "`info`".into()),
        ];
    })
    .await;
    server.add_admin("root").await;
    let mut browser = PageBrowser::new();
    browser.sign_in(&server, "root").await;

    let page = html(&browser.open(&server, "/admin/configuration").await);
    let rows = after(&page, "<tbody>", "</tbody>");
    assert!(rows.contains("&lt;file&gt;, line 3") && rows.contains(">7<"), "{rows}");
    assert_eq!(rows.matches(">set<").count(), 1, "{rows}");
}

/// The positions of the log follow the clock.
#[tokio::test]
async fn revocations_of_long_ago_are_on_the_page_of_the_newest() {
    let (advance, clock) = advanced_clock();
    let configure = |settings: &mut Settings| settings.write_rate_limits = WriteRateLimits::off();
    let server = TestServer::with_clock(configure, clock).await;
    server.add_admin("root").await;
    let bearer = text(&server.login("root", "session").await, "session_token").to_owned();
    let read = async |path: &str| Request::get(path).bearer(&bearer).send(&server).await.json();
    let revoke = async |number: u32| {
        let body = json!({ "subject": format!("token:{number:0>21}A"), "wait": "none" });
        let revoked = Request::post("/v1/revocations").bearer(&bearer).json(&body).send(&server).await;
        assert_eq!(revoked.status, 200, "{revoked:?}");
    };
    for number in 0..12 {
        revoke(number).await;
        advance.fetch_add(150, Ordering::SeqCst);
    }

    let all = read("/v1/revocations").await;
    assert_eq!(all["revocations"].as_array().unwrap().len(), 12, "{all}");
    assert_eq!(all["next"], Value::Null, "{all}");
    let mut path = "/v1/revocations?limit=5".to_owned();
    let mut lengths = Vec::new();
    loop {
        let page = read(&path).await;
        lengths.push(page["revocations"].as_array().unwrap().len());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/revocations?limit=5&after={next}");
    }
    assert_eq!(lengths, [5, 5, 2]);

    // More at once than one read returns, and then again none for long.
    for number in 12..1_100 {
        revoke(number).await;
    }
    advance.fetch_add(600, Ordering::SeqCst);
    revoke(1_100).await;
    let newest = read("/v1/revocations?limit=3").await;
    let subjects: Vec<&str> =
        newest["revocations"].as_array().unwrap().iter().map(|entry| text(entry, "subject")).collect();
    assert_eq!(subjects, [1_100, 1_099, 1_098].map(|number| format!("token:{number:0>21}A")), "{newest}");
}
