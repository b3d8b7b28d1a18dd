//! The console: who may open it, what it shows, and what each change asks for.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;

use counterfoil::operator::Command;
use counterfoil_jose::Secret;

use crate::advanced_clock::advanced_clock;
use crate::browser::{PageBrowser, after, encode, html};
use crate::client::Request;
use crate::test_server::{PASSWORD, TestServer, text};

async fn console_server() -> TestServer {
    let server = TestServer::with(|settings| settings.console.enabled = true).await;
    server.add_admin("root").await;
    server
}

async fn administrator() -> (TestServer, PageBrowser) {
    let server = console_server().await;
    let mut browser = PageBrowser::new();
    browser.sign_in(&server, "root").await;
    (server, browser)
}

/// The id of a user, as the JSON routes have it.
async fn user_id(server: &TestServer, name: &str) -> String {
    let bearer = text(&server.login(name, "session").await, "session_token").to_owned();
    let me = Request::get("/v1/me").bearer(&bearer).send(server).await.json();
    text(&me["user"], "id").to_owned()
}

/// The kinds of the newest events in the audit log, with their actors' names.
async fn newest_events(server: &TestServer) -> Vec<(String, String)> {
    let bearer = text(&server.login("root", "session").await, "session_token").to_owned();
    let list = Request::get("/v1/admin/events?limit=20").bearer(&bearer).send(server).await.json();
    let member = |event: &serde_json::Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let events = list["events"].as_array().unwrap();
    events.iter().map(|event| (member(event, "kind"), member(event, "actor_name"))).collect()
}

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
async fn the_page_of_a_user_says_that_the_password_is_temporary() {
    let (server, mut browser) = administrator().await;
    server.import_with_temporary_password("ada").await;
    server.register("bob").await;

    let mut is_temporary = async |name| {
        let id = user_id(&server, name).await;
        html(&browser.open(&server, &format!("/admin/users/{id}")).await).contains("temporary")
    };
    assert!(is_temporary("ada").await);
    assert!(!is_temporary("bob").await);
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
async fn a_user_is_added_and_changed_after_a_question_and_the_actor_is_recorded() {
    let (server, mut browser) = administrator().await;
    let add = [("username", "ada"), ("password", PASSWORD), ("email", ""), ("roles", "editor")];

    let page = html(&browser.post_and_follow(&server, "/admin/users", &add).await);
    assert!(page.contains("Done. The change is in force.") && page.contains("editor"), "{page}");
    let again = browser.post(&server, "/admin/users", &add).await;
    assert_eq!(again.status, 409);
    assert!(html(&again).contains("role=\"alert\""));
    let id = user_id(&server, "ada").await;
    let path = |change: &str| format!("/admin/users/{id}/{change}");

    for (change, form, expected) in [
        ("roles", ("roles", "editor, reader"), "editor, reader"),
        ("email", ("email", "ada@example.org"), "(unverified)"),
        ("disable", ("", ""), ">disabled<"),
        ("enable", ("", ""), ">enabled<"),
        ("end-sessions", ("", ""), "None."),
        ("revoke", ("reason", "a stolen laptop"), "a stolen laptop"),
    ] {
        let page = html(&browser.open(&server, &format!("/admin/users/{id}")).await);
        let was_so = page.contains(expected);
        let question = html(&browser.open(&server, &path(change)).await);
        assert!(question.contains("What this does"), "{question}");
        let page = html(&browser.open(&server, &format!("/admin/users/{id}")).await);
        assert_eq!(page.contains(expected), was_so, "{change}: a question changes nothing");
        let page = html(&browser.post_and_follow(&server, &path(change), &[form]).await);
        assert!(page.contains(expected), "{change}: {page}");
    }
    let invalid = browser.post(&server, &path("roles"), &[("roles", "two words")]).await;
    assert_eq!(invalid.status, 422);
    assert!(html(&invalid).contains("role=\"alert\""));
    let events = newest_events(&server).await;
    for kind in ["user_registered", "roles_changed", "user_disabled", "user_enabled", "user_revoked"] {
        assert!(events.contains(&(kind.to_owned(), "root".to_owned())), "{kind}: {events:?}");
    }
    assert_eq!(browser.open(&server, &path("promote")).await.status, 404);
}

#[tokio::test]
async fn a_user_is_deleted_only_with_their_name_typed() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    let path = format!("/admin/users/{}/delete", user_id(&server, "ada").await);

    let question = html(&browser.open(&server, &path).await);
    assert!(question.contains("Live sessions that end: 1."), "{question}");
    for typed in ["", "Ada", "root"] {
        let refused = browser.post(&server, &path, &[("confirm", typed)]).await;
        assert_eq!(refused.status, 422, "{typed}");
    }
    let page = html(&browser.post_and_follow(&server, &path, &[("confirm", "ada")]).await);
    assert!(page.contains("Done. The change is in force."), "{page}");
    assert_eq!(browser.open(&server, &path).await.status, 404);
}

