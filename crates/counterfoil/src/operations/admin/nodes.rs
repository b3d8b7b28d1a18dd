//! The nodes that serve from the store.

use counterfoil_core::store::NodeId;

use crate::app::App;
use crate::operations::admin::views::node::NodeView;
use crate::operations::error::OperationError;
use crate::operations::pagination::{ListResponse, Pagination};

/// Lists the nodes by id. The list is empty if one process alone can have the store open.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list(
    app: &App,
    page: Pagination<NodeId>,
) -> Result<ListResponse<NodeView>, OperationError> {
    let nodes = match (&app.parts.node, app.parts.store.node_registry()) {
        (Some(node), Some(registry)) => node.peers.list(registry, || app.parts.feed.uptime()).await?,
        _ => Vec::new(),
    };
    let (nodes, next) = page.cut(nodes, |node| node.row.id);
    Ok(ListResponse { items: nodes.iter().map(NodeView::new).collect(), next })
}
