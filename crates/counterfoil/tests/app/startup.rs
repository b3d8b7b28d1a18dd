//! Startup: the files that it creates, and the checks that stop it before it changes anything.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use counterfoil::operator::preflight_errors;
use counterfoil::{App, MasterKeyError, MasterKeySource, OpenError, Settings};
use counterfoil_jose::{Secret, base64url, random};

use crate::fixture::{Fixture, contents};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

async fn open_err(settings: Settings) -> OpenError {
    App::open(settings).await.expect_err("opening must fail")
}

fn random_master_key() -> MasterKeySource {
    let key: [u8; 32] = random::bytes().unwrap();
    MasterKeySource { text: Some(Secret::new(base64url::encode(key))), file: None }
}

#[tokio::test]
async fn the_first_start_creates_private_files() {
    let fixture = Fixture::new();

    let app = fixture.open_app().await;

    assert_eq!(mode(&fixture.data_dir()), 0o700);
    assert_eq!(mode(&fixture.data_path("master-key")), 0o600);
    assert_eq!(mode(&fixture.data_path("auth.db")), 0o600);
    assert!(app.readiness().await.is_empty());
    app.close().await.unwrap();
}

#[tokio::test]
async fn a_closed_installation_opens_again_with_a_later_time() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;
    let before = app.now();
    app.close().await.unwrap();
    drop(app);

    let again = fixture.open_app().await;

    assert!(again.now() >= before);
}

