//! Another master key: everything is sealed anew, nobody notices, and a cut leaves a start possible.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use counterfoil::operator::Command;
use counterfoil::{App, MasterKeySource, OpenError, Settings};
use counterfoil_jose::{Secret, base64url, random};
use serde_json::Value;

use crate::client::send;
use crate::house::{House, Running, contents};

const ADA: &str = r#"{"username":"ada","password":"correct horse"}"#;

/// What somebody carries, one login of each mode.
struct Carried {
    session: String,
    access: String,
    refresh: String,
}

impl Carried {
    async fn by_ada(at: SocketAddr) -> Self {
        assert_eq!(send(at, "POST /v1/register", &[], ADA).await.status, 201);
        let login = async |mode: &str| {
            let body = ADA.replace('}', &format!(r#","mode":"{mode}"}}"#));
            send(at, "POST /v1/login", &[], &body).await.json()
        };
        let member = |login: &Value, name: &str| login[name].as_str().unwrap().to_owned();
        Self {
            session: member(&login("session").await, "session_token"),
            access: member(&login("jwt").await, "access_token"),
            refresh: member(&login("hybrid").await, "refresh_token"),
        }
    }

    /// All of it is good; the refresh token turns.
    async fn is_alive(&mut self, at: SocketAddr) {
        for bearer in [&self.session, &self.access] {
            let header = format!("authorization: Bearer {bearer}");
            assert_eq!(send(at, "GET /v1/me", &[&header], "").await.status, 200);
        }
        let body = format!(r#"{{"refresh_token":"{}"}}"#, self.refresh);
        let turned = send(at, "POST /v1/refresh", &[], &body).await;
        assert_eq!(turned.status, 200, "{turned:?}");
        self.refresh = turned.json()["refresh_token"].as_str().unwrap().to_owned();
    }
}

fn a_key() -> String {
    base64url::encode(random::bytes::<32>().unwrap())
}

fn keep(file: &Path, text: &str, mode: u32) -> PathBuf {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
    file.to_owned()
}

async fn rekey(app: &App, file: Option<PathBuf>) -> Value {
    app.administer(Command::KeyRekey { file }).await.unwrap()
}

fn from_environment(house: &House, text: &str) -> Settings {
    let master_key = MasterKeySource { text: Some(Secret::new(text.to_owned())), file: None };
    Settings { master_key, ..house.settings() }
}

/// The names of the files that hold or held a master key.
fn key_files(house: &House) -> Vec<String> {
    let names = contents(&house.dir()).into_keys().map(|path| path.file_name().unwrap().to_owned());
    names.map(|name| name.into_string().unwrap()).filter(|name| name.starts_with("master-key")).collect()
}

#[tokio::test]
async fn another_master_key_logs_nobody_out() {
    let house = House::new();
    let app = house.open().await;
    let server = Running::of(app.clone()).await;
    let mut held = Carried::by_ada(server.at).await;
    let before = fs::read_to_string(house.inside("master-key")).unwrap();

    let answer = rekey(&app, None).await;

    held.is_alive(server.at).await;
    drop(app);
    server.end().await;
    assert_ne!(fs::read_to_string(house.inside("master-key")).unwrap(), before);
    let old = PathBuf::from(answer["old_file"].as_str().unwrap());
    assert_eq!(fs::read_to_string(&old).unwrap(), before, "backups made so far need it");
    assert_eq!(key_files(&house).len(), 2);
    for file in [&house.inside("master-key"), &old] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let again = Running::start(house.settings()).await;
    held.is_alive(again.at).await;
    again.end().await;
    fs::rename(&old, house.inside("master-key")).unwrap();
    assert!(
        matches!(App::open(house.settings()).await, Err(OpenError::Keys(_))),
        "the old one opens nothing"
    );
}

#[tokio::test]
async fn a_new_master_key_comes_from_a_file_that_nobody_else_reads() {
    let house = House::new();
    let app = house.open().await;
    let before = fs::read_to_string(house.inside("master-key")).unwrap();
    let given = house.outside("new-key");
    for (text, mode) in [(a_key(), 0o644), ("short".to_owned(), 0o600), (base64url::encode([0; 32]), 0o600)] {
        let file = Some(keep(&given, &text, mode));
        let refused = app.administer(Command::KeyRekey { file }).await.unwrap_err();
        assert!(refused.hint.is_some(), "{refused}");
    }
    let missing = Some(house.outside("missing"));
    assert!(app.administer(Command::KeyRekey { file: missing }).await.is_err());
    assert_eq!(fs::read_to_string(house.inside("master-key")).unwrap(), before);
    assert_eq!(key_files(&house), ["master-key"]);

    let new = a_key() + "\n";
    rekey(&app, Some(keep(&given, &new, 0o600))).await;

    assert_eq!(fs::read_to_string(house.inside("master-key")).unwrap(), new);
    app.close().await.unwrap();
    drop(app);
    house.open().await;
}

#[tokio::test]
async fn a_key_of_the_environment_is_followed_by_one_that_the_operator_has() {
    let house = House::new();
    let (first, second) = (a_key(), a_key());
    let app = App::open(from_environment(&house, &first)).await.unwrap();

    assert!(app.administer(Command::KeyRekey { file: None }).await.is_err(), "nobody would know it");
    let file = keep(&house.outside("new-key"), &second, 0o600);
    let answer = rekey(&app, Some(file)).await;

    assert_eq!((answer["environment"].as_bool(), answer["file"].is_null()), (Some(true), true));
    app.close().await.unwrap();
    drop(app);
    assert_eq!(key_files(&house), [""; 0], "none is left in the directory");
    assert!(App::open(from_environment(&house, &second)).await.is_ok());
    assert!(matches!(App::open(from_environment(&house, &first)).await, Err(OpenError::Keys(_))));
}

#[tokio::test]
async fn a_replacement_that_was_cut_off_before_the_commit_is_given_up() {
    let house = House::new();
    house.open().await.close().await.unwrap();
    let before = fs::read_to_string(house.inside("master-key")).unwrap();
    keep(&house.inside("master-key.next"), &a_key(), 0o600);

    house.open().await.close().await.unwrap();

    assert_eq!(key_files(&house), ["master-key"]);
    assert_eq!(fs::read_to_string(house.inside("master-key")).unwrap(), before);
}

#[tokio::test]
async fn a_replacement_that_was_cut_off_after_the_commit_is_carried_to_its_end() {
    let house = House::new();
    let app = house.open().await;
    let answer = rekey(&app, None).await;
    app.close().await.unwrap();
    drop(app);
    let new = fs::read_to_string(house.inside("master-key")).unwrap();
    // As the directory was after the commit, and before anything was moved.
    fs::rename(house.inside("master-key"), house.inside("master-key.next")).unwrap();
    fs::rename(answer["old_file"].as_str().unwrap(), house.inside("master-key")).unwrap();

    house.open().await.close().await.unwrap();

    assert_eq!(fs::read_to_string(house.inside("master-key")).unwrap(), new);
    assert_eq!(key_files(&house).len(), 2, "and the old one is kept");
    house.open().await.close().await.unwrap();
}

#[tokio::test]
async fn where_neither_key_opens_the_store_nothing_is_touched() {
    let house = House::new();
    house.open().await.close().await.unwrap();
    keep(&house.inside("master-key"), &a_key(), 0o600);
    keep(&house.inside("master-key.next"), &a_key(), 0o600);
    let before = contents(&house.dir());

    let error = App::open(house.settings()).await.unwrap_err();

    assert!(matches!(error, OpenError::Keys(_)), "{error}");
    let keys = |all: &std::collections::BTreeMap<PathBuf, Vec<u8>>| {
        all.iter()
            .filter(|(path, _)| path.to_string_lossy().contains("master-key"))
            .map(|(path, bytes)| (path.clone(), bytes.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&contents(&house.dir())), keys(&before));
}

#[tokio::test]
async fn keys_are_rotated_under_the_new_master_key_as_under_the_old() {
    let house = House::new();
    let app = house.open().await;
    rekey(&app, None).await;

    let form = counterfoil::operator::KeyRotationRequest { now: true, ..Default::default() };
    app.administer(Command::KeyRotate(form)).await.unwrap();
    rekey(&app, None).await;
    app.administer(Command::KeyRotate(form)).await.unwrap();

    app.close().await.unwrap();
    drop(app);
    house.open().await.close().await.unwrap();
    assert_eq!(key_files(&house).len(), 3);
}

/// The keys are sealed anew, and the file could not be put in place: the disk was full. The operator tries again.
#[tokio::test]
async fn a_key_that_alone_opens_the_store_is_not_thrown_away_by_the_next_replacement() {
    let house = House::new();
    let app = house.open().await;
    let opens = fs::read_to_string(house.inside("master-key")).unwrap();
    keep(&house.inside("master-key.next"), &opens, 0o600);
    keep(&house.inside("master-key"), &a_key(), 0o600);

    rekey(&app, None).await;

    app.close().await.unwrap();
    drop(app);
    let kept = key_files(&house).into_iter().map(|name| fs::read_to_string(house.inside(&name)).unwrap());
    assert!(
        kept.collect::<Vec<_>>().contains(&opens),
        "a cut would have lost the store, and backups need it"
    );
    house.open().await.close().await.unwrap();
}
