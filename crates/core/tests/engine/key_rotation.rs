//! The keys over time: rotated by the schedule, by hand and in an emergency, and a verifier that keeps what it fetched.

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
use counterfoil_core::{ClientError, Store};
use counterfoil_jose::{Algorithm, SealingKey, SigningKey, Time, jws, unverified};
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::KeyId;

use crate::harness::{Engine, NOON, SCHEDULE, after, revocation_context};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// What verifiers forgive a clock.
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

async fn the(keys: &Keyring, state: KeyState) -> KeyStatus {
    let mut found = with_state(keys, state).await;
    assert_eq!(found.len(), 1, "{state:?}: {found:?}");
    found.remove(0)
}

fn published(keys: &Keyring) -> BTreeSet<String> {
    keys.active_keys().verification_keys().iter().map(|key| key.kid().to_owned()).collect()
}

fn signs(keys: &Keyring) -> KeyId {
    keys.active_keys().signing_key().kid().parse().unwrap()
}

fn kid(token: &str) -> String {
    unverified::decode(token).unwrap().header["kid"].as_str().unwrap().to_owned()
}

/// A verifier that may have fetched the public keys at any moment, and keeps them for as long as it is allowed.
#[derive(Default)]
struct Fleet {
    /// From when on what was published.
    history: VecDeque<(Time, BTreeSet<String>)>,
    /// Tokens that are alive: until when, and by which key.
    alive: Vec<(Time, String)>,
    tokens: usize,
}

impl Fleet {
    fn sees(&mut self, now: Time, public: BTreeSet<String>) {
        if self.history.back().is_none_or(|(_, last)| *last != public) {
            self.history.push_back((now, public));
        }
        // What was replaced longer than the period ago nobody keeps any more.
        while self.history.get(1).is_some_and(|(since, _)| *since + SCHEDULE.max_age < now) {
            self.history.pop_front();
        }
    }

    fn is_given(&mut self, kid: String, until: Time) {
        self.alive.push((until, kid));
        self.tokens += 1;
    }

    /// Whatever a verifier has in its cache, it knows the key of every token that is alive.
    fn verifies_everything(&mut self, now: Time) {
        self.alive.retain(|(until, _)| *until + LEEWAY > now);
        for (_, kid) in &self.alive {
            for (since, public) in &self.history {
                assert!(public.contains(kid), "{now:?}: who fetched at {since:?} does not know {kid}");
            }
        }
    }
}

#[tokio::test]
async fn in_a_year_of_rotations_every_token_is_verified_by_every_cache() {
    let engine = Engine::start().await;
    engine.ada().await;
    let (mut fleet, mut now, mut signed_by) = (Fleet::default(), NOON, BTreeSet::new());
    let longest = Lifetimes::default().max_access_lifetime();
    let (mut asked, mut close_look) = (0, NOON);
    while now < NOON + 366 * DAY {
        let before = published(&engine.keys);
        // For half an hour somebody asks again and again: one rotation follows the other as soon as it may.
        if now >= NOON + 200 * DAY && asked < 90 {
            asked += 1;
            engine
                .keys
                .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), now)
                .await
                .unwrap();
        }
        let next_due = engine.keys.run_due_rotation(now).await.unwrap();
        if published(&engine.keys) != before {
            close_look = now + 3 * HOUR;
        }
        fleet.sees(now, published(&engine.keys));
        let access = engine.access(now).await.credential;
        let kid = kid(&access.token.to_string());
        signed_by.insert(kid.clone());
        fleet.is_given(kid, access.expires_at);
        fleet.verifies_everything(now);
        for key in with_state(&engine.keys, KeyState::Retired).await {
            let must = key.changed_at + longest + LEEWAY;
            assert!(now <= must + LEEWAY + SCHEDULE.margin, "{now:?}: {key:?} stays longer than it must");
        }
        let step = if now < close_look { Duration::from_secs(20) } else { 8 * HOUR };
        // The last moment before a change, and the moment of it.
        let due = next_due.unwrap_or(now + step);
        let last = due - Duration::from_millis(1);
        now = (now + step).min(if last > now { last } else { due });
    }
    println!("{} tokens by {} keys in a year", fleet.tokens, signed_by.len());
    assert_eq!(signed_by.len(), 10, "the first, three by age, and six that were asked for");
}

