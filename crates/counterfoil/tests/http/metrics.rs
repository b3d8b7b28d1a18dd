//! The metrics: what happened is counted once, under words of ours.

use serde_json::json;

use crate::client::Request;
use crate::site::{PASSWORD, Site, text};

/// The number that stands behind a name and its labels.
async fn number(site: &Site, name: &str) -> f64 {
    let page = site.app.metrics().await;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{page}")).parse().unwrap()
}

async fn login_with(site: &Site, password: &str) {
    let form = json!({ "username": "ada", "password": password });
    Request::post("/v1/login").json(&form).send(site).await;
}

async fn refresh(site: &Site, token: &str) {
    Request::post("/v1/refresh").json(&json!({ "refresh_token": token })).send(site).await;
}

#[tokio::test]
async fn logins_are_counted_by_how_they_ended() {
    let site = Site::with(|settings| settings.rate_limits.account_and_source.most = 2).await;
    site.register("ada").await;

    login_with(&site, PASSWORD).await;
    for _ in 0..3 {
        login_with(&site, "wrong horse battery").await;
    }

    for (outcome, expected) in [("accepted", 1.0), ("refused", 2.0), ("throttled", 1.0), ("unavailable", 0.0)]
    {
        let name = format!("counterfoil_logins_total{{outcome=\"{outcome}\"}}");
        assert_eq!(number(&site, &name).await, expected, "{outcome}");
    }
    assert_eq!(number(&site, "counterfoil_registrations_total{outcome=\"accepted\"}").await, 1.0);
    assert_eq!(number(&site, "counterfoil_sessions_opened_total{mode=\"session\"}").await, 1.0);
    assert_eq!(number(&site, "counterfoil_events_total{kind=\"sign_in_refused\"}").await, 2.0);
    assert!(number(&site, "counterfoil_hash_seconds_count").await >= 4.0, "one to register, three to log in");
}

#[tokio::test]
async fn refreshes_are_counted_by_the_judgement() {
    let site = Site::open().await;
    site.register("ada").await;
    let first = site.login("ada", "hybrid").await;
    let first = text(&first, "refresh_token");
    let second = Request::post("/v1/refresh").json(&json!({ "refresh_token": first })).send(&site).await;

    refresh(&site, first).await;
    refresh(&site, "cfr_nothing").await;
    let second = second.json();
    let third =
        Request::post("/v1/refresh").json(&json!({ "refresh_token": text(&second, "refresh_token") }));
    // Within the grace the newest is held: one turn later the first is two turns old, and a replay.
    let held = third.send(&site).await;
    assert_eq!(held.status, 200);

    for (judgement, expected) in [("rotated", 1.0), ("repeated", 2.0), ("replayed", 0.0)] {
        let name = format!("counterfoil_refreshes_total{{judgement=\"{judgement}\"}}");
        assert_eq!(number(&site, &name).await, expected, "{judgement}");
    }
}

#[tokio::test]
async fn a_replay_is_counted_and_what_it_ends() {
    let site = Site::with(|settings| settings.refresh_reuse_grace = std::time::Duration::ZERO).await;
    site.register("ada").await;
    let pair = site.login("ada", "hybrid").await;
    let token = text(&pair, "refresh_token");

    refresh(&site, token).await;
    refresh(&site, token).await;

    assert_eq!(number(&site, "counterfoil_refreshes_total{judgement=\"replayed\"}").await, 1.0);
    assert_eq!(number(&site, "counterfoil_sessions_ended_total{cause=\"replay\"}").await, 1.0);
    assert_eq!(number(&site, "counterfoil_log_entries_total").await, 1.0);
    assert_eq!(number(&site, "counterfoil_revocations").await, 1.0);
}

