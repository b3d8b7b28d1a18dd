//! The table `clients`.

use rusqlite::{Connection, OptionalExtension, Row, params};

use counterfoil_core::model::client::{Client, Lifetimes};
use counterfoil_core::store::Page;
use counterfoil_verify::{ClientId, RevocationPosition};

use super::columns::{Columns, Unsigned, json_array};

/// The columns that [`read_client`] reads, and the order of the parameters of [`write`].
macro_rules! client_columns {
    ($prefix:literal) => {
        $crate::tables::columns::column_list!(
            $prefix,
            id,
            name,
            modes,
            audiences,
            scopes,
            session_idle_seconds,
            session_absolute_seconds,
            jwt_seconds,
            access_seconds,
            refresh_idle_seconds,
            refresh_absolute_seconds,
            enabled,
            cutoff,
            revision,
        )
    };
}
pub(super) use client_columns;

/// The client `id`.
pub(crate) fn find(connection: &Connection, id: &ClientId) -> rusqlite::Result<Option<Client>> {
    connection
        .prepare_cached(concat!("SELECT ", client_columns!(""), " FROM clients WHERE id = ?1"))?
        .query_row([id.as_str()], read)
        .optional()
}

/// Clients in the order of their ids.
pub(crate) fn page(connection: &Connection, page: &Page<ClientId>) -> rusqlite::Result<Vec<Client>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            client_columns!(""),
            " FROM clients WHERE id > ?1 ORDER BY id LIMIT ?2"
        ))?
        // No id is empty, so the empty text precedes all of them.
        .query_map(params![page.after.as_ref().map_or("", |id| id.as_str()), page.limit], read)?
        .collect()
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Client> {
    read_client(&mut Columns::new(row))
}

/// Reads a client from the next columns, which are [`client_columns`].
pub(super) fn read_client(columns: &mut Columns<'_>) -> rusqlite::Result<Client> {
    Ok(Client {
        id: columns.parsed()?,
        name: columns.value()?,
        modes: columns.list()?,
        audiences: columns.optional_list()?,
        scopes: columns.optional_list()?,
        lifetimes: Lifetimes {
            session_idle: columns.unsigned()?,
            session_absolute: columns.unsigned()?,
            jwt: columns.unsigned()?,
            access: columns.unsigned()?,
            refresh_idle: columns.unsigned()?,
            refresh_absolute: columns.unsigned()?,
        },
        enabled: columns.value()?,
        cutoff: columns.position()?,
        revision: columns.unsigned()?,
    })
}

/// Whether the client exists and has this revision.
pub(crate) fn has_revision(connection: &Connection, id: &ClientId, revision: u64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM clients WHERE id = ?1 AND revision = ?2")?
        .exists(params![id.as_str(), Unsigned(revision)])
}

/// Inserts a client; `false` if the id is taken.
pub(crate) fn insert(connection: &Connection, client: &Client) -> rusqlite::Result<bool> {
    write(
        connection,
        concat!(
            "INSERT INTO clients (",
            client_columns!(""),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING"
        ),
        client,
    )
}

/// Replaces the previous revision of a client; `false` if the stored revision is another one. A cutoff never
/// falls.
pub(crate) fn replace(connection: &Connection, client: &Client) -> rusqlite::Result<bool> {
    write(
        connection,
        "UPDATE clients
         SET name = ?2, modes = ?3, audiences = ?4, scopes = ?5, session_idle_seconds = ?6,
             session_absolute_seconds = ?7, jwt_seconds = ?8, access_seconds = ?9, refresh_idle_seconds = ?10,
             refresh_absolute_seconds = ?11, enabled = ?12, cutoff = max(cutoff, ?13), revision = ?14
         WHERE id = ?1 AND revision = ?14 - 1",
        client,
    )
}

/// Executes `sql` with a client's values as parameters, in the order of [`client_columns`]; `false` if no row
/// changed.
fn write(connection: &Connection, sql: &str, client: &Client) -> rusqlite::Result<bool> {
    let written = connection.prepare_cached(sql)?.execute(params![
        client.id.as_str(),
        client.name,
        json_array(&client.modes)?,
        client.audiences.as_deref().map(json_array).transpose()?,
        client.scopes.as_deref().map(json_array).transpose()?,
        Unsigned(client.lifetimes.session_idle),
        Unsigned(client.lifetimes.session_absolute),
        Unsigned(client.lifetimes.jwt),
        Unsigned(client.lifetimes.access),
        Unsigned(client.lifetimes.refresh_idle),
        Unsigned(client.lifetimes.refresh_absolute),
        client.enabled,
        Unsigned(client.cutoff.number()),
        Unsigned(client.revision),
    ])?;
    Ok(written == 1)
}

/// Raises the client's cutoff to `position`; `false` if the client does not exist.
pub(crate) fn raise_cutoff(
    connection: &Connection,
    id: &ClientId,
    position: RevocationPosition,
) -> rusqlite::Result<bool> {
    let raised = connection
        .prepare_cached("UPDATE clients SET cutoff = max(cutoff, ?2) WHERE id = ?1")?
        .execute(params![id.as_str(), Unsigned(position.number())])?;
    Ok(raised == 1)
}
