//! The issuer: the feed of the server over a SQLite store, with the polls and waits in progress.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use counterfoil::testing::SimulatedFeed;
use counterfoil::{FeedSettings, Store};
use counterfoil_core::credentials::verifier_key::VerifierKey;
use counterfoil_core::model::session::EndReason;
use counterfoil_core::model::verifier_key::VerifierKeyRecord;
use counterfoil_core::services::keys::keyring::Keyring;
use counterfoil_core::services::keys::rotation_schedule::RotationSchedule;
use counterfoil_core::services::revoker::RevocationRetention;
use counterfoil_core::store::{Change, ExpiryEvents, NewRevocation};
use counterfoil_jose::{SealingKey, Time};
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{PollRequest, RevocationPosition, RevocationSubject, SessionId};
use tokio::runtime::Runtime;

use crate::simulation::clock::IssuerClock;
use crate::simulation::random::Random;

/// The metadata of the longest promised lease, which a new schedule starts without.
const LONGEST_LEASE: &str = "feed_longest_lease";

/// A store, which many schedules use one after the other.
pub(super) struct Installation {
    store: Arc<dyn Store>,
    keys: Arc<Keyring>,
    key: VerifierKeyRecord,
    /// Its time stands still unless the simulation moves it: sleeps of the server end by it.
    runtime: Runtime,
}

impl Installation {
    /// A new store with keys.
    pub(super) fn new(now: Time) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let store: Arc<dyn Store> = SqliteStore::in_memory().expect("the temporary directory is writable");
        let retention = Arc::new(RevocationRetention::new(Duration::from_secs(3_600)));
        let (master, schedule) = (SealingKey::from_bytes([7; 32]), RotationSchedule::DEFAULT);
        let keys = wait(Keyring::open(Arc::clone(&store), master, schedule, retention, now));
        let key = VerifierKey::generate().expect("the operating system has random numbers");
        Self {
            store,
            keys: Arc::new(keys.expect("the store is new")),
            key: VerifierKeyRecord::new(&key, "orders".into(), now),
            runtime: runtime.expect("a runtime without I/O always starts"),
        }
    }

    /// Removes what a former schedule left. All its revocations have expired at `now`.
    pub(super) fn clear(&self, now: Time) {
        while wait(self.store.purge(now, 1_000, ExpiryEvents::default())).expect("the store works") > 0 {}
        let change = Change::set_metadata(LONGEST_LEASE, 0_u64.to_be_bytes().to_vec());
        let committed = wait(self.store.commit(&[change].into())).expect("the store works");
        committed.applied().expect("nothing conflicts");
    }

    /// Lets the sleeps of the server pass.
    pub(super) fn pass(&self, ms: u64) {
        self.runtime.block_on(tokio::time::advance(Duration::from_millis(ms)));
    }
}

/// What a call has returned.
pub(super) enum Done {
    /// A poll of this process: the body of the response.
    Polled(usize, Vec<u8>),
    /// The wait for this revocation.
    InForce(usize),
}

/// The issuer of one schedule.
pub(super) struct Issuer<'i> {
    installation: &'i Installation,
    clock: IssuerClock,
    settings: FeedSettings,
    /// The feed of the process that runs, if one does.
    feed: Option<SimulatedFeed>,
    calls: Vec<Call>,
}

type Call = Pin<Box<dyn Future<Output = Option<Done>>>>;

impl<'i> Issuer<'i> {
    pub(super) fn start(installation: &'i Installation, clock: IssuerClock, settings: FeedSettings) -> Self {
        let mut issuer = Self { installation, clock, settings, feed: None, calls: Vec::new() };
        issuer.restart();
        issuer
    }

    pub(super) fn is_running(&self) -> bool {
        self.feed.is_some()
    }

    /// Ends the process as `kill -9` does.
    pub(super) fn crash(&mut self) {
        self.calls.clear();
        self.feed = None;
    }

    /// Starts a process.
    pub(super) fn restart(&mut self) {
        let Installation { store, keys, .. } = self.installation;
        let opened =
            SimulatedFeed::open(Arc::clone(store), self.clock.clone(), Arc::clone(keys), self.settings);
        self.feed = Some(wait(opened).expect("the store works"));
    }

    /// Commits the revocation of a session, and publishes it if the process runs.
    pub(super) fn revoke(&self, session: SessionId, until: Time) -> RevocationPosition {
        let revocation = NewRevocation {
            subject: RevocationSubject::Session(session),
            reason: EndReason::ByAdmin,
            at: self.clock.now(),
            remember_until: Some(until),
            status_index: None,
        };
        let committed = wait(self.installation.store.commit(&[Change::append_revocation(revocation)].into()));
        let applied = committed.expect("the store works").applied().expect("nothing conflicts");
        applied.entries.last().expect("it has an entry").position
    }

    /// Begins to wait for the fleet. Returns the longest time that it may take.
    pub(super) fn wait_for_fleet(
        &mut self,
        revocation: usize,
        session: SessionId,
        position: RevocationPosition,
    ) -> Option<Duration> {
        let feed = self.feed.as_ref()?;
        let waiting = feed.wait_for_fleet(RevocationSubject::Session(session), position);
        self.calls.push(Box::pin(async move { waiting.await.map(|_| Done::InForce(revocation)) }));
        Some(feed.longest_wait())
    }

    /// A poll arrives. Returns whether a process runs.
    pub(super) fn receive(&mut self, process: usize, poll: &PollRequest) -> bool {
        let Some(feed) = &self.feed else { return false };
        let response = feed.poll(self.installation.key.clone(), poll);
        self.calls.push(Box::pin(async move { response.await.map(|body| Done::Polled(process, body)) }));
        true
    }

    /// Runs the periodic job.
    pub(super) fn prune(&self) {
        if let Some(feed) = &self.feed {
            wait(feed.prune(self.clock.now())).expect("the store works");
        }
    }

    /// Continues the calls in progress, each with a chance: a busy machine continues some of them later.
    pub(super) fn run(&mut self, chance: u64, random: &mut Random) -> Vec<Done> {
        let Some(feed) = &self.feed else { return Vec::new() };
        let _time = self.installation.runtime.enter();
        let mut done = Vec::new();
        self.calls.retain_mut(|call| {
            if !random.chance(chance) {
                return true;
            }
            match continue_call(call, feed) {
                Poll::Ready(result) => {
                    done.extend(result);
                    false
                }
                Poll::Pending => true,
            }
        });
        done
    }
}

/// Polls a future until it waits for time or an event. The store answers from a thread of its own: for that it waits here, so
/// that a schedule does not depend on how fast the thread is.
fn continue_call(call: &mut Call, feed: &SimulatedFeed) -> Poll<Option<Done>> {
    let waker = waker();
    let mut context = Context::from_waker(&waker);
    loop {
        let result = call.as_mut().poll(&mut context);
        if result.is_ready() || !feed.is_storing() {
            return result;
        }
        thread::park_timeout(Duration::from_millis(1));
    }
}

/// Waits for a future that only the store delays.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = waker();
    let (mut context, mut future) = (Context::from_waker(&waker), std::pin::pin!(future));
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
        thread::park();
    }
}

fn waker() -> Waker {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    Waker::from(Arc::new(Unpark(thread::current())))
}
