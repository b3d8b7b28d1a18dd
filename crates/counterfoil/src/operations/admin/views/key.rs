//! The JSON of signing keys and refresh token keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::key::KeyState;
use counterfoil_core::services::keys::keyring::KeyStatus;
use counterfoil_jose::Time;

/// The public data of a signing key or of a refresh token key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = SigningKey)]
#[non_exhaustive]
pub struct KeyView {
    /// The `kid` of a signing key (RFC 7638), or the id of a refresh token key.
    pub id: String,
    /// The JOSE name of its algorithm.
    pub algorithm: String,
    /// `next` (published, unused), `current`, `retired` (its tokens are valid), `removed` (its tokens have
    /// expired) or `revoked` (its tokens are invalid).
    pub state: String,
    /// When it was created and published, in Unix seconds.
    pub created_at: u64,
    /// When it entered its state.
    pub changed_at: u64,
    /// When it was or will be activated; null if that is unknown or never happened.
    pub activated_at: Option<u64>,
    /// When it stopped signing, if it is retired.
    pub retired_at: Option<u64>,
    /// When it is removed from the published keys, if it is retired.
    pub removed_at: Option<u64>,
}

impl KeyView {
    pub(crate) fn from_status(key: &KeyStatus) -> Self {
        Self {
            id: key.id.to_string(),
            algorithm: key.algorithm.clone(),
            state: key.state.as_str().to_owned(),
            created_at: key.created_at.unix_seconds(),
            changed_at: key.changed_at.unix_seconds(),
            activated_at: key.activated_at.map(Time::unix_seconds),
            retired_at: (key.state == KeyState::Retired).then(|| key.changed_at.unix_seconds()),
            removed_at: key.removed_at.map(Time::unix_seconds),
        }
    }
}
