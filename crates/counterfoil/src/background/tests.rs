//! Tests of the background jobs: purge, key rotation, clock jumps, and panics.

use tracing::Level;

use counterfoil_core::credentials::password::Argon2Cost;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::key::{KeyPurpose, KeyRecord, KeyState};
use counterfoil_core::model::session::{ClientInfo, EndReason, Mode, Session, SessionEnd};
use counterfoil_core::services::account::{Credentials, Registration};
use counterfoil_core::services::issuer::{IssuedSession, NewSession};
use counterfoil_core::services::keys::keyring::{ActivateAt, Keyring};
use counterfoil_core::services::revoker::{RevocationContext, RevocationRetention};
use counterfoil_core::store::{Change, JobLock, NodeId, Page, SessionEnding};
use counterfoil_jose::{SealingKey, Secret, Time, base64url};
use counterfoil_test_support::CapturedLogs;
use counterfoil_verify::{Authenticator, ClientId, PresentedCredential, SessionId};

use super::*;
use crate::clock::CLOCK_JUMP_HOLD_TIME;
use crate::clock::manual::ManualClock;
use crate::operations::oauth::introspection::introspect;
use crate::runtime::panics::panic_count;
use crate::settings::Settings;
use crate::store::job_locks::{PURGE_JOB, PURGE_LOCK_DURATION};

const NOON: Time = Time::from_unix_seconds(1_764_000_000);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

async fn log_in(app: &App) -> SessionId {
    log_in_with_token(app).await.session.id
}

async fn log_in_with_token(app: &App) -> IssuedSession<SessionToken> {
    let (client, now, password) = (ClientInfo::default(), app.now(), Secret::new("correct horse".to_owned()));
    let credentials =
        Credentials { username: "ada".into(), password, client: ClientId::default(), mode: Mode::Session };
    let user = app.parts.accounts.authenticate(&credentials, &client, now).await.unwrap();
    app.parts.issuer.issue_session(user, NewSession::default(), now).await.unwrap()
}

async fn app_in(dir: &std::path::Path, clock: &ManualClock) -> App {
    let store = format!("sqlite:{}", dir.join("auth.db").display()).parse().unwrap();
    let defaults = Settings::new("http://localhost".parse().unwrap(), store);
    let settings =
        Settings { argon2: Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 }, ..defaults };
    App::open_with_clock(settings, clock.clone()).await.unwrap()
}

async fn app_with_a_user(dir: &std::path::Path, clock: &ManualClock) -> App {
    let app = app_in(dir, clock).await;
    let ada = Registration {
        username: "ada".into(),
        password: Secret::new("correct horse".into()),
        email: None,
        roles: Vec::new(),
        external_id: None,
    };
    app.parts.accounts.register(ada, Actor::Operator, &ClientInfo::default(), app.now()).await.unwrap();
    app
}

/// An installation in `dir` with one user and one session that was ended.
async fn app_with_an_ended_session(dir: &std::path::Path, clock: &ManualClock) -> (App, SessionId) {
    let app = app_with_a_user(dir, clock).await;
    let ended = log_in(&app).await;
    app.parts.revoker.end_session(ended, &by_system(), app.now()).await.unwrap();
    assert_eq!(app.parts.session_cache.revocations().len(), 1);
    (app, ended)
}

#[tokio::test]
async fn maintenance_purges_ended_sessions_and_no_others() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOON));
    let (app, ended) = app_with_an_ended_session(dir.path(), &clock).await;

    clock.advance(YEAR);
    let active = log_in(&app).await;
    run_maintenance(&app).await.unwrap();

    assert!(app.parts.store.session(ended).await.unwrap().is_none());
    assert!(app.parts.store.session(active).await.unwrap().is_some());
    assert_eq!(app.parts.session_cache.revocations().len(), 0);
}

/// After a stop of a year: the events have the times at which the sessions expired.
#[tokio::test]
async fn maintenance_records_the_sessions_that_expired_while_no_server_ran() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOON));
    let app = app_with_a_user(dir.path(), &clock).await;
    let login = log_in_with_token(&app).await.session;
    let copies = (0..600_u128).map(|number| {
        let id = SessionId::from_bytes(number.to_be_bytes());
        Change::insert_session(Session { id, ..login.clone() })
    });
    let _ = app.parts.store.commit(&copies.collect::<Vec<_>>().into()).await.unwrap();
    app.close().await.unwrap();

    clock.advance(YEAR);
    let app = app_in(dir.path(), &clock).await;
    run_maintenance(&app).await.unwrap();
    run_maintenance(&app).await.unwrap();

    let ended = &app.parts.metrics.events.sessions_ended;
    assert_eq!(ended.get_or_create(&[("reason", "idle")]).get(), 601);
    let session = login.id.to_string();
    let filter = serde_json::from_value(serde_json::json!({ "session": session })).unwrap();
    let command = crate::admin::Command::AuditList { filter, after: None, limit: None };
    let events = app.administer(command).await.unwrap();
    let last = &events["events"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["kind"], &last["reason"]), (&"session_expired".into(), &"idle".into()), "{last}");
    assert_eq!((&last["at"], &last["username"]), (&login.ends_at().unix_seconds().into(), &"ada".into()));
}

