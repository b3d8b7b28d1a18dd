//! `/admin/verifiers`: the processes that follow the feed, their keys, and the nodes.

use axum::extract::{Request, State};
use axum::response::Response;
use http::Uri;

use counterfoil_core::credentials::verifier_key::VerifierKeyId;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_pages::Moment;
use counterfoil_pages::view::console::{ConfirmView, NodeRow, VerifierKeyRow, VerifiersView};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::path::path_id;
use crate::operations::admin::views::node::NodeView;
use crate::operations::admin::views::verifier_key::VerifierKeyView;
use crate::operations::admin::{nodes, verifier_keys};
use crate::operations::pagination::Pagination;
use crate::pages::console::administrator::ConsoleAdministrator;
use crate::pages::console::danger::sign_in_again;
use crate::pages::console::parts;
use crate::pages::console::response::{answer_error, changed, console_path, show as show_page, show_live};
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;

/// The most rows of each list.
const ROWS: u32 = 200;

/// Lists verifiers, keys and nodes: the same operations as `GET /v1/admin/verifiers`, `…/verifier-keys` and `…/nodes`.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    request: PageRequest,
    administrator: ConsoleAdministrator,
    query: Query,
) -> Result<Response, AppError> {
    show_live(&app, &request, &administrator, &query, &view(&app).await?)
}

/// Adds a key: the same operation as `POST /v1/admin/verifier-keys`. Only this page shows its secret.
pub(in crate::pages) async fn add(
    State(app): State<App>,
    page: PageRequest,
    administrator: ConsoleAdministrator,
    client: ClientInfo,
    request: Request,
) -> Result<Response, AppError> {
    // The key outlives the session of the administrator.
    if let Some(login) = sign_in_again(&app, &administrator, "/verifiers").await? {
        return Ok(login);
    }
    let name = FormFields::read(request, &app, &["name"]).await?.text("name");
    let context = administrator.context(client);
    let added = verifier_keys::add(&app, name.trim(), &context, administrator.current.now).await;
    let view = view(&app).await?;
    match added {
        Ok(added) => {
            let created = Some(added.key.expose().clone());
            show_page(&app, &page, &administrator, &VerifiersView { created, ..view })
        }
        Err(error) => {
            let with_error = |text| VerifiersView { error: Some(text), name, ..view };
            Ok(answer_error((&app, &page, &administrator), error.into(), with_error))
        }
    }
}

/// Asks before a key is removed.
pub(in crate::pages) async fn ask_remove(
    State(app): State<App>,
    request: PageRequest,
    administrator: ConsoleAdministrator,
    uri: Uri,
) -> Result<Response, AppError> {
    let id: VerifierKeyId = path_id(&uri, 2)?;
    let key = app.parts.store.verifier_key(id).await?.ok_or(AppError::NotFound)?;
    let view = ConfirmView {
        section: "/verifiers",
        question: format!("Remove the verifier key {}?", key.name),
        consequences: vec![
            "The key is invalid at once.".to_owned(),
            "Every process that follows the feed with it refuses all credentials when its lease is over."
                .to_owned(),
        ],
        action: console_path(&app, &format!("/verifiers/{id}/remove")),
        button: "Remove",
        cancel: console_path(&app, "/verifiers"),
        twin: format!("counterfoil verifier remove {id}"),
        ..ConfirmView::default()
    };
    show_page(&app, &request, &administrator, &view)
}

/// Removes a key: the same operation as `DELETE /v1/admin/verifier-keys/{id}`.
pub(in crate::pages) async fn remove(
    State(app): State<App>,
    administrator: ConsoleAdministrator,
    client: ClientInfo,
    uri: Uri,
) -> Result<Response, AppError> {
    let context = administrator.context(client);
    verifier_keys::remove(&app, path_id(&uri, 2)?, &context, administrator.current.now).await?;
    Ok(changed(&app, "/verifiers"))
}

async fn view(app: &App) -> Result<VerifiersView, AppError> {
    let keys = verifier_keys::list(app, Pagination::new(None, ROWS)?).await?;
    let nodes = nodes::list(app, Pagination::new(None, ROWS)?).await?;
    Ok(VerifiersView {
        processes: parts::verifiers(app).await?,
        keys: keys.items.iter().map(key_row).collect(),
        nodes: nodes.items.iter().map(node_row).collect(),
        created: None,
        name: String::new(),
        error: None,
    })
}

fn key_row(key: &VerifierKeyView) -> VerifierKeyRow {
    VerifierKeyRow {
        id: key.id.clone(),
        name: key.name.clone(),
        created: Moment::from_unix_seconds(key.created_at),
    }
}

fn node_row(node: &NodeView) -> NodeRow {
    NodeRow {
        id: node.id.clone(),
        name: node.name.clone(),
        is_this: node.is_this,
        state: node.state.clone(),
        applied: node.applied,
        confirmed: node.confirmed,
    }
}
