//! What comes round. Every minute: the dead are buried, the forgotten forgotten, the clock's mark is saved. Every
//! second: which sessions were used is written down. When their time has come: the keys are turned.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use counterfoil_core::store::StoreError;
use counterfoil_jose::random;

use crate::app::App;
use crate::clock::ClockUnsettled;
use crate::clock::checkpoint;
use crate::http::error::chain;
use crate::runtime::task::{RECOVERY, Task, again_and_again, aside};
use crate::store::last_seen;

/// How often, give or take [`JITTER`].
const ROUND: Duration = Duration::from_secs(60);
/// What one round may come earlier or later: many nodes do not all come at once.
const JITTER: Duration = Duration::from_secs(5);
/// How often the clock is looked at, so that a leap is seen when nobody asks for the time.
const GLANCE: Duration = Duration::from_secs(5);
/// The keys are looked at no more often than this, whatever their schedule says.
const SHORTEST: Duration = Duration::from_millis(100);
/// How many rows go at a time, and how long writers may go before the next.
const AT_A_TIME: u32 = 1_000;
const PAUSE: Duration = Duration::from_millis(50);

/// Starts the rounds. A fault in one kind of work ends neither it nor the others.
pub(crate) fn start(app: App) -> Task {
    Task::start(async move {
        tokio::join!(
            again_and_again("rounds", RECOVERY, || rounds(app.clone())),
            again_and_again("keys", RECOVERY, || turns(app.clone())),
            again_and_again("gatherings", RECOVERY, || gatherings(app.clone())),
        );
    })
}

async fn gatherings(app: App) {
    loop {
        sleep(last_seen::GATHERED).await;
        if let Err(error) = last_seen::write(&*app.store, &app.memory).await {
            tracing::warn!(%error, "some uses of sessions could not be written down");
        }
    }
}

/// Looks after the keys when their schedule wants it, when somebody has asked for it, and at least every [`ROUND`].
async fn turns(app: App) {
    loop {
        let due = Instant::now() + turn_keys(&app).await;
        tokio::select! {
            () = sleep_until(due) => {}
            () = app.keys_asked.notified() => {}
        }
    }
}

async fn rounds(app: App) {
    loop {
        let next = Instant::now() + ROUND - JITTER + jitter();
        while Instant::now() < next {
            // Reading the clock is what makes it watch the wall.
            app.now();
            sleep_until(next.min(Instant::now() + GLANCE)).await;
        }
        if let Err(error) = round(&app).await {
            tracing::warn!(%error, "the work of this minute was not done; the next round takes it up");
        }
    }
}

