//! The table `users`.

use rusqlite::{Connection, OptionalExtension, Row, params};

use counterfoil_core::credentials::password::PasswordHash;
use counterfoil_core::model::external_id::ExternalId;
use counterfoil_core::model::user::{User, Username};
use counterfoil_core::model::username::Skeletons;
use counterfoil_core::store::{LoginName, Page, PortionCount};
use counterfoil_verify::{RevocationPosition, UserId};

use super::columns::{Columns, Unsigned, json_array, unix_ms};

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
pub(crate) fn find(connection: &Connection, id: UserId) -> rusqlite::Result<Option<User>> {
    connection
        .prepare_cached(concat!("SELECT ", user_columns!(""), " FROM users WHERE id = ?1 AND removed = 0"))?
        .query_row([id.as_bytes()], read)
        .optional()
}

/// The usernames of those of `users` who exist.
pub(crate) fn usernames(
    connection: &Connection,
    users: &[UserId],
) -> rusqlite::Result<Vec<(UserId, String)>> {
    let mut statement =
        connection.prepare_cached("SELECT username FROM users WHERE id = ?1 AND removed = 0")?;
    let mut names = Vec::with_capacity(users.len());
    for user in users {
        let name: Option<String> = statement.query_row([user.as_bytes()], |row| row.get(0)).optional()?;
        names.extend(name.map(|name| (*user, name)));
    }
    Ok(names)
}

/// The user with this case-folded username, or with this verified email address.
pub(crate) fn find_by_login(connection: &Connection, login: &LoginName) -> rusqlite::Result<Option<User>> {
    let (sql, text) = match login {
        LoginName::Username(folded) => (
            concat!("SELECT ", user_columns!(""), " FROM users WHERE username_folded = ?1 AND removed = 0"),
            folded,
        ),
        LoginName::Email(address) => (
            concat!(
                "SELECT ",
                user_columns!(""),
                " FROM users WHERE email = ?1 COLLATE NOCASE AND email_verified = 1"
            ),
            address,
        ),
    };
    connection.prepare_cached(sql)?.query_row([text], read).optional()
}

/// A user whose username has one of these skeletons.
pub(crate) fn find_by_skeletons(
    connection: &Connection,
    skeletons: &Skeletons,
) -> rusqlite::Result<Option<User>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            user_columns!(""),
            " FROM users WHERE (skeleton IN (?1, ?2) OR shown_skeleton IN (?1, ?2)) AND removed = 0 LIMIT 1"
        ))?
        .query_row([skeletons.folded(), skeletons.shown().unwrap_or(skeletons.folded())], read)
        .optional()
}

/// The user with this external id.
pub(crate) fn find_by_external_id(
    connection: &Connection,
    id: &ExternalId,
) -> rusqlite::Result<Option<User>> {
    connection
        .prepare_cached(concat!("SELECT ", user_columns!(""), " FROM users WHERE external_id = ?1"))?
        .query_row([id.to_stored()], read)
        .optional()
}

/// An administrator other than `user`. A few users have the role, and no index: this reads the whole table.
pub(crate) fn another_administrator(connection: &Connection, user: UserId) -> rusqlite::Result<Option<User>> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        user_columns!(""),
        " FROM users WHERE id <> ?1 AND disabled_at IS NULL AND removed = 0 AND instr(roles, '\"admin\"') > 0"
    ))?;
    let found = statement.query_map([user.as_bytes()], read)?;
    // The text may also be a part of another role.
    for user in found {
        let user = user?;
        if user.is_administrator() {
            return Ok(Some(user));
        }
    }
    Ok(None)
}

/// Users in the order of their case-folded usernames.
pub(crate) fn page(connection: &Connection, page: &Page<String>) -> rusqlite::Result<Vec<User>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            user_columns!(""),
            " FROM users WHERE username_folded > ?1 ORDER BY username_folded LIMIT ?2"
        ))?
        // The names of removed users precede this text, and every other username follows it.
        .query_map(
            params![page.after.as_deref().map_or(AFTER_REMOVED, |name| name.max(AFTER_REMOVED)), page.limit],
            read,
        )?
        .collect()
}

/// The users directly before a case-folded username, in the order of these names.
pub(crate) fn page_before(connection: &Connection, name: &str, limit: u32) -> rusqlite::Result<Vec<User>> {
    let mut users: Vec<User> = connection
        .prepare_cached(concat!(
            "SELECT ",
            user_columns!(""),
            " FROM users WHERE username_folded < ?1 AND username_folded > ?2
             ORDER BY username_folded DESC LIMIT ?3"
        ))?
        .query_map(params![name, AFTER_REMOVED, limit], read)?
        .collect::<rusqlite::Result<_>>()?;
    users.reverse();
    Ok(users)
}

