//! Import of users from another system, in batches.

use std::sync::Arc;

use counterfoil_core::credentials::password::PasswordHash;
use counterfoil_core::services::user_import::{ImportMode, ImportedUser, UserImporter};
use counterfoil_jose::Time;

use crate::app::App;
use crate::operations::admin::responses::{ImportResponse, ImportedUserResponse};
use crate::operations::error::OperationError;
use crate::passwords::scheme_scan::measure_schemes;

/// The most users of one import. They are written in one commit, which delays other writes.
pub const MAX_IMPORTED_USERS: usize = 100;

/// Imports `users`, and answers for each, in their order.
///
/// # Errors
///
/// If the change is not durable.
pub(crate) async fn import(
    app: &App,
    users: &[ImportedUser],
    mode: ImportMode,
    now: Time,
) -> Result<ImportResponse, OperationError> {
    let importer =
        UserImporter::new(Arc::clone(&app.parts.store)).with_username_policy(app.settings().usernames);
    let outcomes = importer.import(users, mode, now).await?;
    let imported = |user: &ImportedUser| PasswordHash::import(user.password_hash.as_deref()?).ok();
    let hashes: Vec<PasswordHash> = users.iter().filter_map(imported).collect();
    measure_schemes(&app.parts.hashing, hashes).await;
    Ok(ImportResponse { users: outcomes.iter().map(ImportedUserResponse::from_outcome).collect() })
}
