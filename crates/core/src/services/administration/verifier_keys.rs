//! Verifier keys: creates, verifies and removes them.

use counterfoil_jose::Time;

use crate::client_error::ClientError;
use crate::credentials::verifier_key::{VerifierKey, VerifierKeyId};
use crate::model::audit_event::AuditEventKind;
use crate::model::verifier_key::VerifierKeyRecord;
use crate::services::administration::Administration;
use crate::services::administration::admin_keys::validate_key_name;
use crate::services::revoker::RevocationContext;
use crate::services::{InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, StoreError};

impl Administration {
    /// Returns the record of `presented` if the key is valid. Takes the same time however much of the secret is right.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub async fn verify_verifier_key(
        &self,
        presented: &VerifierKey,
    ) -> Result<Option<VerifierKeyRecord>, StoreError> {
        let stored = self.store.verifier_key(presented.id()).await?;
        Ok(stored.filter(|stored| stored.key_hash.matches(presented)))
    }

    /// Creates a verifier key. Only this call returns its secret.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`] for an invalid name.
    pub async fn create_verifier_key(
        &self,
        name: &str,
        context: &RevocationContext,
        now: Time,
    ) -> Result<(VerifierKey, VerifierKeyRecord), ServiceError> {
        validate_key_name(name)?;
        let key = VerifierKey::generate()?;
        let record = VerifierKeyRecord::new(&key, name.to_owned(), now);
        let changes = [
            Change::insert_verifier_key(record.clone()),
            record_event(AuditEventKind::VerifierKeyCreated, key.id(), context, now),
        ];
        match self.store.commit(&changes.into()).await? {
            CommitOutcome::Applied(_) => Ok((key, record)),
            // The id is random.
            CommitOutcome::Conflict(_) => Err(InternalError::Contention.into()),
        }
    }

    /// Removes a verifier key. The feed refuses it from now on; a lease that was given stays in every wait for the fleet
    /// until it has run out.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is no such key.
    pub async fn remove_verifier_key(
        &self,
        id: VerifierKeyId,
        context: &RevocationContext,
        now: Time,
    ) -> Result<(), ServiceError> {
        let changes = [
            Change::remove_verifier_key(id),
            record_event(AuditEventKind::VerifierKeyRemoved, id, context, now),
        ];
        match self.store.commit(&changes.into()).await? {
            CommitOutcome::Applied(_) => Ok(()),
            CommitOutcome::Conflict(_) => Err(ClientError::NotFound("verifier key").into()),
        }
    }
}

fn record_event(kind: AuditEventKind, id: VerifierKeyId, context: &RevocationContext, now: Time) -> Change {
    Change::record_event(context.event(kind, now).with_detail(id.to_string()))
}