#[tokio::test]
async fn a_token_of_a_key_that_was_dropped_had_expired() {
    let engine = Engine::start().await;
    engine.ada().await;
    let old = engine.access(NOON).await.credential;
    engine.keys.rotate(ActivateAt::Immediately, &revocation_context(EndReason::ByAdmin), NOON).await.unwrap();
    let retired = the(&engine.keys, KeyState::Retired).await;
    let leaves = retired.removed_at.unwrap();
    assert!(leaves > old.expires_at + LEEWAY);

    engine.keys.run_due_rotation(leaves - Duration::from_millis(1)).await.unwrap();
    assert!(published(&engine.keys).contains(retired.id.as_str()));
    engine.keys.run_due_rotation(leaves).await.unwrap();

    assert!(!published(&engine.keys).contains(retired.id.as_str()));
    let stored = engine.store.keys().await.unwrap();
    let stored = stored.iter().find(|key| key.id == retired.id).unwrap();
    assert_eq!((stored.state, stored.sealed.len()), (KeyState::Removed, 0), "the secret is wiped");
    let keys = engine.keys.active_keys();
    let refused =
        jws::verify(&old.token.to_string(), keys.verification_keys(), &[Algorithm::Es256], &["at+jwt"]);
    assert!(refused.is_err());
}

#[tokio::test]
async fn an_orderly_rotation_waits_until_the_next_key_is_known_and_no_longer() {
    let engine = Engine::start().await;
    let (first, next) = (signs(&engine.keys), the(&engine.keys, KeyState::Next).await.id);
    let known = NOON + SCHEDULE.publication_period();

    let begun = engine
        .keys
        .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), after(10))
        .await
        .unwrap();

    assert_eq!(begun, RotatedKeys { id: next.clone(), activated_at: known });
    assert_eq!(signs(&engine.keys), first);
    let events = engine.audit_events().await.len();
    let again = engine
        .keys
        .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), after(20))
        .await
        .unwrap();
    assert_eq!((again, engine.audit_events().await.len()), (begun, events), "asked twice is asked once");
    assert_eq!(engine.keys.run_due_rotation(after(30)).await.unwrap(), Some(known));
    assert_eq!(signs(&engine.keys), first);
    engine.keys.run_due_rotation(known).await.unwrap();
    assert_eq!(signs(&engine.keys), next);

    // The key after it has been published since; when it is known there is nothing to wait for.
    let later = known + SCHEDULE.publication_period();
    let at_once = engine
        .keys
        .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), later)
        .await
        .unwrap();
    assert_eq!((at_once.activated_at, signs(&engine.keys)), (later, at_once.id));
}

#[tokio::test]
async fn a_revoked_key_is_followed_by_the_next_one_at_once() {
    let engine = Engine::start().await;
    let (first, next) = (signs(&engine.keys), the(&engine.keys, KeyState::Next).await.id);

    let entry =
        engine.keys.revoke(&first, &revocation_context(EndReason::KeyCompromised), after(1)).await.unwrap();

    assert!(entry.is_some());
    assert_eq!(signs(&engine.keys), next, "the one that verifiers may know already");
    let after_it = the(&engine.keys, KeyState::Next).await.id;
    assert_eq!(published(&engine.keys), [&next, &after_it].map(|id| id.as_str().to_owned()).into());
    let again =
        engine.keys.revoke(&first, &revocation_context(EndReason::KeyCompromised), after(2)).await.unwrap();
    assert_eq!(again, None);
    let stored = engine.store.keys().await.unwrap();
    assert!(stored.iter().any(|key| key.id == first && key.sealed.is_empty()), "its secret is wiped");
}

