//! Makes the names of stored users follow the current rules, when the database is opened.
//!
//! The canonical form of a name may be that of another user, if both are from before the rules. Users are never merged
//! and never locked out: the first one has the canonical form, and the other keeps the exact spelling. The log names both
//! at each start.

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use counterfoil_core::model::email_address;
use counterfoil_core::model::user::Username;
use counterfoil_core::model::username::{canonical_form, rules_version};
use counterfoil_verify::UserId;

use crate::tables::metadata;

/// The key of the metadata for the version of the rules that the rows follow.
const RULES_KEY: &str = "name_rules";

/// How many rows are read before they are written.
const PAGE: u32 = 1000;

/// The most look-alikes that are logged.
const MAX_LOGGED: u32 = 100;

/// A stored user, as far as the rules concern it.
struct StoredNames {
    id: UserId,
    username: Username,
    email: Option<String>,
    email_verified: bool,
    /// Whether the username comes from the table of an application, which decides about it.
    is_of_application: bool,
}

/// Computes the canonical forms and skeletons of all users again if the rules have changed, in one transaction. Else it
/// tries again only for users who have an earlier form: the other user may be gone.
pub(crate) fn follow_rules(connection: &mut Connection) -> rusqlite::Result<()> {
    let rules = rules_version();
    let follows_rules = metadata::find(connection, RULES_KEY)?.as_deref() == Some(rules.as_bytes());
    let waiting = users_with_earlier_form(connection)?;
    if follows_rules && waiting.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if follows_rules {
        settle(&transaction, waiting)?;
    } else {
        let changed = set_skeletons(&transaction)?;
        settle(&transaction, changed)?;
        log_look_alikes(&transaction)?;
        metadata::set(&transaction, RULES_KEY, rules.as_bytes())?;
    }
    transaction.commit()
}

/// Sets the skeletons of all users, and returns those whose stored names are not canonical, oldest first.
fn set_skeletons(connection: &Connection) -> rusqlite::Result<Vec<StoredNames>> {
    let mut select = connection.prepare(
        "SELECT id, username, username_folded, email, email_verified, application_epoch, created_at FROM users
         WHERE id > ?1 AND removed = 0 ORDER BY id LIMIT ?2",
    )?;
    let mut update =
        connection.prepare("UPDATE users SET skeleton = ?2, shown_skeleton = ?3 WHERE id = ?1")?;
    let mut changed = Vec::new();
    let mut after = Vec::new();
    loop {
        let page: Vec<(StoredNames, i64)> = select
            .query_map(params![after, PAGE], |row| Ok((StoredNames::read(row)?, row.get(6)?)))?
            .collect::<Result<_, _>>()?;
        let Some((last, _)) = page.last() else { break };
        after = last.id.as_bytes().to_vec();
        for (stored, created_at) in page {
            let skeletons = stored.username.skeletons();
            update.execute(params![stored.id.as_bytes(), skeletons.folded(), skeletons.shown()])?;
            if !stored.is_canonical() {
                changed.push((created_at, stored));
            }
        }
    }
    changed.sort_by_key(|(created_at, stored)| (*created_at, *stored.id.as_bytes()));
    Ok(changed.into_iter().map(|(_, stored)| stored).collect())
}

fn users_with_earlier_form(connection: &Connection) -> rusqlite::Result<Vec<StoredNames>> {
    connection
        .prepare(
            "SELECT id, username, username_folded, email, email_verified, application_epoch FROM users
             WHERE has_earlier_form = 1 AND removed = 0 ORDER BY created_at, id",
        )?
        .query_map([], StoredNames::read)?
        .collect()
}

/// Gives each user the canonical names, if no other user has them. One user may wait for the name that another one leaves,
/// so it tries as long as a user gets a name.
fn settle(connection: &Connection, mut waiting: Vec<StoredNames>) -> rusqlite::Result<()> {
    loop {
        let before = waiting.len();
        let mut still_waiting = Vec::new();
        for stored in waiting {
            if !stored.take_canonical_names(connection)? {
                still_waiting.push(stored);
            }
        }
        waiting = still_waiting;
        if waiting.is_empty() || waiting.len() == before {
            break;
        }
    }
    waiting.iter().try_for_each(|stored| stored.log_collisions(connection))
}

