//! How much each request makes the database grow, compared with the table in SECURITY.md.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use counterfoil::{StoreUrl, WriteRateLimits};
use counterfoil_core::services::login_rate_limiter::RateLimit;

use crate::client::Request;
use crate::forward_auth::{Person, guard};
use crate::oauth::FORM;
use crate::openapi_contract::operations;
use crate::test_server::{PASSWORD, TestServer, text};

/// The document with the table, between two lines.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../SECURITY.md");
const BEGIN: &str = "<!-- table of disk growth: checked by a test -->\n";
const END: &str = "<!-- end of the table -->\n";

/// The growth of a file is a multiple of its page size, so it is measured over this many requests.
const REQUESTS: usize = 240;

/// The most requests in progress at a time: they share commits. One client has a part of the hash queue only.
const PARALLEL: usize = 4;

/// What the requests of a row do: one function for each row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    NothingStored,
    FailedLogins,
    FailedLoginsOfManyNames,
    RefusedRegistrations,
    Registrations,
    Logins,
    LoginsWithLogout,
    Refreshes,
    RefreshesOfManyClients,
    Exchanges,
    ExchangesWithRevocation,
    SessionData,
    SessionNames,
    HostLogins,
    EndsOfNothing,
    FailedPasswordChanges,
    AdminChanges,
}

/// The rows, as the first column of the table has them.
const ROWS: [(Row, &str); 17] = [
    (
        Row::NothingStored,
        "any `GET` but `/.counterfoil/callback`; `POST /oauth/introspect`; any request without a valid credential, but for those below",
    ),
    (Row::FailedLogins, "`POST /v1/login` with a wrong password, of one name"),
    (Row::FailedLoginsOfManyNames, "`POST /v1/login` with a wrong password, of a new name each time"),
    (Row::RefusedRegistrations, "`POST /v1/register` of a taken name"),
    (Row::Registrations, "`POST /v1/register`"),
    (Row::Logins, "`POST /v1/login`"),
    (
        Row::LoginsWithLogout,
        "`POST /v1/login` and the end of the session: `POST /v1/logout`, `POST /.counterfoil/logout`, `DELETE /v1/sessions/{id}`, `POST /oauth/revoke`",
    ),
    (Row::Refreshes, "`POST /v1/refresh`"),
    (Row::RefreshesOfManyClients, "`POST /v1/refresh` from another address or user agent each time"),
    (Row::Exchanges, "`POST /v1/token`"),
    (Row::ExchangesWithRevocation, "`POST /v1/token` and `POST /oauth/revoke` of its token"),
    (Row::SessionData, "`PATCH /v1/session/data`"),
    (Row::SessionNames, "`PATCH /v1/sessions/{id}`"),
    (Row::HostLogins, "`GET /.counterfoil/callback`"),
    (Row::EndsOfNothing, "`DELETE /v1/sessions` without another session"),
    (Row::FailedPasswordChanges, "`POST /v1/password` with a wrong password"),
    (Row::AdminChanges, "a change by an administrator (`/v1/admin/…`, `POST /v1/revocations`)"),
];

/// The bytes in the second column, by the text in the first.
fn documented() -> BTreeMap<String, f64> {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let (_, rest) = text.split_once(BEGIN).expect("SECURITY.md has the table");
    let (table, _) = rest.split_once(END).unwrap();
    let rows = table.lines().skip(2).map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let (request, bytes) = (cells.next().unwrap().to_owned(), cells.next().unwrap().replace(',', ""));
        (request, bytes.parse().unwrap_or_else(|_| panic!("{bytes} is no number")))
    });
    rows.collect()
}

#[test]
fn the_table_of_disk_growth_has_every_row() {
    let rows: BTreeMap<_, _> = documented();

    let expected: Vec<&str> = ROWS.iter().map(|(_, request)| *request).collect();
    for request in &expected {
        assert!(rows.contains_key(*request), "SECURITY.md has no row `{request}`");
    }
    assert_eq!(rows.len(), expected.len(), "SECURITY.md has a row that is not measured");
}