/// One round. Each step is whole in itself, so it may end after any.
pub(crate) async fn round(app: &App) -> Result<(), StoreError> {
    checkpoint::save(&*app.store, &app.clock).await?;
    app.save_log_head().await;
    // What is dropped is gone for good: not by a leap of the clock that may yet be taken back. A revocation
    // that was forgotten by it would let its token in again.
    let Ok(now) = app.now_to_issue() else { return Ok(()) };
    app.memory.revocations().prune(now);
    while app.store.purge(now, AT_A_TIME).await? >= u64::from(AT_A_TIME) {
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Does what the schedule of the keys wants, and takes up what others have done: another node, or somebody who
/// went away between the commit and taking it up. Returns how long it has time.
///
/// While a leap of the clock is unsettled no key is used or dropped by it.
async fn turn_keys(app: &App) -> Duration {
    let turned = match app.now_to_issue() {
        Ok(now) => {
            let keys = Arc::clone(&app.keys);
            let turned = aside(async move { keys.turn(now).await }).await;
            turned.map(|until| until.map_or(ROUND, |until| until.since(now)))
        }
        Err(ClockUnsettled) => app.keys.renew().await.map(|()| GLANCE),
    };
    let failed = match turned {
        Ok(until) => {
            app.has_stale_keys.store(false, Ordering::Relaxed);
            return until.clamp(SHORTEST, ROUND);
        }
        Err(failed) => failed,
    };
    // A step that could not be written is the store's doing, and told as such. What is kept is taken up all the same.
    let stale = app.keys.renew().await.err();
    app.has_stale_keys.store(stale.is_some(), Ordering::Relaxed);
    // With the key's name and the cause: whoever reads `keys` at `/readyz` looks here.
    let error = chain(stale.as_ref().unwrap_or(&failed));
    tracing::error!(error, "the keys could not be looked after; they are within a minute again");
    ROUND
}

/// Up to twice [`JITTER`]; none where the system has no randomness to give.
fn jitter() -> Duration {
    let drawn = random::bytes().map_or(0, u16::from_be_bytes);
    JITTER * 2 * u32::from(drawn) / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use counterfoil_core::credentials::password::Argon2Cost;
    use counterfoil_core::credentials::session_token::SessionToken;
    use counterfoil_core::model::audit_event::Actor;
    use counterfoil_core::model::key::{KeyPurpose, KeyRecord, KeyState};
    use counterfoil_core::model::session::{ClientInfo, Mode};
    use counterfoil_core::services::account::{Credentials, Registration};
    use counterfoil_core::services::issuer::{IssuedSession, NewSession};
    use counterfoil_core::services::keys::keyring::{ActivateAt, Keyring};
    use counterfoil_core::services::revoker::RevocationRetention;
    use counterfoil_core::store::Change;
    use counterfoil_jose::{SealingKey, Secret, Time, base64url};
    use counterfoil_verify::{Authenticate, ClientId, Presented, SessionId};
    use tracing::Level;

    use super::*;
    use crate::clock::Reading;
    use crate::runtime::panics::panics;
    use crate::settings::Settings;
    use crate::test_log::Overheard;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

    async fn log_in(app: &App) -> SessionId {
        log_in_for_a_token(app).await.session.id
    }

    async fn log_in_for_a_token(app: &App) -> IssuedSession<SessionToken> {
        let (from, now, password) =
            (ClientInfo::default(), app.now(), Secret::new("correct horse".to_owned()));
        let shown = Credentials {
            username: "ada".into(),
            password,
            client: ClientId::default(),
            mode: Mode::Session,
        };
        let judged = app.sign_in.with_password(&shown, &from, now).await.unwrap();
        app.issuer.open_session(judged, NewSession::default(), now).await.unwrap()
    }

    /// Seconds that the wall shows and that have passed, both since noon.
    #[derive(Clone, Default)]
    struct Hand {
        wall: Arc<AtomicU64>,
        up: Arc<AtomicU64>,
    }

    impl Hand {
        fn passes(&self, time: Duration) {
            self.wall.fetch_add(time.as_secs(), Ordering::SeqCst);
            self.up.fetch_add(time.as_secs(), Ordering::SeqCst);
        }

        fn leaps(&self, time: Duration) {
            self.wall.fetch_add(time.as_secs(), Ordering::SeqCst);
        }

        fn read(&self) -> Reading {
            let seconds = |of: &AtomicU64| Duration::from_secs(of.load(Ordering::SeqCst));
            Reading { wall: NOON + seconds(&self.wall), up: seconds(&self.up) }
        }
    }

    async fn app_in(dir: &std::path::Path, hand: &Hand) -> App {
        let store = format!("sqlite:{}", dir.join("auth.db").display()).parse().unwrap();
        let plain = Settings::new("http://localhost".parse().unwrap(), store);
        let settings = Settings { argon2: Argon2Cost { memory: 64, passes: 1, lanes: 1 }, ..plain };
        let read = hand.clone();
        App::open_by(settings, move || read.read()).await.unwrap()
    }

    async fn app_with_a_user(dir: &std::path::Path, hand: &Hand) -> App {
        let app = app_in(dir, hand).await;
        let ada = Registration {
            username: "ada".into(),
            password: Secret::new("correct horse".into()),
            email: None,
            roles: Vec::new(),
        };
        app.sign_in.register(ada, Actor::Operator, &ClientInfo::default(), app.now()).await.unwrap();
        app
    }

    /// An installation in `dir`, with a user and one session of hers that was ended.
    async fn app_with_a_dead_session(dir: &std::path::Path, hand: &Hand) -> (App, SessionId) {
        let app = app_with_a_user(dir, hand).await;
        let dead = log_in(&app).await;
        app.revoker.end(dead, &by_nobody(), app.now()).await.unwrap();
        assert_eq!(app.memory.revocations().len(), 1);
        (app, dead)
    }

    #[tokio::test]
    async fn a_round_buries_the_dead_and_no_others() {
        let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::default());
        let (app, dead) = app_with_a_dead_session(dir.path(), &hand).await;

        hand.passes(YEAR);
        let alive = log_in(&app).await;
        round(&app).await.unwrap();

        assert!(app.store.session(dead).await.unwrap().is_none());
        assert!(app.store.session(alive).await.unwrap().is_some());
        assert_eq!(app.memory.revocations().len(), 0);
    }

    #[tokio::test]
    async fn a_leap_of_the_clock_buries_nobody_before_it_is_settled() {
        let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::default());
        let (app, dead) = app_with_a_dead_session(dir.path(), &hand).await;

        hand.leaps(YEAR);
        assert!(app.now() >= NOON + YEAR, "it is followed in memory");
        round(&app).await.unwrap();

        assert!(app.store.session(dead).await.unwrap().is_some());
        assert_eq!(app.memory.revocations().len(), 1);
    }

    #[tokio::test]
    async fn the_last_uses_are_written_down_before_the_store_is_closed() {
        let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::default());
        let app = app_with_a_user(dir.path(), &hand).await;
        let opened = log_in_for_a_token(&app).await;

        hand.passes(ROUND);
        let token = opened.issued.to_string();
        app.authenticator.authenticate(Presented::Session(&token), app.now()).wait().await.unwrap();
        let used = app.now();
        app.close().await.unwrap();

        let app = app_in(dir.path(), &hand).await;
        let kept = app.store.session(opened.session.id).await.unwrap().unwrap();
        assert_eq!(kept.seen_at, used);
    }

    /// As if whoever has changed them had gone away, or were another process, right after the commit.
    #[tokio::test]
    async fn keys_are_taken_up_as_they_are_kept() {
        let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::default());
        let (app, _) = app_with_a_dead_session(dir.path(), &hand).await;
        let text = std::fs::read_to_string(dir.path().join("auth.db.key")).unwrap();
        let master = SealingKey::from_bytes(base64url::decode_exact(text.trim_end()).unwrap());
        let horizon = Arc::new(RevocationRetention::new(Duration::from_secs(3600)));
        let elsewhere =
            Keyring::open(Arc::clone(&app.store), master, *app.keys.schedule(), horizon, app.now())
                .await
                .unwrap();
        let signs = || app.keys.ring().signing().kid().to_owned();
        let before = signs();

        let new = elsewhere.rotate(ActivateAt::Immediately, &by_nobody(), app.now()).await.unwrap().id;
        assert_eq!(signs(), before);
        turn_keys(&app).await;

        assert_eq!(signs(), new.as_str());
        assert_ne!(signs(), before);
    }

    #[tokio::test]
    async fn keys_that_cannot_be_taken_up_are_missing_and_named() {
        let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::default());
        let (app, _) = app_with_a_dead_session(dir.path(), &hand).await;
        assert!(app.readiness().await.is_empty());

        let damaged = Change::InsertKey(Box::new(damaged("damaged")));
        app.store.commit(&[damaged]).await.unwrap().applied().unwrap();
        let (overheard, _listening) = Overheard::at(Level::ERROR);
        turn_keys(&app).await;

        assert_eq!(app.readiness().await, ["keys"]);
        let said = overheard.said();
        assert!(said.contains("does not open the key damaged of this store: "), "which, and why: {said}");
    }

    #[tokio::test]
    async fn a_leap_of_the_clock_turns_no_key_before_it_is_settled() {
        let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::default());
        let (app, _) = app_with_a_dead_session(dir.path(), &hand).await;
        app.keys.rotate(ActivateAt::Immediately, &by_nobody(), app.now()).await.unwrap();
        let before = app.keys.keys().await.unwrap();

        hand.leaps(YEAR);
        app.now();
        turn_keys(&app).await;
        assert_eq!(app.keys.keys().await.unwrap(), before, "none is used and none is dropped by it");
        hand.passes(crate::clock::HOLD);
        turn_keys(&app).await;

        assert_ne!(app.keys.keys().await.unwrap(), before);
    }

    /// Two keys that nobody needs any more, with revisions whose sum is no number.
    #[tokio::test]
    async fn keys_that_make_us_panic_keep_nothing_else_from_being_done() {
        let (dir, hand) = (tempfile::tempdir().unwrap(), Hand::default());
        let (app, _) = app_with_a_dead_session(dir.path(), &hand).await;
        for id in ["one", "other"] {
            let absurd = KeyRecord { state: KeyState::Removed, revision: i64::MAX as u64, ..damaged(id) };
            app.store.commit(&[Change::InsertKey(Box::new(absurd))]).await.unwrap().applied().unwrap();
        }
        let (before, since) = (panics(), std::time::Instant::now());
        hand.passes(YEAR);

        let jobs = start(app.clone());
        while panics() == before {
            assert!(since.elapsed() < Duration::from_secs(20), "whoever watches sees it");
            sleep(PAUSE).await;
        }
        round(&app).await.unwrap();
        jobs.stop().await;

        assert_eq!(app.memory.revocations().len(), 0, "the dead are buried all the same");
    }

    fn damaged(id: &str) -> KeyRecord {
        KeyRecord {
            id: id.parse().unwrap(),
            purpose: KeyPurpose::Signing,
            algorithm: "ES256".into(),
            sealed: vec![7; 64],
            state: KeyState::Retired,
            created_at: NOON,
            changed_at: NOON,
            used_from: None,
            revision: 0,
        }
    }

    fn by_nobody() -> counterfoil_core::services::revoker::RevocationContext {
        use counterfoil_core::model::session::EndReason;
        use counterfoil_core::services::revoker::RevocationContext;

        RevocationContext { actor: Actor::System, cause: EndReason::ByAdmin, from: ClientInfo::default() }
    }

    #[test]
    fn rounds_are_a_minute_apart_give_or_take_a_little() {
        for _ in 0..100 {
            assert!(jitter() <= 2 * JITTER);
        }
    }
}
