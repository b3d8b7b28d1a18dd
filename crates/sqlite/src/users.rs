//! Users: their table, row by row.

use rusqlite::{Connection, OptionalExtension, Row, params};

use counterfoil_core::credentials::password::PasswordHash;
use counterfoil_core::model::user::{User, Username};
use counterfoil_core::store::{LoginName, Page};
use counterfoil_verify::{RevocationPosition, UserId};

use crate::row::{Columns, Number, list, time};

/// The user `id`.
pub(crate) fn find(connection: &Connection, id: UserId) -> rusqlite::Result<Option<User>> {
    connection
        .prepare_cached(
            "SELECT id, username, folded, email, email_verified, password, roles, disabled_at, epoch,
                    not_before, created_at, revision
             FROM users WHERE id = ?1",
        )?
        .query_row([id.as_bytes()], read)
        .optional()
}

/// The user with this folded name, or with this verified address.
pub(crate) fn find_by_login(connection: &Connection, login: &LoginName) -> rusqlite::Result<Option<User>> {
    let (sql, text) = match login {
        LoginName::Username(folded) => (
            "SELECT id, username, folded, email, email_verified, password, roles, disabled_at, epoch,
                    not_before, created_at, revision
             FROM users WHERE folded = ?1",
            folded,
        ),
        LoginName::Email(address) => (
            "SELECT id, username, folded, email, email_verified, password, roles, disabled_at, epoch,
                    not_before, created_at, revision
             FROM users WHERE email = ?1 COLLATE NOCASE AND email_verified = 1",
            address,
        ),
    };
    connection.prepare_cached(sql)?.query_row([text], read).optional()
}

/// Users in the order of their folded names.
pub(crate) fn page(connection: &Connection, page: &Page<String>) -> rusqlite::Result<Vec<User>> {
    connection
        .prepare_cached(
            "SELECT id, username, folded, email, email_verified, password, roles, disabled_at, epoch,
                    not_before, created_at, revision
             FROM users WHERE folded > ?1 ORDER BY folded LIMIT ?2",
        )?
        // No folded name is empty, so all of them come after the empty text.
        .query_map(params![page.after.as_deref().unwrap_or(""), page.limit], read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<User> {
    read_from(&mut Columns::of(row))
}

/// Reads a user from the next twelve columns.
pub(crate) fn read_from(columns: &mut Columns<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId::from_bytes(columns.bytes()?),
        username: Username::from_kept(columns.plain()?, columns.plain()?),
        email: columns.plain()?,
        email_verified: columns.plain()?,
        password: columns.plain::<Option<String>>()?.map(PasswordHash::from_kept),
        roles: columns.list()?,
        disabled_at: columns.time_if_any()?,
        epoch: columns.number()?,
        not_before: columns.position()?,
        created_at: columns.time()?,
        revision: columns.number()?,
    })
}

/// Whether the user's epoch is this one.
pub(crate) fn has_epoch(connection: &Connection, id: UserId, epoch: u64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM users WHERE id = ?1 AND epoch = ?2")?
        .exists(params![id.as_bytes(), Number(epoch)])
}

/// Inserts a user, unless the id, the name or the verified address is taken.
pub(crate) fn insert(connection: &Connection, user: &User) -> rusqlite::Result<bool> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO users (id, username, folded, email, email_verified, password, roles, disabled_at,
                                epoch, not_before, created_at, revision)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            user.id.as_bytes(),
            user.username.as_str(),
            user.username.folded(),
            user.email,
            user.email_verified,
            user.password.as_ref().map(PasswordHash::as_kept),
            list(&user.roles)?,
            user.disabled_at.map(time),
            Number(user.epoch),
            Number(user.not_before.number()),
            time(user.created_at),
            Number(user.revision),
        ])?;
    Ok(inserted == 1)
}

/// Puts a user in the place of the predecessor, unless somebody was faster or the new name is taken.
///
/// A mark never falls: one that was raised since the predecessor was read stays.
pub(crate) fn swap(connection: &Connection, user: &User) -> rusqlite::Result<bool> {
    let swapped = connection
        .prepare_cached(
            // OR IGNORE: a name or an address that is taken leaves the row as it is.
            "UPDATE OR IGNORE users
             SET username = ?2, folded = ?3, email = ?4, email_verified = ?5, password = ?6, roles = ?7,
                 disabled_at = ?8, epoch = ?9, not_before = max(not_before, ?10), created_at = ?11,
                 revision = ?12
             WHERE id = ?1 AND revision = ?12 - 1",
        )?
        .execute(params![
            user.id.as_bytes(),
            user.username.as_str(),
            user.username.folded(),
            user.email,
            user.email_verified,
            user.password.as_ref().map(PasswordHash::as_kept),
            list(&user.roles)?,
            user.disabled_at.map(time),
            Number(user.epoch),
            Number(user.not_before.number()),
            time(user.created_at),
            Number(user.revision),
        ])?;
    Ok(swapped == 1)
}

/// Removes a user; `false` if there is none. Their sessions are to be gone.
pub(crate) fn remove(connection: &Connection, id: UserId) -> rusqlite::Result<bool> {
    let removed = connection.prepare_cached("DELETE FROM users WHERE id = ?1")?.execute([id.as_bytes()])?;
    Ok(removed == 1)
}

/// Raises the user's mark to `position`; `false` if there is no such user.
pub(crate) fn raise_not_before(
    connection: &Connection,
    id: UserId,
    position: RevocationPosition,
) -> rusqlite::Result<bool> {
    let raised = connection
        .prepare_cached("UPDATE users SET not_before = max(not_before, ?2) WHERE id = ?1")?
        .execute(params![id.as_bytes(), Number(position.number())])?;
    Ok(raised == 1)
}
