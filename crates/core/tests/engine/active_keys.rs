//! Active keys: they are reloaded only when they have changed, and listed in the order in which they are used.

use std::sync::Arc;

use counterfoil_core::model::key::{KeyPurpose, KeyState};
use counterfoil_core::model::session::EndReason;
use counterfoil_core::services::keys::keyring::{ActivateAt, Keyring};

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

/// With one creation time for both, the order would be that of their random ids.
#[tokio::test]
async fn the_next_key_is_listed_after_the_current_one() {
    for _ in 0..8 {
        let engine = Engine::start().await;
        let keys = engine.issuer.keys();
        assert_eq!(signing_key_states(keys).await, [KeyState::Current, KeyState::Next]);
    }
}

async fn signing_key_states(keys: &Keyring) -> Vec<KeyState> {
    let all = keys.keys().await.unwrap();
    all.iter().filter(|key| key.purpose == KeyPurpose::Signing).map(|key| key.state).collect()
}
