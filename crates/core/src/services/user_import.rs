//! Imports users from another system, with their password hashes.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use counterfoil_jose::{Time, random};
use counterfoil_verify::UserId;

use crate::client_error::ClientError;
use crate::credentials::password::PasswordHash;
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::external_id::ExternalId;
use crate::model::session::ClientInfo;
use crate::model::user::{User, Username};
use crate::services::account::{canonical_email, external_id_taken, invalid_field, parse_external_id};
use crate::services::administration::validate_roles;
use crate::services::username_policy::{LookAlikes, UsernamePolicy};
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, LoginName, Store, StoreError, Transaction};

/// A user of another system: one line of an export in JSON.
///
/// ```
/// use counterfoil_core::services::user_import::ImportedUser;
/// use counterfoil_jose::Time;
///
/// let line = r#"{"username":"ada","password_hash":"$2b$12$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS"}"#;
/// let imported: ImportedUser = serde_json::from_str(line)?;
/// assert!(imported.validate(Time::from_unix_seconds(1_764_000_000)).is_ok());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedUser {
    /// The username. A user without one has a verified address, and gets a name such as `user-3f9a61c2d07b4e58`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The id of the user in the application: a string or an integer, as
    /// [`ExternalId`] says. No two users have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Value>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the other system has verified the address. A verified address is a login name, too.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub email_verified: bool,
    /// The password hash, in one of the formats of
    /// [`foreign_hashes`](crate::credentials::password::foreign_hashes). Without it the user cannot log in by password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// Whether the user must change the password, which is then said at each login until it is changed.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "std::ops::Not::not")]
    pub password_change_required: bool,
    /// The roles.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub roles: Vec<String>,
    /// When the user registered at the other system, in Unix seconds; by default now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<u64>,
    /// Whether the user is disabled.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub disabled: bool,
}

/// Reads a member that is null as if it were absent: exports write null for columns without a value.
fn null_is_absent<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl fmt::Debug for ImportedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportedUser").field("username", &self.username).finish_non_exhaustive()
    }
}

impl ImportedUser {
    /// Validates the fields, without reading the store.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`] for the first invalid field.
    pub fn validate(&self, now: Time) -> Result<ImportTarget, ClientError> {
        let username = self.username.as_deref().map(str::parse::<Username>).transpose();
        let username = username.map_err(|error| invalid_field("username", &error))?;
        let external_id = self.external_id.as_ref().map(parse_external_id).transpose()?;
        let email = self.email.as_deref().map(canonical_email).transpose()?;
        if self.email_verified && email.is_none() {
            return Err(invalid_field("email_verified", &"must be false without an `email`"));
        }
        if username.is_none() && !self.email_verified {
            return Err(invalid_field("username", &"is required for a user without a verified address"));
        }
        let password = self.password_hash.as_deref().map(PasswordHash::import).transpose();
        let password = password.map_err(|error| invalid_field("password_hash", &error))?;
        if self.password_change_required && password.is_none() {
            let detail = "must be false without a `password_hash`";
            return Err(invalid_field("password_change_required", &detail));
        }
        validate_roles(&self.roles)?;
        let created_at = self.created_at.map_or(now, Time::from_unix_seconds);
        if created_at > now {
            return Err(invalid_field("created_at", &"must not be in the future"));
        }
        Ok(ImportTarget { username, external_id, email, password, created_at })
    }
}

/// The validated fields of an imported user, in canonical form.
#[derive(Debug)]
pub struct ImportTarget {
    /// The username. `None` for a user who logs in by the address alone, and gets a name.
    username: Option<Username>,
    external_id: Option<ExternalId>,
    email: Option<String>,
    password: Option<PasswordHash>,
    created_at: Time,
}

/// The outcome of the import of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportOutcome {
    /// The user was added, or would be added in a dry run.
    Added,
    /// A user with the same name, address, external id and password exists. Nothing was changed.
    AlreadyExists,
}

/// Whether an import is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// Returns the outcomes and stores nothing.
    DryRun,
    /// Stores the users.
    Commit,
}

