//! The table `clients`.

use tokio_postgres::Row;

use counterfoil_core::model::client::{Client, Lifetimes};
use counterfoil_core::store::Page;
use counterfoil_verify::{ClientId, RevocationPosition};

use super::columns::{Columns, Text, json_array, position, unsigned};
use crate::error::QueryError;
use crate::statement::{Connection, Statement, required, required_row, statement};

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
pub(crate) async fn find(connection: &Connection, id: &ClientId) -> Result<Option<Client>, QueryError> {
    let select =
        statement!(concat!("SELECT ", client_columns!(""), " FROM clients WHERE id = $1"), Text(id.as_str()));
    select.query_opt(connection).await?.as_ref().map(read).transpose()
}

/// Clients in the order of their ids.
pub(crate) async fn page(connection: &Connection, page: &Page<ClientId>) -> Result<Vec<Client>, QueryError> {
    let select = statement!(
        concat!("SELECT ", client_columns!(""), " FROM clients WHERE id > $1 ORDER BY id LIMIT $2"),
        // No id is empty, so the empty text precedes all of them.
        Text(page.after.as_ref().map_or("", |id| id.as_str())),
        i64::from(page.limit)
    );
    select.query(connection).await?.iter().map(read).collect()
}

pub(crate) fn read(row: &Row) -> Result<Client, QueryError> {
    read_client(&mut Columns::new(row))
}

/// Reads a client from the next columns, which are [`client_columns`].
pub(super) fn read_client(columns: &mut Columns<'_>) -> Result<Client, QueryError> {
    Ok(Client {
        id: columns.parsed()?,
        name: columns.text()?,
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

/// Requires that the client has this revision.
pub(crate) fn require_revision(id: &ClientId, revision: u64) -> Result<Statement<'_>, QueryError> {
    Ok(statement!(
        required_row!("SELECT 1 FROM clients WHERE id = $1 AND revision = $2"),
        Text(id.as_str()),
        unsigned(revision)?
    ))
}

/// Inserts a client. It conflicts if the id is taken.
pub(crate) fn insert(client: &Client) -> Result<Statement<'_>, QueryError> {
    const SQL: &str = required!(
        "INSERT INTO clients (",
        client_columns!(""),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING"
    );
    write(SQL, client)
}

/// Replaces the previous revision of a client. It conflicts if the stored revision is another one. A cutoff never falls.
pub(crate) fn replace(client: &Client) -> Result<Statement<'_>, QueryError> {
    const SQL: &str = required!(
        "UPDATE clients
         SET name = $2, modes = $3, audiences = $4, scopes = $5, session_idle_seconds = $6,
             session_absolute_seconds = $7, jwt_seconds = $8, access_seconds = $9, refresh_idle_seconds = $10,
             refresh_absolute_seconds = $11, enabled = $12, cutoff = greatest(cutoff, $13), revision = $14
         WHERE id = $1 AND revision = $14::bigint - 1"
    );
    write(SQL, client)
}

/// `sql` with a client's values as parameters, in the order of [`client_columns`].
fn write<'p>(sql: &'static str, client: &'p Client) -> Result<Statement<'p>, QueryError> {
    Ok(statement!(
        sql,
        Text(client.id.as_str()),
        Text(&client.name),
        json_array(&client.modes)?,
        client.audiences.as_deref().map(json_array).transpose()?,
        client.scopes.as_deref().map(json_array).transpose()?,
        unsigned(client.lifetimes.session_idle)?,
        unsigned(client.lifetimes.session_absolute)?,
        unsigned(client.lifetimes.jwt)?,
        unsigned(client.lifetimes.access)?,
        unsigned(client.lifetimes.refresh_idle)?,
        unsigned(client.lifetimes.refresh_absolute)?,
        client.enabled,
        position(client.cutoff)?,
        unsigned(client.revision)?,
    ))
}

/// Raises the client's cutoff. It conflicts if the client does not exist.
pub(crate) fn raise_cutoff(id: &ClientId, to: RevocationPosition) -> Result<Statement<'_>, QueryError> {
    Ok(statement!(
        required!("UPDATE clients SET cutoff = greatest(cutoff, $2) WHERE id = $1"),
        Text(id.as_str()),
        position(to)?
    ))
}
