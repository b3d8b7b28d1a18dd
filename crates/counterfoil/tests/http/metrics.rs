//! The metrics: each event is counted once, and no label value comes from a client.

use serde_json::json;

use crate::client::Request;
use crate::test_server::{PASSWORD, TestServer, text};

/// The value of the sample with this name and these labels.
async fn sample(server: &TestServer, name: &str) -> f64 {
    let page = server.app.metrics().await;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{page}")).parse().unwrap()
}

async fn login_with(server: &TestServer, password: &str) {
    let form = json!({ "username": "ada", "password": password });
    Request::post("/v1/login").json(&form).send(server).await;
}

async fn refresh(server: &TestServer, token: &str) {
    Request::post("/v1/refresh").json(&json!({ "refresh_token": token })).send(server).await;
}

#[tokio::test]
async fn logins_are_counted_by_result() {
    let server = TestServer::with(|settings| settings.rate_limits.per_account_and_ip.max = 2).await;
    server.register("ada").await;

    login_with(&server, PASSWORD).await;
    for _ in 0..3 {
        login_with(&server, "wrong horse battery").await;
    }

    for (result, expected) in
        [("success", 1.0), ("failure", 2.0), ("rate_limited", 1.0), ("unavailable", 0.0)]
    {
        let name = format!("counterfoil_logins_total{{result=\"{result}\"}}");
        assert_eq!(sample(&server, &name).await, expected, "{result}");
    }
    assert_eq!(sample(&server, "counterfoil_registrations_total{result=\"success\"}").await, 1.0);
    assert_eq!(sample(&server, "counterfoil_sessions_created_total{mode=\"session\"}").await, 1.0);
    let recorded = sample(&server, "counterfoil_audit_events_total{kind=\"login_failed\"}").await;
    assert_eq!(recorded, 1.0, "further failures of one client are counted");
    assert!(
        sample(&server, "counterfoil_password_hash_duration_seconds_count").await >= 4.0,
        "one to register, three to log in"
    );
}

#[tokio::test]
async fn refreshes_are_counted_by_result() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let first = server.login("ada", "hybrid").await;
    let first = text(&first, "refresh_token");
    let second = Request::post("/v1/refresh").json(&json!({ "refresh_token": first })).send(&server).await;

    refresh(&server, first).await;
    refresh(&server, "cfr_nothing").await;
    let second = second.json();
    let third =
        Request::post("/v1/refresh").json(&json!({ "refresh_token": text(&second, "refresh_token") }));
    // Within the grace period the newest refresh token is returned again.
    let repeated = third.send(&server).await;
    assert_eq!(repeated.status, 200);

    for (result, expected) in [("rotated", 1.0), ("repeated", 2.0), ("reuse_detected", 0.0)] {
        let name = format!("counterfoil_token_refreshes_total{{result=\"{result}\"}}");
        assert_eq!(sample(&server, &name).await, expected, "{result}");
    }
}

#[tokio::test]
async fn a_reused_refresh_token_and_the_session_it_ends_are_counted() {
    let server = TestServer::with(|settings| settings.refresh_reuse_grace = std::time::Duration::ZERO).await;
    server.register("ada").await;
    let pair = server.login("ada", "hybrid").await;
    let token = text(&pair, "refresh_token");

    refresh(&server, token).await;
    refresh(&server, token).await;

    assert_eq!(sample(&server, "counterfoil_token_refreshes_total{result=\"reuse_detected\"}").await, 1.0);
    assert_eq!(
        sample(&server, "counterfoil_sessions_ended_total{reason=\"refresh_reuse_detected\"}").await,
        1.0
    );
    assert_eq!(sample(&server, "counterfoil_revocation_log_entries_total").await, 1.0);
    assert_eq!(sample(&server, "counterfoil_active_revocations").await, 1.0);
}

#[tokio::test]
async fn credential_checks_are_counted_by_type_and_result() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let session = server.login("ada", "session").await;
    let jwt = server.login("ada", "jwt").await;
    for _ in 0..3 {
        assert_eq!(server.me(text(&session, "session_token")).await, 200);
    }
    assert_eq!(server.me(text(&jwt, "access_token")).await, 200);
    let end = Request::post("/v1/logout").bearer(text(&jwt, "access_token")).send(&server).await;
    assert_eq!(end.status, 204);
    assert_eq!(server.me(text(&jwt, "access_token")).await, 401);
    assert_eq!(server.me("cfs_nothing").await, 401);

    for (kind, result, expected) in [
        ("session", "accepted", 3.0),
        ("session", "invalid", 1.0),
        ("access", "accepted", 1.0),
        ("access", "revoked", 1.0),
    ] {
        let name = format!("counterfoil_credential_checks_total{{type=\"{kind}\",result=\"{result}\"}}");
        let counted = sample(&server, &name).await;
        // A logout may check the presented credential too.
        assert!((expected..=expected + 1.0).contains(&counted), "{kind} {result}: {counted}");
    }
    assert!(sample(&server, "counterfoil_session_cache_requests_total{result=\"miss\"}").await >= 1.0);
    assert!(sample(&server, "counterfoil_session_cache_requests_total{result=\"hit\"}").await >= 2.0);
    assert_eq!(sample(&server, "counterfoil_session_cache_entries").await, 1.0);
    assert_eq!(sample(&server, "counterfoil_token_cache_misses_total").await, 1.0, "shown three times");
    assert_eq!(sample(&server, "counterfoil_token_cache_entries").await, 1.0);
}

