//! An application whose users are in a table of its own SQLite database.
//!
//! ```sh
//! cargo run -p counterfoil --features server --example own_user_table_sqlite
//! json='content-type: application/json' ada='{"username":"ada","password":"correct horse","mode":"jwt"}'
//! curl -H "$json" -d "$ada" localhost:3000/v1/login
//! sqlite3 shop.db 'UPDATE users SET epoch = epoch + 1 WHERE id = 42' # ends her sessions within a minute of their use
//! ```

use std::error::Error;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use counterfoil::{
    ApplicationPassword, ApplicationUser, Counterfoil, ExternalId, Limits, UserStore, UserStoreError,
    async_trait,
};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row};

/// The table, with a user whose password is "correct horse". All sessions of a user end when the epoch changes.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE, bcrypt TEXT NOT NULL, epoch INTEGER NOT NULL DEFAULT 0) STRICT;
    INSERT OR IGNORE INTO users (id, name, bcrypt)
        VALUES (42, 'ada', '$2b$04$V/0KgHMnT8A2oiWvlSVnGuOwLn5k7JMS.MAiI.3BEp7NHcss3t.0m');";

/// The application's database.
#[derive(Clone)]
pub(crate) struct Users(Arc<Mutex<Connection>>);

#[async_trait]
impl UserStore for Users {
    async fn find_by_login(&self, login: &str) -> Result<Option<ApplicationUser>, UserStoreError> {
        self.find_by("name", login.to_owned().into()).await
    }

    async fn find(&self, id: &ExternalId) -> Result<Option<ApplicationUser>, UserStoreError> {
        self.find_by("id", id.to_json().as_i64().into()).await
    }
}

impl Users {
    pub(crate) fn open(file: impl AsRef<Path>) -> rusqlite::Result<Self> {
        let database = Connection::open(file)?;
        database.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Mutex::new(database))))
    }

    /// The query reads a file: it runs on a thread that may wait.
    async fn find_by(&self, by: &str, value: Value) -> Result<Option<ApplicationUser>, UserStoreError> {
        let database = Arc::clone(&self.0);
        let query = format!("SELECT id, name, bcrypt, epoch FROM users WHERE {by} = ?1");
        let found = tokio::task::spawn_blocking(move || {
            let database = database.lock().expect("no code panics while it holds the lock");
            database.query_row(&query, [value], user).optional()
        });
        found.await.map_err(UserStoreError::new)?.map_err(UserStoreError::new)
    }
}

fn user(row: &Row<'_>) -> rusqlite::Result<ApplicationUser> {
    let (id, name, hash, epoch): (u32, String, String, u32) = row.try_into()?;
    let id = ExternalId::from_json(&id.into()).expect("every number of 32 bits is an id");
    Ok(ApplicationUser::new(id, name, ApplicationPassword::Hash(hash)).epoch(epoch.into()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let users = Users::open("shop.db")?;
    let auth = Counterfoil::builder().store("sqlite:own_user_table_sqlite.db").users(users).open().await?;
    let listener = TcpListener::bind("127.0.0.1:3000")?;
    let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    counterfoil::serve(auth.routes(), listener, Limits::default(), shutdown).await?;
    Ok(auth.close().await?)
}
