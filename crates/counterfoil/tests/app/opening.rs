//! What is found out before anything is created, and what a start creates.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use counterfoil::{App, MasterKeyError, MasterKeySource, OpenError, Settings};
use counterfoil_jose::{Secret, base64url, random};

use crate::house::{House, contents};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

async fn refused(settings: Settings) -> OpenError {
    App::open(settings).await.expect_err("it opened")
}

fn random_key() -> MasterKeySource {
    let key: [u8; 32] = random::bytes().unwrap();
    MasterKeySource { text: Some(Secret::new(base64url::encode(key))), file: None }
}

#[tokio::test]
async fn a_first_start_makes_what_it_needs_for_its_owner_alone() {
    let house = House::new();

    let app = house.open().await;

    assert_eq!(mode(&house.dir()), 0o700);
    assert_eq!(mode(&house.inside("master-key")), 0o600);
    assert_eq!(mode(&house.inside("auth.db")), 0o600);
    assert!(app.readiness().await.is_empty());
    app.close().await.unwrap();
}

#[tokio::test]
async fn what_was_closed_opens_again_and_time_has_gone_on() {
    let house = House::new();
    let app = house.open().await;
    let before = app.now();
    app.close().await.unwrap();
    drop(app);

    let again = house.open().await;

    assert!(again.now() >= before);
}

#[tokio::test]
async fn a_closed_installation_is_not_ready() {
    let house = House::new();
    let app = house.open().await;

    app.close().await.unwrap();

    assert_eq!(app.readiness().await, ["closing", "store"]);
}

#[tokio::test]
async fn a_second_owner_is_refused_and_touches_nothing() {
    let house = House::new();
    let _owner = house.open().await;
    let before = contents(&house.dir());

    let error = refused(house.settings()).await;

    assert!(matches!(error, OpenError::Store(_)), "{error}");
    assert!(error.hint().is_some());
    assert_eq!(contents(&house.dir()), before);
}

#[tokio::test]
async fn a_store_whose_key_is_gone_is_not_opened_with_a_new_one() {
    let house = House::new();
    house.open().await.close().await.unwrap();
    fs::remove_file(house.inside("master-key")).unwrap();

    let error = refused(house.settings()).await;

    assert!(matches!(error, OpenError::MasterKey(MasterKeyError::Missing { .. })), "{error}");
    assert!(!house.inside("master-key").exists());
}

#[tokio::test]
async fn another_master_key_opens_nothing_and_replaces_nothing() {
    let house = House::new();
    house.open().await.close().await.unwrap();
    fs::remove_file(house.inside("master-key")).unwrap();
    let other = Settings { master_key: random_key(), ..house.settings() };

    let error = refused(other).await;

    assert!(matches!(error, OpenError::Keys(_)), "{error}");
    assert!(error.hint().unwrap().contains("master key"));
}

#[tokio::test]
async fn a_key_from_the_environment_leaves_no_file() {
    let house = House::new();
    let given = Settings { master_key: random_key(), ..house.settings() };

    App::open(given.clone()).await.unwrap().close().await.unwrap();

    assert!(!house.inside("master-key").exists());
    assert!(App::open(given).await.is_ok());
}

#[tokio::test]
async fn a_wrong_key_in_the_environment_creates_nothing() {
    let house = House::new();
    let master_key = MasterKeySource { text: Some(Secret::new("short".into())), file: None };

    let error = refused(Settings { master_key, ..house.settings() }).await;

    assert!(matches!(error, OpenError::MasterKey(MasterKeyError::Malformed { .. })), "{error}");
    assert!(!house.dir().exists());
}

#[tokio::test]
async fn a_file_that_is_no_store_is_left_as_it_is() {
    let house = House::new();
    let foreign = house.outside("letters.txt");
    for text in ["", "Dear Ada,\n", "SQLite format 3\0 and not much more"] {
        fs::write(&foreign, text).unwrap();
        let store = format!("sqlite:{}", foreign.display()).parse().unwrap();

        let error = refused(Settings { store, ..house.settings() }).await;

        assert!(matches!(error, OpenError::Store(_)), "{error}");
        assert_eq!(fs::read_to_string(&foreign).unwrap(), text);
        assert!(!house.dir().exists(), "no data directory was left");
    }
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_is_one_clear_error() {
    let house = House::new();
    let file = house.outside("file");
    fs::write(&file, "x").unwrap();
    for dir in [file.clone(), file.join("below"), house.outside("not/there")] {
        let error = refused(Settings { data_dir: Some(dir), ..house.settings() }).await;
        assert!(matches!(error, OpenError::DataDir { .. } | OpenError::MasterKey(_)), "{error}");
    }
    assert!(!house.outside("not").exists());
}

#[tokio::test]
async fn a_key_file_that_others_can_read_stops_the_start() {
    let house = House::new();
    house.open().await.close().await.unwrap();
    fs::set_permissions(house.inside("master-key"), fs::Permissions::from_mode(0o644)).unwrap();

    let error = refused(house.settings()).await;

    assert!(matches!(error, OpenError::MasterKey(MasterKeyError::InsecureMode { .. })), "{error}");
}

#[tokio::test]
async fn the_master_key_is_in_no_file_but_its_own() {
    let house = House::new();
    house.open().await.close().await.unwrap();

    let key = fs::read(house.inside("master-key")).unwrap();
    let key = &key[..43];

    for (path, bytes) in contents(&house.dir()) {
        let holds_it = bytes.windows(key.len()).any(|window| window == key);
        assert_eq!(holds_it, path.ends_with("master-key"), "{}", path.display());
    }
}
