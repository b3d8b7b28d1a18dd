//! Key rotation by the schedule, on request and after a revocation, with verifiers that cache the public keys.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use counterfoil_core::model::audit_event::{Actor, AuditEventKind};
use counterfoil_core::model::client::Lifetimes;
use counterfoil_core::model::key::{KeyPurpose, KeyState};
use counterfoil_core::model::session::EndReason;
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::keys::keyring::{ActivateAt, KeyStatus, Keyring, RotatedKeys};
use counterfoil_core::services::keys::rotation_schedule::RotationSchedule;
use counterfoil_core::services::revoker::RevocationRetention;
use counterfoil_core::store::{Change, JobLock, NodeId};
use counterfoil_core::{ClientError, Store};
use counterfoil_jose::{Algorithm, SealingKey, SigningKey, Time, jws, unverified};
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::KeyId;

use crate::harness::{Engine, NOON, SCHEDULE, after, revocation_context};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The leeway of verifiers for clock differences.
const LEEWAY: Duration = MINUTE;

/// A second node over the same store, with a schedule of its own.
async fn node(store: &Arc<dyn Store>, schedule: RotationSchedule, now: Time) -> Arc<Keyring> {
    let retention = Arc::new(RevocationRetention::new(Lifetimes::default().max_access_lifetime()));
    let master = SealingKey::from_bytes([7; 32]);
    Keyring::open(store.clone(), master, schedule, retention, now).await.map(Arc::new).unwrap()
}

async fn with_state(keys: &Keyring, state: KeyState) -> Vec<KeyStatus> {
    let all = keys.keys().await.unwrap();
    all.into_iter().filter(|key| key.state == state && key.purpose == KeyPurpose::Signing).collect()
}

async fn only_key(keys: &Keyring, state: KeyState) -> KeyStatus {
    let mut found = with_state(keys, state).await;
    assert_eq!(found.len(), 1, "{state:?}: {found:?}");
    found.remove(0)
}

fn published(keys: &Keyring) -> BTreeSet<String> {
    keys.active_keys().verification_keys().iter().map(|key| key.kid().to_owned()).collect()
}

fn signing_key_id(keys: &Keyring) -> KeyId {
    keys.active_keys().signing_key().kid().parse().unwrap()
}

fn kid(token: &str) -> String {
    unverified::decode(token).unwrap().header["kid"].as_str().unwrap().to_owned()
}

/// Verifiers that may have fetched the public keys at any time, and cache them for as long as allowed.
#[derive(Default)]
struct Verifiers {
    /// The published keys, each set with the time from which it was published.
    history: VecDeque<(Time, BTreeSet<String>)>,
    /// The valid tokens: when they expire, and by which key they are signed.
    valid: Vec<(Time, String)>,
    tokens: usize,
}

impl Verifiers {
    fn observe(&mut self, now: Time, public: BTreeSet<String>) {
        if self.history.back().is_none_or(|(_, last)| *last != public) {
            self.history.push_back((now, public));
        }
        // No verifier caches keys that were replaced longer than `max_age` ago.
        while self.history.get(1).is_some_and(|(since, _)| *since + SCHEDULE.max_age < now) {
            self.history.pop_front();
        }
    }

    fn add_token(&mut self, kid: String, until: Time) {
        self.valid.push((until, kid));
        self.tokens += 1;
    }

    /// Asserts that every possible cache contains the key of every valid token.
    fn assert_all_tokens_verify(&mut self, now: Time) {
        self.valid.retain(|(until, _)| *until + LEEWAY > now);
        for (_, kid) in &self.valid {
            for (since, public) in &self.history {
                assert!(public.contains(kid), "{now:?}: the keys fetched at {since:?} do not contain {kid}");
            }
        }
    }
}

