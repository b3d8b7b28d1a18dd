//! Active keys: they are reloaded only when they have changed.

use std::sync::Arc;

use counterfoil_core::model::session::EndReason;
use counterfoil_core::services::keys::keyring::ActivateAt;

use crate::harness::{Engine, NOON, revocation_context};

#[tokio::test]
async fn unchanged_keys_are_not_replaced_by_a_reload() {
    let engine = Engine::start().await;
    let keys = engine.issuer.keys();
    let before = keys.active_keys();

    keys.reload().await.unwrap();
    assert!(
        Arc::ptr_eq(&before, &keys.active_keys()),
        "a replacement would clear the token cache of the verifier"
    );

    keys.rotate(ActivateAt::Immediately, &revocation_context(EndReason::ByAdmin), NOON).await.unwrap();
    assert!(!Arc::ptr_eq(&before, &keys.active_keys()));
}
