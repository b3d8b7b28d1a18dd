//! Users of another system come over, with the hashes of their passwords.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use counterfoil_jose::{Time, random};
use counterfoil_verify::{RevocationPosition, UserId};

use crate::client_error::ClientError;
use crate::credentials::password::PasswordHash;
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::ClientInfo;
use crate::model::user::{User, Username};
use crate::services::account::{canonical_email, invalid_field};
use crate::services::administration::validate_roles;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, LoginName, Store, StoreError};

/// A user of another system, as a line of an export names them.
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
    /// What they log in with.
    pub username: String,
    /// Their address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the other system knows that the address is theirs; then they log in by it, too.
    #[serde(default)]
    pub email_verified: bool,
    /// What the other system kept of the password, in one of the forms of
    /// [`imported`](crate::credentials::password::foreign_hashes); without it nobody logs in by password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// What they may do.
    #[serde(default)]
    pub roles: Vec<String>,
    /// When they came to the other system, in Unix seconds; now unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<u64>,
    /// Whether they are locked out.
    #[serde(default)]
    pub disabled: bool,
}

impl fmt::Debug for ImportedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportedUser").field("username", &self.username).finish_non_exhaustive()
    }
}

impl ImportedUser {
    /// Judges the form: what can be told without looking anybody up.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`], for the first thing that cannot be.
    pub fn validate(&self, now: Time) -> Result<ImportTarget, ClientError> {
        let username: Username = self.username.parse().map_err(|error| invalid_field("username", &error))?;
        let email = self.email.as_deref().map(canonical_email).transpose()?;
        if self.email_verified && email.is_none() {
            return Err(invalid_field("email_verified", &"must not be true where there is no email"));
        }
        let password = self.password_hash.as_deref().map(PasswordHash::import).transpose();
        let password = password.map_err(|error| invalid_field("password_hash", &error))?;
        validate_roles(&self.roles)?;
        let created_at = self.created_at.map_or(now, Time::from_unix_seconds);
        if created_at > now {
            return Err(invalid_field("created_at", &"must not be in the future"));
        }
        Ok(ImportTarget { username, email, password, created_at })
    }
}

/// A newcomer's form in its canonical parts.
#[derive(Debug)]
pub struct ImportTarget {
    /// The name, whose folded form is what has to be unique.
    pub username: Username,
    email: Option<String>,
    password: Option<PasswordHash>,
    created_at: Time,
}

/// What became of a newcomer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportOutcome {
    /// They are a user now, or in a rehearsal would be.
    Added,
    /// They came before: there is a user with their name, address and password. Nothing was changed.
    AlreadyExists,
}

/// Whether anything is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// Only say what would become of them.
    DryRun,
    /// Keep them.
    Commit,
}

/// Brings newcomers in, many in one commit.
pub struct UserImporter {
    store: Arc<dyn Store>,
}

impl UserImporter {
    /// Brings them into `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Brings in all of `imported` that can be, in one commit, and says of each what became of them, in their
    /// order. It may be run again with the same newcomers: who is there already is left alone.
    ///
    /// # Errors
    ///
    /// If the store fails; then none of them was brought in.
    pub async fn import(
        &self,
        imported: &[ImportedUser],
        mode: ImportMode,
        now: Time,
    ) -> Result<Vec<Result<ImportOutcome, ClientError>>, ServiceError> {
        for _ in 0..ATTEMPTS {
            let (outcomes, changes) = self.plan(imported, now).await?;
            if mode == ImportMode::DryRun || changes.is_empty() {
                return Ok(outcomes);
            }
            // Lost only if one of the names was taken since it was looked up.
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return Ok(outcomes);
            }
        }
        Err(InternalError::Contention.into())
    }

    async fn plan(&self, imported: &[ImportedUser], now: Time) -> Result<ImportPlan, ServiceError> {
        let mut outcomes = Vec::with_capacity(imported.len());
        let mut changes = Vec::with_capacity(2 * imported.len());
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
                    changes.extend(imported.changes(target, now)?);
                    Ok(ImportOutcome::Added)
                }
                Ok((ImportOutcome::AlreadyExists, _)) => Ok(ImportOutcome::AlreadyExists),
                Err(error) => Err(error),
            });
        }
        Ok((outcomes, changes))
    }

    /// What becomes of one of them, by what is kept and by who comes `claimed` with them.
    async fn outcome(
        &self,
        target: &ImportTarget,
        imported: &ImportedUser,
        claimed: &mut HashSet<String>,
    ) -> Result<Result<ImportOutcome, ClientError>, StoreError> {
        let name = target.username.folded().to_owned();
        if let Some(stored) = self.store.user_by_login(&LoginName::Username(name.clone())).await? {
            let is_the_same = target.matches(&stored);
            return Ok(if is_the_same {
                Ok(ImportOutcome::AlreadyExists)
            } else {
                Err(ClientError::UsernameTaken)
            });
        }
        if !claimed.insert(name) {
            return Ok(Err(ClientError::UsernameTaken));
        }
        if let Some(email) = target.email.as_ref().filter(|_| imported.email_verified) {
            let is_kept = self.store.user_by_login(&LoginName::Email(email.clone())).await?.is_some();
            if is_kept || !claimed.insert(email.clone()) {
                return Ok(Err(invalid_field("email", &"is the verified address of another user")));
            }
        }
        Ok(Ok(ImportOutcome::Added))
    }
}

/// What becomes of each, and what is to be kept for it.
type ImportPlan = (Vec<Result<ImportOutcome, ClientError>>, Vec<Change>);

impl ImportedUser {
    /// What brings them in.
    fn changes(&self, target: ImportTarget, now: Time) -> Result<[Change; 2], random::RandomUnavailable> {
        let user = User {
            id: UserId::from_bytes(random::bytes()?),
            username: target.username,
            email: target.email,
            email_verified: self.email_verified,
            password: target.password,
            roles: self.roles.clone(),
            disabled_at: self.disabled.then_some(now),
            epoch: 0,
            cutoff: RevocationPosition::START,
            created_at: target.created_at,
            revision: 0,
        };
        let event = AuditEvent::by_user(AuditEventKind::UserRegistered, user.id, &ClientInfo::default(), now);
        let event = AuditEvent { actor: Actor::Operator, detail: Some("imported".into()), ..event };
        Ok([Change::InsertUser(Box::new(user)), Change::RecordEvent(Box::new(event))])
    }
}

impl ImportTarget {
    /// Whether `stored` is who came over with this form before: the same name and address, and the same password
    /// unless they have logged in since and it was hashed anew.
    fn matches(&self, stored: &User) -> bool {
        let was_rehashed = stored.password.as_ref().is_some_and(PasswordHash::is_argon2id);
        stored.username.folded() == self.username.folded()
            && stored.email == self.email
            && (stored.password == self.password || (was_rehashed && self.password.is_some()))
    }
}
