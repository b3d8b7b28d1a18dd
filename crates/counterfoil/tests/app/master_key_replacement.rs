//! Replacing the master key: logins stay valid, and after a crash at any step the store still opens.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use counterfoil::operator::Command;
use counterfoil::{App, MasterKeySource, OpenError, Settings};
use counterfoil_jose::{Secret, base64url, random};
use serde_json::Value;

use crate::client::send;
use crate::fixture::{Fixture, TestServer, contents};

const ADA: &str = r#"{"username":"ada","password":"correct horse"}"#;

/// The credentials of one login in each mode.
struct Credentials {
    session: String,
    access: String,
    refresh: String,
}

impl Credentials {
    async fn issue(address: SocketAddr) -> Self {
        assert_eq!(send(address, "POST /v1/register", &[], ADA).await.status, 201);
        let login = async |mode: &str| {
            let body = ADA.replace('}', &format!(r#","mode":"{mode}"}}"#));
            send(address, "POST /v1/login", &[], &body).await.json()
        };
        let member = |login: &Value, name: &str| login[name].as_str().unwrap().to_owned();
        Self {
            session: member(&login("session").await, "session_token"),
            access: member(&login("jwt").await, "access_token"),
            refresh: member(&login("hybrid").await, "refresh_token"),
        }
    }

    /// Asserts that every credential is accepted, and rotates the refresh token.
    async fn assert_valid(&mut self, address: SocketAddr) {
        for bearer in [&self.session, &self.access] {
            let header = format!("authorization: Bearer {bearer}");
            assert_eq!(send(address, "GET /v1/me", &[&header], "").await.status, 200);
        }
        let body = format!(r#"{{"refresh_token":"{}"}}"#, self.refresh);
        let refreshed = send(address, "POST /v1/refresh", &[], &body).await;
        assert_eq!(refreshed.status, 200, "{refreshed:?}");
        self.refresh = refreshed.json()["refresh_token"].as_str().unwrap().to_owned();
    }
}

fn random_key() -> String {
    base64url::encode(random::bytes::<32>().unwrap())
}

fn write_key_file(file: &Path, text: &str, mode: u32) -> PathBuf {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
    file.to_owned()
}

async fn replace_master_key(app: &App, file: Option<PathBuf>) -> Value {
    app.administer(Command::KeyRekey { file }).await.unwrap()
}

fn settings_with_key(fixture: &Fixture, text: &str) -> Settings {
    let master_key = MasterKeySource { text: Some(Secret::new(text.to_owned())), file: None };
    fixture.settings().with(|settings| settings.master_key = master_key)
}

/// The names of the current, next and old master key files.
fn key_files(fixture: &Fixture) -> Vec<String> {
    let names = contents(&fixture.data_dir()).into_keys().map(|path| path.file_name().unwrap().to_owned());
    names.map(|name| name.into_string().unwrap()).filter(|name| name.starts_with("master-key")).collect()
}

#[tokio::test]
async fn replacing_the_master_key_keeps_every_login() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    let server = TestServer::serve(app.clone()).await;
    let mut credentials = Credentials::issue(server.address).await;
    let before = fs::read_to_string(fixture.data_path("master-key")).unwrap();

    let answer = replace_master_key(&app, None).await;

    credentials.assert_valid(server.address).await;
    drop(app);
    server.shut_down().await;
    assert_ne!(fs::read_to_string(fixture.data_path("master-key")).unwrap(), before);
    let old = PathBuf::from(answer["old_file"].as_str().unwrap());
    assert_eq!(fs::read_to_string(&old).unwrap(), before, "earlier backups need the old key");
    assert_eq!(key_files(&fixture).len(), 2);
    for file in [&fixture.data_path("master-key"), &old] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let again = TestServer::start(fixture.settings()).await;
    credentials.assert_valid(again.address).await;
    again.shut_down().await;
    fs::rename(&old, fixture.data_path("master-key")).unwrap();
    assert!(
        matches!(App::open(fixture.settings()).await, Err(OpenError::Keys(_))),
        "the old key no longer opens the store"
    );
}

#[tokio::test]
async fn a_new_master_key_is_read_only_from_a_private_valid_file() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    let before = fs::read_to_string(fixture.data_path("master-key")).unwrap();
    let file_path = fixture.path("new-key");
    for (text, mode) in
        [(random_key(), 0o644), ("short".to_owned(), 0o600), (base64url::encode([0; 32]), 0o600)]
    {
        let file = Some(write_key_file(&file_path, &text, mode));
        let refused = app.administer(Command::KeyRekey { file }).await.unwrap_err();
        assert!(refused.hint.is_some(), "{refused}");
    }
    let missing = Some(fixture.path("missing"));
    assert!(app.administer(Command::KeyRekey { file: missing }).await.is_err());
    assert_eq!(fs::read_to_string(fixture.data_path("master-key")).unwrap(), before);
    assert_eq!(key_files(&fixture), ["master-key"]);

    let new = random_key() + "\n";
    replace_master_key(&app, Some(write_key_file(&file_path, &new, 0o600))).await;

    assert_eq!(fs::read_to_string(fixture.data_path("master-key")).unwrap(), new);
    app.close().await.unwrap();
    drop(app);
    fixture.open_app().await;
}

#[tokio::test]
async fn replacing_a_master_key_from_the_environment_requires_a_given_key() {
    let fixture = Fixture::new();
    let (first, second) = (random_key(), random_key());
    let app = App::open(settings_with_key(&fixture, &first)).await.unwrap();

    assert!(app.administer(Command::KeyRekey { file: None }).await.is_err(), "a generated key would be lost");
    let file = write_key_file(&fixture.path("new-key"), &second, 0o600);
    let answer = replace_master_key(&app, Some(file)).await;

    assert_eq!((answer["environment"].as_bool(), answer["file"].is_null()), (Some(true), true));
    app.close().await.unwrap();
    drop(app);
    assert_eq!(key_files(&fixture), [""; 0], "no key file is left in the data directory");
    assert!(App::open(settings_with_key(&fixture, &second)).await.is_ok());
    assert!(matches!(App::open(settings_with_key(&fixture, &first)).await, Err(OpenError::Keys(_))));
}

#[tokio::test]
async fn a_replacement_interrupted_before_the_commit_is_discarded() {
    let fixture = Fixture::new();
    fixture.open_app().await.close().await.unwrap();
    let before = fs::read_to_string(fixture.data_path("master-key")).unwrap();
    write_key_file(&fixture.data_path("master-key.next"), &random_key(), 0o600);

    fixture.open_app().await.close().await.unwrap();

    assert_eq!(key_files(&fixture), ["master-key"]);
    assert_eq!(fs::read_to_string(fixture.data_path("master-key")).unwrap(), before);
}

#[tokio::test]
async fn a_replacement_interrupted_after_the_commit_is_completed() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    let answer = replace_master_key(&app, None).await;
    app.close().await.unwrap();
    drop(app);
    let new = fs::read_to_string(fixture.data_path("master-key")).unwrap();
    // The state of the directory after the commit and before the files are renamed.
    fs::rename(fixture.data_path("master-key"), fixture.data_path("master-key.next")).unwrap();
    fs::rename(answer["old_file"].as_str().unwrap(), fixture.data_path("master-key")).unwrap();

