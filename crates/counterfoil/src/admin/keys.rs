//! Administration of signing keys and refresh token keys.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use counterfoil_core::services::ServiceError;
use counterfoil_core::services::keys::keyring::{ActivateAt, RotatedKeys};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_jose::Time;

use crate::admin::AdminError;
use crate::admin::answer::{Answer, operator_context};
use crate::admin::pagination::PageRequest;
use crate::admin::requests::{KeyRotationRequest, KeySelector};
use crate::admin::responses::{KeyLists, KeyResponse, RotationResponse};
use crate::app::App;
use crate::keys::key_file;
use crate::runtime::error_chain::error_chain;
use crate::runtime::task::{run_on_blocking_thread, spawn_blocking};

impl App {
    /// All keys, the oldest first.
    pub(crate) async fn key_lists(&self) -> Result<KeyLists, ServiceError> {
        Ok(KeyLists::new(self.keys.keys().await?))
    }

    /// Rotates a key, or schedules the rotation.
    pub(crate) async fn rotate(
        &self,
        request: KeyRotationRequest,
        context: RevocationContext,
        now: Time,
    ) -> Result<RotationResponse, ServiceError> {
        let activate_at = if request.now { ActivateAt::Immediately } else { ActivateAt::OncePublished };
        let keys = Arc::clone(&self.keys);
        let rotated = run_on_blocking_thread(async move {
            match request.purpose {
                KeySelector::Signing => keys.rotate(activate_at, &context, now).await,
                // Only this installation uses it, so there is no verifier to wait for.
                KeySelector::RefreshToken => Ok(RotatedKeys {
                    id: keys.rotate_refresh_token_key(&context, now).await?,
                    activated_at: now,
                }),
            }
        });
        let rotated = rotated.await?;
        // The background job may be waiting for a later time.
        self.key_schedule_changed.notify_one();
        Ok(RotationResponse::new(&rotated, now))
    }

    pub(super) async fn list_keys(&self, page: PageRequest) -> Answer {
        let (keys, next) = page.slice(self.keys.keys().await?, |key| (key.created_at, key.id.to_string()))?;
        let KeyLists { signing, refresh_token } = KeyLists::new(keys);
        Ok(json!({ "keys": signing, "refresh_token_keys": refresh_token, "next": next }))
    }

    pub(super) async fn rotate_keys(&self, request: KeyRotationRequest) -> Answer {
        let now = self.now_to_issue()?;
        Ok(json!(self.rotate(request, operator_context(), now).await?))
    }

    /// Imports the signing key in `file` as the next one.
    pub(super) async fn import_key(&self, file: PathBuf) -> Answer {
        let now = self.now_to_issue()?;
        let algorithm = self.keys.next_algorithm();
        let key = spawn_blocking(move || key_file::read(&file, algorithm))
            .await
            .map_err(|error| AdminError::new(error_chain(&error)).hint(error.hint(algorithm)))?;
        let id = self.keys.import(&key, &operator_context(), now).await?;
        // The imported key may be due at another time than the one that it replaces.
        self.key_schedule_changed.notify_one();
        let keys = self.keys.keys().await?;
        Ok(json!(keys.iter().find(|key| key.id == id).map(KeyResponse::from)))
    }
}
