//! When `Principal::ended` resolves for an access token, what wakes it, and what a wait costs.
#![cfg(feature = "ended")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod test_signer;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::timeout;

use counterfoil_jose::{Algorithm, Time};
use counterfoil_verify::{
    CredentialEnd, Ended, Freshness, LocalVerifier, Principal, RevocationEntry, RevocationPosition,
    RevocationSubject, Revocations, SessionId,
};

use test_signer::{ALICE, NOON, SESSION, TOKEN, TestSigner, claims, with};

/// Long enough on a busy machine; no passing test waits for it.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// How long a future is observed that must not resolve.
const SHORT: Duration = Duration::from_millis(50);

fn publish(revocations: &Revocations, position: u64, subject: RevocationSubject) {
    let position = RevocationPosition::new(position);
    let until = Some(NOON + Duration::from_secs(10_000));
    revocations.publish(&[RevocationEntry { position, subject, until }], position);
}

fn session(number: u32) -> SessionId {
    let mut bytes = [7; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    SessionId::from_bytes(bytes)
}

fn alice(verifier: &LocalVerifier, signer: &TestSigner) -> Principal {
    verifier.verify(&signer.sign(&claims()), NOON).unwrap()
}

async fn end_of(ended: Ended) -> CredentialEnd {
    timeout(MAX_WAIT, ended).await.unwrap()
}

/// A clock that a test sets, in milliseconds.
#[derive(Clone)]
struct SetClock(Arc<AtomicU64>);

impl SetClock {
    fn at(now: Time) -> Self {
        Self(Arc::new(AtomicU64::new(now.unix_ms())))
    }

    fn set(&self, now: Time) {
        self.0.store(now.unix_ms(), Ordering::SeqCst);
    }

    fn reader(&self) -> impl Fn() -> Time + Send + Sync + 'static {
        let clock = self.clone();
        move || Time::from_unix_ms(clock.0.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a_revocation_of_any_subject_of_the_credential_ends_it() {
    let signer = TestSigner::new();
    for (subject, end) in [
        (RevocationSubject::Session(SESSION), CredentialEnd::SessionEnded),
        (RevocationSubject::Token(TOKEN), CredentialEnd::Revoked),
        (RevocationSubject::Key(signer.key.kid().parse().unwrap()), CredentialEnd::Revoked),
        (RevocationSubject::User(ALICE), CredentialEnd::Revoked),
        (RevocationSubject::Client("shop".parse().unwrap()), CredentialEnd::SessionEnded),
        (RevocationSubject::Everyone, CredentialEnd::SessionEnded),
    ] {
        let local = signer.local();
        let mut ended = pin!(alice(&local, &signer).ended());
        assert!(timeout(SHORT, &mut ended).await.is_err(), "{subject}");

        publish(local.revocations(), 100, subject.clone());

        assert_eq!(timeout(MAX_WAIT, &mut ended).await, Ok(end), "{subject}");
        // It stays resolved.
        assert_eq!(ended.await, end);
    }
}

#[tokio::test]
async fn a_revocation_before_the_first_poll_is_seen() {
    let signer = TestSigner::new();
    let local = signer.local();
    let ended = alice(&local, &signer).ended();

    publish(local.revocations(), 100, RevocationSubject::Session(SESSION));

    assert_eq!(end_of(ended).await, CredentialEnd::SessionEnded);
}

#[tokio::test]
async fn a_revocation_of_another_credential_or_of_earlier_ones_does_not_end_it() {
    let signer = TestSigner::new();
    let local = signer.local();
    let principal = local.verify(&signer.sign(&with("pos", json!(50))), NOON).unwrap();
    let mut ended = pin!(principal.ended());
    assert!(timeout(SHORT, &mut ended).await.is_err());

    publish(local.revocations(), 49, RevocationSubject::User(ALICE));
    publish(local.revocations(), 50, RevocationSubject::Everyone);
    publish(local.revocations(), 51, RevocationSubject::Session(session(1)));

    assert!(timeout(SHORT, &mut ended).await.is_err());
}

#[tokio::test]
async fn it_ends_when_a_request_with_the_token_would_be_refused() {
    let signer = TestSigner::new();
    let clock = SetClock::at(NOON);
    let leeway = Duration::from_secs(60);
    let local = LocalVerifier::new(signer.verifier(), Arc::new(Revocations::new()), clock.reader());
    let token = signer.sign(&claims());
    let principal = local.verify(&token, NOON).unwrap();
    let end = principal.expires_at() + leeway;

    let last = end - Duration::from_millis(100);
    clock.set(last);
    let mut ended = pin!(principal.ended());
    assert!(timeout(SHORT, &mut ended).await.is_err());
    assert!(local.verify(&token, last).is_ok());
    clock.set(end);

    assert_eq!(timeout(MAX_WAIT, &mut ended).await, Ok(CredentialEnd::Expired));
    assert!(local.verify(&token, end).is_err());
}

#[tokio::test]
async fn revocations_that_are_out_of_date_end_it_unless_it_accepts_stale_ones() {
    let signer = TestSigner::new();
    let clock = SetClock::at(NOON);
    let lease = NOON + Duration::from_millis(80);
    let revocations = Arc::new(Revocations::with_freshness(Freshness::Until(lease)));
    let local = LocalVerifier::new(signer.verifier(), Arc::clone(&revocations), clock.reader());
    let principal = alice(&local, &signer);
    let mut ended = pin!(principal.ended());
    let mut tolerant = pin!(principal.ended().danger_accept_stale(Duration::from_secs(5)));
    assert!(timeout(SHORT / 2, &mut ended).await.is_err());

    // Renewed in time.
    revocations.set_freshness(Freshness::Until(lease + Duration::from_millis(80)));
    clock.set(lease);
    assert!(timeout(2 * SHORT, &mut ended).await.is_err());

    clock.set(lease + Duration::from_millis(80));
    assert_eq!(timeout(MAX_WAIT, &mut ended).await, Ok(CredentialEnd::Unavailable));
    assert!(timeout(SHORT, &mut tolerant).await.is_err());
    publish(&revocations, 100, RevocationSubject::Session(SESSION));
    assert_eq!(timeout(MAX_WAIT, &mut tolerant).await, Ok(CredentialEnd::SessionEnded));
}

#[tokio::test]
async fn a_principal_that_was_verified_without_revocations_ends_at_once() {
    let signer = TestSigner::new();
    let principal = signer.verifier().verify(&signer.sign(&claims()), NOON).unwrap();

    assert_eq!(end_of(principal.ended()).await, CredentialEnd::Unavailable);
}

#[tokio::test]
async fn two_verifiers_with_one_token_verifier_watch_their_own_revocations() {
    let signer = TestSigner::new();
    let tokens = Arc::new(signer.verifier());
    let local = || LocalVerifier::new(Arc::clone(&tokens), Arc::new(Revocations::new()), || NOON);
    let (one, two) = (local(), local());
    let (first, second) = (alice(&one, &signer), alice(&two, &signer));

    publish(one.revocations(), 100, RevocationSubject::Session(SESSION));

    assert_eq!(end_of(first.ended()).await, CredentialEnd::SessionEnded);
    assert!(timeout(SHORT, second.ended()).await.is_err());
}

#[tokio::test]
async fn a_dropped_or_resolved_future_frees_its_place() {
    let signer = TestSigner::new();
    let local = signer.local();
    let principal = alice(&local, &signer);
    let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(principal.ended())).collect();
    assert_eq!(local.revocations().waiting(), 0, "nothing is registered before the first poll");
    for ended in &mut waiting {
        assert!(timeout(Duration::ZERO, ended).await.is_err());
    }
    assert_eq!(local.revocations().waiting(), 100);

    waiting.truncate(40);
    assert_eq!(local.revocations().waiting(), 40);
    publish(local.revocations(), 100, RevocationSubject::Session(SESSION));
    for ended in &mut waiting {
        assert_eq!(timeout(MAX_WAIT, ended).await, Ok(CredentialEnd::SessionEnded));
    }

    assert_eq!(local.revocations().waiting(), 0);
}

/// Counts how often a task was woken.
#[derive(Default)]
struct WakeCount(AtomicUsize);

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_thousand_publications_wake_only_the_connections_that_they_concern() {
    const CONNECTIONS: u32 = 10_000;
    const PUBLICATIONS: u32 = 1_000;
    // Every tenth publication ends a session with a connection.
    const CONCERNED: u32 = PUBLICATIONS / 10;
    let signer = TestSigner::with(Algorithm::Hs256);
    let local = signer.local();
    let principals: Vec<Principal> = (0..CONNECTIONS)
        .map(|number| {
            let mut claims = claims();
            claims["sid"] = json!(session(number));
            local.verify(&signer.sign(&claims), NOON).unwrap()
        })
        .collect();
    let mut waiting: Vec<_> = principals
        .iter()
        .map(|principal| (Box::pin(principal.ended()), Arc::new(WakeCount::default())))
        .collect();
    let started = Instant::now();
    for (ended, wakes) in &mut waiting {
        let waker = Waker::from(Arc::clone(wakes));
        assert!(ended.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    let registered = started.elapsed();

    let started = Instant::now();
    for number in 0..PUBLICATIONS {
        let of = if number % 10 == 0 { number } else { CONNECTIONS + number };
        publish(local.revocations(), 100 + u64::from(number), RevocationSubject::Session(session(of)));
    }
    let published = started.elapsed();

    let woken: Vec<usize> = waiting.iter().map(|(_, wakes)| wakes.0.load(Ordering::SeqCst)).collect();
    assert_eq!(woken.iter().sum::<usize>(), CONCERNED as usize);
    for (number, (ended, wakes)) in waiting.iter_mut().enumerate() {
        let is_concerned = number < PUBLICATIONS as usize && number % 10 == 0;
        assert_eq!(wakes.0.load(Ordering::SeqCst), usize::from(is_concerned), "{number}");
        if is_concerned {
            let polled = ended.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(polled, Poll::Ready(CredentialEnd::SessionEnded));
        }
    }
    assert_eq!(local.revocations().waiting(), (CONNECTIONS - CONCERNED) as usize);
    println!("registered {CONNECTIONS} in {registered:?}, published {PUBLICATIONS} in {published:?}");
    assert!(published < Duration::from_secs(2), "{published:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_revocation_is_lost_between_the_first_check_and_the_wait() {
    let signer = TestSigner::new();
    let local = signer.local();
    for round in 0..500 {
        let sid = session(round);
        let principal = local.verify(&signer.sign(&with("sid", json!(sid))), NOON).unwrap();
        let revocations = Arc::clone(local.revocations());
        let waiting = tokio::spawn(principal.ended());
        let publisher = thread::spawn(move || {
            publish(&revocations, 100 + u64::from(round), RevocationSubject::Session(sid));
        });

        assert_eq!(timeout(MAX_WAIT, waiting).await.unwrap().unwrap(), CredentialEnd::SessionEnded);
        publisher.join().unwrap();
    }
}
