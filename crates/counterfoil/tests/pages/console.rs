//! The console: who may open it, what its overview and its lists show, and how they are filtered.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::administrator::{administrator, console_server, user_id};
use crate::browser::{PageBrowser, after, html};
use crate::client::Request;
use crate::test_server::{PASSWORD, TestServer, text};

/// Every page that a link opens.
const PAGES: [&str; 14] = [
    "/admin",
    "/admin/users",
    "/admin/sessions",
    "/admin/audit",
    "/admin/clients",
    "/admin/clients/default",
    "/admin/revocations",
    "/admin/keys",
    "/admin/keys/rotate",
    "/admin/verifiers",
    "/admin/rate-limits",
    "/admin/health",
    "/admin/doctor?sent=x",
    "/admin/configuration",
];

#[tokio::test]
async fn there_is_no_console_by_default() {
    let server = TestServer::open().await;
    server.add_admin("root").await;
    let mut browser = PageBrowser::new();
    browser.sign_in(&server, "root").await;

    for page in PAGES {
        assert_eq!(browser.open(&server, page).await.status, 404, "{page}");
    }
}

#[tokio::test]
async fn the_path_console_leads_to_the_console_if_there_is_one() {
    let mut browser = PageBrowser::new();
    assert_eq!(browser.open(&TestServer::open().await, "/console").await.status, 404);

    let found = browser.open(&console_server().await, "/console").await;
    assert_eq!((found.status, found.header("location")), (308, Some("/admin")));

    let below = TestServer::with(|settings| {
        settings.console.enabled = true;
        settings.base_path = "/auth".parse().unwrap();
    });
    let found = browser.open(&below.await, "/auth/console").await;
    assert_eq!((found.status, found.header("location")), (308, Some("/auth/admin")));

    // Behind a proxy that keeps the path of the issuer, and behind one that removes it.
    let issuer_path = TestServer::with(|settings| {
        settings.console.enabled = true;
        settings.issuer = "https://shop.example/auth".parse().unwrap();
    });
    let server = issuer_path.await;
    for path in ["/console", "/auth/console"] {
        let found = browser.open(&server, path).await;
        assert_eq!((found.status, found.header("location")), (308, Some("/auth/admin")), "{path}");
    }
}

#[tokio::test]
async fn only_a_signed_in_administrator_sees_the_console() {
    let server = console_server().await;
    server.register("ada").await;
    let mut stranger = PageBrowser::new();
    let mut user = PageBrowser::new();
    user.sign_in(&server, "ada").await;
    let mut administrator = PageBrowser::new();
    administrator.sign_in(&server, "root").await;
    let id = user_id(&server, "ada").await;
    let of_user = ["", "/delete", "/roles"].map(|change| format!("/admin/users/{id}{change}"));

    for page in PAGES.iter().map(|page| (*page).to_owned()).chain(of_user) {
        let sent_away = stranger.open(&server, &page).await;
        assert_eq!(sent_away.status, 303, "{page}");
        assert!(sent_away.header("location").unwrap().contains("/login?return_to="), "{page}");
        assert_eq!(user.open(&server, &page).await.status, 404, "{page}");
        assert_eq!(administrator.open(&server, &page).await.status, 200, "{page}");
    }
    let delete = format!("/admin/users/{id}/delete");
    let form = [("confirm", "ada")];
    assert_eq!(stranger.post(&server, &delete, &form).await.status, 303);
    assert_eq!(user.post(&server, &delete, &form).await.status, 404);
    assert_eq!(user.open(&server, "/account/sessions").await.status, 200, "nothing was deleted");
}

