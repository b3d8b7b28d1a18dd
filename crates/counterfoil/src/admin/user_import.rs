//! The command that imports users of another system.

use counterfoil_core::services::user_import::{ImportMode, ImportedUser};

use crate::admin::AdminError;
use crate::admin::answer::{Answer, answer};
use crate::app::App;
use crate::operations::admin::user_import::{self, MAX_IMPORTED_USERS};

impl App {
    /// Imports `users`; answers for each, in their order, `added`, `already_exists` or an error.
    pub(super) async fn import_users(&self, users: &[ImportedUser], mode: ImportMode) -> Answer {
        if users.len() > MAX_IMPORTED_USERS {
            return Err(AdminError::new(format!("one command imports at most {MAX_IMPORTED_USERS} users")));
        }
        answer(user_import::import(self, users, mode, self.now()).await?)
    }
}
