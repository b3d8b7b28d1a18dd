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
const LONGEST_NAME: usize = 64;

impl Administration {
    /// The record of `shown`, if it is a key of ours. Takes the same time whatever is wrong with the secret.
    ///
    /// # Errors
    ///
    /// If the store could not be read.
    pub async fn admin_key(&self, shown: &AdminKey) -> Result<Option<AdminKeyRecord>, StoreError> {
        let kept = self.store.admin_key(shown.id()).await?;
        Ok(kept.filter(|kept| kept.digest.is_of(shown)))
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
    pub async fn add_admin_key(
        &self,
        name: &str,
        reason: &RevocationContext,
        now: Time,
    ) -> Result<(AdminKey, AdminKeyRecord), ServiceError> {
        judge_name(name)?;
        let key = AdminKey::draw()?;
        for _ in 0..ATTEMPTS {
            let (made_by, mut changes) = self.right_of(&reason.actor).await?;
            let record = AdminKeyRecord::of(&key, name.to_owned(), made_by, now);
            changes.push(Change::InsertAdminKey(Box::new(record.clone())));
            changes.push(told(AuditEventKind::AdminKeyMade, key.id(), reason, now));
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return Ok((key, record));
            }
        }
        Err(InternalError::Contention.into())
    }

    /// By whose right `actor` makes a key, and what has to hold still when it is made: a key that is in flight
    /// while its maker is demoted is not made.
    async fn right_of(&self, actor: &Actor) -> Result<(KeyCreator, Vec<Change>), ServiceError> {
        let lost = || ServiceError::from(ClientError::Credential(InvalidCredential::Disabled));
        let (maker, mut expected) = match actor {
            Actor::Operator | Actor::System => (KeyCreator::Operator, Vec::new()),
            Actor::User(id) => (KeyCreator::User(*id), Vec::new()),
            Actor::AdminKey(id) => {
                let kept = self.store.admin_key(*id).await?.ok_or_else(lost)?;
                (kept.made_by, vec![Change::ExpectAdminKey(*id)])
            }
            Actor::Anonymous => return Err(lost()),
        };
        if let KeyCreator::User(id) = maker {
            let user = self.store.user(id).await?.filter(User::is_administrator).ok_or_else(lost)?;
            expected.push(Change::ExpectEpoch(id, user.epoch));
        }
        Ok((maker, expected))
    }

    /// Removes an admin key: from now on it opens nothing.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is none of this id.
    pub async fn remove_admin_key(
        &self,
        id: AdminKeyId,
        reason: &RevocationContext,
        now: Time,
    ) -> Result<(), ServiceError> {
        let changes = [Change::RemoveAdminKey(id), told(AuditEventKind::AdminKeyRemoved, id, reason, now)];
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(_) => Ok(()),
            CommitOutcome::Conflict(_) => Err(ClientError::NotFound("admin key").into()),
        }
    }
}

fn judge_name(name: &str) -> Result<(), ClientError> {
    let length = name.chars().count();
    if (1..=LONGEST_NAME).contains(&length) && name.trim() == name && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(ClientError::Field {
        field: "name",
        detail: format!("is to be 1 to {LONGEST_NAME} plain characters"),
    })
}

fn told(kind: AuditEventKind, id: AdminKeyId, reason: &RevocationContext, now: Time) -> Change {
    let event = AuditEvent::by(kind, reason.actor.clone(), &reason.from, now);
    Change::Record(Box::new(event.telling(id.to_string())))
}
