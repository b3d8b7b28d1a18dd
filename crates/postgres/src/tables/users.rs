//! The table `users`.

use tokio_postgres::Row;

use counterfoil_core::credentials::password::PasswordHash;
use counterfoil_core::model::external_id::ExternalId;
use counterfoil_core::model::user::{User, Username};
use counterfoil_core::model::username::Skeletons;
use counterfoil_core::store::{LoginName, Page, PortionCount};
use counterfoil_verify::{RevocationPosition, UserId};

use super::columns::{Columns, Text, json_array, optional_text, position, unix_ms, unsigned};
use crate::error::QueryError;
use crate::statement::{Connection, Statement, required, required_row, statement};

/// The columns that [`read_user`] reads, and the order of the parameters of [`write`].
macro_rules! user_columns {
    ($prefix:literal) => {
        $crate::tables::columns::column_list!(
            $prefix,
            id,
            username,
            username_folded,
            email,
            email_verified,
            password_hash,
            roles,
            disabled_at,
            epoch,
            cutoff,
            created_at,
            revision,
            external_id,
            application_epoch,
            password_change_required,
        )
    };
}
pub(super) use user_columns;

/// A text between the folded names of removed users and all others: a username has no control characters.
const AFTER_REMOVED: &str = "\u{2}";

/// The user `id`.
pub(crate) async fn find(connection: &Connection, id: UserId) -> Result<Option<User>, QueryError> {
    let select = statement!(
        concat!("SELECT ", user_columns!(""), " FROM users WHERE id = $1 AND NOT removed"),
        id.as_bytes().as_slice()
    );
    read_opt(connection, &select).await
}

async fn read_opt(connection: &Connection, select: &Statement<'_>) -> Result<Option<User>, QueryError> {
    select.query_opt(connection).await?.as_ref().map(read).transpose()
}

/// The usernames of those of `users` who exist.
pub(crate) async fn usernames(
    connection: &Connection,
    users: &[UserId],
) -> Result<Vec<(UserId, String)>, QueryError> {
    let ids: Vec<&[u8]> = users.iter().map(|user| user.as_bytes().as_slice()).collect();
    let rows = statement!("SELECT id, username FROM users WHERE id = ANY ($1) AND NOT removed", ids)
        .query(connection)
        .await?;
    let read = |row| {
        let mut columns = Columns::new(row);
        Ok((UserId::from_bytes(columns.bytes()?), columns.text()?))
    };
    rows.iter().map(read).collect()
}

/// The user with this canonical username, or with this verified email address.
pub(crate) async fn find_by_login(
    connection: &Connection,
    login: &LoginName,
) -> Result<Option<User>, QueryError> {
    let sql = match login {
        LoginName::Username(_) => {
            concat!("SELECT ", user_columns!(""), " FROM users WHERE username_folded = $1 AND NOT removed")
        }
        LoginName::Email(_) => concat!(
            "SELECT ",
            user_columns!(""),
            " FROM users WHERE lower(email COLLATE \"C\") = lower($1::text COLLATE \"C\") AND email_verified"
        ),
    };
    read_opt(connection, &statement!(sql, Text(login.as_str()))).await
}

/// A user whose username has one of these skeletons.
pub(crate) async fn find_by_skeletons(
    connection: &Connection,
    skeletons: &Skeletons,
) -> Result<Option<User>, QueryError> {
    let select = statement!(
        concat!(
            "SELECT ",
            user_columns!(""),
            " FROM users WHERE (skeleton IN ($1, $2) OR shown_skeleton IN ($1, $2)) AND NOT removed LIMIT 1"
        ),
        Text(skeletons.folded()),
        Text(skeletons.shown().unwrap_or(skeletons.folded()))
    );
    read_opt(connection, &select).await
}

/// Requires that no user has a username with one of these skeletons.
pub(crate) fn require_no_look_alike(skeletons: &Skeletons) -> Statement<'_> {
    statement!(
        "SELECT require_row(NOT EXISTS (
             SELECT 1 FROM users WHERE (skeleton IN ($1, $2) OR shown_skeleton IN ($1, $2)) AND NOT removed))",
        Text(skeletons.folded()),
        Text(skeletons.shown().unwrap_or(skeletons.folded()))
    )
}

/// The user with this external id.
pub(crate) async fn find_by_external_id(
    connection: &Connection,
    id: &ExternalId,
) -> Result<Option<User>, QueryError> {
    let stored = id.to_stored();
    let select = statement!(
        concat!("SELECT ", user_columns!(""), " FROM users WHERE external_id = $1"),
        Text(&stored)
    );
    read_opt(connection, &select).await
}

