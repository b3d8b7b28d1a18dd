//! The stored record of an admin key: its creator and the hash of its secret.

use counterfoil_jose::Time;
use counterfoil_verify::UserId;

use crate::credentials::admin_key::{AdminKey, AdminKeyHash, AdminKeyId};

/// The stored record of an admin key. Removing the record revokes the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminKeyRecord {
    /// The id, as shown in lists and in the audit log.
    pub id: AdminKeyId,
    /// The name that an administrator gave it: the program or the person that uses it.
    pub name: String,
    /// The hash of the secret.
    pub key_hash: AdminKeyHash,
    /// The creator, whose permission the key depends on.
    pub created_by: KeyCreator,
    /// When it was created.
    pub created_at: Time,
}

/// The creator of an admin key. The key is removed when its creator may no longer administer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCreator {
    /// An administrator. A key that was created with another admin key has the creator of that key.
    User(UserId),
    /// An operator at the command line of the machine, whose permission cannot be withdrawn.
    Operator,
}

impl AdminKeyRecord {
    /// The record of a new key.
    pub fn new(key: &AdminKey, name: String, created_by: KeyCreator, now: Time) -> Self {
        Self { id: key.id(), name, key_hash: key.hash(), created_by, created_at: now }
    }
}