#[tokio::test]
async fn credentials_are_counted_by_what_they_are_and_what_became_of_them() {
    let site = Site::open().await;
    site.register("ada").await;
    let session = site.login("ada", "session").await;
    let jwt = site.login("ada", "jwt").await;
    for _ in 0..3 {
        assert_eq!(site.me(text(&session, "session_token")).await, 200);
    }
    assert_eq!(site.me(text(&jwt, "access_token")).await, 200);
    let end = Request::post("/v1/logout").bearer(text(&jwt, "access_token")).send(&site).await;
    assert_eq!(end.status, 204);
    assert_eq!(site.me(text(&jwt, "access_token")).await, 401);
    assert_eq!(site.me("cfs_nothing").await, 401);

    for (carrier, outcome, expected) in [
        ("session", "accepted", 3.0),
        ("session", "invalid", 1.0),
        ("access", "accepted", 1.0),
        ("access", "revoked", 1.0),
    ] {
        let name = format!("counterfoil_verifications_total{{carrier=\"{carrier}\",outcome=\"{outcome}\"}}");
        let counted = number(&site, &name).await;
        // A logout may look at the credential that it is shown as well.
        assert!((expected..=expected + 1.0).contains(&counted), "{carrier} {outcome}: {counted}");
    }
    assert!(number(&site, "counterfoil_memory_lookups_total{result=\"miss\"}").await >= 1.0);
    assert!(number(&site, "counterfoil_memory_lookups_total{result=\"hit\"}").await >= 2.0);
    assert_eq!(number(&site, "counterfoil_memory_sessions").await, 1.0);
    assert_eq!(number(&site, "counterfoil_token_signatures_total").await, 1.0, "shown three times");
    assert_eq!(number(&site, "counterfoil_tokens_remembered").await, 1.0);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_nothing_that_a_client_makes_up_is_a_label() {
    let site = Site::open().await;
    Request::get("/v1/hunter2?hunter3").send(&site).await;
    Request::new("HUNTER4", "/v1/me").send(&site).await;
    Request::get("/v1/sessions/hunter5").header("user-agent", "hunter6").send(&site).await;

    let page = site.app.metrics().await;

    assert!(!page.contains("hunter") && !page.contains("HUNTER"), "{page}");
    let name = "counterfoil_requests_total{route=\"unmatched\",method=\"GET\",status=\"404\"}";
    assert_eq!(number(&site, name).await, 1.0);
    let name = "counterfoil_requests_total{route=\"/v1/me\",method=\"other\",status=\"405\"}";
    assert_eq!(number(&site, name).await, 1.0);
    assert_eq!(number(&site, "counterfoil_request_seconds_count{route=\"unmatched\"}").await, 1.0);
}

#[tokio::test]
async fn the_page_is_open_metrics() {
    let site = Site::open().await;
    site.register("ada").await;

    let page = site.app.metrics().await;

    assert!(page.ends_with("# EOF\n"));
    let mut typed = std::collections::BTreeSet::new();
    for line in page.lines().filter(|line| *line != "# EOF") {
        if let Some(named) = line.strip_prefix("# TYPE ") {
            assert!(typed.insert(named.split(' ').next().unwrap().to_owned()), "{line} comes twice");
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            let family = typed.iter().any(|family| name.starts_with(family.as_str()));
            assert!(family, "{line} is of no family");
            assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
        }
    }
    assert!(number(&site, "process_resident_memory_bytes").await > 1e6);
    assert!(number(&site, "counterfoil_store_commit_seconds_count").await >= 1.0);
}

#[tokio::test]
async fn the_documents_tell_every_metric_and_the_alerts_name_no_other() {
    let site = Site::open().await;
    site.register("ada").await;
    let page = site.app.metrics().await;
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let names: Vec<String> = types
        .map(|(name, kind)| if kind == "counter" { format!("{name}_total") } else { name.to_owned() })
        .collect();
    let read =
        |file: &str| std::fs::read_to_string(format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();

    let document = read("docs/operate.md");
    for name in &names {
        assert!(document.contains(&format!("`{name}`")), "{name} is not told");
    }
    let alerts = read("dist/counterfoil.rules.yml");
    let words = alerts.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for word in words.filter(|word| word.starts_with("counterfoil_") || word.starts_with("process_")) {
        let name = word.trim_end_matches("_bucket");
        assert!(names.iter().any(|known| known == name), "there is no {word}");
    }
}