/// An administrator other than `user`. A few users have the role, and no index: this reads the whole table.
pub(crate) async fn another_administrator(
    connection: &Connection,
    user: UserId,
) -> Result<Option<User>, QueryError> {
    // The text may also be a part of another role, so it reads on.
    let mut after = Vec::new();
    loop {
        let select = statement!(
            concat!(
                "SELECT ",
                user_columns!(""),
                " FROM users WHERE id > $2 AND id <> $1 AND disabled_at IS NULL AND NOT removed
                    AND strpos(roles, '\"admin\"') > 0 ORDER BY id LIMIT 100"
            ),
            user.as_bytes().as_slice(),
            after.clone()
        );
        let rows = select.query(connection).await?;
        let users = rows.iter().map(read).collect::<Result<Vec<User>, _>>()?;
        let Some(last) = users.last().map(|user| user.id.as_bytes().to_vec()) else { return Ok(None) };
        if let Some(administrator) = users.into_iter().find(User::is_administrator) {
            return Ok(Some(administrator));
        }
        after = last;
    }
}

/// Users in the order of their canonical usernames.
pub(crate) async fn page(connection: &Connection, page: &Page<String>) -> Result<Vec<User>, QueryError> {
    let select = statement!(
        concat!(
            "SELECT ",
            user_columns!(""),
            " FROM users WHERE username_folded > $1 ORDER BY username_folded LIMIT $2"
        ),
        // The names of removed users precede this text, and every other username follows it.
        Text(page.after.as_deref().map_or(AFTER_REMOVED, |name| name.max(AFTER_REMOVED))),
        i64::from(page.limit)
    );
    select.query(connection).await?.iter().map(read).collect()
}

/// The users directly before a case-folded username, in the order of these names.
pub(crate) async fn page_before(
    connection: &Connection,
    name: &str,
    limit: u32,
) -> Result<Vec<User>, QueryError> {
    let select = statement!(
        concat!(
            "SELECT ",
            user_columns!(""),
            " FROM users WHERE username_folded < $1 AND username_folded > $2
              ORDER BY username_folded DESC LIMIT $3"
        ),
        Text(name),
        Text(AFTER_REMOVED),
        i64::from(limit)
    );
    select.query(connection).await?.iter().rev().map(read).collect()
}

/// Counts the users after a canonical username, at most `portion.limit`.
pub(crate) async fn count(
    connection: &Connection,
    portion: &Page<String>,
) -> Result<PortionCount<u64, String>, QueryError> {
    let select = statement!(
        "SELECT count(*), max(username_folded) FROM (
             SELECT username_folded FROM users WHERE username_folded > $1 ORDER BY username_folded LIMIT $2) portion",
        Text(portion.after.as_deref().map_or(AFTER_REMOVED, |name| name.max(AFTER_REMOVED))),
        i64::from(portion.limit)
    );
    let row = select.query_one(connection).await?;
    let mut columns = Columns::new(&row);
    let (count, last) = (columns.unsigned()?, columns.optional_text()?);
    Ok(PortionCount { count, next: last.filter(|_| count == u64::from(portion.limit)) })
}

pub(crate) fn read(row: &Row) -> Result<User, QueryError> {
    read_user(&mut Columns::new(row))
}

/// Reads a user from the next columns, which are [`user_columns`].
pub(super) fn read_user(columns: &mut Columns<'_>) -> Result<User, QueryError> {
    Ok(User {
        id: UserId::from_bytes(columns.bytes()?),
        username: Username::from_stored(columns.text()?, columns.text()?),
        email: columns.optional_text()?,
        email_verified: columns.value()?,
        password: columns.optional_text()?.map(PasswordHash::from_stored),
        roles: columns.list()?,
        disabled_at: columns.optional_time()?,
        epoch: columns.unsigned()?,
        cutoff: columns.position()?,
        created_at: columns.time()?,
        revision: columns.unsigned()?,
        external_id: match columns.optional_text()? {
            Some(stored) => Some(ExternalId::from_stored(&stored).ok_or_else(|| columns.invalid())?),
            None => None,
        },
        // The 64 bits as a signed number: the only integers that PostgreSQL has.
        application_epoch: columns.value::<Option<i64>>()?.map(i64::cast_unsigned),
        password_change_required: columns.value()?,
    })
}

/// Requires that the user has this epoch.
pub(crate) fn require_epoch<'p>(id: UserId, epoch: u64) -> Result<Statement<'p>, QueryError> {
    Ok(statement!(
        required_row!("SELECT 1 FROM users WHERE id = $1 AND epoch = $2 AND NOT removed"),
        id.as_bytes().to_vec(),
        unsigned(epoch)?
    ))
}