#[tokio::test]
async fn in_a_year_of_rotations_every_cached_key_set_verifies_every_token() {
    let engine = Engine::start().await;
    engine.ada().await;
    let (mut verifiers, mut now, mut signed_by) = (Verifiers::default(), NOON, BTreeSet::new());
    let max_lifetime = Lifetimes::default().max_access_lifetime();
    let (mut requested, mut fine_steps_until) = (0, NOON);
    while now < NOON + 366 * DAY {
        let before = published(&engine.keys);
        // For half an hour rotations are requested continuously, so that each follows as soon as possible.
        if now >= NOON + 200 * DAY && requested < 90 {
            requested += 1;
            engine
                .keys
                .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), now)
                .await
                .unwrap();
        }
        let next_due = engine.keys.run_due_rotation(now).await.unwrap();
        if published(&engine.keys) != before {
            fine_steps_until = now + 3 * HOUR;
        }
        verifiers.observe(now, published(&engine.keys));
        let access = engine.access(now).await.credential;
        let kid = kid(&access.token.to_string());
        signed_by.insert(kid.clone());
        verifiers.add_token(kid, access.expires_at);
        verifiers.assert_all_tokens_verify(now);
        for key in with_state(&engine.keys, KeyState::Retired).await {
            let needed_until = key.changed_at + max_lifetime + LEEWAY;
            assert!(now <= needed_until + LEEWAY + SCHEDULE.margin, "{now:?}: {key:?} is kept too long");
        }
        let step = if now < fine_steps_until { Duration::from_secs(20) } else { 8 * HOUR };
        // Also the last moment before a change, and the moment of the change.
        let due = next_due.unwrap_or(now + step);
        let last = due - Duration::from_millis(1);
        now = (now + step).min(if last > now { last } else { due });
    }
    println!("{} tokens by {} keys in a year", verifiers.tokens, signed_by.len());
    assert_eq!(signed_by.len(), 10, "the first key, three by age, and six by request");
}

#[tokio::test]
async fn a_key_is_removed_only_after_its_last_token_has_expired() {
    let engine = Engine::start().await;
    engine.ada().await;
    let old = engine.access(NOON).await.credential;
    engine.keys.rotate(ActivateAt::Immediately, &revocation_context(EndReason::ByAdmin), NOON).await.unwrap();
    let retired = only_key(&engine.keys, KeyState::Retired).await;
    let removed_at = retired.removed_at.unwrap();
    assert!(removed_at > old.expires_at + LEEWAY);

    engine.keys.run_due_rotation(removed_at - Duration::from_millis(1)).await.unwrap();
    assert!(published(&engine.keys).contains(retired.id.as_str()));
    engine.keys.run_due_rotation(removed_at).await.unwrap();

    assert!(!published(&engine.keys).contains(retired.id.as_str()));
    let stored = engine.store.keys().await.unwrap();
    let stored = stored.iter().find(|key| key.id == retired.id).unwrap();
    assert_eq!((stored.state, stored.sealed.len()), (KeyState::Removed, 0), "the secret is wiped");
    let keys = engine.keys.active_keys();
    let rejected =
        jws::verify(&old.token.to_string(), keys.verification_keys(), &[Algorithm::Es256], &["at+jwt"]);
    assert!(rejected.is_err());
}

#[tokio::test]
async fn a_requested_rotation_waits_for_the_publication_period_only() {
    let engine = Engine::start().await;
    let (first, next) = (signing_key_id(&engine.keys), only_key(&engine.keys, KeyState::Next).await.id);
    let published_at = NOON + SCHEDULE.publication_period();

    let rotation = engine
        .keys
        .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), after(10))
        .await
        .unwrap();

    assert_eq!(rotation, RotatedKeys { id: next.clone(), activated_at: published_at });
    assert_eq!(signing_key_id(&engine.keys), first);
    let events = engine.audit_events().await.len();
    let again = engine
        .keys
        .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), after(20))
        .await
        .unwrap();
    assert_eq!(
        (again, engine.audit_events().await.len()),
        (rotation, events),
        "a second request changes nothing"
    );
    assert_eq!(engine.keys.run_due_rotation(after(30)).await.unwrap(), Some(published_at));
    assert_eq!(signing_key_id(&engine.keys), first);
    engine.keys.run_due_rotation(published_at).await.unwrap();
    assert_eq!(signing_key_id(&engine.keys), next);

    // The following key has been published since then. After its publication period it is activated at once.
    let later = published_at + SCHEDULE.publication_period();
    let at_once = engine
        .keys
        .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), later)
        .await
        .unwrap();
    assert_eq!((at_once.activated_at, signing_key_id(&engine.keys)), (later, at_once.id));
}

