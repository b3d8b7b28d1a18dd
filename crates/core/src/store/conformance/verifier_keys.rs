//! Cases about verifier keys.

use std::sync::Arc;

use counterfoil_jose::Time;

use crate::credentials::verifier_key::{VerifierKeyHash, VerifierKeyId};
use crate::model::verifier_key::VerifierKeyRecord;
use crate::store::conformance::fixture::{TestRng, answer, applied, conflict};
use crate::store::{Change, Page, Store, VerifierKeyCursor};

pub(super) async fn a_verifier_key_is_found_until_it_is_removed(store: Arc<dyn Store>) {
    let mut rng = TestRng::new(3);
    let stored: Vec<_> = (0..10).map(|number| key(number, rng.text())).collect();
    for key in &stored {
        let _ = applied(&store, &[Change::insert_verifier_key(key.clone())]).await;
        assert_eq!(answer(store.verifier_key(key.id).await).as_ref(), Some(key));
    }

    let again = VerifierKeyRecord { name: "thief".into(), ..stored[0].clone() };
    assert_eq!(conflict(&store, &[Change::insert_verifier_key(again)]).await, 0);
    let _ = applied(&store, &[Change::remove_verifier_key(stored[0].id)]).await;

    assert_eq!(answer(store.verifier_key(stored[0].id).await), None);
    assert_eq!(answer(store.verifier_keys(Page { after: None, limit: 100 }).await), stored[1..]);
    assert_eq!(conflict(&store, &[Change::remove_verifier_key(stored[0].id)]).await, 0);
}

pub(super) async fn verifier_keys_are_listed_once_oldest_first(store: Arc<dyn Store>) {
    // Two keys of one time are ordered by their ids.
    let stored: Vec<_> = (0..10).map(|number| key(number, "orders".into())).collect();
    for key in stored.iter().rev() {
        let _ = applied(&store, &[Change::insert_verifier_key(key.clone())]).await;
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = answer(store.verifier_keys(Page { after, limit: 3 }).await);
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(VerifierKeyCursor { created_at: last.created_at, id: last.id });
        found.extend(page);
    }

    assert_eq!(found, stored);
}

fn key(number: u8, name: String) -> VerifierKeyRecord {
    VerifierKeyRecord {
        id: VerifierKeyId::from_bytes([number; 16]),
        name,
        key_hash: VerifierKeyHash::from_bytes([number; 32]),
        created_at: Time::from_unix_seconds(u64::from(number / 2)),
    }
}
