//! `/readyz` names the failed checks, and recovers when their cause is removed.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use counterfoil::App;
use counterfoil::ClockReading;
use counterfoil_jose::Time;

use crate::client::send;
use crate::fixture::{Fixture, TestServer};

#[tokio::test]
async fn a_clock_jump_fails_readiness_until_an_operator_accepts_it() {
    let fixture = Fixture::new();
    let jump = Arc::new(AtomicU64::new(0));
    let wall = Arc::clone(&jump);
    let source = move || ClockReading {
        wall: Time::from_unix_seconds(1_800_000_000) + Duration::from_secs(wall.load(Ordering::SeqCst)),
        uptime: Duration::from_secs(1000),
    };
    let app = App::open_with_clock(fixture.settings(), source).await.unwrap();
    let server = TestServer::serve(app.clone()).await;
    assert_eq!(send(server.address, "GET /readyz", &[], "").await.status, 200);

    jump.store(86_400, Ordering::SeqCst);

    let answer = send(server.address, "GET /readyz", &[], "").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json(), json!({ "status": "unavailable", "failed": ["clock"] }));
    assert_eq!(send(server.address, "GET /healthz", &[], "").await.status, 200, "the process is still alive");
    assert!(app.metrics().await.contains("counterfoil_ready{check=\"clock\"} 0\n"));

    app.administer(counterfoil::operator::Command::ClockAccept {}).await.unwrap();
    assert_eq!(send(server.address, "GET /readyz", &[], "").await.status, 200);
    server.shut_down().await;
}

#[tokio::test]
async fn a_closed_app_reports_closing_and_store() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    assert!(app.readiness().await.is_empty());

    app.close().await.unwrap();

    assert_eq!(app.readiness().await, ["closing", "store"]);
}

/// A mounted file system of three megabytes. Dropping it unmounts it.
struct SmallFileSystem(PathBuf);

impl SmallFileSystem {
    /// `None` without the privilege to mount.
    fn mount(path: &Path) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs"]).arg(path).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for SmallFileSystem {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_fails_readiness_until_there_is_space_again() {
    let fixture = Fixture::new();
    let Some(_mounted) = SmallFileSystem::mount(&fixture.data_dir()) else {
        counterfoil_test_support::skip("a file system cannot be mounted here");
        return;
    };
    // Key rotation is always due and soon finds no space for a new key. The existing keys stay readable.
    let (soon, now) = (Some(Duration::from_secs(1)), Duration::ZERO);
    let settings = fixture.settings().with(|settings| {
        settings.signing_key_rotation_interval = soon;
        settings.jwks_max_age = now;
        settings.key_margin = now;
    });
    let server = TestServer::start(settings).await;
    assert_eq!(send(server.address, "GET /readyz", &[], "").await.status, 200);
    let ballast = fixture.data_path("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}

    // SQLite can checkpoint the WAL into free pages of the database for a while, so write until it fails.
    let mut ready = send(server.address, "GET /readyz", &[], "").await;
    for number in 0..2000 {
        let form = format!(r#"{{"username":"ada{number}","password":"correct horse battery"}}"#);
        if send(server.address, "POST /v1/register", &[], &form).await.status == 503 {
            ready = send(server.address, "GET /readyz", &[], "").await;
            if ready.status == 503 {
                break;
            }
        }
    }

    assert_eq!((ready.status, &ready.json()["failed"]), (503, &json!(["store_writes"])));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let ready = send(server.address, "GET /readyz", &[], "").await;
    assert_eq!(ready.json()["failed"], json!(["store_writes"]), "the keys are still available");
    drop(file);
    fs::remove_file(ballast).unwrap();
    // The readiness check itself writes; no other request does.
    assert_eq!(send(server.address, "GET /readyz", &[], "").await.status, 200);
    server.shut_down().await;
}