#[tokio::test]
async fn maintenance_purges_nothing_while_another_node_holds_the_lock() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOON));
    let (app, ended) = app_with_an_ended_session(dir.path(), &clock).await;
    clock.advance(YEAR);
    let other = JobLock { job: PURGE_JOB, holder: NodeId::from_bytes([2; 16]) };
    let take = Change::take_job_lock(other, app.now(), app.now() + PURGE_LOCK_DURATION);
    let _ = app.parts.store.commit(&[take].into()).await.unwrap().applied().unwrap();

    run_maintenance(&app).await.unwrap();
    assert!(app.parts.store.session(ended).await.unwrap().is_some());

    clock.advance(PURGE_LOCK_DURATION);
    run_maintenance(&app).await.unwrap();
    assert!(
        app.parts.store.session(ended).await.unwrap().is_none(),
        "the lock of a node that is gone expires"
    );
}

/// As after a crash between the commit that revoked the sessions and the next one.
#[tokio::test]
async fn maintenance_marks_sessions_that_a_crash_left_revoked() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOON));
    let app = app_with_a_user(dir.path(), &clock).await;
    let login = log_in_with_token(&app).await.session;
    let copies = (0..400_u128).map(|number| {
        let id = SessionId::from_bytes(number.to_be_bytes());
        Change::insert_session(Session { id, ..login.clone() })
    });
    let _ = app.parts.store.commit(&copies.collect::<Vec<_>>().into()).await.unwrap();
    let end = SessionEnd { at: app.now(), reason: EndReason::ByUser };
    let ending = SessionEnding { end, remember_until: app.now() + YEAR };
    let end_all = Change::end_sessions_of(login.user, None, ending);
    let _ = app.parts.store.commit(&[end_all].into()).await.unwrap();
    app.close().await.unwrap();

    let app = app_in(dir.path(), &clock).await;
    assert_eq!(app.parts.store.pending_session_ends(10).await.unwrap().len(), 1);
    let page = Page { after: None, limit: 10 };
    assert!(app.parts.store.sessions_of(login.user, page, app.now()).await.unwrap().is_empty());
    run_maintenance(&app).await.unwrap();

    assert!(app.parts.store.pending_session_ends(10).await.unwrap().is_empty());
    assert_eq!(app.parts.session_cache.revocations().len(), 401);
    assert!(app.parts.store.session(login.id).await.unwrap().unwrap().ended.is_some());
}

#[tokio::test]
async fn maintenance_purges_nothing_while_a_clock_jump_is_pending() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOON));
    let (app, ended) = app_with_an_ended_session(dir.path(), &clock).await;

    clock.set_wall(NOON + YEAR);
    assert!(app.now() >= NOON + YEAR, "the new time applies at once");
    run_maintenance(&app).await.unwrap();

    assert!(app.parts.store.session(ended).await.unwrap().is_some());
    assert_eq!(app.parts.session_cache.revocations().len(), 1);
}

/// A purge may take longer than a start allows between two signs of life.
#[tokio::test]
async fn a_sign_of_life_is_written_each_minute_without_maintenance() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOON));
    let app = app_in(dir.path(), &clock).await;
    let mark = async || app.parts.store.metadata("clean_shutdown:0").await.unwrap().unwrap();
    let (mut last_sign, at_start) = (app.parts.started_at, mark().await);

    clock.advance(MAINTENANCE_INTERVAL / 2);
    write_sign_of_life(&app, &mut last_sign, &mut false).await;
    assert_eq!(mark().await, at_start);

    clock.advance(MAINTENANCE_INTERVAL / 2);
    write_sign_of_life(&app, &mut last_sign, &mut false).await;
    assert_eq!(mark().await[1..], (NOON + MAINTENANCE_INTERVAL).unix_ms().to_be_bytes());
}

#[tokio::test]
async fn last_seen_times_are_written_before_the_store_is_closed() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOON));
    let app = app_with_a_user(dir.path(), &clock).await;
    let login = log_in_with_token(&app).await;

    clock.advance(MAINTENANCE_INTERVAL);
    let token = login.credential.to_string();
    app.parts
        .authenticator
        .authenticate(PresentedCredential::SessionToken(&token), app.now())
        .wait()
        .await
        .unwrap();
    let used_at = app.now();
    app.close().await.unwrap();

    let app = app_in(dir.path(), &clock).await;
    let stored = app.parts.store.session(login.session.id).await.unwrap().unwrap();
    assert_eq!(stored.seen_at, used_at);
}

