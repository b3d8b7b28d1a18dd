//! Authentication of a resource server by its verifier key.

use counterfoil_core::credentials::verifier_key::VerifierKey;
use counterfoil_core::model::verifier_key::VerifierKeyRecord;
use counterfoil_core::store::StoreError;

use crate::app::App;

/// The record of a presented key. `None` if there is no such key.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn authenticate(
    app: &App,
    presented: &VerifierKey,
) -> Result<Option<VerifierKeyRecord>, StoreError> {
    app.parts.administration.verify_verifier_key(presented).await
}
