//! An admin key as it is kept: whose it is, and the digest of its secret.

use counterfoil_jose::Time;

use crate::issued::admin_key::{AdminKey, AdminKeyDigest, AdminKeyId};

/// A key that a program administers with. It is there or it is not: to remove it is to revoke it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminKeyRecord {
    /// What the journal and lists call it.
    pub id: AdminKeyId,
    /// What people call it: the program or the person who has it.
    pub name: String,
    /// What we keep of the secret.
    pub digest: AdminKeyDigest,
    /// When it was made.
    pub created_at: Time,
}

impl AdminKeyRecord {
    /// The record of a key that was just drawn.
    pub fn of(key: &AdminKey, name: String, now: Time) -> Self {
        Self { id: key.id(), name, digest: key.digest(), created_at: now }
    }
}