    fixture.open_app().await.close().await.unwrap();

    assert_eq!(fs::read_to_string(fixture.data_path("master-key")).unwrap(), new);
    assert_eq!(key_files(&fixture).len(), 2, "the old key file is kept");
    fixture.open_app().await.close().await.unwrap();
}

#[tokio::test]
async fn no_key_file_changes_if_neither_key_opens_the_store() {
    let fixture = Fixture::new();
    fixture.open_app().await.close().await.unwrap();
    write_key_file(&fixture.data_path("master-key"), &random_key(), 0o600);
    write_key_file(&fixture.data_path("master-key.next"), &random_key(), 0o600);
    let before = contents(&fixture.data_dir());

    let error = App::open(fixture.settings()).await.unwrap_err();

    assert!(matches!(error, OpenError::Keys(_)), "{error}");
    let keys = |all: &std::collections::BTreeMap<PathBuf, Vec<u8>>| {
        all.iter()
            .filter(|(path, _)| path.to_string_lossy().contains("master-key"))
            .map(|(path, bytes)| (path.clone(), bytes.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&contents(&fixture.data_dir())), keys(&before));
}

#[tokio::test]
async fn keys_rotate_after_the_master_key_is_replaced() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    replace_master_key(&app, None).await;

    let form = counterfoil::operator::KeyRotationRequest { now: true, ..Default::default() };
    app.administer(Command::KeyRotate(form)).await.unwrap();
    replace_master_key(&app, None).await;
    app.administer(Command::KeyRotate(form)).await.unwrap();

    app.close().await.unwrap();
    drop(app);
    fixture.open_app().await.close().await.unwrap();
    assert_eq!(key_files(&fixture).len(), 3);
}

/// The keys were encrypted with the new master key, but its file could not be renamed because the disk was full. The
/// operator repeats the command.
#[tokio::test]
async fn a_repeated_replacement_keeps_the_only_key_that_opens_the_store() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    let working_key = fs::read_to_string(fixture.data_path("master-key")).unwrap();
    write_key_file(&fixture.data_path("master-key.next"), &working_key, 0o600);
    write_key_file(&fixture.data_path("master-key"), &random_key(), 0o600);

    replace_master_key(&app, None).await;

    app.close().await.unwrap();
    drop(app);
    let keys =
        key_files(&fixture).into_iter().map(|name| fs::read_to_string(fixture.data_path(&name)).unwrap());
    assert!(
        keys.collect::<Vec<_>>().contains(&working_key),
        "a crash would lose the store, and backups need the key"
    );
    fixture.open_app().await.close().await.unwrap();
}
