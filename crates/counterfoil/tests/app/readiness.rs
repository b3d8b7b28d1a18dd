//! What `/readyz` says is missing, when it is.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use counterfoil::Reading;
use counterfoil::{App, Settings};
use counterfoil_jose::Time;

use crate::client::send;
use crate::house::{House, Running};

#[tokio::test]
async fn a_clock_that_has_leapt_is_named_until_an_operator_accepts_it() {
    let house = House::new();
    let leapt = Arc::new(AtomicU64::new(0));
    let wall = Arc::clone(&leapt);
    let source = move || Reading {
        wall: Time::from_unix_seconds(1_800_000_000) + Duration::from_secs(wall.load(Ordering::SeqCst)),
        up: Duration::from_secs(1000),
    };
    let app = App::open_with_clock(house.settings(), source).await.unwrap();
    let server = Running::of(app.clone()).await;
    assert_eq!(send(server.at, "GET /readyz", &[], "").await.status, 200);

    leapt.store(86_400, Ordering::SeqCst);

    let answer = send(server.at, "GET /readyz", &[], "").await;
    assert_eq!((answer.status, answer.json()["detail"].as_str()), (503, Some("missing: clock")));
    assert_eq!(send(server.at, "GET /healthz", &[], "").await.status, 200, "it is alive all the same");
    assert!(app.metrics().await.contains("counterfoil_ready{check=\"clock\"} 0\n"));

    app.administer(counterfoil::operator::Command::ClockAccept {}).await.unwrap();
    assert_eq!(send(server.at, "GET /readyz", &[], "").await.status, 200);
    server.end().await;
}

#[tokio::test]
async fn a_server_that_is_told_to_end_says_so() {
    let house = House::new();
    let app = house.open().await;
    assert!(app.readiness().await.is_empty());

    app.close().await.unwrap();

    assert_eq!(app.readiness().await, ["closing", "store"]);
}

/// A file system of three megabytes at the place of the data directory; gone when it is dropped.
struct Small(PathBuf);

impl Small {
    /// `None` where nobody lets us mount anything.
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        fs::set_permissions(at, Permissions::from_mode(0o700)).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs"]).arg(at).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_named_and_serving_goes_on_by_itself_when_there_is_room() {
    let house = House::new();
    let Some(_small) = Small::mount(&house.dir()) else {
        println!("skipped: no file system may be mounted here");
        return;
    };
    // A key is due all the time, and soon one that there is no room for. Those that there are can be read.
    let (soon, now) = (Some(Duration::from_secs(1)), Duration::ZERO);
    let settings = Settings { key_rotation: soon, jwks_max_age: now, key_margin: now, ..house.settings() };
    let server = Running::start(settings).await;
    assert_eq!(send(server.at, "GET /readyz", &[], "").await.status, 200);
    let ballast = house.inside("ballast");
    let mut filled = fs::File::create(&ballast).unwrap();
    while filled.write_all(&[0; 4096]).is_ok() {}

    // What stands in the log may find room in the database for a while. It does not last.
    let mut ready = send(server.at, "GET /readyz", &[], "").await;
    for number in 0..2000 {
        let form = format!(r#"{{"username":"ada{number}","password":"correct horse battery"}}"#);
        if send(server.at, "POST /v1/register", &[], &form).await.status == 503 {
            ready = send(server.at, "GET /readyz", &[], "").await;
            if ready.status == 503 {
                break;
            }
        }
    }

    assert_eq!((ready.status, ready.json()["detail"].as_str()), (503, Some("missing: store_writes")));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let ready = send(server.at, "GET /readyz", &[], "").await;
    assert_eq!(ready.json()["detail"].as_str(), Some("missing: store_writes"), "no keys are missing");
    drop(filled);
    fs::remove_file(ballast).unwrap();
    // Nobody but the question itself writes anything.
    assert_eq!(send(server.at, "GET /readyz", &[], "").await.status, 200);
    server.end().await;
}
