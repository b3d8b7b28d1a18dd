//! Users of another system are brought in by an operator, many at a time.

use std::sync::Arc;

use serde_json::{Value, json};

use counterfoil_core::ClientError;
use counterfoil_core::services::user_import::{ImportMode, ImportOutcome, ImportedUser, UserImporter};

use crate::admin::Refused;
use crate::app::App;

/// The most users of one command: one commit, for which others wait.
pub const MOST: usize = 100;

impl App {
    /// Brings them in, and says of each, in their order, `added`, `there`, or what is wrong.
    pub(crate) async fn import_users(
        &self,
        users: &[ImportedUser],
        run: ImportMode,
    ) -> Result<Value, Refused> {
        if users.len() > MOST {
            return Err(Refused::new(format!("at most {MOST} users are brought in by one command")));
        }
        let importer = UserImporter::new(Arc::clone(&self.store));
        let arrivals = importer.import(users, run, self.now()).await?;
        Ok(json!({ "users": arrivals.iter().map(shown).collect::<Vec<_>>() }))
    }
}

fn shown(arrival: &Result<ImportOutcome, ClientError>) -> Value {
    match arrival {
        Ok(ImportOutcome::Added) => json!({ "outcome": "added" }),
        Ok(ImportOutcome::AlreadyExists) => json!({ "outcome": "there" }),
        Err(ClientError::UsernameTaken) => json!({ "error": "the username is that of another user" }),
        Err(refusal) => json!({ "error": refusal.to_string() }),
    }
}
