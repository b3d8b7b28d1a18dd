//! Snapshots of long logs, pruned positions and restarts, which need the parts of an installation.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use counterfoil_core::credentials::verifier_key::VerifierKey;
use counterfoil_core::model::session::EndReason;
use counterfoil_core::model::verifier_key::VerifierKeyRecord;
use counterfoil_core::services::login_rate_limiter::RateLimit;
use counterfoil_core::services::revocation_feed::{INTROSPECTION_LEASE, VerifierPosition};
use counterfoil_core::store::{Change, NewRevocation};
use counterfoil_jose::Time;
use counterfoil_verify::{FeedResponse, RevocationSubject, SessionId};

use crate::app::App;
use crate::feed::error::FeedError;
use crate::feed::poll::PollRequest;
use crate::feed::promised_lease::{PromisedLease, restore_change};
use crate::runtime::stream_body::StreamBody;
use crate::settings::Settings;

/// An installation and a verifier that follows it.
struct Fixture {
    app: App,
    key: VerifierKeyRecord,
    dir: TempDir,
    polls: u64,
}

impl Fixture {
    async fn open() -> Self {
        let dir = TempDir::new().unwrap();
        Self::with(open(&dir).await, dir)
    }

    fn with(app: App, dir: TempDir) -> Self {
        let key = VerifierKey::generate().unwrap();
        let key = VerifierKeyRecord::new(&key, "orders".into(), app.now());
        Self { app, key, dir, polls: 0 }
    }

    /// Closes and opens the installation.
    async fn restart(self) -> Self {
        self.app.close().await.unwrap();
        Self { app: open(&self.dir).await, ..self }
    }

    fn next_request(&mut self, last: Option<&FeedResponse>) -> PollRequest {
        self.polls += 1;
        PollRequest {
            instance: "a".parse().unwrap(),
            poll: self.polls,
            position: VerifierPosition { after: last.map(|last| last.next), log: last.map(|last| last.log) },
            wait: Some(Duration::ZERO),
            stale: Duration::ZERO,
        }
    }

    async fn poll(&mut self, last: Option<&FeedResponse>) -> FeedResponse {
        let request = self.next_request(last);
        let body = self.app.parts.feed.poll(&self.key, request).await.unwrap();
        serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap()
    }

    /// A stream whose client does not read, and may read again.
    async fn open_unread_stream(&self) -> StreamBody {
        let (feed, keep_alive) = (&self.app.parts.feed, Duration::from_millis(20));
        let insert = Change::insert_verifier_key(self.key.clone());
        assert!(self.app.parts.store.commit(&[insert].into()).await.unwrap().applied().is_some());
        let start = VerifierPosition { after: None, log: None };
        let stream = feed.open_stream_with(keep_alive, self.key.id, start).unwrap();
        // Its parts fill the queue soon.
        sleep(10 * keep_alive).await;
        assert_eq!(feed.open_streams(), 1);
        stream
    }

    /// Waits until no stream is open.
    async fn streams_end(&self) {
        let end = async {
            while self.app.parts.feed.open_streams() > 0 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(10), end).await.expect("the stream ends");
    }

    /// Revokes `count` sessions in one commit, until `until`.
    async fn revoke(&self, count: u32, until: Time) {
        let entry = |number: u32| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            Change::append_revocation(NewRevocation {
                subject: RevocationSubject::Session(SessionId::from_bytes(id)),
                reason: EndReason::ByAdmin,
                at: self.app.now(),
                remember_until: Some(until),
                status_index: None,
            })
        };
        let changes: Vec<_> = (0..count).map(entry).collect();
        assert!(self.app.parts.store.commit(&changes.into()).await.unwrap().applied().is_some());
    }
}

async fn open(dir: &TempDir) -> App {
    open_with(dir, |_| {}).await
}

async fn open_with(dir: &TempDir, change: impl FnOnce(&mut Settings)) -> App {
    let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
    let mut settings = Settings::new("https://auth.example".parse().unwrap(), store);
    change(&mut settings);
    App::open(settings).await.unwrap()
}

fn in_an_hour(app: &App) -> Time {
    app.now() + Duration::from_secs(3_600)
}

