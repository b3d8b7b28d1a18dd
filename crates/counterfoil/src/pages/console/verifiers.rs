//! `/admin/verifiers`: the processes that follow the feed, their keys, and the nodes.

use axum::extract::Request;
use axum::response::Response;

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
use crate::pages::console::danger::sign_in_again;
use crate::pages::console::page::ConsolePage;
use crate::pages::console::parts;

/// The most rows of each list.
const ROWS: u32 = 200;

/// Lists verifiers, keys and nodes: the same operations as `GET /v1/admin/verifiers`, `…/verifier-keys` and `…/nodes`.
pub(in crate::pages) async fn show(page: ConsolePage) -> Result<Response, AppError> {
    page.show_live(&view(&page.app).await?)
}

/// Adds a key: the same operation as `POST /v1/admin/verifier-keys`. Only this page shows its secret.
pub(in crate::pages) async fn add(
    page: ConsolePage,
    client: ClientInfo,
    request: Request,
) -> Result<Response, AppError> {
    // The key outlives the session of the administrator.
    if let Some(login) = sign_in_again(&page, "/verifiers").await? {
        return Ok(login);
    }
    let name = FormFields::read(request, &page.app, &["name"]).await?.text("name");
    let context = page.administrator.context(client);
    let added = verifier_keys::add(&page.app, name.trim(), &context, page.now()).await;
    let view = view(&page.app).await?;
    match added {
        Ok(added) => {
            let created = Some(added.key.expose().clone());
            page.show(&VerifiersView { created, ..view })
        }
        Err(error) => {
            let with_error = |text| VerifiersView { error: Some(text), name, ..view };
            Ok(page.answer_error(error.into(), with_error))
        }
    }
}

/// Asks before a key is removed.
pub(in crate::pages) async fn ask_remove(page: ConsolePage) -> Result<Response, AppError> {
    let id: VerifierKeyId = path_id(&page.uri, 2)?;
    let key = page.app.parts.store.verifier_key(id).await?.ok_or(AppError::NotFound)?;
    let view = ConfirmView {
        section: "/verifiers",
        question: format!("Remove the verifier key {}?", key.name),
        consequences: vec![
            "The key is invalid at once.".to_owned(),
            "Every process that follows the feed with it refuses all credentials when its lease is over."
                .to_owned(),
        ],
        action: page.path(&format!("/verifiers/{id}/remove")),
        button: "Remove",
        cancel: page.path("/verifiers"),
        twin: format!("counterfoil verifier remove {id}"),
        ..ConfirmView::default()
    };
    page.show(&view)
}

/// Removes a key: the same operation as `DELETE /v1/admin/verifier-keys/{id}`.
pub(in crate::pages) async fn remove(page: ConsolePage, client: ClientInfo) -> Result<Response, AppError> {
    let context = page.administrator.context(client);
    verifier_keys::remove(&page.app, path_id(&page.uri, 2)?, &context, page.now()).await?;
    Ok(page.changed("/verifiers"))
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
