//! Import of users from another system, in batches.

use std::sync::Arc;

use serde_json::{Value, json};

use counterfoil_core::ClientError;
use counterfoil_core::services::user_import::{ImportMode, ImportOutcome, ImportedUser, UserImporter};

use crate::admin::AdminError;
use crate::admin::answer::Answer;
use crate::admin::pagination::rows;
use crate::app::App;

/// The most users of one command. They are written in one commit, which delays other writes.
pub const MAX_IMPORTED_USERS: usize = 100;

impl App {
    /// Imports `users`; answers for each, in their order, `added`, `already_exists` or an error.
    pub(crate) async fn import_users(&self, users: &[ImportedUser], mode: ImportMode) -> Answer {
        if users.len() > MAX_IMPORTED_USERS {
            return Err(AdminError::new(format!("one command imports at most {MAX_IMPORTED_USERS} users")));
        }
        let importer = UserImporter::new(Arc::clone(&self.store));
        let outcomes = importer.import(users, mode, self.now()).await?;
        Ok(json!({ "users": rows(&outcomes, outcome_json) }))
    }
}

fn outcome_json(outcome: &Result<ImportOutcome, ClientError>) -> Value {
    match outcome {
        Ok(ImportOutcome::Added) => json!({ "outcome": "added" }),
        Ok(ImportOutcome::AlreadyExists) => json!({ "outcome": "already_exists" }),
        Err(ClientError::UsernameTaken) => json!({ "error": "another user has this username" }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}
