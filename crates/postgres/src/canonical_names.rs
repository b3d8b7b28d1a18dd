//! Makes the names of stored users follow the current rules, when the store is opened.
//!
//! The canonical form of a name may be that of another user, if both are from before the rules. Users are never merged
//! and never locked out: the first one has the canonical form, and the other keeps the exact spelling. The log names both
//! at each start.

use tokio_postgres::Row;

use counterfoil_core::model::email_address;
use counterfoil_core::model::user::Username;
use counterfoil_core::model::username::{canonical_form, rules_version};
use counterfoil_verify::UserId;

use crate::error::QueryError;
use crate::statement::{Connection, statement};
use crate::tables::columns::{Columns, Text};
use crate::tables::metadata;

/// The key of the metadata for the version of the rules that the rows follow.
const RULES_KEY: &str = "name_rules";

/// How many rows are read before they are written.
const PAGE: i64 = 1000;

/// The most look-alikes that are logged.
const MAX_LOGGED: i64 = 100;

/// A stored user, as far as the rules concern it.
struct StoredNames {
    id: UserId,
    username: Username,
    email: Option<String>,
    email_verified: bool,
    /// Whether the username comes from the table of an application, which decides about it.
    is_of_application: bool,
    created_at: i64,
}

/// Computes the canonical forms and skeletons of all users again if the rules have changed. Else it tries again only for
/// users who have an earlier form: the other user may be gone. It runs in the transaction of the caller.
pub(crate) async fn follow_rules(connection: &Connection) -> Result<(), QueryError> {
    let rules = rules_version();
    let follows_rules = metadata::find(connection, RULES_KEY).await?.as_deref() == Some(rules.as_bytes());
    if follows_rules {
        return settle(connection, users_with_earlier_form(connection).await?).await;
    }
    let changed = set_skeletons(connection).await?;
    settle(connection, changed).await?;
    log_look_alikes(connection).await?;
    metadata::set(RULES_KEY, rules.as_bytes()).query(connection).await.map(drop)
}

/// Sets the skeletons of all users, and returns those whose stored names are not canonical, oldest first.
async fn set_skeletons(connection: &Connection) -> Result<Vec<StoredNames>, QueryError> {
    let (mut changed, mut after) = (Vec::new(), Vec::new());
    loop {
        let page = statement!(
            "SELECT id, username, username_folded, email, email_verified, application_epoch, created_at FROM users
             WHERE id > $1 AND NOT removed ORDER BY id LIMIT $2",
            after.clone(),
            PAGE
        );
        let rows = page.query(connection).await?;
        let page = rows.iter().map(StoredNames::read).collect::<Result<Vec<_>, _>>()?;
        let Some(last) = page.last() else { break };
        after = last.id.as_bytes().to_vec();
        for stored in page {
            let skeletons = stored.username.skeletons();
            statement!(
                "UPDATE users SET skeleton = $2, shown_skeleton = $3 WHERE id = $1",
                stored.id.as_bytes().as_slice(),
                Text(skeletons.folded()),
                skeletons.shown().map(Text)
            )
            .query(connection)
            .await?;
            if !stored.is_canonical() {
                changed.push(stored);
            }
        }
    }
    changed.sort_by_key(|stored| (stored.created_at, *stored.id.as_bytes()));
    Ok(changed)
}

async fn users_with_earlier_form(connection: &Connection) -> Result<Vec<StoredNames>, QueryError> {
    let select = statement!(
        "SELECT id, username, username_folded, email, email_verified, application_epoch, created_at FROM users
         WHERE has_earlier_form AND NOT removed ORDER BY created_at, id"
    );
    select.query(connection).await?.iter().map(StoredNames::read).collect()
}

/// Gives each user the canonical names, if no other user has them. One user may wait for the name that another one leaves,
/// so it tries as long as a user gets a name.
async fn settle(connection: &Connection, mut waiting: Vec<StoredNames>) -> Result<(), QueryError> {
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut still_waiting = Vec::new();
        for stored in waiting {
            if !stored.take_canonical_names(connection).await? {
                still_waiting.push(stored);
            }
        }
        waiting = still_waiting;
        if waiting.len() == before {
            break;
        }
    }
    for stored in &waiting {
        stored.log_collisions(connection).await?;
    }
    Ok(())
}

impl StoredNames {
    fn read(row: &Row) -> Result<Self, QueryError> {
        let mut columns = Columns::new(row);
        Ok(Self {
            id: UserId::from_bytes(columns.bytes()?),
            username: Username::from_stored(columns.text()?, columns.text()?),
            email: columns.optional_text()?,
            email_verified: columns.value()?,
            is_of_application: columns.value::<Option<i64>>()?.is_some(),
            created_at: columns.value()?,
        })
    }

