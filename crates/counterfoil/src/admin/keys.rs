//! Commands for signing keys and refresh token keys.

use std::path::PathBuf;

use counterfoil_jose::{Algorithm, Secret, SigningKey, base64url};

use crate::admin::AdminError;
use crate::admin::answer::{Answer, answer, operator_context};
use crate::admin::pagination::PageRequest;
use crate::app::App;
use crate::keys::key_file::{self, KeyFileError, KeyFormat};
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
    pub(super) async fn import_key_file(&self, file: PathBuf, format: KeyFormat) -> Answer {
        let algorithm = self.parts.keys.next_algorithm();
        let key = spawn_blocking(move || key_file::read(&file, format, algorithm)).await;
        self.import_key(key.map_err(|error| key_error(&error, format, algorithm))?).await
    }

    /// Imports the signing key in `key`, the content of a key file as base64url.
    pub(super) async fn import_key_bytes(&self, key: &Secret<String>, format: KeyFormat) -> Answer {
        let algorithm = self.parts.keys.next_algorithm();
        let bytes = base64url::decode(key.expose()).map(Secret::new);
        let bytes = bytes.map_err(|_| AdminError::new("the key must be base64url in this command"))?;
        let from = PathBuf::from("standard input");
        let key = spawn_blocking(move || {
            key_file::parse(&bytes, format, algorithm)
                .map_err(|source| KeyFileError::InvalidKey { file: from, source })
        });
        self.import_key(key.await.map_err(|error| key_error(&error, format, algorithm))?).await
    }

    async fn import_key(&self, key: SigningKey) -> Answer {
        let now = self.now_to_issue()?;
        answer(keys::import(self, &key, &operator_context(), now).await?)
    }
}

fn key_error(error: &KeyFileError, format: KeyFormat, algorithm: Algorithm) -> AdminError {
    AdminError::new(error_chain(error)).hint(error.hint(format, algorithm))
}
