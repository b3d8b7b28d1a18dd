//! Who may introspect: a resource server with a verifier key, and a program with an admin key.

use counterfoil_core::credentials::admin_key::{AdminKey, AdminKeyId};
use counterfoil_core::credentials::verifier_key::{VerifierKey, VerifierKeyId};
use counterfoil_core::store::StoreError;

use crate::app::App;
use crate::operations::verifier_key;

/// An authenticated caller.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IntrospectionCaller {
    /// A resource server.
    Verifier(VerifierKeyId),
    /// A program of an administrator.
    Admin(AdminKeyId),
}

impl IntrospectionCaller {
    /// The id of the key.
    pub(crate) const fn key_id(&self) -> &[u8; 16] {
        match self {
            Self::Verifier(id) => id.as_bytes(),
            Self::Admin(id) => id.as_bytes(),
        }
    }

    /// The caller with this bearer token: a verifier key or an admin key. `None` if it is not valid.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) async fn from_bearer(app: &App, text: &str) -> Result<Option<Self>, StoreError> {
        let Ok(key) = text.parse::<AdminKey>() else { return Self::from_verifier_key(app, text).await };
        let record = app.parts.administration.verify_admin_key(&key).await?;
        Ok(record.map(|record| Self::Admin(record.id)))
    }

    /// The caller with this id and this verifier key, as clients of OAuth authenticate. `None` if they are not valid, or do
    /// not belong together. An admin key does more than to introspect, so programs that keep it as their `client_secret`
    /// are refused.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) async fn from_id_and_key(app: &App, id: &str, text: &str) -> Result<Option<Self>, StoreError> {
        let belongs_to_id = text.parse::<VerifierKey>().is_ok_and(|key| key.id().to_string() == id);
        if belongs_to_id { Self::from_verifier_key(app, text).await } else { Ok(None) }
    }

    async fn from_verifier_key(app: &App, text: &str) -> Result<Option<Self>, StoreError> {
        let Ok(key) = text.parse::<VerifierKey>() else { return Ok(None) };
        let record = verifier_key::authenticate(app, &key).await?;
        Ok(record.map(|record| Self::Verifier(record.id)))
    }
}
