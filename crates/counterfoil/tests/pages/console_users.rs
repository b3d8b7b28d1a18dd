//! Users in the console: how they are found, and what each change asks for.

use std::sync::atomic::Ordering;

use counterfoil::operator::Command;
use counterfoil_jose::Secret;
use serde_json::Value;

use crate::administrator::{administrator, get, user_id};
use crate::advanced_clock::advanced_clock;
use crate::browser::{PageBrowser, after, encode, html};
use crate::test_server::{PASSWORD, TestServer};

/// The kinds of the newest events in the audit log, with their actors' names.
async fn newest_events(server: &TestServer) -> Vec<(String, String)> {
    let list = get(server, "/v1/admin/events?limit=20").await;
    let member = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let events = list["events"].as_array().unwrap();
    events.iter().map(|event| (member(event, "kind"), member(event, "actor_name"))).collect()
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

/// Ids are in access tokens, so that anybody can know them.
#[tokio::test]
async fn the_events_of_a_deleted_user_are_found_although_the_id_is_the_name_of_another_one() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    let id = user_id(&server, "ada").await;
    server.register(&id).await;
    browser.post(&server, &format!("/admin/users/{id}/delete"), &[("confirm", "ada")]).await;

    let list = html(&browser.open(&server, &format!("/admin/audit?user={id}")).await);
    assert!(list.contains("user_deleted"), "{list}");
    let event = server.app.administer(Command::AuditList {
        filter: serde_json::from_value(serde_json::json!({ "user": id })).unwrap(),
        after: None,
        limit: None,
    });
    let events = event.await.unwrap();
    assert!(events.to_string().contains("user_deleted"), "{events}");
}

#[tokio::test]
async fn a_form_without_the_field_of_a_change_removes_nothing() {
    let (server, mut browser) = administrator().await;
    let add =
        [("username", "ada"), ("password", PASSWORD), ("email", "ada@example.org"), ("roles", "a,,b, a")];
    browser.post(&server, "/admin/users", &add).await;
    let id = user_id(&server, "ada").await;

    for change in ["roles", "email"] {
        let refused = browser.post(&server, &format!("/admin/users/{id}/{change}"), &[("other", "1")]).await;
        assert_eq!(refused.status, 422, "{change}");
    }
    let user = get(&server, &format!("/v1/admin/users/{id}")).await;
    assert_eq!(user["user"]["roles"], serde_json::json!(["a", "b"]), "{user}");
    assert_eq!(user["user"]["email"], "ada@example.org");
}

#[tokio::test]
async fn a_role_with_a_comma_does_not_become_two_roles() {
    let (server, mut browser) = administrator().await;
    server.register("ada").await;
    let id = user_id(&server, "ada").await;
    let change = serde_json::from_value(serde_json::json!({ "roles": ["staff,admin"] })).unwrap();
    server.app.administer(Command::UserChange { user: "ada".to_owned(), change }).await.unwrap();

    let refused =
        browser.post(&server, &format!("/admin/users/{id}/roles"), &[("roles", "staff,admin")]).await;

    assert_eq!(refused.status, 422);
    assert!(html(&refused).contains("counterfoil user roles"), "{refused:?}");
    let user = get(&server, &format!("/v1/admin/users/{id}")).await;
    assert_eq!(user["user"]["roles"], serde_json::json!(["staff,admin"]), "{user}");
}
