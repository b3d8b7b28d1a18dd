//! Users of another system are brought in by an operator, many at a time.

use std::sync::Arc;

use serde_json::{Value, json};

use counterfoil_core::Refusal;
use counterfoil_core::services::user_import::{Arrival, Importer, Newcomer, Run};

use crate::admin::Refused;
use crate::app::App;

/// The most users of one command: one commit, for which others wait.
pub const MOST: usize = 100;

impl App {
    /// Brings them in, and says of each, in their order, `added`, `there`, or what is wrong.
    pub(crate) async fn import_users(&self, users: &[Newcomer], run: Run) -> Result<Value, Refused> {
        if users.len() > MOST {
            return Err(Refused::new(format!("at most {MOST} users are brought in by one command")));
        }
        let importer = Importer::new(Arc::clone(&self.store));
        let arrivals = importer.import(users, run, self.now()).await?;
        Ok(json!({ "users": arrivals.iter().map(shown).collect::<Vec<_>>() }))
    }
}

fn shown(arrival: &Result<Arrival, Refusal>) -> Value {
    match arrival {
        Ok(Arrival::Added) => json!({ "outcome": "added" }),
        Ok(Arrival::There) => json!({ "outcome": "there" }),
        Err(Refusal::Taken) => json!({ "error": "the username is that of another user" }),
        Err(refusal) => json!({ "error": refusal.to_string() }),
    }
}