/// Imports users, many in one commit.
pub struct UserImporter {
    store: Arc<dyn Store>,
    username_policy: UsernamePolicy,
}

impl UserImporter {
    /// Creates an importer into `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, username_policy: UsernamePolicy::default() }
    }

    /// Replaces the default policy for new usernames.
    #[must_use]
    pub fn with_username_policy(self, username_policy: UsernamePolicy) -> Self {
        Self { username_policy, ..self }
    }

    /// Imports all valid users of `imported` in one commit, and returns the outcome of each, in their order. It may be
    /// repeated with the same users: existing users are not changed.
    ///
    /// # Errors
    ///
    /// If the store fails. Then no user was imported.
    pub async fn import(
        &self,
        imported: &[ImportedUser],
        mode: ImportMode,
        now: Time,
    ) -> Result<Vec<Result<ImportOutcome, ClientError>>, ServiceError> {
        for _ in 0..ATTEMPTS {
            let (outcomes, transaction) = self.plan(imported, now).await?;
            if mode == ImportMode::DryRun || transaction.changes.is_empty() {
                return Ok(outcomes);
            }
            // Conflicts only if one of the names was taken after it was looked up.
            if let CommitOutcome::Applied(_) = self.store.commit(&transaction).await? {
                return Ok(outcomes);
            }
        }
        Err(InternalError::Contention.into())
    }

    async fn plan(&self, imported: &[ImportedUser], now: Time) -> Result<ImportPlan, ServiceError> {
        let mut outcomes = Vec::with_capacity(imported.len());
        let mut changes = Vec::with_capacity(2 * imported.len());
        let mut expect = Vec::with_capacity(imported.len());
        let mut claimed = HashSet::new();
        for imported in imported {
            let outcome = match imported.validate(now) {
                Ok(target) => {
                    self.outcome(&target, imported, &mut claimed).await?.map(|outcome| (outcome, target))
                }
                Err(error) => Err(error),
            };
            outcomes.push(match outcome {
                Ok((ImportOutcome::Added, target)) => {
                    let name = target.username.as_ref();
                    expect.extend(name.and_then(|name| self.username_policy.expectation(name)));
                    changes.extend(imported.changes(target, now)?);
                    Ok(ImportOutcome::Added)
                }
                Ok((ImportOutcome::AlreadyExists, _)) => Ok(ImportOutcome::AlreadyExists),
                Err(error) => Err(error),
            });
        }
        Ok((outcomes, Transaction::new(changes).expecting(expect)))
    }

    /// The outcome for one user. `claimed` holds what must be unique of the earlier users of the same import.
    async fn outcome(
        &self,
        target: &ImportTarget,
        imported: &ImportedUser,
        claimed: &mut HashSet<Unique>,
    ) -> Result<Result<ImportOutcome, ClientError>, StoreError> {
        if let Some(username) = &target.username {
            let name = username.folded().to_owned();
            match self.store.user_by_login(&LoginName::Username(name.clone())).await? {
                Some(stored) if target.matches(&stored) => return Ok(Ok(ImportOutcome::AlreadyExists)),
                Some(_) => return Ok(Err(ClientError::UsernameTaken)),
                None if !claimed.insert(Unique::Username(name)) => {
                    return Ok(Err(ClientError::UsernameTaken));
                }
                None => {}
            }
            if let Err(error) = self.check_policy(username, claimed).await? {
                return Ok(Err(error));
            }
        }
        if let Some(email) = target.email.as_ref().filter(|_| imported.email_verified) {
            let stored = self.store.user_by_login(&LoginName::Email(email.clone())).await?;
            let stored = stored.as_ref();
            if target.username.is_none() && stored.is_some_and(|stored| target.matches(stored)) {
                return Ok(Ok(ImportOutcome::AlreadyExists));
            }
            if stored.is_some() || !claimed.insert(Unique::Email(email.clone())) {
                return Ok(Err(invalid_field("email", &"is the verified address of another user")));
            }
        }
        if let Some(id) = &target.external_id {
            let is_taken = self.store.user_by_external_id(id).await?.is_some();
            if is_taken || !claimed.insert(Unique::ExternalId(id.clone())) {
                return Ok(Err(external_id_taken()));
            }
        }
        Ok(Ok(ImportOutcome::Added))
    }
}

