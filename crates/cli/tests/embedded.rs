//! The command line administers the store of an application that embeds the library.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use counterfoil::{App, Counterfoil, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::common::{CommandOutput, counterfoil, output_of};

const PASSWORD: &str = "correct horse battery staple";

/// An application's directory, in which the binary runs.
struct Application {
    temp: TempDir,
}

impl Application {
    /// The application has run once.
    async fn new() -> Self {
        let application = Self { temp: tempfile::tempdir().unwrap() };
        fs::write(application.path("password"), PASSWORD).unwrap();
        application.open().await.close().await.unwrap();
        application
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn store(&self) -> String {
        format!("sqlite:{}", self.path("auth.db").display())
    }

    async fn open(&self) -> Counterfoil {
        Counterfoil::open(&self.store()).await.unwrap()
    }

    /// Runs the binary in the directory, with the store as it is written in the application.
    fn run(&self, arguments: &[&str]) -> CommandOutput {
        let mut command = counterfoil(&[arguments, &["--store", "sqlite:auth.db"]].concat());
        output_of(command.current_dir(self.temp.path()).output().unwrap())
    }

    fn add_administrator(&self, more: &[&str]) -> CommandOutput {
        let add = ["user", "add", "root", "--role", "admin", "--password-file", "password"];
        self.run(&[&add, more].concat())
    }

    /// Logs in at the application, and lists its users.
    async fn login_and_list_users(&self) -> (u16, Value) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        let settings = Settings::new(base.parse().unwrap(), self.store().parse().unwrap());
        let app = App::open(settings).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(app.serve(listener, async {
            let _ = stopped.await;
        }));
        let listed = tokio::task::spawn_blocking(move || {
            let login = json!({ "username": "root", "password": PASSWORD }).to_string();
            let (_, answer) = curl(&format!("{base}/v1/login"), &["--json", &login]);
            let bearer =
                format!("Authorization: Bearer {}", answer["session_token"].as_str().unwrap_or_default());
            curl(&format!("{base}/v1/admin/users"), &["-H", &bearer])
        });
        let listed = listed.await.unwrap();
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
        listed
    }
}

fn curl(url: &str, options: &[&str]) -> (u16, Value) {
    let output = std::process::Command::new("curl")
        .args(["-s", "--noproxy", "*", "-w", "\n%{http_code}", url])
        .args(options)
        .output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

fn is_refused(output: &CommandOutput, part: &str) -> bool {
    output.status == 1 && output.stderr.contains(part) && output.stderr.contains("\nhint: ")
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_of_an_application_is_made_by_the_command_line() {
    let application = Application::new().await;
    let before = names_in(application.temp.path());
    assert!(before.contains(&"auth.db.key".to_owned()), "{before:?}");

    let added = application.add_administrator(&[]);

    assert_eq!(added.status, 0, "{added:?}");
    assert_eq!(names_in(application.temp.path()), before, "no data directory was created");
    let (status, list) = application.login_and_list_users().await;
    assert_eq!((status, &list["users"][0]["username"]), (200, &json!("root")), "{list}");
    let listed = application.run(&["user", "list", "--json"]);
    assert!(listed.status == 0 && listed.stdout.contains("\"root\""), "{listed:?}");
    let copied = application.run(&["backup", "copy.db"]);
    assert!(copied.status == 0 && application.path("copy.db").exists(), "{copied:?}");
    let restored = application.run(&["restore", "copy.db", "--yes"]);
    assert_eq!(restored.status, 0, "{restored:?}");
    assert_eq!(application.login_and_list_users().await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_an_application_has_open_is_refused() {
    let application = Application::new().await;
    let running = application.open().await;

    let refused = application.add_administrator(&[]);
    assert!(is_refused(&refused, "stop the other process"), "{refused:?}");
    // The test itself is the application.
    let owner = format!("auth.db is in use by process {} (", std::process::id());
    assert!(refused.stderr.contains(&owner), "{refused:?}");

    running.close().await.unwrap();
    assert_eq!(application.add_administrator(&[]).status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_master_keys_are_refused_until_one_is_named() {
    let application = Application::new().await;
    let mut server = counterfoil(&["user", "add", "eve", "--password-file", "password"]);
    assert!(server.current_dir(application.temp.path()).status().unwrap().success());
    assert!(application.path("counterfoil-data/master-key").exists());

    let refused = application.add_administrator(&[]);

    assert!(is_refused(&refused, "counterfoil-data/master-key"), "{refused:?}");
    assert!(refused.stderr.contains("--master-key-file auth.db.key"), "{refused:?}");
    assert_eq!(application.add_administrator(&["--master-key-file", "auth.db.key"]).status, 0);
    assert_eq!(application.login_and_list_users().await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_a_master_key_is_refused_and_nothing_is_created() {
    let application = Application::new().await;
    fs::rename(application.path("auth.db.key"), application.path("away")).unwrap();
    let before = names_in(application.temp.path());

    let without_key = application.add_administrator(&[]);
    for suffix in ["", "-wal", "-shm", ".lock", ".rollback-guard"] {
        let _ = fs::remove_file(application.path(&format!("auth.db{suffix}")));
    }
    let without_store = application.add_administrator(&[]);

    assert!(is_refused(&without_key, "auth.db.key"), "{without_key:?}");
    assert!(is_refused(&without_store, "there is no store"), "{without_store:?}");
    assert!(names_in(application.temp.path()).iter().all(|name| before.contains(name)));
}
