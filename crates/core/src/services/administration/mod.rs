//! Administration: changes users, clients, admin keys and verifier keys, and revokes by subject.
//!
//! Each operation is one commit: the record, the revocations that follow from it, and the audit event with the actor.
//! The caller authorizes the actor; nothing here checks permissions.

mod admin_keys;
mod clients;
mod last_administrator;
mod revocations;
mod users;
mod verifier_keys;

use std::sync::Arc;
use std::time::Duration;

use counterfoil_verify::{ClientId, UserId};

use crate::client_error::ClientError;
use crate::model::client::Client;
use crate::model::user::User;
use crate::services::ServiceError;
use crate::services::keys::keyring::Keyring;
use crate::services::revoker::RevocationRetention;
use crate::store::{MAX_ACCESS_LIFETIME, Store, StoreError};

pub use clients::{ClientChange, NEW_CLIENT_ID};
pub use revocations::RevocationResult;
pub use users::{UserChange, validate_roles};

/// Changes users, clients and admin keys, and revokes what was issued.
pub struct Administration {
    store: Arc<dyn Store>,
    retention: Arc<RevocationRetention>,
    keys: Arc<Keyring>,
}

impl Administration {
    /// Creates the service for the records of `store`.
    pub fn new(store: Arc<dyn Store>, keys: Arc<Keyring>, retention: Arc<RevocationRetention>) -> Self {
        Self { store, retention, keys }
    }

    async fn require_user(&self, id: UserId) -> Result<User, ServiceError> {
        Ok(self.store.user(id).await?.ok_or(ClientError::NotFound("user"))?)
    }

    async fn require_client(&self, id: &ClientId) -> Result<Client, ServiceError> {
        Ok(self.store.client(id).await?.ok_or(ClientError::NotFound("client"))?)
    }
}

/// The retention of an installation: by the longest access token lifetime that a client has or ever had, and at least by
/// `min_lifetime`, for tokens that no client's lifetimes limit.
///
/// # Errors
///
/// If the store cannot be read.
pub async fn load_retention(
    store: &dyn Store,
    min_lifetime: Duration,
) -> Result<RevocationRetention, StoreError> {
    let retention = RevocationRetention::new(min_lifetime);
    raise_retention(store, &retention).await?;
    Ok(retention)
}

/// Raises `retention` by what is stored: the lifetimes of every client, and the longest that any had.
///
/// # Errors
///
/// If the store cannot be read.
pub async fn raise_retention(store: &dyn Store, retention: &RevocationRetention) -> Result<(), StoreError> {
    if let Some(seconds) = store.metadata(MAX_ACCESS_LIFETIME).await?.and_then(|bytes| bytes.try_into().ok())
    {
        retention.raise_to(Duration::from_secs(u64::from_be_bytes(seconds)));
    }
    clients::raise_by_all_clients(store, retention).await
}