#[tokio::test]
async fn an_old_login_neither_makes_an_administrator_nor_deletes_a_user() {
    let (advance, clock) = advanced_clock();
    let server = TestServer::with_clock(|settings| settings.console.enabled = true, clock).await;
    server.add_admin("root").await;
    server.register("ada").await;
    let (mut browser, ada) = (PageBrowser::new(), user_id(&server, "ada").await);
    browser.sign_in(&server, "root").await;
    let eve = [("username", "eve"), ("password", PASSWORD), ("email", ""), ("roles", "admin")];
    let changes = [
        (format!("/admin/users/{ada}/roles"), vec![("roles", "admin")]),
        (format!("/admin/users/{ada}/delete"), vec![("confirm", "ada")]),
        ("/admin/users".to_owned(), eve.to_vec()),
    ];

    advance.store(601, Ordering::SeqCst);
    for (path, fields) in &changes {
        let asked = browser.post(&server, path, fields).await;
        let location = asked.header("location").unwrap_or_default();
        assert!(location.starts_with("/login?reauth=1&return_to=%2Fadmin%2Fusers"), "{path}: {asked:?}");
    }
    let found = browser.open(&server, "/admin/find?q=eve").await;
    assert_eq!(found.header("location"), Some("/admin/users?prefix=eve"), "there is no such user");

    browser.sign_in(&server, "root").await;
    for (path, fields) in &changes {
        let changed = browser.post(&server, path, fields).await;
        let location = changed.header("location").unwrap_or_default();
        assert!(location.starts_with("/admin/users"), "{path}: {changed:?}");
    }
}

#[tokio::test]
async fn users_are_found_by_the_beginning_of_their_names_and_records_by_their_ids() {
    let (server, mut browser) = administrator().await;
    for name in ["ada", "adam", "adb", "ben"] {
        server.register(name).await;
    }
    let id = user_id(&server, "ben").await;

    let page = html(&browser.open(&server, "/admin/users?prefix=ADA").await);
    let list = after(&page, "<tbody>", "</tbody>");
    assert!(list.contains(">ada<") && list.contains(">adam<") && !list.contains(">adb<"), "{list}");
    assert!(html(&browser.open(&server, "/admin/users?prefix=x").await).contains("No user has such a name."));
    for (text, target) in [
        (id.as_str(), format!("/admin/users/{id}")),
        ("ben", format!("/admin/users/{id}")),
        ("be", "/admin/users?prefix=be".to_owned()),
        ("a&b", "/admin/users?prefix=a%26b".to_owned()),
    ] {
        let response = browser.open(&server, &format!("/admin/find?q={}", encode(text))).await;
        assert_eq!(response.header("location"), Some(target.as_str()), "{text}");
    }
}

#[tokio::test]
async fn an_administrator_is_told_before_they_end_their_own_session() {
    let (server, mut browser) = administrator().await;
    server.add_admin("deputy").await;
    let id = user_id(&server, "root").await;
    let path = format!("/admin/users/{id}/end-sessions");

    for change in ["roles", "disable", "end-sessions"] {
        let question = html(&browser.open(&server, &format!("/admin/users/{id}/{change}")).await);
        assert!(question.contains("This is you."), "{change}: {question}");
    }
    let response = browser.post(&server, &path, &[]).await;
    assert_eq!(response.status, 303);
    let login = browser.open(&server, "/admin").await;
    assert_eq!(login.status, 303);
    assert!(login.header("location").unwrap().contains("/login"));
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
async fn audit_events_are_found_by_who_caused_them_and_from_where() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    let id = user_id(&server, "ada").await;

    let page = html(&browser.open(&server, &format!("/admin/audit?actor=user%3A{id}")).await);
    let events = after(&page, "<tbody>", "</tbody>");
    assert!(events.contains("login_succeeded") && !events.contains(">root<"), "{events}");
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
    let other_site = Request::get("/admin/audit/export").header("sec-fetch-site", "cross-site");
    assert_eq!(browser.send(&server, other_site).await.status, 403, "a link of another site");
}

#[tokio::test]
async fn the_list_of_users_leads_forwards_and_back() {
    let (server, mut browser) = administrator().await;
    for number in 0..120 {
        let add = Command::UserAdd {
            username: format!("user{number:03}"),
            password: Secret::new(PASSWORD.to_owned()),
            email: None,
            roles: Vec::new(),
        };
        server.app.administer(add).await.unwrap();
    }
    let link = |page: &str, rel: &str| {
        let mark = format!("rel=\"{rel}\" href=\"");
        let link = page.contains(&mark).then(|| after(page, &mark, "\"").to_owned());
        link.map(|link| link.replace("&#x2f;", "/").replace("&#x3D;", "=").replace("&amp;", "&"))
    };
    let mut pages = Vec::new();
    let mut next = Some("/admin/users?prefix=user".to_owned());
    while let Some(path) = next {
        let page = html(&browser.open(&server, &path).await);
        next = link(&page, "next");
        pages.push(page);
    }

    assert_eq!(pages.len(), 3);
    assert_eq!(link(&pages[0], "prev"), None);
    let list = |page: &str| after(page, "<tbody>", "</tbody>").to_owned();
    let back = html(&browser.open(&server, &link(&pages[2], "prev").unwrap()).await);
    assert_eq!(list(&back), list(&pages[1]));
    let first = html(&browser.open(&server, &link(&back, "prev").unwrap()).await);
    assert_eq!(list(&first), list(&pages[0]));
    assert!(list(&first).contains("user000") && link(&first, "prev").is_none());
    assert!(link(&first, "next").is_some());
}

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