#[test]
fn the_table_of_disk_growth_names_every_route_that_changes_something() {
    let named: String = ROWS.iter().map(|(_, request)| *request).collect();
    for (path, method, _) in operations() {
        // A probe is stored nowhere.
        let is_admin = path.starts_with("/v1/admin/")
            || ["/v1/revocations", "/v1/doctor/probes"].contains(&path.as_str());
        let name = format!("`{} {path}`", method.to_uppercase());
        assert!(method == "get" || is_admin || named.contains(&name), "{name} has no row");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_makes_the_database_grow_by_more_than_documented() {
    let documented = documented();
    let mut measured = Vec::new();
    for (row, request) in ROWS {
        let (few, many) = (size_after(row, 16).await, size_after(row, 16 + REQUESTS).await);
        let bytes = many.saturating_sub(few) as f64 / REQUESTS as f64;
        println!("{bytes:6.0} bytes of at most {:6}: {request}", documented[request]);
        measured.push((request, bytes, documented[request]));
    }

    for (request, bytes, bound) in measured {
        assert!(bytes <= bound, "`{request}` adds {bytes:.0} bytes, and SECURITY.md says {bound}");
        assert!(bound <= 2.0 * bytes + 100.0, "`{request}` adds {bytes:.0} bytes, much less than documented");
    }
}

/// The size of the database after so many requests, with its write-ahead log.
async fn size_after(row: Row, requests: usize) -> u64 {
    // The limits bound how often a request is sent, and this measures what one adds.
    let server = TestServer::with(|settings| {
        settings.write_rate_limits = WriteRateLimits::off();
        settings.rate_limits.successful_per_account = RateLimit::OFF;
        settings.rate_limits.successful_per_ip = RateLimit::OFF;
        settings.rate_limits.per_account_from_one_ip = RateLimit::OFF;
        settings.max_sessions = None;
        settings.password_hashing_queue_size = 1_000;
        settings.refresh_reuse_grace = Duration::ZERO;
        if row == Row::HostLogins {
            guard(settings);
        }
    });
    let server = Arc::new(server.await);
    server.add_admin("root").await;
    server.register("ada").await;
    match row {
        Row::Refreshes => refresh(&server, requests, |_| "🦀".repeat(200)).await,
        Row::RefreshesOfManyClients => {
            refresh(&server, requests, |number| format!("{number:0>4}{}", "🦀".repeat(200))).await;
        }
        Row::SessionNames => rename_session(&server, requests).await,
        Row::HostLogins => {
            let mut ada = Person::logged_in(&server, "ada", "session").await;
            for _ in 0..requests {
                ada.log_in_at_host(&server).await;
            }
        }
        Row::AdminChanges => change_as_administrator(&server, requests).await,
        _ => send_parallel(&server, row, requests).await,
    }
    server.app.close().await.unwrap();
    let StoreUrl::Sqlite(path) = &server.app.settings().store else { panic!("a file") };
    let size = |suffix: &str| {
        let file = format!("{}{suffix}", path.display());
        std::fs::metadata(file).map_or(0, |metadata| metadata.len())
    };
    size("") + size("-wal")
}

/// A client whose stored texts are as long as possible.
fn from_verbose_client(request: Request) -> Request {
    request.header("user-agent", "🦀".repeat(200))
}

fn login_form(name: &str) -> Value {
    let scope = format!("read {}", "s".repeat(500));
    json!({ "username": name, "password": PASSWORD, "label": "🦀".repeat(64), "scope": scope })
}

async fn send_parallel(server: &Arc<TestServer>, row: Row, requests: usize) {
    let login = server.login("ada", "session").await;
    let bearer: Arc<str> = text(&login, "session_token").into();
    let mut tasks = JoinSet::new();
    for number in 0..requests {
        if tasks.len() >= PARALLEL {
            tasks.join_next().await.unwrap().unwrap();
        }
        let (server, bearer) = (Arc::clone(server), Arc::clone(&bearer));
        tasks.spawn(async move { send(&server, row, &bearer, number).await });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
}

async fn send(server: &TestServer, row: Row, bearer: &str, number: usize) {
    let post = |path: &str, body: &Value| from_verbose_client(Request::post(path).json(body));
    let wrong = |name: String| json!({ "username": name, "password": "wrong horse battery" });
    let new_name = format!("{}{number:0>4}", "漢".repeat(60));
    let (request, status) = match row {
        Row::NothingStored => (Request::get("/v1/me").bearer(bearer), 200),
        Row::FailedLogins => (post("/v1/login", &wrong("ada".into())), 401),
        Row::FailedLoginsOfManyNames => (post("/v1/login", &wrong(new_name)), 401),
        Row::RefusedRegistrations => {
            (post("/v1/register", &json!({ "username": "ada", "password": PASSWORD })), 409)
        }
        Row::Registrations => {
            let email = format!("{number:a>64}@{}.example", "b".repeat(63));
            (
                post("/v1/register", &json!({ "username": new_name, "password": PASSWORD, "email": email })),
                201,
            )
        }
        Row::Logins => (post("/v1/login", &login_form("ada")), 200),
        Row::LoginsWithLogout => return log_in_and_out(server).await,
        Row::ExchangesWithRevocation => return exchange_and_revoke(server, bearer).await,
        Row::Exchanges => (post("/v1/token", &json!({})).bearer(bearer), 200),
        Row::SessionData => {
            let patch = json!({ "a": "x".repeat(8_000 + number % 2), "b": number % 7 });
            (from_verbose_client(Request::new("PATCH", "/v1/session/data").json(&patch)).bearer(bearer), 200)
        }
        Row::EndsOfNothing => {
            (from_verbose_client(Request::new("DELETE", "/v1/sessions")).bearer(bearer), 200)
        }
        Row::FailedPasswordChanges => {
            let change =
                json!({ "current_password": "wrong horse", "new_password": "another horse battery" });
            (post("/v1/password", &change).bearer(bearer), 401)
        }
        Row::Refreshes
        | Row::RefreshesOfManyClients
        | Row::SessionNames
        | Row::HostLogins
        | Row::AdminChanges => unreachable!("these are sent one after another"),
    };
    let response = request.send(server).await;
    assert_eq!(response.status, status, "{row:?}: {response:?}");
}

async fn log_in_and_out(server: &TestServer) {
    let login = from_verbose_client(Request::post("/v1/login").json(&login_form("ada"))).send(server).await;
    let login = login.json();
    let logout = Request::post("/v1/logout").bearer(text(&login, "session_token"));
    assert_eq!(from_verbose_client(logout).send(server).await.status, 204);
}

async fn exchange_and_revoke(server: &TestServer, bearer: &str) {
    let exchange = Request::post("/v1/token").json(&json!({})).bearer(bearer).send(server).await.json();
    let form = format!("token={}", text(&exchange, "access_token"));
    let revoke = from_verbose_client(Request::post("/oauth/revoke").body(FORM, form));
    assert_eq!(revoke.send(server).await.status, 200);
}

/// Each refresh needs the token of the one before.
async fn refresh(server: &TestServer, requests: usize, user_agent: impl Fn(usize) -> String) {
    let mut pair = server.login("ada", "hybrid").await;
    for number in 0..requests {
        let body = json!({ "refresh_token": text(&pair, "refresh_token") });
        let request = Request::post("/v1/refresh").json(&body).header("user-agent", user_agent(number));
        let response = request.send(server).await;
        assert_eq!(response.status, 200, "{response:?}");
        pair = response.json();
    }
}

async fn rename_session(server: &TestServer, requests: usize) {
    let login = server.login("ada", "session").await;
    let (bearer, path) =
        (text(&login, "session_token"), format!("/v1/sessions/{}", text(&login["session"], "id")));
    for number in 0..requests {
        let name = json!({ "label": format!("{}{number:0>4}", "🦀".repeat(60)) });
        let request = from_verbose_client(Request::new("PATCH", &path).json(&name)).bearer(bearer);
        let response = request.send(server).await;
        assert_eq!(response.status, 200, "{response:?}");
    }
}

/// Revokes the sessions of a user: of all changes the one with the most entries.
async fn change_as_administrator(server: &TestServer, requests: usize) {
    let root = server.login("root", "session").await;
    let me = Request::get("/v1/me").bearer(text(&server.login("ada", "jwt").await, "access_token"));
    let user = text(&me.send(server).await.json()["user"], "id").to_owned();
    let body = json!({ "subject": format!("user:{user}"), "reason": "é".repeat(200) });
    for _ in 0..requests {
        let request = Request::post("/v1/revocations").json(&body).bearer(text(&root, "session_token"));
        let response = from_verbose_client(request).send(server).await;
        assert_eq!(response.status, 200, "{response:?}");
    }
}
