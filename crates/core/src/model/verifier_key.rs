//! The stored record of a verifier key: its name and the hash of its secret.

use counterfoil_jose::Time;

use crate::credentials::verifier_key::{VerifierKey, VerifierKeyHash, VerifierKeyId};

/// The stored record of a verifier key. Removing the record revokes the key.
///
/// It does not depend on the administrator who created it, as an admin key does: it reads which credentials are revoked
/// and changes nothing, and every resource server would stop when a former administrator leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKeyRecord {
    /// The id, as shown in lists and in the audit log.
    pub id: VerifierKeyId,
    /// The name that an administrator gave it: the service that uses it.
    pub name: String,
    /// The hash of the secret.
    pub key_hash: VerifierKeyHash,
    /// When it was created.
    pub created_at: Time,
}

impl VerifierKeyRecord {
    /// The record of a new key.
    pub fn new(key: &VerifierKey, name: String, now: Time) -> Self {
        Self { id: key.id(), name, key_hash: key.hash(), created_at: now }
    }
}
