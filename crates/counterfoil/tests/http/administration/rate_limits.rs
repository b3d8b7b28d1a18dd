//! What the rate limits count is shown and released by account and by client IP.

use counterfoil::Settings;
use counterfoil_core::services::login_rate_limiter::{RateLimit, RateLimits};
use serde_json::{Value, json};

use super::{Admin, UserCredentials};
use crate::client::Request;
use crate::test_server::{PASSWORD, TestServer, text};

/// Small limits, and client IPs that the tests choose.
fn limited(settings: &mut Settings) {
    let of = |max| RateLimit { max, ..RateLimits::default().per_account_and_ip };
    settings.rate_limits = RateLimits { per_account_and_ip: of(2), per_ip: of(5), ..RateLimits::default() };
    settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
}

async fn login(server: &TestServer, name: &str, password: &str, ip: &str) -> u16 {
    let form = json!({ "username": name, "password": password });
    let request = Request::post("/v1/login").json(&form).header("x-forwarded-for", ip);
    request.send(server).await.status
}

async fn fail(server: &TestServer, name: &str, ip: &str, times: usize) {
    for _ in 0..times {
        login(server, name, "not this one", ip).await;
    }
}

async fn counts(admin: &Admin<'_>, query: &str) -> Vec<(String, Option<String>, u64)> {
    let answer = admin.get(&format!("/v1/admin/rate-limits?{query}")).await;
    let counters = answer["rate_limits"].as_array().unwrap().iter();
    let counted = counters.filter(|counter| counter["count"] != 0).map(|counter| {
        let ip = counter["client_ip"].as_str().map(str::to_owned);
        (text(counter, "event").to_owned(), ip, counter["count"].as_u64().unwrap())
    });
    counted.collect()
}

#[tokio::test]
async fn a_locked_account_is_found_with_its_client_ips_and_released() {
    let server = TestServer::with(limited).await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    fail(&server, "Ada", "192.0.2.7", 3).await;
    assert_eq!(login(&server, "ada", PASSWORD, "192.0.2.7").await, 429);

    let from = Some("192.0.2.7".to_owned());
    let shown = counts(&admin, "username=ADA").await;
    assert!(shown.contains(&("failed_logins_from_ip".into(), from, 2)), "{shown:?}");
    assert!(shown.iter().any(|(event, ip, _)| event == "failed_logins" && ip.is_none()), "{shown:?}");
    let other = counts(&admin, "username=ada&ip=192.0.2.8").await;
    assert!(other.iter().all(|(_, ip, _)| ip.is_none()), "{other:?}");

    assert_eq!(admin.send("DELETE", "/v1/admin/rate-limits?username=ada&ip=192.0.2.8").await.status, 204);
    assert_eq!(login(&server, "ada", PASSWORD, "192.0.2.7").await, 429, "another client IP was released");
    assert_eq!(admin.send("DELETE", "/v1/admin/rate-limits?username=ada").await.status, 204);

    assert!(counts(&admin, "username=ada").await.is_empty());
    assert_eq!(login(&server, "ada", PASSWORD, "192.0.2.7").await, 200);
    let events = admin.get("/v1/admin/events").await;
    let released = events["events"].as_array().unwrap().iter().filter(|e| e["kind"] == "rate_limit_released");
    let details: Vec<Value> = released.map(|event| event["detail"].clone()).collect();
    assert_eq!(details, [Value::Null, json!("192.0.2.8")], "{events}");
}

#[tokio::test]
async fn a_blocked_client_ip_is_released_for_all_accounts() {
    let server = TestServer::with(limited).await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    for name in ["eve", "grace", "cleo"] {
        fail(&server, name, "192.0.2.7", 2).await;
    }
    assert_eq!(login(&server, "ada", PASSWORD, "192.0.2.7").await, 429);
    let shown = counts(&admin, "ip=192.0.2.7").await;
    assert!(shown.iter().any(|(event, _, count)| event == "all_failed_logins_from_ip" && *count >= 5));
    assert!(!counts(&admin, "username=eve&ip=192.0.2.7").await.is_empty(), "also without such a user");

    assert_eq!(admin.send("DELETE", "/v1/admin/rate-limits?ip=192.0.2.7").await.status, 204);

    assert!(counts(&admin, "ip=192.0.2.7").await.is_empty());
    assert_eq!(login(&server, "ada", PASSWORD, "192.0.2.7").await, 200);
    let shown = counts(&admin, "ip=192.0.2.7").await;
    assert!(shown.iter().any(|(event, ..)| event == "all_successful_logins_from_ip"), "{shown:?}");
}

#[tokio::test]
async fn counters_of_writes_are_shown_and_released() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let ada = UserCredentials::log_in(&server, "ada", "default").await;
    assert_eq!(ada.refresh(&server).await.status, 200);
    let shown = counts(&admin, "username=ada").await;
    assert!(shown.contains(&("refreshes".into(), None, 1)), "{shown:?}");

    assert_eq!(admin.send("DELETE", "/v1/admin/rate-limits?username=ada").await.status, 204);

    assert!(!counts(&admin, "username=ada").await.iter().any(|(event, ..)| event == "refreshes"));
}

#[tokio::test]
async fn a_target_is_required_and_validated() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;
    for query in ["", "?username=", "?ip=here", "?ip=192.0.2.1&ip=192.0.2.2", "?user=ada"] {
        for method in ["GET", "DELETE"] {
            let response = admin.send(method, &format!("/v1/admin/rate-limits{query}")).await;
            assert_eq!(response.status, 422, "{method} {query}");
        }
    }
}
