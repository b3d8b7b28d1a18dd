//! The example with a user table in SQLite: the statements of the example, and a change by another program.

use counterfoil::{ClientInfo, Counterfoil, Credentials, ErrorKind, ExternalId};
use rusqlite::Connection;

use crate::fixture::Fixture;

#[path = "../../../../examples/own_user_table_sqlite.rs"]
#[allow(dead_code, reason = "the tests open its table instead of calling its main")]
mod own_user_table_sqlite;

use own_user_table_sqlite::Users;

#[tokio::test]
async fn users_of_a_sqlite_table_log_in_until_another_program_changes_their_row() {
    let fixture = Fixture::new();
    let (argon2, file) = (fixture.settings().argon2, fixture.path("table.db"));
    let auth = Counterfoil::builder()
        .store(format!("sqlite:{}", fixture.path("shop.db").display()))
        .configure(move |settings| settings.argon2 = argon2)
        .users(Users::open(&file).unwrap())
        .open()
        .await
        .unwrap();
    let client = ClientInfo::new(None, None);
    let log_in = async |name: &str, password: &str| {
        let login = auth.login(&client, Credentials::password(name, password).bearer()).await;
        login.map_err(|error| error.kind())
    };

    let login = log_in("ADA", "correct horse").await.unwrap();
    let token = login.session_token().unwrap();
    assert_eq!(auth.authenticate(token).await.unwrap().username(), Some("ada"));
    for (name, password) in [("ada", "wrong horse"), ("bob", "correct horse"), ("42", "correct horse")] {
        assert_eq!(log_in(name, password).await.unwrap_err(), ErrorKind::InvalidCredentials, "{name}");
    }

    let table = Connection::open(&file).unwrap();
    table.execute("UPDATE users SET epoch = epoch + 1 WHERE id = 42", []).unwrap();
    auth.user_changed(&ExternalId::from_json(&42.into()).unwrap()).await.unwrap();
    assert_eq!(auth.authenticate(token).await.unwrap_err().kind(), ErrorKind::InvalidCredential);
    assert!(log_in("ada", "correct horse").await.is_ok());

    table.execute("DELETE FROM users", []).unwrap();
    assert_eq!(log_in("ada", "correct horse").await.unwrap_err(), ErrorKind::InvalidCredentials);
    auth.close().await.unwrap();
}
