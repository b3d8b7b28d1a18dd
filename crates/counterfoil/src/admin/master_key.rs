//! Replacement of the master key by an operator.

use std::path::{Path, PathBuf};

use counterfoil_core::services::ServiceError;
use counterfoil_core::services::keys::active_keys::opens_all;
use counterfoil_files::resolve_link;
use counterfoil_jose::{Secret, Time};

use crate::admin::AdminError;
use crate::admin::answer::{Answer, answer, operator_context};
use crate::app::App;
use crate::keys::master_key_file::{generate, parse, read_from_operator, sealing_key};
use crate::keys::master_key_rotation::PendingMasterKey;
use crate::operations::admin::keys;
use crate::operations::admin::responses::RekeyResponse;
use crate::runtime::task::spawn_blocking;

impl App {
    /// Encrypts every key in the store with another master key, and replaces the master key file.
    pub(super) async fn replace_master_key(&self, file: Option<PathBuf>) -> Answer {
        let new = match file {
            Some(file) => spawn_blocking(move || read_from_operator(&file)).await?,
            None if self.settings().master_key.text.is_some() => return Err(file_required()),
            None => generate().map_err(|error| AdminError::new(error.to_string()))?,
        };
        self.encrypt_with(new).await
    }

    /// The same with the master key in the command itself.
    pub(super) async fn replace_master_key_by(&self, key: &Secret<String>) -> Answer {
        self.encrypt_with(parse(key.expose(), "standard input")?).await
    }

    async fn encrypt_with(&self, new: Secret<[u8; 32]>) -> Answer {
        let now = self.now_to_issue()?;
        let is_in_environment = self.settings().master_key.text.is_some();
        // The file itself, not a link to it: the link would be replaced, and the file would keep the old key.
        let active_file = self.settings().master_key_file().and_then(|file| resolve_link(&file).ok());
        if let Some(active_file) = &active_file {
            self.finish_interrupted_replacement(active_file, now).await?;
        }
        let pending = active_file.as_deref().map(|file| PendingMasterKey::write(file, &new)).transpose()?;
        keys::reseal(self, &sealing_key(&new), &operator_context(), now).await?;
        let old_file = pending.map(|pending| pending.activate(now)).transpose()?;
        answer(RekeyResponse { file: active_file, old_file, environment: is_in_environment })
    }

    /// Activates the key of a replacement that was completed in the store but not in the files, for example
    /// because the disk was full. Until the keys are encrypted again only that key opens the store, and
    /// backups need it later.
    async fn finish_interrupted_replacement(&self, active_file: &Path, now: Time) -> Result<(), AdminError> {
        let Some(pending) = PendingMasterKey::load(active_file)? else { return Ok(()) };
        let stored = self.parts.store.keys().await.map_err(ServiceError::from)?;
        if opens_all(&stored, pending.key()) {
            pending.activate(now)?;
        }
        Ok(())
    }
}

/// A key generated here could not be put into the environment, because the operator never sees it.
fn file_required() -> AdminError {
    AdminError::new("the master key comes from the environment, so the new one must be given in a file")
        .hint("head -c32 /dev/urandom | basenc --base64url | tr -d = > FILE; chmod 600 FILE; name that file")
}