#[tokio::test]
async fn revoking_the_current_key_activates_the_next_one_at_once() {
    let engine = Engine::start().await;
    let (first, next) = (signing_key_id(&engine.keys), only_key(&engine.keys, KeyState::Next).await.id);

    let entry =
        engine.keys.revoke(&first, &revocation_context(EndReason::KeyCompromised), after(1)).await.unwrap();

    assert!(entry.is_some());
    assert_eq!(signing_key_id(&engine.keys), next, "verifiers may know the next key already");
    let new_next = only_key(&engine.keys, KeyState::Next).await.id;
    assert_eq!(published(&engine.keys), [&next, &new_next].map(|id| id.as_str().to_owned()).into());
    let again =
        engine.keys.revoke(&first, &revocation_context(EndReason::KeyCompromised), after(2)).await.unwrap();
    assert_eq!(again, None);
    let stored = engine.store.keys().await.unwrap();
    assert!(stored.iter().any(|key| key.id == first && key.sealed.is_empty()), "the secret is wiped");
}

#[tokio::test]
async fn next_and_removed_keys_can_be_revoked_and_a_revoked_next_key_is_replaced() {
    let engine = Engine::start().await;
    let (first, next) = (signing_key_id(&engine.keys), only_key(&engine.keys, KeyState::Next).await.id);

    engine.keys.revoke(&next, &revocation_context(EndReason::KeyCompromised), after(1)).await.unwrap();

    assert_eq!(signing_key_id(&engine.keys), first);
    let other = only_key(&engine.keys, KeyState::Next).await.id;
    assert_ne!(other, next);
    engine
        .keys
        .rotate(ActivateAt::Immediately, &revocation_context(EndReason::ByAdmin), after(2))
        .await
        .unwrap();
    engine.keys.run_due_rotation(after(10_000)).await.unwrap();
    assert_eq!(only_key(&engine.keys, KeyState::Removed).await.id, first);
    let entry = engine
        .keys
        .revoke(&first, &revocation_context(EndReason::KeyCompromised), after(10_001))
        .await
        .unwrap();
    assert!(entry.is_some(), "verifiers that keep old keys learn of the revocation");
    let unknown: KeyId = "unknown".parse().unwrap();
    let rejected =
        engine.keys.revoke(&unknown, &revocation_context(EndReason::KeyCompromised), after(3)).await;
    assert!(matches!(rejected, Err(ServiceError::Client(ClientError::NotFound("key")))), "{rejected:?}");
}

