//! The row of an application's user, as it follows from the application's table.

use std::fmt;

use counterfoil_jose::{Time, random};
use counterfoil_verify::UserId;

use crate::model::email_address;
use crate::model::user::{User, Username};
use crate::services::ServiceError;
use crate::services::administration::validate_roles;
use crate::services::application_users::{ApplicationUser, UserStoreError};

/// The row of a user who logs in for the first time.
pub(super) fn new(found: &ApplicationUser, now: Time) -> Result<User, ServiceError> {
    validate_roles(&found.roles).map_err(invalid)?;
    Ok(User {
        external_id: Some(found.external_id.clone()),
        application_epoch: Some(found.epoch),
        email: email(found)?,
        roles: found.roles.clone(),
        ..User::new(UserId::from_bytes(random::bytes()?), username(found)?, now)
    })
}

/// Whether the row is up to date.
pub(super) fn is_current(stored: &User, found: &ApplicationUser) -> Result<bool, UserStoreError> {
    let next = updated(stored, found)?;
    Ok(User { revision: stored.revision, ..next } == *stored)
}

/// The row with the values of the application's table. A login in progress must not issue a token with the former
/// roles, and must fail if it has checked a former password, so that these changes raise the epoch.
pub(super) fn updated(stored: &User, found: &ApplicationUser) -> Result<User, UserStoreError> {
    validate_roles(&found.roles).map_err(invalid)?;
    let email = email(found)?;
    let raises_epoch = stored.roles != found.roles || stored.application_epoch != Some(found.epoch);
    Ok(User {
        username: username(found)?,
        application_epoch: Some(found.epoch),
        email_verified: stored.email_verified && stored.email == email,
        email,
        password: None,
        password_change_required: false,
        roles: found.roles.clone(),
        epoch: stored.epoch + u64::from(raises_epoch),
        revision: stored.revision + 1,
        ..stored.clone()
    })
}

/// The row with its id as the username, so that another user can have the name.
pub(super) fn without_username(stored: &User) -> Result<User, UserStoreError> {
    let username = stored.id.to_string().parse().map_err(invalid)?;
    Ok(User { username, revision: stored.revision + 1, ..stored.clone() })
}

/// The username. The application's table decides which names it allows.
pub(super) fn username(found: &ApplicationUser) -> Result<Username, UserStoreError> {
    Username::of_application(&found.username).map_err(invalid)
}

fn email(found: &ApplicationUser) -> Result<Option<String>, UserStoreError> {
    found.email.as_deref().map(email_address::of_application).transpose().map_err(invalid)
}

/// An error of the application, not of the client.
fn invalid(error: impl fmt::Display) -> UserStoreError {
    UserStoreError::new(format!("a user in the table is not valid: {error}"))
}
