//! Admin keys: made once, shown once, gone at once.

use counterfoil_jose::Time;

use super::Administration;
use crate::issued::admin_key::{AdminKey, AdminKeyId};
use crate::kept::admin_key::AdminKeyRecord;
use crate::kept::event::{Event, EventKind};
use crate::policy::revoke::Reason;
use crate::policy::{Failure, Trouble};
use crate::refusal::Refusal;
use crate::store::{Change, Committed, StoreError};

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
    /// # Errors
    ///
    /// [`Refusal::Field`] for a name that cannot be.
    pub async fn add_admin_key(
        &self,
        name: &str,
        reason: &Reason,
        now: Time,
    ) -> Result<(AdminKey, AdminKeyRecord), Trouble> {
        judge_name(name)?;
        let key = AdminKey::draw()?;
        let record = AdminKeyRecord::of(&key, name.to_owned(), now);
        let changes = [
            Change::InsertAdminKey(Box::new(record.clone())),
            told(EventKind::AdminKeyMade, key.id(), reason, now),
        ];
        match self.store.commit(&changes).await? {
            Committed::Applied(_) => Ok((key, record)),
            // 128 random bits that are taken are no coincidence.
            Committed::Lost(_) => Err(Failure::Contended.into()),
        }
    }

    /// Removes an admin key: from now on it opens nothing.
    ///
    /// # Errors
    ///
    /// [`Refusal::Nothing`] if there is none of this id.
    pub async fn remove_admin_key(&self, id: AdminKeyId, reason: &Reason, now: Time) -> Result<(), Trouble> {
        let changes = [Change::RemoveAdminKey(id), told(EventKind::AdminKeyRemoved, id, reason, now)];
        match self.store.commit(&changes).await? {
            Committed::Applied(_) => Ok(()),
            Committed::Lost(_) => Err(Refusal::Nothing("admin key").into()),
        }
    }
}

fn judge_name(name: &str) -> Result<(), Refusal> {
    let length = name.chars().count();
    if (1..=LONGEST_NAME).contains(&length) && name.trim() == name && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Refusal::Field { field: "name", detail: format!("is to be 1 to {LONGEST_NAME} plain characters") })
}

fn told(kind: EventKind, id: AdminKeyId, reason: &Reason, now: Time) -> Change {
    let event = Event::by(kind, reason.actor.clone(), &reason.from, now);
    Change::Record(Box::new(event.telling(id.to_string())))
}
