//! How long each list of the console takes with many users, sessions and audit events.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use counterfoil::App;
use counterfoil_fault_injection::console_records::copy_records;

use crate::browser::PageBrowser;
use crate::test_server::{TestServer, text};

/// How many users, sessions and audit events there are, by the soak; with it the time is measured, not only bounded.
const ROWS: &str = "COUNTERFOIL_CONSOLE_ROWS";

/// How many without the soak.
const FEW_ROWS: u32 = 20_000;

/// The longest time of 99 of 100 requests, with an optimized build on a machine that does nothing else.
const P99: Duration = Duration::from_millis(5);

/// The longest usual time of an unoptimized build beside other tests. A scan of the rows takes longer.
const BOUND: Duration = Duration::from_millis(250);

/// Closes the server, changes its database, and starts one with the same settings.
async fn restart_after(server: TestServer, change_database: impl FnOnce(&Path)) -> TestServer {
    let TestServer { app, _dir: dir, _stop: stop, .. } = server;
    let settings = app.settings().clone();
    app.close().await.unwrap();
    drop((app, stop));
    change_database(&dir.path().join("auth.db"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let settings = settings.with(|settings| settings.issuer = issuer);
    TestServer::serve(dir, listener, settings, App::open).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_of_the_console_is_short_whatever_is_stored() {
    let soak: Option<u32> = std::env::var(ROWS).ok().map(|rows| rows.parse().unwrap());
    let rows = soak.unwrap_or(FEW_ROWS);
    let server = TestServer::with(|settings| settings.console.enabled = true).await;
    server.add_admin("root").await;
    server.register("ada").await;
    let login = server.login("ada", "session").await;
    let server = restart_after(server, |database| copy_records(database, "ada", rows).unwrap()).await;
    let mut browser = PageBrowser::new();
    browser.sign_in(&server, "root").await;
    let (user, middle) = (text(&login["user"], "id"), format!("copy{}", rows / 2));
    let lists = [
        "/admin".to_owned(),
        "/admin/users".to_owned(),
        "/admin/users?prefix=copy1".to_owned(),
        format!("/admin/users?after={middle}"),
        format!("/admin/users?before={middle}"),
        format!("/admin/users/{user}"),
        format!("/admin/find?q={middle}"),
        "/admin/sessions".to_owned(),
        "/admin/sessions?mode=session".to_owned(),
        format!("/admin/sessions?user={user}"),
        "/admin/audit".to_owned(),
        format!("/admin/audit?after={}", rows / 2),
        format!("/admin/audit?user={user}"),
        "/admin/revocations".to_owned(),
        "/admin/clients".to_owned(),
    ];

    let mut slow = Vec::new();
    for list in &lists {
        let mut times = Vec::new();
        for _ in 0..if soak.is_some() { 300 } else { 10 } {
            let started = Instant::now();
            let response = browser.open(&server, list).await;
            times.push(started.elapsed());
            assert!(matches!(response.status, 200 | 303), "{list}: {response:?}");
        }
        times.sort_unstable();
        let (half, most) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        println!("{half:>10.1?} {most:>10.1?}  {list}");
        let is_slow = if soak.is_some() { most > P99 } else { half > BOUND };
        slow.extend(is_slow.then(|| format!("{list}: {half:?} {most:?}")));
    }
    assert!(slow.is_empty(), "{rows} rows: {slow:#?}");
}
