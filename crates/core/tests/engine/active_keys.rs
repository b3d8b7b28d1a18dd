//! The ring of keys in use: taken up anew when it has changed, and only then.

use std::sync::Arc;

use counterfoil_core::model::session::EndReason;
use counterfoil_core::services::keys::keyring::ActivateAt;

use crate::harness::{Engine, NOON, revocation_context};

#[tokio::test]
async fn keys_that_have_not_changed_are_not_taken_up_again() {
    let engine = Engine::start().await;
    let keys = engine.issuer.keys();
    let before = keys.active_keys();

    keys.reload().await.unwrap();
    assert!(Arc::ptr_eq(&before, &keys.active_keys()), "whoever verifies by them would forget every token");

    keys.rotate(ActivateAt::Immediately, &revocation_context(EndReason::ByAdmin), NOON).await.unwrap();
    assert!(!Arc::ptr_eq(&before, &keys.active_keys()));
}
