//! Admin keys: creates, verifies and removes them.

use counterfoil_jose::Time;

use crate::client_error::{ClientError, InvalidCredential};
use crate::credentials::admin_key::{AdminKey, AdminKeyId};
use crate::model::admin_key::{AdminKeyRecord, KeyCreator};
use crate::model::audit_event::{Actor, AuditEventKind};
use crate::model::user::User;
use crate::services::administration::Administration;
use crate::services::revoker::RevocationContext;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, Expectation, StoreError, Transaction};

/// The maximum length of a name, in characters.
const MAX_NAME_LENGTH: usize = 64;

impl Administration {
    /// Returns the record of `presented` if the key is valid. Takes the same time however much of the secret is right.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub async fn verify_admin_key(&self, presented: &AdminKey) -> Result<Option<AdminKeyRecord>, StoreError> {
        let stored = self.store.admin_key(presented.id()).await?;
        Ok(stored.filter(|stored| stored.key_hash.matches(presented)))
    }

    /// Creates an admin key. Only this call returns its secret.
    ///
    /// The key has the permission of its creator, and is removed when the creator loses it. A key that was created with
    /// another key has the same creator as that key, so that a former administrator cannot keep access through it.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`] for an invalid name; [`ClientError::Credential`] if the creator is no longer an
    /// administrator.
    pub async fn create_admin_key(
        &self,
        name: &str,
        context: &RevocationContext,
        now: Time,
    ) -> Result<(AdminKey, AdminKeyRecord), ServiceError> {
        validate_key_name(name)?;
        let key = AdminKey::generate()?;
        for _ in 0..ATTEMPTS {
            let (created_by, expected) = self.key_creator(&context.actor).await?;
            let record = AdminKeyRecord::new(&key, name.to_owned(), created_by, now);
            let changes = [
                Change::insert_admin_key(record.clone()),
                record_event(AuditEventKind::AdminKeyCreated, key.id(), context, now),
            ];
            let transaction = Transaction::new(changes).expecting(expected);
            if let CommitOutcome::Applied(_) = self.store.commit(&transaction).await? {
                return Ok((key, record));
            }
        }
        Err(InternalError::Contention.into())
    }

    /// The creator of a key that `actor` creates, and the conditions of the commit: if the creator concurrently loses the
    /// permission, the key is not created.
    async fn key_creator(&self, actor: &Actor) -> Result<(KeyCreator, Vec<Expectation>), ServiceError> {
        let not_permitted = || ServiceError::from(ClientError::Credential(InvalidCredential::Disabled));
        let (creator, mut expected) = match actor {
            Actor::Operator | Actor::System => (KeyCreator::Operator, Vec::new()),
            Actor::User(id) => (KeyCreator::User(*id), Vec::new()),
            Actor::AdminKey(id) => {
                let stored = self.store.admin_key(*id).await?.ok_or_else(not_permitted)?;
                (stored.created_by, vec![Expectation::AdminKey(*id)])
            }
            Actor::Anonymous => return Err(not_permitted()),
        };
        if let KeyCreator::User(id) = creator {
            let user = self.store.user(id).await?.filter(User::is_administrator).ok_or_else(not_permitted)?;
            expected.push(Expectation::Epoch(id, user.epoch));
        }
        Ok((creator, expected))
    }

    /// Removes an admin key. It is invalid from now on.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is no such key.
    pub async fn remove_admin_key(
        &self,
        id: AdminKeyId,
        context: &RevocationContext,
        now: Time,
    ) -> Result<(), ServiceError> {
        let changes =
            [Change::remove_admin_key(id), record_event(AuditEventKind::AdminKeyRemoved, id, context, now)];
        match self.store.commit(&changes.into()).await? {
            CommitOutcome::Applied(_) => Ok(()),
            CommitOutcome::Conflict(_) => Err(ClientError::NotFound("admin key").into()),
        }
    }
}

/// Validates the name of an admin key or of a verifier key.
pub(super) fn validate_key_name(name: &str) -> Result<(), ClientError> {
    let length = name.chars().count();
    if (1..=MAX_NAME_LENGTH).contains(&length) && name.trim() == name && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(ClientError::Field {
        field: "name",
        detail: format!(
            "must be 1 to {MAX_NAME_LENGTH} characters without control characters and surrounding spaces"
        ),
    })
}

fn record_event(kind: AuditEventKind, id: AdminKeyId, context: &RevocationContext, now: Time) -> Change {
    Change::record_event(context.event(kind, now).with_detail(id.to_string()))
}
