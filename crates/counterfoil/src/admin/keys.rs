//! What an operator or an administrator may have done to the keys of the installation.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use counterfoil_core::model::key::KeyPurpose;
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::keys::active_keys::opens_all;
use counterfoil_core::services::keys::keyring::{ActivateAt, RotatedKeys};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_jose::Time;

use crate::admin::requests::{RotationForm, Which};
use crate::admin::responses::{KeyRow, KeyRows, RotationRow};
use crate::admin::{Refused, by_operator, with_causes};
use crate::app::App;
use crate::keys::key_file;
use crate::keys::master_key::{self, MasterKeyError, Replacement};
use crate::runtime::task::{run_on_blocking_thread, spawn_blocking};

impl App {
    /// Lists the keys, the oldest first.
    pub(crate) async fn key_rows(&self) -> Result<KeyRows, ServiceError> {
        let kept = self.keys.keys().await?;
        let (signing, peppers): (Vec<_>, Vec<_>) =
            kept.into_iter().partition(|key| key.purpose == KeyPurpose::Signing);
        let rows = |keys: &[_]| keys.iter().map(KeyRow::of).collect();
        Ok(KeyRows { keys: rows(&signing), peppers: rows(&peppers) })
    }

    /// Rotates a key, or begins to.
    pub(crate) async fn rotate(
        &self,
        form: RotationForm,
        reason: RevocationContext,
        now: Time,
    ) -> Result<RotationRow, ServiceError> {
        let when = if form.now { ActivateAt::Immediately } else { ActivateAt::OncePublished };
        let keys = Arc::clone(&self.keys);
        let rotated = run_on_blocking_thread(async move {
            match form.purpose {
                Which::Signing => keys.rotate(when, &reason, now).await,
                // Nobody has to know a pepper but ourselves, so there is nothing to wait for.
                Which::Pepper => Ok(RotatedKeys { id: keys.rotate_pepper(&reason, now).await?, from: now }),
            }
        });
        let rotated = rotated.await?;
        // If it is to come sooner than anything that was known of.
        self.keys_asked.notify_one();
        Ok(RotationRow::of(&rotated, now))
    }

    pub(super) async fn list_keys(&self) -> Result<Value, Refused> {
        let KeyRows { keys, peppers } = self.key_rows().await?;
        Ok(json!({ "keys": keys, "peppers": peppers }))
    }

    /// Takes in the signing key that an operator has put in `file`, as the next one.
    pub(super) async fn import_key(&self, file: PathBuf) -> Result<Value, Refused> {
        let now = self.settled()?;
        let algorithm = self.keys.algorithm_to_come();
        let key = spawn_blocking(move || key_file::read(&file, algorithm))
            .await
            .map_err(|error| Refused::new(with_causes(&error)).hint(error.hint(algorithm)))?;
        let id = self.keys.bring_in(&key, &by_operator(), now).await?;
        // If it is to sign later than the one whose place it took, or sooner.
        self.keys_asked.notify_one();
        let kept = self.keys.keys().await.map_err(Refused::from)?;
        Ok(json!(kept.iter().find(|key| key.id == id).map(KeyRow::of)))
    }

    /// Seals every key under another master key, and puts that in the place of the one before it.
    pub(super) async fn rekey(&self, file: Option<PathBuf>) -> Result<Value, Refused> {
        let now = self.settled()?;
        let new = match file {
            Some(file) => spawn_blocking(move || master_key::given(&file)).await?,
            None if self.settings().master_key.text.is_some() => return Err(name_a_file()),
            None => master_key::draw().map_err(|error| Refused::new(error.to_string()))?,
        };
        let place = self.settings().master_key_file().filter(|place| place.exists());
        if let Some(place) = &place {
            self.finish_former_rekey(place, now).await?;
        }
        let replacement = place.as_deref().map(|place| Replacement::begin(place, &new)).transpose()?;
        self.keys.reseal(&master_key::seal_with(&new), &by_operator(), now).await?;
        let old = replacement.map(|replacement| replacement.finish(now)).transpose()?;
        Ok(json!({
            "file": place,
            "old_file": old,
            "environment": self.settings().master_key.text.is_some(),
        }))
    }

    /// Puts the master key in its place whose own replacement was done in the store and not in the files: the disk
    /// was full, say. It alone opens the store until everything is sealed anew, and backups need it afterwards.
    async fn finish_former_rekey(&self, place: &Path, now: Time) -> Result<(), Refused> {
        let Some(former) = Replacement::begun(place)? else { return Ok(()) };
        let kept = self.store.keys().await.map_err(ServiceError::from)?;
        if opens_all(&kept, former.key()) {
            former.finish(now)?;
        }
        Ok(())
    }

    /// The present, if anything may be done by it that cannot be undone.
    fn settled(&self) -> Result<Time, Refused> {
        self.now_to_issue().map_err(|unsettled| {
            Refused::new(unsettled.to_string()).hint("`counterfoil clock accept` if the clock is right")
        })
    }

    pub(super) async fn rotate_keys(&self, form: RotationForm) -> Result<Value, Refused> {
        let now = self.settled()?;
        Ok(json!(self.rotate(form, by_operator(), now).await?))
    }
}

/// A key that nobody has seen cannot be put into an environment.
fn name_a_file() -> Refused {
    Refused::new("the master key comes from the environment, so a new one has to come from a file")
        .hint("head -c32 /dev/urandom | basenc --base64url | tr -d = > FILE; chmod 600 FILE; name it")
}

impl From<MasterKeyError> for Refused {
    fn from(error: MasterKeyError) -> Self {
        Self::new(with_causes(&error)).hint(error.hint())
    }
}