impl UserImporter {
    /// Checks a new name by the policy: its scripts, and that it looks like no other name.
    async fn check_policy(
        &self,
        username: &Username,
        claimed: &mut HashSet<Unique>,
    ) -> Result<Result<(), ClientError>, StoreError> {
        if let Err(error) = self.username_policy.scripts.check(username) {
            return Ok(Err(invalid_field("username", &error)));
        }
        if self.username_policy.look_alikes == LookAlikes::Allow {
            return Ok(Ok(()));
        }
        let skeletons = username.skeletons();
        if let Some(holder) = self.store.user_by_skeletons(&skeletons).await? {
            return Ok(Err(looks_like(&format!("`{}`", holder.username))));
        }
        for skeleton in skeletons.iter() {
            if !claimed.insert(Unique::Skeleton(skeleton.to_owned())) {
                return Ok(Err(looks_like("an earlier user of this import")));
            }
        }
        Ok(Ok(()))
    }
}

fn looks_like(other: &str) -> ClientError {
    let detail = format!(
        "looks like the username of {other}: choose another one, or accept such names with \
         `usernames.look_alikes = \"allow\"`"
    );
    invalid_field("username", &detail)
}

/// What only one user may have.
#[derive(PartialEq, Eq, Hash)]
enum Unique {
    Username(String),
    Skeleton(String),
    Email(String),
    ExternalId(ExternalId),
}

/// The outcome of each user, and the transaction that stores the added ones.
type ImportPlan = (Vec<Result<ImportOutcome, ClientError>>, Transaction);

impl ImportedUser {
    /// The changes that add the user and record the audit event.
    fn changes(&self, target: ImportTarget, now: Time) -> Result<[Change; 2], random::RandomUnavailable> {
        let id = UserId::from_bytes(random::bytes()?);
        let username = target.username.unwrap_or_else(|| made_username(id));
        let user = User {
            external_id: target.external_id,
            email: target.email,
            email_verified: self.email_verified,
            password: target.password,
            password_change_required: self.password_change_required,
            roles: self.roles.clone(),
            disabled_at: self.disabled.then_some(now),
            ..User::new(id, username, target.created_at)
        };
        let event = AuditEvent::by_user(AuditEventKind::UserRegistered, user.id, &ClientInfo::default(), now);
        let event = AuditEvent { actor: Actor::Operator, detail: Some("imported".into()), ..event };
        Ok([Change::insert_user(user), Change::record_event(event)])
    }
}

/// The name of a user who logs in by the address alone: it says nothing about the address.
fn made_username(id: UserId) -> Username {
    let digits = id.as_bytes().iter().take(8).map(|byte| format!("{byte:02x}"));
    let name = format!("user-{}", digits.collect::<String>());
    name.parse().expect("lower-case letters, digits and a hyphen are a username")
}

impl ImportTarget {
    /// What no two users of an import share: the case-folded username, or the address of a user without one.
    pub fn login_name(&self) -> &str {
        let address = || self.email.as_deref().unwrap_or_default();
        self.username.as_ref().map_or_else(address, Username::folded)
    }

    /// Whether `stored` comes from an earlier import of the same user: the same name, address and external id, and the same password
    /// hash, or an Argon2id hash that replaced it at a login.
    fn matches(&self, stored: &User) -> bool {
        let was_rehashed = stored.password.as_ref().is_some_and(PasswordHash::is_argon2id);
        self.username.as_ref().is_none_or(|name| name.folded() == stored.username.folded())
            && stored.email == self.email
            && stored.external_id == self.external_id
            && (stored.password == self.password || (was_rehashed && self.password.is_some()))
    }
}