#[tokio::test]
async fn a_next_or_a_dropped_key_can_be_revoked_and_a_next_one_is_replaced() {
    let engine = Engine::start().await;
    let (first, next) = (signs(&engine.keys), the(&engine.keys, KeyState::Next).await.id);

    engine.keys.revoke(&next, &revocation_context(EndReason::KeyCompromised), after(1)).await.unwrap();

    assert_eq!(signs(&engine.keys), first);
    let other = the(&engine.keys, KeyState::Next).await.id;
    assert_ne!(other, next);
    engine
        .keys
        .rotate(ActivateAt::Immediately, &revocation_context(EndReason::ByAdmin), after(2))
        .await
        .unwrap();
    engine.keys.run_due_rotation(after(10_000)).await.unwrap();
    assert_eq!(the(&engine.keys, KeyState::Removed).await.id, first);
    let entry = engine
        .keys
        .revoke(&first, &revocation_context(EndReason::KeyCompromised), after(10_001))
        .await
        .unwrap();
    assert!(entry.is_some(), "a verifier that keeps keys for ever is told all the same");
    let unknown: KeyId = "unknown".parse().unwrap();
    let refused =
        engine.keys.revoke(&unknown, &revocation_context(EndReason::KeyCompromised), after(3)).await;
    assert!(matches!(refused, Err(ServiceError::Client(ClientError::NotFound("key")))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_nodes_whose_time_has_come_one_rotates() {
    let store: Arc<dyn Store> = SqliteStore::in_memory().unwrap();
    let mut nodes = vec![node(&store, SCHEDULE, NOON).await];
    for _ in 0..7 {
        nodes.push(node(&store, SCHEDULE, NOON).await);
    }
    for round in 1..=20 {
        let now = NOON + round * 90 * DAY;
        let turns: Vec<_> = nodes
            .iter()
            .cloned()
            .map(|node| tokio::spawn(async move { node.run_due_rotation(now).await.unwrap() }))
            .collect();
        for counter in turns {
            counter.await.unwrap();
        }

        let current = the(&nodes[0], KeyState::Current).await;
        the(&nodes[0], KeyState::Next).await;
        assert_eq!(current.activated_at, Some(now), "round {round}");
        for node in &nodes {
            node.run_due_rotation(now).await.unwrap();
            assert_eq!(signs(node), current.id, "every node signs with it");
        }
    }
    let keys = nodes[0].keys().await.unwrap();
    let signing = keys.iter().filter(|key| key.purpose == KeyPurpose::Signing).count();
    assert_eq!(signing, 22, "the first, twenty that followed, and the next: none was made for nothing");
}

#[tokio::test]
async fn what_another_node_has_changed_is_taken_up() {
    let engine = Engine::start().await;
    let other = node(&engine.store, SCHEDULE, NOON).await;
    let revoked = signs(&engine.keys);

    other.revoke(&revoked, &revocation_context(EndReason::KeyCompromised), after(1)).await.unwrap();
    assert_eq!(signs(&engine.keys), revoked, "until it looks");
    engine.keys.run_due_rotation(after(60)).await.unwrap();

    assert_eq!(signs(&engine.keys), signs(&other));
    assert_eq!(published(&engine.keys), published(&other));
}

#[tokio::test]
async fn another_algorithm_comes_in_an_orderly_way_and_old_tokens_live_on() {
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
    assert_eq!(the(&keys, KeyState::Next).await.algorithm, "Ed25519");
    keys.run_due_rotation(after(60) + schedule.publication_period()).await.unwrap();

    assert_eq!(keys.active_keys().signing_key().algorithm(), Algorithm::Ed25519);
    let both = [Algorithm::Es256, Algorithm::Ed25519];
    assert!(jws::verify(&old, keys.active_keys().verification_keys(), &both, &["at+jwt"]).is_ok());
}

#[tokio::test]
async fn the_life_of_a_key_stands_in_the_journal() {
    let engine = Engine::start().await;
    let first = signs(&engine.keys);
    engine
        .keys
        .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), NOON)
        .await
        .unwrap();
    engine.keys.run_due_rotation(NOON + SCHEDULE.publication_period()).await.unwrap();
    engine.keys.run_due_rotation(NOON + DAY).await.unwrap();
    engine.keys.revoke(&first, &revocation_context(EndReason::KeyCompromised), NOON + DAY).await.unwrap();

    let events = engine.audit_events().await;

    let of_first: Vec<_> =
        events.iter().rev().filter(|event| event.detail.as_deref() == Some(first.as_str())).collect();
    let kinds: Vec<_> = of_first.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [AuditEventKind::KeyRetired, AuditEventKind::KeyRemoved, AuditEventKind::KeyRevoked]);
    assert_eq!(of_first[0].actor, Actor::System);
    assert_eq!(of_first[2].reason, Some(EndReason::KeyCompromised));
    assert!(events.iter().any(|event| event.kind == AuditEventKind::RotationRequested));
}