    fn canonical_username(&self) -> String {
        if self.is_of_application {
            return self.username.folded().to_owned();
        }
        canonical_form(self.username.as_str())
    }

    /// The canonical address. One that is not valid by the rules for new ones stays as it is.
    fn canonical_email(&self) -> Option<String> {
        let email = self.email.as_deref()?;
        Some(email_address::canonical_form(email).unwrap_or_else(|_| email.to_owned()))
    }

    fn is_canonical(&self) -> bool {
        self.username.folded() == self.canonical_username() && self.email == self.canonical_email()
    }

    /// Stores the canonical username and address, each if it is free; `false` if one is not.
    async fn take_canonical_names(&self, connection: &Connection) -> Result<bool, QueryError> {
        let (username, email) = (self.canonical_username(), self.canonical_email());
        let row = statement!(
            "UPDATE users SET
                 username_folded = CASE WHEN EXISTS (
                     SELECT 1 FROM users AS other WHERE other.username_folded = $2 AND other.id <> $1)
                     THEN username_folded ELSE $2 END,
                 email = CASE WHEN email_verified AND EXISTS (
                     SELECT 1 FROM users AS other
                     WHERE lower(other.email COLLATE \"C\") = lower($3::text COLLATE \"C\") AND other.email_verified
                       AND other.id <> $1)
                     THEN email ELSE $3 END
             WHERE id = $1 RETURNING username_folded, email",
            self.id.as_bytes().as_slice(),
            Text(&username),
            email.as_deref().map(Text)
        )
        .query_one(connection)
        .await?;
        let mut columns = Columns::new(&row);
        let is_settled = (columns.text()?, columns.optional_text()?) == (username, email);
        statement!(
            "UPDATE users SET has_earlier_form = $2 WHERE id = $1",
            self.id.as_bytes().as_slice(),
            !is_settled
        )
        .query(connection)
        .await?;
        Ok(is_settled)
    }

    /// Names both users of each name that this user could not get.
    async fn log_collisions(&self, connection: &Connection) -> Result<(), QueryError> {
        let username = self.canonical_username();
        let holder = statement!(
            "SELECT id, username FROM users WHERE username_folded = $1 AND id <> $2",
            Text(&username),
            self.id.as_bytes().as_slice()
        );
        if let Some(row) = holder.query_opt(connection).await? {
            let mut columns = Columns::new(&row);
            tracing::warn!(
                user = %self.id,
                username = self.username.as_str(),
                other_user = %UserId::from_bytes(columns.bytes()?),
                other_username = columns.text()?,
                "two users have the same username by the current rules: each logs in with the exact spelling of the name; \
                 to end this, delete the user who is not in use"
            );
        }
        let Some(email) = self.canonical_email().filter(|_| self.email_verified) else { return Ok(()) };
        let holder = statement!(
            "SELECT id, email FROM users
             WHERE lower(email COLLATE \"C\") = lower($1::text COLLATE \"C\") AND email_verified AND id <> $2",
            Text(&email),
            self.id.as_bytes().as_slice()
        );
        if let Some(row) = holder.query_opt(connection).await? {
            let mut columns = Columns::new(&row);
            tracing::warn!(
                user = %self.id,
                email = self.email,
                other_user = %UserId::from_bytes(columns.bytes()?),
                other_email = columns.text()?,
                "two users have the same verified e-mail address by the current rules: each logs in with the exact \
                 spelling of the address; to end this, change or remove the address of one of them"
            );
        }
        Ok(())
    }
}

/// Names users whose usernames look alike. They keep their names; only new names are refused.
async fn log_look_alikes(connection: &Connection) -> Result<(), QueryError> {
    let select = statement!(
        "SELECT one.id, one.username, other.id, other.username FROM users AS one
         JOIN users AS other ON other.skeleton = one.skeleton AND other.id > one.id
         WHERE NOT one.removed AND NOT other.removed LIMIT $1",
        MAX_LOGGED
    );
    for row in select.query(connection).await? {
        let mut columns = Columns::new(&row);
        tracing::warn!(
            user = %UserId::from_bytes(columns.bytes()?),
            username = columns.text()?,
            other_user = %UserId::from_bytes(columns.bytes()?),
            other_username = columns.text()?,
            "the usernames of two users look alike: both log in as before; if one imitates the other, disable or delete it"
        );
    }
    Ok(())
}
