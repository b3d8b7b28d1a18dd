//! Admin keys: made once, shown once, gone at once.

use counterfoil_jose::Time;

use crate::client_error::{ClientError, InvalidCredential};
use crate::credentials::admin_key::{AdminKey, AdminKeyId};
use crate::model::admin_key::{AdminKeyRecord, KeyCreator};
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::user::User;
use crate::services::administration::Administration;
use crate::services::revoker::RevocationContext;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, StoreError};

/// The most characters of a name.
const MAX_NAME_LENGTH: usize = 64;

impl Administration {
    /// The record of `presented`, if it is a key of ours. Takes the same time whatever is wrong with the secret.
    ///
    /// # Errors
    ///
    /// If the store could not be read.
    pub async fn verify_admin_key(&self, presented: &AdminKey) -> Result<Option<AdminKeyRecord>, StoreError> {
        let stored = self.store.admin_key(presented.id()).await?;
        Ok(stored.filter(|stored| stored.key_hash.matches(presented)))
    }

    /// Makes an admin key. This is the only time that its secret is there to be shown.
    ///
    /// It administers by the right of whoever makes it, and goes when they lose that right. A key made with
    /// another key has the maker of that: nobody leaves a key behind by a detour.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`] for a name that cannot be; [`ClientError::Credential`] if who makes it has meanwhile lost
    /// the right to.
    pub async fn create_admin_key(
        &self,
        name: &str,
        context: &RevocationContext,
        now: Time,
    ) -> Result<(AdminKey, AdminKeyRecord), ServiceError> {
        validate_name(name)?;
        let key = AdminKey::generate()?;
        for _ in 0..ATTEMPTS {
            let (created_by, mut changes) = self.key_creator(&context.actor).await?;
            let record = AdminKeyRecord::new(&key, name.to_owned(), created_by, now);
            changes.push(Change::InsertAdminKey(Box::new(record.clone())));
            changes.push(record_event(AuditEventKind::AdminKeyCreated, key.id(), context, now));
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return Ok((key, record));
            }
        }
        Err(InternalError::Contention.into())
    }

    /// By whose right `actor` makes a key, and what has to hold still when it is made: a key that is in flight
    /// while its maker is demoted is not made.
    async fn key_creator(&self, actor: &Actor) -> Result<(KeyCreator, Vec<Change>), ServiceError> {
        let lost = || ServiceError::from(ClientError::Credential(InvalidCredential::Disabled));
        let (creator, mut expected) = match actor {
            Actor::Operator | Actor::System => (KeyCreator::Operator, Vec::new()),
            Actor::User(id) => (KeyCreator::User(*id), Vec::new()),
            Actor::AdminKey(id) => {
                let stored = self.store.admin_key(*id).await?.ok_or_else(lost)?;
                (stored.created_by, vec![Change::ExpectAdminKey(*id)])
            }
            Actor::Anonymous => return Err(lost()),
        };
        if let KeyCreator::User(id) = creator {
            let user = self.store.user(id).await?.filter(User::is_administrator).ok_or_else(lost)?;
            expected.push(Change::ExpectEpoch(id, user.epoch));
        }
        Ok((creator, expected))
    }

    /// Removes an admin key: from now on it opens nothing.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is none of this id.
    pub async fn remove_admin_key(
        &self,
        id: AdminKeyId,
        context: &RevocationContext,
        now: Time,
    ) -> Result<(), ServiceError> {
        let changes =
            [Change::RemoveAdminKey(id), record_event(AuditEventKind::AdminKeyRemoved, id, context, now)];
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(_) => Ok(()),
            CommitOutcome::Conflict(_) => Err(ClientError::NotFound("admin key").into()),
        }
    }
}

fn validate_name(name: &str) -> Result<(), ClientError> {
    let length = name.chars().count();
    if (1..=MAX_NAME_LENGTH).contains(&length) && name.trim() == name && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(ClientError::Field {
        field: "name",
        detail: format!("is to be 1 to {MAX_NAME_LENGTH} plain characters"),
    })
}

fn record_event(kind: AuditEventKind, id: AdminKeyId, context: &RevocationContext, now: Time) -> Change {
    let event = AuditEvent::by_actor(kind, context.actor.clone(), &context.client_info, now);
    Change::RecordEvent(Box::new(event.with_detail(id.to_string())))
}
