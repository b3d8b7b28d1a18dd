//! Commands for signing keys and refresh token keys.

use std::path::PathBuf;

use crate::admin::AdminError;
use crate::admin::answer::{Answer, answer, operator_context};
use crate::admin::pagination::PageRequest;
use crate::app::App;
use crate::keys::key_file;
use crate::operations::admin::keys;
use crate::operations::admin::requests::KeyRotationRequest;
use crate::runtime::error_chain::error_chain;
use crate::runtime::task::spawn_blocking;

impl App {
    pub(super) async fn list_keys(&self, page: PageRequest) -> Answer {
        answer(keys::list(self, page.validate()?).await?)
    }

    pub(super) async fn rotate_keys(&self, request: KeyRotationRequest) -> Answer {
        let now = self.now_to_issue()?;
        answer(keys::rotate(self, request, operator_context(), now).await?)
    }

    /// Imports the signing key in `file` as the next one.
    pub(super) async fn import_key(&self, file: PathBuf) -> Answer {
        let now = self.now_to_issue()?;
        let algorithm = self.parts.keys.next_algorithm();
        let key = spawn_blocking(move || key_file::read(&file, algorithm))
            .await
            .map_err(|error| AdminError::new(error_chain(&error)).hint(error.hint(algorithm)))?;
        answer(keys::import(self, &key, &operator_context(), now).await?)
    }
}