#[tokio::test]
async fn a_long_snapshot_has_pages_without_gaps_and_is_complete_with_the_last_one() {
    const ENTRIES: usize = 25_000;
    let fixture = Fixture::open().await;
    fixture.revoke(ENTRIES as u32, in_an_hour(&fixture.app)).await;
    let mut fixture = fixture.restart().await;

    let first = fixture.poll(None).await;
    assert!(first.snapshot && !first.is_complete());
    let (mut entries, mut last) = (first.entries.clone(), first);
    // What is revoked meanwhile follows.
    fixture.revoke(1, in_an_hour(&fixture.app)).await;
    while !last.is_complete() {
        last = fixture.poll(Some(&last)).await;
        assert!(!last.snapshot, "the next page, not the first one again");
        entries.extend(last.entries.iter().cloned());
    }

    assert_eq!(entries.len(), ENTRIES + 1);
    assert!(entries.is_sorted_by(|a, b| a.position < b.position));
    let size: usize = entries.iter().map(|entry| serde_json::to_string(entry).unwrap().len()).sum();
    assert!(size * 2 < 5_000_000, "50,000 entries have {} bytes", size * 2);
}

#[tokio::test]
async fn after_a_restart_a_verifier_that_knows_everything_continues_and_another_gets_a_snapshot() {
    let mut fixture = Fixture::open().await;
    let empty = fixture.poll(None).await;
    fixture.revoke(3, in_an_hour(&fixture.app)).await;
    let complete = fixture.poll(Some(&empty)).await;
    let mut fixture = fixture.restart().await;

    let next = fixture.poll(Some(&complete)).await;
    assert!(!next.snapshot && next.entries.is_empty() && next.is_complete());
    let behind = fixture.poll(Some(&empty)).await;
    assert!(behind.snapshot && behind.entries.len() == 3, "some of its entries may have been pruned");
}

/// A wait for the fleet on another node may have begun before this one joined.
#[tokio::test]
async fn a_process_that_starts_has_confirmed_what_was_revoked_before() {
    let fixture = Fixture::open().await;
    fixture.revoke(1, in_an_hour(&fixture.app)).await;

    let fixture = fixture.restart().await;

    let feed = &fixture.app.parts.feed;
    assert_eq!(feed.confirmed_up_to(), feed.publication.published().head);
}

#[tokio::test]
async fn a_position_before_a_pruned_entry_gets_a_snapshot() {
    let mut fixture = Fixture::open().await;
    let empty = fixture.poll(None).await;
    fixture.revoke(1, fixture.app.now()).await;
    fixture.revoke(1, in_an_hour(&fixture.app)).await;
    let behind = fixture.poll(Some(&empty)).await;
    assert!(!behind.snapshot && behind.entries.len() == 2);

    fixture.app.parts.feed.prune(fixture.app.now() + Duration::from_secs(1));

    let behind = fixture.poll(Some(&empty)).await;
    assert!(behind.snapshot && behind.is_complete());
}

#[tokio::test]
async fn the_longest_promised_lease_is_durable_before_it_is_given() {
    let mut fixture = Fixture::open().await;
    assert_eq!(fixture.app.parts.feed.promised_lease.at_start(), Duration::ZERO);
    fixture.poll(None).await;

    let fixture = fixture.restart().await;

    let lease = fixture.app.settings().feed.lease;
    let promised = &fixture.app.parts.feed.promised_lease;
    assert_eq!(promised.at_start(), lease);
    assert!(promised.former_leases_end() > fixture.app.parts.feed.uptime() + lease);
}

#[tokio::test]
async fn a_restored_store_waits_for_the_longest_lease_that_the_settings_allow() {
    let fixture = Fixture::open().await;
    let store = &*fixture.app.parts.store;
    for (allowed, expected) in [(60, 60), (30, 60), (90, 90)] {
        let change = restore_change(store, Duration::from_secs(allowed)).await.unwrap();
        assert!(store.commit(&[change].into()).await.unwrap().applied().is_some());

        let started =
            PromisedLease::load(Arc::clone(&fixture.app.parts.store), Duration::ZERO).await.unwrap();
        assert_eq!(started.at_start(), Duration::from_secs(expected));
    }
}