impl StoredNames {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: UserId::from_bytes(row.get(0)?),
            username: Username::from_stored(row.get(1)?, row.get(2)?),
            email: row.get(3)?,
            email_verified: row.get(4)?,
            is_of_application: row.get::<_, Option<i64>>(5)?.is_some(),
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
    fn take_canonical_names(&self, connection: &Connection) -> rusqlite::Result<bool> {
        // OR IGNORE: a name that another user has leaves the row as it is.
        let take = |column: &str, value: &str| {
            let sql = format!("UPDATE OR IGNORE users SET {column} = ?2 WHERE id = ?1");
            connection.prepare_cached(&sql)?.execute(params![self.id.as_bytes(), value]).map(drop)
        };
        take("username_folded", &self.canonical_username())?;
        if let Some(email) = self.canonical_email() {
            take("email", &email)?;
        }
        let stored: (String, Option<String>) = connection.query_row(
            "SELECT username_folded, email FROM users WHERE id = ?1",
            [self.id.as_bytes()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let is_settled = stored == (self.canonical_username(), self.canonical_email());
        connection
            .prepare_cached("UPDATE users SET has_earlier_form = ?2 WHERE id = ?1")?
            .execute(params![self.id.as_bytes(), !is_settled])?;
        Ok(is_settled)
    }

    /// Names both users of each name that this user could not get.
    fn log_collisions(&self, connection: &Connection) -> rusqlite::Result<()> {
        let holder = |sql: &str, name: &str| {
            connection
                .query_row(sql, params![name, self.id.as_bytes()], |row| {
                    Ok((UserId::from_bytes(row.get(0)?), row.get::<_, String>(1)?))
                })
                .optional()
        };
        let sql = "SELECT id, username FROM users WHERE username_folded = ?1 AND id <> ?2";
        if let Some((id, username)) = holder(sql, &self.canonical_username())? {
            tracing::warn!(
                user = %self.id,
                username = self.username.as_str(),
                other_user = %id,
                other_username = username,
                "two users have the same username by the current rules: each logs in with the exact spelling of the name; \
                 to end this, delete the user who is not in use"
            );
        }
        let Some(email) = self.canonical_email().filter(|_| self.email_verified) else { return Ok(()) };
        let sql =
            "SELECT id, email FROM users WHERE email = ?1 COLLATE NOCASE AND email_verified = 1 AND id <> ?2";
        if let Some((id, other_email)) = holder(sql, &email)? {
            tracing::warn!(
                user = %self.id,
                email = self.email,
                other_user = %id,
                other_email,
                "two users have the same verified e-mail address by the current rules: each logs in with the exact \
                 spelling of the address; to end this, change or remove the address of one of them"
            );
        }
        Ok(())
    }
}

/// Names users whose usernames look alike. They keep their names; only new names are refused.
fn log_look_alikes(connection: &Connection) -> rusqlite::Result<()> {
    let mut select = connection.prepare(
        "SELECT one.id, one.username, other.id, other.username FROM users AS one
         JOIN users AS other ON other.skeleton = one.skeleton AND other.id > one.id
         WHERE one.removed = 0 AND other.removed = 0 LIMIT ?1",
    )?;
    let mut rows = select.query([MAX_LOGGED])?;
    while let Some(row) = rows.next()? {
        tracing::warn!(
            user = %UserId::from_bytes(row.get(0)?),
            username = row.get::<_, String>(1)?,
            other_user = %UserId::from_bytes(row.get(2)?),
            other_username = row.get::<_, String>(3)?,
            "the usernames of two users look alike: both log in as before; if one imitates the other, disable or delete it"
        );
    }
    Ok(())
}