/// Counts the users after a case-folded username, at most `portion.limit`.
pub(crate) fn count(
    connection: &Connection,
    portion: &Page<String>,
) -> rusqlite::Result<PortionCount<u64, String>> {
    let mut statement = connection.prepare_cached(
        "SELECT username_folded FROM users WHERE username_folded > ?1 ORDER BY username_folded LIMIT ?2",
    )?;
    let after = portion.after.as_deref().map_or(AFTER_REMOVED, |name| name.max(AFTER_REMOVED));
    let mut names = statement.query(params![after, portion.limit])?;
    let (mut count, mut last) = (0, None);
    while let Some(row) = names.next()? {
        count += 1;
        if count == u64::from(portion.limit) {
            last = Some(row.get(0)?);
        }
    }
    Ok(PortionCount { count, next: last })
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<User> {
    read_user(&mut Columns::new(row))
}

/// Reads a user from the next columns, which are [`user_columns`].
pub(super) fn read_user(columns: &mut Columns<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId::from_bytes(columns.bytes()?),
        username: Username::from_stored(columns.value()?, columns.value()?),
        email: columns.value()?,
        email_verified: columns.value()?,
        password: columns.value::<Option<String>>()?.map(PasswordHash::from_stored),
        roles: columns.list()?,
        disabled_at: columns.optional_time()?,
        epoch: columns.unsigned()?,
        cutoff: columns.position()?,
        created_at: columns.time()?,
        revision: columns.unsigned()?,
        external_id: columns.optional_text(ExternalId::from_stored)?,
        // The 64 bits as a signed number: the only integers that SQLite has.
        application_epoch: columns.value::<Option<i64>>()?.map(i64::cast_unsigned),
        password_change_required: columns.value()?,
    })
}

/// Whether the user exists and has this epoch.
pub(crate) fn has_epoch(connection: &Connection, id: UserId, epoch: u64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM users WHERE id = ?1 AND epoch = ?2 AND removed = 0")?
        .exists(params![id.as_bytes(), Unsigned(epoch)])
}

/// Inserts a user; `false` if the id, the username, the external id or the verified email address is taken.
pub(crate) fn insert(connection: &Connection, user: &User) -> rusqlite::Result<bool> {
    write(
        connection,
        concat!(
            "INSERT INTO users (",
            user_columns!(""),
            ", skeleton, shown_skeleton)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                     ?17)
             ON CONFLICT DO NOTHING"
        ),
        user,
    )
}

/// Replaces the previous revision of a user; `false` if the stored revision is another one, or if the new
/// username, external id or verified email address is taken.
///
/// A cutoff never falls: one that was raised since the previous revision was read stays.
pub(crate) fn replace(connection: &Connection, user: &User) -> rusqlite::Result<bool> {
    write(
        connection,
        // OR IGNORE: a username, an id or an address that is taken leaves the row as it is.
        "UPDATE OR IGNORE users
         SET username = ?2, username_folded = ?3, email = ?4, email_verified = ?5, password_hash = ?6, roles = ?7,
             disabled_at = ?8, epoch = ?9, cutoff = max(cutoff, ?10), created_at = ?11, revision = ?12,
             external_id = ?13, application_epoch = ?14, password_change_required = ?15, skeleton = ?16,
             shown_skeleton = ?17
         WHERE id = ?1 AND revision = ?12 - 1 AND removed = 0",
        user,
    )
}

/// Executes `sql` with a user's values as parameters, in the order of [`user_columns`]; `false` if no row
/// changed.
fn write(connection: &Connection, sql: &str, user: &User) -> rusqlite::Result<bool> {
    let skeletons = user.username.skeletons();
    let written = connection.prepare_cached(sql)?.execute(params![
        user.id.as_bytes(),
        user.username.as_str(),
        user.username.folded(),
        user.email,
        user.email_verified,
        user.password.as_ref().map(PasswordHash::as_str),
        json_array(&user.roles)?,
        user.disabled_at.map(unix_ms),
        Unsigned(user.epoch),
        Unsigned(user.cutoff.number()),
        unix_ms(user.created_at),
        Unsigned(user.revision),
        user.external_id.as_ref().map(ExternalId::to_stored),
        user.application_epoch.map(u64::cast_signed),
        user.password_change_required,
        skeletons.folded(),
        skeletons.shown(),
    ])?;
    Ok(written == 1)
}

/// Removes a user; `false` if the user does not exist. Nothing of the user stays but the id, until the purge has deleted
/// the sessions. The cutoff is above every position, so no session of the user is live.
pub(crate) fn remove(connection: &Connection, id: UserId) -> rusqlite::Result<bool> {
    let removed = connection
        .prepare_cached(
            "UPDATE users
             SET removed = 1, username = '', username_folded = char(1) || hex(id), email = NULL, email_verified = 0,
                 password_hash = NULL, password_change_required = 0, roles = '[]', external_id = NULL,
                 application_epoch = NULL, skeleton = NULL, shown_skeleton = NULL, has_earlier_form = 0, cutoff = ?2
             WHERE id = ?1 AND removed = 0",
        )?
        .execute(params![id.as_bytes(), i64::MAX])?;
    Ok(removed == 1)
}

/// A user who was removed and whose sessions are still to be deleted.
pub(crate) fn find_removed(connection: &Connection) -> rusqlite::Result<Option<UserId>> {
    connection
        .prepare_cached("SELECT id FROM users INDEXED BY removed_users WHERE removed = 1 LIMIT 1")?
        .query_row([], |row| row.get(0).map(UserId::from_bytes))
        .optional()
}

/// Deletes the row of a removed user, whose sessions and admin keys must have been deleted.
pub(crate) fn delete(connection: &Connection, id: UserId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM users WHERE id = ?1")?.execute([id.as_bytes()]).map(drop)
}

/// Raises the user's cutoff to `position`; `false` if the user does not exist.
pub(crate) fn raise_cutoff(
    connection: &Connection,
    id: UserId,
    position: RevocationPosition,
) -> rusqlite::Result<bool> {
    let raised = connection
        .prepare_cached("UPDATE users SET cutoff = max(cutoff, ?2) WHERE id = ?1 AND removed = 0")?
        .execute(params![id.as_bytes(), Unsigned(position.number())])?;
    Ok(raised == 1)
}