#[tokio::test]
async fn a_rotated_pepper_logs_nobody_out_and_goes_when_its_families_are_over() {
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
    assert!(again.is_ok(), "and on it goes");
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
    let leaves = retired.removed_at.unwrap();
    engine.keys.run_due_rotation(leaves - Duration::from_millis(1)).await.unwrap();
    assert!(engine.keys.active_keys().refresh_token_key_by_id(first).is_some());
    engine.keys.run_due_rotation(leaves).await.unwrap();
    assert!(engine.keys.active_keys().refresh_token_key_by_id(first).is_none());
}

#[tokio::test]
async fn a_key_that_was_brought_in_is_published_before_it_signs() {
    let engine = Engine::start().await;
    let (first, old_next) = (signs(&engine.keys), the(&engine.keys, KeyState::Next).await.id);
    let foreign = SigningKey::generate(Algorithm::Es256).unwrap();

    let id = engine.keys.import(&foreign, &revocation_context(EndReason::ByAdmin), after(60)).await.unwrap();

    assert_eq!(id.as_str(), foreign.kid());
    assert_eq!(the(&engine.keys, KeyState::Next).await.id, id);
    assert_eq!(the(&engine.keys, KeyState::Removed).await.id, old_next, "it has signed nothing");
    assert_eq!(published(&engine.keys), [first.to_string(), id.to_string()].into());
    let rotated = engine
        .keys
        .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), after(61))
        .await
        .unwrap();
    let known = after(60) + SCHEDULE.publication_period();
    assert_eq!(rotated, RotatedKeys { id: id.clone(), activated_at: known });
    engine.keys.run_due_rotation(known - Duration::from_millis(1)).await.unwrap();
    assert_eq!(signs(&engine.keys), first, "somebody may not have seen the new one");
    engine.keys.run_due_rotation(known).await.unwrap();
    assert_eq!(signs(&engine.keys), id);
    let events = engine.audit_events().await;
    let of_it = events.iter().rev().filter(|event| event.detail.as_deref() == Some(id.as_str()));
    let kinds: Vec<_> = of_it.map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [AuditEventKind::KeyImported, AuditEventKind::RotationRequested, AuditEventKind::KeyActivated]
    );
}

#[tokio::test]
async fn a_rotation_that_was_asked_for_waits_for_the_key_that_was_brought_in() {
    let engine = Engine::start().await;
    engine
        .keys
        .rotate(ActivateAt::OncePublished, &revocation_context(EndReason::ByAdmin), after(1))
        .await
        .unwrap();
    let foreign = SigningKey::generate(Algorithm::Es256).unwrap();

    let id = engine.keys.import(&foreign, &revocation_context(EndReason::ByAdmin), after(60)).await.unwrap();

    let known = after(60) + SCHEDULE.publication_period();
    assert_eq!(engine.keys.run_due_rotation(after(60)).await.unwrap(), Some(known));
    engine.keys.run_due_rotation(known).await.unwrap();
    assert_eq!(signs(&engine.keys), id);
}

#[tokio::test]
async fn a_key_of_another_algorithm_or_that_was_here_before_does_not_come_in() {
    let engine = Engine::start().await;
    let bring = async |key: &SigningKey| {
        engine
            .keys
            .import(key, &revocation_context(EndReason::ByAdmin), after(1))
            .await
            .map_err(|trouble| trouble.to_string())
    };
    let (other, once) =
        [Algorithm::Ed25519, Algorithm::Es256].map(|a| SigningKey::generate(a).unwrap()).into();

    assert_eq!(
        bring(&other).await.unwrap_err(),
        "key: it is for Ed25519, and the next one is to be for ES256"
    );
    let id = bring(&once).await.unwrap();
    assert_eq!(bring(&once).await.unwrap_err(), format!("key: {id} is here already (next)"));
    engine.keys.revoke(&id, &revocation_context(EndReason::KeyCompromised), after(2)).await.unwrap();
    assert_eq!(bring(&once).await.unwrap_err(), format!("key: {id} is here already (revoked)"));
}
