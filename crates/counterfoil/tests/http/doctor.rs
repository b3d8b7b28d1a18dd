//! `/v1/doctor/…`: what the server shows of a request, and to whom.

use std::collections::BTreeSet;
use std::time::Duration;

use counterfoil_core::services::login_rate_limiter::RateLimit;
use serde_json::json;

use crate::administration::Admin;
use crate::client::Request;
use crate::test_server::{TestServer, text};

/// How many requests one client IP may send in a minute.
const PER_IP: usize = 120;

async fn probe(server: &TestServer, admin: &Admin<'_>) -> String {
    let request = Request::post("/v1/doctor/probes").bearer(&admin.bearer);
    text(&request.send(server).await.json(), "probe").to_owned()
}

#[tokio::test]
async fn a_request_is_shown_with_what_proxies_and_browsers_sent() {
    let server = TestServer::with(|settings| {
        settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let admin = Admin::new(&server).await;
    let probe = probe(&server, &admin).await;
    let request = Request::get("/v1/doctor/request")
        .bearer(&probe)
        .header("x-forwarded-for", "192.0.2.9, 198.51.100.7")
        .header("x-forwarded-proto", "https")
        .header("sec-fetch-site", "same-origin")
        .header("x-doctor-padding", "a".repeat(5000));

    let response = request.clone().send(&server).await;

    let view = response.json();
    let expected = json!({ "peer": "127.0.0.1", "is_trusted_peer": true, "client_ip": "198.51.100.7",
                           "x_forwarded_for": "192.0.2.9, 198.51.100.7", "forwarded_proto": "https",
                           "sec_fetch_site": "same-origin", "padding": 5000, "headers_disagree": false });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&view[name], value, "{name}: {view}");
    }
    let (name, value) = (text(&view, "cookie_name"), text(&view, "cookie_set"));
    assert!(response.header("set-cookie").unwrap().starts_with(&format!("{name}={value};")), "{response:?}");

    let disagreeing =
        request.header("forwarded", "for=203.0.113.1").header("cookie", format!("{name}={value}"));
    let response = disagreeing.send(&server).await;
    let view = response.json();
    assert_eq!(
        (&view["headers_disagree"], &view["client_ip"]),
        (&json!(true), &json!("127.0.0.1")),
        "{view}"
    );
    assert_eq!(view["cookies"], json!([value]));
    assert!(response.header("set-cookie").unwrap().contains("Max-Age=0"), "it is cleared: {response:?}");
}

/// Calls the routes until each has answered with every documented status.
pub(crate) async fn call_every_route(seen: &mut BTreeSet<(String, String, String)>) {
    let server = TestServer::with(|settings| {
        settings.write_rate_limits.per_user = RateLimit { max: 2, window: Duration::from_secs(900) };
    })
    .await;
    let admin = Admin::new(&server).await;
    let probe = probe(&server, &admin).await;
    let mut record = |path: &str, method: &str, status: u16| {
        seen.insert((path.to_owned(), method.to_owned(), status.to_string()));
    };
    for path in ["/v1/doctor/request", "/v1/doctor/events"] {
        let plain = Request::get(path);
        let two = plain.clone().bearer(&probe).bearer("cfd_other");
        for request in [plain.clone(), plain.clone().bearer(&probe), two] {
            record(path, "get", request.send(&server).await.status);
        }
    }
    let path = "/v1/doctor/probes";
    for _ in 0..4 {
        record(path, "post", Request::post(path).bearer(&admin.bearer).send(&server).await.status);
    }
    for _ in 0..PER_IP {
        Request::get("/v1/doctor/request").send(&server).await;
    }
    for path in ["/v1/doctor/request", "/v1/doctor/events"] {
        record(path, "get", Request::get(path).bearer(&probe).send(&server).await.status);
    }
}
