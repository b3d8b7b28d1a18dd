//! Client applications: their table, row by row.

use rusqlite::{Connection, OptionalExtension, Row, params};

use counterfoil_core::model::client::{Client, Lifetimes};
use counterfoil_core::store::Page;
use counterfoil_verify::{ClientId, RevocationPosition};

use crate::row::{Columns, Number, list};

/// The client `id`.
pub(crate) fn find(connection: &Connection, id: &ClientId) -> rusqlite::Result<Option<Client>> {
    connection
        .prepare_cached(
            "SELECT id, name, modes, audiences, scopes, session_idle, session_absolute, jwt, access,
                    refresh_idle, refresh_absolute, enabled, not_before, revision
             FROM clients WHERE id = ?1",
        )?
        .query_row([id.as_str()], read)
        .optional()
}

/// Clients in the order of their ids.
pub(crate) fn page(connection: &Connection, page: &Page<ClientId>) -> rusqlite::Result<Vec<Client>> {
    connection
        .prepare_cached(
            "SELECT id, name, modes, audiences, scopes, session_idle, session_absolute, jwt, access,
                    refresh_idle, refresh_absolute, enabled, not_before, revision
             FROM clients WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?
        // No id is empty, so all of them come after the empty text.
        .query_map(params![page.after.as_ref().map_or("", |id| id.as_str()), page.limit], read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Client> {
    read_from(&mut Columns::of(row))
}

/// Reads a client from the next fourteen columns.
pub(crate) fn read_from(columns: &mut Columns<'_>) -> rusqlite::Result<Client> {
    Ok(Client {
        id: columns.name()?,
        name: columns.plain()?,
        modes: columns.list()?,
        audiences: columns.list_if_any()?,
        scopes: columns.list_if_any()?,
        lifetimes: Lifetimes {
            session_idle: columns.number()?,
            session_absolute: columns.number()?,
            jwt: columns.number()?,
            access: columns.number()?,
            refresh_idle: columns.number()?,
            refresh_absolute: columns.number()?,
        },
        enabled: columns.plain()?,
        not_before: columns.position()?,
        revision: columns.number()?,
    })
}

/// Whether the client's revision is this one.
pub(crate) fn has_revision(connection: &Connection, id: &ClientId, revision: u64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM clients WHERE id = ?1 AND revision = ?2")?
        .exists(params![id.as_str(), Number(revision)])
}

/// Inserts a client, unless the id is taken.
pub(crate) fn insert(connection: &Connection, client: &Client) -> rusqlite::Result<bool> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO clients (id, name, modes, audiences, scopes, session_idle, session_absolute, jwt,
                                  access, refresh_idle, refresh_absolute, enabled, not_before, revision)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            client.id.as_str(),
            client.name,
            list(&client.modes)?,
            client.audiences.as_deref().map(list).transpose()?,
            client.scopes.as_deref().map(list).transpose()?,
            Number(client.lifetimes.session_idle),
            Number(client.lifetimes.session_absolute),
            Number(client.lifetimes.jwt),
            Number(client.lifetimes.access),
            Number(client.lifetimes.refresh_idle),
            Number(client.lifetimes.refresh_absolute),
            client.enabled,
            Number(client.not_before.number()),
            Number(client.revision),
        ])?;
    Ok(inserted == 1)
}

/// Puts a client in the place of its predecessor, unless somebody was faster. A mark never falls.
pub(crate) fn swap(connection: &Connection, client: &Client) -> rusqlite::Result<bool> {
    let swapped = connection
        .prepare_cached(
            "UPDATE clients
             SET name = ?2, modes = ?3, audiences = ?4, scopes = ?5, session_idle = ?6,
                 session_absolute = ?7, jwt = ?8, access = ?9, refresh_idle = ?10, refresh_absolute = ?11,
                 enabled = ?12, not_before = max(not_before, ?13), revision = ?14
             WHERE id = ?1 AND revision = ?14 - 1",
        )?
        .execute(params![
            client.id.as_str(),
            client.name,
            list(&client.modes)?,
            client.audiences.as_deref().map(list).transpose()?,
            client.scopes.as_deref().map(list).transpose()?,
            Number(client.lifetimes.session_idle),
            Number(client.lifetimes.session_absolute),
            Number(client.lifetimes.jwt),
            Number(client.lifetimes.access),
            Number(client.lifetimes.refresh_idle),
            Number(client.lifetimes.refresh_absolute),
            client.enabled,
            Number(client.not_before.number()),
            Number(client.revision),
        ])?;
    Ok(swapped == 1)
}

/// Raises the client's mark to `position`; `false` if there is no such client.
pub(crate) fn raise_not_before(
    connection: &Connection,
    id: &ClientId,
    position: RevocationPosition,
) -> rusqlite::Result<bool> {
    let raised = connection
        .prepare_cached("UPDATE clients SET not_before = max(not_before, ?2) WHERE id = ?1")?
        .execute(params![id.as_str(), Number(position.number())])?;
    Ok(raised == 1)
}