#[tokio::test]
async fn guarded_hosts_that_differ_only_by_port_are_refused() {
    let fixture = Fixture::new();
    let settings = |hosts: [&str; 3]| {
        let hosts = hosts.map(|host| host.parse().unwrap()).to_vec();
        fixture.settings().with(|settings| settings.forward_auth.hosts = hosts)
    };
    let contradiction = settings(["b.example", "app.example:8443", "app.example"]);
    let text = "the guarded hosts app.example:8443 and app.example share their cookies, because browsers ignore the port";

    let preflight = preflight_errors(&contradiction);
    assert!(preflight.iter().any(|error| error.to_string() == text), "{preflight:?}");
    let error = open_err(contradiction).await;
    assert!(matches!(error, OpenError::GuardedHosts(..)) && error.to_string() == text, "{error}");
    assert!(error.hint().is_some() && !fixture.data_dir().exists());

    // A host that is listed twice is one application.
    App::open(settings(["b.example", "app.example:443", "app.example"]))
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_closed_installation_is_not_ready() {
    let fixture = Fixture::new();
    let app = fixture.open_app().await;

    app.close().await.unwrap();

    assert_eq!(app.readiness().await, ["closing", "store"]);
}

#[tokio::test]
async fn a_second_process_is_rejected_and_changes_nothing() {
    let fixture = Fixture::new();
    let _first = fixture.open_app().await;
    let before = contents(&fixture.data_dir());

    let error = open_err(fixture.settings()).await;

    assert!(matches!(error, OpenError::Store(_)), "{error}");
    assert!(error.hint().is_some());
    assert_eq!(contents(&fixture.data_dir()), before);
}

#[tokio::test]
async fn a_missing_master_key_of_an_existing_store_is_not_regenerated() {
    let fixture = Fixture::new();
    fixture.open_app().await.close().await.unwrap();
    fs::remove_file(fixture.data_path("master-key")).unwrap();

    let error = open_err(fixture.settings()).await;

    assert!(matches!(error, OpenError::MasterKey(MasterKeyError::Missing { .. })), "{error}");
    assert!(!fixture.data_path("master-key").exists());
}

#[tokio::test]
async fn a_wrong_master_key_does_not_open_the_store() {
    let fixture = Fixture::new();
    fixture.open_app().await.close().await.unwrap();
    fs::remove_file(fixture.data_path("master-key")).unwrap();
    let other = fixture.settings().with(|settings| settings.master_key = random_master_key());

    let error = open_err(other).await;

    assert!(matches!(error, OpenError::Keys(_)), "{error}");
    assert!(error.hint().unwrap().contains("master key"));
}

#[tokio::test]
async fn a_master_key_from_the_environment_is_not_written_to_a_file() {
    let fixture = Fixture::new();
    let settings = fixture.settings().with(|settings| settings.master_key = random_master_key());

    App::open(settings.clone()).await.unwrap().close().await.unwrap();

    assert!(!fixture.data_path("master-key").exists());
    assert!(App::open(settings).await.is_ok());
}

#[tokio::test]
async fn a_malformed_master_key_in_the_environment_creates_nothing() {
    let fixture = Fixture::new();
    let master_key = MasterKeySource { text: Some(Secret::new("short".into())), file: None };

    let error = open_err(fixture.settings().with(|settings| settings.master_key = master_key)).await;

    assert!(matches!(error, OpenError::MasterKey(MasterKeyError::Malformed { .. })), "{error}");
    assert!(!fixture.data_dir().exists());
}

#[tokio::test]
async fn a_file_that_is_not_a_store_is_not_changed() {
    let fixture = Fixture::new();
    let foreign = fixture.path("letter.txt");
    for text in ["", "Dear Ada,\n", "SQLite format 3\0 and not much more"] {
        fs::write(&foreign, text).unwrap();
        let store = format!("sqlite:{}", foreign.display()).parse().unwrap();

        let error = open_err(fixture.settings().with(|settings| settings.store = store)).await;

        assert!(matches!(error, OpenError::Store(_)), "{error}");
        assert_eq!(fs::read_to_string(&foreign).unwrap(), text);
        assert!(!fixture.data_dir().exists(), "no data directory is created");
    }
}

#[tokio::test]
async fn an_unusable_data_directory_is_reported() {
    let fixture = Fixture::new();
    let file = fixture.path("file");
    fs::write(&file, "x").unwrap();
    for dir in [file.clone(), file.join("below"), fixture.path("not/there")] {
        let error = open_err(fixture.settings().with(|settings| settings.data_dir = Some(dir))).await;
        assert!(matches!(error, OpenError::DataDir { .. } | OpenError::MasterKey(_)), "{error}");
    }
    assert!(!fixture.path("not").exists());
}

#[tokio::test]
async fn a_master_key_file_readable_by_others_stops_the_start() {
    let fixture = Fixture::new();
    fixture.open_app().await.close().await.unwrap();
    fs::set_permissions(fixture.data_path("master-key"), fs::Permissions::from_mode(0o644)).unwrap();

    let error = open_err(fixture.settings()).await;

    assert!(matches!(error, OpenError::MasterKey(MasterKeyError::InsecureMode { .. })), "{error}");
}

#[tokio::test]
async fn a_data_directory_in_which_others_can_replace_files_stops_the_start() {
    let fixture = Fixture::new();
    fixture.open_app().await.close().await.unwrap();
    let set_mode = |mode| fs::set_permissions(fixture.data_dir(), fs::Permissions::from_mode(mode)).unwrap();
    set_mode(0o777);

    let error = open_err(fixture.settings()).await;

    assert!(error.to_string().contains("(mode 0777)"), "{error}");
    assert!(error.hint().unwrap().contains("chmod o-w"));
    assert!(!preflight_errors(&fixture.settings()).is_empty());
    set_mode(0o1777);
    fixture.open_app().await.close().await.unwrap();
}

/// Kubernetes gives a volume to the group of the container at each mount (`fsGroup`).
#[tokio::test]
async fn files_whose_modes_a_platform_has_changed_are_private_again_after_the_next_start() {
    let fixture = Fixture::new();
    fixture.open_app().await.close().await.unwrap();
    let names = ["auth.db", "auth.db.lock", "master-key", "rollback-guard"];
    for name in names {
        fs::set_permissions(fixture.data_path(name), fs::Permissions::from_mode(0o660)).unwrap();
    }
    fs::set_permissions(fixture.data_dir(), fs::Permissions::from_mode(0o2770)).unwrap();

    fixture.open_app().await.close().await.unwrap();

    for name in names {
        assert_eq!(mode(&fixture.data_path(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn the_master_key_is_only_in_its_own_file() {
    let fixture = Fixture::new();
    fixture.open_app().await.close().await.unwrap();

    let key = fs::read(fixture.data_path("master-key")).unwrap();
    let key = &key[..43];

    for (path, bytes) in contents(&fixture.data_dir()) {
        let contains_key = bytes.windows(key.len()).any(|window| window == key);
        assert_eq!(contains_key, path.ends_with("master-key"), "{}", path.display());
    }
}