#[tokio::test]
async fn entries_are_from_memory_only_if_all_of_them_are_there() {
    let fixture = Fixture::open().await;
    let publication = &fixture.app.parts.feed.publication;
    let start = publication.published().head;
    fixture.revoke(20_000, in_an_hour(&fixture.app)).await;
    let (head, first) = (publication.published().head, publication.complete_after());

    assert!(start < first && publication.entries(start, head).is_none());
    assert!(publication.entries(first, head).unwrap().count > 0);
}

#[tokio::test]
async fn a_long_lease_of_a_former_process_is_forgotten_when_it_has_run_out() {
    let mut fixture = Fixture::open().await;
    let hour = Duration::from_secs(3_600);
    fixture.app.parts.feed.promised_lease.raise_to(hour).await.unwrap();
    fixture.poll(None).await;
    let mut fixture = fixture.restart().await;
    fixture.poll(None).await;
    let promised = &fixture.app.parts.feed.promised_lease;
    let end = promised.former_leases_end();

    promised.forget_former_leases(end - Duration::from_millis(1)).await.unwrap();
    let fixture = fixture.restart().await;
    assert_eq!(fixture.app.parts.feed.promised_lease.at_start(), hour, "one of them may still run");

    let mut fixture = fixture.restart().await;
    fixture.poll(None).await;
    let promised = &fixture.app.parts.feed.promised_lease;
    promised.forget_former_leases(promised.former_leases_end()).await.unwrap();
    let fixture = fixture.restart().await;
    assert_eq!(fixture.app.parts.feed.promised_lease.at_start(), fixture.app.settings().feed.lease);
}

#[tokio::test]
async fn an_introspection_is_durable_as_a_promised_lease() {
    let fixture = Fixture::open().await;
    fixture.app.parts.feed.begin_introspection().await.unwrap();

    let fixture = fixture.restart().await;

    assert_eq!(fixture.app.parts.feed.promised_lease.at_start(), INTROSPECTION_LEASE);
}

#[tokio::test]
async fn a_refused_poll_promises_no_lease() {
    let dir = TempDir::new().unwrap();
    let app = open_with(&dir, |settings| {
        settings.feed.polls_per_key = RateLimit { max: 1, window: Duration::from_secs(60) };
    })
    .await;
    let mut fixture = Fixture::with(app, dir);
    fixture.poll(None).await;

    let request = PollRequest { stale: Duration::from_secs(600), ..fixture.next_request(None) };
    let refused = fixture.app.parts.feed.poll(&fixture.key, request).await;

    assert!(matches!(refused, Err(FeedError::TooManyPolls(_))));
    let fixture = fixture.restart().await;
    assert_eq!(fixture.app.parts.feed.promised_lease.at_start(), fixture.app.settings().feed.lease);
}

#[tokio::test]
async fn a_stream_of_a_removed_key_ends_although_its_client_does_not_read() {
    let fixture = Fixture::open().await;
    let _unread = fixture.open_unread_stream().await;

    let remove = Change::remove_verifier_key(fixture.key.id);
    assert!(fixture.app.parts.store.commit(&[remove].into()).await.unwrap().applied().is_some());

    fixture.streams_end().await;
}

#[tokio::test]
async fn what_waits_for_the_client_of_a_stream_is_not_sent_after_the_removal_of_its_key() {
    let fixture = Fixture::open().await;
    let mut waiting = fixture.open_unread_stream().await;
    assert!(waiting.frame().await.unwrap().unwrap().into_data().unwrap().starts_with(b"id: "));

    let remove = Change::remove_verifier_key(fixture.key.id);
    assert!(fixture.app.parts.store.commit(&[remove].into()).await.unwrap().applied().is_some());

    let rest = timeout(Duration::from_secs(10), waiting.collect()).await.expect("the stream ends");
    assert_eq!(rest.unwrap().to_bytes(), "");
    fixture.streams_end().await;
}

#[tokio::test]
async fn a_stream_ends_at_a_shutdown_although_its_client_does_not_read() {
    let fixture = Fixture::open().await;
    let _unread = fixture.open_unread_stream().await;

    fixture.app.start_shutdown();

    fixture.streams_end().await;
}