/// Inserts a user. It conflicts if the id, the username, the external id or the verified email address is taken.
pub(crate) fn insert(user: &User) -> Result<Statement<'_>, QueryError> {
    const SQL: &str = required!(
        "INSERT INTO users (",
        user_columns!(""),
        ", skeleton, shown_skeleton)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
         ON CONFLICT DO NOTHING"
    );
    write(SQL, user)
}

/// Replaces the previous revision of a user. It conflicts if the stored revision is another one, or if the new username,
/// external id or verified email address is taken.
///
/// A cutoff never falls: one that was raised since the previous revision was read stays.
pub(crate) fn replace(user: &User) -> Result<Statement<'_>, QueryError> {
    const SQL: &str = required!(
        "UPDATE users
         SET username = $2, username_folded = $3, email = $4, email_verified = $5, password_hash = $6, roles = $7,
             disabled_at = $8, epoch = $9, cutoff = greatest(cutoff, $10), created_at = $11, revision = $12,
             external_id = $13, application_epoch = $14, password_change_required = $15, skeleton = $16,
             shown_skeleton = $17
         WHERE id = $1 AND revision = $12::bigint - 1 AND NOT removed"
    );
    write(SQL, user)
}

/// `sql` with a user's values as parameters, in the order of [`user_columns`].
fn write<'p>(sql: &'static str, user: &'p User) -> Result<Statement<'p>, QueryError> {
    let skeletons = user.username.skeletons();
    Ok(statement!(
        sql,
        user.id.as_bytes().as_slice(),
        Text(user.username.as_str()),
        Text(user.username.folded()),
        optional_text(user.email.as_deref()),
        user.email_verified,
        optional_text(user.password.as_ref().map(PasswordHash::as_str)),
        json_array(&user.roles)?,
        user.disabled_at.map(unix_ms),
        unsigned(user.epoch)?,
        position(user.cutoff)?,
        unix_ms(user.created_at),
        unsigned(user.revision)?,
        user.external_id.as_ref().map(|id| Text(&id.to_stored()).into_stored()),
        user.application_epoch.map(u64::cast_signed),
        user.password_change_required,
        Text(skeletons.folded()).into_stored(),
        skeletons.shown().map(|shown| Text(shown).into_stored()),
    ))
}

/// Removes a user. It conflicts if the user does not exist. Nothing of the user stays but the id, until the purge has
/// deleted the sessions. The cutoff is above every position, so no session of the user is live.
pub(crate) fn remove<'p>(id: UserId) -> Statement<'p> {
    statement!(
        required!(
            "UPDATE users
             SET removed = true, username = '', username_folded = chr(1) || encode(id, 'hex'), email = NULL,
                 email_verified = false, password_hash = NULL, password_change_required = false, roles = '[]',
                 external_id = NULL, application_epoch = NULL, skeleton = NULL, shown_skeleton = NULL,
                 has_earlier_form = false, cutoff = $2
             WHERE id = $1 AND NOT removed"
        ),
        id.as_bytes().to_vec(),
        i64::MAX
    )
}

/// A user who was removed and whose sessions are still to be deleted; [`read_id`] reads the id.
pub(crate) fn select_removed<'p>() -> Statement<'p> {
    statement!("SELECT id FROM users WHERE removed ORDER BY id LIMIT 1")
}

/// The id that [`select_removed`] returns.
pub(crate) fn read_id(row: &Row) -> Result<UserId, QueryError> {
    Columns::new(row).bytes().map(UserId::from_bytes)
}

/// Deletes the row of a removed user, whose sessions and admin keys must have been deleted.
pub(crate) fn delete<'p>(id: UserId) -> Statement<'p> {
    statement!("DELETE FROM users WHERE id = $1 AND removed", id.as_bytes().to_vec())
}

/// Raises the user's cutoff. It conflicts if the user does not exist.
pub(crate) fn raise_cutoff<'p>(id: UserId, to: RevocationPosition) -> Result<Statement<'p>, QueryError> {
    Ok(statement!(
        required!("UPDATE users SET cutoff = greatest(cutoff, $2) WHERE id = $1 AND NOT removed"),
        id.as_bytes().to_vec(),
        position(to)?
    ))
}

/// Raises the user's cutoff and returns a row, if the user exists.
pub(crate) fn raise_cutoff_if_exists<'p>(
    id: UserId,
    to: RevocationPosition,
) -> Result<Statement<'p>, QueryError> {
    Ok(statement!(
        "UPDATE users SET cutoff = greatest(cutoff, $2) WHERE id = $1 AND NOT removed RETURNING 1",
        id.as_bytes().to_vec(),
        position(to)?
    ))
}
