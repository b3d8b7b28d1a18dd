//! An application with its own user table: its users log in with their passwords there.
//!
//! ```sh
//! cargo run -p counterfoil --features server --example own_user_table
//! json='content-type: application/json'
//! curl -H "$json" -d '{"username":"ada","password":"correct horse","mode":"jwt"}' localhost:3000/v1/login
//! curl -X POST localhost:3000/users/42/end-sessions
//! ```

use std::collections::HashMap;
use std::error::Error;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use counterfoil::{
    ApplicationPassword, ApplicationUser, Counterfoil, ExternalId, Limits, UserStore, UserStoreError,
    async_trait,
};

/// bcrypt of "correct horse", at the lowest cost.
const HASH: &str = "$2b$04$V/0KgHMnT8A2oiWvlSVnGuOwLn5k7JMS.MAiI.3BEp7NHcss3t.0m";

/// The users by id: a table of the application's database in a real one.
#[derive(Clone, Default)]
pub(crate) struct Users(Arc<Mutex<HashMap<u32, ApplicationUser>>>);

impl Users {
    pub(crate) fn with_ada() -> Self {
        let ada = ApplicationUser::new(id_of(42), "ada", ApplicationPassword::Hash(HASH.to_owned()));
        Self(Arc::new(Mutex::new(HashMap::from([(42, ada)]))))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<u32, ApplicationUser>> {
        self.0.lock().expect("no code panics while it holds the lock")
    }
}

pub(crate) fn id_of(number: u32) -> ExternalId {
    ExternalId::from_json(&number.into()).expect("every number of 32 bits is an id")
}

#[async_trait]
impl UserStore for Users {
    async fn find_by_login(&self, login: &str) -> Result<Option<ApplicationUser>, UserStoreError> {
        Ok(self.lock().values().find(|user| user.username.eq_ignore_ascii_case(login)).cloned())
    }

    async fn find(&self, id: &ExternalId) -> Result<Option<ApplicationUser>, UserStoreError> {
        Ok(self.lock().values().find(|user| user.external_id == *id).cloned())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let users = Users::with_ada();
    let auth = Counterfoil::builder().store("sqlite:own_user_table.db").users(users.clone()).open().await?;
    let listener = TcpListener::bind("127.0.0.1:3000")?;
    let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    counterfoil::serve(shop(&auth, users), listener, Limits::default(), shutdown).await?;
    Ok(auth.close().await?)
}

/// The routes of Counterfoil, and one that ends all sessions of a user. A real application protects it.
pub(crate) fn shop(auth: &Counterfoil, users: Users) -> Router {
    let state = (auth.clone(), users);
    Router::new().route("/users/{id}/end-sessions", post(end_sessions)).with_state(state).merge(auth.routes())
}

async fn end_sessions(
    State((auth, users)): State<(Counterfoil, Users)>,
    Path(id): Path<u32>,
) -> Result<(), counterfoil::Error> {
    users.lock().entry(id).and_modify(|user| user.epoch += 1);
    auth.user_changed(&id_of(id)).await
}