#[tokio::test]
async fn without_a_cache_of_tokens_each_signature_is_verified_at_each_use() {
    let server = TestServer::with(|settings| settings.token_cache_size = 0).await;
    server.register("ada").await;
    let jwt = server.login("ada", "jwt").await;

    for _ in 0..3 {
        assert_eq!(server.me(text(&jwt, "access_token")).await, 200);
    }

    assert_eq!(sample(&server, "counterfoil_token_cache_misses_total").await, 3.0);
    assert_eq!(sample(&server, "counterfoil_token_cache_entries").await, 0.0);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_no_label_comes_from_a_client() {
    let server = TestServer::open().await;
    Request::get("/v1/hunter2?hunter3").send(&server).await;
    Request::new("HUNTER4", "/v1/me").send(&server).await;
    Request::get("/v1/sessions/hunter5").header("user-agent", "hunter6").send(&server).await;

    let page = server.app.metrics().await;

    assert!(!page.contains("hunter") && !page.contains("HUNTER"), "{page}");
    let name = "counterfoil_http_requests_total{route=\"unmatched\",method=\"GET\",status=\"404\"}";
    assert_eq!(sample(&server, name).await, 1.0);
    let name = "counterfoil_http_requests_total{route=\"/v1/me\",method=\"other\",status=\"405\"}";
    assert_eq!(sample(&server, name).await, 1.0);
    assert_eq!(
        sample(&server, "counterfoil_http_request_duration_seconds_count{route=\"unmatched\"}").await,
        1.0
    );
}

#[tokio::test]
async fn the_metrics_are_valid_openmetrics() {
    let server = TestServer::open().await;
    server.register("ada").await;

    let page = server.app.metrics().await;

    assert!(page.ends_with("# EOF\n"));
    let mut typed = std::collections::BTreeSet::new();
    for line in page.lines().filter(|line| *line != "# EOF") {
        if let Some(named) = line.strip_prefix("# TYPE ") {
            assert!(typed.insert(named.split(' ').next().unwrap().to_owned()), "{line} is declared twice");
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            let family = typed.iter().any(|family| name.starts_with(family.as_str()));
            assert!(family, "{line} belongs to no metric family");
            assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
        }
    }
    assert!(sample(&server, "process_resident_memory_bytes").await > 1e6);
    assert!(sample(&server, "counterfoil_store_commit_seconds_count").await >= 1.0);
}

/// Prometheus refuses a histogram without this bucket, or computes no quantile from it.
#[tokio::test]
async fn the_last_bucket_of_each_histogram_is_infinite_and_holds_its_count() {
    let server = TestServer::open().await;
    server.register("ada").await;

    let page = server.app.metrics().await;

    let value = |series: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series} in\n{page}")).to_owned()
    };
    let histograms: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" histogram"))
        .filter(|name| *name != "counterfoil_http_request_duration_seconds")
        .collect();
    assert!(histograms.len() >= 6, "{histograms:?}");
    for name in histograms {
        assert_eq!(
            value(&format!("{name}_bucket{{le=\"+Inf\"}}")),
            value(&format!("{name}_count")),
            "{name}"
        );
    }
    let requests = "counterfoil_http_request_duration_seconds_bucket{le=\"+Inf\",route=\"/v1/register\"}";
    assert_eq!(value(requests), "1");
}

#[tokio::test]
async fn every_metric_is_documented_and_alerts_use_only_existing_metrics() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let page = server.app.metrics().await;
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let names: Vec<String> = types
        .map(|(name, kind)| if kind == "counter" { format!("{name}_total") } else { name.to_owned() })
        .collect();
    let read =
        |file: &str| std::fs::read_to_string(format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();

    let document = read("docs/operate.md");
    for name in &names {
        assert!(document.contains(&format!("`{name}`")), "{name} is not documented");
    }
    let alerts = read("dist/counterfoil.rules.yml");
    let words = alerts.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for word in words.filter(|word| word.starts_with("counterfoil_") || word.starts_with("process_")) {
        let name = word.trim_end_matches("_bucket");
        assert!(names.iter().any(|known| known == name), "the alerts use {word}, which does not exist");
    }
}
