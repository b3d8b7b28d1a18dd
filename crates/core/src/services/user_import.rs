//! Users of another system come over, with the hashes of their passwords.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use counterfoil_jose::{Time, random};
use counterfoil_verify::{Position, UserId};

use crate::client_error::Refusal;
use crate::credentials::password::PasswordHash;
use crate::model::audit_event::{Actor, Event, EventKind};
use crate::model::session::Circumstances;
use crate::model::user::{User, Username};
use crate::services::account::{canonical_email, field};
use crate::services::administration::judge_roles;
use crate::services::{ATTEMPTS, Failure, Trouble};
use crate::store::{Change, Committed, Login, Store, StoreError};

/// A user of another system, as a line of an export names them.
///
/// ```
/// use counterfoil_core::services::user_import::Newcomer;
/// use counterfoil_jose::Time;
///
/// let line = r#"{"username":"ada","password_hash":"$2b$12$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS"}"#;
/// let newcomer: Newcomer = serde_json::from_str(line)?;
/// assert!(newcomer.judge(Time::from_unix_seconds(1_764_000_000)).is_ok());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Newcomer {
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

impl fmt::Debug for Newcomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newcomer").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Newcomer {
    /// Judges the form: what can be told without looking anybody up.
    ///
    /// # Errors
    ///
    /// [`Refusal::Field`], for the first thing that cannot be.
    pub fn judge(&self, now: Time) -> Result<Wanted, Refusal> {
        let username: Username = self.username.parse().map_err(|fault| field("username", &fault))?;
        let email = self.email.as_deref().map(canonical_email).transpose()?;
        if self.email_verified && email.is_none() {
            return Err(field("email_verified", &"must not be true where there is no email"));
        }
        let password = self.password_hash.as_deref().map(PasswordHash::import).transpose();
        let password = password.map_err(|fault| field("password_hash", &fault))?;
        judge_roles(&self.roles)?;
        let created_at = self.created_at.map_or(now, Time::from_unix_seconds);
        if created_at > now {
            return Err(field("created_at", &"must not be in the future"));
        }
        Ok(Wanted { username, email, password, created_at })
    }
}

/// A newcomer's form in its canonical parts.
#[derive(Debug)]
pub struct Wanted {
    /// The name, whose folded form is what has to be unique.
    pub username: Username,
    email: Option<String>,
    password: Option<PasswordHash>,
    created_at: Time,
}

/// What became of a newcomer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// They are a user now, or in a rehearsal would be.
    Added,
    /// They came before: there is a user with their name, address and password. Nothing was changed.
    There,
}

/// Whether anything is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Only say what would become of them.
    Rehearsal,
    /// Keep them.
    Real,
}

/// Brings newcomers in, many in one commit.
pub struct Importer {
    store: Arc<dyn Store>,
}

impl Importer {
    /// Brings them into `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Brings in all of `newcomers` that can be, in one commit, and says of each what became of them, in their
    /// order. It may be run again with the same newcomers: who is there already is left alone.
    ///
    /// # Errors
    ///
    /// If the store fails; then none of them was brought in.
    pub async fn import(
        &self,
        newcomers: &[Newcomer],
        run: Run,
        now: Time,
    ) -> Result<Vec<Result<Arrival, Refusal>>, Trouble> {
        for _ in 0..ATTEMPTS {
            let (arrivals, changes) = self.judge_all(newcomers, now).await?;
            if run == Run::Rehearsal || changes.is_empty() {
                return Ok(arrivals);
            }
            // Lost only if one of the names was taken since it was looked up.
            if let Committed::Applied(_) = self.store.commit(&changes).await? {
                return Ok(arrivals);
            }
        }
        Err(Failure::Contended.into())
    }

    async fn judge_all(&self, newcomers: &[Newcomer], now: Time) -> Result<Judgement, Trouble> {
        let mut arrivals = Vec::with_capacity(newcomers.len());
        let mut changes = Vec::with_capacity(2 * newcomers.len());
        let mut together = HashSet::new();
        for newcomer in newcomers {
            let arrival = match newcomer.judge(now) {
                Ok(wanted) => {
                    self.arrival(&wanted, newcomer, &mut together).await?.map(|arrival| (arrival, wanted))
                }
                Err(refusal) => Err(refusal),
            };
            arrivals.push(match arrival {
                Ok((Arrival::Added, wanted)) => {
                    changes.extend(newcomer.changes(wanted, now)?);
                    Ok(Arrival::Added)
                }
                Ok((Arrival::There, _)) => Ok(Arrival::There),
                Err(refusal) => Err(refusal),
            });
        }
        Ok((arrivals, changes))
    }

    /// What becomes of one of them, by what is kept and by who comes `together` with them.
    async fn arrival(
        &self,
        wanted: &Wanted,
        newcomer: &Newcomer,
        together: &mut HashSet<String>,
    ) -> Result<Result<Arrival, Refusal>, StoreError> {
        let name = wanted.username.folded().to_owned();
        if let Some(kept) = self.store.user_by_login(&Login::Username(name.clone())).await? {
            let is_the_same = wanted.is_of(&kept);
            return Ok(if is_the_same { Ok(Arrival::There) } else { Err(Refusal::Taken) });
        }
        if !together.insert(name) {
            return Ok(Err(Refusal::Taken));
        }
        if let Some(email) = wanted.email.as_ref().filter(|_| newcomer.email_verified) {
            let is_kept = self.store.user_by_login(&Login::Email(email.clone())).await?.is_some();
            if is_kept || !together.insert(email.clone()) {
                return Ok(Err(field("email", &"is the verified address of another user")));
            }
        }
        Ok(Ok(Arrival::Added))
    }
}

/// What becomes of each, and what is to be kept for it.
type Judgement = (Vec<Result<Arrival, Refusal>>, Vec<Change>);

impl Newcomer {
    /// What brings them in.
    fn changes(&self, wanted: Wanted, now: Time) -> Result<[Change; 2], random::Unavailable> {
        let user = User {
            id: UserId::from_bytes(random::bytes()?),
            username: wanted.username,
            email: wanted.email,
            email_verified: self.email_verified,
            password: wanted.password,
            roles: self.roles.clone(),
            disabled_at: self.disabled.then_some(now),
            epoch: 0,
            not_before: Position::START,
            created_at: wanted.created_at,
            revision: 0,
        };
        let event = Event::by_user(EventKind::Registered, user.id, &Circumstances::default(), now);
        let event = Event { actor: Actor::Operator, detail: Some("imported".into()), ..event };
        Ok([Change::InsertUser(Box::new(user)), Change::Record(Box::new(event))])
    }
}

impl Wanted {
    /// Whether `kept` is who came over with this form before: the same name and address, and the same password
    /// unless they have logged in since and it was hashed anew.
    fn is_of(&self, kept: &User) -> bool {
        let was_hashed_anew = kept.password.as_ref().is_some_and(PasswordHash::is_ours);
        kept.username.folded() == self.username.folded()
            && kept.email == self.email
            && (kept.password == self.password || (was_hashed_anew && self.password.is_some()))
    }
}