#[tokio::test]
async fn the_overview_counts_users_and_live_sessions_by_mode() {
    let (server, mut browser) = administrator().await;
    for name in ["ada", "bob"] {
        server.register(name).await;
    }
    for (mode, count) in [("session", 2), ("jwt", 3), ("hybrid", 1)] {
        for _ in 0..count {
            server.login("ada", mode).await;
        }
    }

    // The session of the administrator is the third one.
    let expected = ["about 7<", "session 3 · JWT 3 · hybrid 1", "about 3<"];
    let first = html(&browser.open(&server, "/admin").await);
    assert!(first.contains("the count is in progress") || first.contains(expected[1]), "{first}");
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let page = html(&browser.open(&server, "/admin").await);
        if expected.iter().all(|text| page.contains(text)) {
            break;
        }
        assert!(Instant::now() < deadline, "{page}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let list = html(&browser.open(&server, "/admin/users").await);
    assert!(list.contains("about 3 users in all"), "{list}");
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    let id = user_id(&server, "ada").await;

    let request = Request::post(&format!("/admin/users/{id}/disable"))
        .header("origin", "https://evil.example")
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-dest", "document")
        .body("application/x-www-form-urlencoded", "");
    assert_eq!(browser.send(&server, request).await.status, 403);
    let page = html(&browser.open(&server, &format!("/admin/users/{id}")).await);
    assert!(page.contains("enabled") && !page.contains(">disabled<"), "{page}");
}

#[tokio::test]
async fn the_live_sessions_of_all_users_are_listed_and_one_is_ended() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    let form = json!({ "username": "ada", "password": PASSWORD, "mode": "hybrid", "label": "<i>phone</i>" });
    let login = Request::post("/v1/login").json(&form).send(&server).await.json();
    let id = text(&login["session"], "id").to_owned();

    let page = html(&browser.open(&server, "/admin/sessions?mode=hybrid").await);
    assert!(page.contains("&lt;i&gt;phone") && page.contains(">ada<"), "{page}");
    let other = html(&browser.open(&server, "/admin/sessions?mode=jwt").await);
    assert!(other.contains("No live session matches."), "{other}");
    assert_eq!(browser.open(&server, "/admin/sessions?ip=nowhere").await.status, 422);

    let page = html(&browser.post_and_follow(&server, &format!("/admin/sessions/{id}/end"), &[]).await);
    assert!(after(&page, "id=\"live\"", "</section>").contains("None."), "{page}");
    assert!(page.contains("by_admin"), "{page}");
}

#[tokio::test]
async fn the_audit_log_is_filtered_by_what_the_link_says() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    let id = user_id(&server, "ada").await;

    let page = html(&browser.open(&server, &format!("/admin/audit?user={id}&kind=login_succeeded")).await);
    let events = after(&page, "<tbody>", "</tbody>");
    assert!(events.contains("login_succeeded") && events.contains(">ada<"), "{events}");
    assert!(!events.contains("user_registered") && !events.contains(">root<"), "{events}");
    let later = html(&browser.open(&server, "/admin/audit?from=99999999999").await);
    assert!(later.contains("No event matches here."), "{later}");
    for (range, has_events) in [
        ("from=2000-01-01", true),
        ("from=2000-01-01&to=2100-12-31", true),
        ("from=2000-01-01T00%3A00&to=2100-12-31+14%3A00", true),
        ("to=2000-01-01", false),
        ("from=2100-12-31T14%3A00%3A00Z", false),
    ] {
        let page = html(&browser.open(&server, &format!("/admin/audit?{range}")).await);
        assert_eq!(!page.contains("No event matches here."), has_events, "{range}: {page}");
    }
    let typed = html(&browser.open(&server, "/admin/audit?from=2000-01-01+14%3A00").await);
    assert!(
        typed.contains("value=\"2000-01-01 14:00\"") && typed.contains("from=2000-01-01%2014%3A00"),
        "{typed}"
    );
    for wrong in ["kind=party", "user=x", "from=noon", "to=1969-12-30", "from=2025-11-24T16%3A00%5BUTC%5D"] {
        let response = browser.open(&server, &format!("/admin/audit?{wrong}")).await;
        assert_eq!(response.status, 422, "{wrong}");
    }
}

#[tokio::test]
async fn a_filter_takes_a_user_by_name_and_a_kind_as_it_is_shown() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    server.login("ada", "session").await;
    let id = user_id(&server, "ada").await;

    for user in ["ada", "ADA", &id] {
        for kind in ["login_succeeded", "login+succeeded"] {
            let page = html(&browser.open(&server, &format!("/admin/audit?user={user}&kind={kind}")).await);
            let events = after(&page, "<tbody>", "</tbody>");
            assert!(events.contains(">ada<") && !events.contains(">root<"), "{user} {kind}: {events}");
            assert!(page.contains("<option selected>login_succeeded</option>"), "{kind}: {page}");
        }
        let sessions = html(&browser.open(&server, &format!("/admin/sessions?user={user}")).await);
        let rows = after(&sessions, "<tbody>", "</tbody>");
        assert!(rows.contains(">ada<") && !rows.contains(">root<"), "{user}: {rows}");
    }
    for path in ["/admin/audit", "/admin/sessions"] {
        let unknown = browser.open(&server, &format!("{path}?user=unknown")).await;
        assert_eq!(unknown.status, 422);
        let page = html(&unknown);
        assert!(page.contains("there is no user &quot;unknown&quot;"), "{page}");
        assert!(page.contains("value=\"unknown\""), "the form shows it again: {page}");
        // The id of a user who was deleted, whose events remain.
        let deleted = browser.open(&server, &format!("{path}?user={}", "A".repeat(22))).await;
        assert_eq!(deleted.status, 200, "{deleted:?}");
    }
}

