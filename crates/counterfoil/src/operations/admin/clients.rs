//! Administration of client applications.

use counterfoil_core::ClientError;
use counterfoil_core::services::administration::NEW_CLIENT_ID;
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_jose::Time;
use counterfoil_verify::ClientId;

use crate::app::App;
use crate::operations::admin::requests::ClientChangeRequest;
use crate::operations::admin::responses::ClientResponse;
use crate::operations::admin::views::client::ClientView;
use crate::operations::error::OperationError;
use crate::operations::pagination::{ListResponse, Pagination};

/// Adds a client. What the request omits is copied from the client `default`.
///
/// # Errors
///
/// If the id is taken, or a value is invalid.
pub(crate) async fn add(
    app: &App,
    id: &str,
    request: ClientChangeRequest,
    context: &RevocationContext,
    now: Time,
) -> Result<ClientResponse, OperationError> {
    let invalid_id = |_| ClientError::Field { field: "id", detail: NEW_CLIENT_ID.to_owned() };
    let id: ClientId = id.parse().map_err(invalid_id)?;
    let client = app.parts.administration.add_client(id, request.into_change(), context, now).await?;
    Ok(ClientResponse::new(ClientView::from(&client)))
}

/// Lists clients by id.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list(
    app: &App,
    page: Pagination<ClientId>,
) -> Result<ListResponse<ClientView>, OperationError> {
    let mut clients = app.parts.store.clients(page.to_page()).await?;
    let next = page.finish(&mut clients, |client| client.id.clone());
    Ok(ListResponse::new(&clients, next))
}

/// The client with this id.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn find(app: &App, id: &ClientId) -> Result<Option<ClientResponse>, OperationError> {
    let client = app.parts.store.client(id).await?;
    Ok(client.map(|client| ClientResponse::new(ClientView::from(&client))))
}

/// Changes a client. Disabling it revokes all credentials that were issued through it.
///
/// # Errors
///
/// If there is no such client, or a value is invalid.
pub(crate) async fn change(
    app: &App,
    id: &ClientId,
    request: ClientChangeRequest,
    context: &RevocationContext,
    now: Time,
) -> Result<ClientResponse, OperationError> {
    let client = app.parts.administration.change_client(id, &request.into_change(), context, now).await?;
    Ok(ClientResponse::new(ClientView::from(&client)))
}