#[tokio::test]
async fn a_node_rotates_only_while_no_other_node_holds_the_lock() {
    let store: Arc<dyn Store> = SqliteStore::in_memory().unwrap();
    let keys = Arc::into_inner(node(&store, SCHEDULE, NOON).await).unwrap();
    let keys = keys.with_node(NodeId::from_bytes([1; 16]));
    let due = NOON + 90 * DAY;
    let of_other_node = JobLock { job: "key_rotation", holder: NodeId::from_bytes([2; 16]) };
    let take = Change::take_job_lock(of_other_node, due, due + MINUTE);
    let _ = store.commit(&[take].into()).await.unwrap().applied().unwrap();
    let before = signing_key_id(&keys);

    assert_eq!(keys.run_due_rotation(due).await.unwrap(), Some(due + MINUTE));
    assert_eq!(signing_key_id(&keys), before);

    keys.run_due_rotation(due + MINUTE).await.unwrap();
    assert_ne!(signing_key_id(&keys), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_one_of_many_nodes_runs_a_due_rotation() {
    let store: Arc<dyn Store> = SqliteStore::in_memory().unwrap();
    let mut nodes = vec![node(&store, SCHEDULE, NOON).await];
    for _ in 0..7 {
        nodes.push(node(&store, SCHEDULE, NOON).await);
    }
    for round in 1..=20 {
        let now = NOON + round * 90 * DAY;
        let runs: Vec<_> = nodes
            .iter()
            .cloned()
            .map(|node| tokio::spawn(async move { node.run_due_rotation(now).await.unwrap() }))
            .collect();
        for run in runs {
            run.await.unwrap();
        }

        let current = only_key(&nodes[0], KeyState::Current).await;
        only_key(&nodes[0], KeyState::Next).await;
        assert_eq!(current.activated_at, Some(now), "round {round}");
        for node in &nodes {
            node.run_due_rotation(now).await.unwrap();
            assert_eq!(signing_key_id(node), current.id, "every node signs with the new key");
        }
    }
    let keys = nodes[0].keys().await.unwrap();
    let signing = keys.iter().filter(|key| key.purpose == KeyPurpose::Signing).count();
    assert_eq!(signing, 22, "the first key, its twenty successors and the next key");
}

#[tokio::test]
async fn changes_by_another_node_are_loaded() {
    let engine = Engine::start().await;
    let other = node(&engine.store, SCHEDULE, NOON).await;
    let revoked = signing_key_id(&engine.keys);

    other.revoke(&revoked, &revocation_context(EndReason::KeyCompromised), after(1)).await.unwrap();
    assert_eq!(signing_key_id(&engine.keys), revoked, "the change is not loaded yet");
    engine.keys.run_due_rotation(after(60)).await.unwrap();

    assert_eq!(signing_key_id(&engine.keys), signing_key_id(&other));
    assert_eq!(published(&engine.keys), published(&other));
}

#[tokio::test]
async fn a_new_algorithm_starts_after_the_publication_period_and_old_tokens_stay_valid() {
    let engine = Engine::start().await;
    engine.ada().await;
    let old = engine.access(NOON).await.credential.token.to_string();
    let schedule = RotationSchedule { algorithm: Algorithm::Ed25519, ..SCHEDULE };

    let keys = node(&engine.store, schedule, after(60)).await;
    assert_eq!(
        keys.run_due_rotation(after(60)).await.unwrap(),
        Some(after(60) + schedule.publication_period())
    );
    assert_eq!(keys.active_keys().signing_key().algorithm(), Algorithm::Es256);
    assert_eq!(only_key(&keys, KeyState::Next).await.algorithm, "Ed25519");
    keys.run_due_rotation(after(60) + schedule.publication_period()).await.unwrap();

    assert_eq!(keys.active_keys().signing_key().algorithm(), Algorithm::Ed25519);
    let both = [Algorithm::Es256, Algorithm::Ed25519];
    assert!(jws::verify(&old, keys.active_keys().verification_keys(), &both, &["at+jwt"]).is_ok());
}

#[tokio::test]
async fn key_changes_are_recorded_in_the_audit_log() {
    let engine = Engine::start().await;
    let first = signing_key_id(&engine.keys);
    engine
        .keys
        .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), NOON)
        .await
        .unwrap();
    engine.keys.run_due_rotation(NOON + SCHEDULE.publication_period()).await.unwrap();
    engine.keys.run_due_rotation(NOON + DAY).await.unwrap();
    engine.keys.revoke(&first, &revocation_context(EndReason::KeyCompromised), NOON + DAY).await.unwrap();

    let events = engine.audit_events().await;

    let events_of_first: Vec<_> =
        events.iter().rev().filter(|event| event.detail.as_deref() == Some(first.as_str())).collect();
    let kinds: Vec<_> = events_of_first.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [AuditEventKind::KeyRetired, AuditEventKind::KeyRemoved, AuditEventKind::KeyRevoked]);
    assert_eq!(events_of_first[0].actor, Actor::System);
    assert_eq!(events_of_first[2].reason, Some(EndReason::KeyCompromised));
    assert!(events.iter().any(|event| event.kind == AuditEventKind::RotationRequested));
}

#[tokio::test]
async fn a_rotated_refresh_token_key_is_kept_until_its_sessions_have_ended() {
    let engine = Engine::start().await;
    engine.ada().await;
    let old = engine.pair(NOON).await;
    let first = engine.keys.active_keys().refresh_token_key().id();

    let new = engine
        .keys
        .rotate_refresh_token_key(&revocation_context(EndReason::ByAdmin), after(1))
        .await
        .unwrap();

    assert_ne!(engine.keys.active_keys().refresh_token_key().id(), first);
    let rotated =
        engine.issuer.refresh(&old.credential.refresh, None, &crate::harness::nowhere(), after(20)).await;
    let rotated = rotated.unwrap().credential.refresh;
    let again = engine.issuer.refresh(&rotated, None, &crate::harness::nowhere(), after(40)).await;
    assert!(again.is_ok(), "the session continues with its key");
    let newer = engine.pair(after(50)).await;
    assert_eq!(
        newer.session.refresh_token_key_id(),
        Some(engine.keys.active_keys().refresh_token_key().id())
    );

    let refresh_token_keys = engine.keys.keys().await.unwrap();
    let retired = refresh_token_keys
        .iter()
        .find(|key| key.purpose == KeyPurpose::RefreshToken && key.id != new)
        .unwrap();
    let removed_at = retired.removed_at.unwrap();
    engine.keys.run_due_rotation(removed_at - Duration::from_millis(1)).await.unwrap();
    assert!(engine.keys.active_keys().refresh_token_key_by_id(first).is_some());
    engine.keys.run_due_rotation(removed_at).await.unwrap();
    assert!(engine.keys.active_keys().refresh_token_key_by_id(first).is_none());
}