/// As after a change by another process, or by a request that ended right after its commit.
#[tokio::test]
async fn key_changes_in_the_store_are_loaded() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOON));
    let (app, _) = app_with_an_ended_session(dir.path(), &clock).await;
    let text = std::fs::read_to_string(dir.path().join("auth.db.key")).unwrap();
    let master = SealingKey::from_bytes(base64url::decode_exact(text.trim_end()).unwrap());
    let retention = Arc::new(RevocationRetention::new(Duration::from_secs(3600)));
    let other_process =
        Keyring::open(Arc::clone(&app.parts.store), master, *app.parts.keys.schedule(), retention, app.now())
            .await
            .unwrap();
    let signing_key = || app.parts.keys.active_keys().signing_key().kid().to_owned();
    let before = signing_key();

    let new = other_process.rotate(ActivateAt::Immediately, &by_system(), app.now()).await.unwrap().id;
    assert_eq!(signing_key(), before);
    run_key_rotation(&app).await;

    assert_eq!(signing_key(), new.as_str());
    assert_ne!(signing_key(), before);
}

#[tokio::test]
async fn a_key_that_cannot_be_opened_is_reported_by_readiness_and_the_log() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOON));
    let (app, _) = app_with_an_ended_session(dir.path(), &clock).await;
    assert!(app.readiness().await.is_empty());

    let damaged = Change::insert_key(damaged_key("damaged"));
    app.parts.store.commit(&[damaged].into()).await.unwrap().applied().unwrap();
    let (logs, _guard) = CapturedLogs::capture(Level::ERROR);
    run_key_rotation(&app).await;

    assert_eq!(app.readiness().await, ["keys"]);
    let log = logs.text();
    assert!(
        log.contains("does not open the key damaged of this store: "),
        "the key and the cause are logged: {log}"
    );
}

#[tokio::test]
async fn no_key_is_rotated_while_a_clock_jump_is_pending() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOON));
    let (app, _) = app_with_an_ended_session(dir.path(), &clock).await;
    app.parts.keys.rotate(ActivateAt::Immediately, &by_system(), app.now()).await.unwrap();
    let before = app.parts.keys.keys().await.unwrap();

    clock.set_wall(NOON + YEAR);
    app.now();
    run_key_rotation(&app).await;
    assert_eq!(app.parts.keys.keys().await.unwrap(), before, "no key is activated or removed");
    clock.advance(CLOCK_JUMP_HOLD_TIME);
    run_key_rotation(&app).await;

    assert_ne!(app.parts.keys.keys().await.unwrap(), before);
}

/// Two removed keys with revisions whose sum overflows.
#[tokio::test]
async fn a_panic_in_key_rotation_does_not_stop_other_jobs() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOON));
    let (app, _) = app_with_an_ended_session(dir.path(), &clock).await;
    for id in ["one", "two"] {
        let overflowing =
            KeyRecord { state: KeyState::Removed, revision: i64::MAX as u64, ..damaged_key(id) };
        app.parts.store.commit(&[Change::insert_key(overflowing)].into()).await.unwrap().applied().unwrap();
    }
    let (before, started) = (panic_count(), std::time::Instant::now());
    clock.advance(YEAR);

    let jobs = start(app.clone());
    while panic_count() == before {
        assert!(started.elapsed() < Duration::from_secs(20), "the panic is counted");
        sleep(PURGE_PAUSE).await;
    }
    run_maintenance(&app).await.unwrap();
    jobs.cancel().await;

    assert_eq!(app.parts.session_cache.revocations().len(), 0, "ended sessions are purged");
}

fn damaged_key(id: &str) -> KeyRecord {
    KeyRecord {
        id: id.parse().unwrap(),
        purpose: KeyPurpose::Signing,
        algorithm: "ES256".into(),
        sealed: vec![7; 64],
        state: KeyState::Retired,
        created_at: NOON,
        changed_at: NOON,
        activated_at: None,
        revision: 0,
    }
}

fn by_system() -> RevocationContext {
    RevocationContext { actor: Actor::System, reason: EndReason::ByAdmin, client_info: ClientInfo::default() }
}

#[test]
fn jitter_is_at_most_twice_its_limit() {
    for _ in 0..100 {
        assert!(random_jitter() <= 2 * JITTER);
    }
}

#[tokio::test]
async fn an_introspected_session_token_counts_as_used() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOON));
    let app = app_with_a_user(dir.path(), &clock).await;
    let session = log_in_with_token(&app).await;
    let token = session.credential.to_string();
    let most_of_idle = session.session.idle - Duration::from_secs(60);

    for _ in 0..3 {
        clock.advance(most_of_idle);
        assert!(introspect(&app, &token, None, app.now()).await.unwrap().is_some());
    }

    clock.advance(session.session.idle);
    assert!(introspect(&app, &token, None, app.now()).await.unwrap().is_none());
}
