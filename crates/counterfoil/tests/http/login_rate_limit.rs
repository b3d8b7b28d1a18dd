//! Rate limits of logins, registrations and password changes, per account and client IP.

use std::time::{Duration, Instant};

use counterfoil::Settings;
use counterfoil::operator::Command;
use counterfoil_core::credentials::password::Argon2Cost;
use counterfoil_core::services::login_rate_limiter::{RateLimit, RateLimits};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::{Request, Response};
use crate::test_server::{PASSWORD, TestServer, text};

const WRONG: &str = "wrong horse battery";

/// A server with the default rate limits.
async fn with_default_limits(change: impl FnOnce(&mut Settings)) -> TestServer {
    TestServer::with(|settings| {
        settings.rate_limits = RateLimits::default();
        change(settings);
    })
    .await
}

fn login(name: &str, password: &str) -> Request {
    Request::post("/v1/login").json(&json!({ "username": name, "password": password }))
}

async fn fail(server: &TestServer, name: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(login(name, WRONG).send(server).await.status, 401);
    }
}

/// Removes `Retry-After`, which changes from second to second, after checking its range.
fn without_seconds(response: Response) -> Response {
    let mut response = response.without_id();
    let wait: u64 = response.header("retry-after").unwrap().parse().unwrap();
    assert!((600..=900).contains(&wait), "{wait}");
    response.headers.retain(|(name, _)| name != "retry-after");
    response
}

#[tokio::test]
async fn after_twenty_failures_known_and_unknown_users_get_the_same_429() {
    let server = with_default_limits(|_| {}).await;
    server.register("ada").await;
    fail(&server, "ada", 20).await;
    fail(&server, "bob", 20).await;

    let right = without_seconds(login("ada", PASSWORD).send(&server).await);
    let wrong = without_seconds(login("ada", WRONG).send(&server).await);
    let unknown = without_seconds(login("bob", PASSWORD).send(&server).await);

    assert_eq!((right.status, right.problem()), (429, "too_many_requests".into()));
    assert_eq!(right, wrong);
    assert_eq!(right, unknown);
    assert_eq!(login("eve", PASSWORD).send(&server).await.status, 401, "other users are not affected");
}

#[tokio::test]
async fn a_rate_limited_login_is_rejected_before_hashing() {
    let server = with_default_limits(|settings| settings.rate_limits.per_account_and_ip.max = 1).await;
    server.register("ada").await;
    fail(&server, "ada", 1).await;
    let hashed = metric(&server, "counterfoil_password_hash_duration_seconds_count").await;

    for _ in 0..5 {
        assert_eq!(login("ada", PASSWORD).send(&server).await.status, 429);
    }

    assert_eq!(metric(&server, "counterfoil_password_hash_duration_seconds_count").await, hashed);
}

/// The value of a metric without labels.
async fn metric(server: &TestServer, name: &str) -> f64 {
    let text = server.app.metrics().await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}"));
    line.trim().parse().unwrap()
}

/// The median time of five requests, in milliseconds.
async fn median_ms(server: &TestServer, request: impl Fn() -> Request, status: u16) -> f64 {
    let mut times = Vec::new();
    for _ in 0..5 {
        let since = Instant::now();
        assert_eq!(request().send(server).await.status, status);
        times.push(since.elapsed());
    }
    times.sort_unstable();
    times[2].as_secs_f64() * 1e3
}

#[tokio::test]
async fn the_time_of_a_refused_login_does_not_tell_the_scheme_of_the_account() {
    let server = with_default_limits(|_| {}).await;
    server.register("ada").await;
    // bcrypt takes ten times as long as the cheap hashes of this server.
    let bcrypt = "$2b$09$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS";
    let imported = json!({ "username": "bob", "password_hash": bcrypt });
    let users = vec![serde_json::from_value(imported).unwrap()];
    server.app.administer(Command::UserImport { users, dry_run: false }).await.unwrap();

    // The first guesses of all, since the import has measured the scheme.
    let unknown = median_ms(&server, || login("unknown", WRONG), 401).await;
    let imported = median_ms(&server, || login("bob", WRONG), 401).await;
    let known = median_ms(&server, || login("ada", WRONG), 401).await;
    fail(&server, "eve", 20).await;
    let limited = median_ms(&server, || login("eve", WRONG), 429).await;

    println!(
        "unknown {unknown:.1} ms, imported {imported:.1} ms, known {known:.1} ms, limited {limited:.1} ms"
    );
    for other in [unknown, known, limited] {
        assert!(other > imported / 3.0 && other < imported * 3.0, "{other} ms beside {imported} ms");
    }
}

#[tokio::test]
async fn a_rate_limited_registration_writes_nothing() {
    let server = with_default_limits(|settings| settings.rate_limits.registrations_per_ip.max = 2).await;
    let register = async |name: &str, password: &str| {
        let form = json!({ "username": name, "password": password });
        Request::post("/v1/register").json(&form).send(&server).await.status
    };
    // A weak password counts, since its estimate costs CPU time.
    assert_eq!([register("ada", "password1").await, register("bob", PASSWORD).await], [422, 201]);
    let commits = metric(&server, "counterfoil_store_commit_seconds_count").await;
    let estimates = metric(&server, "counterfoil_password_validation_duration_seconds_count").await;

    for name in ["eve", "mel", "bob"] {
        assert_eq!(register(name, PASSWORD).await, 429);
        assert_eq!(register(name, "password1").await, 429);
    }

    assert_eq!(metric(&server, "counterfoil_store_commit_seconds_count").await, commits);
    assert_eq!(metric(&server, "counterfoil_password_validation_duration_seconds_count").await, estimates);
}