#[tokio::test]
async fn an_imported_key_is_published_before_it_is_activated() {
    let engine = Engine::start().await;
    let (first, old_next) = (signing_key_id(&engine.keys), only_key(&engine.keys, KeyState::Next).await.id);
    let foreign = SigningKey::generate(Algorithm::Es256).unwrap();

    let id = engine.keys.import(&foreign, &revocation_context(EndReason::ByAdmin), after(60)).await.unwrap();

    assert_eq!(id.as_str(), foreign.kid());
    assert_eq!(only_key(&engine.keys, KeyState::Next).await.id, id);
    assert_eq!(
        only_key(&engine.keys, KeyState::Removed).await.id,
        old_next,
        "the previous next key is removed"
    );
    assert_eq!(published(&engine.keys), [first.to_string(), id.to_string()].into());
    let rotated = engine
        .keys
        .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), after(61))
        .await
        .unwrap();
    let published_at = after(60) + SCHEDULE.publication_period();
    assert_eq!(rotated, RotatedKeys { id: id.clone(), activated_at: published_at });
    engine.keys.run_due_rotation(published_at - Duration::from_millis(1)).await.unwrap();
    assert_eq!(signing_key_id(&engine.keys), first, "a verifier may not have seen the new key");
    engine.keys.run_due_rotation(published_at).await.unwrap();
    assert_eq!(signing_key_id(&engine.keys), id);
    let events = engine.audit_events().await;
    let events_of_it = events.iter().rev().filter(|event| event.detail.as_deref() == Some(id.as_str()));
    let kinds: Vec<_> = events_of_it.map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [AuditEventKind::KeyImported, AuditEventKind::RotationRequested, AuditEventKind::KeyActivated]
    );
}

#[tokio::test]
async fn a_requested_rotation_waits_for_the_publication_of_an_imported_key() {
    let engine = Engine::start().await;
    engine
        .keys
        .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), after(1))
        .await
        .unwrap();
    let foreign = SigningKey::generate(Algorithm::Es256).unwrap();

    let id = engine.keys.import(&foreign, &revocation_context(EndReason::ByAdmin), after(60)).await.unwrap();

    let published_at = after(60) + SCHEDULE.publication_period();
    assert_eq!(engine.keys.run_due_rotation(after(60)).await.unwrap(), Some(published_at));
    engine.keys.run_due_rotation(published_at).await.unwrap();
    assert_eq!(signing_key_id(&engine.keys), id);
}

#[tokio::test]
async fn a_key_with_another_algorithm_or_an_existing_id_is_not_imported() {
    let engine = Engine::start().await;
    let import = async |key: &SigningKey| {
        engine
            .keys
            .import(key, &revocation_context(EndReason::ByAdmin), after(1))
            .await
            .map_err(|error| error.to_string())
    };
    let (other, once) = [Algorithm::Ed25519, Algorithm::Es256]
        .map(|algorithm| SigningKey::generate(algorithm).unwrap())
        .into();

    assert_eq!(
        import(&other).await.unwrap_err(),
        "key: the algorithm is Ed25519, but the next key must have ES256"
    );
    let id = import(&once).await.unwrap();
    assert_eq!(import(&once).await.unwrap_err(), format!("key: {id} already exists (next)"));
    engine.keys.revoke(&id, &revocation_context(EndReason::KeyCompromised), after(2)).await.unwrap();
    assert_eq!(import(&once).await.unwrap_err(), format!("key: {id} already exists (revoked)"));
}
