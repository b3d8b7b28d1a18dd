//! The verifiers that follow the feed, and the waits for them.

use counterfoil_core::services::revocation_feed::Follower;

use crate::app::App;
use crate::operations::admin::views::revocation::FleetWaitView;
use crate::operations::admin::views::verifier::VerifierView;
use crate::operations::error::OperationError;
use crate::operations::pagination::{ListResponse, Pagination};

/// Lists the verifiers by key and instance.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list(
    app: &App,
    page: Pagination<Follower>,
) -> Result<ListResponse<VerifierView>, OperationError> {
    let (followers, next) = page.cut(app.parts.feed.followers(), |status| status.follower.clone());
    let mut verifiers = Vec::with_capacity(followers.len());
    let mut last_key = None;
    for status in followers {
        let id = status.follower.key;
        // They are sorted by key, so each key is read once.
        let name = match &last_key {
            Some((key, name)) if *key == id => Clone::clone(name),
            Some(_) | None => app.parts.store.verifier_key(id).await?.map(|key| key.name),
        };
        last_key = Some((id, name.clone()));
        verifiers.push(VerifierView::new(&status, name));
    }
    Ok(ListResponse { items: verifiers, next })
}

/// The waits for the fleet in progress.
pub(crate) fn fleet_waits(app: &App) -> Vec<FleetWaitView> {
    let now = app.parts.feed.uptime();
    app.parts
        .feed
        .fleet_waits()
        .iter()
        .map(|(wait, progress)| FleetWaitView::new(wait, progress, now))
        .collect()
}