#[tokio::test]
async fn audit_events_are_found_by_who_caused_them_and_from_where() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    let id = user_id(&server, "ada").await;

    for actor in ["ada", &id] {
        let page = html(&browser.open(&server, &format!("/admin/audit?actor=user%3A{actor}")).await);
        let events = after(&page, "<tbody>", "</tbody>");
        assert!(events.contains("login_succeeded") && !events.contains(">root<"), "{actor}: {events}");
    }
    let page = html(&browser.open(&server, "/admin/audit?ip=127.0.0.1&actor=operator").await);
    assert!(page.contains("No event matches here."), "an operator has no address: {page}");
    let bearer = text(&server.login("root", "session").await, "session_token").to_owned();
    let get = |query: &str| Request::get(&format!("/v1/admin/events?{query}")).bearer(&bearer);
    let list = get("ip=127.0.0.1&actor=anonymous&kind=user_registered").send(&server).await.json();
    assert_eq!(list["events"].as_array().unwrap().len(), 1, "{list}");
    for wrong in ["actor=root", "actor=user%3Ax", "ip=here"] {
        assert_eq!(browser.open(&server, &format!("/admin/audit?{wrong}")).await.status, 422, "{wrong}");
        assert_eq!(get(wrong).send(&server).await.status, 422, "{wrong}");
    }
}

#[tokio::test]
async fn the_audit_log_is_exported_as_json_lines_that_end_with_whether_they_are_complete() {
    let (server, mut browser) = administrator().await;
    for name in ["ada", "bob"] {
        server.register(name).await;
    }

    let page = html(&browser.open(&server, "/admin/audit?kind=user_registered").await);
    let link = after(&page, "audit&#x2f;export", "\"").to_owned();
    assert_eq!(link, "?kind=user_registered");
    assert!(page.contains("the last line says whether it is complete"), "{page}");
    let export = browser.open(&server, &format!("/admin/audit/export{link}")).await;
    assert_eq!(export.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(export.header("content-disposition"), Some("attachment; filename=\"audit.jsonl\""));
    let body = String::from_utf8(export.body).unwrap();
    // The chunks of the body have lines with their lengths.
    let lines = body.lines().filter(|line| line.starts_with('{'));
    let mut events: Vec<serde_json::Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.pop().unwrap(), serde_json::json!({ "complete": true, "events": 3 }));
    let names: Vec<_> = events.iter().map(|event| text(event, "username")).collect();
    assert_eq!(names, ["bob", "ada", "root"], "newest first: {body}");
    let wrong = browser.open(&server, "/admin/audit/export?kind=party").await;
    assert_eq!(wrong.status, 422);
    // A filter that was dropped would export more than was asked for, as complete.
    for dropped in ["user=ada&user=ada", "user=%zz", "username=ada", "kind=user_registered&kind=party"] {
        for path in ["/admin/audit", "/admin/audit/export"] {
            assert_eq!(
                browser.open(&server, &format!("{path}?{dropped}")).await.status,
                422,
                "{path}?{dropped}"
            );
        }
    }
    let other_site = Request::get("/admin/audit/export").header("sec-fetch-site", "cross-site");
    assert_eq!(browser.send(&server, other_site).await.status, 403, "a link of another site");
}

#[tokio::test]
async fn a_list_that_leads_only_forward_leads_back_to_its_first_page() {
    let (server, mut browser) = administrator().await;
    // Newer than every session, so that the list has all of them.
    let newest = "_".repeat(32);
    for (first, more, cursor) in [
        ("/admin/audit?kind=login_succeeded", "&", "5"),
        ("/admin/sessions?mode=session", "&", &newest),
        ("/admin/clients", "?", "a"),
        ("/admin/revocations", "?", "1"),
    ] {
        let page = browser.open(&server, &format!("{first}{more}after={cursor}")).await;
        let page = html(&page).replace("&#x2f;", "/").replace("&#x3D;", "=");
        assert!(page.contains(&format!("<a href=\"{first}\">First page</a>")), "{first}: {page}");
        let page = html(&browser.open(&server, first).await);
        assert!(!page.contains("First page"), "{first}");
    }
}

#[tokio::test]
async fn the_question_about_the_own_client_says_what_would_end() {
    let (server, mut browser) = administrator().await;

    let disable = html(&browser.open(&server, "/admin/clients/default/disable").await);
    assert!(disable.contains("counterfoil client set default --enabled true"), "{disable}");
    let revoke = html(&browser.open(&server, "/admin/revocations/revoke?subject=client:default").await);
    assert!(revoke.contains("This is you."), "{revoke}");
}
