//! An admin key as it is kept: whose it is, and the digest of its secret.

use counterfoil_jose::Time;
use counterfoil_verify::UserId;

use crate::credentials::admin_key::{AdminKey, AdminKeyHash, AdminKeyId};

/// A key that a program administers with. It is there or it is not: to remove it is to revoke it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminKeyRecord {
    /// What the journal and lists call it.
    pub id: AdminKeyId,
    /// What people call it: the program or the person who has it.
    pub name: String,
    /// What we keep of the secret.
    pub key_hash: AdminKeyHash,
    /// By whose right it administers.
    pub created_by: KeyCreator,
    /// When it was made.
    pub created_at: Time,
}

/// By whose right an admin key administers: it goes when they may no longer do so themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCreator {
    /// An administrator; also where they have made it with another key of theirs.
    User(UserId),
    /// Whoever has the machine. Nobody is locked out or demoted from that.
    Operator,
}

impl AdminKeyRecord {
    /// The record of a key that was just drawn.
    pub fn new(key: &AdminKey, name: String, created_by: KeyCreator, now: Time) -> Self {
        Self { id: key.id(), name, key_hash: key.hash(), created_by, created_at: now }
    }
}