#[tokio::test]
async fn weak_new_passwords_in_password_changes_are_limited() {
    let server = with_default_limits(|settings| settings.rate_limits.password_changes_per_user.max = 2).await;
    server.register("ada").await;
    let token = text(&server.login("ada", "session").await, "session_token").to_owned();
    let change = async |new: &str| {
        let form = json!({ "current_password": PASSWORD, "new_password": new });
        Request::post("/v1/password").bearer(&token).json(&form).send(&server).await.status
    };

    assert_eq!([change("password1").await, change("qwertyuiop").await], [422, 422]);
    assert_eq!(change("another horse battery").await, 429);
    let form =
        json!({ "username": "ada", "current_password": PASSWORD, "new_password": "another horse battery" });
    assert_eq!(
        Request::post("/v1/password").json(&form).send(&server).await.status,
        429,
        "nor with the username"
    );
}

#[tokio::test]
async fn password_changes_with_the_username_share_the_limit_of_those_in_sessions() {
    let server = with_default_limits(|settings| settings.rate_limits.password_changes_per_user.max = 2).await;
    server.register("ada").await;
    let change = async |current: &str, new: &str| {
        let form = json!({ "username": "ada", "current_password": current, "new_password": new });
        Request::post("/v1/password").json(&form).send(&server).await.status
    };

    assert_eq!(change(WRONG, "another horse battery").await, 401);
    assert_eq!([change(PASSWORD, "password1").await, change(PASSWORD, "qwertyuiop").await], [422, 422]);
    assert_eq!(change(PASSWORD, "another horse battery").await, 429);
}

#[tokio::test]
async fn a_login_attempt_counts_even_if_the_client_disconnects() {
    let slow = Argon2Cost { memory_kib: 64 * 1024, iterations: 2, parallelism: 1 };
    let server = with_default_limits(|settings| {
        settings.argon2 = slow;
        settings.rate_limits.per_account_and_ip.max = 3;
    })
    .await;
    server.register("ada").await;

    for _ in 0..3 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&login("ada", WRONG).bytes()).await.unwrap();
        // Hashing has started by then, and takes longer than this.
        tokio::time::sleep(Duration::from_millis(15)).await;
        drop(stream);
    }

    // The server finishes the attempts; then even the correct password is rate-limited.
    let deadline = Instant::now() + Duration::from_secs(20);
    while login("ada", PASSWORD).send(&server).await.status != 429 {
        assert!(Instant::now() < deadline, "the attempts must be counted");
    }
}

#[tokio::test]
async fn forwarding_headers_are_used_only_from_trusted_proxies() {
    for (trusted, expected) in [(vec![], 429), (vec!["127.0.0.0/8"], 200)] {
        let server = with_default_limits(|settings| {
            settings.trusted_proxies = trusted.iter().map(|network| network.parse().unwrap()).collect();
        })
        .await;
        server.register("ada").await;
        for _ in 0..20 {
            let request = login("ada", WRONG).header("x-forwarded-for", "192.0.2.1");
            assert_eq!(request.send(&server).await.status, 401);
        }

        let elsewhere = login("ada", PASSWORD).header("x-forwarded-for", "192.0.2.1, 192.0.2.2");

        assert_eq!(elsewhere.send(&server).await.status, expected, "{trusted:?}");
        let same = login("ada", PASSWORD).header("x-forwarded-for", "192.0.2.2, 192.0.2.1");
        assert_eq!(same.send(&server).await.status, 429, "{trusted:?}");
    }
}

#[tokio::test]
async fn a_session_shows_the_client_ip_from_a_trusted_proxy() {
    let server =
        with_default_limits(|settings| settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]).await;
    server.register("ada").await;
    let request = login("ada", PASSWORD).header("forwarded", "for=1.1.1.1, for=\"[2001:db8::7]:443\"");
    let token = text(&request.send(&server).await.json(), "session_token").to_owned();

    let list = Request::get("/v1/sessions").bearer(&token).send(&server).await.json();

    assert_eq!(list["sessions"][0]["ip"], "2001:db8::7");
}

#[tokio::test]
async fn path_and_username_variants_do_not_bypass_the_limit() {
    let server = with_default_limits(|_| {}).await;
    server.register("ada").await;
    for path in ["//v1/login", "/v1//login", "/v1/login/", "/V1/login", "/v1/%6cogin", "/v1/./login"] {
        let request = Request::post(path).json(&json!({ "username": "ada", "password": PASSWORD }));
        assert_eq!(request.send(&server).await.status, 404, "{path}");
    }
    fail(&server, "ada", 20).await;
    let form = json!({ "username": "ada", "password": PASSWORD });
    for request in
        [Request::post("/v1/login?a=b").json(&form), login("Ada", PASSWORD), login("ＡＤＡ", PASSWORD)]
    {
        let status = request.send(&server).await.status;
        assert!([401, 429].contains(&status), "{status}");
    }
}

#[tokio::test]
async fn registrations_and_password_changes_are_rate_limited() {
    let server = with_default_limits(|settings| {
        settings.rate_limits.registrations_per_ip =
            RateLimit { max: 2, ..settings.rate_limits.registrations_per_ip };
        settings.rate_limits.password_change.max = 2;
    })
    .await;
    server.register("ada").await;
    server.register("bob").await;
    let form = json!({ "username": "eve", "password": PASSWORD });
    assert_eq!(Request::post("/v1/register").json(&form).send(&server).await.status, 429);

    let token = text(&server.login("ada", "session").await, "session_token").to_owned();
    let change = async |current: &str| {
        let form = json!({ "current_password": current, "new_password": "another horse battery" });
        Request::post("/v1/password").bearer(&token).json(&form).send(&server).await.status
    };
    assert_eq!([change(WRONG).await, change(WRONG).await, change(PASSWORD).await], [401, 401, 429]);
}
